"""Child processes that never outlive us, and the ports they listen on."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from infra.local.tools import CannotRun

LOOPBACK: Final = "127.0.0.1"
_READY_WITHIN: Final = 20.0
_STOPS_WITHIN: Final = 5.0
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, prctl(2)


class Child:
    """A process of ours that listens on a loopback port.

    It dies with us however we die: on Linux the kernel sees to it, and its standard input closes,
    which the sign-in watches for. It is in a session of its own, so Ctrl-C reaches us alone and we
    stop it in order.

    name: what to call it in a sentence; log: where its output goes, replaced at each start;
    keep_open: descriptors of ours that it holds on to.

    Raises CannotRun if it cannot be started. `ready` says whether it came up.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        log: Path | None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._port = port
        self._log = log
        try:
            with contextlib.ExitStack() as opened:
                out = opened.enter_context(log.open("wb")) if log else subprocess.DEVNULL
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=subprocess.STDOUT if log else subprocess.PIPE,
                    start_new_session=True,
                    pass_fds=tuple(keep_open),
                    preexec_fn=_dies_with_us(),  # noqa: PLW1509 - prctl only; children start before threads
                )
        except OSError as error:
            raise CannotRun(f"{name} cannot be started: {error}.") from error

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Return whether it still runs."""
        return self._process.poll() is None

    def last_words(self) -> str:
        """Return the last line it wrote; empty if none."""
        if self._log:
            written = self._log.read_text("utf-8", "replace")
        elif self._process.stderr and not self.is_alive:
            written = self._process.stderr.read().decode("utf-8", "replace")
        else:
            written = ""
        return next((line.strip() for line in reversed(written.splitlines()) if line.strip()), "")

    def stop(self) -> None:
        """Ask it to end, and end it if it does not within seconds."""
        if self.is_alive:
            self._process.terminate()
            try:
                self._process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stderr):
            if pipe:
                pipe.close()

    def ready(self) -> None:
        """Wait until it listens.

        Raises CannotRun if it does not in time, with the last line it wrote.
        """
        until = time.monotonic() + _READY_WITHIN
        while self.is_alive and time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self._port), 1):
                return
            time.sleep(0.003)
        silent = self.is_alive
        if silent:
            self.kill()
        words = f"it did not listen within {_READY_WITHIN:.0f} s" if silent else self.last_words()
        self._close()
        raise CannotRun(f"{self.name} did not start: {words or 'it said nothing'}")


def _dies_with_us() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # we died between fork and here
            os._exit(1)

    return ask


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def need_port(port: int, *, setting: str) -> None:
    """Make sure that a port can be listened on.

    setting: the name of the setting that chooses it.

    Raises CannotRun if it is taken or not ours to take.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError as error:
            raise CannotRun(
                f"Port {port} is reserved for the system: choose one above 1023 with {setting}."
            ) from error
        except OSError as error:
            raise CannotRun(
                f"Port {port} is taken by another program: stop that one, or choose another port"
                f" with {setting}."
            ) from error
