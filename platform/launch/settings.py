"""What the launcher is told: the environment, parsed once and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launch.problems import BadSetting

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8800
# web, live, flower and the simulated exchange sit on consecutive ports.
PORTS_NEEDED = 4
MAX_PORT = 65535 - PORTS_NEEDED + 1
MAX_SHARDS = 64
# What a new installation is filled with: `manage.py seed_<name>`.
SEEDS = ("demo", "replay")
HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One installation on this machine; two differ at least in `state_dir` and `port`."""

    root: Path
    state_dir: Path
    port: int
    shards: int
    database_url: str | None
    redis_url: str | None
    settings_module: str
    bin_dir: Path
    seed: str = SEEDS[0]
    # Where the demo's live accounts are: `all`, or brokers' slugs; the seed knows which there are.
    brokers: tuple[str, ...] = ("zerodha",)
    # Which shards this machine's execution workers ask for; all of them unless SHARD says otherwise.
    own_shards: tuple[int, ...] | None = None
    # Celery's broker where it is not Redis.
    broker_url: str | None = None

    @property
    def shards_here(self) -> tuple[int, ...]:
        """The shards with an execution worker on this machine."""
        return tuple(range(self.shards)) if self.own_shards is None else self.own_shards

    @property
    def live_port(self) -> int:
        """The port of the WebSocket process."""
        return self.port + 1

    @property
    def flower_port(self) -> int:
        """The port of the task monitor."""
        return self.port + 2

    @property
    def simulator_port(self) -> int:
        """The port of the simulated exchange."""
        return self.port + 3

    @property
    def ports(self) -> dict[str, int]:
        """Return process name to TCP port, for every process that listens."""
        return {
            "web": self.port,
            "live": self.live_port,
            "flower": self.flower_port,
            "simulator": self.simulator_port,
        }

    @property
    def log_dir(self) -> Path:
        """Where every process's log lies, one file each."""
        return self.state_dir / "logs"

    @property
    def base_url(self) -> str:
        """The address of the web process, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def live_url(self) -> str:
        """The address of the WebSocket process, without a path."""
        return f"ws://{HOST}:{self.live_port}"

    @property
    def flower_url(self) -> str:
        """The address of the task monitor, with its prefix and the slash it insists on."""
        return f"http://{HOST}:{self.flower_port}/ops/flower/"

    @property
    def simulator_url(self) -> str:
        """The address of the simulated exchange, without a trailing slash."""
        return f"http://{HOST}:{self.simulator_port}"


def from_environ(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the documented variables (see README.md beside this file); raises BadSetting naming the variable."""
    return Settings(
        root=ROOT,
        state_dir=_state_dir(environ.get("STATE_DIR", "")),
        port=_number(environ, "PORT", default=DEFAULT_PORT, lowest=1, highest=MAX_PORT),
        shards=_number(environ, "SHARDS", default=1, lowest=1, highest=MAX_SHARDS),
        database_url=_url(environ, "DATABASE_URL", schemes=("postgres", "postgresql")),
        redis_url=_url(environ, "REDIS_URL", schemes=("redis", "rediss", "unix")),
        settings_module=environ.get("DJANGO_SETTINGS_MODULE") or "config.settings.local",
        bin_dir=Path(sys.prefix) / "bin",
        seed=_seed(environ.get("SEED", "").strip()),
        brokers=_brokers(environ.get("BROKERS", "").replace(" ", "").lower()),
        own_shards=_own_shards(environ.get("SHARD", "").replace(" ", "")),
        broker_url=_url(environ, "CELERY_BROKER_URL", schemes=("amqp", "amqps", "redis", "rediss", "redis+socket")),
    )


def _state_dir(value: str) -> Path:
    """Return an absolute path; a relative one is meant from the checkout's root."""
    return Path(os.path.abspath(ROOT / (Path(value).expanduser() if value else "var")))


def _seed(text: str) -> str:
    if text and text not in SEEDS:
        raise BadSetting(f"SEED={text!r} must be one of {', '.join(SEEDS)}.")
    return text or SEEDS[0]


def _brokers(text: str) -> tuple[str, ...]:
    names = tuple((text or "zerodha").split(","))
    if not all(name.isascii() and name.isalnum() for name in names):
        raise BadSetting(f"BROKERS={text!r} must be all or brokers such as zerodha,fyers.")
    return names


def _own_shards(text: str) -> tuple[int, ...] | None:
    """Return the shards of `2` or `0,2`; `none` is no shard, nothing is every shard."""
    if not text:
        return None
    numbers = [] if text == "none" else text.split(",")
    if not all(number.isascii() and number.isdigit() and int(number) < MAX_SHARDS for number in numbers):
        raise BadSetting(f"SHARD={text!r} must be shards from 0 to {MAX_SHARDS - 1}, such as 2 or 0,2, or none.")
    return tuple(sorted({int(number) for number in numbers}))


def _number(environ: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        raise BadSetting(f"{name}={text!r} must be a whole number from {lowest} to {highest}.")
    return int(text)


def _url(environ: Mapping[str, str], name: str, *, schemes: tuple[str, ...]) -> str | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    if text.partition("://")[0] not in schemes:
        raise BadSetting(f"{name} must start with one of {', '.join(f'{s}://' for s in schemes)}.")
    return text
