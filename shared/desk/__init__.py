"""The desk: a wish to trade becomes exactly one outcome.

`place`, `close` and `cancel` act for a caller; `resolve` finds out later what nobody knew at the time. Each decides
with plain functions and acts thinly; none of them knows HTTP, and any process may call them.
"""

from __future__ import annotations

from shared.desk.desk import Answer, Desk, Seat

__all__ = ["Answer", "Desk", "Seat"]
