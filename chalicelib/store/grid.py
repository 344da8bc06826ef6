"""The grid as it is kept: a map a feeder with every version, where each thing is, and evidence.

    question                           key                                               calls
    a feeder's map as it is now        pk = grid/<county>, sk = feeder                   1 read
    every map of a county              pk = grid/<county>                                1 a MB
    a feeder's map as it was           pk = grid/<county>/<feeder>, sk = since           1 read
    on which feeder is this thing      pk = where/<sort>/<id>, sk = -                    1 a hundred
    what was reported of a feeder      pk = evidence/<county>/<feeder>, sk = when#what   1 a MB

A map is whatever the domain packs of a feeder: this module neither reads nor changes it. Versions
count from 1; a version holds from `since` until the next one's. Evidence is kept a batch a row:
an event is one of a set, so a batch that is kept twice, or twice in part, says nothing new.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.transactions import TransactWrite

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.order import Event
from chalicelib.domain.refusal import BadInput, Busy, Stale

from . import ledger
from .desk_rows import (
    EvidenceRow,
    MapRow,
    WhereRow,
    delete_all,
    find_many,
    pack,
    put_all,
    seconds,
    under,
    unpack,
)
from .rows import Unconfirmed, asking, house, write

_ONLY: Final = "-"
LARGEST_MAP: Final = 380_000
"""Bytes of a packed map; an item holds 400 KB. About twenty thousand devices."""
MAPS_A_WRITE: Final = 40
"""Two rows a map, and a transaction takes a hundred."""
LARGEST_WRITE: Final = 1_600_000
"""Bytes of maps in one transaction, each written twice; a transaction takes 4 MB."""
EVIDENCE_KEPT: Final = timedelta(days=400)
BATCH: Final = 1_000
"""Events in one row of evidence: some 20 KB packed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A feeder's map in one version. data: as the domain packed it. since: from when it holds."""

    county: str
    feeder: str
    version: int
    since: datetime
    data: Any


# Maps -------------------------------------------------------------------------------------------


def maps(county: str, feeders: Iterable[str]) -> dict[str, Kept]:
    """Return the maps of these feeders as they are now; those unknown are left out. Raises Busy."""
    keys = [(_grid(county), feeder) for feeder in feeders]
    return {row.sk: _kept(row, county, row.sk) for row in find_many(MapRow, keys)}


def all_maps(county: str) -> dict[str, Kept]:
    """Return every map of a county as it is now, by feeder. Raises Busy."""
    return {row.sk: _kept(row, county, row.sk) for row in under(MapRow, _grid(county))}


def versions(county: str, feeder: str) -> list[Kept]:
    """Return every version of a feeder's map, oldest first. Raises Busy."""
    return [_kept(row, county, feeder) for row in under(MapRow, f"{_grid(county)}/{feeder}")]


def save(
    county: str,
    changed: Mapping[str, tuple[Any, int]],
    *,
    at: datetime,
    event: Event | None = None,
) -> None:
    """Keep new versions of maps, all or none: feeder → (data, the version it was made from or 0).

    event: goes into the ledger with them, in the same transaction. Saying the same again changes
    nothing. Raises Stale when one of them, or the event's chain, has moved on meanwhile, BadInput
    naming `feeder_id` for a map too large or too many at once, and Busy.
    """
    rows = [
        _row(f"{_grid(county)}", feeder, data, version + 1, at)
        for feeder, (data, version) in changed.items()
    ]
    _check_size({row.sk: row.data for row in rows})

    def fill(transaction: TransactWrite) -> None:
        if event is not None:
            ledger.put(transaction, event)
        for row in rows:
            was = int(row.version) - 1
            unchanged = MapRow.version == was if was else MapRow.pk.does_not_exist()
            transaction.save(row, unchanged)
            history = f"{_grid(county)}/{row.sk}"
            key = f"{_stamp(at)}#{int(row.version):06}"
            transaction.save(MapRow(history, key, **_fields(row)))

    try:
        write(fill)
    except Unconfirmed as doubt:
        now = maps(county, changed)
        is_told = event is None or ledger.is_written(event)
        if is_told and all(_is_made(now.get(feeder), made) for feeder, made in changed.items()):
            return
        if not doubt.refused:
            raise Busy(of="store") from doubt
        raise Stale(what="grid") from doubt


def _is_made(kept: Kept | None, made: tuple[Any, int]) -> bool:
    data, version = made
    return kept is not None and kept.version == version + 1 and pack(kept.data) == pack(data)


def check(data: Mapping[str, Any]) -> None:
    """Refuse what `save` could not keep one by one: feeder → data. Raises BadInput as it does."""
    for feeder, one in data.items():
        _check_size({feeder: pack(one)})


def fits(data: Iterable[Any]) -> bool:
    """Return whether maps may be kept in one `save`. Each must fit alone."""
    sizes = [len(pack(one)) for one in data]
    return len(sizes) <= MAPS_A_WRITE and sum(sizes) <= LARGEST_WRITE


def _check_size(packed: Mapping[str, bytes]) -> None:
    for feeder, data in packed.items():
        if len(data) > LARGEST_MAP:
            raise BadInput.of("feeder_id", "feeder.too_large", feeder=feeder)
    if len(packed) > MAPS_A_WRITE or sum(map(len, packed.values())) > LARGEST_WRITE:
        raise BadInput.of("feeder_id", "feeder.too_many", count=len(packed))


def drop(county: str, feeders: Iterable[str]) -> None:
    """Take maps that an import no longer names out of the present; their versions stay."""
    delete_all(MapRow, ((_grid(county), feeder) for feeder in feeders))


# Where things are -------------------------------------------------------------------------------


def put_places_of(sort: str, places: Mapping[str, str]) -> None:
    """Say where things of a sort (`device`, `meter`) are: id → `<county>/<feeder>` or an account.

    May be said again, wholly or from where it stopped. Raises Busy.
    """
    put_all(WhereRow, (WhereRow(*_where(sort, key), home=home) for key, home in places.items()))


def drop_places_of(sort: str, keys: Iterable[str]) -> None:
    """Forget where things are. Raises Busy."""
    delete_all(WhereRow, (_where(sort, key) for key in keys))


def places_of(sort: str, keys: Iterable[str]) -> dict[str, str]:
    """Return where those of these things are that are known, a hundred a call. Raises Busy."""
    wanted = {_where(sort, key): key for key in keys}
    return {wanted[row.pk, row.sk]: row.home for row in find_many(WhereRow, wanted)}


# Evidence ---------------------------------------------------------------------------------------


def add_evidence(
    county: str, feeder: str, events: Sequence[Mapping[str, Any]], *, at: datetime
) -> None:
    """Keep what was reported of a feeder, in rows of BATCH. at: when it was taken in.

    Raises Busy; then a part may be kept: say the same again.
    """
    rows = []
    for start in range(0, len(events), BATCH):
        data = pack(list(events[start : start + BATCH]))
        digest = hashlib.sha256(data).hexdigest()[:16]
        expires = seconds(at + EVIDENCE_KEPT)
        key = f"{_stamp(at)}#{digest}"
        rows.append(EvidenceRow(_heard(county, feeder), key, data=data, expires=expires))
    put_all(EvidenceRow, rows)


def evidence_since(county: str, feeder: str, since: datetime) -> list[dict[str, Any]]:
    """Return what was taken in of a feeder at or after an instant, as it came. Raises Busy."""
    found: list[dict[str, Any]] = []
    start: dict[str, Any] | None = None
    while True:
        with asking():
            answer = (
                house()
                .table(EvidenceRow)
                .query(
                    _heard(county, feeder),
                    EvidenceRow.sk >= _stamp(since),
                    consistent_read=True,
                    exclusive_start_key=start,
                )
            )
        for raw in answer["Items"]:
            found.extend(unpack(EvidenceRow.from_raw_data(raw).data))
        start = answer.get("LastEvaluatedKey")
        if start is None:
            return found


# Between values and rows ------------------------------------------------------------------------


def _grid(county: str) -> str:
    return f"grid/{county}"


def _heard(county: str, feeder: str) -> str:
    return f"evidence/{county}/{feeder}"


def _where(sort: str, key: str) -> tuple[str, str]:
    return f"where/{sort}/{key}", _ONLY


def _stamp(at: datetime) -> str:
    return f"{millis(at):015}"


def _row(pk: str, feeder: str, data: Any, version: int, at: datetime) -> MapRow:
    return MapRow(pk, feeder, data=pack(data), version=version, since=millis(at))


def _fields(row: MapRow) -> dict[str, Any]:
    return {"data": row.data, "version": row.version, "since": row.since}


def _kept(row: MapRow, county: str, feeder: str) -> Kept:
    return Kept(county, feeder, int(row.version), instant(int(row.since)), unpack(row.data))
