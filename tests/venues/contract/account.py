"""What a venue tells one account: who it is, what it has, what it did, and that nobody else may ask."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec import UnsetType

from shared.errors import KeyRefused, VenueError, VenueRefused
from shared.exchanges.base import Ask, Leverage, Page, Pong, Request
from shared.exchanges.socket import Socket
from shared.model import TERMINAL, Balance, Credentials, Fact, Fill, Order, Position, Trigger, text
from tests.venues.contract.bench import Bench, change_wire, of_kind
from tests.venues.contract.check import OUR_OWN_LABELS, CannotTell, Differs, Need, check, equal, expect, same
from tests.venues.contract.follower import Follower, follow
from tests.venues.contract.trader import Trader, to_its_end, trading

ORDER_ID_OF_NOBODY = "581234567890123"
LEVERAGES = ("5", "7")


@check(Need.READ_ONLY)
async def a_key_names_its_account(bench: Bench) -> None:
    """The same each time, for streams and records are joined by it."""
    again = bench.venue.to_identity(await bench.call(bench.venue.identity()))

    expect(again and again == bench.identity, f"the account is {bench.identity!r}, and then {again!r}")


@check(Need.READ_ONLY)
async def a_wrong_secret_is_refused_on_every_private_call(bench: Bench) -> None:
    """With the venue's own label, so that whoever mistyped it is told; and no command goes through by a key alone."""
    wrong = _with_secret(bench.credentials)
    for what, request in (await _private_requests(bench)).items():
        error = await bench.refusal(request, wrong)
        expect(error is not None, f"{what} was answered although the secret was wrong")
        _check_key_refused(what, error)


@check(Need.READ_ONLY)
async def a_key_of_nobody_is_refused(bench: Bench) -> None:
    """It reads as a refused key, not as a refused request."""
    nobody = Credentials(
        "0" * len(bench.credentials.api_key), bench.credentials.api_secret, bench.credentials.passphrase
    )

    _check_key_refused("the identity", await bench.refusal(bench.venue.identity(), nobody))


@check(Need.READ_ONLY)
async def a_wrong_secret_is_refused_by_the_stream(bench: Bench) -> None:
    """A session must hear it as the key's fault, or it would try again forever."""
    try:
        async with follow(bench, credentials=_with_secret(bench.credentials)):
            raise Differs("the stream was subscribed although the secret was wrong")
    except VenueError as error:
        _check_key_refused("the subscription", error)


def _with_secret(right: Credentials) -> Credentials:
    """The same key with another secret of the same shape."""
    turned = right.api_secret[::-1]
    wrong = turned if turned != right.api_secret else right.api_secret[:-1] + "0"
    return Credentials(right.api_key, wrong, right.passphrase)


def _check_key_refused(what: str, error: VenueError | None) -> None:
    expect(isinstance(error, KeyRefused), f"{what} was answered with {type(error).__name__} ({error})")
    assert error is not None
    said = error.venue_code
    expect(said and said not in OUR_OWN_LABELS, f"{what} is refused without the venue's label ({said!r})")
    expect(error.status in (401, 403) and not error.retryable, f"{what} is refused with {error.status}")


async def _private_requests(bench: Bench) -> dict[str, Request]:
    """Each kind of private call that the connector makes. The order would only wait, should it be taken after all."""
    wire, symbol, page = bench.wire, bench.symbol, Page(1)
    trader = Trader(bench, await bench.terms())
    order, trigger = trader.an_order(), trader.a_trigger()
    asks = {
        "the open orders": wire.orders(symbol, "open", page),
        "the finished orders": wire.orders(symbol, "finished", page),
        "the fills": wire.fills(symbol, None, page),
        "the triggers": wire.triggers(symbol, "open", page),
        "the positions": wire.positions(symbol),
        "an order": wire.order(symbol, ORDER_ID_OF_NOBODY),
        "a trigger": wire.trigger(ORDER_ID_OF_NOBODY),
        **{f"the {wallet} balance": ask for wallet, ask in wire.balances().items()},
    }
    return {
        "the identity": bench.venue.identity(),
        "the position mode": wire.position_mode(),
        "the leverage": wire.leverage(symbol, hedged=bench.hedged),
        **{what: ask.request for what, ask in asks.items()},
        **{f"part {part} of a snapshot": ask.request for part, ask in enumerate(wire.snapshot(0), start=1)},
        "a placement": wire.place(order, None),
        "a cancel": wire.cancel(symbol, ORDER_ID_OF_NOBODY),
        "a trigger's placement": wire.place_trigger(trigger),
        "a trigger's cancel": wire.cancel_trigger(ORDER_ID_OF_NOBODY, symbol),
        "a change of leverage": wire.set_leverage(symbol, Leverage(LEVERAGES[0], "cross"), hedged=bench.hedged),
    }


@check(Need.READ_ONLY)
async def balances_are_told_by_wallet(bench: Bench) -> None:
    """A key may see some wallets only, so each is asked by itself; one at least must answer."""
    answered = 0
    for wallet, ask in bench.wire.balances().items():
        try:
            facts = of_kind(Balance, await bench.ask(ask))
        except (KeyRefused, VenueRefused):
            continue
        answered += 1
        expect(len({fact.key() for fact in facts}) == len(facts), f"an asset of the {wallet} wallet is told twice")
        for fact in facts:
            same("the wallet", fact.wallet, wallet)
            Decimal(fact.total)
            frozen = Decimal(fact.frozen or 0)
            expect(frozen >= 0, f"{fact.asset} of the {wallet} wallet has {fact.frozen} frozen")
    expect(answered, "no wallet can be seen with this key")


@check(Need.READ_ONLY)
async def positions_are_listed(bench: Bench) -> None:
    """Each side of an instrument at most once, with a size that is never negative."""
    everything = of_kind(Position, await bench.ask(bench.wire.positions()))
    expect(len({fact.key() for fact in everything}) == len(everything), "a position is told twice")
    for fact in everything:
        expect(Decimal(fact.size) >= 0, f"the position in {fact.symbol} is {fact.size}")
        expect(fact.side in ("long", "short") or not Decimal(fact.size), f"{fact.symbol} is held on side {fact.side}")
    own = of_kind(Position, await bench.ask(bench.wire.positions(bench.symbol)))

    same("what is told of one instrument", {fact.symbol for fact in own} - {bench.symbol}, set())


@check(Need.READ_ONLY)
async def the_position_mode_is_read(bench: Bench) -> None:
    """And positions that are held say the same."""
    mode = await bench.position_mode()
    expect(mode in ("one_way", "hedge"), f"the position mode is {mode}")
    held = [p for p in of_kind(Position, await bench.ask(bench.wire.positions())) if Decimal(p.size)]

    same("the mode of what is held", {fact.mode for fact in held}, {mode} if held else set())


@check(Need.READ_ONLY)
async def leverage_is_read(bench: Bench) -> None:
    """A multiple and a margin mode; None only where the venue does not say."""
    said = await _leverage(bench)
    if said is not None:
        expect(Decimal(said.leverage) > 0, f"the leverage is {said.leverage}")
        expect(said.margin_mode in ("isolated", "cross"), f"the margin mode is {said.margin_mode}")


@check(Need.READ_ONLY)
async def lists_are_read_in_pages_newest_first(bench: Bench) -> None:
    """So many rows as were asked for, the next page begins after them, and each has the venue's own row beside it."""
    await _check_lists(bench)


@check(Need.SMALLEST_SIZE)
async def what_was_just_done_is_in_the_lists(bench: Bench) -> None:
    """Orders, fills and triggers, open and finished, a page at a time."""
    async with trading(bench) as trader:
        done = await trader.open_position()
        waiting = [await trader.place(trader.an_order()) for _ in range(3)]
        gone = await trader.cancel(waiting[0])
        size = text(trader.terms.size)  # a venue may take only one for all of a position
        kept = await trader.place_trigger(trader.a_trigger(size=size))
        for _ in range(2):
            ended = await trader.place_trigger(trader.a_trigger(size=size))
            await bench.call(bench.wire.cancel_trigger(ended.id, ended.symbol))
        told = await _check_lists(bench)
        for what, ids in (
            ("open orders", {order.id for order in waiting[1:]}),
            ("finished orders", {done.id, gone.id}),
            ("open triggers", {kept.id}),
            ("finished triggers", {ended.id}),
        ):
            seen = {fact.id for fact in told[what] if isinstance(fact, Order | Trigger)}
            expect(ids <= seen, f"the {what} are {seen}, without {ids - seen}")
        fills = {fact.order_id for fact in told["fills"] if isinstance(fact, Fill)}
        expect(done.id in fills, f"the fills of order {done.id} are not listed")


async def _check_lists(bench: Bench) -> dict[str, list[Fact]]:
    """What each list tells first."""
    wire, symbol = bench.wire, bench.symbol
    told: dict[str, list[Fact]] = {}
    lists: dict[str, Callable[[Page], Ask]] = {
        "open orders": lambda page: wire.orders(symbol, "open", page),
        "finished orders": lambda page: wire.orders(symbol, "finished", page),
        "fills": lambda page: wire.fills(symbol, None, page),
        "open triggers": lambda page: wire.triggers(symbol, "open", page),
        "finished triggers": lambda page: wire.triggers(symbol, "finished", page),
    }
    for what, list_of in lists.items():
        rows = told[what] = await bench.ask(list_of(Page(5)))
        expect(len(rows) <= 5, f"{len(rows)} {what} came where 5 were asked for")
        keys = [fact.key() for fact in rows]
        expect(len(set(keys)) == len(keys), f"one of the {what} is told twice")
        times = [_began_ms(fact) for fact in rows]
        expect(times == sorted(times, reverse=True), f"the {what} are not told newest first")
        for fact in rows:
            expect(not isinstance(fact.raw, UnsetType) and bytes(fact.raw), f"the {what} have no row beside them")
            status = getattr(fact, "status", None)
            if what.startswith(("open", "finished")):
                is_open = status not in TERMINAL | {"fired", "failed"}
                same(f"whether one of the {what} is open", is_open, what.startswith("open"))
        if len(rows) > 1:
            same(f"the second page of the {what}", [f.key() for f in await bench.ask(list_of(Page(1, 1)))], keys[1:2])
    return told


@check(Need.READ_ONLY)
async def what_was_never_placed_is_definitely_absent(bench: Bench) -> None:
    """Only a definite answer ends an order, so "there is none" must be told from "cannot say"."""
    wire = bench.wire
    asks = {
        "an order by its id": wire.order(bench.symbol, ORDER_ID_OF_NOBODY),
        "an order by its client order id": wire.order(bench.symbol, None, bench.client_order_id()),
        "a trigger": wire.trigger(ORDER_ID_OF_NOBODY),
    }
    for what, ask in asks.items():
        try:
            facts = await bench.ask(ask)
        except VenueError as error:
            expect(ask.absent(error), f"{what} that nobody placed is not absent but {error}")
            expect(isinstance(error, VenueRefused), f"{what} that nobody placed is {type(error).__name__}")
        else:
            raise Differs(f"{what} that nobody placed is there: {facts}")
        refused = await bench.refusal(ask.request, _with_secret(bench.credentials))
        expect(refused and not ask.absent(refused), f"{what} is absent because the secret is wrong")


@check(Need.READ_ONLY)
async def the_stream_is_subscribed_and_answers_a_ping(bench: Bench) -> None:
    """Every channel is acknowledged; a ping is what tells a quiet connection from a dead one."""
    async with follow(bench) as heard:
        expect(heard.frames or not bench.wire.subscriptions(bench.credentials, bench.venue_now_s()), "nobody answered")
    pinged = Follower(bench.patience_s)
    socket = await Socket.connect(
        bench.endpoints.ws_url,
        bench.venue.connect_headers(),
        change_wire(bench.wire, read=pinged.read_by(bench.wire)),
        bench.venue.limits,
        pinged.take,
    )
    try:
        socket.send(bench.wire.ping(bench.venue_now_s()))
        await pinged.until(
            lambda: next((m for m in pinged.messages if isinstance(m, Pong)), None), "an answer to a ping"
        )
    finally:
        await socket.close()


@check(Need.SMALLEST_SIZE)
async def leverage_is_set_and_read_again(bench: Bench) -> None:
    """What is written is what is read, and what was there before is there after."""
    async with trading(bench) as trader:
        await trader.expect_flat()
        await trader.is_alone()
        before = await _leverage(bench)
        multiple = next(each for each in LEVERAGES if before is None or Decimal(before.leverage) != Decimal(each))
        wanted = Leverage(multiple, before.margin_mode if before else "cross")
        try:
            await _set_leverage(bench, wanted)
            seen = await _leverage(bench, wanted.margin_mode)
            expect(seen is not None, "the leverage is not known after it was set")
            assert seen is not None
            equal("the leverage", seen.leverage, wanted.leverage)
            same("the margin mode", seen.margin_mode, wanted.margin_mode)
        finally:
            if before is not None:
                await to_its_end(_set_leverage(bench, before))
        expect(
            before is None or await _leverage(bench, before.margin_mode) == before,
            "the leverage is not what it was before",
        )


@check(Need.PAPER_ONLY)
async def the_margin_mode_is_switched_both_ways(bench: Bench) -> None:
    """Isolated and cross at a multiple each; either is read back as it was set."""
    for wanted in (Leverage("3", "isolated"), Leverage("4", "cross"), Leverage("6", "isolated")):
        await _set_leverage(bench, wanted)
        same("the leverage", await _leverage(bench, wanted.margin_mode), wanted)


async def _leverage(bench: Bench, margin_mode: str | None = None) -> Leverage | None:
    request = bench.wire.leverage(bench.symbol, hedged=bench.hedged, margin_mode=margin_mode)
    return bench.wire.to_leverage(await bench.call(request))


async def _set_leverage(bench: Bench, wanted: Leverage) -> None:
    await bench.call(bench.wire.set_leverage(bench.symbol, wanted, hedged=bench.hedged))


def _began_ms(fact: Fact) -> int:
    if isinstance(fact, Order | Trigger):
        return fact.created_at_ms or 0
    if isinstance(fact, Fill):
        return fact.at_ms or 0
    raise CannotTell(f"a list of {fact.kind} has no order")
