"""People who act outside the platform, or stop it in the middle of a wave."""

from typing import Any

from tests.chaos.injectors.base import Injector
from tests.chaos.world import World

ENTER = {"momentum-call": "buy", "short-straddle": "sell"}


class OwnApp(Injector):
    """Orders given in the broker's own app: a held position left, or one of the person's own opened and left."""

    name = "own app"
    every = 20.0

    def inject(self, world: World) -> None:
        """One order of one person; left over positions of their own are theirs."""
        clients = [one for one in world.simulate("GET", "state")["clients"] if one["client"] in world.live_clients]
        held = [(one["client"], symbol, quantity) for one in clients for symbol, quantity in one["positions"].items()]
        if not held:
            return
        client, name, quantity = self.random.choice(held)
        symbol, _, product = name.partition(":")
        if self.random.random() < 0.6:
            self._order(world, client, symbol, product, -quantity, "the whole position left in the broker's app")
        else:
            lot = world.simulate("GET", f"quote?exchange=NFO&symbol={symbol}")["lot_size"]
            for units in (lot, -lot):
                self._order(world, client, symbol, product, units, "a lot bought and sold in the broker's app")
                world.pause(self.random.uniform(0, 3))

    def _order(self, world: World, client: str, symbol: str, product: str, units: int, what: str) -> None:
        order: dict[str, Any] = {
            "client": client,
            "exchange": "NFO",
            "symbol": symbol,
            "side": "BUY" if units > 0 else "SELL",
            "quantity": abs(units),
            "product": product,
            "order_type": "MARKET",
        }
        world.simulate("POST", "manual-order", order)
        world.count(f"people: {what}")


class SignIns(Injector):
    """Somebody signs an account in again, whether it needs it or not."""

    name = "sign-ins"
    every = 6.0

    def inject(self, world: World) -> None:
        """One account of the simulated broker."""
        world.desk.sign_in(self.random.choice(world.live_clients))
        world.count("people: an account signed in again")


class Halts(Injector):
    """A halt right after a wave's alert, released some seconds later."""

    name = "halts"
    every = 45.0

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._halts: list[int] = []

    def inject(self, world: World) -> None:
        """Enter, halt while the orders go out, release."""
        slug = self.random.choice(sorted(ENTER))
        alert = {"action": ENTER[slug], "alert_id": f"halted-{self.random.getrandbits(64)}"}
        world.alert(slug, alert)
        world.pause(self.random.uniform(0, 0.3))
        halt = world.desk.halt_strategy(slug) if self.random.random() < 0.5 else world.desk.halt_tenant()
        self._halts.append(halt)
        world.count("halt in the middle of a wave")
        world.pause(self.random.uniform(2, 5))
        self.heal(world)

    def heal(self, world: World) -> None:
        """Let entries go on."""
        while self._halts:
            world.desk.release(self._halts[-1])
            self._halts.pop()
