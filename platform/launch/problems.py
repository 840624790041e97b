"""What can go wrong before and while starting: one class per cause, each with its own exit code."""

from __future__ import annotations


class LaunchError(Exception):
    """A refusal with a sentence for the person at the terminal; `code` is the command's exit code."""

    code = 1


class BadSetting(LaunchError):
    """An environment variable holds something unusable."""

    code = 2


class PythonTooOld(LaunchError):
    """This Python is older than 3.11 or newer than the locked requirements allow."""

    code = 10


class PortTaken(LaunchError):
    """Something else listens on a port this installation needs."""

    code = 11


class DiskFull(LaunchError):
    """Too little space is left under the state directory."""

    code = 12


class SocketPathTooLong(LaunchError):
    """Neither the state directory nor the system's temporary directory has room for a Unix socket's name."""

    code = 13


class ClockOff(LaunchError):
    """This machine's clock cannot be right, or differs from the database's or Redis's."""

    code = 14


class RedisTooOld(LaunchError):
    """The Redis found is older than 6.2."""

    code = 15


class ServerMissing(LaunchError):
    """No Postgres or no Redis to start: no URL given, none on PATH, no wheel installed."""

    code = 16


class StateDirUnusable(LaunchError):
    """The state directory cannot be created or written."""

    code = 17


class ServerUnreachable(LaunchError):
    """Postgres or Redis does not answer."""

    code = 18


class AlreadyRunning(LaunchError):
    """A living launcher owns this state directory."""

    code = 19


class NotReady(LaunchError):
    """A process did not become ready in time, or gave up."""

    code = 20


class InstallFailed(LaunchError):
    """The virtual environment or the locked requirements could not be installed."""

    code = 21


class PreparationFailed(LaunchError):
    """Migrating, collecting static files or seeding the demo failed."""

    code = 22


class TooFewHandles(LaunchError):
    """A process of this user may open too few files and connections, and we may not raise that."""

    code = 23


class NotRunning(LaunchError):
    """Nothing runs under this state directory."""

    code = 3
