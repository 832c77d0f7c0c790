"""Claims: a user id belongs to the first credentials that used it, and what is theirs is nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.api.running import Api, RedisProcess, running_api
from tests.paper.process import PaperProcess

NewKeys = Callable[[], dict[str, str]]


async def test_other_credentials_for_a_claimed_id_are_refused(api: Api, user_id: str, new_keys: NewKeys) -> None:
    mine = await api.place(user_id)
    other = api.holding(new_keys())

    theirs = await other.place(user_id)
    assert theirs.status == 403 and theirs.error["code"] == "not_allowed"
    order_id = mine.data["order"]["id"]
    assert (await other.ask("GET", f"/gate/get-futures-order?trade_id={order_id}")).status == 404
    assert (await other.ask("DELETE", f"/gate/cancel-futures-order?trade_id={order_id}")).status == 404
    closing = {"contract": "BTC_USDT", "auto_size": "close_long", "userId": user_id}
    assert (await other.ask("POST", "/gate/close-futures-order", closing)).status == 403
    assert (await other.ask("POST", "/api/auth/ticket", {"user_id": user_id})).status in (401, 404)
    assert (await other.ask("GET", f"/sse/orders/{user_id}")).status in (401, 404)
    assert (await api.ask("GET", f"/gate/get-futures-order?trade_id={order_id}")).data["order"]["status"] == "open"


async def test_a_stranger_with_accounts_of_their_own_finds_nothing(api: Api, user_id: str, new_keys: NewKeys) -> None:
    """Known credentials, but not this user's: not there, rather than not allowed."""
    await api.place(user_id)
    other = api.holding(new_keys())
    await other.place(f"{user_id}-other")
    assert (await other.ask("GET", f"/sse/orders/{user_id}")).status == 404
    assert (await other.ask("POST", "/api/auth/ticket", {"user_id": user_id})).status == 404
    sessions = (await other.ask("GET", "/api/v1/sessions")).json["sessions"]
    assert [entry["user_id"] for entry in sessions] == [f"{user_id}-other"]


async def test_a_wrong_secret_is_the_venues_refusal_and_claims_nothing(
    api: Api, user_id: str, new_keys: NewKeys
) -> None:
    """Somebody's typing error must not lock the name for those who have the right keys."""
    keys = new_keys()
    wrong = await api.holding({**keys, "api-secret": "0" * 64}).place(user_id)
    assert wrong.status == 401 and wrong.error["venue"]["code"] == "INVALID_SIGNATURE"
    unknown = await api.holding({"api-key": "f" * 32, "api-secret": "0" * 64}).place(user_id)
    assert unknown.status == 401 and unknown.error["venue"]["code"] == "INVALID_KEY"
    assert await api.gateway.store.users.get(user_id) is None
    assert await api.gateway.store.accounts.of_user(user_id) == []

    right = await api.holding(keys).place(user_id)
    assert right.status == 200
    wrong = await api.holding({**keys, "api-secret": "0" * 64}).place(user_id)
    assert wrong.status == 401 and wrong.error["venue"]["code"] == "INVALID_SIGNATURE"


async def test_two_who_claim_at_once_leave_one_owner(
    api: Api, user_id: str, new_keys: NewKeys, api_redis: RedisProcess, api_paper: PaperProcess
) -> None:
    """The loser is refused and leaves no account behind."""
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port)) as second:
        contenders = [api.holding(new_keys()), second.holding(new_keys()), api.holding(new_keys())]
        answers = await asyncio.gather(*(contender.place(user_id) for contender in contenders))

    assert sorted(answer.status for answer in answers) == [200, 403, 403]
    assert len(await api.gateway.store.accounts.of_user(user_id)) == 1


async def test_a_token_adds_one_more_account(api: Api, user_id: str, new_keys: NewKeys) -> None:
    """With their own token a user brings other keys; with somebody else's nobody does."""
    await api.place(user_id)
    token = api.gateway.auth.token(user_id, 60)
    second = api.holding({**new_keys(), "Authorization": f"Bearer {token}"})
    assert (await second.place(user_id)).status == 200
    assert len(await api.gateway.store.accounts.of_user(user_id)) == 2

    stranger = api.gateway.auth.token("somebody-else", 60)
    third = api.holding({**new_keys(), "Authorization": f"Bearer {stranger}"})
    assert (await third.place(user_id)).status == 403
    forged = api.holding({**new_keys(), "Authorization": "Bearer " + "x.y.z"})
    assert (await forged.place(user_id)).status == 401


async def test_a_token_that_is_nobodys_is_refused_beside_good_keys(api: Api, user_id: str) -> None:
    """On every route alike, and before the body is looked at."""
    placed = await api.place(user_id)
    trade = f"trade_id={placed.data['order']['id']}"
    asked: list[tuple[str, str, bytes]] = [
        ("POST", "/gate/place-futures-order", b"{"), ("POST", "/gate/place-futures-order", b"{}"),
        ("POST", "/gate/close-futures-order", b'{"contract":"BTC_USDT","auto_size":"close_long"}'),
        ("DELETE", f"/gate/cancel-futures-order?{trade}", b""), ("GET", f"/gate/get-futures-order?{trade}", b""),
        ("GET", f"/sse/orders/{user_id}", b""), ("GET", "/api/v1/events", b""), ("GET", "/api/v1/sessions", b""),
        ("POST", "/api/auth/ticket", b"{"), ("GET", "/api/v1/workers", b""), ("GET", "/api/v1/nothing", b""),
    ]  # fmt: skip
    stale = api.gateway.auth.token(user_id, -60)
    for said in ("Bearer x.y.z", f"Bearer {stale}", "Bearer"):
        for method, path, raw in asked:
            told = await api.ask(method, path, raw=raw, headers={**api.keys, "Authorization": said})
            assert (told.status, told.error["code"]) == (401, "not_authenticated"), (said, path, told.body)

    stranger = {**api.keys, "Authorization": f"Bearer {api.gateway.auth.token('somebody-else', 60)}"}
    closing = {"contract": "BTC_USDT", "auto_size": "close_long", "userId": user_id}
    assert (await api.ask("POST", "/gate/close-futures-order", closing, headers=stranger)).status == 403


async def first_bytes(api: Api, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """The status of a stream, and the cookie that it sets."""
    async with api.client.get(api.url + path, headers=headers) as answer:
        if answer.status == 200:
            await answer.content.readline()
        return answer.status, answer.headers.get("Set-Cookie", "")


async def test_who_may_follow_a_stream(api: Api, user_id: str) -> None:
    """A ticket opens once and leaves a cookie for the browser's own reconnect; keys and tokens open always."""
    placed = await api.place(user_id)
    path = placed.data["stream"]["url"]
    ticket = placed.data["stream"]["ticket"]

    status, cookie = await first_bytes(api, f"{path}?ticket={ticket}", {})
    assert status == 200 and "HttpOnly" in cookie and f"Path={path}" in cookie
    assert (await first_bytes(api, f"{path}?ticket={ticket}", {}))[0] == 401
    assert (await first_bytes(api, f"{path}?ticket={ticket}", {"Cookie": cookie.partition(";")[0]}))[0] == 200
    assert (await first_bytes(api, path, {"Cookie": "ow_stream=forged"}))[0] == 401
    assert (await first_bytes(api, path, api.keys))[0] == 200
    token = api.gateway.auth.token(user_id, 60)
    assert (await first_bytes(api, path, {"Authorization": f"Bearer {token}"}))[0] == 200
    as_cookie = api.gateway.auth.token(user_id, 60, audience="stream")
    assert (await first_bytes(api, path, {"Authorization": f"Bearer {as_cookie}"}))[0] == 401
    assert (await first_bytes(api, path, {}))[0] == 401
    stale = api.gateway.auth.token(user_id, -60)
    assert (await first_bytes(api, path, {"Authorization": f"Bearer {stale}"}))[0] == 401


async def test_a_user_whom_nobody_claimed_is_not_found(api: Api, user_id: str) -> None:
    """But only those who are known are told so."""
    token = api.gateway.auth.token("nobody-yet", 60)
    assert (await first_bytes(api, "/sse/orders/nobody-yet", {"Authorization": f"Bearer {token}"}))[0] == 404
    assert (await first_bytes(api, "/sse/orders/nobody-yet", {}))[0] == 401
    wrong_ticket = await first_bytes(api, "/sse/orders/nobody-yet?ticket=guess", {})
    assert wrong_ticket[0] == 401


async def test_a_ticket_is_made_for_the_caller(api: Api, user_id: str) -> None:
    await api.place(user_id)
    made = await api.ask("POST", "/api/auth/ticket")
    assert made.json["expires_in"] == 30 and made.json["url"] == f"/sse/orders/{user_id}"
    assert (await first_bytes(api, f"{made.json['url']}?ticket={made.json['ticket']}", {}))[0] == 200
    assert (await api.ask("POST", f"/api/auth/ticket?user_id={user_id}")).status == 200
    assert (await api.ask("POST", "/api/auth/ticket", headers={})).status == 401


async def test_admin_routes_are_for_administrators(api: Api, user_id: str) -> None:
    await api.place(user_id)
    assert (await api.ask("GET", "/api/v1/workers", headers={})).status == 401
    assert (await api.ask("GET", "/api/v1/workers")).status == 403
    plain = {"Authorization": f"Bearer {api.gateway.auth.token(user_id, 60)}"}
    assert (await api.ask("GET", "/api/v1/workers", headers=plain)).status == 403
    admin = {"Authorization": f"Bearer {api.gateway.auth.token('root', 60, ('admin',))}"}
    assert (await api.ask("GET", "/api/v1/workers", headers=admin)).json == {"workers": []}


async def test_a_ticket_or_cookie_of_another_user_opens_nothing(api: Api, user_id: str, new_keys: NewKeys) -> None:
    await api.place(user_id)
    other = api.holding(new_keys())
    ticket = (await other.place(f"{user_id}-b")).data["stream"]["ticket"]
    assert (await first_bytes(api, f"/sse/orders/{user_id}?ticket={ticket}", {}))[0] == 404
    cookie = api.gateway.auth.token(f"{user_id}-b", 60, audience="stream")
    assert (await first_bytes(api, f"/sse/orders/{user_id}", {"Cookie": f"ow_stream={cookie}"}))[0] == 401
