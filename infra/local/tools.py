"""The tools that the local platform stands on: Node, npm and what npm brings.

Standard library only: infra/dev.py uses it before the virtual environment exists. What is
installed goes to `.local/` (and `.venv/`), each beside a stamp of what it was made from, so a
second start installs nothing.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
VENV = ROOT / ".venv"
NPM_MANIFEST = Path(__file__).resolve().parent
NODE_AT_LEAST = (20, 19)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN = 10  # lines of a failed command's output


class CannotRun(Exception):
    """What is wrong and what to do about it, as one sentence for a person at a terminal."""


@dataclass(frozen=True)
class Node:
    """A Node that is new enough, with its npm; both are absolute paths."""

    node: str
    npm: str
    version: str


def find_node() -> Node | None:
    """Return the first usable Node of the PATH, then of the virtual environment; None without."""
    for folder in (None, str(VENV / "bin")):
        node, npm = shutil.which("node", path=folder), shutil.which("npm", path=folder)
        if node and npm:
            version = _version_of(node)
            if version and tuple(int(n) for n in version.split(".")[:2]) >= NODE_AT_LEAST:
                return Node(node=node, npm=npm, version=version)
    return None


def need_node() -> Node:
    """Return a usable Node.

    Raises CannotRun if there is none.
    """
    node = find_node()
    if node is None:
        least = ".".join(str(n) for n in NODE_AT_LEAST)
        raise CannotRun(
            f"Node {least} or newer with npm was not found: install it, or run"
            " `python3 infra/dev.py install`, which brings its own."
        )
    return node


def _version_of(node: str) -> str:
    # URL.parse is what the sign-in needs and what older releases lack.
    script = "process.stdout.write(URL.parse ? process.versions.node : '')"
    try:
        answer = subprocess.run(
            [node, "-e", script], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def npm_bits() -> Path:
    """Return the `node_modules` with the embedded store and the demo sign-in, installed if needed.

    The versions and their sha512 stand in infra/local/package-lock.json; npm refuses any other
    bytes. Two callers at once are one installation.

    Raises CannotRun if npm cannot install them.
    """
    home = LOCAL / "npm"
    modules = home / "node_modules"
    wanted = digest_of([NPM_MANIFEST / "package.json", NPM_MANIFEST / "package-lock.json"])
    with _alone(LOCAL / "npm.lock"):
        if stamp_of(home) == wanted:
            return modules
        home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(NPM_MANIFEST / name, home / name)
        npm = need_node().npm
        run_quietly(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=home,
            log=LOCAL / "log" / "npm.log",
            doing="installing the embedded store and the demo sign-in with npm",
        )
        stamp(home, wanted)
    return modules


def store_binary() -> Path:
    """Return the embedded store's executable for this machine (setting LIGHTKEEPER_DYNOXIDE first).

    Raises CannotRun if none is published for this kind of machine.
    """
    given = os.environ.get("LIGHTKEEPER_DYNOXIDE")
    if given:
        if not os.access(given, os.X_OK):
            raise CannotRun(f"LIGHTKEEPER_DYNOXIDE names {given}, which is no executable file.")
        return Path(given)
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    kind = f"{platform.system().lower()}-{machine.get(platform.machine().lower(), 'unknown')}"
    binary = npm_bits() / "@dynoxide" / kind / "dynoxide"
    if not binary.exists():
        raise CannotRun(
            f"The embedded store is not available for {kind}: set LIGHTKEEPER_DYNAMODB_ENDPOINT to"
            " another DynamoDB with transactions, or LIGHTKEEPER_DYNOXIDE to a binary."
        )
    return binary


def run_quietly(
    command: Sequence[str], *, cwd: Path, log: Path, doing: str, env: dict[str, str] | None = None
) -> None:
    """Run a command with its output in a file.

    Raises CannotRun with what the output says of the failure.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        try:
            done = subprocess.run(
                command, cwd=cwd, stdout=out, stderr=subprocess.STDOUT, env=env, check=False
            )
        except OSError as error:
            raise CannotRun(f"{doing} failed: {command[0]} cannot be started ({error}).") from error
    if done.returncode != 0:
        plain = _COLOURS.sub("", log.read_text("utf-8", "replace"))
        written = plain.strip().splitlines()
        errors = [number for number, line in enumerate(written) if "error" in line.lower()]
        first = errors[0] if errors else max(0, len(written) - _SHOWN)
        said = "\n".join(written[first : first + _SHOWN])
        raise CannotRun(f"{doing} failed; all of it is in {log}. It says:\n{said}")


def digest_of(files: Sequence[Path]) -> str:
    """Return one SHA-256 (hex) over the files' names and contents, in the order given."""
    total = hashlib.sha256()
    for file in files:
        name = f"{file.parent.name}/{file.name}\0".encode()
        total.update(name + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def stamp_of(folder: Path) -> str:
    """Return what the folder was made from, empty if it was never finished."""
    mark = folder / ".made-from"
    return mark.read_text() if mark.exists() else ""


def stamp(folder: Path, made_from: str) -> None:
    """Note what the folder was made from; call it last."""
    (folder / ".made-from").write_text(made_from)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
