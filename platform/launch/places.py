"""Where files may lie: the state directory, socket directories, and places the `nobody` user can reach."""

from __future__ import annotations

import errno
import hashlib
import os
import pwd
import secrets
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launch.problems import DiskFull, SocketPathTooLong, StateDirUnusable

# sun_path is 108 bytes on Linux with its final NUL; 104 on macOS is served by the same shorter fallback.
SOCKET_LIMIT = 107
# supervisord binds to <name>.<pid> first; Postgres's .s.PGSQL.5432 is shorter.
LONGEST_SOCKET_NAME = "supervisor.sock.4194304"
APP = "vayda"


@dataclass(frozen=True)
class Owner:
    """The system user a server runs as."""

    name: str
    uid: int
    gid: int


def server_owner() -> Owner | None:
    """Return `nobody` when this is root, since Postgres refuses to run as root; None means as ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Owner(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def prepare_state_dir(path: Path) -> Path:
    """Create the state directory and prove it can be written; raises StateDirUnusable or DiskFull."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        # 0711: the unprivileged Postgres user must be able to walk through, nobody may list.
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        (path / "logs").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"0")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"No space is left for STATE_DIR {path}.") from error
        raise StateDirUnusable(f"STATE_DIR {path} cannot be written: {error.strerror}.") from error
    return path


def installation_id(state_dir: Path) -> str:
    """Return this state directory's random name, made at first use; a new directory gets a new one."""
    file = state_dir / "installation-id"
    if not file.exists():
        file.write_text(secrets.token_hex(8))
    return file.read_text().strip()


def can_reach(path: Path, owner: Owner, *, flag: str = "-x") -> bool:
    """Say whether `owner` passes `test <flag> path`: asks the system, so that ACLs and mounts count too."""
    return run_as(owner, ["test", flag, str(path)]) == 0


def run_as(owner: Owner | None, argv: Sequence[str]) -> int:
    """Run a short command as another user, silently, and return its exit status."""
    who = {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    try:
        done = subprocess.run(argv, cwd="/", capture_output=True, check=False, **who)  # type: ignore[call-overload]
    except PermissionError:
        return 126
    return int(done.returncode)


def shared_home() -> Path:
    """Return a directory every system user can walk through: in /var/lib, else in the temporary one."""
    for base in (Path("/var/lib"), Path(tempfile.gettempdir())):
        home = base / APP
        try:
            home.mkdir(mode=0o755, exist_ok=True)
            home.chmod(0o755)
        except OSError:
            continue
        return home
    raise StateDirUnusable("Neither /var/lib nor the temporary directory can hold files for the Postgres user.")


def data_home(state_dir: Path, owner: Owner | None) -> Path:
    """Return where Postgres keeps its files: the state directory, unless its own user cannot walk there."""
    if owner is None or can_reach(state_dir, owner):
        return state_dir
    home = shared_home() / installation_id(state_dir)
    home.mkdir(mode=0o711, exist_ok=True)
    (home / "state_dir").write_text(f"{state_dir}\n")
    return home


def data_dir(state_dir: Path) -> Path:
    """Return where this state directory's Postgres keeps its files, which may lie outside for root."""
    if server_owner() is not None and (state_dir / "installation-id").exists():
        moved = shared_home() / installation_id(state_dir) / "pg"
        if moved.exists():
            return moved
    return state_dir / "pg"


def fits_socket(directory: Path) -> bool:
    """Say whether the longest socket name still fits under `directory`."""
    return len(os.fsencode(directory / LONGEST_SOCKET_NAME)) <= SOCKET_LIMIT


def socket_dir(preferred: Path, owner: Owner | None) -> Path:
    """Return `preferred` when a socket fits there, else a private directory of ours in the temporary one."""
    if fits_socket(preferred):
        return preferred
    directory = fallback_socket_dir(preferred)
    if not fits_socket(directory):
        raise SocketPathTooLong(
            f"A Unix socket's path may have {SOCKET_LIMIT} bytes; {preferred} and {directory} are too long. "
            "Set STATE_DIR or TMPDIR to a shorter path."
        )
    return _private(directory, owner)


def fallback_socket_dir(preferred: Path) -> Path:
    """Return the short stand-in for a directory whose path is too long; the same one every time."""
    digest = hashlib.sha256(os.fsencode(preferred)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{APP}-{os.geteuid()}-{digest}"


def _private(directory: Path, owner: Owner | None) -> Path:
    """Create a 0700 directory, or refuse one that somebody else put there first."""
    uid = owner.uid if owner else os.geteuid()
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise StateDirUnusable(f"{directory} belongs to somebody else; remove it or set TMPDIR.")
    directory.chmod(0o700)
    if owner:
        os.chown(directory, owner.uid, owner.gid)
    return directory
