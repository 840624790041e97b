"""People who act outside the platform, or stop it in the middle of a wave."""

from typing import Any

from tests.chaos.injectors.base import Injector
from tests.chaos.traffic import ENTER, strategies_of
from tests.chaos.world import World


class OwnApp(Injector):
    """Orders given in the broker's own app: a held position left, or one of the person's own opened and left."""

    name = "own app"
    every = 20.0

    def inject(self, world: World) -> None:
        """One order of one person; left over positions of their own are theirs."""
        clients = [one for one in world.simulate("GET", "state")["clients"] if one["client"] in world.live_clients]
        held = [(one["client"], position) for one in clients for position in one["positions"]]
        if not held:
            return
        client, position = self.random.choice(held)
        if self.random.random() < 0.6:
            self._order(world, client, position, -position["quantity"], "the whole position left in the broker's app")
        else:
            for units in (position["lot_size"], -position["lot_size"]):
                self._order(world, client, position, units, "a lot bought and sold in the broker's app")
                world.pause(self.random.uniform(0, 3))

    def _order(self, world: World, client: str, position: dict[str, Any], units: int, what: str) -> None:
        order = {
            "client": client,
            **{name: position[name] for name in ("exchange", "symbol", "product")},
            "side": "BUY" if units > 0 else "SELL",
            "quantity": abs(units),
            "order_type": "MARKET",
        }
        world.simulate("POST", "manual-order", order)
        world.count(f"people: {what}", client=client)


class SignIns(Injector):
    """Somebody signs an account in again, whether it needs it or not."""

    name = "sign-ins"
    every = 6.0

    def inject(self, world: World) -> None:
        """One live account."""
        client = self.random.choice(world.live_clients)
        world.desk.sign_in(client)
        world.count("people: an account signed in again", client=client)


class Halts(Injector):
    """A halt right after a wave's alert, released some seconds later."""

    name = "halts"
    every = 45.0

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self._halts: list[int] = []

    def inject(self, world: World) -> None:
        """Enter, halt while the orders go out, release."""
        slug = self.random.choice(strategies_of(world))
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
