"""Make the virtual environment and install the locked requirements; runs on the bare system Python.

`python3 platform/launch/bootstrap.py VENV run|dev`: standard library only. A stamp of the lock files' hashes makes
the second call return at once. uv is used when it is there or quickly had, else pip.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {"run": ("base", "embedded"), "dev": ("base", "embedded", "dev")}
UV_LOCK = ROOT / "requirements" / "uv.txt"
REDIS_LOCK = ROOT / "requirements" / "redis-source.txt"
LAST_WITH_REDIS_WHEEL = (3, 12)
OLDEST, NEWEST = (3, 11), (3, 13)
PYTHON_TOO_OLD, INSTALL_FAILED = 10, 21
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
TERMINAL_SECONDS, PIPE_SECONDS = 0.2, 5.0
UV_SECONDS = 90


class InstallError(Exception):
    """Installing failed; the text is what the person at the terminal should read."""


def main(venv: Path, wanted: str) -> int:
    """Install what `wanted` needs into `venv` unless it is there; returns the exit code."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        say(f"error: Python 3.11 to 3.13 is needed; {sys.executable} is {sys.version.split()[0]}.")
        return PYTHON_TOO_OLD
    if is_current(venv, wanted):
        return 0
    try:
        install(venv, wanted)
    except InstallError as error:
        say(f"error: {error}")
        return INSTALL_FAILED
    return 0


def install(venv: Path, wanted: str) -> None:
    """Create the environment when needed, install the locks, and stamp the result."""
    make_venv(venv)
    locks = [ROOT / "requirements" / f"{name}.txt" for name in LOCKS[wanted]]
    count = sum(len(packages(lock)) for lock in locks)
    label = f"Installing {count} locked packages into {venv}"
    with_uv = find_uv(venv)
    if not (with_uv and run(uv_command(with_uv, venv, locks), f"{label} (uv)", check=False)):
        run(pip_command(venv, locks), f"{label} (pip)")
    if lacks_redis():
        run(pip_command(venv, [REDIS_LOCK]), "Compiling Redis, which has no wheel for this Python", check=False)
    stamp_file(venv, wanted).write_text(stamp(wanted))


def lacks_redis() -> bool:
    """Say whether Redis must and can be compiled: no wheel, none given, none on PATH, but a compiler."""
    has_one = (
        sys.version_info[:2] <= LAST_WITH_REDIS_WHEEL or shutil.which("redis-server") or os.environ.get("REDIS_URL")
    )
    return not has_one and bool(shutil.which("cc") and shutil.which("make"))


def make_venv(venv: Path) -> None:
    """Create the environment unless this Python has one there; without a pip where there is no ensurepip."""
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    if python_of(venv).exists() and run([str(python_of(venv)), "-c", same], "Checking the environment", check=False):
        return
    plain = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if run(plain, f"Creating {venv}", check=False):
        return
    run([*plain, "--without-pip"], f"Creating {venv} without pip")
    if shutil.which("uv") or run([sys.executable, "-m", "pip", "--version"], "Looking for pip", check=False):
        return
    raise InstallError(f"{sys.executable} has neither ensurepip nor pip, and uv is not on PATH: install one of them.")


def find_uv(venv: Path) -> str | None:
    """Return uv from PATH or from the environment, or install it there; None when that fails."""
    here = venv / "bin" / "uv"
    found = shutil.which("uv") or (str(here) if here.exists() else None)
    if found or not (venv / "bin" / "pip").exists():
        return found
    command = [*pip(venv), "install", "--quiet", "--require-hashes", *sources([UV_LOCK])]
    fetched = run(command, "Fetching uv, the fast installer", check=False, seconds=UV_SECONDS)
    return str(here) if fetched and here.exists() else None


def uv_command(uv: str, venv: Path, locks: list[Path]) -> list[str]:
    """Return the uv call that installs exactly the locked, hashed packages, compiled: every process imports them."""
    return [
        uv,
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(python_of(venv)),
        "--require-hashes",
        *sources(locks),
    ]


def pip_command(venv: Path, locks: list[Path]) -> list[str]:
    """Return the same as a pip call."""
    return [*pip(venv), "install", "--quiet", "--require-hashes", *sources(locks)]


def pip(venv: Path) -> list[str]:
    """Return how to call pip for the environment: its own, or the system's aimed at it."""
    if (venv / "bin" / "pip").exists():
        return [str(python_of(venv)), "-m", "pip", "--disable-pip-version-check"]
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python_of(venv))]


def sources(locks: list[Path]) -> list[str]:
    """Return the -r options."""
    return [part for lock in locks for part in ("-r", str(lock))]


def uv_environ() -> dict[str, str]:
    """Return our environment with pip's settings told to uv too, which does not read pip's files."""
    known = pip_settings()
    told = {variable: " ".join(known[option].split()) for option, variable in PIP_TO_UV.items() if option in known}
    # Every package is pinned by hash: whichever index serves it, it is the same. Look in all, as pip does.
    told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    # One switch under its older and its newer name: trust what this machine trusts, as pip does.
    told |= {"UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1"}
    return told | dict(os.environ)


def pip_settings() -> dict[str, str]:
    """Return pip's settings by option name, those of its variables before those of its files."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    pairs = [line.partition("=") for line in listed.splitlines() if "=" in line]
    ordered = sorted(pairs, key=lambda pair: pair[0].startswith(":env:"))
    return {key.rpartition(".")[2]: str(ast.literal_eval(value)) for key, _, value in ordered}


def run(command: list[str], label: str, *, check: bool = True, seconds: float | None = None) -> bool:
    """Run a command under a progress line; raises InstallError with its output, or returns False."""
    started = time.monotonic()
    environ = uv_environ() if Path(command[0]).name == "uv" else dict(os.environ)
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ)
        try:
            succeeded = watch(child, label, deadline=started + seconds if seconds else None)
        finally:
            stop(child)
        output.seek(0)
        text = output.read().strip()
    reason = "" if succeeded else f" ({text.splitlines()[-1] if text else 'no output'})"
    verdict = "done" if succeeded else "failed"
    progress(f"{label}: {verdict} in {time.monotonic() - started:.0f} s{reason}", last=True)
    if check and not succeeded:
        raise InstallError(f"{label} failed:\n{text}")
    return succeeded


def watch(child: subprocess.Popen[bytes], label: str, *, deadline: float | None) -> bool:
    """Show seconds passing until the child ends; returns whether it succeeded in time."""
    started = time.monotonic()
    for mark in itertools.cycle("|/-\\"):
        try:
            return child.wait(TERMINAL_SECONDS if sys.stderr.isatty() else PIPE_SECONDS) == 0
        except subprocess.TimeoutExpired:
            progress(f"{label} {mark} {time.monotonic() - started:.0f} s")
        if deadline and time.monotonic() > deadline:
            return False
    return False


def stop(child: subprocess.Popen[bytes]) -> None:
    """Leave no installer behind when the time is over or Ctrl-C was pressed."""
    if child.poll() is None:
        child.terminate()
        child.wait()


def progress(line: str, *, last: bool = False) -> None:
    """Rewrite the one progress line on a terminal; print lines where there is none."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}" + ("\n" if last else ""))
        sys.stderr.flush()
    else:
        say(line)


def say(line: str) -> None:
    """Print to stderr: stdout belongs to the command that follows."""
    print(line, file=sys.stderr, flush=True)


def packages(lock: Path) -> list[str]:
    """Return the pinned lines of a lock file."""
    return [line for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))]


def python_of(venv: Path) -> Path:
    """Return the environment's interpreter."""
    return venv / "bin" / "python"


def stamp(wanted: str) -> str:
    """Return what the environment must match: the Python version and every lock's hash."""
    digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
    for name in LOCKS[wanted]:
        digest.update((ROOT / "requirements" / f"{name}.txt").read_bytes())
    return digest.hexdigest()


def stamp_file(venv: Path, wanted: str) -> Path:
    """Return where the stamp of this set lies."""
    return venv / f".installed-{wanted}"


def is_current(venv: Path, wanted: str) -> bool:
    """Say whether the set, or a larger one, is installed from the locks as they are now."""
    larger = {"run": ("run", "dev"), "dev": ("dev",)}[wanted]
    return python_of(venv).exists() and any(
        stamp_file(venv, name).exists() and stamp_file(venv, name).read_text() == stamp(name) for name in larger
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2]))
