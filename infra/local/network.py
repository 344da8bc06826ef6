"""The demo county's network (10 kV): one substation, a feeder a station, ties between neighbours.

Written as the rows of `devices.csv` and `customers.csv`, so that it comes in as a county's own
would. A feeder: the breaker in the substation, a trunk of four sections behind three switches, and
at each of its poles branches with a fuse and a transformer, which feeds five meter boxes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from chalicelib.store.customers import Household, Place

SUBSTATION: Final = "SS-QH"
BOXES: Final = 5
SECTIONS: Final = 4
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Feeder:
    """A feeder to draw: its id, the name of its line, and its transformers in order of distance."""

    feeder_id: str
    line: str
    places: Sequence[Place]


def devices(places: Iterable[Place]) -> list[Row]:
    """Return the rows of `devices.csv`: places of one station hang on one feeder."""
    feeders = _feeders(places)
    rows = [
        _row("QH-SRC", "source", "清河变110kV进线", "", "QH-B110", kv="110"),
        _row("QH-TM", "transformer", "清河变1号主变", "QH-B110", "QH-B10", kv="110/10"),
    ]
    for feeder in feeders:
        rows += _trunk(feeder)
    for one, other in pairwise(feeders):
        tie = f"{one.feeder_id}-{other.feeder_id[-2:]}-TIE"
        name = f"{one.line}与{other.line}联络开关"
        rows.append(
            _row(tie, "switch", name, _pole(one, SECTIONS), _pole(other, SECTIONS), tie=True)
        )
    return rows


def customers(households: Iterable[Household]) -> list[Row]:
    """Return the rows of `customers.csv`: ten households a meter box."""
    count: dict[str, int] = {}
    rows: list[Row] = []
    for household in households:
        code = household.transformer_id
        index = count[code] = count.get(code, -1) + 1
        box = f"{code}-X{index % BOXES + 1}"
        rows.append(
            {
                "customer_id": household.account_no,
                "account_no": household.account_no,
                "meter_no": f"M{household.account_no}",
                "name": household.name,
                "phone": "、".join(phone.number.removeprefix("+86") for phone in household.phones),
                "load_id": box,
                "bus_id": f"{box}-B",
                "nodes": "",
                "device_id": f"{box}-LV",
                "transformer_id": code,
                "feeder_id": _feeder_of(code),
                "phases": "ABC",
                "kw": "8",
                "is_key": str(int("key" in household.flags)),
                "is_vulnerable": str(int("life_support" in household.flags)),
                "address": household.address,
            }
        )
    return rows


def _feeders(places: Iterable[Place]) -> list[_Feeder]:
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(_feeder_of(place.code), []).append(place)
    return [_Feeder(feeder, some[0].line, some) for feeder, some in sorted(found.items())]


def _feeder_of(code: str) -> str:
    return f"F-{code.rpartition('-')[0]}"


def _pole(feeder: _Feeder, number: int) -> str:
    return f"{feeder.feeder_id}-P{number}"


def _trunk(feeder: _Feeder) -> Iterator[Row]:
    of, line = feeder.feeder_id, feeder.line
    yield _row(f"{of}-CB", "breaker", f"{line}出线开关", "QH-B10", f"{of}-S0", of=of, trips=True)
    for number in range(1, SECTIONS + 1):
        start = f"{of}-S{number - 1}"
        if number > 1:
            switch = f"{of}-SW{number - 1}"
            name = f"{line}{number - 1}号分段开关"
            yield _row(switch, "switch", name, _pole(feeder, number - 1), start, of=of, moves=True)
        name = f"{line}{number}段"
        yield _row(f"{of}-L{number}", "line", name, start, _pole(feeder, number), of=of)
    for index, place in enumerate(feeder.places):
        yield from _branch(feeder, place, pole=index * SECTIONS // len(feeder.places) + 1)


def _branch(feeder: _Feeder, place: Place, *, pole: int) -> Iterator[Row]:
    of, code, name = feeder.feeder_id, place.code, place.name
    top, low = f"{code}-B10", f"{code}-B04"
    yield _row(f"{code}-FU", "fuse", f"{name}跌落保险", _pole(feeder, pole), top, of=of, trips=True)
    yield _row(code, "transformer", name, top, low, of=of, kv="10/0.4")
    for box in range(1, BOXES + 1):
        which = f"{code}-X{box}"
        title = f"{name}{box}号表箱空开"
        yield _row(f"{which}-LV", "breaker", title, low, f"{which}-B", of=of, kv="0.4", trips=True)


def _row(
    device_id: str,
    kind: str,
    name: str,
    start: str,
    end: str,
    *,
    of: str = "",
    kv: str = "10",
    trips: bool = False,
    moves: bool = False,
    tie: bool = False,
) -> Row:
    return {
        "device_id": device_id,
        "kind": kind,
        "name": name,
        "parent_id": "",
        "feeder_id": of,
        "substation_id": SUBSTATION,
        "bus_from": start,
        "bus_to": end,
        "phases": "ABC",
        "conductors": "",
        "kv": kv,
        "length_km": "",
        "switchable": str(int(trips or moves or tie)),
        "protective": str(int(trips)),
        "closed": str(int(not tie)),
        "normally_open": str(int(tie)),
        "loop": "0",
        "depth": "",
        "lon": "",
        "lat": "",
    }
