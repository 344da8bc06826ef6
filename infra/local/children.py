"""Child processes that never outlive us, and the ports they listen on."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from infra.local.tools import CannotRun

LOOPBACK: Final = "127.0.0.1"
_READY_WITHIN: Final = 20.0
_STOPS_WITHIN: Final = 5.0
# prctl(PR_SET_PDEATHSIG, SIGKILL); we may have died before it was asked
_ASK_AND_BECOME: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("our parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


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
        try:
            self._output: IO[bytes] = log.open("w+b") if log else tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the child
        except OSError as error:
            raise CannotRun(f"{name} cannot be started: {error}.") from error
        try:
            self._process = subprocess.Popen(
                _dying_with_us(command),
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=tuple(keep_open),
            )
        except OSError as error:
            self._output.close()
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
        if self._output.closed:
            return ""
        file = self._output.fileno()  # its writing place is ours too: read without moving it
        written = os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")
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
        if self._process.stdin:
            self._process.stdin.close()
        self._output.close()

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


def _dying_with_us(command: Sequence[str]) -> list[str]:
    """Return the command, behind one that asks the kernel to end it when we end.

    Not Popen's preexec_fn: it may deadlock where threads run, and Python 3.12 warns of it.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _ASK_AND_BECOME, str(os.getpid()), *command]


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
