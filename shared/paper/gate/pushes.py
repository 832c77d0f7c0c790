"""Gate's public pushes: tickers, trades, best prices, books and candles, for those who follow them.

Nothing is computed for a channel that nobody follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shared.paper.facts import Traded
from shared.paper.gate.calls import encode_json
from shared.paper.gate.forms import Row, plain, size_of
from shared.paper.gate.market_rows import levels, public_trade_row, ticker_row
from shared.paper.gate.public import INTERVALS
from shared.paper.gate.sockets import ALL, Socket
from shared.paper.listing import Listing
from shared.paper.sockets import to_frame

if TYPE_CHECKING:
    from shared.paper.gate.door import GateDoor

TICKERS, TRADES, BEST, BOOK, BOOK_UPDATE, CANDLES = (
    "futures.tickers", "futures.trades", "futures.book_ticker", "futures.order_book", "futures.order_book_update",
    "futures.candlesticks",
)  # fmt: skip
PUBLIC_CHANNELS = frozenset((TICKERS, TRADES, BEST, BOOK, BOOK_UPDATE, CANDLES))
BOOK_DEPTH = 20


class PublicPushes:
    """Who follows which public channel, and what they are sent."""

    def __init__(self, door: GateDoor) -> None:
        self.door = door
        self._followers: dict[tuple[str, str], dict[Socket, tuple[str, ...]]] = defaultdict(dict)

    def unknown(self, channel: str, payload: list[str]) -> str | None:
        """The first name in a payload that is no contract."""
        names = self._names(channel, payload)
        return next((name for name in names or [""] if name != ALL and name not in self.door.engine.listings), None)

    def _names(self, channel: str, payload: list[str]) -> list[str]:
        if channel in (BOOK, BOOK_UPDATE):
            return payload[:1]
        return payload[1:2] if channel == CANDLES else payload

    def follow(self, socket: Socket, channel: str, payload: list[str]) -> None:
        """Send this channel to a socket from now on."""
        for name in self._expanded(channel, payload):
            self._followers[channel, name][socket] = tuple(payload)
            socket.public.setdefault(channel, []).append((name,))
        self.tick(self.door.exchange.now_ms())

    def unfollow(self, socket: Socket, channel: str, payload: list[str]) -> None:
        """Stop sending it."""
        for name in self._expanded(channel, payload):
            self._drop(socket, channel, name)
        socket.public.pop(channel, None)

    def forget(self, socket: Socket) -> None:
        """A socket is gone."""
        for channel, names in socket.public.items():
            for (name,) in names:
                self._drop(socket, channel, name)
        socket.public.clear()

    def _expanded(self, channel: str, payload: list[str]) -> Iterable[str]:
        names = self._names(channel, payload)
        return list(self.door.engine.listings) if ALL in names else names

    def _drop(self, socket: Socket, channel: str, name: str) -> None:
        followers = self._followers.get((channel, name))
        if followers is not None:
            followers.pop(socket, None)
            if not followers:
                del self._followers[channel, name]

    def _send(self, channel: str, name: str, event: str, result: Any, *, is_decimal: bool | None = None) -> None:
        now_ms = self.door.exchange.now_ms()
        body = {"time": now_ms // 1000, "time_ms": now_ms, "channel": channel, "event": event, "result": result}
        frame = to_frame(encode_json(body))
        for socket in list(self._followers[channel, name]):
            if is_decimal in (None, socket.is_decimal):
                socket.write(frame)
                socket.spoke_ms = self.door.exchange.real_ms()

    def _forms(self, channel: str, name: str) -> set[bool]:
        followers = self._followers.get((channel, name), {})
        return {socket.is_decimal for socket in followers}

    def on_trade(self, trade: Traded) -> None:
        """Push a public trade."""
        for form in self._forms(TRADES, trade.contract.name):
            row = public_trade_row(trade, form)
            row |= {"create_time": trade.time_ms // 1000, "create_time_ms": trade.time_ms}
            self._send(TRADES, trade.contract.name, "update", [row], is_decimal=form)

    def tick(self, now_ms: int) -> None:
        """Push what goes out by time."""
        self.publish_books()
        for name, listing in self.door.engine.listings.items():
            for form in self._forms(TICKERS, name):
                row = ticker_row(self.door.day_of(listing), listing, form)
                self._send(TICKERS, name, "update", [row], is_decimal=form)
            for form in self._forms(BEST, name):
                self._send(BEST, name, "update", self._best(listing, form, now_ms), is_decimal=form)
            for form in self._forms(BOOK, name):
                self._send(BOOK, name, "all", self._book(listing, form, now_ms), is_decimal=form)
            for form in self._forms(CANDLES, name):
                self._candles(listing, name, form)

    def _best(self, listing: Listing, form: bool, now_ms: int) -> Row:
        bids, asks = listing.book.bids, listing.book.asks
        row: Row = {
            "t": now_ms,
            "u": listing.book.version,
            "s": listing.contract.name,
            "b": "",
            "B": 0,
            "a": "",
            "A": 0,
        }
        if bids.prices:
            row |= {"b": plain(bids.best_price), "B": size_of(bids.totals[bids.best_price], form)}
        if asks.prices:
            row |= {"a": plain(asks.best_price), "A": size_of(asks.totals[asks.best_price], form)}
        return row

    def _book(self, listing: Listing, form: bool, now_ms: int) -> Row:
        book = listing.book
        return {
            "t": now_ms, "id": book.version, "contract": listing.contract.name,
            "asks": levels(book.asks.walk(), BOOK_DEPTH, form), "bids": levels(book.bids.walk(), BOOK_DEPTH, form),
        }  # fmt: skip

    def _candles(self, listing: Listing, name: str, form: bool) -> None:
        intervals = {asked[0] for asked in self._followers[CANDLES, name].values() if asked[0] in INTERVALS}
        for interval in intervals:
            span = INTERVALS[interval]
            last = self.door.candles_of(listing).last(span.span_s, is_natural=span.is_natural)
            row = {
                "t": last.at_s, "v": size_of(last.size, form), "c": plain(last.close), "h": plain(last.high),
                "l": plain(last.low), "o": plain(last.open), "n": f"{interval}_{name}", "a": plain(last.worth),
            }  # fmt: skip
            self._send(CANDLES, name, "update", [row], is_decimal=form)

    def publish_books(self) -> None:
        """Push the levels that changed since the last time; each push names the versions it covers."""
        now_ms = self.door.exchange.now_ms()
        for name, listing in self.door.engine.listings.items():
            book = listing.book
            changes = len(book.bids.dirty) + len(book.asks.dirty)
            if not changes:
                continue
            first, book.version = book.version + 1, book.version + changes
            for form in self._forms(BOOK_UPDATE, name):
                row = {"t": now_ms, "s": name, "U": first, "u": book.version}
                row |= {key: _changed(side, form) for key, side in (("b", book.bids), ("a", book.asks))}
                self._send(BOOK_UPDATE, name, "update", row, is_decimal=form)
            book.bids.dirty.clear()
            book.asks.dirty.clear()


def _changed(side: Any, form: bool) -> list[Row]:
    return [{"p": plain(p), "s": size_of(side.totals.get(p, 0), form) if p in side.totals else 0} for p in side.dirty]
