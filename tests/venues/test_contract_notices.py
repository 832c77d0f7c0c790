"""A contract that cannot fail holds nothing: for every check there is a lie here that it must notice.

A lie changes one thing that the connector tells or sends, or that the venue does. The words that the check then finds
show that it failed for that reason and no other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
import pytest

from shared.errors import VenueError, VenueRefused, VenueUnknown
from shared.exchanges import registry
from shared.exchanges.base import AmendOrder, Answered, Ask, Goodbye, Guards, Leverage, Message, Reply, Request
from shared.model import Fact, Fill, Order, Position, Trigger
from shared.settings import Settings
from tests.facts import a_position, an_order
from tests.paper.process import PaperProcess
from tests.venues.contract import CHECKS
from tests.venues.contract.bench import USUAL_NAME, Bench, Paper, as_if, bench_of, change_wire
from tests.venues.contract.check import Differs
from tests.venues.test_contract import START_PRICES

PATIENCE_S = 0.7
Lie = Callable[[Bench], None]


def on_wire(method: str, change: Callable[[Any], Any]) -> Lie:
    """What a method of the wire answers, changed."""

    def lie(bench: Bench) -> None:
        honest = getattr(bench.wire, method)
        bench.wire = change_wire(bench.wire, **{method: lambda *words, **more: change(honest(*words, **more))})

    return lie


def instead(method: str, make: Callable[[Any], Callable[..., Any]]) -> Lie:
    """A method of the wire made from the honest one."""

    def lie(bench: Bench) -> None:
        bench.wire = change_wire(bench.wire, **{method: make(getattr(bench.wire, method))})

    return lie


def at_venue(method: str, make: Callable[[Any], Callable[..., Any]]) -> Lie:
    def lie(bench: Bench) -> None:
        bench.venue = as_if(bench.venue, **{method: make(getattr(bench.venue, method))})

    return lie


def rows(method: str, change: Callable[[Any], Any]) -> Lie:
    """What is read from a reply about the market, changed."""

    def make(honest: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*words: Any) -> Any:
            request, read = honest(*words)
            return request, lambda reply: change(read(reply))

        return ask

    return at_venue(method, make)


def listed(change: Callable[[Any], Any]) -> Lie:
    """The terms of everything that is traded, changed."""

    def make(honest: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: [(request, lambda reply, read=read: change(read(reply))) for request, read in honest()]

    return at_venue("listings", make)


def pushed(kind: type[Fact], change: Callable[[Any], list[Fact]]) -> Lie:
    """Facts of a kind as the stream tells them, changed."""

    def make(honest: Callable[[Any, int], Message]) -> Callable[..., Message]:
        def read(frame: bytes | str, received_at_ms: int) -> Message:
            message = honest(frame, received_at_ms)
            if not isinstance(message, list):
                return message
            return [told for fact in message for told in (change(fact) if isinstance(fact, kind) else [fact])]

        return read

    return instead("read", make)


def says(**words: Any) -> Callable[[Any], list[Fact]]:
    return lambda fact: [msgspec.structs.replace(fact, **words)]


def said(**words: Any) -> Callable[[Any], Any]:
    return lambda fact: msgspec.structs.replace(fact, **words)


def asked(change: Callable[[list[Fact]], list[Fact]]) -> Callable[[Ask], Ask]:
    return lambda ask: dataclasses.replace(ask, read=lambda reply: change(ask.read(reply)))


def refused_as(make: Callable[[VenueError], VenueError | None]) -> Lie:
    """Each refusal of the venue, read as another one."""

    def change(honest: Callable[[Request, Reply], VenueError | None]) -> Callable[..., Any]:
        def refusal(request: Request, reply: Reply) -> VenueError | None:
            error = honest(request, reply)
            return None if error is None else make(error)

        return refusal

    return at_venue("refusal", change)


def as_refused(error: VenueError) -> VenueError:
    return VenueRefused(error.venue, error.venue_code, error.venue_message)


def placing(**words: Any) -> Lie:
    """Orders are sent with something else than was wished."""
    return instead("place", lambda honest: lambda order, at_ms: honest(dataclasses.replace(order, **words), at_ms))


def broken_as(kind: str) -> Lie:
    """The venue does something else than the check asked it to."""

    def lie(bench: Bench) -> None:
        honest = bench.paper.fault
        bench.paper.fault = lambda _kind, **more: honest(kind, **more)  # type: ignore[method-assign]  # for one bench

    return lie


def changed_label(honest: Callable[..., Answered | None]) -> Callable[..., Answered | None]:
    def to_answer(frame: bytes | str, received_at_ms: int) -> Answered | None:
        answered = honest(frame, received_at_ms)
        if answered is None or answered.reply.status < 400:
            return answered
        reply = dataclasses.replace(answered.reply, body=b'{"label":"SOMETHING_ELSE"}')
        return dataclasses.replace(answered, reply=reply)

    return to_answer


def a_running_clock(_: Any) -> Callable[..., int]:
    ticks = count(1)
    return lambda reply: int(reply.received_at_ms) + 5_000 * next(ticks)


def every_other(honest: Callable[..., Message]) -> Callable[..., Message]:
    """Only one of two sockets hears of orders."""
    heard = count()

    def read(frame: bytes | str, received_at_ms: int) -> Message:
        message = honest(frame, received_at_ms)
        is_told = isinstance(message, list) and any(isinstance(fact, Order) for fact in message)
        return [] if is_told and next(heard) % 2 else message

    return read


def signed_rightly(bench: Bench) -> None:
    """Subscriptions are signed with the account's own secret, whatever was said."""
    honest = bench.wire.subscriptions
    bench.wire = change_wire(bench.wire, subscriptions=lambda _, at_s, line: honest(bench.credentials, at_s, line))


def ten_more(honest: Callable[..., Request]) -> Callable[..., Request]:
    def amend(amended: AmendOrder, at_ms: int | None) -> Request:
        price = amended.price and str(Decimal(amended.price) - 10)
        return honest(dataclasses.replace(amended, price=price), at_ms)

    return amend


def no_goodbye(honest: Callable[..., Message]) -> Callable[..., Message]:
    def read(frame: bytes | str, received_at_ms: int) -> Message:
        message = honest(frame, received_at_ms)
        return None if isinstance(message, Goodbye) else message

    return read


def unless(status: str) -> Callable[[Any], list[Fact]]:
    return lambda fact: [] if fact.status == status else [fact]


two_orders: Callable[[Any], Any] = asked(lambda _: [an_order(id="1", status="open"), an_order(id="2", status="open")])
no_size: list[Fact] = [a_position(size="-1")]

LIES: dict[str, tuple[Lie, str]] = {
    # the market
    "the_clock_is_measured_and_stays": (at_venue("to_clock_ms", a_running_clock), "ms ahead, and then"),
    "every_instrument_has_terms_and_one_name_in_either_spelling": (
        listed(lambda said: [row | {"price_step": "0"} for row in said]),
        "price_step of",
    ),
    "the_ticker_agrees_with_the_book": (
        rows("orderbook", lambda book: book | {"bids": book["bids"][::-1]}),
        "the bids are not sorted",
    ),
    "candles_are_whole_and_in_order": (rows("candles", lambda said: said[::-1]), "not told oldest first"),
    "candles_of_a_time_are_of_that_time": (
        at_venue("candles", lambda honest: lambda symbol, interval, limit, *_: honest(symbol, interval, limit)),
        "are outside of the time",
    ),
    "an_interval_that_is_not_there_is_refused_before_it_is_asked": (
        at_venue("candles", lambda honest: lambda symbol, _, limit: honest(symbol, "1m", limit)),
        "candles of seven minutes",
    ),
    "trades_are_told_newest_first": (rows("trades", lambda said: said[::-1]), "not told newest first"),
    # the account
    "a_key_names_its_account": (at_venue("to_identity", lambda _: lambda reply: "somebody"), "and then 'somebody'"),
    "a_wrong_secret_is_refused_on_every_private_call": (refused_as(lambda _: None), "was answered although"),
    "a_key_of_nobody_is_refused": (refused_as(as_refused), "answered with VenueRefused"),
    "a_wrong_secret_is_refused_by_the_stream": (signed_rightly, "subscribed although the secret was wrong"),
    "balances_are_told_by_wallet": (
        on_wire("balances", lambda told: {f"not {wallet}": ask for wallet, ask in told.items()}),
        "the wallet is",
    ),
    "positions_are_listed": (on_wire("positions", asked(lambda _: no_size)), "is -1"),
    "the_position_mode_is_read": (on_wire("to_position_mode", lambda _: "both"), "the position mode is both"),
    "leverage_is_read": (on_wire("to_leverage", lambda _: Leverage("0", "cross")), "the leverage is 0"),
    "lists_are_read_in_pages_newest_first": (on_wire("orders", two_orders), "no row beside them"),
    "what_was_just_done_is_in_the_lists": (on_wire("fills", asked(lambda _: [])), "are not listed"),
    "what_was_never_placed_is_definitely_absent": (
        on_wire("order", lambda ask: dataclasses.replace(ask, absent=lambda _: False)),
        "is not absent but",
    ),
    "the_stream_is_subscribed_and_answers_a_ping": (on_wire("ping", lambda _: b" "), "an answer to a ping"),
    "leverage_is_set_and_read_again": (
        instead(
            "set_leverage",
            lambda honest: lambda symbol, wanted, hedged: honest(symbol, Leverage("9", "cross"), hedged=hedged),
        ),
        "the leverage is 9",
    ),
    "the_margin_mode_is_switched_both_ways": (
        on_wire("to_leverage", lambda said: said and Leverage(said.leverage, "cross")),
        "margin_mode='cross'",
    ),
    # orders that wait
    "an_order_that_waits_is_told_alike_by_the_stream_and_over_rest": (
        pushed(Order, says(price="1")),
        "the reply and the push differ: price",
    ),
    "an_amended_order_is_told_with_its_new_price_and_size": (instead("amend", ten_more), "the price is"),
    "a_cancelled_order_is_final_on_the_stream_and_over_rest": (
        pushed(Order, says(cause="liquidation")),
        "the cause of a plain cancel",
    ),
    "a_finished_order_is_found_by_its_client_order_id": (
        on_wire("orders", asked(lambda _: [])),
        "not listed as finished",
    ),
    "an_ioc_that_cannot_fill_is_cancelled_at_once": (
        on_wire("order", asked(lambda facts: [said(cause=None)(fact) for fact in facts])),
        "it has no cause",
    ),
    "a_fok_that_cannot_fill_is_not_there": (placing(time_in_force="gtc"), "is final"),
    "a_post_only_order_that_would_trade_does_not": (placing(time_in_force="gtc"), "the status is filled"),
    "an_order_that_came_too_late_is_not_placed": (
        instead("place", lambda honest: lambda order, at_ms: honest(order, at_ms and at_ms + 60_000)),
        "taken after its time",
    ),
    "a_refused_order_was_never_there": (refused_as(lambda _: None), "answered with None"),
    "two_sockets_at_once_hear_the_same": (instead("read", every_other), "not on the stream"),
    "each_order_of_a_batch_has_its_own_outcome": (on_wire("to_placed", lambda told: told[::-1]), "the client order id"),
    "cancelling_many_tells_the_outcome_of_each": (
        on_wire("to_cancelled", lambda told: [None for _ in told]),
        "the one that had ended is None",
    ),
    "cancelling_all_takes_what_is_meant_and_no_more": (
        instead("cancel_all", lambda honest: lambda symbol, side=None: honest(symbol)),
        "the orders that went",
    ),
    "attached_guards_are_echoed_or_refused": (on_wire("guards_told", lambda _: Guards()), "the take-profit that is"),
    # orders that trade
    "a_market_order_of_the_smallest_size_is_filled": (pushed(Fill, says(fee=None)), "a fill has no fee"),
    "fills_are_told_once_and_alike_by_the_stream_and_over_rest": (
        pushed(Fill, lambda fact: [fact, fact]),
        "a fill was pushed twice",
    ),
    "a_position_is_opened_and_closed_on_either_side": (pushed(Position, says(side="short")), "a position of 1 long"),
    "a_reduce_only_order_never_opens": (placing(reduce_only=False), "what is filled is 1"),
    "an_order_filled_in_part_is_told_step_by_step": (pushed(Order, unless("partially_filled")), "partially_filled"),
    "long_and_short_are_held_side_by_side_in_hedge_mode": (
        pushed(Position, says(mode="one_way")),
        "the mode that the positions tell",
    ),
    # triggers
    "a_trigger_is_told_alike_from_its_placement_to_its_end": (pushed(Trigger, says(purpose=None)), "differ: purpose"),
    "all_triggers_of_an_instrument_are_cancelled_at_once": (
        on_wire("to_triggers", lambda _: []),
        "the triggers that went",
    ),
    "a_trigger_on_the_wrong_side_of_the_market_is_refused": (
        refused_as(lambda error: VenueUnknown(error.venue, error.venue_code, "")),
        "it was answered with VenueUnknown",
    ),
    "a_trigger_fires_by_its_own_price_and_names_the_order_that_it_became": (
        pushed(Trigger, says(child_id=None)),
        "the order that it became is not named",
    ),
    "a_trigger_with_nothing_left_to_close_does_not_open": (pushed(Trigger, says(reason=None)), "does not say why"),
    # order entry over the socket
    "an_order_placed_over_the_socket_is_the_one_that_rest_shows": (
        on_wire("to_order", said(price="1")),
        "the answer and the look-up differ: price",
    ),
    "many_orders_over_the_socket_have_the_outcomes_of_rest": (
        on_wire("to_cancelled", lambda told: [None for _ in told]),
        "the one that had ended is None",
    ),
    "what_is_refused_over_the_socket_is_refused_as_over_rest": (
        at_venue("to_answer", changed_label),
        "over the socket is VenueRefused SOMETHING_ELSE",
    ),
    "a_socket_takes_no_orders_before_it_is_told_who_speaks": (refused_as(as_refused), "answered with VenueRefused"),
    # bad days
    "an_order_whose_answer_is_lost_is_unknown_and_then_found": (
        on_wire("place", lambda request: dataclasses.replace(request, writes=False)),
        "how many there are is 2",
    ),
    "a_server_error_leaves_a_write_unknown": (refused_as(as_refused), "a server error on a write is VenueRefused"),
    "too_many_requests_is_not_now": (refused_as(as_refused), "too many requests are VenueRefused"),
    "a_clock_that_is_off_costs_no_call": (
        at_venue("to_clock_ms", lambda _: lambda reply: reply.received_at_ms),
        "ms ahead is measured as",
    ),
    "a_notice_that_a_socket_will_close_is_heard": (instead("read", no_goodbye), "the end was a surprise"),
    "a_socket_that_is_cut_is_noticed": (broken_as("maintenance"), "taken for an announced end"),
    "pushes_that_come_twice_or_in_disorder_end_in_the_same_record": (
        pushed(Order, lambda fact: [fact, said(status="cancelled", updated_at_ms=10**13 - 1)(fact)]),
        "the fact of the highest rank is",
    ),
    "a_liquidation_is_told_with_its_cause": (pushed(Order, says(cause=None)), "an order of the liquidation"),
}


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with PaperProcess.running("--no-limits") as process:
        yield process


@pytest.fixture
async def bench(paper: PaperProcess) -> AsyncIterator[Bench]:
    control, venue = Paper(paper.url), next(iter(registry.VENUES.values()))
    await control.clear_faults()
    await control.skew(0)
    credentials = await control.open_account(balances={"USDT": "1000000"})
    endpoints = registry.endpoints(Settings.from_env({"PAPER_PORT": str(paper.port)}), venue.name, "paper")
    said_more = {"paper": control, "patience_s": PATIENCE_S}
    async with bench_of(venue, "paper", endpoints, credentials, **said_more) as made:
        await control.price(made.symbol, START_PRICES[USUAL_NAME])
        yield made


def test_there_is_a_lie_for_every_check() -> None:
    """So that nobody adds a check that was never seen to fail."""
    assert list(LIES) == sorted(LIES, key=[check.name for check in CHECKS].index)
    assert LIES.keys() == {check.name for check in CHECKS}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
async def test_a_check_notices_its_lie(bench: Bench, check: Any) -> None:
    lie, words = LIES[check.name]
    lie(bench)

    with pytest.raises(Differs) as noticed:
        await check.run(bench)
    assert words in str(noticed.value)
