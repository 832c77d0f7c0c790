"""Orders for bots that come with venue keys in headers: place, close, cancel, get.

Who asks is checked before what is asked: a body that makes no sense is only explained to somebody whose keys work.
"""

from __future__ import annotations

import msgspec
from aiohttp import web

from api.auditing import commanded
from api.auth import Caller, account_id_of, keys_of, new_ticket
from api.gateway import GATEWAY, Gateway
from api.problems import count_venue_error, raw_response
from api.reading import check, check_query, idempotency_key, read_json
from api.requests import (
    CancelFuturesOrder,
    CloseFuturesOrder,
    GetFuturesOrder,
    Guard,
    PlaceFuturesOrder,
)
from shared.desk import Answer, Seat
from shared.desk import cancel as cancelling
from shared.desk import close as closing
from shared.desk import find as finding
from shared.desk import place as placing
from shared.desk.mode import is_pair
from shared.desk.wish import Guard as GuardWish
from shared.desk.wish import LeverageWish, Wish
from shared.errors import BadRequest, GatewayError, NotAllowed, NotAuthenticated, NotFound, StoreUnavailable
from shared.exchanges import registry
from shared.model import Credentials, Outcome, Owner
from shared.store.accounts import Account

MESSAGES = {Outcome.ACCEPTED: "ok", Outcome.UNKNOWN: "unknown"}


def add_routes(app: web.Application) -> None:
    app.router.add_post("/{venue}/place-futures-order", place)
    app.router.add_post("/{venue}/close-futures-order", close)
    app.router.add_delete("/{venue}/cancel-futures-order", cancel)
    app.router.add_get("/{venue}/get-futures-order", get, allow_head=False)


async def place(request: web.Request) -> web.Response:
    gateway, venue, credentials, token = _asker(request)
    try:
        wanted = check(PlaceFuturesOrder, await read_json(request))
        key = idempotency_key(request)
        wish = to_wish(wanted, _symbol(venue, wanted.contract), attach=registry.venue(venue).limits.attaches_guards)
        _check_client_order_id(venue, wanted.client_order_id)
        await gateway.instruments.check(venue, wish.symbol, wish.size, wish.price, wanted.leverage)
    except GatewayError as wrong:
        await gateway.auth.prove(venue, credentials)
        raise wrong
    account = await gateway.auth.claim(venue, wanted.userId, credentials, _user_of(token, wanted.userId))
    owner = _owner(account.user_id, account.account_id, venue, gateway)
    seat = gateway.desk.seat(owner, credentials, may_trade=account.may_trade)
    ticket: str | None = new_ticket()
    try:
        answer = await placing.place(gateway.desk, seat, wish, key, ticket)
    except BadRequest as wrong:
        raise _in_their_words(wrong) from None
    if answer.outcome is Outcome.REJECTED:
        return _told(request, seat, answer)
    if not answer.is_new:
        ticket = await _another_ticket(gateway, account.user_id)
    return _told(request, seat, answer, _stream(account.user_id, ticket))


async def close(request: web.Request) -> web.Response:
    gateway, venue, credentials, token = _asker(request)
    try:
        wanted = check(CloseFuturesOrder, await read_json(request))
        key = idempotency_key(request)
        symbol = _symbol(venue, wanted.contract)
    except GatewayError as wrong:
        await gateway.auth.prove(venue, credentials)
        raise wrong
    seat = await _seat(gateway, venue, credentials, wanted.userId, token)
    side = wanted.auto_size.removeprefix("close_")
    answer = await closing.close(gateway.desk, seat, symbol, side, key)
    return _told(request, seat, answer)


async def cancel(request: web.Request) -> web.Response:
    gateway, venue, credentials, _ = _asker(request)
    try:
        wanted = check_query(CancelFuturesOrder, request)
    except GatewayError as wrong:
        await gateway.auth.prove(venue, credentials)
        raise wrong
    seat = await _seat(gateway, venue, credentials, None)
    named = {"tp_id": wanted.tp_id, "sl_id": wanted.sl_id}
    triggers = {name: trigger_id for name, trigger_id in named.items() if trigger_id is not None}
    return _told(request, seat, await cancelling.cancel(gateway.desk, seat, wanted.trade_id, triggers))


async def get(request: web.Request) -> web.Response:
    gateway, venue, credentials, _ = _asker(request)
    try:
        wanted = check_query(GetFuturesOrder, request)
    except GatewayError as wrong:
        await gateway.auth.prove(venue, credentials)
        raise wrong
    account = await gateway.auth.owner(venue, credentials)
    user_id = account.user_id if account else ""
    seat = gateway.desk.seat(_owner(user_id, _account_id(gateway, venue, credentials), venue, gateway), credentials)
    order = await finding.find(gateway.desk, seat, wanted.trade_id)
    return raw_response(b'{"message":"ok","data":{"order":%b}}' % order)


# Who asks.


def _asker(request: web.Request) -> tuple[Gateway, str, Credentials, Caller | None]:
    """The keys, and the token that may come with them: one that is not valid is refused even beside good keys."""
    gateway = request.app[GATEWAY]
    token, credentials = gateway.auth.bearer(request), keys_of(request)
    if credentials is None:
        raise NotAuthenticated("the venue's keys are needed in the headers api-key and api-secret")
    venue = request.match_info["venue"]
    if venue not in registry.VENUES:
        raise NotFound(f"venue here: {venue[:40]!r}")
    return gateway, venue, credentials, token


def _user_of(token: Caller | None, user_id: str) -> str | None:
    """The token's user, who must be the one that is acted for."""
    if token is not None and token.user_id != user_id:
        raise NotAllowed(f"user id {user_id} is not the token's")
    return token.user_id if token is not None else None


async def _seat(
    gateway: Gateway, venue: str, credentials: Credentials, user_id: str | None, token: Caller | None = None
) -> Seat:
    """For commands that must go through: without Redis nobody can be looked up, and then only the venue judges."""
    try:
        if user_id is not None:
            account: Account | None = await gateway.auth.claim(venue, user_id, credentials, _user_of(token, user_id))
        else:
            account = await gateway.auth.owner(venue, credentials)
    except StoreUnavailable:
        account = None
    owner = _owner(account.user_id if account else "", _account_id(gateway, venue, credentials), venue, gateway)
    return gateway.desk.seat(owner, credentials, may_trade=account is None or account.may_trade)


def _account_id(gateway: Gateway, venue: str, credentials: Credentials) -> str:
    return account_id_of(venue, gateway.settings.trading_env, credentials)


def _owner(user_id: str, account_id: str, venue: str, gateway: Gateway) -> Owner:
    return Owner(user_id, account_id, venue, gateway.settings.trading_env)


# What they ask.


def to_wish(wanted: PlaceFuturesOrder, symbol: str, *, attach: bool = False) -> Wish:
    is_market = wanted.market_type == "market"
    return Wish(
        symbol=symbol,
        side="buy" if wanted.position_type == "long" else "sell",
        type=wanted.market_type,
        size=wanted.size,
        price=None if is_market else str(wanted.price),
        time_in_force=wanted.time_in_force or ("ioc" if is_market else "gtc"),
        reduce_only=wanted.reduce_only,
        leverage=LeverageWish(wanted.leverage, wanted.leverage_type.lower()),
        take_profit=_to_guard("take_profit", wanted.take_profit),
        stop_loss=_to_guard("stop_loss", wanted.stop_loss),
        client_order_id=wanted.client_order_id,
        on_protection_failure=wanted.on_protection_failure,
        attach=attach,
    )


def _to_guard(name: str, guard: Guard | None) -> GuardWish | None:
    if guard is None or not guard.enabled:
        return None
    return GuardWish(str(guard.price), guard.price_type)


def _symbol(venue: str, contract: str) -> str:
    known = registry.venue(venue)
    try:
        symbol = known.symbol(contract)
        if is_pair(known, symbol):
            problem = "is a pair of coins, and no contract"
            raise BadRequest(f"symbol {problem}", (("symbol", problem),))
        return symbol
    except BadRequest as wrong:
        raise _in_their_words(wrong) from None


def _check_client_order_id(venue: str, wanted: str | None) -> None:
    """By the venue's own rule, before anything is claimed or written for it."""
    try:
        if wanted is not None:
            registry.venue(venue).client_order_id(wanted, "")
    except BadRequest as wrong:
        raise _in_their_words(wrong) from None


def _in_their_words(wrong: BadRequest) -> BadRequest:
    """The venue's rules name fields as everywhere here; these old routes have a name of their own for one."""
    fields = tuple(("contract" if field == "symbol" else field, message) for field, message in wrong.fields)
    return BadRequest(str(wrong), fields, status=422 if fields else wrong.status)


# What they are told.


def _told(request: web.Request, seat: Seat, answer: Answer, stream: bytes | None = None) -> web.Response:
    commanded(request, seat, [answer])
    if answer.venue_code is not None:
        count_venue_error(request, seat.venue.name, answer.venue_code)
    if answer.outcome is Outcome.REJECTED:
        return raw_response(answer.body, answer.status, answer.retry_after_s)
    data = answer.body if stream is None else b'%b,"stream":%b}' % (answer.body[:-1], stream)
    message = MESSAGES[answer.outcome].encode()
    return raw_response(b'{"message":"%b","data":%b}' % (message, data), answer.status)


async def _another_ticket(gateway: Gateway, user_id: str) -> str | None:
    """For an answer that is told again. The order stands even when no ticket can be had."""
    try:
        return await gateway.auth.ticket(user_id)
    except StoreUnavailable:
        return None


def _stream(user_id: str, ticket: str | None) -> bytes:
    """Where to follow it."""
    return msgspec.json.encode({"url": stream_url(user_id), "ticket": ticket})


def stream_url(user_id: str) -> str:
    return f"/sse/orders/{user_id}"
