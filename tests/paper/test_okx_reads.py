"""OKX's lists: pages, windows, filters, and what it has forgotten."""

from __future__ import annotations

import pytest

from tests.paper.okx_client import SPOT, SWAP, OkxClient


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["ordId"] for row in rows]


def test_an_order_is_found_by_either_id_of_its_own_instrument(okx: OkxClient) -> None:
    """The venue's id counts before the client's."""
    order_id = okx.place("buy", 1, "66000", clOrdId="mine")

    assert okx.get("trade/order", instId=SWAP, clOrdId="mine")[0]["ordId"] == order_id
    assert okx.get("trade/order", instId=SWAP, ordId=order_id, clOrdId="other")[0]["ordId"] == order_id
    for query in (
        {"instId": SPOT, "ordId": order_id},
        {"instId": SWAP, "ordId": "1"},
        {"instId": SWAP, "clOrdId": "x"},
    ):
        assert okx.refused("GET", "trade/order", query) == "51603"
    assert okx.refused("GET", "trade/order", {"instId": SWAP}) == "51003"
    assert okx.refused("GET", "trade/order", {"ordId": order_id}) == "50014"


def test_pending_orders_come_newest_first_in_pages(okx: OkxClient) -> None:
    """`after` asks for what is older, `before` for what is newer, neither with the id itself."""
    first, second, third = (okx.place("buy", 1, price) for price in ("66000", "66001", "66002"))

    assert ids(okx.get("trade/orders-pending")) == [third, second, first]
    assert ids(okx.get("trade/orders-pending", limit="2")) == [third, second]
    assert ids(okx.get("trade/orders-pending", after=second)) == [first]
    assert ids(okx.get("trade/orders-pending", before=second)) == [third]
    assert ids(okx.get("trade/orders-pending", before=first, limit="1")) == [third]
    assert okx.get("trade/orders-pending", instType="SPOT") == []
    assert okx.get("trade/orders-pending", instId="ETH-USDT-SWAP") == []
    assert len(okx.get("trade/orders-pending", state="live", ordType="limit,post_only", instFamily="BTC-USDT")) == 3
    assert okx.refused("GET", "trade/orders-pending", {"state": "filled"}) == "51000"
    assert okx.refused("GET", "trade/orders-pending", {"after": "x"}) == "51000"


def test_a_page_has_a_hundred_rows_at_most(okx: OkxClient) -> None:
    """Whatever is asked."""
    okx.door.limits.is_on = False
    for _ in range(120):
        okx.place("buy", "0.01", "66000")
    page = okx.get("trade/orders-pending", limit="500")

    assert len(page) == 100 and len(okx.get("trade/orders-pending", after=page[-1]["ordId"])) == 20


def test_what_was_cancelled_unfilled_is_forgotten_after_two_hours(
    okx: OkxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What filled anything is kept; the archive never knew the others."""
    gone, filled = okx.place("buy", 1, "66000"), okx.place("buy", 1)
    okx.post("trade/cancel-order", {"instId": SWAP, "ordId": gone})
    assert ids(okx.get("trade/orders-history", instType="SWAP")) == [filled, gone]
    assert ids(okx.get("trade/orders-history-archive", instType="SWAP")) == [filled]
    assert okx.show(gone)["cancelSource"] == "1"
    okx.door.exchange.skew_ms = 2 * 3_600_000 + 1_000

    assert ids(okx.get("trade/orders-history", instType="SWAP")) == [filled]
    assert okx.refused("GET", "trade/order", {"instId": SWAP, "ordId": gone}) == "51603"
    assert okx.show(filled)["state"] == "filled"


def test_histories_have_windows(okx: OkxClient) -> None:
    """A week, three months; fills three days, three months."""
    okx.place("buy", 1)
    day_ms = 86_400_000
    lists = ("orders-history", "orders-history-archive", "fills", "fills-history")
    for days, known in ((2, [1, 1, 1, 1]), (5, [1, 1, 0, 1]), (30, [0, 1, 0, 1]), (100, [0, 0, 0, 0])):
        okx.door.exchange.skew_ms = days * day_ms
        assert [len(okx.get(f"trade/{name}", instType="SWAP")) for name in lists] == known
    for name in ("orders-history", "orders-history-archive", "fills-history"):
        assert okx.refused("GET", f"trade/{name}") == "50014"


def test_histories_are_narrowed_by_time_and_by_how_they_ended(okx: OkxClient) -> None:
    """begin and end are both included."""
    filled, cancelled = okx.place("buy", 1), okx.place("buy", 1, "66000")
    okx.post("trade/cancel-order", {"instId": SWAP, "ordId": cancelled})
    at = okx.show(filled)["cTime"]

    assert ids(okx.get("trade/orders-history", instType="SWAP", state="filled")) == [filled]
    assert filled in ids(okx.get("trade/orders-history", instType="SWAP", begin=at, end=at))
    assert okx.get("trade/orders-history", instType="SWAP", end=str(int(at) - 1)) == []
    assert okx.get("trade/orders-history", instType="SWAP", category="adl") == []
    assert okx.refused("GET", "trade/orders-history", {"instType": "SWAP", "state": "live"}) == "51000"


def test_fills_are_paged_by_their_bills(okx: OkxClient) -> None:
    """Not by trades, whose ids are each instrument's own."""
    first = okx.place("buy", 1)
    second = okx.place("buy", "0.01", instId=SPOT, tgtCcy="base_ccy")
    newest, oldest = okx.get("trade/fills")

    assert [newest["ordId"], oldest["ordId"]] == [second, first] and int(newest["billId"]) > int(oldest["billId"])
    assert okx.get("trade/fills", after=newest["billId"]) == [oldest]
    assert okx.get("trade/fills", before=oldest["billId"]) == [newest]
    assert okx.get("trade/fills", instType="SPOT") == okx.get("trade/fills", ordId=second) == [newest]
    assert (oldest["feeRate"], newest["feeRate"], newest["feeCcy"]) == ("", "-0.001", "BTC")


def test_a_fills_profit_is_its_own(okx: OkxClient) -> None:
    """The order's is the sum."""
    okx.place("buy", 30)
    order_id = okx.place("sell", 30)
    fills = okx.get("trade/fills", ordId=order_id)

    assert len(fills) > 1
    assert sum(float(fill["fillPnl"]) for fill in fills) == pytest.approx(float(okx.show(order_id)["pnl"]))


def test_nobody_sees_what_is_another_accounts(okx: OkxClient) -> None:
    """Not by its id, not in a list."""
    order_id = okx.place("buy", 1, "66000")
    okx.place("buy", 1)
    other = OkxClient(okx.door)

    assert other.refused("GET", "trade/order", {"instId": SWAP, "ordId": order_id}) == "51603"
    assert other.refused("POST", "trade/cancel-order", None, {"instId": SWAP, "ordId": order_id}) == "51400"
    assert other.get("trade/fills") == other.get("account/positions") == other.get("trade/orders-pending") == []
