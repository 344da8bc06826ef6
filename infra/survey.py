"""Take over a county's network: `python -m infra.survey FOLDER --county COUNTY [--apply]`.

FOLDER holds devices.csv, customers.csv and, where there is one, switches.csv, each plain or with
`.gz` at its end. Without `--apply` it only says what the tables would do. Writes to the platform
that runs on LIGHTKEEPER_DATA (`.data`); where none runs, to the store of the app's own settings
(LIGHTKEEPER_PREFIX, LIGHTKEEPER_DYNAMODB_ENDPOINT, AWS_REGION). Ends with 1 while there are
mistakes; what was applied in part goes on when it is run again.
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from chalicelib import ambient, store
from chalicelib.domain.order import Actor
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.store import registry
from chalicelib.usecases import surveying
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.surveying import Preview, Survey
from infra.local import folder
from infra.local.template import REGION

BY: Final = Actor("admin", "survey")
SHOWN: Final = 20
ROOT: Final = Path(__file__).resolve().parents[1]


def tables(where: Path) -> dict[str, bytes]:
    """Return the tables that a folder holds, by name."""
    found = {}
    for name in surveying.FILES:
        for file in (where / name, where / f"{name}.gz"):
            if file.exists():
                found[name] = file.read_bytes()
                break
    return found


def look(county: str, files: Mapping[str, bytes]) -> Preview:
    """Check and stage the tables, the same under the same number. Raises as `preview` does."""
    digest = hashlib.sha256(county.encode())
    for name, content in sorted(files.items()):
        digest.update(name.encode() + hashlib.sha256(content).digest())
    at = ambient.now()
    desk = Desk(registry.snapshot(at=at), b"", ambient.settings().ruleset)
    return surveying.preview(
        desk,
        Survey(county, files),
        import_id=digest.hexdigest()[:32],
        is_out_of_time=lambda: False,
        at=at,
    )


def take(shown: Preview, say: Callable[[str], None]) -> None:
    """Apply staged tables, saying how far it is. Raises as `apply` does."""
    after: int | None = 0
    steps = iter(range(1, shown.steps + 1))
    while after is not None:
        done = surveying.apply(
            shown.import_id,
            after=after,
            by=BY,
            secret=ambient.settings().secret,
            is_out_of_time=lambda: next(steps) % SHOWN == 0,
            at=ambient.now(),
        )
        after = done.next
        say(f"  {after if after is not None else done.steps} / {done.steps}")


def told(shown: Preview, language: str) -> list[str]:
    """Return what tables would do, as lines to read."""
    counts = {"feeders": shown.feeders, "households": shown.households, "devices": shown.devices}
    lines = [
        f"{name}: " + ", ".join(f"{what} {count}" for what, count in found.items())
        for name, found in counts.items()
    ]
    lines.append(f"areas: {shown.transformers}, new {shown.places}; unplaced {shown.unplaced}")
    lines += [f"! {one.words(language)}" for one in shown.problems[:SHOWN]]
    for sign, count, found in (
        ("?", shown.notice_rows, shown.notices),
        ("✗", shown.bad_rows, shown.bad),
    ):
        lines += [
            f"{sign} {one.file}:{one.line} {one.column} {one.words(language)}"
            for one in found[:SHOWN]
        ]
        lines += [f"{sign} … {count} in all"] if count > SHOWN else []
    return lines


def _open_store() -> None:
    """Bind the store of the platform that runs here, else that of the app's settings."""
    data = Path(os.environ.get("LIGHTKEEPER_DATA") or ROOT / ".data")
    running = "" if folder.is_free(data) else str(folder.facts_of(data).get("dynamodb", ""))
    settings = ambient.settings()
    endpoint = settings.dynamodb_endpoint or running
    if running and endpoint == running:
        os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    region = settings.region or REGION
    store.bind(prefix=settings.prefix, endpoint=endpoint or None, region=region)
    print(f"store: {endpoint or region}")


def main(arguments: Sequence[str]) -> int:
    """Read the command line, look, and apply when told. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="infra.survey", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--county", required=True, help="the id of a county office")
    parser.add_argument("--apply", action="store_true", help="write what was shown")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    asked = parser.parse_args(arguments)
    _open_store()
    try:
        shown = look(asked.county, tables(asked.folder))
    except Unknown:
        print(f"✗ {asked.county}: no such county", file=sys.stderr)
        return 1
    except BadInput as refused:
        for error in refused.errors:
            print(f"✗ {error.field}: {error.code}", file=sys.stderr)
        return 1
    print("\n".join(told(shown, asked.language)))
    if shown.bad_rows:
        return 1
    if asked.apply:
        take(shown, print)
    else:
        surveying.discard(shown.import_id)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
