"""1xx: how a session begins and ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brokers.connect import connect_login
from domain.broker import BrokerError, BrokerToken, BrokerUnavailable, Credentials, SessionLost, SignOut, Verdict
from domain.broker_spec import Capability, SignInDenied, SignInKind
from tests.brokers.contract.bench import Bench, Site, new_tag
from tests.brokers.contract.case import case
from tests.brokers.contract.member import Member

OAUTH = (SignInKind.OAUTH,)
CALLBACK = "http://127.0.0.1:1/callback"


def login_of(bench: Bench, name: str, **fields: str):
    credentials = Credentials(name, {**bench.member.fields(name), **fields})
    endpoint, desk = bench.member.endpoint(bench.base), bench.desks.get(name)
    login = connect_login(bench.member.slug, credentials, endpoint, desk=desk)
    bench.stack.push_async_callback(login.aclose)
    return login


async def dead(site: Site) -> bool:
    """Whether the account's token is refused."""
    try:
        await site.broker.funds()
    except SessionLost:
        return True
    return False


@case(101, "a sign-in ends in a token of the right client that trades until the SPEC's hour")
async def _(bench: Bench) -> None:
    name = await bench.client()
    now = datetime.now(UTC)
    token = await bench.token(login_of(bench, name), name)
    assert (token.client_id, bool(token.access_token)) == (name, True)
    spec, life = bench.member.spec, token.expires_at - now
    assert timedelta(0) < life <= (spec.token_lasts or timedelta(days=3650)) + timedelta(minutes=1)
    if spec.token_expires_at is not None:
        assert life <= timedelta(days=1, minutes=1)
    assert token.access_token not in repr(token)
    site = bench.opened(
        Credentials(name, bench.member.fields(name), access_token=token.access_token),
        bench.member.endpoint(bench.base),
    )
    assert (await site.broker.funds()).total > 0


@case(102, "the broker's page hands our state and a one-use code back to the browser", sign_in=OAUTH)
async def _(bench: Bench) -> None:
    name = await bench.client(redirect_url=CALLBACK)
    login = login_of(bench, name)
    state = "account.7:user-9_x"
    url = login.login_url(state=state)
    assert bench.member.fields(name).keys() >= set(bench.member.spec.credential_fields)
    assert not any(secret in url for secret in _secrets(bench, name))
    assert bench.member.browse is not None
    query = await bench.member.browse(bench, url, name)
    assert query.get("state", "" if bench.member.spec.sign_in.returns_state else state) == state
    code = bench.member.spec.sign_in.code_of(query)
    token = await login.exchange(request_token=code, now=datetime.now(UTC))
    assert token.client_id == name


def _secrets(bench: Bench, name: str) -> list[str]:
    fields = bench.member.fields(name)
    return [fields[one.name] for one in bench.member.spec.sign_in.fields if one.secret and one.name in fields]


@case(103, "a sign-in the client denied or broke off yields no code", sign_in=OAUTH)
async def _(bench: Bench) -> None:
    for query in (*bench.member.denied, {}):
        with pytest.raises(SignInDenied):
            bench.member.spec.sign_in.code_of(query)


@case(104, "a code nobody was given is refused", sign_in=OAUTH)
async def _(bench: Bench) -> None:
    name = await bench.client()
    with pytest.raises(BrokerError):
        await login_of(bench, name).exchange(request_token="nobody-was-given-this", now=datetime.now(UTC))


@case(105, "a code works once", sign_in=OAUTH)
async def _(bench: Bench) -> None:
    name = await bench.client()
    login = login_of(bench, name)
    assert bench.member.code is not None
    code = await bench.member.code(bench, name)
    await login.exchange(request_token=code, now=datetime.now(UTC))
    with pytest.raises(BrokerError):
        await login.exchange(request_token=code, now=datetime.now(UTC))


@case(106, "somebody else's account signed in is refused by name")
async def _(bench: Bench) -> None:
    mine, other = await bench.client(), await bench.client()
    login = login_of(bench, mine, **bench.member.fields(other))
    if bench.member.stranger is not None:
        await bench.member.stranger(bench, mine, other)
    with pytest.raises(BrokerError, match=other) as raised:
        await bench.token(login, other)
    assert raised.value.code == "WRONG_CLIENT"


@case(107, "wrong secrets are refused")
async def _(bench: Bench) -> None:
    name = await bench.client()
    wrong = {one.name: "wrongwrong" for one in bench.member.spec.sign_in.fields if one.secret}
    with pytest.raises(BrokerError) as raised:
        await bench.token(login_of(bench, name, **wrong), name)
    assert raised.value.code not in ("", "WRONG_CLIENT")


@case(108, "credentials that are missing are named before anything is sent")
async def _(bench: Bench) -> None:
    for name in bench.member.spec.credential_fields:
        fields = {key: value for key, value in bench.member.fields("NOBODY").items() if key != name}
        credentials = Credentials("NOBODY", fields)
        with pytest.raises(BrokerError, match=name) as raised:
            await _exchanged(bench, credentials)
        assert raised.value.code == "CREDENTIALS"


async def _exchanged(bench: Bench, credentials: Credentials) -> BrokerToken:
    login = connect_login(bench.member.slug, credentials, bench.member.endpoint("http://127.0.0.1:1"))
    return await login.exchange(request_token="x", now=datetime.now(UTC))


@case(113, "a spoilt answer to a sign-in is an error with the broker's name, never half a session")
async def _(bench: Bench) -> None:
    name = await bench.client()
    login = login_of(bench, name)
    for kind in ("server_error", "empty_body", "html_body", "bad_json", "accept_then_reset"):
        fault = {"kind": kind, "client": name, "endpoint": bench.member.session_endpoint, "count": 1}
        await bench.control("faults", fault)
        with pytest.raises(BrokerUnavailable, match=bench.member.slug):
            await bench.token(login, name)
    assert (await bench.token(login, name)).client_id == name


@case(109, "a token that dies mid-session is SESSION_LOST to orders, reads and sockets")
async def _(bench: Bench) -> None:
    site = await bench.site()
    wish = await site.resting(await site.liquid())
    await site.fault("token_death", "orders.place")
    assert (await site.broker.place(wish)).verdict is Verdict.SESSION_LOST
    late = replace(wish, client_order_id=new_tag())
    assert (await site.broker.place(late)).verdict is Verdict.SESSION_LOST
    for line in await bench.ledger(event="REQUEST", tag=late.client_order_id):
        assert line["client"] == site.name  # whose call it was is known, though the token is dead
    for read in (site.broker.order_book, site.broker.trade_book, site.broker.positions, site.broker.funds):
        with pytest.raises(SessionLost):
            await read()
    if not (bench.member.public_data or bench.member.quotes_by_key):
        with pytest.raises(SessionLost):
            await site.market.quotes([(wish.exchange, wish.symbol)])
    if bench.member.renew is not None:
        await bench.member.renew(bench, site.name)
    again = await bench.signed_in(site.name)
    assert await again.tagged(wish.client_order_id) is None


def public_data(member: Member) -> str:
    return "prices are everybody's" if member.public_data else ""


@case(110, "a socket refuses a dead token as a lost session", Capability.MARKET_FEED, unless=public_data)
async def _(bench: Bench) -> None:
    site = await bench.site()
    token = (await site.liquid()).token
    dead_site = bench.opened(replace(site.credentials, access_token="deadbeef"), site.endpoint)
    feed = dead_site.feed()
    await feed.subscribe([token])
    with pytest.raises(SessionLost):
        await anext(aiter(feed.connect()))


@case(111, "signing out revokes the token, and twice is once", Capability.SIGN_OUT)
async def _(bench: Bench) -> None:
    site = await bench.site()
    token = BrokerToken(site.credentials.access_token, site.name, datetime.now(UTC))
    assert isinstance(site.login, SignOut)
    await site.login.sign_out(token)
    await site.login.sign_out(token)
    assert await dead(site)


def endless(member: Member) -> str:
    spec = member.spec
    ends = spec.token_expires_at or spec.token_lasts or spec.token_says_expiry
    return "" if ends else "tokens have no end"


@case(112, "a token is refused once the broker's hour has struck", unless=endless)
async def _(bench: Bench) -> None:
    site = await bench.site(base=await bench.start_exchange(f"today {bench.member.slug}"))
    assert not await dead(site)
    later = bench.member.endpoint(await bench.start_exchange(f"later {bench.member.slug}"))
    assert await dead(bench.opened(site.credentials, later))
