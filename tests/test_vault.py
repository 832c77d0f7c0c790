"""The vault: what is sealed opens where it was sealed and nowhere else, and says which key it needs."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadSetting
from shared.model import Credentials
from shared.settings import Settings
from shared.vault import CREDENTIALS, HOUSE, CannotOpen, Place, Vault, key_id_of

SECRET = Credentials("the-api-key", "the-secret", "the-passphrase")
K1, K2 = bytes(range(32)), bytes(range(32, 64))
VAULT = Vault({"k1": K1})
HERE = ("alice", "gate", "gate-1")


def raw_of(sealed: str) -> bytes:
    return base64.b64decode(sealed.split(":")[2])


def test_it_opens_where_it_was_sealed() -> None:
    assert VAULT.open(VAULT.seal(SECRET, *HERE), *HERE) == SECRET


@pytest.mark.parametrize(
    "place",
    [("bob", "gate", "gate-1"), ("alice", "okx", "gate-1"), ("alice", "gate", "gate-2"), ("", "gate", "gate-1")],
)
def test_a_row_that_was_swapped_does_not_open(place: tuple[str, str, str]) -> None:
    """Between users, accounts and venues: each record is bound to all three."""
    with pytest.raises(CannotOpen):
        VAULT.open(VAULT.seal(SECRET, *HERE), *place)
    with pytest.raises(CannotOpen):
        VAULT.open_bytes(VAULT.seal(SECRET, *HERE), Place(HOUSE))


def test_parts_of_a_place_do_not_run_into_each_other() -> None:
    """A user named like the end of one place and the beginning of another is another user."""
    with pytest.raises(CannotOpen):
        VAULT.open(VAULT.seal(SECRET, 'a","b', "c", "d"), "a", 'b","c', "d")


def test_no_flipped_bit_opens() -> None:
    """Each bit of the whole record, salt, nonces and wrapped key included."""
    sealed = VAULT.seal(SECRET, *HERE)
    raw = raw_of(sealed)
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            VAULT.open("v2:k1:" + base64.b64encode(changed).decode(), *HERE)


@given(st.integers(0, 400))
def test_no_record_that_was_cut_opens(length: int) -> None:
    raw = raw_of(VAULT.seal(SECRET, *HERE))
    cut = raw[: min(length, len(raw) - 1)]
    with pytest.raises(CannotOpen):
        VAULT.open("v2:k1:" + base64.b64encode(cut).decode(), *HERE)


@pytest.mark.parametrize(
    "said", ["", "v2", "v2:k1", "v2:k1:", "v2:k1:!", "v3:k1:AAAA", "v1:k1:AAAA", "::", "v2:k1:\u00e9"]
)
def test_what_was_never_sealed_is_refused(said: str) -> None:
    with pytest.raises(CannotOpen):
        VAULT.open(said, *HERE)


def test_parts_of_two_records_do_not_make_a_third() -> None:
    """The wrapped key of one with the body of another, both of the same place and key."""
    one, other = raw_of(VAULT.seal(SECRET, *HERE)), raw_of(VAULT.seal(SECRET, *HERE))
    head = 16 + 12 + 48
    with pytest.raises(CannotOpen):
        VAULT.open("v2:k1:" + base64.b64encode(one[:head] + other[head:]).decode(), *HERE)


def test_the_id_of_the_key_is_bound_too() -> None:
    """The same key under another id does not open it: what a record says of itself is checked."""
    sealed = VAULT.seal(SECRET, *HERE)
    with pytest.raises(CannotOpen):
        Vault({"k9": K1}).open(sealed.replace(":k1:", ":k9:"), *HERE)


def test_a_dropped_key_is_named() -> None:
    """By its id alone, and whose record it is."""
    sealed = VAULT.seal(SECRET, *HERE)
    with pytest.raises(CannotOpen, match=r"account gate-1.*master key 'k1'") as refused:
        Vault({"k2": K2}).open(sealed, *HERE)
    assert "the-" not in str(refused.value) and base64.b64encode(K2).decode() not in str(refused.value)


def test_every_seal_has_its_own_data_key_salt_and_nonces() -> None:
    seen: list[set[bytes]] = [set() for _ in range(4)]
    for _ in range(50):
        raw = raw_of(VAULT.seal(SECRET, *HERE))
        for place, (start, end) in enumerate(((0, 16), (16, 28), (28, 76), (76, 88))):
            seen[place].add(raw[start:end])
    assert [len(each) for each in seen] == [50] * 4


def test_no_master_key_seals_a_record_itself() -> None:
    """The body is sealed with the data key, which only the wrapping key opens."""
    raw = raw_of(VAULT.seal(SECRET, *HERE))
    bound = Place(CREDENTIALS, *HERE).bound("k1")
    wrapping = HKDF(hashes.SHA256(), 32, raw[:16], b"orderwire data keys v2").derive(K1)
    data_key = AESGCM(wrapping).decrypt(raw[16:28], raw[28:76], bound)
    assert b"the-secret" in AESGCM(data_key).decrypt(raw[76:88], raw[88:], bound)


def test_records_of_before_still_open_and_are_sealed_anew() -> None:
    """As 0.1 sealed them: no data key, the place joined with zeros."""
    salt, nonce = os.urandom(16), os.urandom(12)
    derived = HKDF(hashes.SHA256(), 32, salt, b"orderwire credentials v1").derive(K1)
    plain = b'{"api_key":"the-api-key","api_secret":"the-secret","passphrase":"the-passphrase"}'
    body = AESGCM(derived).encrypt(nonce, plain, b"alice\0gate\0gate-1")
    old = "v1:k1:" + base64.b64encode(salt + nonce + body).decode()
    assert VAULT.open(old, *HERE) == SECRET and not VAULT.is_current(old)
    assert VAULT.seal_again(old, Place(CREDENTIALS, *HERE)).startswith("v2:k1:")
    with pytest.raises(CannotOpen):
        VAULT.open(old, "bob", "gate", "gate-1")


def test_a_ring_opens_with_all_and_seals_with_the_first() -> None:
    old = VAULT.seal(SECRET, *HERE)
    ring = Vault({"k2": K2, "k1": K1})
    newer = ring.seal_again(old, Place(CREDENTIALS, *HERE))
    assert ring.open(old, *HERE) == ring.open(newer, *HERE) == SECRET
    assert (key_id_of(old), key_id_of(newer)) == ("k1", "k2") and ring.is_current(newer)
    assert Vault({"k2": K2}).open(newer, *HERE) == SECRET


def test_nothing_of_a_key_is_shown() -> None:
    assert repr(Vault({"k2": K2, "k1": K1})) == "Vault(k2, k1)"
    assert repr(Credentials("a", "b")) == "Credentials(…)"


# Where master keys come from.


def key(fill: bytes = b"") -> str:
    return base64.b64encode(fill or os.urandom(32)).decode()


LIVE = {"TRADING_ENV": "live", "REDIS_URL": "redis://127.0.0.1:6379/0", "JWT_SECRET": os.urandom(32).hex()}


def refusal(**said: str) -> str:
    with pytest.raises(BadSetting) as refused:
        Settings.from_env(LIVE | said).master_keys()
    return str(refused.value)


def test_keys_come_from_the_environment_a_file_or_a_command(tmp_path: Path) -> None:
    """The same ring from each."""
    said = f"k2:{key()},k1:{key()}"
    file = tmp_path / "keys"
    file.touch(mode=0o600)
    file.write_text(said.replace(",", "\n") + "\n")
    rings = [
        Settings.from_env(LIVE | source).master_keys()
        for source in (
            {"MASTER_KEYS": said},
            {"MASTER_KEYS_FILE": str(file)},
            {"MASTER_KEYS_COMMAND": f"cat '{file}'"},
        )
    ]
    assert rings[0] == rings[1] == rings[2] and list(rings[0]) == ["k2", "k1"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o777])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "keys"
    file.write_text(f"k1:{key()}")
    file.chmod(mode)
    said = refusal(MASTER_KEYS_FILE=str(file))
    assert said.startswith("MASTER_KEYS_FILE: ") and "chmod 600" in said


@pytest.mark.parametrize(
    ("said", "name", "why"),
    [
        ({}, "MASTER_KEYS", "required"),
        ({"MASTER_KEYS": f"k1:{key(b'x' * 32)}"}, "MASTER_KEYS", "easily guessed: k1"),
        ({"MASTER_KEYS": f"k1:{key(b'0123456789abcdef' * 2)}"}, "MASTER_KEYS", "easily guessed: k1"),
        ({"MASTER_KEYS": "k1:c2hvcnQ="}, "MASTER_KEYS", "32 bytes"),
        ({"MASTER_KEYS": f"k1:{key()},k1:{key()}"}, "MASTER_KEYS", "k1 twice"),
        ({"MASTER_KEYS": f"a key:{key()}"}, "MASTER_KEYS", "32 bytes"),
        ({"MASTER_KEYS": f"k1:{key()}", "MASTER_KEYS_FILE": "/keys"}, "MASTER_KEYS_FILE", "so is MASTER_KEYS"),
        ({"MASTER_KEYS_FILE": "/nowhere/keys"}, "MASTER_KEYS_FILE", "cannot be read"),
        ({"MASTER_KEYS_FILE": "/"}, "MASTER_KEYS_FILE", "cannot be read"),
        ({"MASTER_KEYS_COMMAND": "false"}, "MASTER_KEYS_COMMAND", "status 1"),
        ({"MASTER_KEYS_COMMAND": "/nowhere/command"}, "MASTER_KEYS_COMMAND", "could not be run"),
        ({"MASTER_KEYS_COMMAND": "echo k1:c2hvcnQ="}, "MASTER_KEYS_COMMAND", "32 bytes"),
        ({"MASTER_KEYS": f"k1:{key()}", "JWT_SECRET": "ab" * 20}, "JWT_SECRET", "easily guessed"),
        ({"MASTER_KEYS": f"k1:{key()}", "JWT_SECRET": ""}, "JWT_SECRET", "required"),
        ({"MASTER_KEYS": f"k1:{key()}", "JWT_KEYS": "j1:eddsa:c2hvcnQ="}, "JWT_KEYS", "32 bytes"),
        ({"MASTER_KEYS": f"k1:{key()}", "JWT_KEYS": f"j1:none:{key()}"}, "JWT_KEYS", "eddsa"),
    ],
)
def test_a_missing_or_weak_key_outside_paper_is_named_with_its_cure(said: dict[str, str], name: str, why: str) -> None:
    """And is not shown."""
    told = refusal(**said)
    assert told.startswith(f"{name}: ") and why in told and len(told.splitlines()) == 2, told
    assert not any(len(part) > 20 and part in told for value in said.values() for part in value.split(":"))


def test_a_weak_key_may_open_until_what_it_sealed_is_sealed_anew() -> None:
    """Else nobody could get away from it."""
    said = f"k2:{key()},k1:{key(b'x' * 32)}"
    assert list(Settings.from_env(LIVE | {"MASTER_KEYS": said}).master_keys()) == ["k2", "k1"]


def test_signing_keys_may_take_the_place_of_the_secret() -> None:
    said = {"MASTER_KEYS": f"k1:{key()}", "JWT_SECRET": "", "JWT_KEYS": f"j1:eddsa:{key()}"}
    assert list(Settings.from_env(LIVE | said).jwt_keys) == ["j1"]


def test_no_key_stands_in_the_settings_repr() -> None:
    said = key()
    shown = repr(Settings.from_env(LIVE | {"MASTER_KEYS": f"k1:{said}", "JWT_KEYS": f"j1:eddsa:{said}"}))
    assert said not in shown and LIVE["JWT_SECRET"] not in shown and repr(base64.b64decode(said)) not in shown
