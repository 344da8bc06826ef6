"""Taking over a county's network (网架接管): the three tables, checked, compared, then applied.

Nothing is applied before somebody accepted what was shown. The tables are the network as a whole:
a kept feeder that they do not name stays, unless one of its devices is on another feeder now. Of
households only what the tables say is written; empty cells leave what is kept, and a flag is only
ever added. Sending the same tables again changes nothing.

What waits is a list of steps that may each be taken again: where devices are, maps, what is gone,
places, households in slices. `apply` goes on from the number of the step where it stopped.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any, Final

from chalicelib.domain import grid as network
from chalicelib.domain.contact import Phone
from chalicelib.domain.grid import Device, GridMap, Mistake, Network, Problem, SupplyPoint
from chalicelib.domain.grid.reading import CUSTOMERS, DEVICES, SWITCHES
from chalicelib.domain.order import Actor, Event
from chalicelib.domain.outage_notice import Group, group_of
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.domain.staff import OfficeLevel
from chalicelib.store import customers, grid, ledger, registry
from chalicelib.store.customers import Difference, Household, Place
from chalicelib.store.grid import Kept
from chalicelib.usecases import sheets, tracing
from chalicelib.usecases.desk import Desk

FILES: Final = (DEVICES, SWITCHES, CUSTOMERS)
KEPT: Final = timedelta(days=1)
MOST_SHOWN: Final = 200
"""Mistakes, and notices, that are named one by one; all are counted."""
MOST_UNPACKED: Final = 64 * 1024 * 1024
"""Bytes of one table: some 500,000 customers."""
SLICE: Final = 500
"""Households of a step."""
POINTERS: Final = 2_000
"""Devices of a step."""

_GZIP: Final = b"\x1f\x8b"
_PHONES: Final = re.compile(r"[,，、;；/\s]+")

Step = list[Any]


@dataclass(frozen=True, slots=True)
class Survey:
    """The three tables as they were sent, plain or gzipped, by name; switches may be absent."""

    county: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the tables would do. Nothing is applied while `bad_rows` is not 0.

    devices: how many by kind. feeders: counts by add, change, same, gone (dropped, as its devices
    are elsewhere now) and beside (kept, not named here); changes: (map, which of the first four).
    households: counts by add, change, move, same. customers: how many; compared: of how many it is
    known yet what they would change. places: areas that are new. unplaced: customers whose
    transformer is unknown. bad, notices: the first MOST_SHOWN. steps: what `apply` counts in.
    """

    import_id: str
    county: str
    devices: Mapping[str, int]
    feeders: Mapping[str, int]
    changes: tuple[tuple[str, str], ...]
    transformers: int
    places: int
    customers: int
    households: Mapping[str, int]
    compared: int
    unplaced: int
    bad_rows: int
    bad: tuple[Mistake, ...]
    notice_rows: int
    notices: tuple[Mistake, ...]
    problems: tuple[Problem, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done. maps, places, households: written. next: the step to go on from."""

    maps: int
    places: int
    households: int
    unchanged: int
    steps: int
    next: int | None = None


def unplaced_area(county: str) -> str:
    """Return the area under which those of a county hang whose transformer nobody knows."""
    return f"?{county}"


# Reading ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """What the tables say."""

    devices: tuple[Device, ...]
    points: list[SupplyPoint]
    mistakes: list[Mistake] = field(default_factory=list)
    notices: list[Mistake] = field(default_factory=list)

    def put(self, found: Iterable[Mistake]) -> None:
        """Sort findings into mistakes and notices."""
        for one in found:
            (self.notices if one.notice else self.mistakes).append(one)


def _read(survey: Survey) -> _Read:
    texts = {name: _text(name, survey.files.get(name, b"")) for name in FILES}
    for name in (DEVICES, CUSTOMERS):
        if not texts[name]:
            raise BadInput.of(name, "file.empty")
    devices, wrong = network.read_devices(texts[DEVICES])
    points, also = network.read_customers(texts[CUSTOMERS], devices=devices)
    read = _Read(devices, list(points))
    read.put(wrong)
    if texts[SWITCHES]:
        read.put(network.read_switches(texts[SWITCHES], devices=devices))
    read.put(also)
    return read


def _text(name: str, content: bytes) -> str:
    """Return a table's text. Raises BadInput naming the file."""
    if content.startswith(_GZIP):
        content = _inflated(name, content)
    if len(content) > MOST_UNPACKED:
        raise BadInput.of(name, "file.too_large_unpacked")
    return sheets.decoded(content, field=name)


def _inflated(name: str, content: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = unpacking.decompress(content, MOST_UNPACKED + 1)
    except zlib.error:
        raise BadInput.of(name, "file.not_a_table") from None
    if len(found) <= MOST_UNPACKED and not unpacking.eof:
        raise BadInput.of(name, "file.not_a_table")
    return found


def squeezed(content: bytes) -> bytes:
    """Return a table as it may be sent when it is large."""
    return gzip.compress(content, mtime=0)


# Checking ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _County:
    """The county as it is kept."""

    county: str
    maps: Mapping[str, Kept]
    places: Mapping[str, Place]

    @property
    def unplaced(self) -> str:
        """The area of those whose transformer nobody knows."""
        return unplaced_area(self.county)


def preview(
    desk: Desk,
    survey: Survey,
    *,
    import_id: str,
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> Preview:
    """Read and check the tables, compare them with what is kept, and stage them. Applies nothing.

    Households are compared as far as the time allows; `compare` goes on. Raises BadInput naming
    the file when it is no table, or the feeder that is too large; Unknown for the county; Busy.
    """
    office = desk.office(survey.county)
    if office.level is not OfficeLevel.COUNTY:
        raise Unknown(what="office")
    read = _read(survey)
    places = {place.code: place for place in customers.places(survey.county, at=at)}
    kept = _County(survey.county, grid.all_maps(survey.county), places)
    _settle(read, kept)
    loads = network.loads_of(read.points, devices=read.devices)
    whole = Network(read.devices, loads)
    changes, steps = _map_steps(network.feeders(whole), kept)
    new = [
        replace(place, name=office.name) if place.code == kept.unplaced else place
        for place in _areas(whole, kept, terrain=office.terrain)
    ]
    elsewhere = customers.compare_places(survey.county, new).moved
    if elsewhere:
        facts = {"count": len(elsewhere), "first": elsewhere[0][0].code}
        read.mistakes.append(Mistake(CUSTOMERS, 1, "transformer_id", "place-elsewhere", facts))
    steps += [["places", [_place_row(place) for place in some]] for some in _parts(new, SLICE)]
    homes, doubles = _homes(read.points)
    read.notices += doubles
    first = len(steps)
    steps += [["homes", some] for some in _slices(homes)]
    about = {
        "county": survey.county,
        "devices": _tally(device.kind for device in read.devices),
        "changes": changes,
        "transformers": len({load.transformer_id for load in loads} - {kept.unplaced}),
        "places": len(new),
        "customers": len(homes),
        "unplaced": sum(home[1] == kept.unplaced for home in homes),
        "bad_rows": len(read.mistakes),
        "bad": [_mistake_row(one) for one in read.mistakes[:MOST_SHOWN]],
        "notice_rows": len(read.notices),
        "notices": [_mistake_row(one) for one in read.notices[:MOST_SHOWN]],
        "problems": [_problem_row(one) for one in network.problems(whole)[:MOST_SHOWN]],
        "households": dict.fromkeys(("add", "change", "move", "same"), 0),
        "compared": 0,
        "steps": len(steps),
        "next": first,
    }
    _compare(about, steps, is_out_of_time=is_out_of_time, at=at)
    registry.stage_import(_waiting(import_id), steps, about=about, at=at, keep=KEPT)
    return _preview(import_id, about)


def compare(import_id: str, *, is_out_of_time: Callable[[], bool], at: datetime) -> Preview:
    """Go on comparing households with what is kept. Raises Unknown and Busy."""
    kept = registry.staged_import(_waiting(import_id), at=at)
    about = dict(kept.about)
    _compare(about, kept.rows, is_out_of_time=is_out_of_time, at=at)
    registry.restage_import(_waiting(import_id), about=about, at=at)
    return _preview(import_id, about)


def staged(import_id: str, *, at: datetime) -> Preview:
    """Return what staged tables would do, as far as it is known. Raises Unknown and Busy."""
    return _preview(import_id, registry.staged_import(_waiting(import_id), at=at).about)


def discard(import_id: str) -> None:
    """Forget staged tables, if there are any. Raises Busy."""
    registry.discard_import(_waiting(import_id))


def _waiting(import_id: str) -> str:
    """Return under which name they wait: no list of `importing` has it."""
    return f"network/{import_id}"


def _settle(read: _Read, kept: _County) -> None:
    """Give everybody an area: the transformer, else where they hang already, else the unplaced."""
    known = {device.device_id for device in read.devices} | set(kept.places) - {kept.unplaced}
    lost = [i for i, point in enumerate(read.points) if point.transformer_id not in known]
    held = customers.find_households(_account(read.points[i]) for i in lost)
    for i in lost:
        was = held.get(_account(read.points[i]))
        area = was.transformer_id if was and was.transformer_id in known else kept.unplaced
        read.points[i] = replace(read.points[i], transformer_id=area)


def _account(point: SupplyPoint) -> str:
    return point.account_no or point.customer_id


def _tally(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))


# Maps -------------------------------------------------------------------------------------------


def _map_steps(made: Sequence[GridMap], kept: _County) -> tuple[list[tuple[str, str]], list[Step]]:
    """Return what happens to each map, and the steps: pointers first, then maps, then what went.

    So whoever finds a device on a map finds its pointer, wherever it stopped.
    """
    stood = {row[0]: name for name, map_ in kept.maps.items() for row in map_.data["devices"]}
    stands = {device.device_id: str(one.key) for one in made for device in one.devices}
    named = {str(one.key) for one in made}
    changes: list[tuple[str, str]] = []
    saved: list[Step] = []
    for one in made:
        name, packed = str(one.key), _plain(network.pack(one))
        was = kept.maps.get(name)
        if was is not None and was.data == packed:
            changes.append((name, "same"))
            continue
        changes.append((name, "change" if was else "add"))
        saved.append(["map", name, packed, was.version if was else 0])
    gone = {home for device, home in stood.items() if home not in named and device in stands}
    changes += [
        (name, "gone" if name in gone else "beside")
        for name in sorted(kept.maps)
        if name not in named
    ]
    grid.check({name: packed for _, name, packed, _ in saved})
    moved = {device: name for device, name in stands.items() if stood.get(device) != name}
    left = [
        device
        for device, home in stood.items()
        if device not in stands and (home in named or home in gone)
    ]
    steps: list[Step] = [["devices", dict(some)] for some in _parts(moved.items(), POINTERS)]
    steps += saved
    steps += [["gone", sorted(gone)]] if gone else []
    steps += [["left", some] for some in _parts(left, POINTERS)]
    return changes, steps


def _plain(value: Any) -> Any:
    """Return JSON's own forms: what the store gives back."""
    return json.loads(json.dumps(value))


# Areas ------------------------------------------------------------------------------------------


def _areas(whole: Network, kept: _County, *, terrain: str) -> Iterator[Place]:
    """Yield a place for each transformer that somebody hangs under and that is none yet."""
    count: dict[str, int] = {}
    feeder: dict[str, str] = {}
    for load in whole.loads:
        area = load.transformer_id
        count[area] = count.get(area, 0) + load.households
        feeder.setdefault(area, load.feeder_id)
    names = {device.device_id: device.name for device in whole.devices}
    for code in sorted(set(count) - set(kept.places)):
        yield Place(
            code=code,
            name=names.get(code) or code,
            county=kept.county,
            office_id=kept.county,
            line="" if code == kept.unplaced else feeder[code],
            terrain=terrain,
            households=count[code],
        )


def _place_row(place: Place) -> list[Any]:
    return [place.code, place.name, place.line, place.terrain, place.households]


# Households -------------------------------------------------------------------------------------


def _homes(points: Iterable[SupplyPoint]) -> tuple[list[list[Any]], list[Mistake]]:
    """Return a row an account, those of one area together, and accounts fed at two points."""
    found: dict[str, list[Any]] = {}
    doubles = []
    for point in points:
        account = _account(point)
        meters = [point.meter_no] if point.meter_no else []
        row = found.get(account)
        if row is not None:
            row[6] += [meter for meter in meters if meter not in row[6]]
            if row[1:3] != [point.transformer_id, point.load_id]:
                facts = {"customer": account, "here": point.load_id, "there": row[2]}
                doubles.append(
                    Mistake(CUSTOMERS, 1, "account_no", "account-at-two", facts, notice=True)
                )
            continue
        phones, bad = _read_phones(point.phone)
        if bad:
            facts = {"customer": account}
            doubles.append(Mistake(CUSTOMERS, 1, "phone", "not-a-phone", facts, notice=True))
        said = {"key": point.is_key, "vulnerable": point.is_vulnerable}
        flags = [name for name, is_so in said.items() if is_so]
        cleared = [name for name, is_so in said.items() if is_so is False]
        about = {} if point.kw is None else {"kw": f"{point.kw:g}"}
        if point.phases not in {"", "ABC"}:
            about["phases"] = point.phases
        found[account] = [
            *(account, point.transformer_id, point.load_id, point.name, point.address),
            *(phones, meters, about, flags, cleared),
        ]
    return sorted(found.values(), key=lambda row: (row[1], row[0])), doubles


def _read_phones(cell: str) -> tuple[list[list[str]], bool]:
    """Return the telephones of a cell as [number, extension], and whether one is none."""
    found, bad = [], False
    for part in filter(None, _PHONES.split(cell)):
        try:
            phone = Phone.parse(part)
        except BadInput:
            bad = True
        else:
            found.append([phone.number, phone.extension])
    return found, bad


def _household(row: Sequence[Any], was: Household | None) -> Household:
    """Return a household as it will be: what a row does not say stays as it is.

    A plain no takes a flag away, but not the one that a level of the customers' list gave.
    """
    account, area, load, name, address, phones, meters, about, flags, cleared = row
    kept = was or Household(account_no=account, transformer_id=area)
    if any(group_of([flag]) is Group.VULNERABLE for flag in kept.flags):
        flags = [flag for flag in flags if flag != "vulnerable"]
    return replace(
        kept,
        transformer_id=area,
        load_id=load,
        name=name or kept.name,
        address=address or kept.address,
        phones=tuple(Phone(*phone) for phone in phones) or kept.phones,
        meters=tuple(meters) or kept.meters,
        about={**kept.about, **about},
        flags=(kept.flags - (set(cleared) - kept.about.keys())) | set(flags),
    )


def _difference(
    county: str, rows: Sequence[Sequence[Any]], *, at: datetime
) -> tuple[Difference[Household], list[str]]:
    """Return what a slice would change, and the accounts of it that are another county's.

    One read an area; of those who hang elsewhere, or are new, two more a hundred.
    """
    held = customers.households_near({row[0]: row[1] for row in rows})
    made = [_household(row, held.get(row[0])) for row in rows]
    left = {
        home.account_no: held[home.account_no].transformer_id
        for home in made
        if home.account_no in held and held[home.account_no].transformer_id != home.transformer_id
    }
    homes = {area: customers.known_place(area, at=at) for area in set(left.values())}
    foreign = [
        account
        for account, area in left.items()
        if (place := homes[area]) is not None and place.county != county
    ]
    return customers.difference_of(held, made), foreign


def _slices(rows: Sequence[list[Any]]) -> Iterator[list[list[Any]]]:
    """Cut rows into slices of SLICE at most, an area in one slice where that is possible."""
    part: list[list[Any]] = []
    for _, area in groupby(rows, key=lambda row: row[1]):
        some = list(area)
        if part and len(part) + len(some) > SLICE:
            yield part
            part = []
        part += some
        while len(part) > SLICE:
            yield part[:SLICE]
            part = part[SLICE:]
    if part:
        yield part


def _compare(
    about: dict[str, Any],
    steps: Sequence[Step],
    *,
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> None:
    """Compare slices from where it stopped, and put down what was found."""
    counts = dict(about["households"])
    while about["next"] < len(steps):
        rows = steps[about["next"]][1]
        found, foreign = _difference(about["county"], rows, at=at)
        for account in foreign:
            one = Mistake(CUSTOMERS, 1, "account_no", "account-elsewhere", {"customer": account})
            about["bad_rows"] += 1
            about["bad"] = [*about["bad"], _mistake_row(one)][:MOST_SHOWN]
        counts["add"] += len(found.added)
        counts["change"] += len(found.changed)
        counts["move"] += len(found.moved)
        counts["same"] += found.unchanged
        about |= {"next": about["next"] + 1, "compared": about["compared"] + len(rows)}
        if is_out_of_time():
            break
    about["households"] = counts


# Applying ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Done:
    maps: int = 0
    places: int = 0
    households: int = 0
    unchanged: int = 0


def apply(
    import_id: str,
    *,
    after: int,
    by: Actor,
    secret: bytes,
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> Applied:
    """Take the staged steps from number `after` on, until the time is up.

    Call again with `next` until that is None; then the tables are forgotten. Safe to repeat.
    secret: by which telephones are found without being named.
    Raises BadInput while there are mistakes, Stale when a map has changed since it was compared
    (look at the tables again), Unknown, Busy.
    """
    kept = registry.staged_import(_waiting(import_id), at=at)
    if kept.about["bad_rows"]:
        raise BadInput.of("import", "import.has_bad_rows", bad=kept.about["bad_rows"])
    county, steps = str(kept.about["county"]), kept.rows
    done, here = _Done(), after
    while here < len(steps):
        here += _take(county, steps[here:], done, secret=secret, at=at)
        if is_out_of_time():
            break
    _record(county, done, by=by, at=at)
    left = here if here < len(steps) else None
    if left is None:
        discard(import_id)
    return Applied(done.maps, done.places, done.households, done.unchanged, len(steps), left)


def _take(county: str, steps: Sequence[Step], done: _Done, *, secret: bytes, at: datetime) -> int:
    """Take the first step, and maps as many as fit in one write. Returns how many were taken."""
    sort, *said = steps[0]
    if sort == "map":
        return _take_maps(county, steps, done, at=at)
    if sort == "devices":
        homes = said[0].items()
        grid.put_places_of("device", {device: f"{county}/{name}" for device, name in homes})
    elif sort == "gone":
        grid.drop(county, said[0])
        done.maps += len(said[0])
    elif sort == "left":
        grid.drop_places_of("device", said[0])
    elif sort == "places":
        _take_places(county, said[0], done)
    else:
        _take_homes(county, said[0], done, secret=secret, at=at)
    return 1


def _take_maps(county: str, steps: Sequence[Step], done: _Done, *, at: datetime) -> int:
    some: dict[str, tuple[Any, int]] = {}
    for sort, *said in steps:
        if sort != "map":
            break
        name, packed, version = said
        if not grid.fits([*(kept for kept, _ in some.values()), packed]):
            break
        some[name] = (packed, version)
    grid.save(county, some, at=at)
    done.maps += len(some)
    return len(some)


def _take_places(county: str, rows: Iterable[Sequence[Any]], done: _Done) -> None:
    made = [
        Place(
            code=code,
            name=name,
            county=county,
            office_id=county,
            line=line,
            terrain=terrain,
            households=households,
        )
        for code, name, line, terrain, households in rows
    ]
    found = customers.compare_places(county, made)
    customers.put_places(Difference(added=found.added))
    done.places += len(found.added)
    done.unchanged += len(made) - len(found.added)


def _take_homes(
    county: str, rows: Sequence[Sequence[Any]], done: _Done, *, secret: bytes, at: datetime
) -> None:
    found, foreign = _difference(county, rows, at=at)
    if foreign:
        raise BadInput.of("import", "import.has_bad_rows", bad=len(foreign))
    written = [*found.added, *found.changed, *(home for home, _ in found.moved)]
    meters = {meter: home.account_no for home in written for meter in home.meters}
    grid.put_places_of("meter", meters)
    tracing.remember_phones(written, secret=secret)
    customers.put_households(found)
    done.households += len(written)
    done.unchanged += found.unchanged


def _record(county: str, done: _Done, *, by: Actor, at: datetime) -> None:
    """Say in the ledger who took over what. What was taken over is personal, and is not said."""
    if not (done.maps or done.places or done.households):
        return
    counts = {"maps": done.maps, "places": done.places, "households": done.households}
    ledger.append(
        Event(
            aggregate=f"import/{county}",
            seq=0,
            name="import.applied",
            occurred_at=at,
            recorded_at=at,
            actor=by,
            changes={},
            data={"kind": "network", **counts, "skipped": done.unchanged},
        )
    )


# Between values and JSON ------------------------------------------------------------------------


def _preview(import_id: str, about: Mapping[str, Any]) -> Preview:
    changes = tuple((name, what) for name, what in about["changes"])
    counts = dict.fromkeys(("add", "change", "same", "gone", "beside"), 0)
    plain = ("county", "devices", "transformers", "places", "customers", "households", "compared")
    also = ("unplaced", "bad_rows", "notice_rows", "steps")
    return Preview(
        import_id=import_id,
        **{name: about[name] for name in (*plain, *also)},
        feeders={**counts, **_tally(what for _, what in changes)},
        changes=changes,
        bad=tuple(Mistake(*row) for row in about["bad"]),
        notices=tuple(Mistake(*row) for row in about["notices"]),
        problems=tuple(
            Problem(slug, tuple(devices), tuple(loads), notice)
            for slug, devices, loads, notice in about["problems"]
        ),
    )


def _mistake_row(one: Mistake) -> list[Any]:
    return [one.file, one.line, one.column, one.slug, dict(one.facts), one.notice]


def _problem_row(one: Problem) -> list[Any]:
    return [one.slug, list(one.devices), list(one.loads), one.notice]


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
