"""Which supply points an outage darkens (停电范围): by transformer, all of its loads or some.

A reach says "all of T1, L7 and L8 of T2, all of T3 but L9". All-but is kept as such, so that taking
a few loads away from a whole transformer needs no list of what hangs under it; union, difference
and intersection are exact and closed. Households are counted with the loads that are named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Any, Final

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Part:
    """Loads of one transformer: just `loads`, or, where `whole` is given, all but `loads`.

    loads: load_id → households that hang under it. whole: households of the whole transformer.
    """

    loads: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    whole: int | None = None

    @property
    def households(self) -> int:
        """How many households it holds."""
        named = sum(self.loads.values())
        return named if self.whole is None else max(0, self.whole - named)

    @property
    def is_all(self) -> bool:
        """Whether it is the whole transformer with nothing taken away."""
        return self.whole is not None and not self.loads

    def __bool__(self) -> bool:
        """Whether anything is in it. All but some, with nobody left, is nothing."""
        if self.whole is None:
            return bool(self.loads)
        return not self.loads or self.households > 0

    def covers(self, load_id: str) -> bool:
        """Return whether the load is in it."""
        return (load_id in self.loads) == (self.whole is None)

    def __or__(self, other: "Part") -> "Part":
        if self.whole is None and other.whole is None:
            return Part({**other.loads, **self.loads})
        if self.whole is None:
            return other | self
        left_out = {load: n for load, n in self.loads.items() if not other.covers(load)}
        return Part(left_out, max(self.whole, other.whole or 0))

    def __sub__(self, other: "Part") -> "Part":
        if self.whole is None:
            return Part({load: n for load, n in self.loads.items() if not other.covers(load)})
        if other.whole is None:
            return Part({**other.loads, **self.loads}, self.whole)
        return Part({load: n for load, n in other.loads.items() if self.covers(load)})

    def __and__(self, other: "Part") -> "Part":
        if self.whole is None:
            return Part({load: n for load, n in self.loads.items() if other.covers(load)})
        if other.whole is None:
            return other & self
        return Part({**other.loads, **self.loads}, min(self.whole, other.whole))

    def to_json(self) -> Any:
        """Return {load: households}, [whole], or [whole, {load: households} left out]."""
        named = dict(self.loads)
        if self.whole is None:
            return named
        return [self.whole, named] if named else [self.whole]

    @classmethod
    def from_json(cls, raw: Any) -> "Part":
        """Read `to_json` back."""
        if isinstance(raw, Mapping):
            return cls(MappingProxyType(dict(raw)))
        return cls(MappingProxyType(dict(raw[1]) if len(raw) > 1 else {}), raw[0])


NOTHING: Final = Part()


@dataclass(frozen=True, slots=True)
class Reach:
    """Parts by transformer_id. Empty parts are not kept. Equal when written alike."""

    parts: Mapping[str, Part] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(
        cls, areas: Mapping[str, str | Iterable[str]], households: Mapping[str, int] | None = None
    ) -> "Reach":
        """Return a reach from transformer_id → "all" or its dark loads, as a trace gives it.

        households: of transformers that are dark as a whole, and of loads; whoever is not in it
        counts as one household.
        """
        counts = households or {}

        def part(transformer: str, loads: str | Iterable[str]) -> Part:
            if loads == ALL:
                return Part(whole=counts.get(transformer, 1))
            return Part({load: counts.get(load, 1) for load in loads})

        return cls._kept({name: part(name, loads) for name, loads in areas.items()})

    @classmethod
    def _kept(cls, parts: Mapping[str, Part]) -> "Reach":
        return cls(MappingProxyType({name: part for name, part in parts.items() if part}))

    @property
    def households(self) -> int:
        """How many households it holds."""
        return sum(part.households for part in self.parts.values())

    @property
    def transformers(self) -> tuple[str, ...]:
        """The transformers it touches, sorted."""
        return tuple(sorted(self.parts))

    def __bool__(self) -> bool:
        return bool(self.parts)

    def cut(self, *, areas: int, households: int) -> tuple[tuple[str, ...], ...]:
        """Return its transformers in runs of at most so many that hold at most so many households.

        A transformer that holds more is a run of its own. Raises ValueError for a run of none.
        """
        if areas < 1 or households < 1:
            raise ValueError((areas, households))
        runs: list[list[str]] = []
        held = households
        for name in self.transformers:
            here = self.parts[name].households
            if not runs or len(runs[-1]) == areas or held + here > households:
                runs.append([])
                held = 0
            runs[-1].append(name)
            held += here
        return tuple(map(tuple, runs))

    def covers(self, transformer_id: str, load_id: str) -> bool:
        """Return whether the supply point is in it."""
        return self.part(transformer_id).covers(load_id)

    def __or__(self, other: "Reach") -> "Reach":
        names = {**self.parts, **other.parts}
        return self._kept({name: self.part(name) | other.part(name) for name in names})

    def __sub__(self, other: "Reach") -> "Reach":
        return self._kept({name: part - other.part(name) for name, part in self.parts.items()})

    def __and__(self, other: "Reach") -> "Reach":
        shared = [name for name in self.parts if name in other.parts]
        return self._kept({name: self.parts[name] & other.parts[name] for name in shared})

    def part(self, name: str) -> Part:
        """Return the part of a transformer, empty where there is none."""
        return self.parts.get(name, NOTHING)

    def to_json(self) -> dict[str, Any]:
        """Return transformer → the part's JSON."""
        return {name: part.to_json() for name, part in self.parts.items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Reach":
        """Read `to_json` back."""
        return cls(MappingProxyType({name: Part.from_json(part) for name, part in raw.items()}))


NOWHERE: Final = Reach()


def union(reaches: Iterable[Reach]) -> Reach:
    """Return all of them together."""
    return reduce(Reach.__or__, reaches, NOWHERE)
