"""Triggers: orders that wait for a price. At `/api/trading/orders` they are orders, by the same ids."""

from __future__ import annotations

from aiohttp import web

from api.answers import told, told_ended
from api.gateway import Gateway
from api.problems import json_response
from api.queries import AccountQuery, SymbolQuery
from api.reading import check_query, idempotency_key, read_json
from api.requests_trading import Changed, NewOrder, NewTrigger, check_together
from api.seats import asker, id_of, seat_for
from api.wishes import in_words_of, names_of, symbol_of, to_size, to_trigger_wish
from shared.desk import Seat
from shared.desk import cancel as cancelling
from shared.desk import find as finding
from shared.desk import rehearse as rehearsing
from shared.desk import retrigger as retriggering
from shared.desk import triggers as triggering
from shared.desk.cancel_all import cancel_waiting
from shared.desk.retrigger import TriggerChange
from shared.errors import BadRequest


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/trading/triggers", place)
    app.router.add_delete("/api/trading/triggers", cancel_all)
    app.router.add_patch("/api/trading/triggers/{id}", amend)
    app.router.add_delete("/api/trading/triggers/{id}", cancel)


async def place(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_together(NewTrigger, await read_json(request))
    key = idempotency_key(request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    return await place_trigger(request, gateway, seat, wanted, key)


async def amend(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_together(Changed, await read_json(request))
    key = idempotency_key(request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    named = await finding.named(gateway.desk, seat, id_of(request), is_trigger=True)
    return await change_trigger(request, gateway, seat, named.id, wanted, key)


async def cancel(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    seat = await seat_for(gateway, caller, check_query(AccountQuery, request).account_id)
    named = await finding.named(gateway.desk, seat, id_of(request), is_trigger=True)
    return await cancel_trigger(request, gateway, seat, named)


async def cancel_all(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(SymbolQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    symbol = None if wanted.symbol is None else symbol_of(seat, wanted.symbol)
    ended = await cancel_waiting(gateway.desk, seat, symbol)
    return told_ended(request, seat, ended, "triggers")


# For orders too.


async def place_trigger(
    request: web.Request, gateway: Gateway, seat: Seat, wanted: NewOrder | NewTrigger, key: str | None
) -> web.Response:
    try:
        wish = await to_trigger_wish(gateway, seat, wanted)
        if wanted.dry_run:
            return json_response(rehearsing.told(await rehearsing.rehearse_trigger(gateway.desk, seat, wish, key)))
        answer = await triggering.place_trigger(gateway.desk, seat, wish, key)
    except BadRequest as wrong:
        raise in_words_of(wrong, names_of(wanted, is_trigger=True)) from None
    return told(request, seat, answer)


async def change_trigger(
    request: web.Request, gateway: Gateway, seat: Seat, trigger_id: str, wanted: Changed, key: str | None
) -> web.Response:
    trigger = await finding.known_trigger(gateway.desk, seat, trigger_id)
    try:
        size = await to_size(gateway, seat, trigger.symbol, wanted, wanted.price or trigger.order_price)
        await gateway.instruments.check_waiting(seat.venue.name, trigger.symbol, size, wanted.price, wanted.stop_price)
        change = TriggerChange(
            price=wanted.stop_price, order_price=wanted.price, size=size, price_type=wanted.price_type
        )
        answer = await retriggering.amend_trigger(gateway.desk, seat, trigger, change, key)
    except BadRequest as wrong:
        raise in_words_of(wrong, names_of(wanted, is_trigger=True)) from None
    return told(request, seat, answer)


async def cancel_trigger(request: web.Request, gateway: Gateway, seat: Seat, named: finding.Named) -> web.Response:
    return told(request, seat, await cancelling.cancel_one_waiting(gateway.desk, seat, named.id, named.symbol))
