"""What the papers about Gate leave open, asked at Gate itself. The numbers are those of the list of open points.

Orders are of the smallest size and gone afterwards, except where a question needs more, which it says. What is shown is
what came: frames and bodies as they are, without the keys.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from shared.clock import CLOCK
from shared.errors import ConnectionLost, VenueError
from shared.exchanges import gate
from shared.exchanges.base import AmendTrigger, Guards, Page, Reply, Request, Signed, Subscription, Venue
from shared.exchanges.gate import FUTURES, LIMITS, PAGE, frames
from shared.model import Credentials, Fill, text
from tests.venues.contract.bench import Bench, as_if, change_wire, of_kind
from tests.venues.contract.check import CannotTell, Differs, Need
from tests.venues.contract.follower import Follower, follow
from tests.venues.contract.trader import trading
from tests.venues.question import Notes, Question, question

ORDERS, AUTOORDERS = "futures.orders", "futures.autoorders"
NUMBERS = ("id", "size", "left", "price", "fill_price", "mkfr", "tkfr")
PARTIAL_TRIES = 5
SPENT_MAX = Decimal("0.2")
"""How much of what is available may stand in the one order that is larger than the smallest."""
FIRE_WITHIN_S = 90.0
CLOCK_OFF_S = 300.0
NOBODY = "581234567890123"
NAME_OF_NOBODY = "币安人生_USDT"
OLD_S = 3600
LIMITS_ASKED = (100, 101, 500, 1000, 1001)
FLOOD_MAX = 260
BAN_WATCHED_S = 120.0
WINDOW_S = 12.0
"""Of the rule that is broken, and a little."""
LABELS = (
    gate.KEY_LABELS, gate.REFUSAL_STATUS, gate.BUSY_LABELS, gate.SERVER_LABELS, gate.NO_POSITION_LABELS,
    gate.NOT_FOUND_LABELS, gate.RETRYABLE_LABELS,
)  # fmt: skip
"""What the connector knows by its label."""
SHOWN_MAX = 2_000
"""Characters of a body: more is cut off."""


# 1


@question(
    "1",
    "The raw frame of a partial fill (`_update`?), and whether an order that fills at once pushes `_new` first.",
    Need.SMALLEST_SIZE,
)
async def a_partial_fill(notes: Notes) -> None:
    bench = notes.bench
    async with follow(bench) as heard, trading(bench) as trader:
        await trader.expect_flat()
        crossing = text(trader.terms.beyond("sell", trader.terms.band / 10))
        for what, wish in (
            ("a market order", trader.at_market("buy")),
            ("a limit order through the market", trader.an_order("buy", price=crossing, time_in_force="gtc")),
        ):
            placed = await trader.place(wish)
            await heard.order(placed.id, "filled")
            rows = _rows(heard, ORDERS, placed.id)
            words = [str(row.get("finish_as")) for row in rows]
            notes.saw(f"{what} that filled at once was pushed as {' → '.join(words)}; the last row: {_shown(rows[-1])}")
            first = "pushes `_new` first" if words[:1] == ["_new"] else "pushes its end only"
            notes.means(f"{what} that fills at once {first}; the connector goes by `status` and sizes and takes both")
    await _partial(notes)


async def _partial(notes: Notes) -> None:
    """Larger than the smallest: as much as stands at the best price, and one more."""
    name, size, ask = await _thinnest(notes.bench)
    async with notes.bench.again(name) as bench, follow(bench) as heard, trading(bench) as trader:
        await trader.expect_flat()
        for _ in range(PARTIAL_TRIES):
            book = await bench.read(bench.venue.orderbook(bench.symbol, 1))
            ask, there = (Decimal(each) for each in book["asks"][0])
            if there > size * 2:
                continue
            wish = trader.an_order("buy", price=text(ask), size=text(there + trader.terms.size), time_in_force="gtc")
            placed = await trader.place(wish)
            if placed.status == "partially_filled":
                await heard.order(placed.id, "partially_filled")
                rows = _rows(heard, ORDERS, placed.id)
                for row in rows:
                    notes.saw(f"{bench.symbol}, {wish.size} at {wish.price}: {_shown(row)}")
                word = rows[-1].get("finish_as")
                notes.means(
                    f"a partial fill comes with status {rows[-1].get('status')!r} and finish_as {word!r}: the sizes say"
                    " how much; tests/venues/frames/gate/order_partly_filled.json can be held against this row"
                )
                return
            if not placed.is_final():
                await trader.cancel(placed)
    notes.leaves(f"no order was filled in part in {PARTIAL_TRIES} tries: the book of {name} moved; run it again")


async def _thinnest(bench: Bench) -> tuple[str, Decimal, Decimal]:
    """The most traded contract whose best ask this account can take."""
    money = json.loads((await bench.call(bench.venue.identity())).body)
    most = Decimal(money["available"]) * SPENT_MAX
    listed = {row["symbol"]: row for row in await bench.listed() if row["status"] == "trading"}
    reply = await bench.call(Request("GET", f"{FUTURES}/tickers", private=False))
    rows = sorted(json.loads(reply.body), key=lambda row: -Decimal(row.get("volume_24h_quote") or 0))
    for row in sorted(rows, key=lambda row: row["contract"] != bench.symbol):
        terms, ask, size = listed.get(row["contract"]), row.get("lowest_ask"), row.get("lowest_size")
        if terms is None or not ask or not size or Decimal(terms["contract_size"]) <= 0:
            continue
        if 0 < (Decimal(size) + 1) * Decimal(ask) * Decimal(terms["contract_size"]) <= most:
            return row["contract"], Decimal(size), Decimal(ask)
    raise CannotTell(f"no contract's best ask is worth less than {text(most)} USDT, a fifth of what is available")


# 2


@question(
    "2",
    "Whether `price` and `fill_price` on futures.orders are numbers or strings, with and without the decimal header.",
    Need.SMALLEST_SIZE,
)
async def the_types_of_a_push(notes: Notes) -> None:
    bench = notes.bench
    bare = as_if(bench.venue, connect_headers=dict)
    async with follow(bench) as heard, follow(bench, venue=bare) as heard_bare, trading(bench) as trader:
        waits = await trader.cancel(await trader.place(trader.an_order()))
        fills = await trader.open_position()
        kinds = {}
        for what, each in (("with the header", heard), ("without it", heard_bare)):
            await each.order(waits.id, "cancelled")
            await each.order(fills.id, "filled")
            rows = _rows(each, ORDERS, fills.id)
            kinds[what] = {name: type(rows[-1].get(name)).__name__ for name in NUMBERS}
            notes.saw(f"{what}: {', '.join(f'{name} {kind}' for name, kind in kinds[what].items())}")
            notes.saw(f"{what}: {_shown(rows[-1])}")
    prices = {kinds[what]["price"] for what in kinds}
    notes.means(
        f"prices are {' and '.join(sorted(prices))}: the connector reads either as exact decimals, so nothing changes;"
        f" the paper exchange's usual form is {'right' if prices == {'str'} else 'not what this venue sends today'}"
    )


# 3


@question("3", "What becomes of a subscribed private socket when its key goes; how old a socket may get.")
async def a_socket_without_its_key(notes: Notes) -> None:
    notes.leaves(
        "cannot be asked from here: no program may delete its own key, and a maximum age shows after days only."
        " Subscribe with `make up` on the testnet, delete the key there, and read what the session says"
    )


# 4


@question(
    "4",
    "The payload that futures.autoorders takes, its raw frames, a spawned order's `text`, the path to amend a trigger.",
    Need.SMALLEST_SIZE,
)
async def triggers_on_the_wire(notes: Notes) -> None:
    bench = notes.bench
    forms = {"uid and !all": [bench.identity, "!all"], "!all alone": ["!all"]}
    taken = [name for name, payload in forms.items() if await _is_taken(notes, name, payload)]
    sends = next(iter(forms))
    if sends in taken:
        notes.means(f"the form that we send ({sends}) is taken; frames.CHANNELS stays as it is")
    else:
        notes.means(f"the form that we send ({sends}) is refused: frames.CHANNELS must send {taken or 'another one'}")
    if taken:
        await _spawn(notes, forms[taken[0]])
    await _amend_paths(notes)


async def _is_taken(notes: Notes, name: str, payload: list[str]) -> bool:
    heard = None
    try:
        async with follow(notes.bench, wire=_only_autoorders(notes.bench, payload)) as heard:
            notes.saw(f"payload {name}: {heard.frames[-1]}")
            return True
    except (VenueError, ConnectionLost) as refused:
        notes.saw(f"payload {name}: refused, {refused}")
        return False


def _only_autoorders(bench: Bench, payload: list[str]) -> Any:
    def subscriptions(credentials: Credentials, at_s: float, line: int = 0) -> list[Subscription]:
        frame = frames.to_frame(AUTOORDERS, "subscribe", payload, credentials, int(at_s))
        return [Subscription(AUTOORDERS, frame)]

    return change_wire(bench.wire, subscriptions=subscriptions)


async def _spawn(notes: Notes, payload: list[str]) -> None:
    """Two orders that wait on either side of the last price, so that its next change fires one. They become orders far
    from the market, which are cancelled."""
    bench = notes.bench
    async with follow(bench, wire=_only_autoorders(bench, payload)) as heard, trading(bench) as trader:
        heard.patience_s = FIRE_WITHIN_S
        waiting = trader.an_order("buy")
        placed = []
        for rule, step in (("at_or_above", trader.terms.price_step), ("at_or_below", -trader.terms.price_step)):
            wish = dataclasses.replace(
                trader.a_trigger(), closes=None, side="buy", size=waiting.size, order_price=waiting.price, rule=rule,
                price=text(trader.terms.to_step(trader.terms.last + 2 * step)),
            )  # fmt: skip
            try:
                placed.append((await trader.place_trigger(wish), wish))
            except VenueError as refused:
                notes.saw(f"a trigger {rule} {wish.price}: refused, {refused}")
        if not placed:
            notes.leaves("no trigger near the market was taken: run it again")
            return
        ids = {trigger.id for trigger, _ in placed}

        def fired() -> dict[str, Any] | None:
            return next((row for row in _rows(heard, AUTOORDERS) if _id(row) in ids and _ended(row)), None)

        try:
            row = await heard.until(fired, "a trigger near the market fires")
        except Differs:
            notes.leaves(f"the price did not change within {FIRE_WITHIN_S:g} s: no trigger fired; run it again")
            row = None
        for each in _rows(heard, AUTOORDERS):
            notes.saw(_shown(each))
        if row is None:
            return
        child_id = next((str(row[name]) for name in ("trade_id", "me_order_id") if str(row.get(name, 0)) != "0"), "")
        if not child_id:
            notes.leaves(f"the trigger ended as {row.get('finish_as')!r} without the id of an order")
            return
        child = await bench.frank(bench.wire.order(bench.symbol, child_id).request)
        notes.saw(f"the order that it became: {child.status} {_body(child)}")
        said = json.loads(child.body)
        wish = next(wish for trigger, wish in placed if trigger.id == _id(row))
        is_same = said.get("text") == wish.client_order_id
        notes.means(
            f"the spawned order's text is {'that of the trigger' if is_same else repr(said.get('text'))}; the connector"
            " joins it by trade_id and me_order_id"
        )
        trader.texts.add(str(said.get("text")))


def _ended(row: dict[str, Any]) -> bool:
    return row.get("status") != "open"


async def _amend_paths(notes: Notes) -> None:
    bench = notes.bench
    async with trading(bench) as trader:
        await trader.open_position()
        trigger = await trader.place_trigger(trader.a_trigger())
        seen = await trader.look_at_trigger(trigger.id)
        taken = []
        for part, with_id in ((Decimal("0.3"), True), (Decimal("0.25"), False)):
            price = text(trader.terms.beyond("sell", trader.terms.band * part))
            request = bench.wire.amend_trigger(AmendTrigger(seen, price=price, hedged=bench.hedged))
            shown = request.path
            if not with_id:
                request = dataclasses.replace(request, path=shown.rsplit("/", 1)[0])
            reply = await bench.frank(request)
            notes.saw(f"{request.method} {request.path} → {reply.status} {_body(reply)}")
            after = await trader.look_at_trigger(trigger.id)
            if reply.status < 300 and Decimal(after.price or 0) == Decimal(price):
                taken.append(with_id)
        if True in taken:
            notes.means("a trigger is amended under the path with its id, which is the one that we use")
        elif taken:
            notes.means("a trigger is amended under the path without its id: account.amend_trigger must use that")
        else:
            notes.leaves("neither path amended a trigger that closes a position: cancel and create stays the safe way")


# 5


@question("5", "The HTTP status of REQUEST_EXPIRED, READ_ONLY, IP_FORBIDDEN, FORBIDDEN, USER_NOT_FOUND and others.")
async def the_status_of_each_refusal(notes: Notes) -> None:
    bench = notes.bench
    late = as_if(bench.venue, sign=lambda request, keys, at_s: bench.venue.sign(request, keys, at_s - CLOCK_OFF_S))
    await _refused_with(notes, "a request that is five minutes old", bench.venue.identity(), venue=late)
    await _refused_with(notes, "an order that nobody placed", bench.wire.order(None, NOBODY).request)
    await _refused_with(notes, "a trigger that nobody placed", bench.wire.trigger(NOBODY).request)
    unused = await _unused_contract(bench)
    if unused:
        await _refused_with(notes, f"the position in {unused}, never used", bench.wire.leverage(unused))
    other = Request("GET", "/futures/btc/accounts")
    await _refused_with(notes, "a wallet that nothing was ever moved into", other)
    # It changes nothing: there is no such order. With a key that may only read it shows how that is refused.
    await _refused_with(notes, "a cancel of what nobody placed", bench.wire.cancel(None, NOBODY))
    if "read_only" not in notes.options:
        await _refused_when_finished(notes)
    notes.means("the label decides in refusals.to_error, never the status: nothing depends on the numbers above")
    notes.leaves(
        "READ_ONLY shows with a key that may only read (its cancel above), FORBIDDEN with one without the futures"
        " permission, IP_FORBIDDEN with one that is bound to another address: run it once with each"
    )


async def _refused_when_finished(notes: Notes) -> None:
    bench = notes.bench
    async with trading(bench) as trader:
        ended = await trader.cancel(await trader.place(trader.an_order()))
        await _refused_with(notes, "a cancel of a finished order", bench.wire.cancel(ended.symbol, ended.id))
        from_ended = Request(
            "PUT", f"{FUTURES}/orders/{ended.id}", body=json.dumps({"price": ended.price}).encode(), writes=True
        )
        await _refused_with(notes, "an amendment of a finished order", from_ended)


async def _refused_with(notes: Notes, what: str, request: Request, *, venue: Venue | None = None) -> None:
    reply = await notes.bench.frank(request, venue=venue)
    label = _label(reply)
    known = any(label in labels for labels in LABELS)
    error = notes.bench.venue.refusal(request, reply)
    read = "no error" if error is None else f"{type(error).__name__} {error.status}"
    beside = "" if known or not label else ", a label that is in no table of ours"
    notes.saw(f"{what}: {reply.status} {_body(reply)}, which we read as {read}{beside}")


async def _unused_contract(bench: Bench) -> str:
    positions = json.loads((await bench.call(Request("GET", f"{FUTURES}/positions", (("limit", str(PAGE)),)))).body)
    used = {row["contract"] for row in positions}
    listed = [row["symbol"] for row in await bench.listed() if row["status"] == "trading"]
    return next((symbol for symbol in reversed(listed) if symbol not in used and symbol.isascii()), "")


# 6


@question("6", "Whether a second open order with the same `text` is refused.", Need.SMALLEST_SIZE)
async def the_same_text_twice(notes: Notes) -> None:
    bench = notes.bench
    async with trading(bench) as trader:
        wish = trader.an_order()
        first = await trader.place(wish)
        reply = await bench.frank(bench.wire.place(wish, None))
        notes.saw(f"the same order once more: {reply.status} {_body(reply)}")
        open_now = [each.id for each in await trader.open_orders() if each.client_order_id == wish.client_order_id]
        notes.saw(f"{len(open_now)} open orders have this text")
        found = await trader.look(None, wish.client_order_id)
        if reply.status >= 300:
            notes.means(f"a duplicate is refused with {_label(reply)}: the venue itself guards against placing twice")
        else:
            which = "the first" if found.id == first.id else "the last"
            notes.means(
                f"both stand, and a look-up by text shows {which}: only our intents keep it from being there twice"
            )


# 7


@question("7", "Whether the path of a contract whose name is not ASCII is signed encoded or raw.")
async def the_path_that_is_signed(notes: Notes) -> None:
    bench = notes.bench
    rows = await bench.listed()
    name = next((row["symbol"] for row in rows if not row["symbol"].isascii()), NAME_OF_NOBODY)
    request = Request("GET", f"{FUTURES}/positions/{quote(name)}")

    def sign_raw(request: Request, credentials: Credentials | None, at_s: float) -> Signed:
        signed = bench.venue.sign(dataclasses.replace(request, path=unquote(request.path)), credentials, at_s)
        return dataclasses.replace(signed, path=request.path)

    taken = {}
    for form, venue in (("encoded", bench.venue), ("raw", as_if(bench.venue, sign=sign_raw))):
        reply = await bench.frank(request, venue=venue)
        taken[form] = _label(reply) != "INVALID_SIGNATURE"
        notes.saw(f"{name} signed {form}: {reply.status} {_body(reply)}")
    if taken["encoded"]:
        notes.means(
            f"signed as we sign it (encoded) it is taken{', and raw too' if taken['raw'] else ', and raw it is not'}"
        )
    elif taken["raw"]:
        notes.means("it must be signed raw: GateVenue.sign has to unquote the path in the words that it signs")
    else:
        notes.leaves("neither form is taken, so something else is wrong with this request")


# 8


@question(
    "8",
    "get_leverage, set_leverage, set_position_mode and tpsl_* on classic accounts; the split mode as a whole.",
    Need.SMALLEST_SIZE,
)
async def the_newer_calls(notes: Notes) -> None:
    bench = notes.bench
    path = f"{FUTURES}/get_leverage/{bench.symbol}"
    for mode in ("isolated", "cross"):
        reply = await bench.frank(Request("GET", path, (("pos_margin_mode", mode),)))
        notes.saw(f"GET {path}?pos_margin_mode={mode} → {reply.status} {_body(reply)}")
    now = bench.wire.to_leverage(await bench.frank(bench.wire.leverage(bench.symbol, hedged=bench.hedged)))
    if now is None:
        notes.saw("set_leverage is not asked: the present leverage is not known, so it could not be put back")
    else:
        said = (("leverage", now.leverage), ("margin_mode", now.margin_mode))
        path = f"{FUTURES}/positions/{bench.symbol}/set_leverage"
        reply = await bench.frank(Request("POST", path, said, writes=True))
        notes.saw(f"POST {path}, what is set already: {reply.status} {_body(reply)}")
        after = bench.wire.to_leverage(await bench.frank(bench.wire.leverage(bench.symbol, hedged=bench.hedged)))
        is_kept = "is kept" if after == now else f"changed to {after}"
        works = "works" if reply.status < 300 else "is refused"
        notes.means(f"set_leverage {works} here and the leverage {is_kept}; we set it by the older call, which stays")
    mode = "dual" if bench.hedged else "single"
    reply = await bench.frank(Request("POST", f"{FUTURES}/set_position_mode", (("position_mode", mode),), writes=True))
    notes.saw(f"POST set_position_mode={mode}, what is set already: {reply.status} {_body(reply)}")
    await _guards(notes)
    notes.leaves("the split mode (dual_plus) is not asked: setting it would change the whole account")


async def _guards(notes: Notes) -> None:
    bench = notes.bench
    async with trading(bench) as trader:
        price = trader.terms.beyond("buy")
        up, down = trader.terms.to_step(price * Decimal("1.02")), trader.terms.to_step(price * Decimal("0.98"))
        wish = trader.an_order(guards=Guards(text(up), text(down)))
        trader.remember(wish)
        reply = await bench.frank(bench.wire.place(wish, None))
        notes.saw(f"an order with tpsl_tp_trigger_price and tpsl_sl_trigger_price: {reply.status} {_body(reply)}")
        if reply.status >= 300:
            notes.means(f"attached guards are refused with {_label(reply)}: the desk sets triggers behind the entry")
            return
        told = bench.wire.guards_told(reply)
        again = bench.wire.guards_told(
            await bench.frank(bench.wire.order(bench.symbol, bench.wire.to_order(reply).id).request)
        )
        waiting = json.loads((await bench.frank(bench.wire.open_triggers(bench.symbol).request)).body)
        for row in waiting:
            notes.saw(f"a trigger beside it: {_shown(row)}")
        notes.means(f"the reply echoes {_guards_said(told)}, the look-up {_guards_said(again)}")


def _guards_said(told: Guards | None) -> str:
    told = told or Guards()
    return f"take-profit {told.take_profit or 'none'} and stop-loss {told.stop_loss or 'none'}"


# 9


@question("9", "What follows a 429, and how many rows a list gives (the SDK says 1000, the manual 100).")
async def the_limits(notes: Notes) -> None:
    bench, most, longest = notes.bench, dict[str, int](), 0
    lists: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
        ("orders", (("status", "finished"),)),
        ("my_trades", ()),
        ("price_orders", (("status", "finished"),)),
        ("positions", ()),
    )
    for name, query in lists:
        said, taken = [], {}
        for limit in LIMITS_ASKED:
            reply = await bench.frank(Request("GET", f"{FUTURES}/{name}", (*query, ("limit", str(limit)))))
            taken[limit] = reply.status
            rows = len(json.loads(reply.body)) if reply.status < 300 else 0
            longest = max(longest, rows)
            said.append(f"{limit}: {reply.status} {_label(reply) or f'{rows} rows'}")
        notes.saw(f"limit of {name}: {', '.join(said)}")
        most[name] = max((limit for limit, status in taken.items() if status < 300), default=0)
    notes.means(
        f"the most that was taken: {', '.join(f'{name} {limit}' for name, limit in most.items())}; we ask for {PAGE}"
        f" rows at a time, {'which all of them take' if min(most.values()) >= PAGE else 'which is too many: mend PAGE'}"
    )
    if longest <= PAGE:
        notes.leaves(f"no list of this account has more than {PAGE} rows: whether more come at once cannot be seen")
    if "flood" in notes.options:
        await _flood(notes)
    else:
        notes.leaves("what follows a 429 is asked with --flood only: some 200 requests at once, and perhaps a ban")


async def _flood(notes: Notes) -> None:
    """One endpoint that nothing else needs, until it refuses; then once a second until it answers again."""
    bench = notes.bench
    request = Request("GET", f"{FUTURES}/fee", (("contract", bench.symbol),))
    count, reply = 1, await bench.frank(request)
    while reply.status != 429 and count < FLOOD_MAX:
        count, reply = count + 1, await bench.frank(request)
    if reply.status != 429:
        notes.leaves(f"{FLOOD_MAX} requests in a row were all answered")
        return
    limits = {name: value for name, value in reply.headers.items() if "limit" in name.lower() or name == "Retry-After"}
    notes.saw(f"request {count}: 429 {_body(reply)} with {limits}")
    began_s = CLOCK.monotonic_s()
    while reply.status == 429 and CLOCK.monotonic_s() - began_s < BAN_WATCHED_S:
        await asyncio.sleep(1)
        reply = await bench.frank(request)
    took_s = CLOCK.monotonic_s() - began_s
    if reply.status == 429:
        notes.means(
            f"it is still refused after {took_s:.0f} s: a 429 costs more than its window, the budget must rest longer"
        )
    else:
        more = "nothing more follows it" if took_s <= WINDOW_S else "that is longer than the rule's own window"
        notes.means(f"after a 429 it answers again in {took_s:.0f} s: {more}")


# 10


@question("10", "How long a filled order is found by its text (sources: an hour, or forever).", Need.SMALLEST_SIZE)
async def how_long_a_text_is_known(notes: Notes) -> None:
    bench = notes.bench
    old = _some_by_text(of_kind(Fill, await bench.ask(bench.wire.fills(bench.symbol, None, Page(1000)))))
    asked = 0
    for own_text, fill in old:
        age_s = (CLOCK.now_ms() - (fill.at_ms or 0)) / 1000
        reply = await bench.frank(bench.wire.order(None, None, own_text).request)
        notes.saw(f"filled {_age(age_s)} ago: {reply.status} {_label(reply) or 'found'}")
        asked += age_s > OLD_S
    async with trading(bench) as trader:
        done = await trader.open_position()
        seen = await trader.look(None, done.client_order_id)
        notes.saw(f"filled just now: found as {seen.status}")
    if asked:
        notes.means(
            f"by text the connector trusts {LIMITS.text_lookup_s:g} s only (Limits.text_lookup_s), and then asks the"
            " lists: longer is a comfort, not a need"
        )
    else:
        notes.leaves(
            "nothing that this key filled is older than an hour: run it again later, this run left one to ask for"
        )


def _some_by_text(fills: Iterable[Fill]) -> list[tuple[str, Fill]]:
    """The newest, the middle and the oldest order that was placed with a text."""
    by_text = {fill.client_order_id: fill for fill in fills if (fill.client_order_id or "").startswith("t-")}
    rows = [(own_text, fill) for own_text, fill in by_text.items() if own_text is not None]
    return [rows[place] for place in sorted({0, len(rows) // 2, len(rows) - 1})] if rows else []


# 11


@question("11", "Which uid a sub-account's key puts into the payload.")
async def a_sub_account(notes: Notes) -> None:
    notes.leaves("cannot be asked with this key alone: run all of it once with the key of a sub-account")


# What came, as text.


def _rows(heard: Follower, channel: str, order_id: str | None = None) -> list[dict[str, Any]]:
    """The pushed rows of a channel, as they came."""
    found: list[dict[str, Any]] = []
    for frame in heard.frames:
        said = json.loads(frame)
        if said.get("channel") == channel and said.get("event") == "update":
            found += [row for row in said["result"] if order_id in (None, _id(row))]
    return found


def _id(row: dict[str, Any]) -> str:
    return str(row.get("id_string") or row.get("id"))


def _shown(row: dict[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def _body(reply: Reply) -> str:
    words = reply.body.decode(errors="replace").strip()
    return (words[:SHOWN_MAX] + " …" if len(words) > SHOWN_MAX else words) or "with an empty body"


def _label(reply: Reply) -> str:
    try:
        said = json.loads(reply.body)
    except ValueError:
        return ""
    return str(said.get("label", "")) if isinstance(said, dict) else ""


def _age(seconds: float) -> str:
    hours = seconds / 3600
    return f"{seconds:.0f} s" if hours < 0.1 else f"{hours:.1f} h"


QUESTIONS: tuple[Question, ...] = tuple(each for each in list(vars().values()) if isinstance(each, Question))
