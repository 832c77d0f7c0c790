"""What is kept with the application, under which name: the parts that handlers in different files share."""

from __future__ import annotations

from aiohttp import web

from shared.settings import Settings
from shared.store import Store

STORE = web.AppKey("store", Store)
SETTINGS = web.AppKey("settings", Settings)
