"""The first minute: a paper account of your own, and the lines that place an order and follow it.

The account's keys are kept under STATE_DIR, because the user `demo` belongs to the first credentials that used it. The
paper exchange forgets everything when it stops, so each start opens the same account again; workers wait for that, or
they would find their key refused.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import time
import urllib.error
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy import answers
from deploy.answers import api_url
from shared.settings import Settings


@dataclass(frozen=True)
class PaperAccount:
    uid: str
    api_key: str
    api_secret: str
    passphrase: str

    def __repr__(self) -> str:
        return f"PaperAccount(uid={self.uid!r})"


def paper_account(state_dir: Path) -> PaperAccount:
    """The account of this house; made up once. It opens nothing but the paper exchange."""
    path = state_dir / "secrets" / "paper_account.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # a uid as venues give them: digits
        made = PaperAccount(
            str(10_000_000 + secrets.randbelow(80_000_000)),
            secrets.token_hex(16),
            secrets.token_hex(32),
            secrets.token_hex(8),
        )
        draft = path.with_name(f"paper_account.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(made)))
        try:
            os.link(draft, path)  # several workers start at once; the first one's account counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return PaperAccount(**json.loads(path.read_text()))


def open_account(settings: Settings, within_s: float) -> PaperAccount | None:
    """Open the account at the paper exchange, as soon as it answers; None when it does not in time."""
    account = paper_account(settings.state_dir)
    deadline = time.monotonic() + within_s
    while True:
        try:
            answers.ask(f"{settings.paper_url}/paper/accounts", asdict(account))
        except urllib.error.HTTPError as refused:
            refused.close()
            return account if refused.code == 409 else None
        except OSError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.1)
        else:
            return account


def claim(settings: Settings, account: PaperAccount) -> None:
    """Claim the user before the first order, so that its stream can be followed from the start. The request that does
    it without doing more closes a position that is not there."""
    body = {"userId": user_of(settings, account), "contract": "BTC_USDT", "auto_size": "close_long"}
    keys = {"api-key": account.api_key, "api-secret": account.api_secret}
    try:
        answers.ask(f"{api_url(settings)}/gate/close-futures-order", body, keys)
    except urllib.error.HTTPError as nothing_to_close:
        nothing_to_close.close()
    except OSError:
        return  # then the first order claims it


def user_of(settings: Settings, account: PaperAccount) -> str:
    """`demo` here; on a Redis shared with others they may have a demo too."""
    return "demo" if settings.redis_is_embedded else f"demo-{account.uid}"


def place_line(settings: Settings, account: PaperAccount) -> str:
    order = {
        "userId": user_of(settings, account), "market_type": "market", "contract": "BTC_USDT", "price": "0", "size": 1,
        "leverage": 10, "leverage_type": "ISOLATED", "position_type": "long",
    }  # fmt: skip
    said = ["curl", "-sS", f"{api_url(settings)}/gate/place-futures-order", *_keys(account)]
    return shlex.join([*said, "-H", "content-type: application/json", "-d", json.dumps(order, separators=(",", ":"))])


def follow_line(settings: Settings, account: PaperAccount) -> str:
    url = f"{api_url(settings)}/sse/orders/{user_of(settings, account)}"
    return shlex.join(["curl", "-sS", "-N", url, *_keys(account)])


def _keys(account: PaperAccount) -> list[str]:
    return ["-H", f"api-key: {account.api_key}", "-H", f"api-secret: {account.api_secret}"]


def text(settings: Settings, account: PaperAccount | None, took_s: float) -> str:
    lines = ["", f"Orderwire is ready after {took_s:.1f} s.", "", f"  console     {api_url(settings)}/"]
    if account is not None:
        lines += [
            f"  api key     {account.api_key}",
            f"  api secret  {account.api_secret}",
            "",
            "The keys open a paper account, made up for you: no real money anywhere. Place an order:",
            "",
            place_line(settings, account),
            "",
            "Follow its user's orders, live:",
            "",
            follow_line(settings, account),
        ]
    return "\n".join([*lines, "", "Ctrl-C stops everything."])
