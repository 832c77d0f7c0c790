"""Address: whom a request comes from, behind proxies that are trusted to say so."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from aiohttp import web

from shared.settings import Network

LOCAL = "local"
"""Somebody on this machine, over a socket without addresses."""
ADDRESS = web.RequestKey("address", str)


def address_of(request: web.Request, trusted: tuple[Network, ...]) -> str:
    """The last address that no trusted proxy of ours has: what stands before it, anybody may have written."""
    here = request.remote or LOCAL
    if not trusted or not _is_in(here, trusted):
        return here
    for said in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")):
        before = _plain(said)
        if before is None:
            return here
        here = before
        if not _is_in(here, trusted):
            return here
    return here


def is_secure(request: web.Request, trusted: tuple[Network, ...]) -> bool:
    """Whether the caller speaks TLS, to us or to a trusted proxy."""
    if trusted and _is_in(request.remote or LOCAL, trusted):
        return request.headers.get("X-Forwarded-Proto", request.scheme).strip().lower() == "https"
    return request.secure


@lru_cache(maxsize=4096)
def counted(address: str) -> str:
    """Whose requests count together: of IPv6, somebody has a whole /64."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(ip_network((int(known) >> 64 << 64, 64)))
    return address


def _plain(said: str) -> str | None:
    """An address as some proxies write it: with a port, or in brackets."""
    said = said.strip()
    if said.startswith("["):
        said = said[1:].partition("]")[0]
    elif said.count(":") == 1:
        said = said.partition(":")[0]
    try:
        return str(ip_address(said))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in networks)
