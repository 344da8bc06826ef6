"""A ledger in one file, and its verification from that file alone (离线核验).

The format is published in infra/ledger-format.md: JSON Lines, so that anybody can check it with
tools of their own. Nothing here asks a store, a network or the app: what is checked is the file,
with the public key that whoever keeps it hands over.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import issue, order, outage
from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.issue import Issue
from chalicelib.domain.order import BrokenChain, Link, Milestone, Order, canonical, trusted
from chalicelib.domain.outage import Outage
from chalicelib.outbound import seals
from chalicelib.outbound.seals import SealBroken

VERSION: Final = 1
HOUR: Final = timedelta(hours=1)
FILE: Final = "file"
SIGNED: Final = "signed heads"
SEAL: Final = "seal"


class NotALedger(Exception):
    """A file that is none of this format. The message says at which line, and why."""


@dataclass(slots=True)
class Report:
    """What was found. bad: (chain, event, why); event 0 where it is about the whole.

    heads: chains whose head was compared with their fold. signed: whether the heads' signature was
    there and right; None without a key. unsealed: hours without a seal between two that have one.
    """

    chains: int = 0
    events: int = 0
    heads: int = 0
    seals: int = 0
    signed: bool | None = None
    unsealed: list[datetime] = field(default_factory=list)
    bad: list[tuple[str, int, str]] = field(default_factory=list)


# Lines -------------------------------------------------------------------------------------------


def begin(made_at: datetime) -> str:
    """Return the first line."""
    return canonical({"kind": "export", "version": VERSION, "made_at": millis(made_at)})


def row(chain: str, link: Link) -> str:
    """Return the line of one event, as it is kept: nothing about it is trusted."""
    return canonical(
        {
            "kind": "row",
            "chain": chain,
            "seq": link.seq,
            "prev": link.prev,
            "hash": link.hash,
            "body": link.body,
        }
    )


def head(
    chain: str,
    version: int,
    *,
    tip: str = "",
    fold: Mapping[str, Any] | None = None,
    steps: Sequence[Milestone] | None = None,
) -> str:
    """Return the line of a head. fold: as JSON, where it is one. steps: what a citizen is told.

    tip: empty where the head does not keep it.
    """
    said: dict[str, Any] = {"kind": "head", "chain": chain, "version": version, "tip": tip}
    if fold is not None:
        said["fold"] = dict(fold)
    if steps is not None:
        said["steps"] = [
            [one.name, millis(one.at), one.office, one.reason, one.kind, one.late] for one in steps
        ]
    return canonical(said)


def unreadable(chain: str) -> str:
    """Return the line of a head that nobody can read any more."""
    return canonical({"kind": "head", "chain": chain, "unreadable": True})


def seal(hour: datetime, content: bytes) -> str:
    """Return the line of an hour's seal, byte for byte."""
    return canonical({"kind": SEAL, "hour": millis(hour), "content": content.decode("latin-1")})


def end(counts: Mapping[str, int], tips: Mapping[str, tuple[int, str]], private_key: str) -> str:
    """Return the last line: how much there was, and every chain's tip under one signature.

    tips: chain → (events, hash of the last). private_key: empty where nobody may sign.
    """
    signed = {**counts, "root": root_of(tips)}
    said = {"kind": "end", "signed": signed}
    if private_key:
        key, signature = seals.sign(canonical(signed).encode(), private_key=private_key)
        said |= {"key": key, "signature": signature}
    return canonical(said)


def root_of(tips: Mapping[str, tuple[int, str]]) -> str:
    """Return the SHA-256 of every chain with its length and last hash, by chain."""
    lines = "".join(f"{chain} {seq} {tip}\n" for chain, (seq, tip) in sorted(tips.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


# Checking ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """What was read so far. known: chain#event → hash, for the seals."""

    report: Report = field(default_factory=Report)
    tips: dict[str, tuple[int, str]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    seals: dict[datetime, bytes] = field(default_factory=dict)
    chain: str = ""
    rows: list[Link] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    head: Mapping[str, Any] | None = None
    lines: int = 0


def check(lines: Iterable[str], *, public_key: str = "") -> Report:
    """Verify a ledger from its lines.

    public_key: of the seals; empty skips seals and signature. Raises NotALedger.
    """
    now = _Reading()
    last: Mapping[str, Any] = {}
    for number, line in enumerate(lines, start=1):
        said = _read(number, line)
        kind = said["kind"]
        if (number == 1) is not (kind == "export") or last:
            raise NotALedger(f"line {number}: {kind} does not belong here")
        try:
            if kind == "end":
                last = said
            elif kind != "export":
                _TAKE[kind](now, said)
        except (KeyError, TypeError, ValueError) as error:
            raise NotALedger(f"line {number}: {error}") from error
        now.lines = number
    _finish_chain(now)
    if not last:
        now.report.bad.append((FILE, 0, "cut"))
    else:
        _end(now, last, public_key)
    if public_key:
        _seals(now, public_key)
    return now.report


def _read(number: int, line: str) -> Mapping[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        raise NotALedger(f"line {number}: no JSON") from None
    if not isinstance(said, dict) or said.get("kind") not in {"export", "end", *_TAKE}:
        raise NotALedger(f"line {number}: no line of this format")
    if said["kind"] == "export" and said.get("version") != VERSION:
        raise NotALedger(f"version {said.get('version')} is not {VERSION}")
    return said


def _row(now: _Reading, said: Mapping[str, Any]) -> None:
    _turn_to(now, str(said["chain"]))
    link = Link(int(said["seq"]), str(said["body"]), str(said["prev"]), str(said["hash"]))
    now.rows.append(link)
    now.report.events += 1
    now.known[f"{now.chain}#{link.seq}"] = link.hash
    now.tips[now.chain] = (link.seq, link.hash)


def _head(now: _Reading, said: Mapping[str, Any]) -> None:
    _turn_to(now, str(said["chain"]))
    now.head = said


def _seal(now: _Reading, said: Mapping[str, Any]) -> None:
    _finish_chain(now)
    now.seals[instant(said["hour"])] = str(said["content"]).encode("latin-1")


_TAKE: Final[Mapping[str, Callable[[_Reading, Mapping[str, Any]], None]]] = MappingProxyType(
    {"row": _row, "head": _head, SEAL: _seal}
)


def _turn_to(now: _Reading, chain: str) -> None:
    if chain == now.chain:
        return
    _finish_chain(now)
    if chain in now.seen:
        raise ValueError(f"{chain} stands in two places")
    now.seen.add(chain)
    now.chain = chain
    now.report.chains += 1


def _finish_chain(now: _Reading) -> None:
    if now.chain:
        bad = _broken(now.chain, now.rows, now.head)
        if bad is not None:
            now.report.bad.append((now.chain, *bad))
        now.report.heads += now.head is not None
    now.chain, now.rows, now.head = "", [], None


def _broken(
    chain: str, rows: Sequence[Link], head: Mapping[str, Any] | None
) -> tuple[int, str] | None:
    """Return where a chain breaks first and how, or None."""
    if head is None:
        return (1, "head-missing") if _sort(chain) in FOLDS else _unfolded(chain, rows)
    if "unreadable" in head:
        return 1, "head-unreadable"
    fold = FOLDS.get(_sort(chain)) if "fold" in head else None
    if fold is None:
        return _unfolded(chain, rows) or _unlike(head, rows)
    try:
        fold(head, rows)
    except BrokenChain as broken:
        return broken.seq, broken.why
    return None


def _sort(chain: str) -> str:
    return chain.partition("/")[0]


def _unfolded(chain: str, rows: Sequence[Link]) -> tuple[int, str] | None:
    """Return where a chain breaks that nothing here can fold."""
    try:
        for _ in trusted(chain.removeprefix("order/"), rows):
            pass
    except BrokenChain as broken:
        return broken.seq, broken.why
    return None


def _unlike(head: Mapping[str, Any], rows: Sequence[Link]) -> tuple[int, str] | None:
    """Compare how long a head says that its chain is, and its last hash where it keeps that."""
    count, version = len(rows), int(head["version"])
    if count != version:
        return min(count, version) + 1, "missing" if count < version else "head-behind"
    return None if head["tip"] in {"", rows[-1].hash} else (count, "head-differs")


def _order(head: Mapping[str, Any], rows: Sequence[Link]) -> None:
    steps = head.get("steps")
    told = None
    if steps is not None:
        told = tuple(Milestone(name, instant(at), *rest) for name, at, *rest in steps)
    order.verify_against(Order.from_json(head["fold"]), rows, told=told)


def _outage(head: Mapping[str, Any], rows: Sequence[Link]) -> None:
    outage.verify_against(Outage.from_json(head["fold"]), rows)


def _issue(head: Mapping[str, Any], rows: Sequence[Link]) -> None:
    issue.verify_against(Issue.from_json(head["fold"]), rows)


FOLDS: Final[dict[str, Callable[[Mapping[str, Any], Sequence[Link]], None]]] = {
    "order": _order,
    "paper": _order,
    "outage": _outage,
    "issue": _issue,
}
"""Chains whose head is the fold of their events: each raises BrokenChain. All others have their
length and last hash compared."""


def _end(now: _Reading, last: Mapping[str, Any], public_key: str) -> None:
    """Compare what was counted and signed with what was read."""
    report, signed = now.report, last["signed"]
    counts = {"chains": report.chains, "events": report.events, "seals": len(now.seals)}
    if any(signed[name] != count for name, count in counts.items()):
        report.bad.append((FILE, 0, "lines-missing"))
    if signed["root"] != root_of(now.tips):
        report.bad.append((SIGNED, 0, "differ"))
    if not public_key:
        return
    report.signed = "signature" in last and seals.is_signed(
        canonical(signed).encode(),
        key=str(last["key"]),
        signature=str(last["signature"]),
        public_key=public_key,
    )
    if "signature" in last and not report.signed:
        report.bad.append((SIGNED, 0, "signature"))


def _seals(now: _Reading, public_key: str) -> None:
    """Check each hour's seal, that each names the one before, and what they hold."""
    before: tuple[datetime, str] | None = None
    for hour, content in sorted(now.seals.items()):
        now.report.seals += 1
        try:
            sealed = seals.verify(content, public_key=public_key)
        except SealBroken as broken:
            now.report.bad.append((SEAL, 0, str(broken)))
            before = None
            continue
        if before is not None and before[0] + HOUR == hour and sealed.previous != before[1]:
            now.report.bad.append((SEAL, 0, "unlinked"))
        if before is not None:
            now.report.unsealed += list(_hours(before[0] + HOUR, hour))
        before = (hour, sealed.id)
        now.report.bad += list(_gaps(now.known, sealed.digests))


def _hours(first: datetime, until: datetime) -> Iterator[datetime]:
    while first < until:
        yield first
        first += HOUR


def _gaps(
    known: Mapping[str, str], digests: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, int, str]]:
    for event, digest in digests:
        chain, _, seq = event.rpartition("#")
        if event not in known:
            yield chain, int(seq), "missing"
        elif known[event] != digest:
            yield chain, int(seq), "edited"
