"""Users: registering, logging in, staying logged in, and what is told to whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from api.passwords import Passwords
from shared.store.logins import Login
from tests.api.member import PASSWORD, Member, a_member, bearing, log_in, new_name
from tests.api.running import Api, RedisProcess, running_api, until
from tests.api.trader import LIMIT, ORDERS
from tests.paper.process import PaperProcess


@pytest.fixture
async def member(api: Api) -> Member:
    return await a_member(api)


async def test_who_registers_can_trade_at_once_with_paper_money(api: Api, member: Member) -> None:
    """The account comes by itself, and its one account need not be named."""
    me = await member.me()
    assert (me["id"], me["username"], me["admin"]) == (member.user_id, member.name, False)
    account_id = await member.ready()

    placed = await member.ask("POST", ORDERS, LIMIT)
    assert placed.status == 200, placed.body
    assert (placed.json["order"]["user_id"], placed.json["order"]["account_id"]) == (member.user_id, account_id)
    (session,) = (await member.ask("GET", "/api/v1/sessions")).json["sessions"]
    assert (session["account_id"], session["wish"]) == (account_id, "open")
    async with api.client.get(f"{api.url}/sse/orders/{me['id']}", headers=member.headers) as stream:
        assert stream.status == 200


async def test_a_login_is_answered_as_the_contract_says(api: Api, member: Member) -> None:
    told = await log_in(api, member.name.upper())
    assert told.status == 200 and told.json.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert told.json["token_type"] == "Bearer" and told.json["expires_in"] > 0
    assert told.headers["Cache-Control"] == "no-store"
    me = await api.ask("GET", "/api/auth/me", headers=bearing(told.json["access_token"]))
    assert me.json["id"] == member.user_id


async def test_a_name_is_taken_once(api: Api, member: Member) -> None:
    """In whatever letters, and by whoever is first of many at once."""
    for name in (member.name, member.name.upper()):
        told = await api.ask("POST", "/api/auth/register", {"username": name, "password": PASSWORD}, headers={})
        assert (told.status, told.error["code"]) == (409, "name_taken") and "username" in told.fields
    said = {"username": new_name(), "password": PASSWORD}
    many = await asyncio.gather(*(api.ask("POST", "/api/auth/register", said, headers={}) for _ in range(4)))
    assert sorted(told.status for told in many) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"username": "weak-1", "password": "short"}, "password"),
        ({"username": "weak-1", "password": "Password123"}, "password"),
        ({"username": "weak-1", "password": "12345678"}, "password"),
        ({"username": "weak-1", "password": "aaaaaaaaaaaa"}, "password"),
        ({"username": "weak-name", "password": "Weak-Name1"}, "password"),
        ({"username": "weak-1", "password": "x" * 300}, "password"),
        ({"username": "weak-1", "password": 12345678901}, "password"),
        ({"username": "weak-1"}, "password"),
        ({"username": "two words", "password": PASSWORD}, "username"),
        ({"username": "", "password": PASSWORD}, "username"),
        ({"username": "a" * 65, "password": PASSWORD}, "username"),
        ({"username": "weak-1", "password": PASSWORD, "is_admin": True}, "is_admin"),
    ],
)
async def test_what_is_wrong_with_a_registration_is_told_by_field(
    api: Api, said: dict[str, object], field: str
) -> None:
    """And never with the password in it."""
    told = await api.ask("POST", "/api/auth/register", said, headers={})
    assert told.status == 422 and list(told.fields) == [field], told.body
    assert PASSWORD not in told.body.decode() and "12345678" not in told.body.decode()


async def test_a_wrong_password_and_an_unknown_name_are_one_refusal(api: Api, member: Member) -> None:
    """Nobody learns from it who is registered; neither do odd names break anything."""
    wrong = await log_in(api, member.name, "something else entirely")
    unknown = [await log_in(api, name) for name in (new_name(), "two words", "ünknown", "\ud800", "a" * 256)]
    assert wrong.status == 401 and wrong.error["code"] == "wrong_login"
    assert {told.body for told in unknown} == {wrong.body}


async def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    """The same work is done for both, which is all but a few hundredths of the time."""
    passwords = Passwords()
    known = await passwords.hash(PASSWORD)

    async def took_s(against: str | None) -> float:
        times = []
        for _ in range(7):
            begun_s = time.perf_counter()
            assert not await passwords.matches(against, "something else")
            times.append(time.perf_counter() - begun_s)
        return min(times)

    assert not await passwords.matches(None, "something else")
    ratio = await took_s(None) / await took_s(known)
    passwords.close()
    assert 0.6 < ratio < 1.6


async def test_a_name_that_cannot_be_right_is_not_let_through(api: Api, member: Member) -> None:
    """For nobody's hash, even nobody's password is wrong."""
    passwords = api.gateway.users._passwords
    assert not await passwords.matches(None, PASSWORD)
    nobodys = passwords._nobodys
    assert nobodys is not None and nobodys.startswith("$argon2id$")


async def test_passwords_are_kept_as_argon2id(api: Api, member: Member) -> None:
    login = await api.gateway.store.logins.get(member.name)
    assert login is not None and login.password.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert login.password not in repr(login)


async def test_a_hash_with_older_costs_is_made_anew_at_the_next_login(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.passwords.MEMORY_KIB", 20 * 1024)
    assert (await log_in(api, member.name)).status == 200
    login = await api.gateway.store.logins.get(member.name)
    assert login is not None and "m=20480," in login.password
    assert (await log_in(api, member.name)).status == 200


# Staying logged in.


async def test_a_refresh_token_works_once_and_ends_the_login_when_it_comes_again(api: Api, member: Member) -> None:
    """Somebody else has it then, and nobody can know who of the two is right."""
    first = member.tokens["refresh_token"]

    async def refresh(token: str) -> tuple[int, dict[str, str]]:
        told = await api.ask("POST", "/api/auth/refresh", {"refresh_token": token}, headers={})
        return told.status, told.json

    status, second = await refresh(first)
    assert status == 200 and second["refresh_token"] != first
    assert (await api.ask("GET", "/api/auth/me", headers=bearing(second["access_token"]))).status == 200
    assert (await refresh(first))[0] == 401

    assert (await refresh(second["refresh_token"]))[0] == 401
    for token in (member.tokens["access_token"], second["access_token"]):
        assert (await api.ask("GET", "/api/auth/me", headers=bearing(token))).status == 401
    other = await log_in(api, member.name)
    assert (await api.ask("GET", "/api/auth/me", headers=bearing(other.json["access_token"]))).status == 200


async def test_two_who_refresh_at_once_are_not_both_believed(api: Api, member: Member) -> None:
    said = {"refresh_token": member.tokens["refresh_token"]}
    told = await asyncio.gather(*(api.ask("POST", "/api/auth/refresh", said, headers={}) for _ in range(3)))
    assert sorted(one.status for one in told)[1:] == [401, 401]
    assert (await member.ask("GET", "/api/auth/me")).status == 401


@pytest.mark.parametrize("token", ["x", "owr_", "owr_abc", "owr_abc_", "owr_0123456789abcdef_x", "owr_\u00e9_x"])
async def test_what_is_no_refresh_token_is_refused(api: Api, token: str) -> None:
    told = await api.ask("POST", "/api/auth/refresh", {"refresh_token": token}, headers={})
    assert told.status == 401 and told.error["code"] == "not_authenticated"


async def test_logging_out_ends_the_tokens_and_the_streams_of_that_login(
    api: Api, api_redis: RedisProcess, member: Member
) -> None:
    """In every process, within a second, and of no other login."""
    other = (await log_in(api, member.name)).json
    async with (
        running_api(api_redis.url) as second,
        second.client.get(f"{second.url}/sse/orders/{member.user_id}", headers=member.headers) as stream,
        second.client.get(
            f"{second.url}/sse/orders/{member.user_id}", headers=bearing(other["access_token"])
        ) as others_stream,
    ):
        await stream.content.readline()
        told = await member.ask("POST", "/api/auth/logout")
        assert told.status == 200
        async with asyncio.timeout(1):
            await stream.content.read()
        assert (await second.ask("GET", "/api/auth/me", headers=member.headers)).status == 401
        assert not others_stream.content.at_eof()
    assert (await member.ask("GET", "/api/auth/me")).status == 401
    said = {"refresh_token": member.tokens["refresh_token"]}
    assert (await api.ask("POST", "/api/auth/refresh", said, headers={})).status == 401
    assert (await api.ask("GET", "/api/auth/me", headers=bearing(other["access_token"]))).status == 200


# Attempts.


async def test_failed_logins_of_a_name_wait_longer_and_longer(api: Api, member: Member) -> None:
    """Also for who has the right password meanwhile; other names of other addresses are not held up."""
    for _ in range(6):
        told = await log_in(api, member.name, "not the right one")
        assert told.status == 401
    held = await log_in(api, member.name)
    assert held.status == 429 and held.error["retryable"] and int(held.headers["Retry-After"]) >= 1
    other = await a_member(api)
    assert (await log_in(api, other.name)).status == 200

    async def lets_in() -> bool:
        return (await log_in(api, member.name)).status == 200

    await until(lets_in, "the wait is over")
    assert (await log_in(api, member.name, "not the right one")).status == 401


async def test_many_guesses_at_once_are_counted_before_they_are_looked_at(api: Api, member: Member) -> None:
    guesses = await asyncio.gather(*(log_in(api, member.name, f"guess number {n}") for n in range(20)))
    assert sum(told.status == 401 for told in guesses) <= 6
    assert sum(told.status == 429 for told in guesses) >= 14


@pytest.fixture
async def behind_proxy(api_redis: RedisProcess, api_paper: PaperProcess) -> AsyncIterator[Api]:
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port), TRUSTED_PROXIES="127.0.0.0/8") as api:
        yield api


async def test_failed_logins_of_an_address_wait_whatever_names_they_try(behind_proxy: Api) -> None:
    """Somebody who tries one password on every name. Others, and those who succeed, are not held up."""
    api, member = behind_proxy, await a_member(behind_proxy)

    async def log_in_from(address: str, name: str, password: str) -> int:
        said = {"username": name, "password": password}
        told = await api.ask("POST", "/api/auth/login", said, headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
        return told.status

    for _ in range(25):
        assert await log_in_from("203.0.113.1", member.name, PASSWORD) == 200
    failed = [await log_in_from("203.0.113.2", new_name(), "the one password") for _ in range(21)]
    assert failed == [401] * 21
    assert await log_in_from("203.0.113.2", new_name(), "the one password") == 429
    assert await log_in_from("203.0.113.2", member.name, PASSWORD) == 429
    assert await log_in_from("203.0.113.3", member.name, PASSWORD) == 200


# Keys and tokens together.


async def test_venue_keys_beside_a_token_are_one_more_account(api: Api, member: Member) -> None:
    """And the same keys alone then act for that user."""
    first = await member.ready()
    both = api.holding({**api.keys, **member.headers})
    placed = await both.place(member.user_id)
    assert placed.status == 200, placed.body
    accounts = await api.gateway.store.accounts.of_user(member.user_id)
    assert len(accounts) == 2 and first in {account.account_id for account in accounts}
    assert (await api.place(member.user_id)).status == 200
    which = await member.ask("POST", ORDERS, LIMIT)
    assert which.status == 409 and which.error["code"] == "which_account"


async def test_no_venue_keys_can_claim_a_registered_user(api: Api, member: Member) -> None:
    """The id is theirs from the moment they registered."""
    stranger = await api.place(member.user_id)
    assert (stranger.status, stranger.error["code"]) == (403, "not_allowed")


# The paper account.


@pytest.fixture
def paper_port(free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> int:
    """Where the exchange of a test listens, each time that it is started."""
    port = free_port()
    monkeypatch.setattr("tests.paper.process.free_port", lambda: port)
    return port


async def test_the_paper_account_is_tried_until_it_is_there(api_redis: RedisProcess, paper_port: int) -> None:
    """Registering does not wait for it; who asks is told how it is going."""
    async with running_api(api_redis.url, PAPER_PORT=str(paper_port)) as api:
        member = await a_member(api)

        async def reason() -> str | None:
            paper = (await member.me())["paper_account"]
            assert paper["state"] == "making"
            return paper["reason"] and str(paper["reason"])

        assert "does not answer" in str(await until(reason, "why it is not made is told"))
        (session,) = (await member.ask("GET", "/api/v1/sessions")).json["sessions"]
        assert (session["state"], session["wish"]) == ("connecting", "closed") and "paper account" in session["reason"]
        early = await member.ask("POST", ORDERS, LIMIT)
        assert early.status == 409 and early.error["retryable"] and "being made" in early.error["message"]

        with PaperProcess.running("--no-limits"):
            await member.ready()
            assert (await member.ask("POST", ORDERS, LIMIT)).status == 200


async def test_another_process_makes_what_a_dead_one_left(
    api_redis: RedisProcess,
    api_paper: PaperProcess,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also what it had just begun with."""
    monkeypatch.setattr("shared.store.papers.TAKEN_FOR_S", 0.5)
    async with running_api(api_redis.url, PAPER_PORT=str(free_port())) as first:
        member = await a_member(first)
    async with running_api(api_redis.url, PAPER_PORT=str(api_paper.port)) as second:
        member.api = second
        await member.ready()


async def test_accounts_come_back_at_an_exchange_that_forgot_them(
    api_redis: RedisProcess, paper_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paper exchange keeps nothing when it stops; its users should not have to know."""
    monkeypatch.setattr("api.papers.PROBE_EVERY_S", 0.1)
    async with running_api(api_redis.url, PAPER_PORT=str(paper_port)) as api:
        with PaperProcess.running("--no-limits"):
            members = [await a_member(api), await a_member(api)]
            account_ids = [await member.ready() for member in members]
        with PaperProcess.running("--no-limits"):
            for member, account_id in zip(members, account_ids, strict=True):

                async def trades(member: Member = member) -> bool:
                    return (await member.ask("POST", ORDERS, LIMIT)).status == 200

                await until(trades, "the account is there again")
                assert await member.ready() == account_id


async def test_registration_that_broke_off_is_finished_by_logging_in(api: Api) -> None:
    """The name was taken, and then the process died."""
    name = new_name()
    hashed = await api.gateway.users._passwords.hash(PASSWORD)
    await api.gateway.store.logins.add(Login(name=name, user_id=f"u-{name}", password=hashed, created_at_ms=1))
    told = await log_in(api, name)
    member = Member(api, name, f"u-{name}", told.json)
    await member.ready()
    assert (await member.me())["username"] == name
