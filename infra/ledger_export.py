"""Write the whole ledger into one file: `python -m infra.ledger_export FILE`.

Reads the same settings as the app (LIGHTKEEPER_PREFIX, LIGHTKEEPER_DYNAMODB_ENDPOINT,
LIGHTKEEPER_SEALS), and signs every chain's tip with LIGHTKEEPER_SEAL_KEY where it is given. The
file holds no personal data, as the ledger holds none; infra/ledger-format.md says what it holds.
`python -m infra.verify FILE` checks it, on any machine.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

from chalicelib import ambient, store
from chalicelib.domain.calendar import CHINA
from chalicelib.outbound.seals import Seals, seals_from
from chalicelib.store import heads, ledger, orders, registry
from chalicelib.store.packing import unpack
from chalicelib.store.rows import house
from infra import ledgerfile

HOUR: Final = timedelta(hours=1)
BATCH: Final = 100
YEARS: Final = 3
"""How far back seals are looked for where nobody says."""


def export(
    out: TextIO, *, port: Seals, first: datetime, private_key: str, at: datetime
) -> dict[str, int]:
    """Write every chain with its head, and the seals from the hour `first` on. Raises Busy.

    Returns what was written: chains, events, seals. Nobody should work meanwhile: a chain that
    grows between the reading of its head and of its rows would not agree with itself.
    """
    counts = {"chains": 0, "events": 0, "seals": 0}
    tips: dict[str, tuple[int, str]] = {}
    _put(out, ledgerfile.begin(at))
    left = set(_chains())
    for chain, head in _heads(at):
        left.discard(chain)
        _put_chain(out, chain, head, counts, tips)
    for chain in sorted(left):
        _put_chain(out, chain, "", counts, tips)
    hour = first.replace(minute=0, second=0, microsecond=0)
    while hour < at:
        content = port.find(hour)
        if content is not None:
            _put(out, ledgerfile.seal(hour, content))
            counts["seals"] += 1
        hour += HOUR
    _put(out, ledgerfile.end(counts, tips, private_key))
    return counts


def _put_chain(
    out: TextIO,
    chain: str,
    head: str,
    counts: dict[str, int],
    tips: dict[str, tuple[int, str]],
) -> None:
    counts["chains"] += 1
    for link in ledger.links(chain.removeprefix("order/")):
        _put(out, ledgerfile.row(chain, link))
        counts["events"] += 1
        tips[chain] = (link.seq, link.hash)
    if head:
        _put(out, head)


def _put(out: TextIO, line: str) -> None:
    out.write(f"{line}\n")


# What there is -----------------------------------------------------------------------------------


def _scan(table: str, key: str) -> Iterator[str]:
    """Yield the partition keys of a table, with repetitions. A scan: for the export alone."""
    client: Any = house().connection.client
    pages = client.get_paginator("scan").paginate(
        TableName=house().table_name(table),
        ConsistentRead=True,
        ProjectionExpression="#key",
        ExpressionAttributeNames={"#key": key},
    )
    for page in pages:
        for item in page["Items"]:
            yield str(item[key]["S"])


def _chains() -> Iterator[str]:
    return _scan("ledger", "aggregate")


def _heads(at: datetime) -> Iterator[tuple[str, str]]:
    """Yield (chain, line) of whatever has a head: orders and their like, and the registry."""
    ids = sorted(set(_scan("orders", "order_id")))
    for start in range(0, len(ids), BATCH):
        for raw in heads.rows_of(ids[start : start + BATCH]):
            yield _head(raw)
    for (kind, key), version in sorted(registry.snapshot(at=at).versions.items()):
        chain = f"registry/{kind}/{key}"
        yield chain, ledgerfile.head(chain, version)


def _head(raw: dict[str, Any]) -> tuple[str, str]:
    order_id = str(raw["order_id"]["S"])
    chain = ledger.chain(order_id)
    try:
        fold = json.loads(unpack(raw["head"]["B"]))
        steps = None if chain == order_id else orders.steps_of(raw)
        version, tip = int(fold["v"]), str(fold["t"])
    except (KeyError, ValueError, TypeError):
        return chain, ledgerfile.unreadable(chain)
    return chain, ledgerfile.head(chain, version, tip=tip, fold=fold, steps=steps)


# The command -------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Read the command line, export, and print. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="infra.ledger_export", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("file", type=Path, help="where to write; it must not be there yet")
    parser.add_argument(
        "--since", type=date.fromisoformat, help="local day of the first seal; three years ago"
    )
    asked = parser.parse_args(arguments)
    settings = ambient.settings()
    store.bind(
        prefix=settings.prefix,
        endpoint=settings.dynamodb_endpoint or None,
        region=settings.region,
    )
    at = ambient.now()
    first = (
        datetime.combine(asked.since, time(), CHINA).astimezone(UTC)
        if asked.since
        else at - YEARS * timedelta(days=366)
    )
    with asked.file.open("x", encoding="utf-8") as out:
        counts = export(
            out,
            port=seals_from(settings.seals),
            first=first,
            private_key=settings.seal_key,
            at=at,
        )
    print(_said(counts.items()), "signed" if settings.seal_key else "not signed: no key", sep=", ")
    return 0


def _said(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
