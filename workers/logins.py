"""Signing accounts in over the wire: all at once, at each broker's rate, and none in another's way."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
from django.conf import settings
from django.core.cache import cache

from apps.broker_accounts.models import BrokerAccount
from apps.broker_accounts.services.links import login_page_key
from apps.broker_accounts.services.login import Refused, Result, attempt
from brokers.catalog import UnknownBroker, spec_of
from brokers.connect import connect_login, shared_connector
from bus import clock
from domain.broker import BrokerError, Credentials, Login
from workers.bridge_room import desk_of, own_thread
from workers.desk import account_credentials, endpoint_for

PAGE_SECONDS = 120
"""How long the address of a broker's sign-in page is kept for the browser that asked."""

WHOLE_SECONDS = 30.0
"""How long one sign-in may take with all its calls."""


@dataclass(slots=True)
class Rate:
    """Spaces the sign-ins at one broker evenly."""

    per_second: int
    _next: float = field(default=0.0)

    async def turn(self) -> None:
        """Wait for the next free place."""
        now = time.monotonic()
        place = max(self._next, now)
        self._next = place + 1 / self.per_second
        await asyncio.sleep(place - now)


@dataclass(frozen=True, slots=True)
class _Candidate:
    account: BrokerAccount
    credentials: Credentials


def sign_in_all(accounts: Sequence[BrokerAccount]) -> Iterator[Result]:
    """Sign accounts in and yield each result once it is there; what one meets never touches another.

    The caller writes each down before it takes the next: sign-ins under way go on meanwhile or right after.
    """
    found = [_candidate(account) for account in accounts]
    yield from (one for one in found if isinstance(one, Refused))
    with asyncio.Runner() as runner:
        connector = runner.run(_connector())
        pending = runner.run(_start([one for one in found if isinstance(one, _Candidate)], connector))
        while pending:
            done, pending = runner.run(_some(pending))
            yield from (task.result() for task in done)
        runner.run(_close(connector))


def sign_in_one(account: BrokerAccount, *, request_token: str = "") -> Result:
    """Sign one account in; with a person's one-use code where the broker wants a person."""
    candidate = _candidate(account)
    if isinstance(candidate, Refused):
        return candidate
    return asyncio.run(_sign_in(candidate, None, None, request_token))


def leave_login_page(account: BrokerAccount, state: str) -> None:
    """Leave the address of the broker's page for the web process, which cannot unseal the key that is part of it.

    Raises ``BrokerError`` for credentials that cannot be used.
    """
    candidate = _candidate(account)
    if isinstance(candidate, Refused):
        raise BrokerError(candidate.code, candidate.message)
    cache.set(login_page_key(state), asyncio.run(_login_url(candidate, state)), PAGE_SECONDS)


def _candidate(account: BrokerAccount) -> _Candidate | Refused:
    try:
        spec_of(account.broker)
        return _Candidate(account, account_credentials(account.pk)[1])
    except UnknownBroker as error:
        return Refused(account, "UNKNOWN_BROKER", str(error))
    except BrokerError as error:
        return Refused(account, error.code, error.message)


async def _connector() -> aiohttp.BaseConnector:
    return shared_connector()


async def _close(connector: aiohttp.BaseConnector) -> None:
    await connector.close()


async def _start(candidates: Sequence[_Candidate], connector: aiohttp.BaseConnector) -> "set[asyncio.Task[Result]]":
    slugs = {one.account.broker for one in candidates}
    rates = {slug: Rate(spec_of(slug).limits.reads) for slug in slugs}
    return {asyncio.create_task(_sign_in(one, connector, rates[one.account.broker], "")) for one in candidates}


async def _some(pending: "set[asyncio.Task[Result]]") -> "tuple[set[asyncio.Task[Result]], set[asyncio.Task[Result]]]":
    return await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)


async def _sign_in(
    one: _Candidate, connector: aiohttp.BaseConnector | None, rate: Rate | None, request_token: str
) -> Result:
    if rate is not None:
        await rate.turn()
    try:
        login = _login(one, connector)
    except BrokerError as error:
        return Refused(one.account, error.code, error.message)
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            return await attempt(one.account, login, now=clock.now(), request_token=request_token)
    except TimeoutError:
        return Refused(one.account, "TIMEOUT", f"no answer in {WHOLE_SECONDS:.0f} seconds")
    finally:
        await login.aclose()


async def _login_url(one: _Candidate, state: str) -> str:
    login = _login(one, None)
    try:
        return login.login_url(state=state)
    finally:
        await login.aclose()


def _login(one: _Candidate, connector: aiohttp.BaseConnector | None) -> Login:
    slug = one.account.broker
    return connect_login(
        slug,
        one.credentials,
        endpoint_for(slug),
        timeout=settings.BROKER_TIMEOUT_SECONDS,
        connector=connector,
        desk=desk_of(slug, one.account.pk, own_thread),
    )
