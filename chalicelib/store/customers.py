"""Households and the places they hang under (户变关系): imported, found, compared.

    question                            key                                              calls
    the households of a transformer     pk = area/<transformer>, sk = account            1 a MB
    the places of a county              pk = county/<county>, sk = code                  1 a MB
    some of them                        the same                                         1 a hundred
    where is this account, this place   pk = where/account/<no>, where/place/<code>      1 read
    one household, one place            both of the above; a report's place is           2 reads
                                        remembered for five minutes (`known_place`)

Everything has one home, and a pointer that says where; so there is one copy of what is personal,
and an outage reads its own areas and nothing else. The pointer is written first and the home last:
where a bulk write stopped in between, the next import finds no home and writes both again. Whoever
moves house moves in one transaction.
"""

import json
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from pynamodb.transactions import TransactWrite

from chalicelib.domain.clocks import instant
from chalicelib.domain.contact import Phone, mask_address, mask_name
from chalicelib.domain.refusal import Busy

from .desk_rows import (
    HomeRow,
    Remembered,
    WhereRow,
    compact,
    delete_all,
    find,
    find_many,
    phone_from_json,
    phone_to_json,
    put_all,
    seconds,
    under,
)
from .rows import TRIES, Unconfirmed, write

_ONLY: Final = "-"
PLACES_KEPT: Final = timedelta(minutes=5)
MOST_KNOWN: Final = 2_000
"""Places that a process remembers one by one: about a megabyte."""
MOVES_A_WRITE: Final = 30
"""Three rows a move, and a transaction takes a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Household:
    """One account (户号) under its transformer. flags: slugs such as `key` or `life_support`.

    load_id: the supply point that feeds it; "" where only its transformer is known. meters: numbers
    of its meters. about: coded details of its flags, such as `key` → `first`, `sensitive` →
    `cold_store`, `liaison` → a staff id. consented_at, opted_out_at: what the holder said of texts.
    """

    account_no: str
    transformer_id: str
    name: str = ""
    address: str = ""
    phones: tuple[Phone, ...] = ()
    flags: frozenset[str] = frozenset()
    load_id: str = ""
    meters: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    consented_at: datetime | None = None
    opted_out_at: datetime | None = None

    def __repr__(self) -> str:
        shown = f"{mask_name(self.name)}, {mask_address(self.address)}, {list(self.phones)}"
        return f"Household({shown}, {self.transformer_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An area that a household recognises: that of a transformer (台区), mostly.

    code: on the QR sign; the `transformer_id` of those who hang under it. office_id: of the station
    that serves it. line: name of its 10 kV line. households: how many, as imported.
    """

    code: str
    name: str
    county: str
    office_id: str
    village: str = ""
    township: str = ""
    line: str = ""
    terrain: str = "rural"
    households: int = 0
    is_low_voltage: bool = True


_Item = TypeVar("_Item", bound=Household | Place)

# How each is kept -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind(Generic[_Item]):
    """How one sort of thing is kept: where it is at home, and its JSON there and back."""

    name: str
    key: Callable[[_Item], str]
    home: Callable[[_Item], str]
    encode: Callable[[_Item], dict[str, Any]]
    decode: Callable[[Mapping[str, Any]], _Item]

    def home_row(self, item: _Item) -> HomeRow:
        """Return the row that holds it."""
        return HomeRow(self.home(item), self.key(item), value=compact(self.encode(item)))

    def where(self, key: str) -> tuple[str, str]:
        """Return the key of its pointer."""
        return f"where/{self.name}/{key}", _ONLY

    def where_row(self, item: _Item) -> WhereRow:
        """Return the pointer to it."""
        return WhereRow(*self.where(self.key(item)), home=self.home(item))

    def read(self, row: HomeRow) -> _Item:
        """Return what a row holds."""
        return self.decode(json.loads(row.value))


def _household_to_json(item: Household) -> dict[str, Any]:
    raw = {
        "no": item.account_no,
        "t": item.transformer_id,
        "n": item.name,
        "a": item.address,
        "p": [phone_to_json(phone) for phone in item.phones],
        "f": sorted(item.flags),
        "l": item.load_id,
        "m": list(item.meters),
        "x": dict(item.about),
        "c": _seconds(item.consented_at),
        "u": _seconds(item.opted_out_at),
    }
    return {name: value for name, value in raw.items() if value}


def _seconds(at: datetime | None) -> int:
    return 0 if at is None else seconds(at)


def _instant(raw: int) -> datetime | None:
    return instant(raw * 1000) if raw else None


def _household_from_json(raw: Mapping[str, Any]) -> Household:
    phones = (phone_from_json(phone) for phone in raw.get("p", ()))
    return Household(
        account_no=raw["no"],
        transformer_id=raw["t"],
        name=raw.get("n", ""),
        address=raw.get("a", ""),
        phones=tuple(phone for phone in phones if phone),
        flags=frozenset(raw.get("f", ())),
        load_id=raw.get("l", ""),
        meters=tuple(raw.get("m", ())),
        about=dict(raw.get("x", {})),
        consented_at=_instant(raw.get("c", 0)),
        opted_out_at=_instant(raw.get("u", 0)),
    )


def _place_to_json(item: Place) -> dict[str, Any]:
    return {
        "code": item.code,
        "name": item.name,
        "county": item.county,
        "office": item.office_id,
        "village": item.village,
        "township": item.township,
        "line": item.line,
        "terrain": item.terrain,
        "households": item.households,
        "lv": item.is_low_voltage,
    }


def _place_from_json(raw: Mapping[str, Any]) -> Place:
    return Place(
        code=raw["code"],
        name=raw["name"],
        county=raw["county"],
        office_id=raw["office"],
        village=raw["village"],
        township=raw["township"],
        line=raw["line"],
        terrain=raw["terrain"],
        households=raw["households"],
        is_low_voltage=raw["lv"],
    )


def _area(transformer_id: str) -> str:
    return f"area/{transformer_id}"


def _county(county: str) -> str:
    return f"county/{county}"


HOUSEHOLDS: Final[Kind[Household]] = Kind(
    name="account",
    key=lambda item: item.account_no,
    home=lambda item: _area(item.transformer_id),
    encode=_household_to_json,
    decode=_household_from_json,
)
PLACES: Final[Kind[Place]] = Kind(
    name="place",
    key=lambda item: item.code,
    home=lambda item: _county(item.county),
    encode=_place_to_json,
    decode=_place_from_json,
)

# Finding ----------------------------------------------------------------------------------------


def find_household(account_no: str) -> Household | None:
    """Return the household of an account, or None. Raises Busy."""
    return _find(HOUSEHOLDS, account_no)


def find_households(account_nos: Iterable[str]) -> dict[str, Household]:
    """Return those of these accounts that are kept, a hundred a call. Raises Busy."""
    homes = _homes(HOUSEHOLDS, filter(None, account_nos))
    rows = find_many(HomeRow, ((home, key) for key, home in homes.items()))
    return {row.sk: HOUSEHOLDS.read(row) for row in rows}


def households_at(keys: Iterable[tuple[str, str]]) -> list[Household]:
    """Return the households at these (transformer, account) that are there, a hundred a call.

    For those who have just read where they are: no pointer is looked up. Raises Busy.
    """
    rows = find_many(HomeRow, ((_area(transformer), account) for transformer, account in keys))
    return [HOUSEHOLDS.read(row) for row in rows]


def households_near(expected: Mapping[str, str]) -> dict[str, Household]:
    """Return those of these accounts that are kept: account → under which transformer to look.

    One call an area; whoever hangs elsewhere is looked for, a hundred a call. Raises Busy.
    """
    areas = dict.fromkeys(map(_area, expected.values()))
    near = (HOUSEHOLDS.read(row) for area in areas for row in under(HomeRow, area))
    found = {home.account_no: home for home in near if home.account_no in expected}
    return found | find_households(account for account in expected if account not in found)


def find_place(code: str) -> Place | None:
    """Return a place, or None. Raises Busy."""
    return _find(PLACES, code)


_KNOWN: Final[Remembered[Place | None]] = Remembered(PLACES_KEPT, most=MOST_KNOWN)


def known_place(code: str, *, at: datetime) -> Place | None:
    """Return a place as it was PLACES_KEPT ago at the earliest, or None. Raises Busy.

    For reports, which name the same places over and over while a line is down. One that does not
    exist is looked for each time. Whoever shows a customer to somebody by it asks find_place.
    """
    return _KNOWN.get(code, at=at, load=lambda: find_place(code))


def households_of(transformer_id: str) -> list[Household]:
    """Return the households of an area, by account. Raises Busy."""
    return [HOUSEHOLDS.read(row) for row in under(HomeRow, _area(transformer_id))]


_PLACES: Final[Remembered[tuple[Place, ...]]] = Remembered(PLACES_KEPT)


def places(county: str, *, at: datetime) -> tuple[Place, ...]:
    """Return the places of a county, by code, as they were PLACES_KEPT ago at the earliest.

    What this process imported itself is seen at once. Raises Busy.
    """
    return _PLACES.get(
        county,
        at=at,
        load=lambda: tuple(PLACES.read(row) for row in under(HomeRow, _county(county))),
    )


_NAMED: Final[Remembered[tuple[Place, ...]]] = Remembered(PLACES_KEPT)
MOST_NAMED: Final = 100
"""Places that are read by their codes, a call; where more are wanted the county is read."""


def places_of(county: str, codes: Collection[str], *, at: datetime) -> dict[str, Place]:
    """Return those of these places that a county has, by code, as old as `places` may be.

    For an outage: what it costs does not grow with its county. Raises Busy.
    """
    if len(codes) > MOST_NAMED:
        return {place.code: place for place in places(county, at=at) if place.code in codes}
    keys = tuple(sorted(codes))
    found = _NAMED.get(
        (county, keys),
        at=at,
        load=lambda: tuple(
            PLACES.read(row) for row in find_many(HomeRow, ((_county(county), c) for c in keys))
        ),
    )
    return {place.code: place for place in found}


def search_places(county: str, text: str, *, at: datetime, limit: int) -> tuple[Place, ...]:
    """Return places that hold `text` in their name, village, township, line or code, best first.

    Best is a name that begins with it, then one that holds it, then the rest; nothing is found for
    an empty text. Raises Busy.
    """
    wanted = _folded(text)
    if not wanted:
        return ()
    found = [
        (rank, place.name, place.code, place)
        for place in places(county, at=at)
        if (rank := _rank(place, wanted)) is not None
    ]
    return tuple(place for *_, place in sorted(found, key=lambda one: one[:3])[:limit])


def _rank(place: Place, wanted: str) -> int | None:
    name = _folded(place.name)
    if name.startswith(wanted):
        return 0
    if wanted in name:
        return 1
    others = (place.village, place.township, place.line, place.code)
    return 2 if any(wanted in _folded(other) for other in others) else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _find(kind: Kind[_Item], key: str) -> _Item | None:
    if not key:
        return None
    for _ in range(TRIES):
        where = find(WhereRow, *kind.where(key))
        if where is None:
            return None
        row = find(HomeRow, where.home, key)
        if row is not None:
            return kind.read(row)
        again = find(WhereRow, *kind.where(key))
        if again is None or again.home == where.home:
            return None  # nobody is moving: a bulk write stopped before it wrote the home
    raise Busy(of="store")


# Importing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference(Generic[_Item]):
    """What an import would change. moved: what it is now, and the home that it leaves.

    missing: what is kept within the scope and was not sent; it stays unless `apply` is told.
    unchanged: how many.
    """

    added: tuple[_Item, ...] = ()
    changed: tuple[_Item, ...] = ()
    moved: tuple[tuple[_Item, str], ...] = ()
    missing: tuple[_Item, ...] = ()
    unchanged: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether applying it, without dropping what is missing, would write nothing."""
        return not (self.added or self.changed or self.moved)


def compare_households(
    county: str | None, households: Iterable[Household]
) -> Difference[Household]:
    """Compare a county's list with what is kept. Nothing is written. Raises Busy.

    Of two rows with one account the later counts. Missing is looked for under every place of the
    county, and not at all without one. One call an area.
    """
    areas = [_area(row.sk) for row in under(HomeRow, _county(county))] if county else []
    return _compare(HOUSEHOLDS, households, scope=areas)


def compare_places(county: str, incoming: Iterable[Place]) -> Difference[Place]:
    """Compare a county's places with what is kept. Nothing is written. Raises Busy."""
    return _compare(PLACES, incoming, scope=[_county(county)])


def difference_of(
    held: Mapping[str, Household], households: Iterable[Household]
) -> Difference[Household]:
    """Compare households with those kept that the caller has just read; misses nobody else."""
    wanted = {home.account_no: home for home in households}
    kept = {account: held[account] for account in wanted if account in held}
    moved = {
        account: was
        for account, was in kept.items()
        if was.transformer_id != wanted[account].transformer_id
    }
    changed = [
        wanted[account]
        for account, was in kept.items()
        if account not in moved and was != wanted[account]
    ]
    return Difference(
        added=tuple(home for account, home in wanted.items() if account not in kept),
        changed=tuple(changed),
        moved=tuple((wanted[account], _area(was.transformer_id)) for account, was in moved.items()),
        unchanged=len(kept) - len(moved) - len(changed),
    )


def put_households(difference: Difference[Household], *, drop_missing: bool = False) -> None:
    """Write what `compare_households` found. May be done again, wholly or from where it stopped.

    Raises Busy when the store does not answer; then a part may be written: compare and put again.
    """
    _put(HOUSEHOLDS, difference, drop_missing=drop_missing)


def put_places(difference: Difference[Place], *, drop_missing: bool = False) -> None:
    """Write what `compare_places` found, as `put_households` does."""
    _put(PLACES, difference, drop_missing=drop_missing)
    _NAMED.clear()
    changed = (*difference.added, *difference.changed, *difference.missing)
    for county in {place.county for place in (*changed, *(to for to, _ in difference.moved))}:
        _PLACES.forget(county)
    for _, home in difference.moved:
        _PLACES.forget(home.removeprefix("county/"))
    for place in (*changed, *(to for to, _ in difference.moved)):
        _KNOWN.forget(place.code)


def _compare(
    kind: Kind[_Item], incoming: Iterable[_Item], *, scope: Sequence[str]
) -> Difference[_Item]:
    wanted: dict[str, _Item] = {kind.key(item): item for item in incoming}
    homes = dict.fromkeys((*scope, *map(kind.home, wanted.values())))
    kept = {home: {row.sk: kind.read(row) for row in under(HomeRow, home)} for home in homes}
    found = {key: kept[kind.home(item)].get(key) for key, item in wanted.items()}
    fresh = {key: item for key, item in wanted.items() if found[key] is None}
    changed = [item for key, item in wanted.items() if key not in fresh and found[key] != item]
    old = _homes(kind, fresh)
    return Difference(
        added=tuple(item for key, item in fresh.items() if key not in old),
        changed=tuple(changed),
        moved=tuple((item, old[key]) for key, item in fresh.items() if key in old),
        missing=tuple(
            item for home in scope for key, item in kept[home].items() if key not in wanted
        ),
        unchanged=len(wanted) - len(fresh) - len(changed),
    )


def _homes(kind: Kind[_Item], keys: Iterable[str]) -> dict[str, str]:
    """Return where these are at home, of those that are."""
    keys_of = {kind.where(key)[0]: key for key in keys}
    homes = {
        keys_of[row.pk]: row.home for row in find_many(WhereRow, map(kind.where, keys_of.values()))
    }
    at_home = find_many(HomeRow, ((home, key) for key, home in homes.items()))
    return {row.sk: row.pk for row in at_home}


def _put(kind: Kind[_Item], difference: Difference[_Item], *, drop_missing: bool) -> None:
    put_all(WhereRow, (kind.where_row(item) for item in difference.added))
    put_all(HomeRow, (kind.home_row(item) for item in difference.added))
    put_all(HomeRow, (kind.home_row(item) for item in difference.changed))
    for start in range(0, len(difference.moved), MOVES_A_WRITE):
        _move(kind, difference.moved[start : start + MOVES_A_WRITE])
    if drop_missing:
        gone = difference.missing
        delete_all(HomeRow, ((kind.home(item), kind.key(item)) for item in gone))
        delete_all(WhereRow, (kind.where(kind.key(item)) for item in gone))


def _move(kind: Kind[_Item], some: Sequence[tuple[_Item, str]]) -> None:
    def fill(transaction: TransactWrite) -> None:
        for item, old in some:
            transaction.delete(HomeRow(old, kind.key(item)))
            transaction.save(kind.home_row(item))
            transaction.save(kind.where_row(item), WhereRow.home.is_in(old, kind.home(item)))

    try:
        write(fill)
    except Unconfirmed as doubt:
        raise Busy(of="store") from doubt  # idempotent: the same again, or compare again
