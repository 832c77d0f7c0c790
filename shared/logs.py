"""Logs: one line an event, as text for people or JSON for machines, and never a secret.

Every record passes `scrub`, which blanks what looks like a key, a signature, a token or a password, whoever wrote it.
The vault and the connectors do not log credentials in the first place; this is the net under them.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Any

import orjson

_NAMED = re.compile(
    r"""(?ix) ( ["']?
        (?: api[-_]?key | api[-_]?secret | secret | passphrase | password | token | ticket | authorization
        | master_keys | jwt_secret | KEY | SIGN | signature )
    ["']? \s* [:=] \s* ) (?: bearer \s+ )? ["']? [^\s"',}&)]+ ["']?"""
)
_LONG_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
_GATEWAY_KEY = re.compile(r"\bow[kr]_\w+_[\w-]+")
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")


def scrub(message: str) -> str:
    message = _URL_PASSWORD.sub(r"\1…@", message)
    message = _NAMED.sub(r"\1…", message)
    message = _JWT.sub("…", message)
    message = _GATEWAY_KEY.sub("…", message)
    return _LONG_HEX.sub("…", message)


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%H:%M:%S", time.localtime(record.created)) + f".{int(record.msecs):03d}"
        line = f"{stamp} {record.levelname.lower():7} {record.name:18} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return scrub(line)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at_ms": int(record.created * 1000),
            "level": record.levelname.lower(),
            "name": record.name,
            "message": scrub(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = scrub(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def configure(form: str = "text", level: str = "INFO") -> None:
    """Send every log line of this process to standard error, scrubbed."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
