"""A report comes in (受理): from a citizen, an agent on the telephone, or another platform.

Accepting it is one transaction of four rows: the head, the first event, the contact with the words
(erasable, apart), and the index entry that the head's own write makes. The number comes from who
asked and their Idempotency-Key, so asking twice is answered twice and filed once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.contact import Contact, find_phones, mask_address, mask_name, phone_key
from chalicelib.domain.grading import signs_in
from chalicelib.domain.order import Actor, order_number, salted_digest
from chalicelib.domain.procedure import Step, open_order
from chalicelib.domain.refusal import BadInput, Busy, FieldError
from chalicelib.store import customers, orders, personal
from chalicelib.usecases.desk import Desk, body_hash, split_answers
from chalicelib.usecases.looking import look_after

SUMMARY_LENGTH: Final = 40
COLLISIONS: Final = 4
DANGERS: Final = ("wire_down", "smoke_or_sparks", "electric_shock", "fire", "pole_leaning")


GRADED = frozenset({"complaint", "grievance"})
"""Kinds whose words may say how grave a matter is."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was reported, already clean: see domain/contact.py and api's models.

    answers: coded answers and words to the procedure's intake needs. occurred_at: when it was
    reported to us or written down (a paper slip), not when we heard of it. desk_office: whose desk
    takes it when no place says; the deployment's default county where that is empty.
    """

    kind: str
    occurred_at: datetime
    sub_type: str = ""
    place: str = ""
    contact: Contact = field(default_factory=Contact)
    anonymous: bool = False
    answers: Mapping[str, Any] = field(default_factory=dict)
    dangers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    channel: str = "web"
    case_no: str = ""
    training: bool = False
    language: str = "zh"
    desk_office: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report became. `created` is False when this same report had been filed before."""

    head: orders.Head
    created: bool


def report(
    desk: Desk,
    sent: Report,
    *,
    actor: Actor,
    caller: str,
    key: str,
    salt: bytes,
    at: datetime,
) -> Reported:
    """File a report. The same caller, key and body give the same order again.

    Raises BadInput naming the fields, KeyReused, or Busy when the store does not answer.
    """
    procedure = desk.procedure(sent.kind)
    _check(sent)
    place = _place_of(sent, at=at)
    office = desk.office(_office_of(desk, sent, place))
    words, data = split_answers(procedure.intake, sent.answers)
    step = Step(
        "opened",
        actor,
        occurred_at=sent.occurred_at,
        recorded_at=at,
        data=data,
        words=words,
        digest=salted_digest(words, salt) if words else "",
    )
    fields = {
        "channel": sent.channel,
        "case_no": sent.case_no,
        "sub_type": sent.sub_type,
        "training": sent.training,
        "facts": {**_facts(sent, place, office.terrain), **_signs(sent, words)},
    }
    intake = f"{body_hash({'caller': caller, 'key': key})}.{fingerprint(sent)}"
    party = phone_key(sent.contact.phone, desk.secret) if sent.contact.phone else ""
    for attempt in range(COLLISIONS):
        order_id = order_number(desk.secret, caller, key, attempt=attempt)
        opened = open_order(
            step,
            order_id=order_id,
            kind=sent.kind,
            county=office.county,
            office=office.county,
            fields=fields,
            procedures=desk.procedures,
            rules=desk.rules(office.office_id),
        )
        item = personal.ContactItem(
            party=party,
            order_id=order_id,
            contact={} if sent.anonymous and not sent.contact.phone else _kept(sent),
            words=words,
            salt=salt,
        )
        try:
            head, created = orders.open_(
                opened,
                shown=_shown(sent, words, place, party),
                contact=item,
                intake=intake,
                look=look_after(desk, opened),
            )
        except orders.NumberTaken:
            continue
        return Reported(head, created)
    raise Busy(what="number")


def office_of(desk: Desk, sent: Report, *, at: datetime) -> str:
    """Return the office whose place was named, else whose desk takes it. Raises BadInput, Busy."""
    return _office_of(desk, sent, _place_of(sent, at=at))


def _office_of(desk: Desk, sent: Report, place: customers.Place | None) -> str:
    office_id = place.office_id if place else sent.desk_office or desk.snapshot.default_county
    if not office_id:
        raise Busy(what="no-county")
    return office_id


def fingerprint(sent: Report) -> str:
    """Return the hash of everything that was sent, by which a reused key is told."""
    contact = sent.contact
    return body_hash(
        {
            "kind": sent.kind,
            "sub_type": sent.sub_type,
            "place": sent.place,
            "phone": contact.phone.number if contact.phone else "",
            "name": contact.name,
            "address": contact.address,
            "account_no": contact.account_no,
            "anonymous": sent.anonymous,
            "answers": {name: str(value) for name, value in sent.answers.items()},
            "dangers": list(sent.dangers),
            "files": list(sent.files),
            "channel": sent.channel,
            "case_no": sent.case_no,
            "training": sent.training,
        }
    )


def _check(sent: Report) -> None:
    errors: list[FieldError] = []
    if not sent.anonymous and sent.contact.phone is None and sent.channel == "web":
        errors.append(FieldError("phone", "field.required"))
    if sent.anonymous and sent.kind not in ANONYMOUS_KINDS:
        errors.append(FieldError("anonymous", "anonymous.not_taken"))
    errors.extend(
        FieldError("dangers", "field.choice", {"allowed": list(DANGERS)})
        for danger in sent.dangers
        if danger not in DANGERS
    )
    if errors:
        raise BadInput(errors)


ANONYMOUS_KINDS: Final = frozenset(
    {
        "complaint",
        "grievance",
        "misconduct_report",
        "opinion",
        "suggestion",
        "compliment",
    }
)


def _place_of(sent: Report, *, at: datetime) -> customers.Place | None:
    """Return the place that was named, or the one that the account hangs under."""
    if sent.place:
        place = customers.known_place(sent.place, at=at)
        if place is None:
            raise BadInput.of("place", "place.unknown")
        return place
    if sent.contact.account_no:
        household = customers.find_household(sent.contact.account_no)
        if household is not None:
            return customers.known_place(household.transformer_id, at=at)
    return None


def _facts(sent: Report, place: customers.Place | None, terrain: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"terrain": place.terrain if place else terrain}
    if place:
        facts["place"] = place.code
    if sent.anonymous:
        facts["anonymous"] = True
    if sent.dangers:
        facts["dangers"] = list(sent.dangers)
    if sent.contact.special_need:
        facts["special_need"] = True
    if sent.kind == "fault" and place and place.is_low_voltage:
        facts["low_voltage"] = True
    if sent.files:
        facts["files"] = len(sent.files)
    return facts


def _signs(sent: Report, words: Mapping[str, str]) -> dict[str, Any]:
    """Return what a complaint's words may say of its grade, as codes: for a person to confirm."""
    signs = signs_in("。".join(words.values())) if sent.kind in GRADED else ()
    return {"signs": list(signs)} if signs else {}


def _kept(sent: Report) -> dict[str, Any]:
    contact = sent.contact
    kept = {
        "phone": contact.phone.number if contact.phone else "",
        "name": contact.name,
        "address": contact.address,
        "account_no": contact.account_no,
        "reply_wish": contact.reply_wish.value,
        "special_need": contact.special_need,
        "language": sent.language,
        "files": list(sent.files),
    }
    return {name: value for name, value in kept.items() if value}


def _shown(
    sent: Report, words: Mapping[str, str], place: customers.Place | None, party: str
) -> dict[str, Any]:
    """Return what the queue shows: masked, short, erasable, outside fold and hash."""
    shown = {
        "summary": summary_of(words.get("description", ""), name=sent.contact.name),
        "place": place.name if place else mask_address(sent.contact.address),
        "phone": sent.contact.phone.masked if sent.contact.phone else "",
        "party": party,
    }
    return {name: value for name, value in shown.items() if value}


def summary_of(description: str, *, name: str = "") -> str:
    """Return the first words of a description; no telephone in them, the reporter's name masked."""
    line = " ".join(description.split())
    if len(name) > 1:
        line = line.replace(name, mask_name(name))
    if find_phones(line):
        line = "".join("*" if ch.isdigit() else ch for ch in line)
    return line if len(line) <= SUMMARY_LENGTH else line[: SUMMARY_LENGTH - 1] + "…"
