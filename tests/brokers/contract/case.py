"""The numbered cases: a registry filled by the modules under ``cases``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.broker_spec import Capability, SignInKind
from tests.brokers.contract.member import Member

if TYPE_CHECKING:
    from tests.brokers.contract.bench import Bench

Body = Callable[["Bench"], Awaitable[None]]
Unless = Callable[[Member], str]
"""Says what a broker lacks for a case, by its SPEC or its market; "" where it lacks nothing."""


class Standing(StrEnum):
    """What becomes of a case at one broker before it is run."""

    RUN = "pass"
    NOT_OFFERED = "not offered"
    NOT_PROVABLE = "not provable"


@dataclass(frozen=True, slots=True)
class Case:
    """One promise every adapter keeps; ``needs``, ``sign_in`` and ``unless`` say where a broker may not offer it."""

    number: int
    title: str
    body: Body
    needs: frozenset[Capability]
    sign_in: frozenset[SignInKind]
    unless: Unless

    def standing(self, member: Member) -> tuple[Standing, str]:
        """Return whether the case runs at a broker, and why not; SPEC decides what is not offered."""
        missing = sorted(self.needs - member.spec.offers)
        if missing:
            return Standing.NOT_OFFERED, f"no {', '.join(missing)}"
        if self.sign_in and member.spec.sign_in.kind not in self.sign_in:
            return Standing.NOT_OFFERED, f"sign-in by {member.spec.sign_in.kind}"
        if lacking := self.unless(member):
            return Standing.NOT_OFFERED, lacking
        if self.number in member.reasons:
            return Standing.NOT_PROVABLE, member.reasons[self.number]
        return Standing.RUN, ""


CASES: dict[int, Case] = {}
"""Every case by number; by hundreds: 1 sign-in, 2 orders, 3 states, 4 answers, 5 books, 6 instruments, 7 sockets,
8 limits and clocks, 9 bad input."""


def nothing(member: Member) -> str:
    """What a broker lacks for most cases."""
    return ""


def case(
    number: int, title: str, *needs: Capability, sign_in: tuple[SignInKind, ...] = (), unless: Unless = nothing
) -> Callable[[Body], Body]:
    """Register a case; numbers are used once and never again for something else."""

    def register(body: Body) -> Body:
        if number in CASES:
            raise ValueError(f"case {number} is taken by {CASES[number].title!r}")
        CASES[number] = Case(number, title, body, frozenset(needs), frozenset(sign_in), unless)
        return body

    return register
