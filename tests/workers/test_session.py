"""What a session concludes from what it was told, without any network."""

from __future__ import annotations

from shared.model import Position
from tests.facts import a_fill, a_position, an_order
from workers.session import flat_now, with_known_fees


def test_a_known_fee_stays_known_for_the_same_fills() -> None:
    """A REST list without fees must not make the record forget one."""
    known = [an_order(id="1", filled="5.0", fee="0.5"), an_order(id="2", filled="1", fee="0.1")]

    facts = with_known_fees([an_order(id="1", filled="5"), an_order(id="2", filled="2")], list(known))

    assert [getattr(fact, "fee", None) for fact in facts] == ["0.5", None]


def test_fills_that_make_up_the_order_tell_its_fee() -> None:
    """Exactly, and only when none of them is missing."""
    fills = [a_fill(id="1", size="2", fee="0.02"), a_fill(id="2", size="3", fee="-0.005")]

    whole, partly = an_order(filled="5"), an_order(filled="6")
    with_known_fees([*fills, whole], [])
    with_known_fees([*fills, partly], [])

    assert (whole.fee, partly.fee) == ("0.015", None)


def test_a_position_that_the_whole_list_does_not_show_is_flat() -> None:
    """The list is complete, so what is missing there is not held any more."""
    held = [a_position(), a_position(id="ETH_USDT", symbol="ETH_USDT"), a_position(id="SOL_USDT", size="0")]

    (gone,) = flat_now([a_position()], held, 9)

    assert isinstance(gone, Position)
    assert (gone.id, gone.size, gone.side) == ("ETH_USDT", "0", None)
    assert gone.rank() > held[1].rank()
