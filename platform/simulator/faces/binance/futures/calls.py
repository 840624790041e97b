"""How the futures exchange weighs its callers' calls, and what it words differently."""

from simulator.clients import Client
from simulator.faces.binance.calls import ANONYMOUS, Asked, BinanceCounter
from simulator.faces.binance.futures.limits import WINDOWS
from simulator.faces.binance.wire import BinanceError
from simulator.faces.calls import FaceError
from simulator.faces.limits import CallLimits


class FuturesCounter(BinanceCounter):
    """Where signed calls are checked and spoilt; keys are those of the spot market."""

    spans = ("10S", "1M")

    def __init__(self, spot: BinanceCounter, limits: CallLimits | None = None) -> None:
        super().__init__(spot.desk, limits or CallLimits(WINDOWS, switch=spot.desk.limits), dead=spot.dead)

    def session_lost(self) -> FaceError:
        """A key nobody has (any more)."""
        text = "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1"
        return BinanceError(-2015, text, status=401)

    def too_heavy(self, most: int, span: str) -> str:
        """Word that calls weighed more than ``most`` within a span."""
        advice = "Please use the websocket for live updates to avoid polling the API."
        return f"Too many requests; current limit is {most} requests per {span}. {advice}"


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
