"""Bodies of the routes for users and their gateway keys."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from api.fields import Words, matching, wrong
from api.passwords import LENGTH_MAX
from api.scopes import GRANTABLE

NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
LABEL_MAX = 64
IPS_MAX = 32
EXPIRES_MAX_S = 10 * 366 * 24 * 3600


def to_said(said: Any) -> str:
    if not isinstance(said, str):
        raise wrong("must be a text")
    if not said:
        raise wrong("must not be empty")
    return said


def to_scopes(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not said:
        raise wrong(f"must be a list with some of {', '.join(GRANTABLE)}")
    unknown = [scope for scope in said if scope not in GRANTABLE]
    if unknown:
        raise wrong(f"must only hold {', '.join(GRANTABLE)}")
    return tuple(scope for scope in GRANTABLE if scope in said)


def to_networks(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or len(said) > IPS_MAX:
        raise wrong(f"must be a list of up to {IPS_MAX} addresses or networks")
    try:
        return tuple(dict.fromkeys(str(ip_network(each if isinstance(each, str) else "")) for each in said))
    except ValueError:
        raise wrong("must hold addresses or networks such as 203.0.113.7 or 203.0.113.0/24") from None


def is_printable(said: str) -> str:
    if not said.isprintable():
        raise wrong("must be printable")
    return said


Name = Annotated[
    str,
    matching(NAME, "must be 1 to 64 characters of A-Z a-z 0-9 . _ @ + -"),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9._@+-]{1,64}$", "examples": ["alice"]}),
]
Secret = Annotated[str, BeforeValidator(to_said), Field(max_length=4096, json_schema_extra={"format": "password"})]


class NewUser(Words):
    username: Name
    password: Annotated[Secret, Field(json_schema_extra={"minLength": 8, "maxLength": LENGTH_MAX})]


class UserLogin(Words):
    """Any text is a name here: one that nobody can have is simply wrong."""

    username: Annotated[str, BeforeValidator(to_said), Field(max_length=256, examples=["alice"])]
    password: Secret


class Refresh(Words):
    refresh_token: Annotated[str, BeforeValidator(to_said), Field(max_length=256)]


class NewKey(Words):
    label: Annotated[str, Field(max_length=LABEL_MAX), AfterValidator(is_printable)] = ""
    scopes: Annotated[
        tuple[str, ...],
        BeforeValidator(to_scopes),
        Field(json_schema_extra={"type": "array", "items": {"type": "string", "enum": list(GRANTABLE)}}),
    ]
    ips: Annotated[
        tuple[str, ...], BeforeValidator(to_networks), Field(description="where it may come from; anywhere when empty")
    ] = ()
    expires_in_s: Annotated[int, Field(ge=1, le=EXPIRES_MAX_S, strict=True)] | None = None
