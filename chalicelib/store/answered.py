"""What an administrator was answered (已答), by Idempotency-Key: asking twice is doing once.

    question                     key                                             calls
    was this asked before        pk = once/<sha256 of caller and key>, sk = -    1 read
    keep what was answered       the same                                        1 write

The records themselves are written on their version, so a crash between the two does no harm: who
asks again finds the record as it should be. An answer that showed a secret is kept without it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from .desk_rows import StagedRow, find, pack, put_all, seconds, unpack

KEPT: Final = timedelta(days=7)
_ONLY: Final = "-"


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. request: fingerprint of what was asked. body: plain JSON.

    spent: it showed a secret, which is not in `body`.
    """

    request: str
    status: int
    body: Any
    version: int | None = None
    spent: bool = False


def recall(caller: str, key: str, *, at: datetime) -> Answered | None:
    """Return what a caller was answered for a key within KEPT, or None. Raises Busy."""
    row = find(StagedRow, _pk(caller, key), _ONLY)
    if row is None or row.expires <= at.timestamp():
        return None
    request, status, body, version, spent = unpack(row.data)
    return Answered(request, status, json.loads(body), version, spent)


def keep(caller: str, key: str, answered: Answered, *, at: datetime) -> None:
    """Keep an answer for KEPT. Raises Busy."""
    body = json.dumps(answered.body, ensure_ascii=False)  # as text, so that its order is kept
    data = pack([answered.request, answered.status, body, answered.version, answered.spent])
    put_all(StagedRow, [StagedRow(_pk(caller, key), _ONLY, data=data, expires=seconds(at + KEPT))])


def _pk(caller: str, key: str) -> str:
    asked = f"{caller}\n{key}"
    return f"once/{sha256(asked.encode()).hexdigest()}"
