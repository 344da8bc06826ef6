"""What events cause in the world (送达): texts, alerts, webhooks, closed children, power back.

The ledger's stream brings each event once or more; `spread` turns it into messages on the effects
queue, and `carry_out` does one effect: claim it by its id, do it, settle it. A redelivery finds the
claim; a worker that died leaves a lease that runs out; what never came the look-back finds.
A text says only what is true at the moment: one that time has overtaken is superseded.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol, assert_never

from chalicelib.domain import issue, notice, outage, words
from chalicelib.domain.calendar import Due
from chalicelib.domain.clocks import Target, millis
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Event, Order, is_order
from chalicelib.domain.paper import effects as paper_effects
from chalicelib.domain.paper import is_paper
from chalicelib.domain.procedure import GRADE, LEDGER, TIMER, Effect, effects, running_promise
from chalicelib.domain.refusal import Stale, Unknown
from chalicelib.domain.staff import Capability, may
from chalicelib.outbound import webhooks
from chalicelib.outbound.sms import (
    USUAL_RATE,
    Gateway,
    GatewayBusy,
    NumberRejected,
    ReplyLost,
    Text,
)
from chalicelib.store import daybook, deliveries, ledger, orders, personal
from chalicelib.store.deliveries import Status
from chalicelib.store.orders import Head
from chalicelib.telemetry import alarm, log
from chalicelib.usecases import joining, linking, locating
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Back

LEASE: Final = timedelta(minutes=2)
"""Well above every gateway's timeout and the difference between two machines' clocks."""

IMPORTANT: Final = frozenset({"promise_broken", "done", "answered", "corrected"})
"""Texts whose failure puts the order on the call list: somebody telephones instead."""

ELSEWHERE: Final = frozenset({"status"})
"""Kinds of an outage's effects that no message carries: the public page is written whole."""

WAITED: Final = frozenset({"hold", "review"})
"""What falls due of an outage that is not sure yet: then everything is weighed again."""

HEARD: Final = "heard"
WATCHED: Final = "watched"
"""The kind of effect by which a report of no power becomes evidence."""

AGAIN: Final = 5
"""Seconds after which is tried again what others were faster at, or what is not yet so."""

MOST_LOST: Final = 2
"""After so many lost replies nobody sends again: a person calls."""


class Placed(Protocol):
    """What lies with an office: an order, an outage."""

    @property
    def office(self) -> str:
        """Who has it."""

    @property
    def county(self) -> str:
        """Whose desk watches it."""


class Later(Exception):
    """The effect was not made and may be tried again after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Ports:
    """The way out of the house. site: what people type to find us, without its scheme.

    rate: texts a second that the gateway has declared.
    """

    gateway: Gateway
    signature: str
    site: str
    by: str
    allow_loopback: bool = False
    rate: float = USUAL_RATE


# From the stream to the queue -----------------------------------------------------------------


def spread(desk: Desk, events: Iterable[Event]) -> list[tuple[str, int, str]]:
    """Return (chain, seq, effect id) for everything that these events cause.

    A chain is an order's number, `outage/<id>`, `issue/<id>` or `paper/<id>`. Events of others
    (registry, access) cause nothing.
    """
    return [
        (event.aggregate, event.seq, effect_id)
        for event in events
        for effect_id in _ids_of(desk, event)
    ]


def _ids_of(desk: Desk, event: Event) -> list[str]:
    if is_order(event.aggregate):
        return effect_ids(desk, event)
    if issue.is_issue(event.aggregate):
        return [each.effect_id for each in issue.effects(event)]
    if outage.is_outage(event.aggregate):
        return [each.effect_id for each in outage_effects(event)]
    if is_paper(event.aggregate):
        return [each.effect_id for each in paper_effects(event)]
    return []


def outage_effects(event: Event) -> tuple[Effect, ...]:
    """Return what an outage's event causes and `responding` makes."""
    own = tuple(each for each in outage.effects(event) if each.kind not in ELSEWHERE)
    is_due = event.name == TIMER and event.data["due"][0] in WAITED
    if not is_due or event.data.get("training"):
        return own
    return (*own, Effect(f"{event.seq}.weigh.again", "weigh", "again"))


def effect_ids(desk: Desk, event: Event) -> list[str]:
    """Return the ids of an event's effects, the subscribers' among them."""
    own = own_effect_ids(event)
    if event.data.get("training"):
        return own
    subscribers = {
        webhook.webhook_id: webhook for webhook in desk.snapshot.webhooks.values() if webhook.active
    }
    return own + [f"{event.seq}.webhook.{webhook_id}" for webhook_id in subscribers]


def own_effect_ids(event: Event) -> list[str]:
    """Return the ids of what an order's event causes within the house."""
    own = [effect.effect_id for effect in effects(event)]
    if is_heard(event):
        return [*own, f"{event.seq}.{HEARD}.outage"]
    return [*own, f"{event.seq}.{WATCHED}.supply"] if is_watched(event) else own


def is_heard(event: Event) -> bool:
    """Return whether an event is a report of no power, or of a danger: evidence of an outage."""
    said = event.changes
    facts = said.get("facts", {})
    is_report = event.seq == 1 and said.get("kind") == "fault" and not said.get("training")
    is_about_power = facts.get("symptom") == joining.NO_POWER or bool(facts.get("dangers"))
    return is_report and is_about_power and said.get("channel") != joining.CHANNEL


def is_watched(event: Event) -> bool:
    """Return whether an event is a report of poor voltage, which may be low too often."""
    said = event.changes
    is_report = event.seq == 1 and said.get("kind") == "fault" and not said.get("training")
    return is_report and said.get("facts", {}).get("symptom") in linking.OF_VOLTAGE


def enter_daybook(event: Event, day: date) -> None:
    """Note a new order in the daybook of its county, for search and export by day."""
    if is_order(event.aggregate) and event.seq == 1:
        county = str(event.changes["county"])
        row = {"kind": event.changes["kind"], "channel": event.changes.get("channel", "web")}
        daybook.put(county, day, event.aggregate, row, version=event.seq)


# One effect -----------------------------------------------------------------------------------


def carry_out(
    desk: Desk, ports: Ports, order_id: str, seq: int, effect_id: str, *, at: datetime
) -> Status | None:
    """Make one effect happen, once. Returns what became of it; None when it is not ours to make.

    Raises Later when it should be tried again, and Busy when the store does not answer.
    """

    def make(event: Event, tries: int) -> Outcome:
        head = orders.get(order_id)
        outcome = _make(desk, ports, head, event, effect_id, tries=tries, at=at)
        if outcome.call:
            county, since = head.order.county, event.recorded_at
            deliveries.add_call(county, order_id, effect_id, since=since, reason=outcome.reason)
        return outcome

    return once(order_id, seq, effect_id, make, by=ports.by, of={"order": order_id}, at=at)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one effect. call: somebody telephones instead."""

    status: Status
    reason: str = ""
    gateway_id: str = ""
    call: bool = False


NO_SUCH_EFFECT: Final = Outcome(Status.FAILED, reason="no-such-effect")


def once(
    chain: str,
    seq: int,
    effect_id: str,
    make: Callable[[Event, int], Outcome],
    *,
    by: str,
    of: Mapping[str, str],
    at: datetime,
) -> Status | None:
    """Claim one effect of a chain's event, make it and settle it. None when it is not ours to make.

    make: gets the event and which try it is; of: what the chain is, for the log. Raises Later when
    it should be tried again, and Busy when the store does not answer.
    """
    event = ledger.event(chain, seq)
    tries = deliveries.claim(chain, effect_id, by=by, at=at, lease=LEASE)
    if not tries:
        return None
    try:
        outcome = make(event, tries)
    except (GatewayBusy, Later, Stale) as busy:
        deliveries.release(chain, effect_id, tries=tries, at=at)
        raise Later(_seconds(busy)) from busy
    deliveries.settle(
        chain,
        effect_id,
        outcome.status,
        at=at,
        gateway_id=outcome.gateway_id,
        reason=outcome.reason,
    )
    log("effect.settled", **of, effect=effect_id, status=outcome.status.value)
    return outcome.status


def _seconds(busy: GatewayBusy | Later | Stale) -> int:
    if isinstance(busy, GatewayBusy):
        return busy.retry_after
    return busy.seconds if isinstance(busy, Later) else AGAIN


def _make(
    desk: Desk, ports: Ports, head: Head, event: Event, effect_id: str, *, tries: int, at: datetime
) -> Outcome:
    _, kind, name = effect_id.split(".", 2)
    if kind == "webhook":
        return _tell_subscriber(desk, ports, head, event, name, at=at)
    if kind in {LEDGER, HEARD, WATCHED}:
        return _bring(desk, head, kind, at=at)
    effect = next((one for one in effects(event) if one.effect_id == effect_id), None)
    if effect is None:
        return NO_SUCH_EFFECT
    if kind == "text":
        return _text(desk, ports, head, effect, tries=tries, at=at)
    if kind == "alert":
        return _alert(desk, ports, head, effect, tries=tries, at=at)
    return _pass_on(desk, head, event, effect, at=at)


def _bring(desk: Desk, head: Head, kind: str, *, at: datetime) -> Outcome:
    """Bring an order to its issue; or a report to the outages, as evidence, to join its own."""
    try:
        if kind == LEDGER:
            return done(linking.follow(desk, head.order.order_id, at=at))
        if kind == WATCHED:
            return done(linking.join_watched(desk, head.order.order_id, at=at))
        locating.hear(desk, head.order.order_id, at=at)
        linking.join_watched(desk, head.order.order_id, at=at)
    except Stale as raced:
        raise Later(AGAIN) from raced
    return Outcome(Status.SENT)


def _text(
    desk: Desk, ports: Ports, head: Head, effect: Effect, *, tries: int, at: datetime
) -> Outcome:
    order = head.order
    if not notice.is_true(effect.name, order, desk.procedure(order.kind)):
        return Outcome(Status.SUPERSEDED, reason="overtaken")
    contact = _contact(head)
    number = str(contact.get("phone", ""))
    if not number:
        return Outcome(Status.NO_PHONE, reason="no-phone")
    if contact.get("reply_wish") == "none":
        return Outcome(Status.OPTED_OUT, reason="no-reply-wished")
    phone = Phone(number)
    if not phone.can_text:
        return Outcome(Status.NO_PHONE, reason="landline", call=effect.name in IMPORTANT)
    language = str(contact.get("language", "zh"))
    written = text_of(desk, ports, order, effect, language=language, at=at)
    code = written.params.get("code")
    if code:
        expires = at + desk.rules(order.county).limit("rating.window", at).duration
        deliveries.put_code(code, order.order_id, at=at, expires=expires)
    return send(ports, written, phone, order.order_id, effect, tries=tries, at=at)


def _contact(head: Head) -> Mapping[str, Any]:
    try:
        return personal.contact(str(head.shown.get("party", "")), head.order.order_id).contact
    except Unknown:
        return {}


def send(
    ports: Ports,
    written: notice.Written,
    phone: Phone,
    chain: str,
    effect: Effect,
    *,
    tries: int,
    at: datetime,
) -> Outcome:
    """Send one text that an effect of a chain causes. Raises GatewayBusy."""
    call = effect.name in IMPORTANT
    text = Text(
        effect_id=f"{chain}.{effect.effect_id}",
        to=phone,
        template=written.code,
        params=written.params,
        body=written.body,
    )
    try:
        receipt = ports.gateway.send(text, at=at)
    except NumberRejected as rejected:
        return Outcome(Status.FAILED, reason=_slug(rejected.code), call=True)
    except ReplyLost:
        if tries >= MOST_LOST:
            return Outcome(Status.FAILED, reason="reply-lost", call=call)
        return Outcome(Status.UNKNOWN, reason="reply-lost")
    return Outcome(Status.SENT, gateway_id=receipt.message_id)


def _slug(code: str) -> str:
    kept = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "-_.") else "-" for ch in code)
    return kept[:60] or "rejected"


def text_of(
    desk: Desk, ports: Ports, order: Order, effect: Effect, *, language: str, at: datetime
) -> notice.Written:
    """Return the words that an effect sends now, with their length counted."""
    return compose(
        desk,
        effect.name,
        order,
        signature=ports.signature,
        site=ports.site,
        language=language,
        at=at,
    )


def compose(
    desk: Desk,
    name: str,
    order: Order,
    *,
    signature: str,
    site: str,
    language: str,
    at: datetime,
    extra: Mapping[str, str] | None = None,
) -> notice.Written:
    """Return a text about an order as it stands, for sending and for the preview beside a move."""
    rules = desk.rules(order.county)
    office = desk.snapshot.offices.get(order.office)
    params = {
        "kind": words.say(f"kind.{order.kind}", language),
        "number": order.order_id,
        "office": notice.shorten(office.name if office else ""),
        "promise": promise_words(desk, order, language=language, at=at),
        "time": _time_words(desk, order, name, language=language, at=at),
        "code": rating_code(desk, order) if name == "done" else "",
        "site": site,
        **(extra or {}),
    }
    return notice.write(
        name,
        params,
        signature=signature,
        language=language,
        single=rules.number("sms.single", at),
        part=rules.number("sms.part", at),
    )


def rating_code(desk: Desk, order: Order) -> str:
    """Return the order's 10-character code, with which it can be rated and nothing else."""
    raw = desk.derive("rate", order.order_id, str(order.reopened))
    letters = notice.CODE_LETTERS
    return "".join(letters[byte % len(letters)] for byte in raw[: notice.RATING_CODE_DIGITS])


def _running_promise(desk: Desk, order: Order) -> tuple[str, Due] | None:
    return running_promise(
        order, procedure=desk.procedure(order.kind), rules=desk.rules(order.office)
    )


def promise_words(desk: Desk, order: Order, *, language: str, at: datetime) -> str:
    """Return the promise as a sentence of a text; nothing where none runs or it has passed."""
    found = _running_promise(desk, order)
    if found is None or found[1].at <= at:
        return ""
    name, when = found
    key = f"text.promise.{name if words.has(f'text.promise.{name}') else 'other'}"
    time = notice.clock_words(when.at, now=at, language=language)
    about = words.say("text.about", language) if when.provisional else ""
    return words.say(key, language, time=f"{about}{time}")


def _time_words(desk: Desk, order: Order, name: str, *, language: str, at: datetime) -> str:
    if name == "promise_broken":
        found = _running_promise(desk, order)
        when = found[1].at if found else at
    else:
        when = order.moved_at or at
    return notice.clock_words(when, now=at, language=language)


# Alerts to duty desks -------------------------------------------------------------------------


def _alert(
    desk: Desk, ports: Ports, head: Head, effect: Effect, *, tries: int, at: datetime
) -> Outcome:
    """Tell whoever the duty list names at the level that the rung names."""
    order = head.order
    clock = str(effect.data["clock"])
    base = clock.split(":", 1)[0]
    if clock == GRADE and order.grade != effect.name:
        return Outcome(Status.SUPERSEDED, reason="overtaken")
    if _is_settled(order, clock, int(effect.data["due"])):
        return Outcome(Status.SUPERSEDED, reason="done-meanwhile")
    phone = _duty_phone(desk, order, Target(str(effect.data["target"])), at=at)
    if phone is None:
        alarm("duty.nobody", office=order.office, target=str(effect.data["target"]))
        return Outcome(Status.NO_PHONE, reason="nobody-on-duty")
    extra = {
        "clock": words.say(f"clock.{base}", "zh"),
        "rung": words.say(f"rung.{effect.name}", "zh"),
    }
    written = compose(
        desk,
        "duty_alert",
        order,
        signature=ports.signature,
        site=ports.site,
        language="zh",
        at=at,
        extra=extra,
    )
    return send(ports, written, phone, order.order_id, effect, tries=tries, at=at)


def _is_settled(order: Order, clock: str, due_ms: int) -> bool:
    """Return whether what the alert warns of was done before the alert could go out."""
    facts = order.clocks.get(clock)
    return facts is not None and facts.stopped_at is not None and millis(facts.stopped_at) <= due_ms


def _duty_phone(desk: Desk, order: Order, target: Target, *, at: datetime) -> Phone | None:
    if desk.procedure(order.kind).confidential:
        return _discipline_phone(desk, order, target)
    if target is Target.HOLDER and order.assignee:
        return desk.snapshot.phones.get(order.assignee)
    return duty_phone(desk, order, target, at=at)


def duty_phone(desk: Desk, placed: Placed, target: Target, *, at: datetime) -> Phone | None:
    """Return the telephone of who is on duty at a level, or above it; None where nobody is."""
    for office_id in _offices_of(desk, placed, target):
        for turn in desk.snapshot.on_duty(office_id, at=at):
            phone = desk.snapshot.phone_of(turn)
            if phone is not None and phone.can_text:
                return phone
    return None


def _discipline_phone(desk: Desk, order: Order, target: Target) -> Phone | None:
    """Return the own telephone of one who may both know of a secret order and work it (S1.26).

    Whoever holds it comes first, then who is nearest on the way up. The duty list is not asked: who
    is on duty may not hear of such an order, and a turn's telephone may lie on anybody's desk.
    """
    needed = (Capability.MISCONDUCT_READ, Capability.ORDER_MOVE)
    places = (desk.path(order.office), desk.path(order.county))
    able = [
        person
        for _, person in sorted(desk.snapshot.staff.items())
        if all(any(may(person, each, place) for place in places) for each in needed)
        and (phone := desk.snapshot.phones.get(person.staff_id)) is not None
        and phone.can_text
    ]
    holders = [one for one in able if target is Target.HOLDER and one.staff_id == order.assignee]
    way_up = [
        person
        for office_id in _offices_of(desk, order, target)
        for person in able
        if person.office_id == office_id
    ]
    found = next(iter([*holders, *way_up]), None)
    return desk.snapshot.phones[found.staff_id] if found else None


def _offices_of(desk: Desk, placed: Placed, target: Target) -> list[str]:
    """Return the office of the target's level, then those above it: somebody must be told."""
    own = desk.snapshot.offices.get(placed.office)
    path = list(own.upwards) if own else [placed.county]
    match target:
        case Target.HOLDER | Target.OFFICE:
            return path
        case Target.COUNTY | Target.CITY | Target.PROVINCE:
            levels = [
                office_id
                for office_id in path
                if desk.snapshot.offices[office_id].level.value == target.value
            ]
            return path[path.index(levels[0]) :] if levels else path[-1:]
    assert_never(target)


# Following and subscribers --------------------------------------------------------------------


def _pass_on(desk: Desk, head: Head, event: Event, effect: Effect, *, at: datetime) -> Outcome:
    """Close a child after its parent, or let an outage hear what the crew says of its power."""
    try:
        if effect.kind == "power":
            return done(locating.power_back(desk, effect.name, _said(head, event), at=at))
        key = f"{head.order.order_id}.{effect.effect_id}"
        return done(joining.follow(desk, head.order, str(effect.data["child"]), key, at=at))
    except (joining.NotYet, Stale) as early:
        raise Later(AGAIN) from early


def _said(head: Head, event: Event) -> Back:
    is_part = bool(event.data.get("part"))
    return Back(head.order.order_id, event.actor, event.occurred_at, part=is_part)


def done(why_not: str) -> Outcome:
    """Return what became of an effect, from why it was not made: empty when it was."""
    return Outcome(Status.SUPERSEDED if why_not else Status.SENT, reason=why_not)


def _tell_subscriber(
    desk: Desk, ports: Ports, head: Head, event: Event, webhook_id: str, *, at: datetime
) -> Outcome:
    webhook = desk.snapshot.webhooks.get(webhook_id)
    if (
        webhook is None
        or desk.procedure(head.order.kind).confidential  # no platform hears of it (S1.26)
        or not webhook.active
        or webhook.office_id not in desk.path(head.order.county)
    ):
        return Outcome(Status.SUPERSEDED, reason="no-subscriber")
    payload = json.dumps(payload_of(head, event), ensure_ascii=False).encode()
    outcome = webhooks.deliver(
        webhooks.Endpoint(url=webhook.url, secrets=webhook.signing(at)),
        event_id=f"{event.aggregate}-{event.seq}",
        payload=payload,
        at=at,
        allow_loopback=ports.allow_loopback,
    )
    if outcome.kind == "busy":
        raise Later(outcome.retry_after or 60)
    if outcome.kind == "failed":
        return Outcome(Status.FAILED, reason=outcome.reason)
    return Outcome(Status.DELIVERED)


def payload_of(head: Head, event: Event) -> dict[str, Any]:
    """Return what a subscriber is told of a change: codes and instants, nothing personal."""
    return {
        "type": f"order.{event.name}",
        "number": event.aggregate,
        "version": event.seq,
        "kind": head.order.kind,
        "stage": event.changes.get("stage", head.order.stage),
        "channel": head.order.channel,
        "case_no": head.order.case_no,
        "occurred_at": event.occurred_at.isoformat(),
        "recorded_at": event.recorded_at.isoformat(),
        "data": {key: value for key, value in event.data.items() if key != "rungs"},
    }
