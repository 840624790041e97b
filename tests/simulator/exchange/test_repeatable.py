"""The same seed and the same calls at the same market times give the same day; another seed another."""

from collections.abc import Callable
from decimal import Decimal

from domain.orders import Side
from simulator.exchange.types import ClientTrade, Settings


def play(make: Callable[..., object], *, seed: int) -> tuple[list[str], list[ClientTrade], list[int]]:
    desk = make(seed=seed, settings=Settings(partial_fill_ratio=0.5))
    desk.market.release(desk.token())
    announced: list[int] = []
    desk.exchange.on_ticks(lambda tokens, _: announced.extend(tokens))
    for turn in range(60):
        desk.tick(0.5)
        last = Decimal(desk.market.quote(desk.token()).last_price) / 10**8
        price = max(last + (1 if turn % 3 else -1), Decimal("0.05"))
        desk.place(side=Side.BUY if turn % 2 else Side.SELL, quantity=65 * 5, price=price)
    return [order.order_id for order in desk.exchange.orders("C1")], desk.exchange.trades("C1"), announced


def test_the_same_calls_repeat_exactly(make) -> None:
    first, second = play(make, seed=11), play(make, seed=11)
    assert first == second
    assert len(first[1]) > 30


def test_another_seed_is_another_day(make) -> None:
    assert play(make, seed=11)[1] != play(make, seed=12)[1]
