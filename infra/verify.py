"""Verify a ledger from outside the app: `python -m infra.verify FILE` or `COUNTY FROM [TO]`.

FILE is what `python -m infra.ledger_export` wrote: it is checked by itself, on any machine, with
no store and no network. A county's days are read from the store, with the same settings as the
app (LIGHTKEEPER_PREFIX, LIGHTKEEPER_DYNAMODB_ENDPOINT, LIGHTKEEPER_SEALS); nothing is asked of the
app itself. The key that checks the seals comes from
whoever keeps it, not from what is checked: `--key`, raw Ed25519 in base64. Prints what is not as it
was written, and ends with 1 if there is any; days are local days of China.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from chalicelib import ambient, store
from chalicelib.outbound.seals import Seals, seals_from
from chalicelib.usecases import verifying
from infra import ledgerfile
from infra.ledgerfile import NotALedger


@dataclass(slots=True)
class Report:
    """What was found on all days together. unsealed: hours that have no seal."""

    orders: int = 0
    chains: int = 0
    events: int = 0
    hours: int = 0
    unsealed: list[datetime] = field(default_factory=list)
    bad: list[tuple[str, int, str]] = field(default_factory=list)


def verify(
    county: str, first: date, last: date, *, port: Seals, public_key: str, at: datetime
) -> Report:
    """Verify every order of these days and the seals of their hours. Raises Busy."""
    report = Report()
    day = first
    while day <= last:
        until = min(day + timedelta(days=verifying.MOST_DAYS - 1), last)
        found = verifying.days(
            county,
            day,
            until,
            port=port,
            public_key=public_key,
            after=None,
            is_out_of_time=lambda: False,
            at=at,
        )
        report.orders += found.orders
        report.chains += found.chains
        report.events += found.events
        report.hours += found.hours
        report.unsealed += found.unsealed
        report.bad += found.bad
        day = until + timedelta(days=1)
    return report


def main(arguments: Sequence[str]) -> int:
    """Read the command line, verify, and print. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra.verify", description=__doc__.partition("\n")[0])
    parser.add_argument("what", help="an exported file, or the id of a county office")
    parser.add_argument("first", type=date.fromisoformat, metavar="FROM", nargs="?")
    parser.add_argument("last", type=date.fromisoformat, metavar="TO", nargs="?")
    parser.add_argument("--key", default="", help="public key of the seals; else they are skipped")
    asked = parser.parse_args(arguments)
    if asked.first is None:
        return _file(Path(asked.what), public_key=asked.key)
    settings = ambient.settings()
    store.bind(
        prefix=settings.prefix,
        endpoint=settings.dynamodb_endpoint or None,
        region=settings.region,
    )
    report = verify(
        asked.what,
        asked.first,
        asked.last or asked.first,
        port=seals_from(settings.seals),
        public_key=asked.key,
        at=ambient.now(),
    )
    for aggregate, seq, why in report.bad:
        print(f"BAD {aggregate} event {seq}: {why}")
    for hour in report.unsealed:
        print(f"no seal for the hour {hour:%Y-%m-%dT%H:00Z}")
    seals = f"{report.hours} seals" if asked.key else "seals not checked: no --key"
    walked = f"{report.orders} orders, {report.chains} other chains, {report.events} events"
    print(f"{walked}, {seals}, {len(report.bad)} bad")
    return 1 if report.bad else 0


def _file(path: Path, *, public_key: str) -> int:
    """Verify an exported file and print. Returns the exit code."""
    try:
        with path.open(encoding="utf-8") as lines:
            report = ledgerfile.check(lines, public_key=public_key)
    except (OSError, UnicodeDecodeError, NotALedger) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    for chain, seq, why in report.bad:
        print(f"BAD {chain} event {seq}: {why}")
    for hour in report.unsealed:
        print(f"no seal for the hour {hour:%Y-%m-%dT%H:00Z}")
    seals = f"{report.seals} seals" if public_key else "seals not checked: no --key"
    signed = {None: "", True: ", heads signed", False: ", heads not signed"}[report.signed]
    print(
        f"{report.chains} chains, {report.events} events, {report.heads} heads, {seals}{signed}, "
        f"{len(report.bad)} bad"
    )
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
