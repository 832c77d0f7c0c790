"""Pages: the console at `/` and its files. They load nothing from elsewhere, and the headers say so to browsers."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web

from api.keys import SETTINGS
from shared.errors import NotFound

HOST_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}")
CONSOLE = Path(__file__).parent.parent / "console"
SWAGGER = Path(__file__).parent.parent / "swagger"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_routes(app: web.Application) -> None:
    app.router.add_get("/", index)
    app.router.add_get(r"/console/{file:[A-Za-z0-9._-]+}", console_file)
    app.router.add_get("/swagger-ui", swagger)
    app.router.add_get(r"/swagger-ui/{file:swagger\.(?:js|css)}", swagger_file)
    app.router.add_get("/favicon.ico", favicon)


async def index(request: web.Request) -> web.StreamResponse:
    return page(CONSOLE / "index.html", also_from=_paper(request))


async def console_file(request: web.Request) -> web.StreamResponse:
    return page(CONSOLE / request.match_info["file"])


async def swagger(request: web.Request) -> web.StreamResponse:
    return page(SWAGGER / "swagger.html")


async def swagger_file(request: web.Request) -> web.StreamResponse:
    return page(SWAGGER / request.match_info["file"])


async def favicon(request: web.Request) -> web.StreamResponse:
    known = CONSOLE / "favicon.svg"
    return page(known) if known.is_file() else web.Response(status=204, headers=SECURITY_HEADERS)


def _paper(request: web.Request) -> str | None:
    """The paper exchange as a browser reaches it: the console may ask it for an account."""
    settings = request.app[SETTINGS]
    host = request.url.host
    if settings.trading_env != "paper" or host is None or not HOST_NAME.fullmatch(host):
        return None
    return f"{request.scheme}://{host}:{settings.paper_port}"


def page(path: Path, also_from: str | None = None) -> web.StreamResponse:
    kind = TYPES.get(path.suffix)
    if kind is None or not path.is_file():
        raise NotFound("page")
    headers = {**SECURITY_HEADERS, "Content-Type": kind + ("; charset=utf-8" if kind.startswith("text/") else "")}
    if also_from is not None:
        headers["Content-Security-Policy"] += f"; connect-src 'self' {also_from}"
    return web.FileResponse(path, headers=headers)
