"""A whole platform in a process of its own, with the toy app, as a person starts it."""

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from infra.local.children import free_port
from infra.local.tools import ROOT

TOY = Path(__file__).parent / "toy"


class Platform:
    """The runner on a data folder. Used as a context it is stopped at the end, if it still runs."""

    def __init__(self, data: Path, *, project: Path = TOY, **settings: str) -> None:
        self.data = data
        self.port = int(settings.get("PORT", "0")) or free_port()
        self.issuer_port = int(settings.get("ISSUER_PORT", "0")) or free_port()
        ours = {
            "PORT": str(self.port),
            "ISSUER_PORT": str(self.issuer_port),
            "LIGHTKEEPER_DATA": str(data),
            "DEMO": "0",
        }
        kept = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251 - a child's environment
            if not name.startswith(("LIGHTKEEPER_", "AWS_"))
        }
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(  # noqa: S603 - our own runner
            [sys.executable, "-m", "infra.local.runner", "--project", str(project)],
            cwd=ROOT,
            env=kept | ours | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        self.wait_for("Ctrl-C stops it")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        with suppress(ValueError):
            for line in self.process.stdout:
                self._lines.put(line.rstrip())
        self._lines.put(None)

    def wait_for(self, words: str, within: float = 90) -> str:
        """Return the line that holds these words; fail if it does not come."""
        until = time.monotonic() + within
        while True:
            line = self._lines.get(timeout=max(0.1, until - time.monotonic()))
            if line is None:
                raise AssertionError("\n".join(["it ended and said:", *self.said]))
            self.said.append(line)
            if words in line:
                return line

    def end(self, within: float = 60) -> tuple[int, str]:
        """Wait for the end by itself; return the exit status and all that was said."""
        status = self.process.wait(within)
        self._reader.join(5)
        while (line := self._lines.get()) is not None:
            self.said.append(line)
        assert self.process.stdout
        self.process.stdout.close()
        return status, "\n".join(self.said)

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop and wait; return the exit status."""
        self.process.send_signal(kind)
        return self.process.wait(20)

    def ask(
        self, method: str, path: str, body: Any = None, port: int | None = None, **headers: str
    ) -> tuple[int, Any]:
        """Return status and body, JSON where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        content = json.dumps(body) if isinstance(body, dict | list) else body
        if isinstance(body, dict | list):
            headers["Content-Type"] = "application/json"
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        found = answer.read()
        connection.close()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, json.loads(found) if "json" in kind and found else found

    def facts(self) -> dict[str, Any]:
        """Return what it announced in run.json."""
        found: dict[str, Any] = json.loads((self.data / "run.json").read_bytes())
        return found


def eventually(check: Callable[[], Any], within: float = 60) -> tuple[Any, float]:
    """Return what `check` finds once it finds something true, and after how many seconds."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        found = check()
        if found:
            return found, time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"nothing within {within} s")


def is_running(pid: int) -> bool:
    """Return whether a process is there and not just waiting to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
