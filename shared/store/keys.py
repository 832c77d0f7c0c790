"""Every Redis key, in one place: its shape, what it holds, how long it lives, and its only writer.

`KEYS` is the table that ARCHITECTURE.md shows and a test compares. Every key of a user carries the hash tag of the
user's shard, so that one script can touch all of them, on a Redis Cluster too.
"""

from __future__ import annotations

from zlib import crc32

# ruff: noqa: E501 - a table reads best with a row on a line
KEYS: dict[str, tuple[str, str, str]] = {
    # shape: (what it holds, how long it lives, its only writer)
    "ow:workers": ("hash, worker id -> its last heartbeat as JSON", "a field goes 60 s after the last beat", "leases"),
    "ow:bell": ("channel: `shard`, rung when a wish changes", "a message", "sessions"),
    "ow:ticket:{digest}": ("string: the user that a one-use ticket opens", "30 s", "users"),
    "ow:account:{account}": ("string: the first user whose account it is", "as long as the data", "users"),
    "ow:meta": ("hash: settings that every process must share (shards)", "as long as the data", "connection"),
    "ow:{sN}:lease": ("string: the worker that owns the shard", "the lease, 5 s", "leases"),
    "ow:{sN}:fence": ("string: counts the claims of the shard; only grows", "as long as the data", "leases"),
    "ow:{sN}:wishes": ("hash, `user/account` -> the wish for a session as JSON", "until the account goes", "sessions"),
    "ow:{sN}:turn": ("string: counts the changes of the shard's wishes", "as long as the data", "sessions"),
    "ow:{sN}:unresolved": ("sorted set, `user/client order id` by time", "until resolved", "intents"),
    "ow:{sN}:u:USER:claim": ("hash: who the user is and since when", "until the user goes", "users"),
    "ow:{sN}:u:USER:accounts": ("hash, account id -> the account, credentials sealed", "until the account goes", "accounts"),
    "ow:{sN}:u:USER:records": ("hash, record -> JSON, `~record` -> whose, rank and gist; `@last` is the newest event", "until the user goes; finished ones to FINISHED_KEPT", "events"),
    "ow:{sN}:u:USER:finished": ("list: finished records, oldest first", "to FINISHED_KEPT", "events"),
    "ow:{sN}:u:USER:fills": ("hash, fill -> JSON; so that none is told twice", "to FILLS_KEPT", "events"),
    "ow:{sN}:u:USER:filled": ("list: fills, oldest first", "to FILLS_KEPT", "events"),
    "ow:{sN}:u:USER:events": ("stream and channel: every event, `k` kind and `d` JSON", "to EVENTS_KEPT", "events"),
    "ow:{sN}:u:USER:reader": ("string: somebody follows this user's stream", "60 s, renewed by the api", "sessions"),
    "ow:{sN}:u:USER:intent:ID": ("string: what was wanted, and how it ended, as JSON", "48 h", "intents"),
}  # fmt: skip

WORKERS = "ow:workers"
BELL = "ow:bell"
META = "ow:meta"


def shard_of(user_id: str, shards: int) -> int:
    """The same in every process and language: CRC-32 of the user id's bytes."""
    return crc32(user_id.encode()) % shards


def ticket(digest: str) -> str:
    return f"ow:ticket:{digest}"


def account(account_id: str) -> str:
    return f"ow:account:{account_id}"


def of_shard(shard: int, name: str) -> str:
    return f"ow:{{s{shard}}}:{name}"


def of_user(shard: int, user_id: str, name: str) -> str:
    return f"ow:{{s{shard}}}:u:{user_id}:{name}"
