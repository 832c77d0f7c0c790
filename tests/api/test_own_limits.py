"""Own limits and headers: how often one may ask, who may ask from a page, and what browsers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.member import Member, a_member, bearing
from tests.api.running import Api, RedisProcess, Told, running_api
from tests.api.test_access import ROUTES, ask, nobodys

USUAL = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def limits_of(told: Told) -> tuple[int, int, int]:
    """The usual headers, which are there under both names."""
    for name in USUAL:
        assert told.headers[name] == told.headers[f"X-{name}"]
    limit, remaining, reset = (int(told.headers[name]) for name in USUAL)
    return limit, remaining, reset


async def test_every_answer_says_what_is_left(api: Api) -> None:
    """Good and bad ones alike."""
    for name in ROUTES:
        told = await ask(api, nobodys(name), {})
        limit, remaining, reset = limits_of(told)
        assert limit == 60_000 and 0 < remaining < limit and 0 < reset <= 11, name


async def from_address(redis: RedisProcess, **env: str) -> AsyncIterator[Api]:
    async with running_api(redis.url, TRUSTED_PROXIES="127.0.0.1", **env) as api:
        yield api


@pytest.fixture
async def narrow(api_redis: RedisProcess) -> AsyncIterator[Api]:
    """A gateway that lets an address ask ten times and a user five times in a minute."""
    async for api in from_address(api_redis, LIMITS="address:10/60,user:5/60,key:3/60"):
        yield api


async def test_an_address_that_asks_too_often_waits(narrow: Api) -> None:
    """On every route, known or not; others are not held up."""
    here, there = {"X-Forwarded-For": "198.51.100.1"}, {"X-Forwarded-For": "198.51.100.2"}
    paths = ["/healthz", "/api/market/instruments", "/nothing", "/api/trading/orders", "/"] * 2
    for path in paths:
        assert (await narrow.ask("GET", path, headers=here)).status != 429
    for path in (*paths[:5], "/sse/orders/alice"):
        told = await narrow.ask("GET", path, headers=here)
        assert told.status == 429 and told.error["code"] == "too_many_requests" and told.error["retryable"]
        assert 1 <= int(told.headers["Retry-After"]) <= 120 and limits_of(told)[:2] == (10, 0)
    assert (await narrow.ask("GET", "/healthz", headers=there)).status == 200


async def test_addresses_of_one_network_of_ipv6_count_together(narrow: Api) -> None:
    """Whoever has one has as many as they like."""
    for number in range(10):
        told = await narrow.ask("GET", "/healthz", headers={"X-Forwarded-For": f"2001:db8:1:2::{number}"})
        assert told.status == 200
    assert (await narrow.ask("GET", "/healthz", headers={"X-Forwarded-For": "2001:db8:1:2::ffff"})).status == 429
    assert (await narrow.ask("GET", "/healthz", headers={"X-Forwarded-For": "2001:db8:1:3::1"})).status == 200


async def test_a_user_and_a_key_that_ask_too_often_wait_wherever_they_ask_from(narrow: Api) -> None:
    member: Member = await a_member(narrow)
    made = await member.key("orders:read")
    numbers = iter(range(1, 250))

    async def asks(credentials: dict[str, str]) -> Told:
        return await narrow.ask(
            "GET", "/api/auth/me", headers=credentials | {"X-Forwarded-For": f"203.0.113.{next(numbers)}"}
        )

    assert [(await asks(member.headers)).status for _ in range(5)] == [200, 200, 200, 200, 429]
    assert "of this user" in (await asks(member.headers)).error["message"]
    assert [(await asks(bearing(made["key"]))).status for _ in range(4)] == [200, 200, 200, 429]
    keys = {"api-key": "k" * 20, "api-secret": "s" * 20}
    assert [(await asks(keys)).status for _ in range(3)] == [401, 401, 401]
    other_secret = keys | {"api-secret": "z" * 20}
    assert (await asks(other_secret)).status == 401


async def test_venue_keys_are_counted_before_anybody_is_asked(narrow: Api) -> None:
    keys = {"api-key": "k" * 24, "api-secret": "s" * 24}
    statuses = []
    for number in range(4):
        headers = keys | {"X-Forwarded-For": f"192.0.2.{number}"}
        statuses.append((await narrow.ask("POST", "/gate/place-futures-order", raw=b"{", headers=headers)).status)
    assert statuses[:3].count(429) == 0 and statuses[3] == 429


async def test_what_an_untrusted_caller_says_of_its_address_counts_nothing(api_redis: RedisProcess) -> None:
    async with running_api(api_redis.url, LIMITS="address:3/60") as api:
        statuses = [
            (await api.ask("GET", "/healthz", headers={"X-Forwarded-For": f"192.0.2.{number}"})).status
            for number in range(5)
        ]
        assert statuses[-1] == 429


# Pages.


async def test_no_page_of_another_origin_may_ask_unless_it_is_named(api: Api) -> None:
    """By default none may."""
    told = await api.ask("GET", "/healthz", headers={"Origin": "https://app.example"})
    assert told.status == 200 and not [name for name in told.headers if name.startswith("Access-Control")]
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    assert (await api.ask("OPTIONS", "/api/trading/orders", headers=asked)).status in (401, 405)


async def test_a_named_origin_may_ask_and_see(api_redis: RedisProcess) -> None:
    """Its page is told what it may send and see; others are told nothing."""
    async with running_api(api_redis.url, CORS_ORIGINS="https://app.example,http://localhost:3000") as api:
        asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
        told = await api.ask("OPTIONS", "/api/trading/orders", headers=asked)
        assert told.status == 204 and told.headers["Access-Control-Allow-Origin"] == "https://app.example"
        allowed = told.headers["Access-Control-Allow-Headers"].lower()
        for name in ("authorization", "idempotency-key", "api-secret", "last-event-id"):
            assert name in allowed
        for path, status in (("/healthz", 200), ("/api/trading/orders", 401), ("/nothing", 404)):
            told = await api.ask("GET", path, headers={"Origin": "http://localhost:3000"})
            assert told.status == status and told.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
            assert told.headers["Access-Control-Allow-Credentials"] == "true" and "Origin" in told.headers["Vary"]
            assert "RateLimit-Remaining" in told.headers["Access-Control-Expose-Headers"]
        for origin in ("https://evil.example", "https://app.example.evil.example", "null", "http://app.example"):
            told = await api.ask("GET", "/healthz", headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in told.headers and "Origin" in told.headers["Vary"]


async def test_a_stream_may_be_followed_from_a_named_origin(api_redis: RedisProcess) -> None:
    async with running_api(api_redis.url, CORS_ORIGINS="https://app.example") as api:
        member = await a_member(api)
        headers = member.headers | {"Origin": "https://app.example"}
        async with api.client.get(f"{api.url}/sse/orders/{member.user_id}", headers=headers) as stream:
            assert stream.status == 200
            assert stream.headers["Access-Control-Allow-Origin"] == "https://app.example"
            assert stream.headers["Cache-Control"] == "no-store, no-transform"


async def test_any_origin_may_ask_without_cookies(api_redis: RedisProcess) -> None:
    async with running_api(api_redis.url, CORS_ORIGINS="*") as api:
        told = await api.ask("GET", "/healthz", headers={"Origin": "https://anybody.example"})
        assert told.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in told.headers


async def test_every_answer_carries_the_security_headers(api: Api) -> None:
    """Of the api and of pages, refusals and unknown addresses included. A page says more of what it may load."""
    for asked in map(nobodys, [*ROUTES, "GET /nothing"]):
        told = await ask(api, asked, {})
        assert told.headers["X-Content-Type-Options"] == "nosniff", asked
        assert told.headers["Referrer-Policy"] == "no-referrer" and told.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in told.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in told.headers
        assert (told.status == 401) == ("WWW-Authenticate" in told.headers)


async def test_over_tls_browsers_are_told_to_stay_with_it(api_redis: RedisProcess) -> None:
    """Also where a trusted proxy speaks it; the stream's cookie is then for TLS alone."""
    async with running_api(api_redis.url, TRUSTED_PROXIES="127.0.0.0/8") as api:
        secure = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
        assert "max-age=" in (await api.ask("GET", "/", headers=secure)).headers["Strict-Transport-Security"]
        member = await a_member(api)
        ticket = (await member.ask("POST", "/api/auth/ticket")).json["ticket"]
        path = f"{api.url}/sse/orders/{member.user_id}?ticket={ticket}"
        async with api.client.get(path, headers=secure) as stream:
            assert stream.headers["Set-Cookie"].endswith("; Secure")
