"""A budget that is spent on questions holds nobody in a position: what a command needs to know goes in its own lane."""

from __future__ import annotations

from shared.exchanges.base import Budget, Left
from tests.api.running import Api


class NoMoreQuestions:
    """Every question has to wait; all else may go."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    async def take(self, budget: Budget, who: str, lane: str, cost: int = 1, wait_s: float = 0.0) -> float | None:
        if lane != "query" or not budget.by_account:
            return None
        self.refused.append(budget.name)
        return 9.0

    def learn(self, budget: Budget, who: str, told: Left) -> None: ...

    def drain(self, budget: Budget, who: str, for_s: float) -> None: ...


async def test_an_order_and_its_close_go_when_questions_may_not(api: Api, user_id: str) -> None:
    """The order reads the leverage first, and the close looks which side is there."""
    assert (await api.place(user_id)).status == 200  # claimed, and known to the venue
    budgets = NoMoreQuestions()
    api.gateway.rest.budgets = budgets

    placed = await api.place(
        user_id, market_type="market", leverage=7, take_profit={"enabled": True, "price": "90000", "price_type": "last"}
    )
    closed = await api.ask(
        "POST", "/gate/close-futures-order", {"contract": "BTC_USDT", "auto_size": "close_long", "userId": user_id}
    )

    assert (placed.status, closed.status) == (200, 200), (placed.body, closed.body)
    assert [row["outcome"] for row in closed.data["triggers"]] == ["accepted"]
    assert budgets.refused == []
