"""Gate's trading API over the socket: it is asked what REST would be asked, and its answers read as REST's replies.

Frames in, values out; and then both ways against the paper exchange, where every command must end alike.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest

from shared.clock import CLOCK
from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import AmendOrder, Answered, Endpoints, PlaceOrder, Reply, Request
from shared.exchanges.calls import Calls, Connection
from shared.exchanges.gate import calls
from shared.exchanges.rest import Rest
from shared.model import Credentials, Order
from tests.paper.process import PaperAccount, PaperProcess
from tests.venues.gate.frames import VENUE, WIRE, frame

CREDENTIALS = Credentials("0123456789abcdef0123456789abcdef", "fedcba9876543210" * 4)
AT_S = 1_700_000_000
RECEIVED_AT_MS = 1_700_000_001_100
BTC = "BTC_USDT"
BUY = PlaceOrder(BTC, "buy", "limit", "25", "67000", "gtc", False, "t-gw7f3a9c01")

LOGIN_SIGNATURES = {
    "": "350092f2ee4c1b38f205c2349da1a15da09dbc42bbcb6409ac91431d68b3ae35"
    "c90f20f1f3633543547994ee7d83ae9606da94a80b044f981618da38379eff93",
    "{}": "17d4e179d27ed59b63ce92c78324d3e1865a39cbfd3cf81c80eac59cfeb5a4b8"
    "9a171af164c62e7e1e7e3f26400d8d4eddad6ffa61afd3c79936c97b227e40f7",
}
"""By the text of the parameter: the manual has none, the clients in use send an empty object."""


# What is asked.


@pytest.mark.parametrize("param", LOGIN_SIGNATURES)
def test_a_login_has_the_known_signature(param: str) -> None:
    assert calls.login_signature(CREDENTIALS, param, str(AT_S)) == LOGIN_SIGNATURES[param]


def test_a_login_is_the_official_clients() -> None:
    """Also its time as text, and the parameter as the very text that was signed."""
    client = pytest.importorskip("gate_ws.client")
    configuration = client.Configuration(
        app="futures", api_key=CREDENTIALS.api_key, api_secret=CREDENTIALS.api_secret, event_loop=object()
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.time, "time", lambda: AT_S + 0.4)
        theirs = json.loads(client.ApiRequest(configuration, "futures.login", "", "1", {}).gen())
    ours = calls.login_call(CREDENTIALS, "1", AT_S + 0.4)
    del theirs["payload"]["req_header"]

    assert json.loads(ours) == theirs
    assert b'"req_param":{}' in ours


@pytest.mark.parametrize("credentials", [Credentials("k\r\ny", "s"), Credentials("", "s"), Credentials("k", "\udcff")])
def test_a_key_that_cannot_be_a_key_logs_nobody_in(credentials: Credentials) -> None:
    with pytest.raises(KeyRefused):
        calls.login_call(credentials, "1", AT_S)


def asked(request: Request) -> Any:
    call = calls.to_call(request, "r-1", AT_S + 0.9)
    return None if call is None else json.loads(call)


CALLS: dict[str, tuple[Request, str, Any]] = {
    "placing": (
        WIRE.place(BUY, None),
        "futures.order_place",
        {"contract": BTC, "size": 25, "price": "67000", "tif": "gtc", "text": "t-gw7f3a9c01"},
    ),
    "closing": (
        WIRE.close(BTC, "long", "t-gw7f3a9c01", None),
        "futures.order_place",
        {"contract": BTC, "size": 0, "close": True, "price": "0", "tif": "ioc", "text": "t-gw7f3a9c01"},
    ),
    "cancelling": (WIRE.cancel(BTC, "58828270140077001"), "futures.order_cancel", {"order_id": "58828270140077001"}),
    "cancelling by text": (WIRE.cancel(BTC, "t-a.b_c-d"), "futures.order_cancel", {"order_id": "t-a.b_c-d"}),
    "amending": (
        WIRE.amend(AmendOrder(BTC, "58828270140077001", "buy", size="30", price="66990.5"), None),
        "futures.order_amend",
        {"order_id": "58828270140077001", "size": 30, "price": "66990.5"},
    ),
    "placing many": (
        WIRE.place_batch([BUY, BUY], None),
        "futures.order_batch_place",
        [{"contract": BTC, "size": 25, "price": "67000", "tif": "gtc", "text": "t-gw7f3a9c01"}] * 2,
    ),
    "cancelling many": (WIRE.cancel_batch(["1", "2"]), "futures.order_cancel_ids", ["1", "2"]),
    "cancelling all of a contract": (WIRE.cancel_all(BTC), "futures.order_cancel_cp", {"contract": BTC}),
    "cancelling one side": (WIRE.cancel_all(BTC, "buy"), "futures.order_cancel_cp", {"contract": BTC, "side": "bid"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_request_becomes_the_call_of_the_same_meaning(name: str) -> None:
    request, channel, param = CALLS[name]

    assert asked(request) == {
        "time": AT_S,
        "channel": channel,
        "event": "api",
        "payload": {"req_id": "r-1", "req_param": param},
    }


@pytest.mark.parametrize(
    "request_",
    [
        WIRE.cancel_all(None),
        WIRE.cancel_trigger("123"),
        Request("POST", "/futures/usdt/positions/BTC_USDT/leverage", (("leverage", "5"),), writes=True),
        Request("POST", "/futures/usdt/batch_amend_orders", body=b"[]", writes=True),
        Request("DELETE", "/futures/usdt/orders", (("contract", BTC), ("exclude_reduce_only", "true")), writes=True),
        Request("DELETE", "/futures/usdt/orders/1", (("action_mode", "ACK"),), writes=True),
        Request("GET", "/futures/usdt/orders/1"),
        Request("GET", "/futures/usdt/orders", (("status", "open"),)),
    ],
    ids=lambda request: f"{request.method} {request.path}",
)
def test_what_the_trading_api_cannot_say_exactly_is_left_to_rest(request_: Request) -> None:
    """All contracts at once, triggers, leverage, reads: a call that means something else would be worse than none."""
    assert calls.to_call(request_, "r-1", AT_S) is None


def test_an_expiry_goes_with_the_call() -> None:
    call = asked(WIRE.place(BUY, 1_700_000_005_000))

    assert call["payload"]["req_header"] == {"x-gate-exptime": "1700000005000"}


def test_numbers_are_sent_as_the_text_that_rest_would_send() -> None:
    """A size with a fraction, or more digits than a float has, must not pass through one."""
    body = b'{"contract":"X_USDT","size":"0.30","price":"0.1234567890123456789","n":12345678901234567890123}'
    for method, path in (("POST", "/futures/usdt/orders"), ("PUT", "/futures/usdt/orders/1")):
        call = calls.to_call(Request(method, path, body=body, writes=True), "r-1", AT_S)

        assert call is not None
        assert b'"size":"0.30","price":"0.1234567890123456789","n":12345678901234567890123}' in call


# What is answered.


def said(name: str) -> Answered:
    answered = calls.to_answer(frame(name), RECEIVED_AT_MS)
    assert answered is not None
    return answered


def test_only_the_result_is_final() -> None:
    """The acknowledgement of a placement says that it was heard, and shows what was asked, not an order."""
    assert (said("call_place_taken").call_id, said("call_place_taken").final) == ("2", False)
    assert (said("call_place_open").call_id, said("call_place_open").final) == ("2", True)


def test_an_order_in_an_answer_is_read_as_from_rest() -> None:
    """Fields that have their default are left out: a filled order has no word of what is left."""
    opened, filled = WIRE.to_order(said("call_place_open").reply), WIRE.to_order(said("call_place_filled").reply)

    assert (opened.id, opened.status, opened.size, opened.remaining) == ("58828270140077001", "open", "25", "25")
    assert (filled.status, filled.filled, filled.remaining, filled.average_price) == ("filled", "25", "0", "67010.4")
    assert filled.reduce_only is False


@pytest.mark.parametrize(
    ("name", "status", "price"), [("call_cancelled", "cancelled", "67000"), ("call_amended", "open", "66990.5")]
)
def test_every_answer_that_shows_an_order_is_read(name: str, status: str, price: str) -> None:
    order = WIRE.to_order(said(name).reply)

    assert (order.status, order.price, order.client_order_id) == (status, price, "t-gw7f3a9c01")


def test_lists_are_read_item_by_item() -> None:
    """An item that failed has no `succeeded` at all: false is the default, and defaults are left out."""
    placed = WIRE.to_placed(said("call_batch_placed").reply, [BUY, BUY])
    cancelled = WIRE.to_cancelled(said("call_cancelled_ids").reply, ["58828270140077001", "123"])
    (gone,) = WIRE.to_orders(said("call_cancelled_all").reply)

    assert not isinstance(placed[0], VenueError) and placed[0].id == "58828270140077001"
    assert isinstance(placed[1], VenueRefused) and placed[1].venue_code == "INSUFFICIENT_AVAILABLE"
    assert cancelled[0] is None
    assert isinstance(cancelled[1], VenueRefused) and cancelled[1].venue_code == "ORDER_NOT_FOUND"
    assert gone.status == "cancelled"


PLACE, CANCEL = WIRE.place(BUY, None), WIRE.cancel(BTC, "1")


@pytest.mark.parametrize(
    ("name", "request_", "kind", "words"),
    [
        ("call_login_refused", PLACE, KeyRefused, (401, "INVALID_KEY", "Invalid key provided")),
        ("call_not_logged_in", PLACE, KeyRefused, (401, "AUTHENTICATION_FAILED", "Not login")),
        ("call_place_refused", PLACE, VenueRefused, (400, "INVALID_ARGUMENT", "invalid TIF")),
        ("call_cancel_refused", CANCEL, VenueRefused, (404, "ORDER_NOT_FOUND", "")),
        ("call_place_too_many", PLACE, VenueBusy, (429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded (311)")),
        ("call_amend_not_allowed", PLACE, VenueUnknown, (504, "HTTP_405", "the answer says nothing")),
    ],
)
def test_a_refusal_is_the_one_that_rest_would_give(
    name: str, request_: Request, kind: type[VenueError], words: tuple[int, str, str]
) -> None:
    """Label, status and message alike: REST does not put the label in front of the message once more."""
    error = VENUE.refusal(request_, said(name).reply)

    assert type(error) is kind
    assert (error.status, error.venue_code, error.venue_message) == words


def test_the_limit_is_told_as_rest_tells_it() -> None:
    """In seconds; and what is left is told also when it is nothing, which the trading API leaves out."""
    plenty, nothing = said("call_place_taken").reply.headers, said("call_place_too_many").reply.headers

    assert plenty["X-Gate-RateLimit-Requests-Remain"] == "97"
    assert (plenty["X-Gate-RateLimit-Limit"], plenty["X-Gate-RateLimit-Reset-Timestamp"]) == ("100", "1700000001")
    assert nothing["X-Gate-RateLimit-Requests-Remain"] == "0"
    assert nothing["X-Gate-RateLimit-Reset-Timestamp"] == "1700000002"
    assert "X-Gate-RateLimit-Limit" not in said("call_cancelled_ids").reply.headers


def test_the_time_of_the_answer_is_told_as_rest_tells_it() -> None:
    assert said("call_place_filled").reply.headers["x-out-time"] == "1700000001020456"
    assert said("call_place_open").reply.headers["x-out-time"] == "1700000001020000"


@pytest.mark.parametrize(
    "words",
    [
        frame("pong"),
        frame("subscribe_accepted"),
        frame("order_new_2026"),
        frame("goodbye_upgrade"),
        b"",
        b"[]",
        b'{"request_id":7}',
        b'{"request_id":"7","header":{"status":"fine"},"data":{}}',
        b"\xff\xfe",
    ],
)
def test_a_frame_that_answers_nothing_is_no_answer(words: bytes) -> None:
    assert calls.to_answer(words, RECEIVED_AT_MS) is None


def test_an_answer_that_says_nothing_is_unknown() -> None:
    """A status that is fine, and neither an order nor an error: nobody can say what became of it."""
    answered = calls.to_answer(b'{"request_id":"7","header":{"status":"200"},"data":{}}', RECEIVED_AT_MS)

    assert answered is not None and answered.final
    with pytest.raises(VenueUnknown):
        WIRE.to_order(answered.reply)


# Both ways, against the paper exchange.


class CountingRest(Rest):
    """Knows how many commands went over it."""

    commands = 0

    async def call(self, *words: Any, **more: Any) -> Reply:
        self.commands += 1
        return await super().call(*words, **more)


@dataclass
class Account:
    """One account, and both ways to it. `send` takes the socket, and fails the test where the command took REST."""

    paper: PaperProcess
    uid: str
    credentials: Credentials
    endpoints: Endpoints
    rest: CountingRest
    calls: Calls

    async def over_rest(self, request: Request) -> Reply:
        return await self.rest.call(VENUE, self.endpoints.rest_url, request, self.credentials)

    async def over_socket(self, request: Request) -> Reply:
        before = self.rest.commands
        try:
            return await self.calls.call(VENUE, self.endpoints, request, self.credentials)
        finally:
            assert self.rest.commands == before

    async def by(self, way: str, request: Request) -> Reply:
        return await (self.over_socket if way == "socket" else self.over_rest)(request)

    async def open(self) -> None:
        """A command is refused over REST, and a connection opened behind it."""
        async with asyncio.timeout(10):
            while not (stands(self.calls) and self.sockets()):
                with pytest.raises(VenueRefused):
                    await self.calls.call(VENUE, self.endpoints, WIRE.cancel(BTC, "1"), self.credentials)
                await asyncio.sleep(0.01)

    def orders(self) -> list[Any]:
        return list(self.paper.books(self.uid)["orders"])

    def sockets(self) -> int:
        return int(self.paper.books(self.uid)["sockets_open"])


def stands(calls: Calls) -> bool:
    return "ready" in repr(calls) and "not ready" not in repr(calls)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running() as process:
        yield process


@pytest.fixture
async def make(paper: PaperProcess) -> AsyncIterator[Callable[[], Awaitable[Account]]]:
    """Makes accounts whose connection stands."""
    paper.clear_faults()
    paper.skew(0)
    paper.price(BTC, 67500, hold=True)
    rest = CountingRest()
    calls = Calls(rest, rest_for_s=0.05)
    await rest.start()

    async def make_one() -> Account:
        made: PaperAccount = paper.account()
        endpoints = Endpoints(paper.rest_url, paper.ws_url)
        one = Account(paper, made.uid, Credentials(made.api_key, made.api_secret), endpoints, rest, calls)
        await one.open()
        return one

    yield make_one
    await calls.stop()
    await rest.close()
    paper.clear_faults()
    paper.skew(0)


@pytest.fixture
async def account(make: Callable[[], Awaitable[Account]]) -> Account:
    return await make()


def an_order(text: str, side: str = "buy", size: str = "10", price: str | None = "67000", **more: Any) -> PlaceOrder:
    kind, tif = ("market", "ioc") if price is None else ("limit", more.pop("tif", "gtc"))
    return PlaceOrder(BTC, side, kind, size, price, tif, more.pop("reduce_only", False), text, **more)


def told(order: Order) -> dict[str, Any]:
    """All of an order but which one it is, and when."""
    shown: dict[str, Any] = msgspec.to_builtins(order)
    for own in ("id", "client_order_id", "created_at_ms", "updated_at_ms", "times"):
        assert shown.pop(own) is not None
    return shown


WAYS = ("rest", "socket")
SHOWN: dict[str, tuple[Callable[[str], PlaceOrder], str]] = {
    "a resting order": (lambda text: an_order(text), "open"),
    "a market order": (lambda text: an_order(text, price=None), "filled"),
    "a partial fill": (lambda text: an_order(text, size="6000", price="67500.1"), "partially_filled"),
    "a remainder that is cancelled": (lambda text: an_order(text, size="9", price="60000", tif="ioc"), "cancelled"),
    "a post-only order": (lambda text: an_order(text, "sell", price="68000", tif="post_only"), "open"),
}


@pytest.mark.parametrize("name", SHOWN)
async def test_an_order_is_placed_alike_both_ways(make: Callable[[], Awaitable[Account]], name: str) -> None:
    """The same order from the answer, and the same keys in what callers are shown of it, for every kind of ending."""
    wish, status = SHOWN[name]
    replies = {}
    for way in WAYS:
        account = await make()  # each an account of its own, with a market that nobody else has taken from
        account.paper.price(BTC, 67500, hold=True)
        replies[way] = await account.by(way, WIRE.place(wish(f"t-{way}"), CLOCK.now_ms() + 5000))
        (booked,) = account.orders()
        order = WIRE.to_order(replies[way])
        assert (order.id, order.client_order_id, order.status) == (booked["id"], f"t-{way}", status)
    by_rest, by_socket = (told(WIRE.to_order(replies[way])) for way in WAYS)
    if status == "partially_filled":  # how much there was to take is the market's
        assert by_rest.pop("filled") != "0" and by_socket.pop("filled") != "0"
        del by_rest["remaining"], by_socket["remaining"], by_rest["average_price"], by_socket["average_price"]

    assert by_socket == by_rest
    assert json.loads(replies["socket"].body).keys() <= json.loads(replies["rest"].body).keys()


@pytest.mark.parametrize("way", WAYS)
async def test_an_order_is_amended_and_cancelled_alike_both_ways(account: Account, way: str) -> None:
    placed = WIRE.to_order(await account.by(way, WIRE.place(an_order("t-1"), None)))
    wish = AmendOrder(BTC, placed.id, "buy", size="12", price="66990.5")
    amended = WIRE.to_order(await account.by(way, WIRE.amend(wish, CLOCK.now_ms() + 5000)))
    cancelled = WIRE.to_order(await account.by(way, WIRE.cancel(BTC, "t-1")))

    assert told(amended) == told(placed) | {"size": "12", "remaining": "12", "price": "66990.5"}
    assert told(cancelled) == told(amended) | {"status": "cancelled"}
    assert {placed.id, amended.id, cancelled.id} == {placed.id}
    assert [order["status"] for order in account.orders()] == ["finished"]


@pytest.mark.parametrize("way", WAYS)
async def test_batches_end_item_by_item_alike_both_ways(account: Account, way: str) -> None:
    wishes = [an_order("t-1"), an_order("t-2", price="1"), an_order("t-3", "sell", price="68000")]
    reply = await account.by(way, WIRE.place_batch(wishes, CLOCK.now_ms() + 5000))
    first, second, third = WIRE.to_placed(reply, wishes)
    assert isinstance(first, Order) and isinstance(third, Order) and first.client_order_id == "t-1"
    assert isinstance(second, VenueRefused) and second.venue_code == "PRICE_TOO_DEVIATED"
    ids = [first.id, "123456789"]
    gone, unknown = WIRE.to_cancelled(await account.by(way, WIRE.cancel_batch(ids)), ids)
    assert gone is None
    assert isinstance(unknown, VenueRefused) and unknown.venue_code == "ORDER_NOT_FOUND"
    assert WIRE.to_orders(await account.by(way, WIRE.cancel_all(BTC, "buy"))) == []
    (last,) = WIRE.to_orders(await account.by(way, WIRE.cancel_all(BTC, "sell")))
    assert (last.id, last.status) == (third.id, "cancelled")


def in_the_past() -> int:
    return CLOCK.now_ms() - 2000


REFUSED: dict[str, tuple[Callable[[], Request], str]] = {
    "an unknown contract": (lambda: _post(b'{"contract":"NO_USDT","size":1,"price":"0","tif":"ioc"}'), "CONTRACT_NOT_"),
    "a price far off": (lambda: WIRE.place(an_order("t-1", price="1"), None), "PRICE_TOO_DEVIATED"),
    "a price between steps": (lambda: WIRE.place(an_order("t-1", price="67000.01"), None), "INVALID_PARAM_VALUE"),
    "no size": (lambda: _post(b'{"contract":"BTC_USDT","size":0,"price":"0","tif":"ioc"}'), "INVALID_ARGUMENT"),
    "an unknown word": (lambda: _post(b'{"contract":"BTC_USDT","size":1,"price":"1","tif":"X"}'), "INVALID_ARGUMENT"),
    "a text of another form": (lambda: WIRE.place(an_order("no prefix"), None), "INVALID_PARAM_VALUE"),
    "too much for the account": (lambda: WIRE.place(an_order("t-1", size="1000000"), None), "INSUFFICIENT_AVAILABLE"),
    "post-only that would take": (
        lambda: WIRE.place(an_order("t-1", price="68000", tif="post_only"), None),
        "ORDER_POC_IMMEDIATE",
    ),
    "all or nothing": (lambda: WIRE.place(an_order("t-1", price="67000", tif="fok"), None), "ORDER_FOK"),
    "reducing nothing": (lambda: WIRE.place(an_order("t-1", price=None, reduce_only=True), None), "POSITION_EMPTY"),
    "closing nothing": (lambda: WIRE.close(BTC, "long", "t-1", None), "POSITION_EMPTY"),
    "an order that came too late": (lambda: WIRE.place(an_order("t-1"), in_the_past()), "REQUEST_EXPIRED"),
    "cancelling what is not there": (lambda: WIRE.cancel(BTC, "123456789"), "ORDER_NOT_FOUND"),
    "cancelling an unknown text": (lambda: WIRE.cancel(BTC, "t-nobody"), "ORDER_NOT_FOUND"),
    "amending what is not there": (
        lambda: WIRE.amend(AmendOrder(BTC, "123456789", "buy", price="67000"), None),
        "ORDER_NOT_FOUND",
    ),
    "a batch that is none": (
        lambda: Request("POST", "/futures/usdt/batch_orders", body=b"[]", writes=True),
        "INVALID_PARAM_VALUE",
    ),
}


def _post(body: bytes) -> Request:
    return Request("POST", "/futures/usdt/orders", body=body, writes=True)


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_is_the_same_both_ways(account: Account, name: str) -> None:
    """Kind, status, the venue's label and words, and whether asking again can help."""
    make_request, label = REFUSED[name]
    errors = []
    for way in WAYS:
        with pytest.raises(VenueError) as refused:
            await account.by(way, make_request())
        error = refused.value
        errors.append((type(error), error.status, error.venue_code, error.venue_message, error.retryable))

    assert errors[0] == errors[1]
    assert errors[1][2].startswith(label)
    assert account.orders() == []


async def test_many_orders_at_once_are_booked_once_each(account: Account) -> None:
    texts = [f"t-{number}" for number in range(40)]
    replies = await asyncio.gather(*(account.over_socket(WIRE.place(an_order(text), None)) for text in texts))

    assert [WIRE.to_order(reply).client_order_id for reply in replies] == texts
    assert sorted(order["text"] for order in account.orders()) == sorted(texts)


async def test_two_accounts_never_share_a_connection(make: Callable[[], Awaitable[Account]]) -> None:
    one, other = await make(), await make()
    await asyncio.gather(*(each.over_socket(WIRE.place(an_order(f"t-{each.uid}"), None)) for each in (one, other)))

    for each in (one, other):
        assert [order["text"] for order in each.orders()] == [f"t-{each.uid}"]
        assert each.sockets() == 1


async def test_a_wrong_secret_is_refused_and_never_gets_a_connection(account: Account) -> None:
    """Not even beside one that stands for the same key."""
    wrong = Credentials(account.credentials.api_key, "not the secret")
    with pytest.raises(KeyRefused) as refused:
        await account.calls.call(VENUE, account.endpoints, WIRE.place(an_order("t-1"), None), wrong)

    assert refused.value.venue_code == "INVALID_SIGNATURE"
    assert (account.orders(), account.sockets()) == ([], 1)


@pytest.mark.parametrize(
    ("key", "secret", "label"), [(None, "wrong", "INVALID_SIGNATURE"), ("nobody", "wrong", "INVALID_KEY")]
)
async def test_a_login_is_refused_as_rest_refuses(account: Account, key: str | None, secret: str, label: str) -> None:
    credentials = Credentials(key or account.credentials.api_key, secret)
    connection = Connection(VENUE, account.endpoints.ws_url, CLOCK, 60)
    with pytest.raises(KeyRefused) as refused:
        await connection.run("1", VENUE.login_call(credentials, "1", CLOCK.now_s()))

    assert (refused.value.venue_code, refused.value.status) == (label, 401)


async def test_an_order_whose_expiry_the_venue_sees_passed_is_placed_once_by_its_clock(account: Account) -> None:
    """Its clock ran ahead of what we knew: it refused the order as too late, and the next try says the right time."""
    account.paper.skew(30_000)
    order = WIRE.place(an_order("t-1"), CLOCK.now_ms() + 5000)
    before = account.rest.commands
    await account.calls.call(VENUE, account.endpoints, order, account.credentials)
    again = WIRE.place(an_order("t-2"), CLOCK.now_ms() + 5000)
    await account.over_socket(again)

    assert account.rest.commands == before + 1
    assert sorted(order["text"] for order in account.orders()) == ["t-1", "t-2"]


async def test_a_connection_that_the_venue_cut_is_replaced_and_no_order_is_lost(account: Account) -> None:
    account.paper.fault("close_sockets", uid=account.uid, count=1)
    await until(lambda: not stands(account.calls))
    await account.calls.call(VENUE, account.endpoints, WIRE.place(an_order("t-1"), None), account.credentials)
    account.paper.clear_faults()
    await account.open()
    await account.over_socket(WIRE.place(an_order("t-2"), None))

    assert sorted(order["text"] for order in account.orders()) == ["t-1", "t-2"]


async def test_after_a_notice_the_next_orders_go_another_way_and_none_is_lost(account: Account) -> None:
    account.paper.fault("maintenance", uid=account.uid, count=1, ms=500)
    await until(lambda: not stands(account.calls))
    account.paper.clear_faults()
    texts = [f"t-{number}" for number in range(20)]
    for text in texts:
        await account.calls.call(VENUE, account.endpoints, WIRE.place(an_order(text), None), account.credentials)

    assert sorted(order["text"] for order in account.orders()) == sorted(texts)


async def test_a_connection_that_nobody_uses_is_closed(account: Account) -> None:
    """The venue counts them."""
    calls = Calls(account.rest, idle_close_s=0.1)
    await replace(account, calls=calls).open()
    await until(lambda: repr(calls) == "<Calls without a connection>")

    assert account.sockets() == 1


async def test_an_order_whose_answer_is_lost_is_unknown_and_was_placed_once(account: Account) -> None:
    """The connection ends under it; neither way may send it again."""
    account.paper.fault("cut_reply", uid=account.uid, count=1)
    with pytest.raises(VenueUnknown) as unknown:
        await account.over_socket(WIRE.place(an_order("t-1"), CLOCK.now_ms() + 5000))

    assert unknown.value.venue_code == "CONNECTION_LOST"
    assert [order["text"] for order in account.orders()] == ["t-1"]


async def test_an_order_that_is_only_acknowledged_in_time_is_unknown_and_was_placed_once(account: Account) -> None:
    account.paper.fault("delay_reply", uid=account.uid, count=1, ms=2000)
    order = WIRE.place(an_order("t-1"), CLOCK.now_ms() + 5000)
    with pytest.raises(VenueUnknown) as unknown:
        await account.calls.call(VENUE, account.endpoints, order, account.credentials, deadline_s=0.2)
    await account.over_socket(WIRE.place(an_order("t-2"), CLOCK.now_ms() + 5000))

    assert unknown.value.venue_code == "NO_ANSWER"
    assert sorted(order["text"] for order in account.orders()) == ["t-1", "t-2"]


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [("http_5xx", VenueUnknown, 504), ("http_429", VenueBusy, 429), ("reject_order", VenueRefused, 400)],
)
async def test_a_venue_in_trouble_is_told_alike_both_ways_and_not_asked_twice(
    account: Account, fault: str, kind: type[VenueError], status: int
) -> None:
    for way in WAYS:
        account.paper.fault(fault, uid=account.uid, count=1)
        with pytest.raises(VenueError) as trouble:
            await account.by(way, WIRE.place(an_order(f"t-{way}"), CLOCK.now_ms() + 5000))

        assert (type(trouble.value), trouble.value.status) == (kind, status)


@pytest.mark.parametrize(("terms", "label"), [({"revoked": True}, "INVALID_KEY"), ({"read_only": True}, "READ_ONLY")])
async def test_a_key_that_lost_its_right_is_refused_and_so_is_its_connection(
    account: Account, terms: dict[str, bool], label: str
) -> None:
    """The login stands for it no longer; REST says what the matter is."""
    account.paper.ask("POST", "/paper/keys", {"uid": account.uid, "after_ms": 0} | terms)
    before = account.rest.commands
    with pytest.raises(KeyRefused) as refused:
        await account.calls.call(VENUE, account.endpoints, WIRE.place(an_order("t-1"), None), account.credentials)

    assert (refused.value.venue_code, account.rest.commands) == (label, before + 1)
    await until(lambda: account.sockets() == 0)
    assert account.orders() == []
