"""Every case at every broker, against its face on the simulated exchange over real sockets."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.brokers.contract.bench import PATIENCE, Bench
from tests.brokers.contract.case import Case, Standing
from tests.brokers.contract.conftest import Exchanges
from tests.brokers.contract.member import Member
from tests.brokers.contract.table import pairs


@pytest.mark.parametrize(
    ("member", "case"), [pytest.param(member, case, id=f"{member.column}-{case.number}") for member, case in pairs()]
)
def test_the_contract_holds(member: Member, case: Case, exchanges: Exchanges) -> None:
    standing, reason = case.standing(member)
    if standing is not Standing.RUN:
        pytest.skip(f"{standing}: {reason}")
    asyncio.run(_run(member, case, exchanges))


async def _run(member: Member, case: Case, exchanges: Exchanges) -> None:
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        bench = Bench(member, await exchanges.start("plain"), stack, exchanges.start)
        try:
            await case.body(bench)
        finally:
            await bench.control("faults", method="DELETE")
            await bench.control("exchange", method="DELETE")
