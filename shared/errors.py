"""What can go wrong, as one small family.

    GatewayError
    ├── BadSetting            a setting is missing or wrong; the process does not start
    ├── BadRequest            the caller's words; a line per field
    ├── NotAuthenticated, NotAllowed, NotFound, Conflict
    ├── TooManyRequests       slow down; says for how long
    ├── LeaseLost             another worker owns this shard now
    ├── StoreUnavailable      Redis is away
    ├── UnknownWord           a venue said something it never said before
    ├── ConnectionLost        a socket ended; the session reconnects
    └── VenueError            the venue's own words
        ├── VenueRefused      it said no; nothing happened there
        ├── KeyRefused        it does not accept this key; do not try again
        ├── VenueBusy         it said "not now"; nothing happened there
        └── VenueUnknown      no answer, or one that says nothing: the outcome is not known

Each carries facts, makes its own text, has a stable `code` for programs, and says whether asking again can help.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GatewayError(Exception):
    """The root. `code` is stable; `status` is what HTTP callers see; `retryable` says whether asking again can help."""

    code: ClassVar[str] = "internal"
    status: int = 500
    retryable: bool = False
    fields: tuple[tuple[str, str], ...] = ()
    retry_after_s: float | None = None

    def to_body(self) -> dict[str, Any]:
        return {
            "error": {
                "code": self.code,
                "message": str(self),
                "retryable": self.retryable,
                "fields": [{"field": field, "message": message} for field, message in self.fields],
                "venue": None,
            }
        }


class BadSetting(GatewayError):
    """A setting is missing or wrong. The text names the setting and the cure."""

    code = "bad_setting"

    def __init__(self, name: str, problem: str, cure: str) -> None:
        super().__init__(f"{name}: {problem}\n  {cure}")
        self.name, self.problem, self.cure = name, problem, cure


class BadRequest(GatewayError):
    """The caller's words do not make sense; nothing was stored or sent."""

    code, status = "bad_request", 400

    def __init__(self, message: str, fields: tuple[tuple[str, str], ...] = (), *, status: int = 400) -> None:
        super().__init__(message)
        self.fields, self.status = fields, status


class IdempotencyMismatch(GatewayError):
    """The same Idempotency-Key came with another body."""

    code, status = "idempotency_mismatch", 422

    def __init__(self, key: str) -> None:
        super().__init__("this Idempotency-Key was used with another body; use a new key for a new order")
        self.fields = (("Idempotency-Key", "was used with another body"),)


class NotAuthenticated(GatewayError):
    """Nobody we know."""

    code, status = "not_authenticated", 401

    def __init__(self, message: str = "no valid credentials were given") -> None:
        super().__init__(message)


class NotAllowed(GatewayError):
    """Somebody we know, who may not do this."""

    code, status = "not_allowed", 403

    def __init__(self, message: str = "these credentials may not do this") -> None:
        super().__init__(message)


class NotFound(GatewayError):
    """There is no such thing, or it belongs to somebody else: the answer is the same."""

    code, status = "not_found", 404

    def __init__(self, what: str) -> None:
        super().__init__(f"no such {what}")


class Conflict(GatewayError):
    """It is already so, or is being done right now."""

    code, status = "conflict", 409

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class TooManyRequests(GatewayError):
    """Too fast. Nothing was done; ask again after `retry_after_s`."""

    code, status, retryable = "too_many_requests", 429, True

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LeaseLost(GatewayError):
    """Another worker owns this shard now. Stop writing for it; do not retry."""

    code, status = "lease_lost", 409

    def __init__(self, shard: int, fence: int, newest_fence: int) -> None:
        super().__init__(f"shard {shard}: fence {fence} is older than {newest_fence}")
        self.shard, self.fence, self.newest_fence = shard, fence, newest_fence


class StoreUnavailable(GatewayError):
    """Redis cannot be reached, or cannot take writes."""

    code, status, retryable = "store_unavailable", 503, True
    retry_after_s = 1.0

    def __init__(self, why: str = "Redis cannot be reached") -> None:
        super().__init__(why)


class UnknownWord(GatewayError):
    """A venue said a word it never said before. It is counted, never guessed at."""

    code = "unknown_word"

    def __init__(self, venue: str, where: str, word: object) -> None:
        super().__init__(f"{venue}: unknown {where}: {str(word)[:80]!r}")
        self.venue, self.where, self.word = venue, where, word


class ConnectionLost(GatewayError):
    """A socket ended. `planned` when the venue had announced it."""

    code, retryable = "connection_lost", True

    def __init__(self, reason: str, *, planned: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.planned = reason, planned


class VenueError(GatewayError):
    """What the venue said, in its own words beside ours."""

    code, status = "venue_error", 502

    def __init__(
        self,
        venue: str,
        venue_code: str,
        venue_message: str,
        *,
        status: int | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{venue}: {venue_code}" + (f": {venue_message}" if venue_message else ""))
        self.venue, self.venue_code, self.venue_message = venue, venue_code, venue_message
        self.status = status or type(self).status
        self.retryable = type(self).retryable if retryable is None else retryable
        self.retry_after_s = retry_after_s

    def to_body(self) -> dict[str, Any]:
        body = super().to_body()
        body["error"]["venue"] = {"code": self.venue_code, "message": self.venue_message}
        return body


class VenueRefused(VenueError):
    """The venue said no. Nothing happened there."""

    code, status = "venue_refused", 400


class KeyRefused(VenueError):
    """The venue does not accept this key, or not for this. Asking again will not help."""

    code, status = "key_refused", 401


class VenueBusy(VenueError):
    """The venue said "not now". Nothing happened there; asking again later can help."""

    code, status, retryable = "venue_busy", 429, True


class VenueUnknown(VenueError):
    """No answer, or one that says nothing. For a write the outcome is not known: ask, never send it again."""

    code, status, retryable = "venue_unknown", 504, True
