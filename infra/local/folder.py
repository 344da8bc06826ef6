"""The data folder: one owner at a time, its secrets, and how a file in it is replaced."""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from infra.local.tools import CannotRun

# After a kill -9 the store's process outlives the runner's by moments, holding the lock.
_PATIENCE: Final = 2.0
_KEY: Final = 32  # bytes


@dataclass(frozen=True)
class Secrets:
    """What the deployment must never lose: `secret` roots every HMAC, `seal_key` signs the seals.

    secret: 64 hexadecimal digits; seal_key: an Ed25519 private key, 32 raw bytes in base64.
    """

    secret: str
    seal_key: str


class DataFolder:
    """A folder that this process owns until it closes it, or dies.

    The lock is the operating system's: it cannot be left behind. The store's process inherits it
    (`lock_handle`), so nobody can start a second store on the same file.

    Raises CannotRun if the folder cannot be made, written to, or is in use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (self.path / "lock").open("a+")
        except FileExistsError as error:
            raise CannotRun(
                f"The data folder {self.path} is a file: move it away, or name another with"
                " LIGHTKEEPER_DATA."
            ) from error
        except OSError as error:
            raise CannotRun(
                f"The data folder {self.path} cannot be written ({error.strerror}): correct its"
                " owner or rights, or name another with LIGHTKEEPER_DATA."
            ) from error
        try:
            self._take()
        except CannotRun:
            self._lock.close()
            raise

    def _take(self) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CannotRun(
                        f"The data folder {self.path} is in use by a platform that runs already"
                        f" ({owner_of(self.path)}): open that one, stop it with"
                        " `python3 infra/dev.py stop`, or name another folder with"
                        " LIGHTKEEPER_DATA."
                    ) from None
                time.sleep(0.05)
            else:
                return

    @property
    def lock_handle(self) -> int:
        """Return the descriptor that holds the lock, for a child to hold as well."""
        return self._lock.fileno()

    def close(self) -> None:
        """Give the folder up."""
        (self.path / "run.json").unlink(missing_ok=True)
        self._lock.close()

    def announce(self, facts: dict[str, Any]) -> None:
        """Write to `run.json` who runs here and where, for other commands to find."""
        replace(self.path / "run.json", json.dumps({"pid": os.getpid(), **facts}).encode())

    def secrets(self) -> Secrets:
        """Return the deployment's secrets, made once.

        Raises CannotRun if they are lost or damaged while the data still needs them.
        """
        file = self.path / "secrets.json"
        if not file.exists():
            if (self.path / "dynamodb.sqlite").exists():
                raise CannotRun(
                    f"{file} is lost, and without it no phone number and no tracking link of the"
                    " existing orders can be found again: restore it from a backup."
                )
            made = {
                "secret": secrets.token_hex(_KEY),
                "seal_key": base64.b64encode(secrets.token_bytes(_KEY)).decode(),
            }
            replace(file, json.dumps(made, indent=1).encode())
        found = _secrets_in(file)
        if found is None:
            raise CannotRun(f"{file} is damaged: restore it from a backup.")
        return found


def _secrets_in(file: Path) -> Secrets | None:
    try:
        kept = json.loads(file.read_bytes())
        found = Secrets(secret=kept["secret"], seal_key=kept["seal_key"])
        is_whole = len(found.secret) >= _KEY and len(base64.b64decode(found.seal_key)) == _KEY
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if is_whole else None


def replace(file: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves the old one or the new one, readable by its owner."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    with open(draft, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def owner_of(folder: Path) -> str:
    """Return who runs on a folder, in words: the process and the address, as far as known."""
    facts = facts_of(folder)
    return f"process {facts['pid']}, {facts.get('url', '')}" if facts else "process unknown"


def facts_of(folder: Path) -> dict[str, Any]:
    """Return what the platform that runs on a folder announced; empty if there is none."""
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads((folder / "run.json").read_bytes())
        if isinstance(facts, dict):
            return facts
    return {}


def is_free(folder: Path) -> bool:
    """Return whether no process owns the folder."""
    lock = folder / "lock"
    if not lock.exists():
        return True
    with _opened(lock) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _opened(lock: Path) -> IO[str]:
    return lock.open("a+")
