"""Trading: orders are placed, changed and cancelled in one shape for every venue; positions are closed.

Who asks is checked before what is asked. An order's id may be the venue's or the client order id, and may be that of a
conditional order, which is a trigger at the venue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from api.answers import told, told_each, told_ended
from api.gateway import Gateway
from api.problems import json_response
from api.queries import AccountQuery, CancelAllQuery
from api.reading import check, check_query, idempotency_key, read_json
from api.requests_trading import Changed, ClosePosition, NewOrder, NewOrders, OrderIds, check_together
from api.routes.triggers import cancel_trigger, change_trigger, place_trigger
from api.seats import POSITION_ID, asker, id_of, seat_for
from api.wishes import check_change, in_words_of, names_of, symbol_of, to_size, to_wish
from shared.desk import Answer, Seat
from shared.desk import amend as amending
from shared.desk import batch as batching
from shared.desk import cancel as cancelling
from shared.desk import close as closing
from shared.desk import find as finding
from shared.desk import place as placing
from shared.desk import rehearse as rehearsing
from shared.desk.cancel_all import cancel_all as cancel_all_open
from shared.desk.cancel_many import cancel_named
from shared.desk.wish import Wish
from shared.errors import BadRequest, GatewayError

Body = dict[str, Any]


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/trading/orders", place)
    app.router.add_delete("/api/trading/orders", cancel_all)
    app.router.add_post("/api/trading/orders/batch", place_batch)
    app.router.add_delete("/api/trading/orders/batch", cancel_many)
    app.router.add_patch("/api/trading/orders/{id}", amend)
    app.router.add_delete("/api/trading/orders/{id}", cancel)
    app.router.add_post("/api/trading/positions/{id}/close", close)


# Place.


async def place(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_together(NewOrder, await read_json(request))
    key = idempotency_key(request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    if wanted.is_conditional:
        return await place_trigger(request, gateway, seat, wanted, key)
    try:
        wish = await to_wish(gateway, seat, wanted)
        if wanted.dry_run:
            return json_response(rehearsing.told(await rehearsing.rehearse_order(gateway.desk, seat, wish, key)))
        answer = await placing.place(gateway.desk, seat, wish, key)
    except BadRequest as wrong:
        raise in_words_of(wrong, names_of(wanted)) from None
    return told(request, seat, answer)


async def place_batch(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check(NewOrders, await read_json(request))
    key = idempotency_key(request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    read = [await _item(gateway, seat, said) for said in wanted.orders]
    wishes = {index: one for index, one in enumerate(read) if isinstance(one, Wish)}
    keys = [None if key is None else f"{key}\0batch\0{index}" for index in wishes]
    placed = await batching.place_batch(gateway.desk, seat, list(wishes.values()), keys)
    answers = dict(zip(wishes, placed, strict=True))
    refused = {index: Answer.rejected(one) for index, one in enumerate(read) if isinstance(one, GatewayError)}
    return told_each(request, seat, [(answers | refused)[index] for index in range(len(read))])


async def _item(gateway: Gateway, seat: Seat, said: Any) -> Wish | GatewayError:
    """One order of a batch, or what is wrong with it."""
    names: Mapping[str, str] = {}
    try:
        wanted = check_together(NewOrder, said if isinstance(said, dict) else {"order": said})
        names = names_of(wanted)
        wanted.check_for_a_batch()
        return await to_wish(gateway, seat, wanted)
    except BadRequest as wrong:
        return in_words_of(wrong, names)
    except GatewayError as error:
        return error


# Change.


async def amend(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_together(Changed, await read_json(request))
    key = idempotency_key(request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    named = await finding.named(gateway.desk, seat, id_of(request))
    if named.is_trigger:
        return await change_trigger(request, gateway, seat, named.id, wanted, key)
    wanted.check_for_an_order()
    order = await finding.known_order(gateway.desk, seat, named.id, named.symbol)
    try:
        size = await to_size(gateway, seat, order.symbol, wanted, wanted.price or order.price)
        await check_change(gateway, seat, order, size, wanted.price)
        answer = await amending.amend(gateway.desk, seat, order, size, wanted.price, key)
    except BadRequest as wrong:
        raise in_words_of(wrong, names_of(wanted)) from None
    return told(request, seat, answer)


# Cancel.


async def cancel(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    seat = await seat_for(gateway, caller, check_query(AccountQuery, request).account_id)
    named = await finding.named(gateway.desk, seat, id_of(request))
    if named.is_trigger:
        return await cancel_trigger(request, gateway, seat, named)
    return told(request, seat, await cancelling.cancel_one(gateway.desk, seat, named.id, named.symbol))


async def cancel_many(request: web.Request) -> web.Response:
    """The ids stand in the body, or in the query for those who cannot send one."""
    gateway, caller = await asker(request)
    said: Body = {**request.query, **await read_json(request)}
    if isinstance(said.get("order_ids"), str):
        said["order_ids"] = said["order_ids"].split(",")
    wanted = check(OrderIds, said)
    seat = await seat_for(gateway, caller, wanted.account_id)
    return told_ended(request, seat, await cancel_named(gateway.desk, seat, wanted.order_ids))


async def cancel_all(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check_query(CancelAllQuery, request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    symbol = None if wanted.symbol is None else symbol_of(seat, wanted.symbol)
    ended = await cancel_all_open(gateway.desk, seat, symbol, wanted.side, triggers=wanted.triggers)
    return told_ended(request, seat, ended)


# Close.


async def close(request: web.Request) -> web.Response:
    gateway, caller = await asker(request)
    wanted = check(ClosePosition, await read_json(request))
    key = idempotency_key(request)
    seat = await seat_for(gateway, caller, wanted.account_id)
    position_id = id_of(request, POSITION_ID)
    return told(request, seat, await closing.close_held(gateway.desk, seat, position_id, key))
