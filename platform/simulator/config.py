"""What the simulated exchange is told at start, checked before anything is opened."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from domain.clock import MarketClock, parse_clock
from simulator.clients import Client, demo_clients


class ConfigError(ValueError):
    """A setting is missing or wrong; the message names it and what it should be."""


@dataclass(frozen=True, slots=True)
class Config:
    """The simulator's settings.

    ``recording`` is the parquet replayed as the market, ``None`` for the live, seeded one; of it ``expiry``
    is played (``None``: the nearest on the market clock's day). ``rate_limits``
    switches the brokers' own call limits.
    """

    port: int
    state_dir: Path
    seed: int
    recording: Path | None
    expiry: date | None
    clock: MarketClock
    volatility: float
    clients: tuple[Client, ...]
    rate_limits: bool
    slippage_ticks: int
    partial_fill_ratio: float

    @property
    def ledger_path(self) -> Path:
        """Where every request and fill is written."""
        return self.state_dir / "simulator" / "ledger.jsonl"

    @property
    def sessions_path(self) -> Path:
        """Where issued tokens are kept, so that a restart does not log everybody out."""
        return self.state_dir / "simulator" / "sessions.jsonl"

    @property
    def added_clients_path(self) -> Path:
        """Where clients added while running are kept."""
        return self.state_dir / "simulator" / "clients.jsonl"


_SETTINGS = {
    "port": ("SIMULATOR_PORT", "8790"),
    "state_dir": ("STATE_DIR", "var"),
    "seed": ("SIMULATOR_SEED", "1"),
    "market": ("SIMULATOR_MARKET", "live"),
    "expiry": ("SIMULATOR_EXPIRY", ""),
    "clock": ("MARKET_CLOCK", ""),
    "volatility": ("SIMULATOR_VOLATILITY", "1.0"),
    "clients": ("SIMULATOR_CLIENTS", "20"),
    "postback_url": ("SIMULATOR_POSTBACK_URL", ""),
    "redirect_url": ("SIMULATOR_REDIRECT_URL", ""),
    "rate_limits": ("SIMULATOR_RATE_LIMITS", "on"),
    "slippage_ticks": ("SIMULATOR_SLIPPAGE_TICKS", "0"),
    "partial_fill_ratio": ("SIMULATOR_PARTIAL_FILLS", "0"),
}


def load(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Config:
    """Read arguments over environment over defaults. Raises ``ConfigError``."""
    given = {name: value for name, value in vars(_parser().parse_args(argv)).items() if value is not None}
    text = {name: given.get(name, environ.get(key) or default) for name, (key, default) in _SETTINGS.items()}
    return Config(
        port=_integer(text, "port", low=0, high=65535),
        state_dir=Path(text["state_dir"]),
        seed=_integer(text, "seed", low=0, high=2**63 - 1),
        recording=_recording(text["market"]),
        expiry=_expiry(text["expiry"]),
        clock=_clock(text["clock"]),
        volatility=_number(text, "volatility", low=0.0, high=100.0),
        clients=_clients(text),
        rate_limits=_switch(text, "rate_limits"),
        slippage_ticks=_integer(text, "slippage_ticks", low=0, high=1000),
        partial_fill_ratio=_number(text, "partial_fill_ratio", low=0.0, high=1.0),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A simulated exchange on localhost.")
    for name, (key, default) in _SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=f"{key}, {default or 'none'} by default")
    return parser


def _integer(text: Mapping[str, str], name: str, *, low: int, high: int) -> int:
    try:
        value = int(text[name])
    except ValueError:
        raise ConfigError(f"{_SETTINGS[name][0]} must be a whole number, not {text[name]!r}") from None
    if not low <= value <= high:
        raise ConfigError(f"{_SETTINGS[name][0]} must lie between {low} and {high}, not {value}")
    return value


def _number(text: Mapping[str, str], name: str, *, low: float, high: float) -> float:
    try:
        value = float(text[name])
    except ValueError:
        raise ConfigError(f"{_SETTINGS[name][0]} must be a number, not {text[name]!r}") from None
    if not low <= value <= high:
        raise ConfigError(f"{_SETTINGS[name][0]} must lie between {low:g} and {high:g}, not {value:g}")
    return value


def _switch(text: Mapping[str, str], name: str) -> bool:
    value = text[name].lower()
    if value not in {"on", "off"}:
        raise ConfigError(f"{_SETTINGS[name][0]} must be on or off, not {text[name]!r}")
    return value == "on"


def _recording(text: str) -> Path | None:
    if text == "live":
        return None
    path = Path(text)
    if not path.is_file():
        raise ConfigError(f"SIMULATOR_MARKET must be 'live' or a recorded parquet file; there is no file {text}")
    return path


def _expiry(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigError(f"SIMULATOR_EXPIRY must be a date such as 2026-08-18, not {text!r}") from None


def _clock(text: str) -> MarketClock:
    try:
        return parse_clock(text)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _clients(text: Mapping[str, str]) -> tuple[Client, ...]:
    if text["clients"].isdigit():
        return tuple(_with_urls(client, text) for client in demo_clients(int(text["clients"])))
    path = Path(text["clients"])
    try:
        clients = msgspec.json.decode(path.read_bytes(), type=list[Client])
    except OSError as error:
        raise ConfigError(f"SIMULATOR_CLIENTS must be a count or a JSON file: {error}") from None
    except msgspec.MsgspecError as error:
        raise ConfigError(f"SIMULATOR_CLIENTS file {path}: {error}") from None
    return tuple(clients)


def _with_urls(client: Client, text: Mapping[str, str]) -> Client:
    """Give a demo client the common URLs; ``{client}`` in them stands for its name."""
    urls = {name: text[name].replace("{client}", client.client) for name in ("postback_url", "redirect_url")}
    try:
        return msgspec.convert({**msgspec.to_builtins(client), **urls}, Client)
    except msgspec.ValidationError as error:
        raise ConfigError(f"SIMULATOR_POSTBACK_URL or SIMULATOR_REDIRECT_URL: {error}") from None
