"""An exchange at whose OKX door everything has happened once, with all that was answered and pushed."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import orjson

from shared.paper.exchange import Exchange
from shared.paper.okx.calls import Call
from shared.paper.okx.door import OkxDoor
from tests.paper.okx_client import SPOT, SWAP, OkxClient, OkxListener, hold_okx

GUARD = {"slTriggerPx": "65000", "slOrdPx": "-1", "tpTriggerPx": "70000", "tpOrdPx": "-1", "attachAlgoClOrdId": "g1"}
CLOSE = {"instId": SWAP, "tdMode": "cross", "side": "sell", "sz": "5", "reduceOnly": True}
PUBLIC = {
    "public/time": "", "public/instruments": "instType=SWAP", "public/price-limit": f"instId={SWAP}",
    "public/mark-price": "instType=SWAP", "public/funding-rate": f"instId={SWAP}",
    "public/funding-rate-history": f"instId={SWAP}", "public/open-interest": "instType=SWAP",
    "public/position-tiers": "instType=SWAP", "market/ticker": f"instId={SWAP}", "market/tickers": "instType=SPOT",
    "market/index-tickers": "instId=BTC-USDT", "market/books": f"instId={SWAP}&sz=5",
    "market/books-full": f"instId={SWAP}&sz=5", "market/candles": f"instId={SWAP}",
    "market/history-candles": f"instId={SWAP}", "market/trades": f"instId={SWAP}",
    "market/history-trades": f"instId={SWAP}", "system/status": "",
}  # fmt: skip
PRIVATE = {
    "account/config": {}, "account/balance": {}, "account/positions": {}, "account/instruments": {"instType": "SPOT"},
    "account/trade-fee": {"instType": "SWAP"}, "account/leverage-info": {"instId": SWAP, "mgnMode": "cross"},
    "asset/currencies": {}, "asset/balances": {}, "asset/asset-valuation": {}, "trade/orders-pending": {},
    "trade/orders-history": {"instType": "SWAP"}, "trade/orders-history-archive": {"instType": "SWAP"},
    "trade/fills": {}, "trade/fills-history": {"instType": "SPOT"},
    "trade/orders-algo-pending": {"ordType": "move_order_stop"},
    "trade/orders-algo-history": {"ordType": "oco", "state": "effective"},
}  # fmt: skip


class Scene:
    """Replies by their path, frames by their channel, acknowledgements by their event; the newest of each."""

    def __init__(self) -> None:
        self.door = OkxDoor(Exchange(), limits_on=False)
        hold_okx(self.door, "67500")
        self.client = OkxClient(self.door, balances={"USDT": "100000", "BTC": "1"}, funding={"USDT": "5"}, vip=4)
        self.other = OkxClient(self.door, balances={"USDT": "100000"})
        self.replies: dict[str, Any] = {}
        self.pushes: dict[str, list[Any]] = defaultdict(list)
        self.events: dict[str, Any] = {}
        self.ears = [OkxListener(self.client, place, logs_in=False) for place in ("private", "business", "public")]
        self.events["login"] = self.ears[0].login()
        self.ears[1].login()
        self._follow()
        self._trade()
        self._wait_for_prices()
        self._read()
        self._end()

    def post(self, path: str, body: object, name: str = "") -> Any:
        """A call whose whole answer is kept."""
        self.replies[name or path] = answer = self.client.body("POST", path, None, body)
        self.hear()
        return answer

    def hear(self) -> None:
        for ears in self.ears:
            for frame in ears.heard():
                if "data" in frame and "arg" in frame:
                    self.pushes[frame["arg"]["channel"]].append(frame)
                else:
                    self.events[frame.get("event") or frame["op"]] = frame

    def _follow(self) -> None:
        private, business, public = self.ears
        self._take(private.subscribe("orders", "account", "positions", "balance_and_position", "fills"))
        self._take(business.subscribe("orders-algo", "algo-advance"))
        self._take(business.subscribe("candle1m", "trades-all", instId=SWAP))
        names = ("tickers", "books", "books5", "bbo-tbt", "trades", "mark-price", "price-limit", "funding-rate")
        self._take(public.subscribe(*names, instId=SWAP))
        self._take(public.subscribe("index-tickers", instId=SPOT))
        self._take(public.subscribe("instruments", instType="SWAP"))
        self._take(public.subscribe("nothing"))

    def _take(self, frames: list[Any]) -> None:
        for frame in frames:
            if "data" in frame:
                self.pushes[frame["arg"]["channel"]].append(frame)
            else:
                self.events[frame["event"]] = frame

    def _trade(self) -> None:
        client = self.client
        order = client.order("buy", 5, "67500", attachAlgoOrds=[GUARD], clOrdId="guarded")
        self.guarded = self.post("trade/order", order)["data"][0]["ordId"]
        self.replies["pending guarded"] = client.body("GET", "trade/orders-pending")
        rest = [client.order("buy", 1, "66000"), client.order("buy", "0.001", "66000")]
        placed = self.post("trade/batch-orders", rest)["data"][0]["ordId"]
        self.post("trade/amend-order", {"instId": SWAP, "ordId": placed, "newSz": "3"})
        self.post("trade/amend-batch-orders", [{"instId": SWAP, "ordId": placed, "newSz": "4"}])
        self.post("trade/cancel-order", {"instId": SWAP, "ordId": placed})
        self.post("trade/cancel-batch-orders", [{"instId": SWAP, "ordId": placed}])
        self.other.place("sell", 2, "67500")
        self.replies["partly filled"] = client.body("GET", "trade/order", {"instId": SWAP, "ordId": self.guarded})
        self.other.place("sell", 3, "67500")
        self.hear()
        self.post("trade/order", client.order("buy", 100, instId=SPOT), "spot")
        spot = self.replies["spot"]["data"][0]["ordId"]
        self.replies["spot order"] = client.body("GET", "trade/order", {"instId": SPOT, "ordId": spot})
        over_socket = client.order("buy", 1, "66000") | {"instIdCode": 10459}
        self.events["order"] = self.ears[0].do("order", over_socket)
        self.events["refused"] = self.ears[0].do("order", over_socket | {"sz": "100000"})
        self.events["cancel-order"] = self.ears[0].do("cancel-order", {"instIdCode": 10459, "ordId": "1"})
        listing = self.door.engine.listings[SWAP]
        self.door.engine.funding.charge(listing, Decimal("0.0001"), self.door.exchange.now_ms())
        self.hear()

    def _wait_for_prices(self) -> None:
        self.post("trade/order-algo", CLOSE | {"ordType": "move_order_stop", "callbackRatio": "0.1"})
        trigger = CLOSE | {"ordType": "trigger", "triggerPx": "60000", "orderPx": "-1"}
        algo_id = self.post("trade/order-algo", trigger, "trigger")["data"][0]["algoId"]
        self.post("trade/amend-algos", {"instId": SWAP, "algoId": algo_id, "newSz": "3"})
        self.replies["trade/order-algo?"] = self.client.body("GET", "trade/order-algo", {"algoId": algo_id})
        self.post("trade/cancel-algos", [{"instId": SWAP, "algoId": algo_id}])
        self.replies["oco pending"] = self.client.body("GET", "trade/orders-algo-pending", {"ordType": "oco"})
        self.replies["held"] = self.client.body("GET", "account/positions")
        hold_okx(self.door, "70100")
        self.door.tick(self.door.exchange.now_ms())
        self.hear()

    def _read(self) -> None:
        self.client.place("buy", 2)
        self.client.place("buy", 1, "66000")
        self.replies["trade/order?"] = self.client.body("GET", "trade/order", {"instId": SWAP, "clOrdId": "guarded"})
        for path, query in PRIVATE.items():
            self.replies[path] = self.client.body("GET", path, query)
        for path, text in PUBLIC.items():
            self.replies[path] = self.ask(path, text)

    def _end(self) -> None:
        self.post("trade/close-position", {"instId": SWAP, "mgnMode": "cross", "autoCxl": True})
        self.post("trade/cancel-all-after", {"timeOut": "60"})
        lever = {"instId": SWAP, "lever": "20", "mgnMode": "cross"}
        self.post("account/set-leverage", lever)
        moved = self.post("asset/transfer", {"ccy": "USDT", "amt": "1", "from": "6", "to": "18"})["data"][0]
        query = {"transId": moved["transId"]}
        self.replies["asset/transfer-state"] = self.client.body("GET", "asset/transfer-state", query)
        for order in list(self.client.account.open_orders.values()):
            self.door.engine.cancel(order, self.door.exchange.now_ms())
        self.post("account/set-position-mode", {"posMode": "long_short_mode"})
        self.post("account/set-account-level", {"acctLv": "3"})
        self.hear()

    def ask(self, path: str, query: str) -> Any:
        """A public call."""
        now_ms = self.door.exchange.now_ms()
        reply = self.door.handle(Call(self.door, "GET", f"/api/v5/{path}", query, b"", {}, "127.0.0.1", now_ms))
        return json.loads(orjson.dumps(reply.to_body(0, 0)))
