"""``python -m simulator``: the simulated exchange on 127.0.0.1, until SIGTERM or Ctrl-C."""

import asyncio
import logging
import signal
import sys

from aiohttp import web

from simulator.app import build
from simulator.config import Config, ConfigError, load

try:
    import uvloop
except ImportError:  # not built for this platform: the standard loop does, a little slower
    uvloop = None  # type: ignore[assignment]

HOST = "127.0.0.1"
GRACE_SECONDS = 1.0

log = logging.getLogger("simulator")


def main() -> int:
    """Run until told to stop; 2 for a wrong setting or a taken port."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        config = load(sys.argv[1:])
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
            runner.run(serve(config))
    except ConfigError as error:
        log.error("%s", error)
        return 2
    except OSError as error:
        log.error("cannot serve: %s", error)
        return 2
    return 0


async def serve(config: Config) -> None:
    """Serve until a signal comes, then let running requests finish."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.AppRunner(build(config), access_log=None, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, config.port, backlog=1024).start()
        log.info("%s", _banner(config, runner))
        await stopping.wait()
    finally:
        await runner.cleanup()


def _banner(config: Config, runner: web.AppRunner) -> str:
    [address] = runner.addresses
    market = config.recording.name if config.recording else f"live, seed {config.seed}"
    return f"simulated exchange on http://{HOST}:{address[1]} (market {market}, {len(config.clients)} clients)"


if __name__ == "__main__":
    sys.exit(main())
