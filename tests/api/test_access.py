"""Access: every route of the application is tried by those who may not use it. The routes come from the application
itself, so that a new one cannot be forgotten."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api import access, app, openapi
from api.access import ANYBODY, PUBLIC, TABLE
from api.scopes import ADMIN, GRANTABLE, OWN
from api.tokens import fingerprint
from shared.settings import Settings
from tests.api.member import Member, a_member, bearing
from tests.api.running import JWT_SECRET, MASTER_KEY, Api, RedisProcess, Told, running_api
from tests.api.trader import LIMIT, TRIGGERS
from tests.paper.process import PaperProcess

PUBLIC_BY_CONTRACT = {
    "GET /", "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /swagger-ui",
    "POST /api/auth/register", "POST /api/auth/login", "POST /api/auth/refresh", "GET /api/trading/health",
}  # fmt: skip
PAGES = {"GET /swagger-ui/{file}", "GET /console/{file}", "GET /favicon.ico"}


class Asked(NamedTuple):
    name: str
    method: str
    path: str
    """With its parameters filled in."""


def routes() -> list[str]:
    """Every route of the application, as the table names it."""
    made = app.make_app(Settings.from_env({"MASTER_KEYS": MASTER_KEY, "JWT_SECRET": JWT_SECRET}))
    return sorted({access.name_of(route) for route in made.router.routes()})


ROUTES = routes()
CLOSED = [name for name in ROUTES if access.TABLE.get(name, access.CLOSED).needs != PUBLIC]


def filled(name: str, **words: str) -> Asked:
    method, _, path = name.partition(" ")
    return Asked(name, method, re.sub(r"\{(\w+)\}", lambda found: words[found[1]], path))


def nobodys(name: str) -> Asked:
    return filled(name, venue="gate", user_id="alice", id="12345", symbol="BTC_USDT", file="swagger.js")


def test_every_route_has_a_row() -> None:
    """One without is closed to gateway keys, and somebody should decide what it needs."""
    assert set(ROUTES) - TABLE.keys() == set()
    assert TABLE.keys() - set(ROUTES) == set(), "the table has rows for routes that are not there"


def test_what_is_public_is_what_the_contract_says() -> None:
    public = {name for name in ROUTES if TABLE[name].needs == PUBLIC}
    assert {name for name in public if not name.startswith("GET /api/market/")} == PUBLIC_BY_CONTRACT | PAGES


def test_the_document_says_the_same() -> None:
    """A route is public in both or in neither."""
    for path, methods in openapi.document()["paths"].items():
        for method, said in methods.items():
            name = f"{method.upper()} {path}"
            assert (said["security"] == []) == (TABLE[name].needs == PUBLIC), name


@pytest.fixture
async def member(api: Api) -> Member:
    member = await a_member(api)
    await member.ready()
    return member


def unsigned(user_id: str, **more: Any) -> str:
    """A token that says of itself that it needs no signature."""

    def part(said: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'} | more)}.{part(claims_of(user_id))}."


def claims_of(user_id: str, **more: Any) -> dict[str, Any]:
    """An administrator's; None leaves something out."""
    said = {
        "iss": "orderwire", "sub": user_id, "aud": "api", "iat": 1_700_000_000, "exp": 9_000_000_000,
        "scopes": ["admin"], **more,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def forged(api: Api, user_id: str) -> dict[str, dict[str, str]]:
    """What somebody without a right token may come up with, by what is wrong with it."""
    auth, kid = api.gateway.auth, fingerprint(JWT_SECRET.encode())

    def signed(secret: Any, algorithm: str = "HS256", kid: str | None = kid, **more: Any) -> str:
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(claims_of(user_id, **more), secret, algorithm, headers)

    assert signed(JWT_SECRET)  # what is right but for one thing below
    wrong = {
        "expired": auth.token(user_id, -1),
        "for streams": auth.token(user_id, 60, audience="stream"),
        "for others": auth.token(user_id, 60, audience="somewhere-else"),
        "of another issuer": signed(JWT_SECRET, iss="somebody-else"),
        "without issuer": signed(JWT_SECRET, iss=None),
        "without expiry": signed(JWT_SECRET, exp=None),
        "from the future": signed(JWT_SECRET, iat=8_999_999_999),
        "of another secret": signed("another secret that is as long as the right one is"),
        "of an unknown key": signed(JWT_SECRET, kid="k9"),
        "of another algorithm": signed(JWT_SECRET, "HS512"),
        "signed with our key's id by another kind of key": signed(Ed25519PrivateKey.generate(), "EdDSA"),
        "alg none": unsigned(user_id),
        "alg none with a key's id": unsigned(user_id, kid=kid),
        "alg NONE": unsigned(user_id, alg="NONE"),
        "of a login that ended": auth.token(user_id, 60, standing="login:0123456789abcdef"),
        "of a standing that is none": auth.token(user_id, 60, standing="everything"),
        "no token": "x.y.z",
        "empty": "",
        "a key of nobody": "owk_aaaaaaaaaaaaaaaa_" + "x" * 43,
        "not even a key": "owk_",
    }
    return {what: {"Authorization": f"Bearer {token}"} for what, token in wrong.items()} | {
        "none at all": {},
        "another scheme": {"Authorization": "Basic YWxpY2U6c2VjcmV0"},
        "venue keys of nobody": {"api-key": "f" * 32, "api-secret": "0" * 64},
        "half of a key": {"api-key": "f" * 32},
    }


async def ask(api: Api, asked: Asked, headers: dict[str, str], raw: bytes = b"{") -> Told:
    return await api.ask(asked.method, asked.path, raw=b"" if asked.method == "GET" else raw, headers=headers)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")  # one of them is signed with HS512
async def test_no_closed_route_opens_to_a_credential_that_is_none(api: Api, member: Member) -> None:
    """Whatever its body: who asks comes before what is asked. Twenty-four credentials on every closed route."""
    assert len(CLOSED) > 30
    for what, headers in forged(api, member.user_id).items():
        for name in CLOSED:
            told = await ask(api, nobodys(name), headers)
            assert told.status == 401, (what, name, told.status, told.body)


async def test_a_right_token_is_right_but_for_those_things(api: Api, member: Member) -> None:
    """Else the test above would show nothing."""
    kid = fingerprint(JWT_SECRET.encode())
    token = jwt.encode(claims_of(member.user_id), JWT_SECRET, "HS256", {"kid": kid})
    unnamed = jwt.encode(claims_of(member.user_id), JWT_SECRET, "HS256")
    for right in (token, unnamed):
        assert (await api.ask("GET", "/api/v1/workers", headers=bearing(right))).status == 200


async def test_a_key_opens_what_its_scopes_say_and_nothing_else(api: Api, member: Member) -> None:
    """Each scope alone on every closed route: 403 where it is not the one that is needed, and never elsewhere."""
    await api.gateway.store.logins.replace(
        login := (await api.gateway.store.logins.get(member.name)) or pytest.fail(),
        type(login)(**{**{f: getattr(login, f) for f in login.__struct_fields__}, "is_admin": True}),
    )
    said = {"username": member.name, "password": "a battery, a staple and a horse"}
    member.tokens = (await api.ask("POST", "/api/auth/login", said, headers={})).json
    for scope in GRANTABLE:
        headers = bearing((await member.key(scope))["key"])
        for name in CLOSED:
            told = await ask(api, nobodys(name), headers)
            needs = TABLE[name].needs
            if needs in (scope, ANYBODY):
                assert told.status != 403, (scope, name, told.body)
            else:
                assert (told.status, told.error["code"]) == (403, "not_allowed"), (scope, name, told.body)


async def test_a_plain_login_may_do_all_but_what_administrators_do(api: Api, member: Member) -> None:
    for name in CLOSED:
        if name == "POST /api/auth/logout":
            continue
        told = await ask(api, nobodys(name), member.headers)
        assert (told.status == 403) == (TABLE[name].needs == ADMIN), (name, told.status, told.body)
        assert told.status != 401 or "{venue}" in name, (name, told.body)


async def test_venue_keys_do_not_open_what_takes_a_login(api: Api, user_id: str) -> None:
    await api.place(user_id)
    for name in CLOSED:
        if TABLE[name].needs in (OWN, ADMIN):
            assert (await ask(api, nobodys(name), api.keys)).status == 403, name


async def test_what_is_anothers_is_not_there(api: Api, member: Member) -> None:
    """Every route that names something, tried by somebody else with what is this member's."""
    order = (await member.ask("POST", "/api/trading/orders", LIMIT)).json["order"]
    words = {"symbol": "BTC_USDT", "side": "sell", "stop_price": "55000", "rule": "at_or_below", "quantity": 1}
    trigger = (await member.ask("POST", TRIGGERS, words)).json["trigger"]
    key = await member.key("orders:read")
    stranger = await a_member(api)
    await stranger.ready()
    ids = {"orders": order["id"], "positions": "BTC_USDT", "triggers": trigger["id"], "keys": key["id"]}
    tried = 0
    for name in CLOSED:
        if "{user_id}" not in name and "{id}" not in name:
            continue
        kind = name.split("/")[-2] if name.endswith("{id}") else name.split("/")[-3]
        asked = filled(name, user_id=member.user_id, id=ids.get(kind, ""))
        told = await ask(api, asked, stranger.headers, raw=b'{"price":"59000"}' if asked.method == "PATCH" else b"")
        assert told.status == 404 or (kind == "positions" and told.status == 409), (name, told.status, told.body)
        tried += 1
    assert tried >= 10
    for path in (f"/api/v1/events?user_id={member.user_id}", f"/api/trading/orders?account_id={order['account_id']}"):
        assert (await stranger.ask("GET", path)).status == 404
    elsewhere = LIMIT | {"account_id": order["account_id"]}
    assert (await stranger.ask("POST", "/api/trading/orders", elsewhere)).status == 404
    assert (await stranger.ask("POST", "/api/auth/ticket", {"user_id": member.user_id})).status == 404
    assert (await member.ask("GET", f"/api/trading/orders/{order['id']}")).json["order"]["status"] == "open"


def test_a_route_that_nobody_decided_on_is_closed_to_keys() -> None:
    made = web.Application()

    async def nothing(request: web.Request) -> web.Response:
        return web.Response()

    route = made.router.add_get("/api/v1/new", nothing)
    assert access.row_of(route).needs == OWN


# Keys that sign.


@pytest.fixture
async def rotated(api_redis: RedisProcess, api_paper: PaperProcess) -> AsyncIterator[Api]:
    """A gateway that signs with Ed25519 now, and whose secret of before is one of its keys."""
    keys = [
        f"j2:eddsa:{base64.b64encode(b'2' * 32).decode()}",
        f"j1:hs256:{base64.b64encode(JWT_SECRET.encode()).decode()}",
    ]
    said = {"JWT_SECRET": "", "JWT_KEYS": ",".join(keys), "PAPER_PORT": str(api_paper.port)}
    async with running_api(api_redis.url, **said) as rotated:
        yield rotated


async def test_signing_keys_are_replaced_while_logins_last(api: Api, rotated: Api, member: Member) -> None:
    """Tokens of the secret are read after the move, and new ones are signed with the new key."""
    assert jwt.get_unverified_header(member.tokens["access_token"])["alg"] == "HS256"
    assert (await rotated.ask("GET", "/api/auth/me", headers=member.headers)).status == 200
    said = {"refresh_token": member.tokens["refresh_token"]}
    token = (await rotated.ask("POST", "/api/auth/refresh", said, headers={})).json["access_token"]
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": "j2"}
    assert (await rotated.ask("GET", "/api/auth/me", headers=bearing(token))).status == 200
    assert (await api.ask("GET", "/api/auth/me", headers=bearing(token))).status == 401


async def test_a_public_key_is_no_secret(rotated: Api, member: Member) -> None:
    """Signed as if the Ed25519 key that everybody may know were a secret of HS256."""
    public = Ed25519PrivateKey.from_private_bytes(b"2" * 32).public_key().public_bytes_raw()
    token = jwt.encode(claims_of(member.user_id), public, "HS256", {"kid": "j2"})
    assert (await rotated.ask("GET", "/api/auth/me", headers=bearing(token))).status == 401
    unnamed = jwt.encode(claims_of(member.user_id), JWT_SECRET, "HS256")
    assert (await rotated.ask("GET", "/api/auth/me", headers=bearing(unnamed))).status == 401
