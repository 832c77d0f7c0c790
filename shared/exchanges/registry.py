"""Which venues there are, one line each, and where they are under the settings of this process."""

from __future__ import annotations

from shared.errors import BadRequest
from shared.exchanges.base import Endpoints, Venue
from shared.exchanges.gate.wire import GateVenue
from shared.settings import Settings

VENUES: dict[str, Venue] = {known.name: known for known in (GateVenue(),)}


def venue(name: str) -> Venue:
    try:
        return VENUES[name]
    except KeyError:
        known = ", ".join(VENUES)
        raise BadRequest(f"no such venue: {name[:60]!r}", (("venue", f"is not one of: {known}"),)) from None


def endpoints(settings: Settings, venue_name: str, environment: str) -> Endpoints:
    """The venue's own addresses, the paper exchange's, or what `<VENUE>_REST_URL` and `<VENUE>_WS_URL` say instead."""
    known = venue(venue_name).endpoints(environment)
    paper = settings.paper_url
    names = {"{paper}": paper, "{paper_ws}": "ws" + paper.removeprefix("http")}
    said = settings.venue_urls

    def address(setting: str, url: str) -> str:
        for name, value in names.items():
            url = url.replace(name, value)
        return said.get(f"{venue_name.upper()}_{setting}", url)

    return Endpoints(address("REST_URL", known.rest_url), address("WS_URL", known.ws_url))
