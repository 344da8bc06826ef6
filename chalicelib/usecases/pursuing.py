"""What the events of issues cause (督促): alerts, orders that may not be filed, and what follows.

As with an order's effects: claimed by id, made, settled; a redelivery finds the claim, a worker
that died leaves a lease that runs out, and what never came the look-back finds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import issue_moves, notice, words
from chalicelib.domain.clocks import Target
from chalicelib.domain.issue import OVER, REGULATOR, Issue, aggregate, effects
from chalicelib.domain.order import GRADES, Event
from chalicelib.domain.procedure import INVESTIGATION, ISSUE, RAISED, Effect, is_on_ledger
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.triggers import Wish, wishes
from chalicelib.store import issues, orders, traces
from chalicelib.store.deliveries import Status
from chalicelib.store.issues import Head
from chalicelib.telemetry import alarm, log
from chalicelib.usecases import delivering, handling, linking
from chalicelib.usecases.delivering import NO_SUCH_EFFECT, Outcome, Ports, once
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command

SALT_BYTES: Final = 16


def carry_out(
    desk: Desk, ports: Ports, issue_id: str, seq: int, effect_id: str, *, at: datetime
) -> Status | None:
    """Make one effect happen, once. Returns what became of it; None when it is not ours to make.

    Raises Later when it should be tried again, and Busy when the store does not answer.
    """

    def make(event: Event, tries: int) -> Outcome:
        effect = next((one for one in effects(event) if one.effect_id == effect_id), None)
        if effect is None:
            return NO_SUCH_EFFECT
        head = issues.get(issue_id)
        return MAKES[effect.kind](_Doing(desk, ports, head, event, effect, tries, at))

    named = {"issue": issue_id}
    return once(aggregate(issue_id), seq, effect_id, make, by=ports.by, of=named, at=at)


@dataclass(frozen=True, slots=True)
class _Doing:
    """An effect while it is made."""

    desk: Desk
    ports: Ports
    head: Head
    event: Event
    effect: Effect
    tries: int
    at: datetime

    @property
    def issue(self) -> Issue:
        """The issue as it is now."""
        return self.head.issue

    @property
    def order(self) -> str:
        """The order that it is about."""
        return str(self.effect.data["order"])


# Orders -----------------------------------------------------------------------------------------


def _hold(do: _Doing) -> Outcome:
    """Keep an order from being filed, while the investigation is still open."""
    site = do.issue.site
    if site is None or not site.is_open or do.order not in do.issue.orders:
        return delivering.done("overtaken")
    return delivering.done(_moved(do, "block_archive", issue=do.issue.issue_id))


def _unhold(do: _Doing) -> Outcome:
    """Let an order be filed again, unless another investigation of its issue has begun."""
    site = do.issue.site
    if site is not None and site.is_open and do.order in do.issue.orders:
        return delivering.done("overtaken")
    order = orders.get(do.order).order
    if order.facts.get(INVESTIGATION) != do.issue.issue_id:
        return delivering.done("overtaken")
    return delivering.done(_moved(do, "unblock_archive", issue=do.issue.issue_id))


def _raise(do: _Doing) -> Outcome:
    """Let a complaint become as grave as its issue, unless it is already."""
    order, grade = orders.get(do.order).order, str(do.effect.data["grade"])
    is_behind = bool(order.grade) and GRADES.index(order.grade) < GRADES.index(grade)
    if do.order not in do.issue.orders or not is_behind:
        return delivering.done("overtaken")
    note = words.say("ledger.raised", "zh", issue=do.issue.issue_id)
    return delivering.done(_moved(do, RAISED, grade=grade, reason="of_issue", note=note))


def _join(do: _Doing) -> Outcome:
    """Note of which issue an order is, and have one of another kind tell what happens to it."""
    if do.order not in do.issue.orders:
        return delivering.done("overtaken")
    traces.set_issue(do.order, do.issue.issue_id)
    order = orders.get(do.order).order
    if is_on_ledger(order, do.desk.procedure(order.kind)):
        return delivering.done("")
    return delivering.done(_moved(do, "join_issue", issue=do.issue.issue_id))


def _leave(do: _Doing) -> Outcome:
    if do.order in do.issue.orders or traces.issue_of(do.order) != do.issue.issue_id:
        return delivering.done("overtaken")
    traces.set_issue(do.order, "")
    if not orders.get(do.order).order.facts.get(ISSUE):
        return delivering.done("")
    return delivering.done(_moved(do, "leave_issue"))


def _moved(do: _Doing, move: str, **answers: Any) -> str:
    key = f"{do.issue.issue_id}.{do.effect.effect_id}"
    salt = do.desk.derive("salt", key)[:SALT_BYTES]
    said = Command(move, linking.SYSTEM, "ledger", key, salt, do.at, answers)
    try:
        handling.move(do.desk, do.order, said)
    except (*linking.SETTLED, Unknown) as refused:
        return refused.slug
    return ""


# What follows by itself -------------------------------------------------------------------------


def _wish(do: _Doing) -> Outcome:
    """Carry out what an event of the issue asks for, each wish at most once.

    What others had done meanwhile, or the issue no longer allows, is left as it is.
    """
    impact = linking.impact_of(do.desk, do.issue, at=do.at)
    rules = do.desk.rules(do.issue.county)
    refused = [_grant(do, wish) for wish in wishes(do.event, do.issue, impact=impact, rules=rules)]
    return delivering.done(next(filter(None, refused), ""))


def _grant(do: _Doing, wish: Wish) -> str:
    given = replace(linking.act(do.at, data=wish.data), level=wish.level)
    why_not = linking.change(
        do.desk,
        do.issue.issue_id,
        lambda now, rules: (
            issue_moves.advance(now, wish.command, given, rules=rules)
            if _is_still_wished(do, now, wish)
            else None
        ),
    )
    log("issue.triggered", issue=do.issue.issue_id, trigger=wish.trigger, why_not=why_not)
    return why_not


def _is_still_wished(do: _Doing, now: Issue, wish: Wish) -> bool:
    """A worker that died had granted it, or a person was quicker."""
    if wish.command == "supervise":
        return all(one.level != wish.level for one in now.supervisions.values())
    if wish.command == "open_site_investigation":
        site = now.site
        return site is None or (not site.is_open and site.opened_at < do.event.recorded_at)
    return True


# Alerts -----------------------------------------------------------------------------------------


def _alert(do: _Doing) -> Outcome:
    """Tell whoever the duty list names at the level that the rung names.

    Nobody on duty hears of what is confidential: its own list shows it to who may know (S1.26).
    """
    issue, effect = do.issue, do.effect
    clock = issue.clocks.get(str(effect.data["clock"]))
    is_stopped = clock is not None and clock.stopped_at is not None
    is_ours = not str(effect.data["clock"]).startswith(REGULATOR)
    if (issue.state in OVER and is_ours) or is_stopped:
        return Outcome(Status.SUPERSEDED, reason="done-meanwhile")
    if issue.confidential:
        return Outcome(Status.SUPERSEDED, reason="confidential")
    target = Target(str(effect.data["target"]))
    phone = delivering.duty_phone(do.desk, issue, target, at=do.at)
    if phone is None:
        alarm("duty.nobody", office=issue.office, target=target.value)
        return Outcome(Status.NO_PHONE, reason="nobody-on-duty")
    written = _written(do)
    chain = aggregate(issue.issue_id)
    return delivering.send(do.ports, written, phone, chain, effect, tries=do.tries, at=do.at)


def _written(do: _Doing) -> notice.Written:
    issue = do.issue
    rules = do.desk.rules(issue.county)
    office = do.desk.snapshot.offices.get(issue.office)
    clock = str(do.effect.data["clock"]).partition(":")[0]
    params = {
        "number": issue.issue_id,
        "kind": words.say("ledger.line", "zh"),
        "clock": words.say(f"clock.{clock}", "zh"),
        "rung": words.say(f"rung.{do.effect.name}", "zh"),
        "office": notice.shorten(office.name if office else ""),
    }
    return notice.write(
        "duty_alert",
        params,
        signature=do.ports.signature,
        single=rules.number("sms.single", do.at),
        part=rules.number("sms.part", do.at),
    )


MAKES: Final[Mapping[str, Callable[[_Doing], Outcome]]] = MappingProxyType(
    {
        "alert": _alert,
        "hold": _hold,
        "unhold": _unhold,
        "raise": _raise,
        "join": _join,
        "leave": _leave,
        "wish": _wish,
    }
)
"""How each kind of effect of domain/issue.effects is made."""
