"""Redis away: nothing is placed that cannot be written down, reads say when to come back, and one can still leave."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from tests.api.running import Api, RedisProcess, running_api, until
from tests.paper.process import PaperProcess


async def test_without_redis_one_can_still_leave_the_market(
    fragile_redis: RedisProcess, api_paper: PaperProcess, new_keys: Callable[[], dict[str, str]], user_id: str
) -> None:
    """Placing is refused with nothing sent; cancel and close go through; all is well again when Redis is."""
    async with running_api(fragile_redis.url, PAPER_PORT=str(api_paper.port)) as api:
        api.keys = new_keys()
        resting = (await api.place(user_id)).data["order"]
        await api.place(user_id, market_type="market", size=2)
        fragile_redis.stop()

        await reads_say_when_to_come_back(api, resting["id"])
        refused = await api.place(user_id, size=5)
        assert refused.status == 503 and refused.error["code"] == "store_unavailable"
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await api.place(f"{user_id}-new")).status == 503

        cancelled = await api.ask("DELETE", f"/gate/cancel-futures-order?trade_id={resting['id']}")
        assert cancelled.data["trade_id"]["outcome"] == "accepted"
        closing = {"contract": "BTC_USDT", "auto_size": "close_long", "userId": user_id}
        closed = await api.ask("POST", "/gate/close-futures-order", closing)
        assert closed.data["order"]["status"] == "filled"
        without_user = await api.ask("POST", "/gate/close-futures-order", {**closing, "userId": f"{user_id}-x"})
        assert without_user.error["venue"]["code"] == "POSITION_EMPTY"

        fragile_redis.start()

        async def places() -> bool:
            return (await api.place(user_id)).status == 200

        await until(places, "orders are placed again")


async def reads_say_when_to_come_back(api: Api, order_id: str) -> None:
    for path in (f"/gate/get-futures-order?trade_id={order_id}", "/api/v1/sessions", "/readyz"):
        told = await api.ask("GET", path)
        assert told.status == 503 and int(told.headers["Retry-After"]) >= 1, (path, told.body)
    assert (await api.ask("GET", "/healthz")).status == 200
    assert (await api.ask("GET", "/api/market/ticker/BTC_USDT", headers={})).status == 200


async def test_a_process_may_start_before_its_redis(
    fragile_redis: RedisProcess, api_paper: PaperProcess, new_keys: Callable[[], dict[str, str]], user_id: str
) -> None:
    """Supervisors start everything at once."""
    fragile_redis.stop()
    async with running_api(fragile_redis.url, PAPER_PORT=str(api_paper.port)) as api:
        api.keys = new_keys()
        assert (await api.ask("GET", "/readyz")).status == 503
        assert (await api.place(user_id)).status == 503
        fragile_redis.start()

        async def places() -> bool:
            return (await api.place(user_id)).status == 200

        await until(places, "orders are placed")


async def test_a_silent_redis_is_left_within_seconds(
    fragile_redis: RedisProcess, api_paper: PaperProcess, new_keys: Callable[[], dict[str, str]], user_id: str
) -> None:
    """One that is there but does not answer must not hold callers; a close goes through all the same."""
    async with running_api(fragile_redis.url, PAPER_PORT=str(api_paper.port)) as api:
        api.keys = new_keys()
        await api.place(user_id, market_type="market", size=2)
        assert fragile_redis.process is not None
        fragile_redis.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(8):
                assert (await api.place(user_id)).status == 503
            closing = {"contract": "BTC_USDT", "auto_size": "close_long", "userId": user_id}
            async with asyncio.timeout(8):
                closed = await api.ask("POST", "/gate/close-futures-order", closing)
            assert closed.data["order"]["status"] == "filled"
        finally:
            fragile_redis.process.send_signal(signal.SIGCONT)

        async def places() -> bool:
            return (await api.place(user_id)).status == 200

        await until(places, "orders are placed again")
