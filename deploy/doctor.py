"""`orderwire doctor`: what is wrong, and for each the command that mends it.

A check is a function that answers findings; it never changes anything. A check that cannot look says why it cannot.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from deploy import answers, house, preflight, status, terminal
from shared.errors import BadSetting, StoreUnavailable
from shared.logs import scrub
from shared.settings import Settings
from shared.store import Store
from shared.store.connection import health

CLOCK_OFF_MAX_MS = 1_000
MEMORY_NEAR = 0.9
DISK_FREE_MIN_BYTES = 512 * 1024 * 1024
OPEN_FILES_MIN = 4_096
PYTHON_MIN = (3, 11)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. A bad one carries its cure."""

    what: str
    is_good: bool
    says: str
    cure: str = ""


def good(what: str, says: str) -> Finding:
    return Finding(what, True, says)


def bad(what: str, says: str, cure: str) -> Finding:
    return Finding(what, False, says, cure)


def doctor(*, as_json: bool) -> int:
    """Look at everything, say it, and answer 1 when something is wrong."""
    findings = asyncio.run(examine(house.environment()))
    wrong = [finding for finding in findings if not finding.is_good]
    if as_json:
        print(json.dumps([finding.__dict__ for finding in findings], indent=2))
        return 1 if wrong else 0
    for finding in findings:
        print(f"  {terminal.mark(finding.is_good)} {finding.what:<10} {finding.says}")
        if finding.cure:
            print(f"    {'':<10} {terminal.paint('→', 'yellow')} {finding.cure}")
    print()
    print(f"  {terminal.to_count(len(wrong), 'thing')} to mend." if wrong else "  All is well.")
    return 1 if wrong else 0


async def examine(env: Mapping[str, str]) -> list[Finding]:
    findings = [check_python(), check_packages(), check_settings(env), check_disk(env), check_open_files()]
    try:
        settings = house.settings_to_look(env)
    except BadSetting:
        return findings  # check_settings said it; without settings there is nothing to look at
    if house.trading_env(env) != "paper":
        findings += check_secrets(env)
    findings += check_exposure(settings)
    findings += await check_redis(settings)
    if house.trading_env(env) == "paper":
        findings.append(await asyncio.to_thread(check_paper_clock, settings))
    return findings + await check_processes(settings)


def check_python() -> Finding:
    said = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_MIN:
        return bad("python", f"{said} is older than 3.11", "install Python 3.11, then: rm -rf .venv && make up")
    return good("python", said)


def check_packages() -> Finding:
    """What is installed against what pyproject.toml pins."""
    try:
        wanted = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return good("packages", "no pyproject.toml here to compare with")
    wrong = [said for said in map(_mismatch, wanted) if said]
    if wrong:
        return bad("packages", "; ".join(wrong), f"{sys.executable} -m pip install -e {house.ROOT}")
    return good("packages", f"all {len(wanted)} as pyproject.toml pins them")


def _mismatch(requirement: str) -> str:
    name, _, version = requirement.partition("==")
    name = re.split(r"[\[;<>! ]", name)[0]
    try:
        has = version_of(name)
    except PackageNotFoundError:
        return f"{name} is missing"
    return f"{name} is {has}, not {version}" if version and has != version.strip() else ""


def check_settings(env: Mapping[str, str]) -> Finding:
    remembered = house.House.from_env(env).remembered()
    said = {name: value for name, value in env.items() if value}
    try:
        settings = Settings.from_env(remembered | said)
        if settings.master_keys_from[0] == "MASTER_KEYS_FILE":
            settings.master_keys()
    except BadSetting as wrong:
        if remembered and wrong.name in house.SECRETS and not said.get(wrong.name):
            return good("settings", f"of the house that runs here; this shell does not know its {wrong.name}")
        return bad("settings", f"{wrong.name} {wrong.problem}", wrong.cure)
    return good("settings", f"TRADING_ENV={settings.trading_env}, PORT={settings.port}, WORKERS={settings.workers}")


def check_secrets(env: Mapping[str, str]) -> list[Finding]:
    """Outside paper a guessable secret is a stolen account."""
    findings = []
    secret = env.get("JWT_SECRET", "")
    if secret and len(set(secret)) < 10:
        findings.append(bad("secrets", "JWT_SECRET is easily guessed", "set JWT_SECRET=$(openssl rand -hex 32)"))
    keys = env.get("MASTER_KEYS", "")
    if keys and any(len(set(part.partition(":")[2])) < 10 for part in keys.split(",")):
        cure = "put a new key first: MASTER_KEYS=k2:$(openssl rand -base64 32),<the old ones>"
        findings.append(bad("secrets", "MASTER_KEYS holds a key that is easily guessed", cure))
    if secret and keys and not findings:
        findings.append(good("secrets", "JWT_SECRET and MASTER_KEYS are not weak"))
    return findings


def check_exposure(settings: Settings) -> list[Finding]:
    if settings.sse_open and settings.host not in LOOPBACK:
        says = f"SSE_OPEN=1 shows every order to whoever reaches {settings.host}:{settings.port}"
        return [bad("exposure", says, "unset SSE_OPEN, or set HOST=127.0.0.1")]
    return []


def check_disk(env: Mapping[str, str]) -> Finding:
    folder = house.House.from_env(env).state_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return bad("state", f"{folder} cannot be written", "set STATE_DIR to a folder that you can write to")
    free = shutil.disk_usage(existing).free
    if free < DISK_FREE_MIN_BYTES:
        return bad("state", f"only {terminal.to_size(free)} free under {folder}", f"make room: du -sh {folder}/*")
    return good("state", f"{preflight.shown(folder)}, {terminal.to_size(free)} free")


def check_open_files() -> Finding:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < OPEN_FILES_MIN:
        return bad("files", f"at most {most} open files: as many sessions and readers", "ulimit -Hn 65536 (as root)")
    return good("files", f"{'any number of' if most == resource.RLIM_INFINITY else f'{most:,}'} open files")


async def check_redis(settings: Settings) -> list[Finding]:
    store = Store(settings)
    try:
        said = await health(store.redis)
        began_ms = time.time() * 1000
        seconds, micros = (int(part) for part in await store.redis("TIME"))
        offset_ms = seconds * 1000 + micros / 1000 - (began_ms + time.time() * 1000) / 2
    except StoreUnavailable as error:
        cure = "make up" if settings.redis_is_embedded else "start that Redis, or set REDIS_URL to one that runs"
        return [bad("redis", f"{scrub(settings.redis_url)} does not answer ({scrub(str(error))})", cure)]
    finally:
        await store.close()
    cli = f"redis-cli -u {scrub(settings.redis_url)}"
    findings = [bad("redis", problem, cure.replace("redis-cli", cli, 1)) for problem, cure in said.complaints]
    if said.max_bytes and said.used_bytes > MEMORY_NEAR * said.max_bytes:
        used, most = terminal.to_size(said.used_bytes), terminal.to_size(said.max_bytes)
        cure = f"{cli} CONFIG SET maxmemory {said.max_bytes * 2}"
        findings.append(bad("redis", f"{used} of {most} used; when it is full, orders are refused", cure))
    findings = findings or [good("redis", f"{said.version}, AOF on, noeviction, {terminal.to_size(said.used_bytes)}")]
    return [*findings, _clock("clock", "Redis'", offset_ms)]


def _clock(what: str, whose: str, offset_ms: float) -> Finding:
    if abs(offset_ms) > CLOCK_OFF_MAX_MS:
        says = f"{whose} clock is {offset_ms / 1000:+.1f} s from this machine's"
        return bad(what, says, "timedatectl set-ntp true, on both machines")
    return good(what, f"within {max(1, abs(round(offset_ms)))} ms of {whose}")


def check_paper_clock(settings: Settings) -> Finding:
    url = f"{settings.paper_url}/paper/clock"
    try:
        said = json.loads(answers.ask(url))
    except (OSError, ValueError):
        return bad("paper", f"the paper exchange does not answer at {settings.paper_url}", "make up, or make paper")
    if said["skew_ms"]:
        body = """-d '{"skew_ms":0}'"""
        says = f"its clock was shifted by {said['skew_ms']:+d} ms"
        return bad("paper", says, f"curl -sS {url} {body}")
    return _clock("paper", "the paper exchange's", said["now_ms"] - time.time() * 1000)


async def check_processes(settings: Settings) -> list[Finding]:
    """The api, the workers and the shards."""
    view = await status.look(settings)
    findings = []
    if view.api_ready:
        findings.append(good("api", f"ready at {view.api_url}"))
    else:
        findings.append(_about_api(settings, view.api_says))
    if view.redis_error is not None:
        return findings
    alive = [beat for beat in view.workers if beat.age_s < status.STALE_S and not beat.draining]
    start = "supervisorctl -c supervisord.conf scale worker 2"
    if not alive:
        return [*findings, bad("workers", "none is alive", f"make up, or: {start}")]
    findings.append(good("workers", f"{len(alive)} alive"))
    if view.shards_owned < view.shards:
        says = f"{view.shards - view.shards_owned} of {view.shards} shards have no owner"
        return [*findings, bad("shards", says, f"wait a few seconds; if it stays so: {start}")]
    return [*findings, good("shards", f"all {view.shards} owned")]


def _about_api(settings: Settings, says: str) -> Finding:
    """Nobody there, somebody else, or ours and not ready."""
    if says.startswith("not ready"):
        return bad("api", says, "mend what is marked above; it becomes ready by itself")
    try:
        preflight.check_port("PORT", settings.host, settings.port)
    except BadSetting as taken:
        return bad("api", f"{taken.name} {taken.problem}, and it is not our api", taken.cure)
    return bad("api", says, "make up")
