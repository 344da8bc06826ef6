"""Papers (文书) are opened and moved: appeals, accountability, interviews, warnings, checks.

Who may see which stands in `api/papers`; who may do what in the tables of `domain/papers`. What the
tables cannot know is looked up here and handed to them as facts: the office one level up, the level
of the office, when the verdict was given, how often somebody was accountable before. An appeal that
wins takes what it was against back in the same transaction.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from chalicelib.domain import issue_moves, notice, paper, words
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.clocks import Rules, Target, millis
from chalicelib.domain.issue import Issue
from chalicelib.domain.issue import Paper as PaperOfIssue
from chalicelib.domain.limits import Limit
from chalicelib.domain.order import Actor, BrokenChain, Event, Order, verify_against
from chalicelib.domain.paper import aggregate, paper_number
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.papers.accountability import COUNTED, PROPOSED
from chalicelib.domain.papers.appeal import DECIDED, PENDING, WON
from chalicelib.domain.procedure import (
    Advanced,
    Effect,
    Form,
    Need,
    Step,
    advance,
    fire,
    open_order,
    replan,
)
from chalicelib.domain.refusal import BadInput, Busy, Stale, Unknown
from chalicelib.domain.staff import Outsider
from chalicelib.store import issues, ledger, orders, papers
from chalicelib.store.deliveries import Status
from chalicelib.store.papers import Change, Head
from chalicelib.telemetry import alarm, log
from chalicelib.usecases import clearing, delivering
from chalicelib.usecases.delivering import NO_SUCH_EFFECT, Outcome, Ports, once
from chalicelib.usecases.desk import Desk, body_hash, split_answers
from chalicelib.usecases.handling import (
    Command,
    fingerprint,
    is_replayed,
    key_of,
    stale,
    telling_who,
)
from chalicelib.usecases.looking import Missing, look

_Thing = TypeVar("_Thing")
TRIES: Final = 4
OF_UNIT: Final = frozenset({"appeal"})
"""Kinds that go one level above the unit (the county); the others go above the office named."""
OF_ISSUER: Final = frozenset({"bulletin", "circular", "typical_case"})
"""Kinds that belong to the office that writes them."""
COMPLAINTS: Final = frozenset({"complaint", "grievance", "misconduct_report"})
SYSTEM: Final = Actor(Outsider.SYSTEM.value, "finder")


@dataclass(frozen=True, slots=True)
class New:
    """A paper to be opened. office: whose it is; that of its order or issue where none is named.

    facts: what found it, for those that a rule opens. day: from which it is numbered; now, where
    none is given. What is found again later is numbered from one day, so that it is one paper.
    """

    kind: str
    office: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    day: datetime | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a paper is about, as far as it is known: its issue, its order."""

    issue: Issue | None = None
    order: Order | None = None

    @property
    def office(self) -> str:
        """The office that answers for it; empty where nothing is known."""
        if self.order is not None:
            return self.order.office
        return self.issue.office if self.issue is not None else ""


# Opening ----------------------------------------------------------------------------------------


def about(answers: Mapping[str, Any]) -> About:
    """Return what the answers name. Raises BadInput naming `issue` or `order`, and Busy.

    What it names is not yet known to be theirs to see: ask `api/papers`.
    """
    issue_id, number = str(answers.get("issue") or ""), str(answers.get("order") or "")
    issue = _named("issue", lambda one: issues.get(one).issue, issue_id) if issue_id else None
    order = _named("order", lambda one: orders.get(one).order, number) if number else None
    return About(issue, order)


def _named(name: str, read: Callable[[str], _Thing], key: str) -> _Thing:
    try:
        return read(key[:64])
    except Unknown:
        raise BadInput.of(name, f"{name}.unknown") from None


def open_paper(desk: Desk, new: New, concerns: About, command: Command) -> Head:
    """Open a paper and return its head. The same key and body give the same paper.

    Raises BadInput, NotAllowed, GateClosed, KeyReused, Stale, Busy.
    """
    if new.kind not in PAPERS:
        raise BadInput.of("kind", "kind.unknown", kind=new.kind[:40])
    body = _body(new, command)
    for day in (new.day,) if new.day else (command.at, command.at - timedelta(days=1)):
        found = _kept(_number(desk, command, day), command, body)
        if found is not None:
            return found
    office = desk.office(new.office or concerns.office or command.actor.office_id)
    procedure = PAPERS[new.kind]
    said, data = split_answers(procedure.intake, command.answers)
    _check_people(desk, procedure.intake, data, office.path)
    facts = {
        **_facts(desk, new.kind, office.office_id, concerns, data, at=command.at),
        **new.facts,
    }
    chain = aggregate(_number(desk, command, new.day or command.at))
    step = Step(
        "opened",
        command.actor,
        occurred_at=command.at,
        recorded_at=command.at,
        data=data,
        words=said,
        digest=command.digest(said),
    )
    advanced = open_order(
        step,
        order_id=chain,
        kind=new.kind,
        county=office.county,
        office=office.office_id,
        fields={"channel": "desk", "facts": facts},
        procedures=PAPERS,
        rules=desk.rules(office.office_id),
    )
    title = str(said.get("title", ""))
    shown = {"path": list(office.path)} | ({"title": title} if title else {})
    change = Change(
        before=None,
        advanced=advanced,
        shown=shown,
        words=command.said(chain, advanced.event.seq, said),
        key=key_of(command, advanced.order.version, body=body),
    )
    return _told(desk, papers.commit(change)[0], advanced, at=command.at)


def _body(new: New, command: Command) -> str:
    return body_hash({"kind": new.kind, "office": new.office, "sent": fingerprint(command)})


def _number(desk: Desk, command: Command, day: datetime) -> str:
    return paper_number(day, desk.derive("paper", command.caller, command.key))


def _kept(paper_id: str, command: Command, body: str) -> Head | None:
    try:
        head = papers.get(paper_id)
    except Unknown:
        return None
    is_replayed(head.keys, command, body=body)
    return head


def _check_people(
    desk: Desk, needs: Iterable[Need], data: Mapping[str, Any], path: tuple[str, ...]
) -> None:
    """Refuse a person who does not work at the paper's office, above it or below it."""
    for need in needs:
        if need.form is not Form.STAFF or not data.get(need.name):
            continue
        person = desk.snapshot.staff.get(str(data[need.name]))
        theirs = person.path if person is not None and person.active else ()
        if not theirs or (theirs[: len(path)] != path and path[: len(theirs)] != theirs):
            raise BadInput.of(need.name, "staff.unknown")


def _facts(
    desk: Desk, kind: str, office_id: str, concerns: About, data: Mapping[str, Any], *, at: datetime
) -> dict[str, Any]:
    issue = concerns.issue
    facts: dict[str, Any] = {
        "upper": upper_of(desk, kind, office_id),
        "level": desk.office(office_id).level.value,
        **_facts_of_order(desk, concerns.order),
    }
    if issue is not None and issue.confidential:
        facts["confidential"] = True
    if kind == "appeal" and issue is not None:
        facts.update(_facts_of_appeal(issue, data))
    if kind == "accountability":
        facts.update(_facts_of_repeat(desk, office_id, str(data.get("person") or ""), at=at))
        facts["appeal_won"] = _appeal_won(issue, data) if issue is not None else ""
    if kind == "spot_check" and issue is not None and issue.state not in {"cleared", "followed_up"}:
        raise BadInput.of("issue", "issue.not_cleared")
    return {name: value for name, value in facts.items() if value not in ("", None)}


def _facts_of_order(desk: Desk, order: Order | None) -> dict[str, Any]:
    if order is None:
        return {}
    if order.kind not in COMPLAINTS:
        raise BadInput.of("order", "order.not_complaint")
    secret = desk.procedure(order.kind).confidential
    handler = order.assignee or order.first_contact_owner
    return {"handler": handler, **({"confidential": True} if secret else {})}


def _facts_of_repeat(desk: Desk, office_id: str, person: str, *, at: datetime) -> dict[str, Any]:
    """Return how often unit and person were accountable within the window, this time included."""
    window = desk.rules(office_id).limit("accountability.repeat_window", at)
    facts = {"repeat_unit": 1 + _times(office_id, papers.UNIT, window, at)}
    if person:
        facts["repeat_person"] = 1 + _times(office_id, person, window, at)
    return facts


def upper_of(desk: Desk, kind: str, office_id: str) -> str:
    """Return the office one level up for a kind of paper; empty where nobody stands above."""
    office = desk.office(office_id)
    if kind in OF_ISSUER:
        return office_id
    path = desk.path(office.county) if kind in OF_UNIT else office.path
    return path[-2] if len(path) > 1 else ""


def _facts_of_appeal(issue: Issue, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return when the verdict was given, and the appeal that there is already for this aim."""
    facts: dict[str, Any] = {}
    given = verdict_at(issue)
    if given is not None:
        facts["verdict_at"] = millis(given)
    against = str(data.get("against") or "")
    if against:
        try:
            entry = papers.get(against[:40])
        except Unknown:
            raise BadInput.of("against", "paper.unknown") from None
        if entry.paper.kind != "accountability" or entry.paper.facts.get("issue") != issue.issue_id:
            raise BadInput.of("against", "paper.not_accountability")
        facts["verdict_at"] = millis(entry.paper.occurred_at)
    for line in papers.of_issue(issue.issue_id):
        is_same = line.row["facts"].get("aim") == data.get("aim") and not against
        stands = line.row["stage"] in {*PENDING, *DECIDED}
        if line.row["kind"] == "appeal" and is_same and stands:
            facts["appealed_before"] = line.paper_id
    return facts


def _won(issue: Issue) -> list[Head]:
    """Return the appeals that won over the verdict as it stands: a newer verdict is another one."""
    lines = papers.of_issue(issue.issue_id)
    given = verdict_at(issue)
    return [
        each
        for each in papers.get_many(one.paper_id for one in lines if one.row["kind"] == "appeal")
        if each.paper.stage == WON
        and each.paper.facts.get("aim") != "lower_grade"
        and (given is None or each.paper.closed_at is None or given <= each.paper.closed_at)
    ]


def _appeal_won(issue: Issue, data: Mapping[str, Any]) -> str:
    """Return the appeal that has taken away what an entry would rest on; empty where none has.

    One against a single entry took that entry's behaviour off whoever it was put to.
    """
    for appeal in _won(issue):
        against = str(appeal.paper.facts.get("against", ""))
        entry = papers.get(against).paper.facts if against else {}
        if all(entry.get(name) == data.get(name) for name in _SAME_ENTRY if against):
            return appeal.paper_id
    return ""


_SAME_ENTRY: Final = ("behaviour", "person", "department")


def verdict_at(issue: Issue) -> datetime | None:
    """Return when a verdict was given on an issue: by itself, else by the reply to an order."""
    decided = issue.done.get("decided")
    if decided is not None:
        return decided.at
    replies = [one.reply_at for one in issue.orders.values() if one.verdict and one.reply_at]
    return max(replies, default=None)


def _times(office: str, who: str, window: Limit, at: datetime) -> int:
    """Count the entries that add up: those of the last months that stand (累积, S0.25)."""
    found = papers.accountable(office, who)
    return sum(1 for _, began in found if window.after(began.astimezone(CHINA)) >= at)


# Moving -----------------------------------------------------------------------------------------


def move(desk: Desk, paper_id: str, command: Command) -> Head:
    """Make one move on one paper and return its new head.

    Raises Unknown, IllegalMove, NotAllowed, GateClosed, BadInput, Stale (with who and when),
    KeyReused or Busy. The same key and body again give the head as it stands.
    """
    for _ in range(TRIES):
        head = papers.get(paper_id)
        if is_replayed(head.keys, command):
            return head
        if command.if_match is not None and command.if_match != head.paper.version:
            raise stale(head.paper.order_id, head.paper.version)
        changes = _changes(desk, head, command)
        try:
            moved = papers.commit(*changes)
        except Stale:
            if command.if_match is not None:
                raise
            continue
        for each, change in zip(moved, changes, strict=True):
            _told(desk, each, change.advanced, at=command.at)
        return moved[0]
    head = papers.get(paper_id)
    if is_replayed(head.keys, command):
        return head
    raise stale(head.paper.order_id, head.paper.version)


def _changes(desk: Desk, head: Head, command: Command) -> list[Change]:
    own = _change(desk, head, command)
    if own.advanced.order.stage != WON:
        return [own]
    entries = reversed_by(head)
    return [own, *(_reverse(desk, each, head.paper_id, at=command.at) for each in entries)]


def reversed_by(head: Head) -> list[Head]:
    """Return the entries of accountability that an appeal takes back when it wins. Raises Busy.

    The one that it is against; else all of its issue that stand. An appeal for a lower grade takes
    none back.
    """
    facts = head.paper.facts
    if facts.get("against"):
        wanted = [str(facts["against"])]
    elif facts.get("aim") == "lower_grade":
        wanted = []
    else:
        wanted = [
            line.paper_id
            for line in papers.of_issue(str(facts.get("issue", "")))
            if line.row["kind"] == "accountability"
        ]
    return [each for each in papers.get_many(wanted) if each.paper.stage in COUNTED]


def _take_back(desk: Desk, issue_id: str, *, at: datetime) -> None:
    """Reverse what was opened while an appeal was being decided, whichever of the two was first.

    Both look again once they are kept, so one of them sees the other. Raises Stale, Busy.
    """
    about_it = clearing.lookup(issue_id)
    for appeal in _won(about_it.issue) if about_it is not None else ():
        for entry in reversed_by(appeal):
            change = _reverse(desk, entry, appeal.paper_id, at=at)
            tell_issue(desk, papers.commit(change)[0], at=at)


def _reverse(desk: Desk, entry: Head, appeal: str, *, at: datetime) -> Change:
    step = Step(
        "reverse",
        Actor(Outsider.SYSTEM.value, "appeal"),
        occurred_at=max(at, entry.paper.moved_at or at),
        recorded_at=max(at, entry.paper.moved_at or at),
        data={"appeal": appeal},
    )
    rules = desk.rules(entry.paper.office)
    return Change(entry, advance(entry.paper, step, procedures=PAPERS, rules=rules))


def _change(desk: Desk, head: Head, command: Command) -> Change:
    """Let the domain decide, and say what has to be saved. Nothing is written here."""
    found = head.paper
    procedure = PAPERS[found.kind]
    wanted = procedure.moves.get(command.move)
    needs = wanted.needs if wanted else ()
    said, data = split_answers(needs, command.answers)
    _check_people(desk, needs, data, desk.path(found.office))
    step = Step(
        command.move,
        command.actor,
        occurred_at=command.happened_at,
        recorded_at=command.at,
        data=data,
        words=said,
        digest=command.digest(said),
    )
    rules = desk.rules(found.office)
    with telling_who(found.order_id, found.version):
        advanced = advance(found, step, procedures=PAPERS, rules=rules)
    return Change(
        before=head,
        advanced=advanced,
        words=command.said(found.order_id, advanced.event.seq, said),
        key=key_of(command, advanced.order.version),
    )


# What is due, and what never came ---------------------------------------------------------------


def do_due(desk: Desk, head: Head, *, at: datetime) -> Head:
    """Do what is due of a paper, and return its head. Raises Stale, Busy."""
    rules = desk.rules(head.paper.office)
    made = fire(head.paper, at=at, procedures=PAPERS, rules=rules)
    if made is None:
        made = replan(head.paper, at=at, procedures=PAPERS, rules=rules)
    return head if made is None else papers.commit(Change(head, made))[0]


def look_for_effects(head: Head, *, at: datetime) -> list[Missing]:
    """Return the effects that should have settled and did not; arm or drop the look-back.

    Raises Stale, Busy.
    """
    if head.look is None:
        return []
    chain, of = head.paper.order_id, {"paper": head.paper_id}
    missing, again = look(head.look, chain, caused=_effect_ids, of=of, at=at)
    papers.set_look(head, again)
    return missing


def _effect_ids(event: Event) -> list[str]:
    return [each.effect_id for each in paper.effects(event)]


def carry_out(
    desk: Desk, ports: Ports, chain: str, seq: int, effect_id: str, *, at: datetime
) -> Status | None:
    """Make one effect of a paper happen, once. None when it is not ours to make.

    Raises Later when it should be tried again, and Busy when the store does not answer.
    """

    def make(event: Event, tries: int) -> Outcome:
        effect = next((one for one in paper.effects(event) if one.effect_id == effect_id), None)
        if effect is None:
            return NO_SUCH_EFFECT
        if effect.kind == paper.ISSUE_TOLD:
            told = _settle_issue(desk, papers.get(chain), at=at)
            return Outcome(Status.SENT if told else Status.SUPERSEDED)
        return _alert(desk, ports, chain, effect, tries=tries, at=at)

    return once(chain, seq, effect_id, make, by=ports.by, of={"paper": chain}, at=at)


def _told(desk: Desk, head: Head, advanced: Advanced, *, at: datetime) -> Head:
    """Tell the issue at once where there is one; what fails now, the event's effect makes good."""
    if "issue" in advanced.event.data:
        try:
            _settle_issue(desk, head, at=at)
        except (Stale, Busy) as later:
            log("paper.issue_later", paper=head.paper_id, why=later.slug)
    return head


def _settle_issue(desk: Desk, head: Head, *, at: datetime) -> bool:
    """Tell the issue, and take back what a won appeal leaves nothing of. Safe to repeat."""
    told = tell_issue(desk, head, at=at)
    found = head.paper
    if (found.kind, found.stage) in {("appeal", WON), ("accountability", PROPOSED)}:
        _take_back(desk, str(found.facts["issue"]), at=at)
    return told


def tell_issue(desk: Desk, head: Head, *, at: datetime) -> bool:
    """Copy to the issue what its gates need of its paper: that it is there, and whether it is open.

    Safe to repeat. Returns whether it was news. Raises Stale, Busy.
    """
    known = PaperOfIssue(
        kind=head.paper.kind,
        open=head.is_open and head.paper.kind in paper.BLOCKING,
        at=head.paper.moved_at or head.paper.occurred_at,
        seen=head.paper.version,
        finding=str(head.paper.facts.get("finding", "")),
    )

    def copy(issue: Issue, rules: Rules) -> issue_moves.Made | None:
        act = clearing.by_system(max(at, issue.recorded_at), who="papers")
        return issue_moves.paper_moved(issue, head.paper_id, known, act, rules=rules)

    issue_id = str(head.paper.facts.get("issue", ""))
    try:
        return clearing.change(desk, issue_id, copy) is not None
    except Unknown:
        return False


def _alert(
    desk: Desk, ports: Ports, chain: str, effect: Effect, *, tries: int, at: datetime
) -> Outcome:
    """Tell whoever the duty list names at the level that the rung names."""
    head = papers.get(chain)
    found, clock = head.paper, str(effect.data["clock"])
    facts = found.clocks.get(clock)
    due_ms = int(effect.data["due"])
    if not head.is_open or (
        facts is not None and facts.stopped_at is not None and millis(facts.stopped_at) <= due_ms
    ):
        return Outcome(Status.SUPERSEDED, reason="done-meanwhile")
    if found.facts.get("confidential"):
        return Outcome(Status.SUPERSEDED, reason="confidential")
    target = Target(str(effect.data["target"]))
    phone = delivering.duty_phone(desk, found, target, at=at)
    if phone is None:
        alarm("duty.nobody", office=found.office, target=target.value)
        return Outcome(Status.NO_PHONE, reason="nobody-on-duty")
    rules = desk.rules(found.office)
    office = desk.snapshot.offices.get(found.office)
    params = {
        "number": head.paper_id,
        "kind": words.say(f"kind.{found.kind}", "zh"),
        "clock": words.say(f"clock.{clock.partition(':')[0]}", "zh"),
        "rung": words.say(f"rung.{effect.name}", "zh"),
        "office": notice.shorten(office.name if office else ""),
    }
    written = notice.write(
        "duty_alert",
        params,
        signature=ports.signature,
        single=rules.number("sms.single", at),
        part=rules.number("sms.part", at),
    )
    return delivering.send(ports, written, phone, chain, effect, tries=tries, at=at)


def verify(head: Head) -> dict[str, Any]:
    """Return whether the chain holds and the head is its fold; else the first event that is bad."""
    links = list(ledger.links(head.paper.order_id))
    try:
        verify_against(head.paper, links)
    except BrokenChain as broken:
        bad = {"seq": broken.seq, "why": broken.why}
        return {"ok": False, "events": len(links), "first_bad": bad}
    return {"ok": True, "events": len(links), "first_bad": None}
