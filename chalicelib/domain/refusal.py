"""Everything the house refuses, as one tree. A refusal changes nothing; all else is a bug.

    Refused
    ├── BadInput            fields that cannot be used, each named with a code
    ├── NotSignedIn         no or unusable credentials
    ├── NotAllowed          the caller may see it but may not do this
    ├── Unknown             no such thing, or not the caller's to see: both answer alike
    ├── IllegalMove         the procedure has no edge for this move from this stage
    ├── GateClosed          the edge exists, but what it demands is not met
    ├── Stale               somebody else changed it first (carries who and when)
    ├── KeyReused           one Idempotency-Key, two different bodies
    ├── KeySpent            the answer showed a secret once and cannot be shown again
    ├── TooMany             slow down, and come back after `retry_after` seconds
    ├── TooLarge            the body is larger than we read
    ├── Unsupported         a media type or a method that we do not speak
    └── Busy                the store or a gateway did not answer in time: try again

`facts` are plain values (text, numbers, lists of them), never personal data.
The web's status and the words in both languages are paired with the slug in `api/problem.py`
and `domain/words.py`.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class Refused(Exception):
    """The root: `slug` is stable and public, `facts` fill the words."""

    slug: ClassVar[str] = "refused"

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.slug)
        self.facts: dict[str, Any] = facts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.facts})"

    def __str__(self) -> str:
        return f"{self.slug} {self.facts}" if self.facts else self.slug


@dataclass(frozen=True, slots=True)
class FieldError:
    """One unusable field: a dotted path, a stable code and the facts that fill its words."""

    field: str
    code: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class BadInput(Refused):
    """Fields that cannot be used. `errors` names each of them."""

    slug = "bad-input"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors: tuple[FieldError, ...] = tuple(errors)
        super().__init__(errors=[(e.field, e.code) for e in self.errors])

    @classmethod
    def of(cls, field_name: str, code: str, **facts: Any) -> "BadInput":
        """Refuse one field."""
        return cls([FieldError(field_name, code, facts)])


class NotSignedIn(Refused):
    """No credentials, or credentials that cannot be used."""

    slug = "not-signed-in"


class NotAllowed(Refused):
    """The caller may see the thing but may not do this to it."""

    slug = "not-allowed"


class Unknown(Refused):
    """No such thing, or not the caller's to see."""

    slug = "unknown"


class IllegalMove(Refused):
    """The procedure has no edge for this move from this stage."""

    slug = "illegal-move"


class GateClosed(Refused):
    """The edge exists, but its gates are not all met. facts: `gates`, the open ones."""

    slug = "gate-closed"


class Stale(Refused):
    """Somebody changed it first. facts: `by`, `move`, `at`, `version` of the change that won."""

    slug = "stale"


class KeyReused(Refused):
    """The same Idempotency-Key came with another body."""

    slug = "key-reused"


class KeySpent(Refused):
    """The first answer showed a secret once; it is not shown again."""

    slug = "key-spent"


class TooMany(Refused):
    """Too many attempts. facts: `retry_after` in seconds."""

    slug = "too-many"


class TooLarge(Refused):
    """A body or a file over the limit. facts: `limit` in bytes."""

    slug = "too-large"


class Unsupported(Refused):
    """A media type or a method that we do not speak."""

    slug = "unsupported"


class Busy(Refused):
    """What we depend on did not answer in time; nothing was changed that is not in the store."""

    slug = "busy"
