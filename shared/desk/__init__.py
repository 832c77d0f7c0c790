"""The desk: a wish to trade becomes exactly one outcome.

`wish` and `conditional` say what may be wanted. `place`, `batch`, `amend`, `close`, the cancels, `triggers`,
`retrigger`, `leverage` and `mode` act for a caller; `rehearse` only shows what they would send. `resolve` finds out
later what nobody knew at the time; `find` and `reads` tell what is. Each decides with plain functions and acts thinly;
none of them knows HTTP, and any process may call them.
"""

from __future__ import annotations

from shared.desk.desk import Desk, Seat
from shared.desk.outcome import Answer

__all__ = ["Answer", "Desk", "Seat"]
