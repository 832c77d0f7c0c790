"""`orderwire keys`: which master key sealed what, and sealing everything anew with the first one while the house runs.

A record is only replaced as it was read, so that nobody's change is lost; what is sealed by the first key already is
left alone, so that a run which broke off is taken up by the next. Only what every process can open may be sealed: the
new key must stand in every process' MASTER_KEYS before this begins, and the old one until it has ended.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from deploy import terminal
from deploy.audit import by_operator
from deploy.house import settings_to_act
from shared.settings import Settings
from shared.store import Store
from shared.store.sealed import Spot, to_record, with_sealed
from shared.vault import CREDENTIALS, HOUSE, CannotOpen, Place, Vault, key_id_of

BATCH = 200
PASSES_MAX = 5
AGAIN_MAX = 20
THE_HOUSE = Place(HOUSE)


class Tally:
    """What was found and done."""

    def __init__(self) -> None:
        self.sealed = self.current = 0
        self.left: Counter[str] = Counter()
        """Records by the key that still seals them: they cannot be opened."""
        self.spoilt: list[str] = []


def keys(action: str) -> int:
    settings = settings_to_act()
    vault = Vault(settings.master_keys())
    return asyncio.run(_rotate(settings, vault) if action == "rotate" else _status(settings, vault))


async def _status(settings: Settings, vault: Vault) -> int:
    store = Store(settings)
    try:
        counts: Counter[str] = Counter()
        for batch in _batches(await store.sealed.places()):
            for _, sealed in _sealed(await store.sealed.read(batch)):
                counts[key_id_of(sealed) + ("" if sealed.startswith("v2:") else " (older way)")] += 1
        secret = await store.sealed.house_secret()
        if secret is not None:
            counts[key_id_of(secret)] += 1
    finally:
        await store.close()
    here = {*counts, *vault.key_ids}
    rows = [(name, str(counts[name]), _about(name, vault)) for name in sorted(here)]
    print(terminal.table(("key", "records", ""), rows, left=1))
    return 1 if any(name.split()[0] not in vault.key_ids for name in counts) else 0


def _about(name: str, vault: Vault) -> str:
    if name == vault.sealing:
        return "seals"
    return "opens" if name.split()[0] in vault.key_ids else "is not here: these records cannot be opened"


async def rotate(store: Store, vault: Vault, bar: terminal.Progress) -> Tally:
    """Until nothing is left to do: what others sealed with an older key meanwhile is found by the next pass."""
    tally = Tally()
    await _rotate_house_secret(store, vault, tally)
    for turn in range(PASSES_MAX):
        places = await store.sealed.places()
        bar.begin(sum(count for _, count in places), "looking once more" if turn else "sealing")
        before, tally.current = tally.sealed, 0
        tally.left.clear()
        tally.spoilt.clear()
        for batch in _batches(places):
            spots = await store.sealed.read(batch)
            await _reseal(store, vault, spots, tally)
            bar.step(len(spots))
        bar.end()
        if tally.sealed == before:
            break
    return tally


async def _reseal(store: Store, vault: Vault, spots: list[Spot], tally: Tally) -> None:
    for _ in range(AGAIN_MAX):
        changes = []
        for spot, sealed in _sealed(spots):
            if vault.is_current(sealed):
                tally.current += 1
            elif (after := _sealed_again(vault, spot, sealed, tally)) is not None:
                changes.append((spot, after))
        if not changes:
            return
        spots = await store.sealed.replace(changes)
        tally.sealed += len(changes) - len(spots)
        if not spots:
            return
        spots = await store.sealed.read_again(spots)


def _sealed_again(vault: Vault, spot: Spot, sealed: str, tally: Tally) -> bytes | None:
    record = to_record(spot.value)
    assert record is not None
    try:
        place = Place(CREDENTIALS, record.user_id, record.venue, record.account_id)
        return with_sealed(spot.value, vault.seal_again(sealed, place))
    except CannotOpen as error:
        if key_id_of(sealed) in vault.key_ids:
            tally.spoilt.append(str(error))
        else:
            tally.left[key_id_of(sealed)] += 1
        return None


async def _rotate_house_secret(store: Store, vault: Vault, tally: Tally) -> None:
    secret = await store.sealed.house_secret()
    if secret is None or vault.is_current(secret):
        return
    try:
        if await store.sealed.replace_house_secret(secret, vault.seal_again(secret, THE_HOUSE)):
            tally.sealed += 1
    except CannotOpen as error:
        tally.spoilt.append(str(error))


async def _rotate(settings: Settings, vault: Vault) -> int:
    store = Store(settings)
    try:
        await store.audit.append("keys.rotate", by_operator() | {"to": vault.sealing})
        tally = await rotate(store, vault, terminal.Progress())
        said = {"to": vault.sealing, "sealed": tally.sealed, "current": tally.current, "left": dict(tally.left)}
        await store.audit.append("keys.rotated", by_operator() | said)
    finally:
        await store.close()
    print(f"  {terminal.mark(True)} {terminal.to_count(tally.sealed, 'record')} sealed anew by {vault.sealing}", end="")
    print(f"; {terminal.to_count(tally.current, 'record')} in all are sealed by it.")
    for name, count in sorted(tally.left.items()):
        print(
            f"  {terminal.mark(False)} {terminal.to_count(count, 'record')} need master key {name}, which is not here"
        )
    for error in tally.spoilt[:10]:
        print(f"  {terminal.mark(False)} {error}")
    if tally.left or tally.spoilt:
        return 1
    others = [name for name in vault.key_ids if name != vault.sealing]
    if others:
        print(
            f"    nothing is left of {', '.join(others)}: drop {'it' if len(others) == 1 else 'them'} from MASTER_KEYS"
        )
    return 0


def _batches(places: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    """So many hashes at once that they have about BATCH fields together."""
    batch: list[str] = []
    count = 0
    for key, length in places:
        batch.append(key)
        count += length
        if count >= BATCH:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def _sealed(spots: Sequence[Spot]) -> Iterator[tuple[Spot, str]]:
    for spot in spots:
        record = to_record(spot.value)
        if record is not None:
            yield spot, record.sealed
