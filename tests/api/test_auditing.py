"""What a request comes to in the audit log: who, with what, from where, what was ordered, and how it ended."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from api.access import TABLE
from api.scopes import ORDERS_WRITE
from tests.api.member import Member, a_member, bearing, log_in
from tests.api.running import Api, StubVenue, refuse, until
from tests.api.trader import LIMIT, ORDERS, TRIGGERS


@pytest.fixture
async def member(api: Api) -> Member:
    member = await a_member(api)
    await member.ready()
    return member


async def entries(api: Api, user_id: str, what: str = "") -> list[dict[str, Any]]:
    """Of this user, as soon as all is written."""

    async def is_written() -> bool:
        return len(api.gateway.store.audit) == 0

    await until(is_written, "the log is written")
    said = [msgspec.json.decode(entry.said) async for entry in api.gateway.store.audit.entries()]
    return [entry for entry in said if entry.get("user") == user_id and entry["what"].startswith(what)]


def test_every_route_that_changes_something_at_a_venue_is_told() -> None:
    assert [name for name, row in TABLE.items() if (row.needs == ORDERS_WRITE) != (row.told is not None)] == []


async def test_a_users_life_is_written_down(api: Api, member: Member) -> None:
    await log_in(api, member.name, "not the right one")
    member.tokens = (await log_in(api, member.name)).json
    made = await member.key("orders:read", label="bot")
    await api.ask("GET", ORDERS, headers=bearing(made["key"]))
    await member.ask("DELETE", f"/api/auth/keys/{made['id']}")
    old = member.tokens["refresh_token"]
    await api.ask("POST", "/api/auth/refresh", {"refresh_token": old}, headers={})
    await api.ask("POST", "/api/auth/refresh", {"refresh_token": old}, headers={})

    told = await entries(api, member.user_id)
    assert [entry["what"] for entry in told] == [
        "user.registered", "account.added", "login", "key.made", "key.used", "key.revoked",
    ]  # fmt: skip
    assert {entry["from"] for entry in told if "from" in entry} == {"127.0.0.1"}
    assert told[3]["key"] == told[5]["key"] == made["id"] and told[3]["scopes"] == ["orders:read"]
    said = [msgspec.json.decode(entry.said) async for entry in api.gateway.store.audit.entries()]
    by_name = [entry["what"] for entry in said if entry.get("name") == member.name]
    assert by_name == ["user.registered", "login.failed", "login", "login.reused"]


async def test_orders_are_written_down_with_who_and_what(api: Api, member: Member) -> None:
    """By token and by key alike; the words come from the answer, so that they are what became of it."""
    placed = (await member.ask("POST", ORDERS, LIMIT, **{"X-Request-Id": "my-request"})).json["order"]
    bot = bearing((await member.key("orders:write"))["key"])
    await api.ask("PATCH", f"{ORDERS}/{placed['id']}", {"price": "59000"}, headers=bot)
    await api.ask("DELETE", f"{ORDERS}/{placed['id']}", headers=bot)
    await member.ask("POST", ORDERS, LIMIT | {"quantity": 0})
    await member.ask("POST", f"{ORDERS}/batch", {"orders": [LIMIT, LIMIT | {"price": "1"}]})
    await member.ask("DELETE", ORDERS)
    await member.ask("POST", TRIGGERS, {"symbol": "BTC_USDT", "side": "sell", "stop_price": "x"})

    place, amend, cancel, wrong, batch, all_gone = await entries(api, member.user_id, "order.")
    assert (place["what"], place["outcome"], place["status"], place["request"]) == (
        "order.place", "accepted", 200, "my-request",
    )  # fmt: skip
    kept = {"id": placed["id"], "symbol": "BTC_USDT", "side": "buy", "size": "1", "price": "60000", "type": "limit"}
    assert place["order"].items() >= kept.items() and place["account"] == placed["account_id"]
    assert place["by"].startswith("login:") and amend["by"].startswith("key:")
    assert (amend["what"], amend["order"]["price"], amend["named"]) == ("order.amend", "59000", placed["id"])
    assert (cancel["what"], cancel["outcome"]) == ("order.cancel", "accepted")
    assert (wrong["status"], wrong["error"]) == (422, "bad_request") and "outcome" not in wrong
    assert [one["outcome"] for one in batch["each"]] == ["accepted", "rejected"] and batch["each"][1]["error"]
    assert (all_gone["what"], all_gone["outcome"], all_gone["id"]) == (
        "order.cancel_all", "accepted", batch["each"][0]["order"]["id"],
    )  # fmt: skip
    (trigger,) = await entries(api, member.user_id, "trigger.")
    assert (trigger["what"], trigger["error"]) == ("trigger.place", "bad_request")


async def test_orders_by_venue_keys_are_written_down_too(api: Api, user_id: str) -> None:
    placed = (await api.place(user_id)).data["order"]
    await api.ask("DELETE", f"/gate/cancel-futures-order?trade_id={placed['id']}")
    closing = {"contract": "BTC_USDT", "auto_size": "close_long", "userId": user_id}
    await api.ask("POST", "/gate/close-futures-order", closing)
    added, place, cancel, close = await entries(api, user_id)
    assert (added["what"], added["account"]) == ("account.added", placed["account_id"])
    assert (place["what"], place["by"], place["order"]["id"]) == ("order.place", "venue keys", placed["id"])
    assert (cancel["what"], cancel["named"], cancel["outcome"]) == ("order.cancel", placed["id"], "accepted")
    assert close["what"] == "position.close"


async def test_how_it_did_not_end_is_told_by_the_venues_word(stub_api: Api, venue: StubVenue, user_id: str) -> None:
    """A refusal, and an outcome that nobody knows yet."""
    await stub_api.place(user_id)
    venue.answers["POST", "futures/usdt/orders"] = refuse({"label": "INSUFFICIENT_AVAILABLE"}, 400)
    await stub_api.place(user_id)
    venue.answers["POST", "futures/usdt/orders"] = refuse({"label": "SERVER_ERROR"}, 500)
    await stub_api.place(user_id)
    _, refused, unknown = await entries(stub_api, user_id, "order.place")
    assert (refused["outcome"], refused["error"]) == ("rejected", "INSUFFICIENT_AVAILABLE")
    assert (unknown["outcome"], unknown["status"]) == ("unknown", 202)


async def test_an_order_does_not_wait_for_the_log(stub_api: Api, user_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered while nothing at all can be written."""
    await stub_api.place(user_id)
    monkeypatch.setattr(stub_api.gateway.store.audit, "_flush", lambda: None)
    assert (await stub_api.place(user_id)).status == 200
    assert len(stub_api.gateway.store.audit) >= 1
