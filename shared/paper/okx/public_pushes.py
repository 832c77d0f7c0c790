"""OKX's public pushes: tickers, trades, books, prices and candles, for those who follow them.

Nothing is computed for a channel that nobody follows. What goes out by time goes out with the market's steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from shared.paper.facts import Traded
from shared.paper.listing import Listing
from shared.paper.numbers import plain
from shared.paper.okx.instruments import family_of, instrument_row, is_spot, kind_of
from shared.paper.okx.public import (
    BARS,
    bars,
    book_row,
    candle_row,
    funding_row,
    index_row,
    mark_row,
    price_limit_row,
    ticker_row,
    trade_row,
)
from shared.paper.okx.sockets import Row, Socket, Subscription
from shared.paper.sockets import to_frame
from shared.paper.wallets import SWAP

if TYPE_CHECKING:
    from shared.paper.okx.stream import OkxStream

TRADES, BOOKS, BOOKS5, BEST, INSTRUMENTS, STATUS = "trades", "books", "books5", "bbo-tbt", "instruments", "status"
ALL_TRADES, CANDLE = "trades-all", "candle"
BY_TIME = ("tickers", "mark-price", "index-tickers", "price-limit", "funding-rate")
PUBLIC_CHANNELS = frozenset((*BY_TIME, TRADES, BOOKS, BOOKS5, BEST, INSTRUMENTS, STATUS))
BUSINESS_CHANNELS = frozenset((ALL_TRADES, *(CANDLE + bar for bar in BARS)))
DEPTHS = {BOOKS5: 5, BEST: 1}
BOOK_DEPTH = 400
Key = tuple[str, str]


class PublicPushes:
    """Who follows which public channel, and what they are sent."""

    def __init__(self, stream: OkxStream) -> None:
        self.stream, self.door, self.exchange = stream, stream.door, stream.door.exchange
        self._followers: dict[Key, dict[Socket, Subscription]] = defaultdict(dict)
        self._makers: dict[str, Callable[[Listing, int], Row]] = {
            "tickers": lambda listing, now_ms: ticker_row(self.door.day_of(listing), listing, now_ms),
            "mark-price": mark_row,
            "index-tickers": lambda listing, now_ms: index_row(self.door.day_of(listing), listing, now_ms),
            "price-limit": price_limit_row,
            "funding-rate": funding_row,
            BOOKS5: lambda listing, now_ms: self._small_book(listing, 5, now_ms),
            BEST: lambda listing, now_ms: self._small_book(listing, 1, now_ms),
        }

    def is_unknown(self, channel: str, arg: Row) -> bool:
        """Whether nothing can come of this argument."""
        if channel == STATUS:
            return False
        if channel == INSTRUMENTS:
            return arg.get("instType") not in ("SPOT", "SWAP", "FUTURES", "MARGIN", "OPTION")
        listing = self.door.engine.listings.get(str(arg.get("instId")))
        if listing is None:
            return True
        if channel == "index-tickers":
            return not is_spot(listing.contract)
        return channel == "funding-rate" and kind_of(listing.contract) != SWAP

    def follow(self, socket: Socket, subscription: Subscription, *, is_known: bool) -> None:
        """Send this channel to a socket from now on, and how things stand at once."""
        channel, name = subscription.channel, str(subscription.arg.get("instId") or "")
        self._followers[channel, name][socket] = subscription
        now_ms = self.exchange.now_ms()
        if channel == INSTRUMENTS:
            everything = [each.contract for each in self.door.engine.listings.values()]
            family = subscription.arg.get("instFamily")
            meant = [c for c in everything if kind_of(c) == subscription.arg["instType"]]
            rows = [instrument_row(c) for c in meant if family in (None, "", family_of(c))]
            self._send_one(socket, subscription, {"data": rows})
        elif channel == BOOKS:
            row = book_row(self.door.engine.listings[name], BOOK_DEPTH, now_ms)
            row |= {"checksum": 0, "prevSeqId": -1}
            self._send_one(socket, subscription, {"action": "snapshot", "data": [row]})
        elif channel in self._makers:
            row = self._makers[channel](self.door.engine.listings[name], now_ms)
            self._send_one(socket, subscription, {"data": [row]})
        elif channel.startswith(CANDLE):
            self._send_one(socket, subscription, {"data": [self._candle(channel, self.door.engine.listings[name])]})

    def unfollow(self, socket: Socket, subscription: Subscription) -> None:
        """Stop sending it."""
        key = (subscription.channel, str(subscription.arg.get("instId") or ""))
        followers = self._followers.get(key)
        if followers is not None:
            followers.pop(socket, None)
            if not followers:
                del self._followers[key]

    def on_trade(self, traded: Traded) -> None:
        """Push a public trade."""
        for channel in (TRADES, ALL_TRADES):
            if (channel, traded.contract.name) in self._followers:
                row = trade_row(traded) | {"count": "1"}
                if channel == ALL_TRADES:
                    row.pop("count")
                self._send((channel, traded.contract.name), {"data": [row]})

    def tick(self, now_ms: int) -> None:
        """Push what goes out by time."""
        for name, listing in self.door.engine.listings.items():
            self._publish_book(name, listing, now_ms)
        for channel, name in list(self._followers):
            if channel in self._makers:
                row = self._makers[channel](self.door.engine.listings[name], now_ms)
                self._send((channel, name), {"data": [row]})
            elif channel.startswith(CANDLE):
                self._send((channel, name), {"data": [self._candle(channel, self.door.engine.listings[name])]})

    def _candle(self, channel: str, listing: Listing) -> list[str]:
        last = bars(self.door.candles_of(listing), BARS[channel.removeprefix(CANDLE)])[-1]
        return candle_row(listing, last, is_last=True)

    def _small_book(self, listing: Listing, depth: int, now_ms: int) -> Row:
        row = book_row(listing, depth, now_ms)
        return row if depth == 1 else row | {"instId": listing.contract.name}

    def _publish_book(self, name: str, listing: Listing, now_ms: int) -> None:
        """Push the levels that changed since the last time; each push names the one before it."""
        book = listing.book
        changes = len(book.bids.dirty) + len(book.asks.dirty)
        if not changes:
            return
        before, book.version = book.version, book.version + changes
        if (BOOKS, name) in self._followers:
            row: Row = {"ts": str(now_ms), "checksum": 0, "prevSeqId": before, "seqId": book.version}
            for word, side in (("asks", book.asks), ("bids", book.bids)):
                row[word] = [
                    [
                        plain(p),
                        plain(side.totals[p]) if p in side.totals else "0",
                        "0",
                        str(len(side.levels.get(p, ()))),
                    ]
                    for p in sorted(side.dirty)
                ]
            self._send((BOOKS, name), {"action": "update", "data": [row]})
        book.bids.dirty.clear()
        book.asks.dirty.clear()

    def _send(self, key: Key, body: Row) -> None:
        for socket, subscription in list(self._followers[key].items()):
            self._send_one(socket, subscription, body)

    def _send_one(self, socket: Socket, subscription: Subscription, body: Row) -> None:
        socket.write(to_frame(orjson.dumps({"arg": subscription.arg} | body)))
        socket.spoke_ms = self.exchange.real_ms()
