"""How a head is written as JSON, and how what its events changed is folded into it.

A head's module says of each field what a row calls it, and how a value is written that JSON has
not; nothing else is said of it anywhere. Names are short, and what is as it was at the beginning
is left out: a row pays for its bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from .clocks import instant, millis

Codec = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""How a value is written as JSON, and how it is read back. None is None."""

INSTANT: Final[Codec] = (millis, instant)
TUPLE: Final[Codec] = (list, tuple)


def _same(value: Any) -> Any:
    return value


PLAIN: Final[Codec] = (_same, _same)
"""Of text, numbers and switches."""

H = TypeVar("H")


class _Written(NamedTuple):
    """One field. raw, value: what it is at the beginning, in JSON and as it is read."""

    name: str
    short: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    raw: Any
    value: Any


class Fold(Generic[H]):
    """What is said of the fields of one kind of head, a dataclass.

    short: every field → its name in a row. codecs: of what is not plain. merged: of the entries of
    the mappings, which a change merges by key; an entry that becomes None is taken out.
    """

    def __init__(
        self,
        head: type[H],
        short: Mapping[str, str],
        *,
        codecs: Mapping[str, Codec],
        merged: Mapping[str, Codec],
    ) -> None:
        whole = {**codecs, **{name: _mapping(*codec) for name, codec in merged.items()}}
        declared = {each.name: each for each in fields(head)}  # type: ignore[arg-type] # it is one
        self._head = head
        self._merged = merged
        self._fields = {
            name: _written(declared[name], key, whole.get(name, PLAIN))
            for name, key in short.items()
        }

    def to_json(self, head: H) -> dict[str, Any]:
        """Return a head as plain JSON with short keys, defaults left out."""
        return {
            short: raw
            for name, short, write, _, default, _ in self._fields.values()
            if (raw := _maybe(write, getattr(head, name))) != default
        }

    def from_json(self, raw: Mapping[str, Any]) -> H:
        """Read `to_json` back."""
        values = {
            name: _maybe(read, raw[short]) if short in raw else value
            for name, short, _, read, _, value in self._fields.values()
        }
        return self._head(**values)

    def encode(self, name: str, value: Any) -> Any:
        """Return the JSON of a field, as `changes` of an event has it."""
        return _maybe(self._fields[name].write, value)

    def encode_entry(self, name: str, value: Any) -> Any:
        """Return the JSON of one entry of a mapping."""
        return _maybe(self._merged[name][0], value)

    def apply(self, head: H | None, changes: Mapping[str, Any], *, own: Mapping[str, Any]) -> H:
        """Return the head with what an event changed. own: what the event is: id, version, tip."""
        raw = {} if head is None else self.to_json(head)
        for name, value in {**changes, **own}.items():
            short = self._fields[name].short
            if name in self._merged:
                both = {**raw.get(short, {}), **value}
                raw[short] = {key: entry for key, entry in both.items() if entry is not None}
            else:
                raw[short] = value
        return self.from_json(raw)


def _written(field: Field[Any], short: str, codec: Codec) -> _Written:
    write, read = codec
    if field.default_factory is not MISSING:
        raw = write(field.default_factory())
    else:
        raw = None if field.default is MISSING else _maybe(write, field.default)
    return _Written(field.name, short, write, read, raw, _maybe(read, raw))


def _mapping(write: Callable[[Any], Any], read: Callable[[Any], Any]) -> Codec:
    return (
        lambda entries: {key: write(entry) for key, entry in entries.items()},
        lambda raw: MappingProxyType({key: read(entry) for key, entry in raw.items()}),
    )


def _maybe(codec: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else codec(value)
