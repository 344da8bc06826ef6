"""What the events of outages cause (响应): rounds, the repair order, alerts, orders that follow.

As with an order's effects: claimed by id, made, settled; a redelivery finds the claim, a worker
that died leaves a lease that runs out, and what never came the look-back finds. The public page is
not an effect here: `publishing` writes it whole after any change.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from chalicelib.domain import notice, outage_moves, words
from chalicelib.domain.clocks import Target, instant
from chalicelib.domain.order import Event
from chalicelib.domain.outage import OVER, Outage, aggregate, is_outage, outage_id_of
from chalicelib.domain.procedure import Effect
from chalicelib.store import outages
from chalicelib.store.deliveries import Status
from chalicelib.store.outages import Change, Head
from chalicelib.telemetry import alarm
from chalicelib.usecases import delivering, joining, locating
from chalicelib.usecases.delivering import (
    NO_SUCH_EFFECT,
    Outcome,
    Ports,
    once,
    outage_effects,
)
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.looking import Missing, look

Tells = Callable[[Desk, Head, str, datetime], object]
"""Begins to tell a round, or looks what became of it: desk, outage, round, instant."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out: texts to duty desks, and the notices of households."""

    ports: Ports
    start: Tells
    look: Tells


def carry_out(
    desk: Desk, ways: Ways, outage_id: str, seq: int, effect_id: str, *, at: datetime
) -> Status | None:
    """Make one effect happen, once. Returns what became of it; None when it is not ours to make.

    Raises Later when it should be tried again, and Busy when the store does not answer.
    """

    def make(event: Event, tries: int) -> Outcome:
        effect = next((one for one in outage_effects(event) if one.effect_id == effect_id), None)
        if effect is None:
            return NO_SUCH_EFFECT
        return MAKES[effect.kind](_Doing(desk, ways, outages.get(outage_id), effect, tries, at))

    named, by = {"outage": outage_id}, ways.ports.by
    return once(aggregate(outage_id), seq, effect_id, make, by=by, of=named, at=at)


@dataclass(frozen=True, slots=True)
class _Doing:
    """An effect while it is made."""

    desk: Desk
    ways: Ways
    head: Head
    effect: Effect
    tries: int
    at: datetime

    @property
    def outage(self) -> Outage:
        """The outage as it is now."""
        return self.head.outage

    @property
    def key(self) -> str:
        """By which what it does to an order is done once."""
        return f"{self.outage.outage_id}.{self.effect.effect_id}"

    @property
    def order(self) -> str:
        """The order that it is about."""
        return str(self.effect.data["order"])


def _start(do: _Doing) -> Outcome:
    do.ways.start(do.desk, do.head, str(do.effect.data["round"]), do.at)
    return Outcome(Status.SENT)


def _look(do: _Doing) -> Outcome:
    do.ways.look(do.desk, do.head, str(do.effect.data["round"]), do.at)
    return Outcome(Status.SENT)


def _repair(do: _Doing) -> Outcome:
    return delivering.done(joining.open_repair(do.desk, do.outage.outage_id, at=do.at))


def _weigh(do: _Doing) -> Outcome:
    locating.look_again(do.desk, do.outage.outage_id, at=do.at)
    return Outcome(Status.SENT)


def _back(do: _Doing) -> Outcome:
    return delivering.done(joining.power_back(do.desk, do.outage, do.order, do.key, at=do.at))


def _close(do: _Doing) -> Outcome:
    return delivering.done(joining.close(do.desk, do.order, do.key, at=do.at))


def _release(do: _Doing) -> Outcome:
    return delivering.done(joining.release(do.desk, do.order, do.key, at=do.at))


def _absorbed(do: _Doing) -> Outcome:
    parent = str(do.effect.data["parent"])
    return delivering.done(joining.move_over(do.desk, do.order, parent, at=do.at))


def _unnest(do: _Doing) -> Outcome:
    lower = str(do.effect.data["outage"])
    if outages.get(lower).outage.above != do.outage.outage_id:
        return delivering.done("overtaken")
    rules = do.desk.rules(do.outage.county)
    refused = joining.change(
        lower, lambda now: outage_moves.unnest(now, joining.act(do.at), rules=rules)
    )
    return delivering.done(refused.slug if refused is not None else "")


def _alert(do: _Doing) -> Outcome:
    """Tell whoever the duty list names at the level that the rung names."""
    outage, effect = do.outage, do.effect
    if outage.state in OVER and not _concerns_notices(effect.name):
        return Outcome(Status.SUPERSEDED, reason="done-meanwhile")
    target = Target(str(effect.data["target"]))
    phone = delivering.duty_phone(do.desk, outage, target, at=do.at)
    if phone is None:
        alarm("duty.nobody", office=outage.office, target=target.value)
        return Outcome(Status.NO_PHONE, reason="nobody-on-duty")
    ports = do.ways.ports
    written = _written(do.desk, ports, outage, effect, at=do.at)
    chain = aggregate(outage.outage_id)
    return delivering.send(ports, written, phone, chain, effect, tries=do.tries, at=do.at)


MAKES: Final[Mapping[str, Callable[[_Doing], Outcome]]] = MappingProxyType(
    {
        "notice": _start,
        "reconcile": _look,
        "order": _repair,
        "weigh": _weigh,
        "alert": _alert,
        "back": _back,
        "close": _close,
        "release": _release,
        "absorbed": _absorbed,
        "unnest": _unnest,
    }
)
"""How each kind of effect of domain/outage.effects is made; `status` is made by publishing."""


def _concerns_notices(name: str) -> bool:
    """Return whether an alert is about telling, which goes on when the power is back."""
    return name.partition(".")[0] in {"notify", "whole"}


def _written(
    desk: Desk, ports: Ports, outage: Outage, effect: Effect, *, at: datetime
) -> notice.Written:
    rules = desk.rules(outage.county)
    office = desk.snapshot.offices.get(outage.office)
    params = {
        "number": outage.outage_id,
        "kind": words.say(f"outage.kind.{outage.kind}", "zh"),
        "clock": words.say(f"outage.alert.{effect.name}", "zh"),
        "rung": "",
        "office": notice.shorten(office.name if office else ""),
    }
    return notice.write(
        "duty_alert",
        params,
        signature=ports.signature,
        single=rules.number("sms.single", at),
        part=rules.number("sms.part", at),
    )


# What is due, and what never came ---------------------------------------------------------------


def fire(desk: Desk, head: Head, *, at: datetime) -> Head:
    """Do what is due of an outage, and return its head. Raises Stale, Busy."""
    made = outage_moves.fire(head.outage, at=at, rules=desk.rules(head.outage.county))
    return head if made is None else outages.commit(Change(head, made))[0]


def wakes(events: Iterable[Event]) -> list[tuple[str, datetime]]:
    """Return the outages that wait for the end of their hold-off from these events on, and when.

    Whoever wakes them then need not leave it to the minute's sweep, which stays for what is lost.
    """
    return [
        (outage_id_of(event.aggregate), instant(event.changes["hold_until"]))
        for event in events
        if is_outage(event.aggregate)
        and event.changes.get("hold_until")
        and not event.data.get("training")
    ]


def wake(desk: Desk, outage_id: str, *, at: datetime) -> None:
    """Do what is due of an outage, as the sweep would. Again it changes nothing. Raises Stale."""
    head = outages.get(outage_id)
    due = head.outage.next_due_at
    if due is not None and due <= at:
        fire(desk, head, at=at)


def look_for_effects(head: Head, *, at: datetime) -> list[Missing]:
    """Return the effects that should have settled and did not; arm or drop the look-back.

    Raises Stale, Busy.
    """
    if head.look is None:
        return []
    name = head.outage.outage_id
    missing, again = look(
        head.look, aggregate(name), caused=_effect_ids, of={"outage": name}, at=at
    )
    outages.set_look(head, again)
    return missing


def _effect_ids(event: Event) -> list[str]:
    return [each.effect_id for each in outage_effects(event)]
