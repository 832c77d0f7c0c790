"""Ops, the document and the process itself."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from api import openapi
from api.gateway import GATEWAY
from api.operations import BATCH_EXAMPLES, OPERATIONS
from api.reading import check
from api.requests_trading import NewOrder, Together, check_together
from api.routes import pages
from deploy import answers
from shared.store.leases import Beat
from tests.api.running import JWT_SECRET, MASTER_KEY, Api, RedisProcess, free_port, run_module, running_api
from tests.paper.process import PaperProcess, wait_until

PAGES = {"/", "/favicon.ico", "/console/{file}", "/swagger-ui/{file}"}


async def test_ready_means_redis_and_a_worker_that_stays(fragile_redis: RedisProcess, api_paper: PaperProcess) -> None:
    """A load balancer must not send orders to a house in which nobody would follow them."""
    async with running_api(fragile_redis.url, PAPER_PORT=str(api_paper.port)) as api:
        red = await api.ask("GET", "/readyz")
        assert red.status == 503 and int(red.headers["Retry-After"]) >= 1
        assert red.json == {
            "error": {
                "code": "not_ready", "message": "no live worker", "retryable": True, "fields": [], "venue": None,
            }
        }  # fmt: skip
        assert answers.is_ready(api.gateway.settings)[0] is False
        beat = Beat(worker_id="w-1", pid=1, host="here", started_at_ms=1, draining=True)
        await api.gateway.store.leases.beat(beat)
        assert (await api.ask("GET", "/readyz")).status == 503
        beat.draining = False
        await api.gateway.store.leases.beat(beat)
        told = await api.ask("GET", "/readyz")
        assert (told.status, told.json["workers"]) == (200, 1)
        admin = {"Authorization": f"Bearer {api.gateway.auth.token('root', 60, ('admin',))}"}
        (worker,) = (await api.ask("GET", "/api/v1/workers", headers=admin)).json["workers"]
        assert worker["worker_id"] == "w-1" and worker["alive"]


async def test_metrics_are_what_prometheus_reads(api: Api, user_id: str) -> None:
    await api.place(user_id)
    await api.place(user_id, size=900_000)
    told = await api.ask("GET", "/metrics")
    lines = told.body.decode().splitlines()

    assert told.headers["Content-Type"].startswith("text/plain")
    sample = re.compile(r'[a-z_]+(\{([a-z]+="[^"]*",?)*\})? [0-9.e+-]+')
    assert [line for line in lines if not line.startswith("#") and not sample.fullmatch(line)] == []
    assert any('route="/{venue}/place-futures-order",status="200"' in line for line in lines)
    assert any('code="INSUFFICIENT_AVAILABLE"' in line for line in lines)


async def test_market_data_is_public_and_knows_both_spellings(api: Api) -> None:
    for name in ("BTC_USDT", "BTC/USDT", "BTC%2FUSDT%3AUSDT"):
        told = await api.ask("GET", f"/api/market/ticker/{name}?venue=gate", headers={})
        assert told.status == 200 and (told.json["symbol"], told.json["instrument"]) == ("BTC_USDT", "BTC/USDT:USDT")
        assert all(told.json[word] for word in ("last", "bid", "ask"))
    book = await api.ask("GET", "/api/market/orderbook/BTC_USDT?limit=5", headers={})
    assert len(book.json["bids"]) == 5 and book.json["instrument"] == "BTC/USDT:USDT"
    listed = await api.ask("GET", "/api/market/instruments", headers={})
    assert "BTC_USDT" in {row["symbol"] for row in listed.json["instruments"]}


async def test_the_document_says_how_to_follow_and_to_page(api: Api) -> None:
    """A client made from the document must be able to resume, and to send a price as a number or a text."""
    paths = (await api.ask("GET", "/openapi.json", headers={})).json["paths"]

    def parameters(path: str) -> set[tuple[str, str]]:
        return {(said["in"], said["name"]) for said in paths[path]["get"]["parameters"]}

    followed = {("query", "channels"), ("query", "last_event_id"), ("query", "ticket"), ("header", "Last-Event-ID")}
    assert followed <= parameters("/sse/orders/{user_id}") and followed <= parameters("/sse/sse/orders/{user_id}")
    assert {("query", "after"), ("query", "limit")} <= parameters("/api/v1/events")
    assert "202" in paths["/{venue}/cancel-futures-order"]["delete"]["responses"]
    assert "202" not in paths["/{venue}/get-futures-order"]["get"]["responses"]
    schemas = openapi.document()["components"]["schemas"]
    for price in (schemas["PlaceFuturesOrder"]["properties"]["price"], schemas["Guard"]["properties"]["price"]):
        assert "default" not in price and [kind["type"] for kind in price["anyOf"]] == ["string", "number"]


async def test_the_document_has_every_route(api: Api) -> None:
    """What is written twice drifts unless something checks."""
    from api.app import make_app

    app = make_app(api.gateway.settings)
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.canonical not in PAGES
    }
    await app[GATEWAY].store.close()
    told = await api.ask("GET", "/openapi.json", headers={})
    documented = {(method, path) for path, methods in told.json["paths"].items() for method in methods}

    assert documented == routes
    assert told.json["components"]["schemas"]["Order"]["required"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', told.body.decode()))
    assert references <= set(told.json["components"]["schemas"])


def test_the_examples_of_the_document_are_good_bodies() -> None:
    """Whoever pastes one must not be refused."""
    shown = [operation for operation in OPERATIONS if operation.examples is not None]
    assert shown
    for operation in shown:
        assert operation.body is not None and operation.examples is not None
        for body in operation.examples.values():
            wanted = check(operation.body, body)
            assert not isinstance(wanted, Together) or list(wanted.problems()) == []
    for item in BATCH_EXAMPLES["two"]["orders"]:
        check_together(NewOrder, item)


def test_pages_need_nothing_from_elsewhere() -> None:
    """The page about the document works without a network, and its policy lets nothing else in."""
    for file in pages.SWAGGER.iterdir():
        words = file.read_text()
        assert not re.search(r"https?://", words), file
        assert "<script>" not in words and "style=" not in words and "onclick" not in words
    assert openapi.document()["openapi"].startswith("3.")


async def test_pages_carry_their_headers(api: Api) -> None:
    for path in ("/", "/swagger-ui", "/swagger-ui/swagger.js", "/swagger-ui/swagger.css"):
        told = await api.ask("GET", path, headers={})
        assert told.status == 200, path
        assert told.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert told.headers["X-Content-Type-Options"] == "nosniff"
        assert told.headers["Referrer-Policy"] == "no-referrer"
    for path in ("/console/..%2Fapp.py", "/console/nothing.js", "/swagger-ui/swagger.html"):
        assert (await api.ask("GET", path, headers={})).status == 404


def test_the_process_stops_when_asked(api_redis: RedisProcess, tmp_path: Path) -> None:
    port = free_port()
    process = run_module("api", REDIS_URL=api_redis.url, PORT=str(port), MASTER_KEYS=MASTER_KEY, JWT_SECRET=JWT_SECRET)

    def answers() -> bool:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as reply:
                return bool(json.loads(reply.read())["status"] == "ok")
        except OSError:
            return False

    wait_until(answers, 15)
    second = run_module("api", REDIS_URL=api_redis.url, PORT=str(port), MASTER_KEYS=MASTER_KEY, JWT_SECRET=JWT_SECRET)
    _, words = second.communicate(timeout=15)
    assert second.returncode == 1 and f"PORT {port} is in use" in words and "Traceback" not in words

    process.send_signal(signal.SIGTERM)
    _, words = process.communicate(timeout=5)
    assert process.returncode == 0 and "Traceback" not in words


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"PORT": "many"}, "PORT"),
        ({"TRADING_ENV": "live"}, "REDIS_URL"),
        ({"MASTER_KEYS": "k1:short"}, "MASTER_KEYS"),
        ({"STATE_DIR": "/dev/null/x"}, "STATE_DIR"),
        ({"SHARDS": "7"}, "SHARDS"),
    ],
)
def test_a_bad_setting_is_a_few_lines(api_redis: RedisProcess, env: dict[str, str], name: str) -> None:
    said = {"REDIS_URL": api_redis.url, "PORT": str(free_port())} | env
    if name in ("REDIS_URL", "SHARDS"):
        said |= {"MASTER_KEYS": MASTER_KEY, "JWT_SECRET": JWT_SECRET}
    if name == "REDIS_URL":
        said.pop("REDIS_URL")
    process = run_module("api", **said)
    _, words = process.communicate(timeout=15)
    assert process.returncode == 1
    assert words.startswith(f"{name}:") and len(words.splitlines()) <= 3, words
