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
    "ow:ticket:{digest}": ("string: the user that a one-use ticket opens, and what it was got with", "30 s", "users"),
    "ow:account:{account}": ("string: the first user whose account it is", "as long as the data", "users"),
    "ow:{WHO}:budget:NAME": ("hash, when it is given back -> how many were spent of a venue's budget", "until all of it is given back", "budgets"),
    "ow:meta": ("hash: settings that every process must share (shards), and a sealed secret of the house", "as long as the data", "connection, sealed"),
    "ow:login:NAME": ("string: who logs in by this name, as JSON with the password's Argon2id hash", "as long as the data", "logins"),
    "ow:attempts:KIND:WHO": ("hash: failed logins of a name or an address, and until when the next must wait", "1 h after the last", "logins"),
    "ow:refresh:ID": ("hash: a login that can be refreshed: whose, and the digest of its newest token", "30 days after its last use", "logins"),
    "ow:key:ID": ("string: a gateway key as JSON: whose, what it may, and its keyed digest", "until it is revoked", "gateway_keys"),
    "ow:papers": ("sorted set: users with a paper account made for them, by when it is due to be made", "as long as the data", "papers"),
    "ow:{audit}:log": ("stream: audit entries, `e` JSON and `h` hash", "to AUDIT_KEPT", "audit"),
    "ow:{audit}:head": ("hash: the newest entry's hash, the last trimmed one's, and how many there were", "as long as the data", "audit"),
    "ow:{KIND:WHO}:limit:SPAN": ("string: how many requests of an address, user or key in this span of time", "two spans", "limits"),
    "ow:{sN}:lease": ("string: the worker that owns the shard", "the lease, 5 s", "leases"),
    "ow:{sN}:fence": ("string: counts the claims of the shard; only grows", "as long as the data", "leases"),
    "ow:{sN}:wishes": ("hash, `user/account` -> the wish for a session as JSON", "until the account goes", "sessions"),
    "ow:{sN}:turn": ("string: counts the changes of the shard's wishes", "as long as the data", "sessions"),
    "ow:{sN}:unresolved": ("sorted set, `user/client order id` by time", "until resolved", "intents"),
    "ow:{sN}:u:USER:claim": ("hash: who the user is and since when", "until the user goes", "users"),
    "ow:{sN}:u:USER:accounts": ("hash, account id -> the account, credentials sealed", "until the account goes", "accounts"),
    "ow:{sN}:u:USER:records": ("hash, record -> JSON, `~record` -> whose, rank and gist; `@last` is the newest event", "until the user goes; finished ones to FINISHED_KEPT", "events"),
    "ow:{sN}:u:USER:finished": ("list: finished records, oldest first", "to FINISHED_KEPT", "events"),
    "ow:{sN}:u:USER:leverage_turn": ("string: counts the changes of leverage and position mode that were made or seen", "until the user goes", "events, ledger"),
    "ow:{sN}:u:USER:gone": ("hash, finished record that was let go -> whose, rank and gist; so that none is told twice", "to REMEMBERED", "events"),
    "ow:{sN}:u:USER:gone_list": ("list: the same, oldest first", "to REMEMBERED", "events"),
    "ow:{sN}:u:USER:fills": ("hash of fills; so that none is told twice", "to REMEMBERED", "events"),
    "ow:{sN}:u:USER:filled": ("list: fills, oldest first", "to REMEMBERED", "events"),
    "ow:{sN}:u:USER:events": ("stream and channel: every event, `k` kind and `d` JSON", "to EVENTS_KEPT", "events"),
    "ow:{sN}:u:USER:reader": ("string: somebody follows this user's stream", "60 s, renewed by the api", "sessions"),
    "ow:{sN}:u:USER:keys": ("hash, gateway key id -> its last use as JSON, empty before", "until it is revoked", "gateway_keys"),
    "ow:{sN}:u:USER:paper": ("hash: how the paper account made for the user is going; sealed until it is made", "as long as the data", "papers"),
    "ow:{sN}:u:USER:intent:ID": ("string: what was wanted, and how it ended, as JSON", "48 h", "intents"),
}  # fmt: skip

WORKERS = "ow:workers"
BELL = "ow:bell"
META = "ow:meta"
PAPERS = "ow:papers"
AUDIT_LOG, AUDIT_HEAD = "ow:{audit}:log", "ow:{audit}:head"


def shard_of(user_id: str, shards: int) -> int:
    """The same in every process and language: CRC-32 of the user id's bytes."""
    return crc32(user_id.encode()) % shards


def ticket(digest: str) -> str:
    return f"ow:ticket:{digest}"


def account(account_id: str) -> str:
    return f"ow:account:{account_id}"


def budget(who: str, name: str) -> str:
    return f"ow:{{{who}}}:budget:{name}"


def login(name: str) -> str:
    return f"ow:login:{name}"


def attempts(kind: str, who: str) -> str:
    return f"ow:attempts:{kind}:{who}"


def refresh(login_id: str) -> str:
    return f"ow:refresh:{login_id}"


def gateway_key(key_id: str) -> str:
    return f"ow:key:{key_id}"


def limit(kind: str, who: str, span: int) -> str:
    return f"ow:{{{kind}:{who}}}:limit:{span}"


def of_shard(shard: int, name: str) -> str:
    return f"ow:{{s{shard}}}:{name}"


def of_user(shard: int, user_id: str, name: str) -> str:
    return f"ow:{{s{shard}}}:u:{user_id}:{name}"
