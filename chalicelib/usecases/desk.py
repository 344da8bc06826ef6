"""What every journey is handed: the registry as it stands now, the rule set and the secret."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from chalicelib.domain.calendar import Calendar, OfficeHours
from chalicelib.domain.clocks import Rules
from chalicelib.domain.contact import clean_text
from chalicelib.domain.limits import LimitBook
from chalicelib.domain.order import Actor, Order, canonical
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.procedure import Form, Need, Procedure
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.domain.staff import Capability, Office, Staff
from chalicelib.store import registry
from chalicelib.store.registry import Snapshot


@dataclass(frozen=True)
class Desk:
    """One deployment as a journey sees it. `secret` is the root of every HMAC, ≥ 32 bytes."""

    snapshot: Snapshot
    secret: bytes
    ruleset: str
    procedures: Mapping[str, Procedure] = field(default_factory=lambda: PROCEDURES)

    @cached_property
    def calendar(self) -> Calendar:
        """The shipped years and those that an admin loaded."""
        calendar = Calendar.shipped()
        for table in self.snapshot.calendars:
            calendar = calendar.with_year(table)
        return calendar

    @cached_property
    def book(self) -> LimitBook:
        """The chosen rule set with every office's overrides."""
        return LimitBook.shipped(self.ruleset).with_overrides(self.snapshot.overrides)

    @cached_property
    def papers(self) -> "Desk":
        """The same desk with papers (文书) on it in place of orders."""
        other = replace(self, procedures=PAPERS)
        vars(other).update(calendar=self.calendar, book=self.book)
        return other

    def rules(self, office_id: str) -> Rules:
        """Return the rules as they hold for an office. Raises Unknown."""
        office = self.office(office_id)
        return Rules(
            book=self.book, calendar=self.calendar, hours=OfficeHours(), offices=office.upwards
        )

    def office(self, office_id: str) -> Office:
        """Return an office. Raises Unknown."""
        office = self.snapshot.offices.get(office_id)
        if office is None:
            raise Unknown(what="office")
        return office

    def path(self, office_id: str) -> tuple[str, ...]:
        """Return the ids from the root to an office; empty where the office is gone."""
        office = self.snapshot.offices.get(office_id)
        return office.path if office else ()

    def procedure(self, kind: str) -> Procedure:
        """Return the procedure of a kind. Raises BadInput naming `kind`."""
        if kind not in self.procedures:
            raise BadInput.of("kind", "kind.unknown", kind=kind[:40])
        return self.procedures[kind]

    def derive(self, purpose: str, *parts: str) -> bytes:
        """Return 32 bytes for one purpose, which tell nothing about those for another."""
        message = "\n".join((purpose, *parts)).encode()
        return hmac.new(self.secret, message, hashlib.sha256).digest()


class Viewer(Protocol):
    """One of the staff at the desk, at an instant. api/access decides what is theirs."""

    @property
    def desk(self) -> Desk:
        """The desk as they see it."""

    @property
    def staff(self) -> Staff:
        """Who they are."""

    @property
    def at(self) -> datetime:
        """When they ask."""

    def sees(self, order: Order) -> bool:
        """Return whether an order is theirs to see."""

    def reaches(self, capability: Capability, *office_ids: str) -> bool:
        """Return whether they may do this at any of these offices."""


_opened: Desk | None = None


def open_desk(*, secret: bytes, ruleset: str, at: datetime) -> Desk:
    """Return the desk as it stands within the last minute.

    The same desk as before while the registry's snapshot is the same, so that calendar and limit
    book are put together once a minute and not once a request. Raises Busy.
    """
    global _opened  # noqa: PLW0603 - one deployment a process
    snapshot = registry.snapshot(at=at)
    if _opened is None or _opened.snapshot is not snapshot or _opened.secret != secret:
        _opened = Desk(snapshot, secret, ruleset)
    return _opened


def actor_of(staff: Staff) -> Actor:
    """Return the actor that the ledger names: role, id and office, never a name."""
    return Actor(staff.role.value, staff.staff_id, staff.office_id)


def split_answers(
    needs: Iterable[Need], answers: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (words, data): what is personal and kept apart, cleaned, and what is coded.

    What cannot be cleaned stays as it came: `read_needs` refuses it, together with all the rest.
    """
    texts = {need.name: need for need in needs if need.form is Form.TEXT}
    words = {name: _cleaned(texts[name], answers[name]) for name in texts if answers.get(name)}
    data = {name: value for name, value in answers.items() if name not in texts}
    return {name: value for name, value in words.items() if value}, data


def _cleaned(need: Need, value: Any) -> Any:
    try:
        return clean_text(
            value, field=need.name, max_units=need.longest, multiline=True, required=False
        )
    except BadInput:
        return value


def body_hash(body: Mapping[str, Any]) -> str:
    """Return the fingerprint by which one Idempotency-Key with another body is told."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()[:32]
