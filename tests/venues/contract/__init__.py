"""The contract: what every venue keeps, each point a check that can be run against a paper exchange or a testnet.

A venue gets all of it by standing in the registry. The checks know no venue; they speak through `shared.exchanges`, as
the house does, so what they see is what the house sees.
"""

from __future__ import annotations

from tests.venues.contract import account, breakage, entry, fills, market, orders, triggers
from tests.venues.contract.check import Check

_PARTS = (market, account, orders, fills, triggers, entry, breakage)

CHECKS: tuple[Check, ...] = tuple(each for part in _PARTS for each in vars(part).values() if isinstance(each, Check))
"""In the order in which they are best read, and run."""
