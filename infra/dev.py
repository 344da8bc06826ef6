"""The project on this machine, from nothing: `python3 infra/dev.py run`.

    run           install what is missing, build the pages if they changed, run everything
    install       only install: the virtual environment, the embedded store, the demo sign-in
    pages         only build the pages
    stop          stop what runs on the data folder
    check-tools   say what is here and what is missing

Needs Python 3.11 or newer and nothing else: standard library only, until the environment exists.
Settings of `run`: PORT, LIGHTKEEPER_DATA, DEMO and those that infra/local/runner.py names.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the sentence is for those who have an older one
    sys.exit(
        "lightkeeper: Python 3.11 or newer is needed, this is {}.{}: start me with a newer one,"
        " for instance python3.12 infra/dev.py".format(*sys.version_info[:2])
    )

import argparse
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from infra.local import folder, tools  # noqa: E402 - after the check of the version
from infra.local.tools import LOCAL, VENV, CannotRun  # noqa: E402

PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements.txt"
NODE_REQUIREMENTS = ROOT / "infra" / "requirements" / "node.txt"
FRONTEND = ROOT / "frontend"
PAGES = FRONTEND / "dist"
_NOT_SOURCES = {"node_modules", "dist", "tests", "test-results"}
_STOPS_WITHIN = 30.0


def run() -> None:
    """Install, build, and become the runner."""
    _prepare({"pages": _pages})
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "infra.local.runner"])  # noqa: S606 - ours, and it stays one process


def install() -> None:
    """Make the virtual environment and what the local platform needs beside Python."""
    _prepare({})


def pages() -> None:
    """Build the pages if their sources changed since the last time."""
    with step("pages"):
        _pages()


def stop() -> None:
    """Stop the platform that runs on the data folder, and wait until it has."""
    data = Path(os.environ.get("LIGHTKEEPER_DATA") or ROOT / ".data")
    if folder.is_free(data):
        print(f"Nothing runs on {data}.")
        return
    pid = folder.facts_of(data).get("pid")
    if not isinstance(pid, int):
        raise CannotRun(
            f"Something holds {data / 'lock'} but has not said who it is: it may be starting; try"
            " again in a moment."
        )
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + _STOPS_WITHIN
    while not folder.is_free(data):
        if time.monotonic() > until:
            raise CannotRun(f"Process {pid} did not stop within {_STOPS_WITHIN:.0f} s: look at it.")
        time.sleep(0.1)
    print(f"Stopped process {pid}; the data stays in {data}.")


def check_tools() -> None:
    """Say what is here and what is missing.

    Raises CannotRun if something that cannot be installed by us is missing.
    """
    node = tools.find_node()
    git = shutil.which("git")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    rows = {
        "Python": "{}.{}.{}".format(*sys.version_info[:3]),
        "venv": "yes" if _has_venv() else "MISSING: on Debian and Ubuntu, apt install python3-venv",
        "environment": str(VENV) if PYTHON.exists() else "will be made",
        "Node": f"{node.version} ({node.node})" if node else "none: comes with the first run",
        "git": git or "none (not needed to run)",
        "Chromium": browser or "none (only `make check` needs it)",
    }
    for name, value in rows.items():
        print(f"{name:<12} {value}")
    if not _has_venv():
        raise CannotRun("The venv module of Python is missing.")


def _prepare(more: Mapping[str, Callable[[], object]]) -> None:
    with step("Python environment"):
        _environment()
    if tools.find_node() is None:
        with step("Node, which this machine lacks"):
            _pip(NODE_REQUIREMENTS)
    bits = {"Python packages": _packages, "embedded store and demo sign-in": tools.npm_bits}
    _together({**bits, **more})


def _pages() -> None:
    if not (FRONTEND / "package.json").exists():
        raise CannotRun(f"{FRONTEND / 'package.json'} is missing: the checkout is not whole.")
    lock = tools.digest_of([FRONTEND / "package.json", FRONTEND / "package-lock.json"])
    modules = FRONTEND / "node_modules"
    if tools.stamp_of(modules) != lock:
        _npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")
        tools.stamp(modules, lock)
    made_from = tools.digest_of(_page_sources())
    if tools.stamp_of(PAGES) != made_from:
        _npm("run", "build")
        tools.stamp(PAGES, made_from)


def _has_venv() -> bool:
    probe = [sys.executable, "-c", "import venv, ensurepip"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _environment() -> None:
    if PYTHON.exists() and _works(PYTHON):
        return
    if not _has_venv():
        raise CannotRun(
            "The venv module of Python is missing: on Debian and Ubuntu, apt install python3-venv."
        )
    tools.run_quietly(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        cwd=ROOT,
        log=LOCAL / "log" / "venv.log",
        doing="making the virtual environment",
    )


def _works(python: Path) -> bool:
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return (
            subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def _packages() -> None:
    made_from = tools.digest_of([REQUIREMENTS])
    if tools.stamp_of(VENV) != made_from:
        _pip(REQUIREMENTS)
        tools.stamp(VENV, made_from)


def _pip(requirements: Path) -> None:
    # pip itself stays as it is: Chalice does not take the newest.
    options = ["--disable-pip-version-check", "--no-input", "--require-hashes"]
    tools.run_quietly(
        [str(PYTHON), "-m", "pip", "install", *options, "-r", str(requirements)],
        cwd=ROOT,
        log=LOCAL / "log" / f"pip-{requirements.stem}.log",
        doing=f"installing {requirements.relative_to(ROOT)}",
    )


def _npm(*arguments: str) -> None:
    node = tools.need_node()
    path = f"{Path(node.node).parent}{os.pathsep}{os.environ['PATH']}"
    tools.run_quietly(
        [node.npm, *arguments],
        cwd=FRONTEND,
        log=LOCAL / "log" / f"frontend-{arguments[0]}.log",
        doing=f"npm {' '.join(arguments)} in frontend/",
        env=os.environ | {"PATH": path, "NO_COLOR": "1"},
    )


def _page_sources() -> list[Path]:
    return sorted(
        file
        for top in FRONTEND.iterdir()
        if top.name not in _NOT_SOURCES
        for file in ([top] if top.is_file() else top.rglob("*"))
        if file.is_file()
    )


def _together(steps: Mapping[str, Callable[[], object]]) -> None:
    """Take several steps at once.

    Raises the first failure once all have ended.
    """

    def take(name: str) -> None:
        with step(name):
            steps[name]()

    with ThreadPoolExecutor(len(steps)) as pool:
        for taken in [pool.submit(take, name) for name in steps]:
            taken.result()


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what takes long, and how long it took; a step of less than half a second is silent."""
    began = time.monotonic()
    ended = threading.Event()

    def announce() -> None:
        if not ended.wait(0.5):
            print(f"  … {name}", flush=True)

    speaker = threading.Thread(target=announce, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        ended.set()
        speaker.join()
    seconds = time.monotonic() - began
    if seconds >= 0.5:  # noqa: PLR2004 - see above
        print(f"  ✓ {name} ({seconds:.0f} s)", flush=True)


COMMANDS: dict[str, Callable[[], None]] = {
    "run": run,
    "install": install,
    "pages": pages,
    "stop": stop,
    "check-tools": check_tools,
}


def main() -> int:
    """Take a command; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", default="run", choices=list(COMMANDS))
    try:
        COMMANDS[parser.parse_args().command]()
    except CannotRun as refused:
        print(f"lightkeeper: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; run it again and it goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
