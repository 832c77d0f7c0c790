"""What OKX's codes mean: refused, busy, a wrong key, or not known, wherever a code stands."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import KeyRefused, VenueBusy, VenueError, VenueRefused, VenueUnknown
from shared.exchanges.base import PlaceOrder, Reply, Request
from shared.exchanges.okx import codes
from tests.venues.okx.frames import VENUE, WIRE, frame, reply, said

PLACE = WIRE.place(PlaceOrder("BTC-USDT-SWAP", "buy", "limit", "1", "1", "gtc", False, "ow1"), None)
CANCEL = WIRE.cancel("BTC-USDT-SWAP", "2510004000000000001")
QUERY = WIRE.order("BTC-USDT-SWAP", "2510004000000000001").request
BATCH = WIRE.place_batch([PlaceOrder("BTC-USDT-SWAP", "buy", "limit", "1", "1", "gtc", False, "ow1")], None)
ALGO = Request("POST", "/api/v5/trade/order-algo", writes=True)


def refused(request: Request, answer: Reply) -> VenueError:
    error = VENUE.refusal(request, answer)
    assert error is not None
    return error


def of_code(code: str, request: Request = PLACE, status: int = 200) -> VenueError:
    return refused(request, reply({"code": code, "msg": "", "data": []}, status))


def of_item(code: str, request: Request = PLACE, envelope: str = "1") -> VenueError:
    body = {"code": envelope, "msg": "", "data": [{"ordId": "", "sCode": code, "sMsg": "", "subCode": ""}]}
    return refused(request, reply(body))


CAPTURED: dict[str, tuple[Request, int, type[VenueError], str, int]] = {
    "rest_place_refused_balance": (PLACE, 200, VenueRefused, "51008", 409),
    "rest_place_unknown": (PLACE, 200, VenueUnknown, "1", 504),
    "rest_cancel_gone": (CANCEL, 200, VenueRefused, "51400", 404),
    "rest_algo_refused": (ALGO, 200, VenueRefused, "51279", 400),
    "rest_algo_unknown": (ALGO, 200, VenueUnknown, "51149", 504),
    "rest_key_refused": (PLACE, 401, KeyRefused, "50111", 401),
    "rest_too_many": (PLACE, 429, VenueBusy, "50011", 429),
    "rest_no_such_path": (PLACE, 404, VenueRefused, "404", 404),
    "rest_no_such_order": (QUERY, 200, VenueRefused, "51603", 404),
}


@pytest.mark.parametrize("name", CAPTURED)
def test_an_answer_is_the_error_that_it_says(name: str) -> None:
    """The item decides, never the envelope: a refused algo order has `code` 0."""
    request, status, kind, code, shown = CAPTURED[name]
    error = refused(request, reply(frame(name), status))

    assert (type(error), error.venue_code, error.status) == (kind, code, shown)


@pytest.mark.parametrize("name", ["rest_placed", "rest_cancelled", "rest_closing", "rest_order_live", "rest_balance"])
def test_an_answer_that_says_yes_is_no_refusal(name: str) -> None:
    assert VENUE.refusal(PLACE, reply(frame(name))) is None


def test_a_sub_code_is_a_part_of_what_the_venue_says() -> None:
    error = refused(PLACE, reply(frame("rest_place_refused_balance")))

    assert "Insufficient USDT margin" in error.venue_message and "1001" in error.venue_message


def test_the_words_stand_in_where_the_venue_sends_none() -> None:
    assert of_item("51008").venue_message == codes.REFUSED["51008"].words
    assert of_code("50011").venue_message == codes.BUSY["50011"].words


@pytest.mark.parametrize("code", sorted(codes.AMBIGUOUS))
def test_a_write_that_timed_out_inside_the_venue_is_unknown(code: str) -> None:
    """It may have been carried out, so it must not be sent again. A question can be."""
    assert isinstance(of_item(code), VenueUnknown)
    assert isinstance(of_code(code), VenueUnknown)
    assert isinstance(of_code(code, QUERY), VenueBusy)


@pytest.mark.parametrize("table", ["KEY", "BUSY", "REFUSED"])
def test_every_code_of_the_tables_means_what_they_say(table: str) -> None:
    kinds: dict[str, type[VenueError]] = {"KEY": KeyRefused, "BUSY": VenueBusy, "REFUSED": VenueRefused}
    known: dict[str, codes.Meaning] = getattr(codes, table)
    for code, meaning in known.items():
        if code == codes.NO_LOGIN:
            continue
        for error in (of_item(code), of_code(code)):
            assert type(error) is kinds[table], code
            assert error.status == meaning.status
            assert error.retryable == (meaning.retryable or table == "BUSY")
            assert error.venue_message == meaning.words


def test_no_code_is_in_two_tables() -> None:
    tables = (codes.KEY, codes.BUSY, codes.REFUSED, dict.fromkeys(codes.AMBIGUOUS))

    assert len({code for table in tables for code in table}) == sum(len(table) for table in tables)


LISTED = """
    50000 50001 50002 50004 50006 50011 50013 50014 50015 50016 50024 50025 50026 50036 50037 50038 50040 50053 50061
    50067 50071 50072 50100 50101 50102 50103 50104 50105 50106 50107 50110 50111 50112 50113 50114 50115 50119 50120
    51000 51001 51003 51004 51005 51006 51007 51008 51010 51015 51016 51020 51021 51022 51023 51025 51027 51028 51030
    51046 51047 51048 51049 51050 51051 51052 51053 51054 51065 51068 51076 51099 51100 51102 51111 51112 51120 51121
    51124 51137 51138 51149 51169 51170 51174 51178 51201 51202 51277 51278 51279 51280 51300 51308 51327 51332 51400
    51401 51402 51405 51407 51410 51412 51416 51500 51502 51503 51506 51510 51511 51512 51513 51527 51603 54036 54072
    54084 54085 54094 54109 59000 59101 59102 59107 59112 59113
"""


@pytest.mark.parametrize("code", LISTED.split())
def test_every_code_that_the_manual_lists_is_known(code: str) -> None:
    assert code in codes.KEY or code in codes.BUSY or code in codes.REFUSED or code in codes.AMBIGUOUS


@pytest.mark.parametrize("code", ["51999", "99999", "58350"])
def test_a_code_that_nobody_listed_is_a_plain_refusal(code: str) -> None:
    error = of_item(code)

    assert (type(error), error.status, error.retryable) == (VenueRefused, 400, False)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, KeyRefused), (403, KeyRefused), (429, VenueBusy), (500, VenueUnknown)]
)
def test_the_status_decides_only_where_the_code_says_nothing(status: int, kind: type[VenueError]) -> None:
    assert isinstance(of_code("57777", PLACE, status), kind)
    assert isinstance(of_code("51008", PLACE, status), VenueRefused) or status == 429


@pytest.mark.parametrize("status", [200, 400, 404, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b"null", b"{}", b'{"code":"1"}'])
def test_a_write_with_an_answer_that_says_nothing_is_unknown(status: int, body: bytes) -> None:
    """A proxy's page does not say what became of the order, whatever its status."""
    answer = reply(body, status)
    error = VENUE.refusal(PLACE, answer)
    if error is None:
        with pytest.raises(VenueUnknown):
            WIRE.to_order(answer)
    else:
        assert isinstance(error, VenueUnknown)


def test_too_many_is_too_many_without_a_body_too() -> None:
    error = refused(PLACE, reply(b"", 429))

    assert isinstance(error, VenueBusy) and error.retry_after_s is not None


def test_a_batch_of_which_a_part_failed_is_read_item_by_item() -> None:
    for name in ("rest_placed_partly", "rest_place_refused_balance"):
        assert VENUE.refusal(BATCH, reply(frame(name))) is None
    assert isinstance(refused(BATCH, reply(frame("rest_place_unknown"))), VenueUnknown)
    assert isinstance(refused(BATCH, reply(frame("rest_key_refused"), 401)), KeyRefused)


@pytest.mark.parametrize("code", ["50102", "50112"])
def test_a_wrong_time_is_our_clock_and_not_the_key(code: str) -> None:
    error = of_code(code, PLACE, 401)

    assert isinstance(error, VenueBusy) and VENUE.is_clock_error(error)
    assert not VENUE.is_clock_error(of_code("50113", PLACE, 401))


def test_only_the_venues_own_word_says_that_an_order_is_not_there() -> None:
    ask = WIRE.order("BTC-USDT-SWAP", "2510004000000000001")

    assert ask.absent(refused(QUERY, reply(frame("rest_no_such_order"))))
    for other in ("51001", "51400", "404", "50001", "50111"):
        assert not ask.absent(of_code(other, QUERY))


def test_an_instrument_that_is_not_there_is_not_found_when_it_is_asked_for() -> None:
    """In an order it is a wrong field."""
    assert (of_code("51001", VENUE.ticker("X-Y")[0]).status, of_item("51001").status) == (404, 400)


def test_a_site_that_has_no_leverage_to_ask_for_is_no_error() -> None:
    body: Any = said("rest_no_such_path")

    assert VENUE.refusal(WIRE.leverage("BTC-USDT-SWAP"), reply(body, 404)) is None
