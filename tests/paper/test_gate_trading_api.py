"""Gate's trading API over a real socket: login, every command, limits, and everything that may go wrong on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from shared.paper.gate.auth import sign
from tests.paper.process import PaperAccount, PaperProcess

BTC = "BTC_USDT"
ORDER = {"contract": BTC, "size": 2, "price": "60000", "tif": "gtc", "text": "t-ws"}
WITHIN_S = 5.0


class Trader:
    """Somebody who trades over one socket."""

    def __init__(self, socket: ClientConnection, account: PaperAccount) -> None:
        self.socket, self.account = socket, account
        self.requests = 0

    def login(self, *, secret: str = "", timestamp: int = 0) -> Any:
        at = str(timestamp or int(time.time()))
        signature = sign(secret or self.account.api_secret, f"api\nfutures.login\n\n{at}")
        payload = {"api_key": self.account.api_key, "timestamp": at, "signature": signature, "req_id": "login-1"}
        self.say("futures.login", payload)
        return self.hear()

    def say(self, channel: str, payload: dict[str, Any], event: str = "api") -> None:
        self.socket.send(json.dumps({"time": int(time.time()), "channel": channel, "event": event, "payload": payload}))

    def hear(self) -> Any:
        return json.loads(self.socket.recv(timeout=WITHIN_S))

    def ask(self, channel: str, param: object, **header: str) -> Any:
        """The result of a command, after its acknowledgement where it has one."""
        self.send(channel, param, **header)
        return self.result()

    def send(self, channel: str, param: object, **header: str) -> None:
        self.requests += 1
        payload: dict[str, Any] = {"req_id": f"r-{self.requests}", "req_param": param}
        if header:
            payload["req_header"] = {name.replace("_", "-"): value for name, value in header.items()}
        self.say(f"futures.{channel}", payload)

    def result(self) -> Any:
        frame = self.hear()
        return self.hear() if frame.get("ack") else frame


@pytest.fixture
def trader(paper: PaperProcess) -> Iterator[Trader]:
    """One who is logged in."""
    with a_trader(paper) as trader:
        assert trader.login()["data"]["result"]["uid"] == trader.account.uid
        yield trader


@contextmanager
def a_trader(paper: PaperProcess) -> Iterator[Trader]:
    paper.clear_faults()
    paper.price(BTC, 67500, hold=True)
    with connect(paper.ws_url, compression=None) as socket:
        yield Trader(socket, paper.account())


def status(frame: Any) -> tuple[str, str]:
    return frame["header"]["status"], frame["data"]["errs"]["label"]


def orders(paper: PaperProcess, trader: Trader) -> list[Any]:
    rows: list[Any] = paper.books(trader.account.uid)["orders"]
    return rows


# ---- login


def test_a_login_answers_the_key_and_the_uid(paper: PaperProcess) -> None:
    """Both as text, and no acknowledgement before it."""
    with a_trader(paper) as trader:
        frame = trader.login()
    assert frame["data"] == {"result": {"api_key": trader.account.api_key, "uid": trader.account.uid}}
    assert (frame["request_id"], frame["header"]["status"], "ack" in frame) == ("login-1", "200", False)


@pytest.mark.parametrize(
    ("said", "label"),
    [({"secret": "wrong"}, "INVALID_SIGNATURE"), ({"timestamp": 1_600_000_000}, "REQUEST_EXPIRED")],
)
def test_a_wrong_login_is_refused_and_leaves_one_out(paper: PaperProcess, said: dict[str, Any], label: str) -> None:
    """And what follows says that nobody is logged in."""
    with a_trader(paper) as trader:
        assert status(trader.login(**said)) == ("401", label)
        assert status(trader.ask("order_place", ORDER)) == ("400", "AUTHENTICATION_FAILED")


def test_a_login_does_not_stand_in_for_a_subscription(trader: Trader) -> None:
    """Channels are signed each by itself."""
    trader.socket.send(json.dumps(
        {"time": int(time.time()), "channel": "futures.orders", "event": "subscribe",
         "payload": [trader.account.uid, "!all"]}
    ))  # fmt: skip

    assert trader.hear()["error"]["code"] == 4


# ---- commands


def test_a_placement_is_acknowledged_and_then_answered(trader: Trader) -> None:
    """The acknowledgement repeats the question; the result leaves out what is as usual."""
    trader.send("order_place", ORDER)
    ack, result = trader.hear(), trader.hear()
    assert (ack["ack"], ack["data"]["result"]) == (True, {"req_id": "r-1", "req_header": None, "req_param": ORDER})
    assert (result["ack"], result["request_id"]) == (False, "r-1")
    order = result["data"]["result"]

    assert (order["status"], order["size"], order["left"], order["text"]) == ("open", 2, 2, "t-ws")
    assert not {"iceberg", "is_close", "is_liq", "is_reduce_only", "refu", "stp_id", "finish_as"} & set(order)
    header = result["header"]
    assert (header["status"], header["channel"], header["event"]) == ("200", "futures.order_place", "api")
    assert isinstance(header["response_time"], str) and isinstance(header["x_in_time"], int)
    assert (header["x_gate_ratelimit_requests_remain"], header["x_gate_ratelimit_limit"]) == (99, 100)
    assert abs(header["x_gat_ratelimit_reset_timestamp"] - time.time() * 1000) < 5_000


def test_an_order_without_a_text_came_over_the_socket(trader: Trader) -> None:
    """As one over REST came over the `api`."""
    order = trader.ask("order_place", ORDER | {"text": None, "price": "0", "tif": "ioc"})["data"]["result"]

    assert (order["text"], order["finish_as"], order["left"]) == ("apiv4-ws", "filled", 0)


def test_an_order_is_read_amended_and_cancelled(trader: Trader) -> None:
    """By id and by text; these have no acknowledgement."""
    number = str(trader.ask("order_place", ORDER)["data"]["result"]["id"])
    answer = trader.ask("order_amend", {"order_id": number, "price": "60001", "size": 3})
    amended = answer["data"]["result"]
    assert ("ack" in answer, amended["price"], amended["size"]) == (False, "60001", 3)
    assert trader.ask("order_status", {"order_id": "t-ws"})["data"]["result"]["left"] == 3
    listed = trader.ask("order_list", {"contract": BTC, "status": "open"})
    assert [row["id"] for row in listed["data"]["result"]] == [int(number)]
    assert "x_gate_ratelimit_limit" not in listed["header"]
    gone = trader.ask("order_cancel", {"order_id": number})["data"]["result"]

    assert (gone["status"], gone["finish_as"], gone["left"]) == ("finished", "cancelled", 3)
    assert status(trader.ask("order_cancel", {"order_id": number})) == ("404", "ORDER_NOT_FOUND")
    unknown = trader.ask("order_cancel", {"order_id": "t-nobody"})
    assert status(unknown) == ("400", "ORDER_NOT_FOUND")
    assert unknown["data"]["errs"]["message"] == "label: ORDER_NOT_FOUND, message: "


def test_batches_tell_each_outcome(trader: Trader) -> None:
    """What failed has no `succeeded`, for false is as usual."""
    placed = trader.ask("order_batch_place", [ORDER, ORDER | {"size": 900_000}])["data"]["result"]
    outcomes = [(row.get("succeeded"), row.get("label")) for row in placed]
    assert outcomes == [(True, None), (None, "INSUFFICIENT_AVAILABLE")]
    number = str(placed[0]["id"])
    gone = trader.ask("order_cancel_ids", [number, "123"])["data"]["result"]

    uid = int(trader.account.uid)
    assert gone == [
        {"user_id": uid, "id": number, "succeeded": True}, {"user_id": uid, "id": "123", "message": "ORDER_NOT_FOUND"},
    ]  # fmt: skip
    assert [row["succeeded"] for row in trader.ask("order_batch_place", ORDER)["data"]["result"]] == [True]


def test_a_side_of_a_contract_is_cancelled_at_once(trader: Trader) -> None:
    """`order_cancel_cp` takes what DELETE orders takes."""
    for size, price in ((1, "60000"), (1, "60001"), (-1, "70000")):
        trader.ask("order_place", ORDER | {"size": size, "price": price})
    gone = trader.ask("order_cancel_cp", {"contract": BTC, "side": "bid"})["data"]["result"]

    assert sorted(row["price"] for row in gone) == ["60000", "60001"]


def test_a_refused_order_says_why_after_its_acknowledgement(trader: Trader) -> None:
    """The acknowledgement only says that it was read."""
    trader.send("order_place", ORDER | {"price": "10"})
    ack, refused = trader.hear(), trader.hear()

    assert (ack["ack"], refused["ack"], status(refused)) == (True, False, ("400", "PRICE_TOO_DEVIATED"))


def test_a_command_may_come_too_late(paper: PaperProcess, trader: Trader) -> None:
    """The expiry travels in `req_header`, and is acknowledged with the rest."""
    trader.send("order_place", ORDER, x_gate_exptime="1000")
    ack, refused = trader.hear(), trader.hear()

    assert ack["data"]["result"]["req_header"] == {"x-gate-exptime": "1000"}
    assert status(refused) == ("400", "REQUEST_EXPIRED") and not orders(paper, trader)


def test_sizes_are_text_for_a_socket_that_asked_for_it(paper: PaperProcess) -> None:
    """The header of the handshake rules here too."""
    account = paper.account()
    with connect(paper.ws_url, compression=None, additional_headers={"X-Gate-Size-Decimal": "1"}) as socket:
        trader = Trader(socket, account)
        trader.login()
        order = trader.ask("order_place", ORDER)["data"]["result"]

    assert (order["size"], order["left"]) == ("2", "2") and "iceberg" not in order


def test_commands_have_an_allowance_of_their_own_and_batches_count_each_order(trader: Trader) -> None:
    """100 a second for all of them together, reads apart."""
    for _ in range(10):
        trader.send("order_batch_place", [ORDER | {"price": "10"}] * 10)
    trader.send("order_cancel", {"order_id": "5"})
    trader.send("order_status", {"order_id": "5"})
    answers = [frame for frame in (trader.hear() for _ in range(22)) if not frame.get("ack")]
    refused = [frame for frame in answers if frame["header"]["status"] == "429"]
    if not refused:  # the machine was slow, and the second over
        pytest.skip("ten batches took longer than the allowance needs to come back")

    assert refused[0]["data"]["errs"] == {
        "label": "TOO_MANY_REQUESTS", "message": "Request Rate limit Exceeded (311)",
    }  # fmt: skip
    assert refused[0]["header"]["x_gate_ratelimit_requests_remain"] == 0
    assert status(answers[-1]) == ("404", "ORDER_NOT_FOUND")


# ---- what may go wrong


def test_a_cut_reply_leaves_the_order_and_takes_the_socket(paper: PaperProcess, trader: Trader) -> None:
    """The caller hears that it was read, perhaps, and never what became of it."""
    paper.fault("cut_reply", uid=trader.account.uid, count=1)
    trader.send("order_place", ORDER)
    with pytest.raises(ConnectionClosed):
        while True:
            assert trader.hear()["ack"] is True

    assert [(row["text"], row["status"]) for row in orders(paper, trader)] == [("t-ws", "open")]


def test_a_delayed_reply_comes_after_what_was_asked_later(paper: PaperProcess, trader: Trader) -> None:
    """Answers are told by their request id and not by their order."""
    paper.fault("delay_reply", uid=trader.account.uid, count=1, ms=300)
    trader.send("order_place", ORDER)
    assert trader.hear()["ack"] is True
    trader.send("order_status", {"order_id": "t-ws"})

    assert [trader.hear()["request_id"] for _ in range(2)] == ["r-2", "r-1"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("http_429", ("429", "TOO_MANY_REQUESTS")),
        ("reject_order", ("400", "INSUFFICIENT_AVAILABLE")),
    ],
)
def test_a_definite_refusal_leaves_no_order(
    paper: PaperProcess, trader: Trader, kind: str, expected: tuple[str, str]
) -> None:
    """These may be tried again."""
    paper.fault(kind, uid=trader.account.uid, count=1)
    assert status(trader.ask("order_place", ORDER)) == expected
    assert not orders(paper, trader)

    assert trader.ask("order_place", ORDER)["header"]["status"] == "200"


def test_an_internal_error_says_nothing_about_the_outcome(paper: PaperProcess, trader: Trader) -> None:
    """Some of these orders exist and some do not."""
    paper.fault("http_5xx", uid=trader.account.uid)
    answers = [trader.ask("order_place", ORDER) for _ in range(20)]

    assert {status(frame) for frame in answers} == {("502", "INTERNAL")}
    assert 0 < len(orders(paper, trader)) < 20


def test_a_revoked_or_read_only_key_places_nothing_more(paper: PaperProcess, trader: Trader) -> None:
    """The login of yesterday is worth what its key is worth today."""
    key: Callable[..., Any] = lambda **said: paper.ask("POST", "/paper/keys", {"uid": trader.account.uid} | said)  # noqa: E731
    key(read_only=True)
    assert status(trader.ask("order_place", ORDER)) == ("403", "READ_ONLY")
    assert trader.ask("order_list", {"status": "open"})["data"]["result"] == []
    key(revoked=True)
    assert status(trader.ask("order_list", {"status": "open"})) == ("401", "INVALID_KEY")
    key(ips=["10.9.9.9"])
    assert status(trader.ask("order_list", {"status": "open"})) == ("403", "IP_FORBIDDEN")

    assert not orders(paper, trader)


# ---- the venue goes away


def test_an_upgrade_is_announced_before_the_socket_is_closed_and_a_new_one_is_taken_meanwhile(
    paper: PaperProcess, trader: Trader
) -> None:
    """Time enough to connect anew before the old line breaks."""
    said = paper.fault("upgrade", ms=400, uid=trader.account.uid)
    notice, told_s = trader.hear(), time.monotonic()
    assert said["told"] == 1 and notice["channel"] == "futures.system"
    assert (notice["event"], notice["result"]["type"]) == ("update", "upgrade")
    with connect(paper.ws_url, compression=None) as other:
        successor = Trader(other, trader.account)
        assert successor.login()["header"]["status"] == "200"
        assert trader.ask("order_list", {"status": "open"})["data"]["result"] == []
        with pytest.raises(ConnectionClosed):
            trader.hear()

        assert 0.2 < time.monotonic() - told_s < 2 and paper.ask("GET", "/paper/faults") == []
        assert successor.ask("order_place", ORDER)["header"]["status"] == "200"


def test_in_maintenance_commands_are_refused_and_the_socket_goes(paper: PaperProcess, trader: Trader) -> None:
    """Nobody is let in again before it is over."""
    paper.fault("maintenance", ms=300)
    assert trader.hear()["result"]["type"] == "upgrade"
    assert status(trader.ask("order_place", ORDER)) == ("503", "INTERNAL")
    with pytest.raises(ConnectionClosed):
        trader.hear()
    paper.clear_faults()

    assert not orders(paper, trader)
