"""A real Chromium against the real pages and the real live process, on the test database."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from apps.markets.models import Instrument
from bus.models import Heartbeat
from tests.apps.dashboard.conftest import Scene
from tests.apps.dashboard.scene import make_trade
from tests.cast import make_cast, make_strategy, publish_price

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
PASSWORD = "correct horse battery"
# A page may take its time on a busy machine; what it must show, it must show all the same.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests need a browser; where none is installed they are skipped, saying so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))
            if not CHROMIUM.exists():
                item.add_marker(pytest.mark.skip(reason=f"no Chromium at {CHROMIUM}"))


@dataclass(slots=True)
class Site:
    """Where the pages and the socket are served."""

    base_url: str
    live_url: str


@dataclass
class Window:
    """One browser window and everything that was wrong in it."""

    page: Page
    context: BrowserContext
    site: Site
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.site.base_url + path)

    def sign_in(self, email: str) -> None:
        """Sign in by the form and acknowledge the disclosure."""
        self.open("/login/")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="I have read and understood this").click()
        self.page.locator("#risk").wait_for(state="hidden")

    def note_console(self, message: ConsoleMessage) -> None:
        """Any error or warning is a fault."""
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def note_request(self, request: Request) -> None:
        """Anything loaded from elsewhere is a fault."""
        if urlsplit(request.url).hostname not in ("127.0.0.1", None) and not request.url.startswith("data:"):
            self.faults.append(f"loaded from elsewhere: {request.url}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(site: Site, state: Path) -> dict[str, str]:
    name = str(connection.settings_dict["NAME"])
    return os.environ | {
        "DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl(),
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "SECRET_KEY": settings.SECRET_KEY,
        "MASTER_KEY": settings.MASTER_KEY,
        "STATE_DIR": str(state),
        "BASE_URL": site.base_url,
        "LIVE_URL": site.live_url,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
    }


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise RuntimeError("a server did not start")


@pytest.fixture(scope="session")
def site(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web process and the live process, as deployed, on the test database."""
    web, live = _free_port(), _free_port()
    where = Site(f"http://127.0.0.1:{web}", f"ws://127.0.0.1:{live}")
    with django_db_blocker.unblock():
        environ = _environment(where, tmp_path_factory.mktemp("state"))
    python = [sys.executable, "-m"]
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "collectstatic", "--noinput", "-v0"], env=environ, cwd=ROOT, check=True)
    serve_web = [*python, "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(web)]
    serve_live = [*python, "uvicorn", "--host", "127.0.0.1", "--port", str(live), "--ws", "websockets-sansio"]
    commands = [
        [*serve_web, "--blocking-threads", "2", "config.wsgi:application"],
        [*serve_live, "--log-level", "warning", "config.asgi:application"],
    ]
    running = [subprocess.Popen(command, env=environ, cwd=ROOT) for command in commands]
    try:
        for port, process in zip((web, live), running, strict=True):
            _wait_for(port, process)
        yield where
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, gone with its module: while Playwright lives, no other test can run an event loop."""
    with sync_playwright() as playwright:
        # Playwright's own loop runs in this thread; Django's guard against ORM calls from coroutines would misread it.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    """Two open straddles now (the servers' clock is the wall's), with a feed that is alive."""
    now = datetime.now(tz=UTC)
    cast = make_cast(now)
    # The cast's contracts expired in a November: these servers live today, and show nothing that is over.
    Instrument.objects.filter(kind="OPT").update(expiry=now.date() + timedelta(days=7))
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.Argon2PasswordHasher"]):
        for person in (cast.trader, cast.operator):  # the servers run on the deployment's hashers
            person.set_password(PASSWORD)
            person.save()
    straddle = make_strategy(cast.tenant, name="Short straddle", slug="straddle")
    live = make_trade(cast.account, [cast.call, cast.put], strategy=straddle, now=now)
    paper = make_trade(cast.paper_account, [cast.call], strategy=straddle, now=now)
    publish_price(cast.call, "39.85")
    publish_price(cast.put, "27.70")
    Heartbeat.objects.create(process="feed", holder="x", build="x", started_at=now, beat_at=now, detail=_alive())
    return Scene(cast, live, paper)


def _alive() -> dict[str, Any]:
    return {"state": "live", "newest_tick_ms": int(timezone.now().timestamp() * 1000)}


@pytest.fixture
def window(chromium: Browser, site: Site, scene: Scene, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A window that must stay without faults; parametrise with keywords of ``new_context``."""
    wanted: dict[str, Any] = getattr(request, "param", {})
    context = chromium.new_context(**({"viewport": {"width": 1440, "height": 900}} | wanted))
    page = context.new_page()
    opened = Window(page, context, site)
    page.on("console", opened.note_console)
    page.on("pageerror", lambda error: opened.faults.append(str(error)))
    page.on("request", opened.note_request)
    page.set_default_timeout(15_000)
    yield opened
    context.close()
    assert opened.faults == []
