"""How the futures exchange weighs its callers' calls, and what it words differently."""

from simulator.clients import Client
from simulator.faces.binance.calls import ANONYMOUS, Asked, BinanceCounter
from simulator.faces.binance.futures.limits import WINDOWS
from simulator.faces.binance.limits import ORDER
from simulator.faces.binance.wire import BinanceError
from simulator.faces.calls import FaceError
from simulator.faces.limits import CallLimits, Excess


class FuturesCounter(BinanceCounter):
    """Where signed calls are checked and spoilt; keys are those of the spot market."""

    spans = ("10S", "1M")

    def __init__(self, spot: BinanceCounter, limits: CallLimits | None = None) -> None:
        super().__init__(spot.desk, limits or CallLimits(WINDOWS, switch=spot.desk.limits), dead=spot.dead)

    def session_lost(self) -> FaceError:
        """A key nobody has (any more)."""
        text = "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1"
        return BinanceError(-2015, text, status=401)

    def too_many(self, excess: Excess) -> FaceError:
        """A limit is used up."""
        most, span = excess.window.calls, excess.window.name
        if excess.bucket == ORDER:
            return BinanceError(-1015, f"Too many new orders; current limit is {most} orders per {span}.", status=429)
        advice = "Please use the websocket for live updates to avoid polling the API."
        return BinanceError(
            -1003, f"Too many requests; current limit is {most} requests per {span}. {advice}", status=429
        )


class FuturesPublicCounter(FuturesCounter):
    """Where calls are weighed that nobody has to sign."""

    half = b'{"symbol":"BTCUSDT","lastPri'

    def client(self, asked: Asked) -> Client:
        """It is nobody's in particular."""
        return ANONYMOUS


class KeyedCounter(FuturesCounter):
    """Where calls are weighed that bear a key and are not signed."""

    half = b'{"listenKey":"pqia91ma'

    def client(self, asked: Asked) -> Client:
        """Whose key it is."""
        return self.alive(asked.key)
