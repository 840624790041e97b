"""What the person at the terminal sees, and the same for a script: demo.json."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launch.environment import LIVE_PATH
from launch.settings import Settings

DEMO_FILE = "demo.json"
SEED_FILE = "seed.json"
SHOWN_TRADERS = 5
# The alert's id differs every second: the same body twice is a duplicate, and does nothing.
BODY = r"{\"action\": \"buy\", \"alert_id\": \"demo-$(date +%s)\"}"


class Progress:
    """One line that is rewritten on a terminal, plain lines elsewhere; times are since the start."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, text: str) -> None:
        """Replace the line; nothing is printed twice."""
        if text == self._last:
            return
        self._last = text
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text} …")
            sys.stderr.flush()
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave no half line behind."""
        if self._last and sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
        self._last = ""


def seeded(settings: Settings) -> dict[str, Any]:
    """Return what seed_demo wrote; empty when it wrote nothing."""
    path = settings.state_dir / SEED_FILE
    found = json.loads(path.read_text()) if path.exists() else {}
    return found if isinstance(found, dict) else {}


def write_demo(settings: Settings, *, flower_auth: str) -> dict[str, Any]:
    """Merge the seed's logins with this installation's addresses into demo.json (0600) and return it."""
    user, _, password = flower_auth.partition(":")
    demo = seeded(settings) | {
        "base_url": settings.base_url,
        "live_url": f"{settings.live_url}{LIVE_PATH}",
        "flower_url": settings.flower_url,
        "simulator_url": settings.simulator_url,
        "flower": {"user": user, "password": password},
    }
    demo["webhook_url"] = _webhook_url(settings, demo)
    demo["wave_urls"] = [f"{settings.base_url}{demo['webhooks'][slug]}" for slug in demo.get("wave", ())]
    _write_private(settings.state_dir / DEMO_FILE, json.dumps(demo, indent=2) + "\n")
    return demo


def _webhook_url(settings: Settings, demo: Mapping[str, Any]) -> str:
    """Return the whole address: the seed gives it whole, as a path, or gives the bare token."""
    given = str(demo.get("webhook_url") or demo.get("webhook_path") or "")
    if given.startswith("http"):
        return given
    path = given or f"/hooks/tradingview/{demo.get('webhook_token', '')}/"
    return f"{settings.base_url}{path}"


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def page(settings: Settings, demo: Mapping[str, Any], *, seconds: float) -> str:
    """Return the one screen: addresses, logins, and a command that fires a signal."""
    operator = demo.get("operator") or {}
    traders = list(demo.get("traders") or [])
    lines = [
        f"Vayda is up ({seconds:.0f} s). PAPER and SIMULATED money only: no order leaves this machine.",
        "",
        f"  Dashboard   {settings.base_url}/",
        f"  Admin       {settings.base_url}/admin/",
        f"  API         {settings.base_url}/api/v1/",
        f"  Tasks       {settings.flower_url}   ({demo['flower']['user']} / {demo['flower']['password']})",
        f"  Exchange    {settings.simulator_url}/   (simulated)",
        "",
        f"  Operator    {_login(operator)}",
        *(f"  Trader      {_login(trader)}   {_accounts(trader)}" for trader in traders[:SHOWN_TRADERS]),
        *(
            [f"              … and {len(traders) - SHOWN_TRADERS} more in {settings.state_dir / DEMO_FILE}"]
            if len(traders) > SHOWN_TRADERS
            else []
        ),
        "",
        *_fire(demo),
        "",
        f"  Logs in {settings.log_dir}. make status | logs | doctor | down. Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _fire(demo: Mapping[str, Any]) -> list[str]:
    """Return the command that enters at every broker at once: one alert for each market they trade."""
    urls = demo.get("wave_urls") or [demo["webhook_url"]]
    head = "curl -sS" if len(urls) == 1 else "curl -sS --parallel --parallel-immediate"
    return [
        "  Fire a signal:" if len(urls) == 1 else "  Fire a signal at every market:",
        f"    {head} -H 'Content-Type: application/json' -d \"{BODY}\" \\",
        f"      {' '.join(urls)}",
    ]


def _login(person: Mapping[str, Any]) -> str:
    return f"{person.get('email', '?')} / {person.get('password', '?')}"


def _accounts(trader: Mapping[str, Any]) -> str:
    accounts = trader.get("accounts") or []
    names = [str(account.get("label", account)) if isinstance(account, dict) else str(account) for account in accounts]
    return f"[{', '.join(names)}]" if names else ""
