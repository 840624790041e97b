"""6xx: contracts on the broker's own master format, and on the live one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import web

from domain.broker import BrokerUnavailable, InstrumentRow
from domain.contracts import commodity_contract
from tests.brokers.contract.bench import Bench
from tests.brokers.contract.case import case
from tests.brokers.contract.member import HERE, Contract, File, Member

Key = tuple[object, ...]


def key(row: InstrumentRow | Contract) -> Key:
    return (row.exchange, row.underlying, row.kind, row.expiry, row.strike, row.right)


def offered(bench: Bench) -> list[Contract]:
    """The contracts of exchanges this broker has."""
    exchanges = bench.member.spec.exchanges
    return [one for one in bench.member.stage.contracts if one.exchange.removesuffix("_INDEX") in exchanges]


async def parsed(bench: Bench, files: Mapping[str, File]) -> Sequence[InstrumentRow]:
    async def answer(http: web.Request) -> web.StreamResponse:
        asked = (http.path, http.path_qs)
        file = next((file for path, file in files.items() if any(one.endswith(path) for one in asked)), None)
        if file is None:
            return web.Response(status=404)
        body = file.body.replace(HERE, str(http.url.origin()).encode())
        return web.Response(body=body, headers={"Content-Type": file.content_type})

    site = await bench.stub(answer)
    return await site.market.instruments()


async def without_sample(bench: Bench, *spoilt: Contract) -> None:
    """The spoilt lines are left out, everything else is kept."""
    good = [one for one in offered(bench) if one is not bench.member.stage.sample]
    rows = await parsed(bench, bench.member.master([*good, *spoilt]))
    assert {key(row) for row in rows} == {key(one) for one in good}


@case(601, "every contract resolves by its columns, whatever its name could be read as")
async def _(bench: Bench) -> None:
    contracts = offered(bench)
    rows = {key(row): row for row in await parsed(bench, bench.member.master(contracts))}
    assert rows.keys() == {key(one) for one in contracts}
    for one in contracts:
        row = rows[key(one)]
        assert row.symbol == bench.member.symbols[one.name], one
        assert row.token, one
        assert row.lot_size == one.lot_size, one
        assert row.kind == "INDEX" or row.tick_size == one.tick_size, one
    assert len({(row.exchange, row.token) for row in rows.values()}) == len(rows)


@case(602, "a commodity's lot and multiplier are those of the contract, not of the broker's count")
async def _(bench: Bench) -> None:
    known = {key(one): one for one in offered(bench)}
    for row in await parsed(bench, bench.member.master(offered(bench))):
        if row.exchange == "MCX":
            assert row.expiry is not None
            contract = commodity_contract(row.underlying, expiry=row.expiry)
            assert (row.lot_size, row.multiplier) == (contract.lot_size, contract.multiplier)
        else:
            assert row.multiplier == known[key(row)].multiplier


def no_options(member: Member) -> str:
    return "" if "NFO" in member.spec.exchanges else "no Indian derivatives"


@case(
    603,
    "the live master lists options, futures, a commodity, an equity and an index that can be asked for",
    unless=no_options,
)
async def _(bench: Bench) -> None:
    site = await bench.site()
    option = await site.liquid()
    assert option.strike is not None
    assert option.expiry is not None
    for wanted in (("NFO", "OPT", "BANKNIFTY"), ("NFO", "FUT", "NIFTY"), ("NFO", "FUT", "RELIANCE")):
        assert (await site.pick(*wanted)).lot_size > 1
    has_commodities = "MCX" in bench.member.spec.exchanges
    commodities = [await site.pick("MCX", "FUT", "CRUDEOIL")] if has_commodities else []
    assert all((crude.lot_size, crude.multiplier) == (100, 1) for crude in commodities)
    equity, index = await site.pick("NSE", "EQ", "RELIANCE"), await site.pick("NSE_INDEX", "INDEX", "NIFTY")
    expiries = {row.expiry for row in await site.rows() if (row.underlying, row.kind) == ("NIFTY", "OPT")}
    assert len(expiries) >= 2
    for row in (option, *commodities, equity, index):
        (quote,) = await site.market.quotes([(row.exchange, row.symbol)])
        assert quote.token == row.token


@case(604, "a strike that is no price is left out and the rest kept", unless=no_options)
async def _(bench: Bench) -> None:
    for strike in (Decimal("NaN"), Decimal(0), Decimal(-24200)):
        await without_sample(bench, replace(bench.member.stage.sample, strike=strike))


@case(605, "a lot that is none is left out and the rest kept")
async def _(bench: Bench) -> None:
    for lot_size in (0, -65):
        await without_sample(bench, replace(bench.member.stage.sample, lot_size=lot_size))


@case(606, "an option without an expiry is left out and the rest kept", unless=no_options)
async def _(bench: Bench) -> None:
    await without_sample(bench, replace(bench.member.stage.sample, expiry=None))


@case(607, "contracts that share a token are both left out and the rest kept")
async def _(bench: Bench) -> None:
    sample = bench.member.stage.sample
    await without_sample(bench, sample, sample)


@case(608, "a file that is no master is an error with the broker's name")
async def _(bench: Bench) -> None:
    files = bench.member.master(offered(bench))
    for name, spoil in bench.member.unusable.items():
        with pytest.raises(BrokerUnavailable, match=bench.member.slug) as raised:
            await parsed(bench, {path: spoil(file) for path, file in files.items()})
        assert raised.value.code, name


@case(609, "a spoilt or refused download is an error, never a short master")
async def _(bench: Bench) -> None:
    site = await bench.site()
    hurried = site.hurried()
    for kind in ("empty_body", "html_body", "bad_json", "server_error", "accept_then_reset", "accept_then_timeout"):
        # Some brokers' files are for everybody: only a fault that names no client spoils them.
        await bench.control("faults", {"kind": kind, "count": 1})
        with pytest.raises(BrokerUnavailable, match=bench.member.slug):
            await hurried.market.instruments()
    assert await site.market.instruments()


@case(610, "a contract of each segment is in the live master, with units and steps to trade by, and is quoted")
async def _(bench: Bench) -> None:
    site = await bench.site()
    for wanted in bench.member.stage.segments:
        if wanted[0] not in bench.member.spec.exchanges:
            continue
        row = await site.pick(*wanted)
        assert row.lot_size > 0
        assert row.tick_size > 0
        assert row.multiplier > 0
        assert (await site.quote(row)).token == row.token
