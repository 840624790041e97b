"""Asking the started processes whether they serve."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass

from launch.settings import HOST, Settings

ASK_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """What a port said: status 0 means it did not answer in HTTP at all."""

    status: int
    body: str


def get(port: int, path: str) -> Answer:
    """Ask a process on the loopback; proxies of the environment are not used."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error))
    finally:
        connection.close()


def is_listening(port: int) -> bool:
    """Say whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(ASK_SECONDS)
        return probe.connect_ex((HOST, port)) == 0


def web_is_ready(settings: Settings) -> bool:
    """Say whether the web process reaches its database, Redis and feed."""
    return get(settings.port, "/readyz").status == http.client.OK


def market_is_ready(settings: Settings) -> bool:
    """Say whether a signal fired now would find accounts, contracts and prices."""
    return get(settings.port, "/readyz?trading").status == http.client.OK


def waiting_for(settings: Settings) -> list[str]:
    """Return what is not serving yet, in words for the progress line; empty when all is."""
    checks = {
        "web": web_is_ready(settings),
        "live": is_listening(settings.live_port),
        "flower": get(settings.flower_port, "/ops/flower/healthcheck").status == http.client.OK,
        "simulator": is_listening(settings.simulator_port),
    }
    return [name for name, serves in checks.items() if not serves]
