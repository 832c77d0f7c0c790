"""Scopes: what a credential may do. Every route needs one of them (`api.access`), or none.

A login may do all that its user may, except what administrators do. A gateway key may do what its scopes say and
nothing else; whoever shows venue keys may trade and read with them.
"""

from __future__ import annotations

ORDERS_WRITE, ORDERS_READ, STREAM_READ, ADMIN = "orders:write", "orders:read", "stream:read", "admin"
OWN = "own"
"""What only the user does, logged in: gateway keys, accounts. No key has it."""
GRANTABLE = (ORDERS_WRITE, ORDERS_READ, STREAM_READ, ADMIN)
OF_VENUE_KEYS = frozenset({ORDERS_WRITE, ORDERS_READ, STREAM_READ})
OF_A_LOGIN = OF_VENUE_KEYS | {OWN}
