"""Which venues there are, one line each, and where they are under the settings of this process."""

from __future__ import annotations

from shared.errors import BadRequest
from shared.exchanges.base import Endpoints, Venue
from shared.exchanges.gate.wire import GateVenue
from shared.exchanges.okx.wire import OkxVenue
from shared.settings import Settings

VENUES: dict[str, Venue] = {known.name: known for known in (GateVenue(), OkxVenue())}


def venue(name: str, environment: str | None = None) -> Venue:
    """Without an environment only for what is true in all of them: names, limits, what can be said."""
    try:
        return VENUES[name] if environment is None else VENUES[name].at(environment)
    except KeyError:
        known = ", ".join(VENUES)
        raise BadRequest(f"no such venue: {name[:60]!r}", (("venue", f"is not one of: {known}"),)) from None


def endpoints(settings: Settings, venue_name: str, environment: str) -> Endpoints:
    """The venue's own addresses, the paper exchange's, or what `<VENUE>_REST_URL` and `<VENUE>_WS_URL` say instead."""
    said, setting = settings.venue_urls, f"{venue_name.upper()}_"
    known = venue(venue_name).endpoints(environment, said.get(setting + "REST_URL"), said.get(setting + "WS_URL"))
    paper = settings.paper_url
    names = {"{paper}": paper, "{paper_ws}": "ws" + paper.removeprefix("http")}

    def address(url: str) -> str:
        for name, value in names.items():
            url = url.replace(name, value)
        return url

    return Endpoints(address(known.rest_url), address(known.ws_url), tuple(map(address, known.more_ws_urls)))
