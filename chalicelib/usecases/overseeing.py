"""What of issues is shown to the staff (台账展示): a row, the board, an issue's page, the table.

Made from heads, events and the registry, as they were read. Times are UTC text; names are slugs
beside their words; nothing of a citizen is in a row. Every office sees its own subtree.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain import words as wording
from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import Rules, instant, level
from chalicelib.domain.issue import ACTIVE, COMMANDS, Issue, Source, State, aggregate
from chalicelib.domain.issue_gates import (
    CHECKLISTS,
    GATES,
    SIGN_LIMITS,
    checklist_of,
    gates,
    item_limit,
    needed_levels,
    needs_now,
    next_level,
    summary,
)
from chalicelib.domain.issue_moves import CLOCKS, moves_open_to, next_clock, rule_of
from chalicelib.domain.order import Event, was_late
from chalicelib.domain.staff import Capability
from chalicelib.domain.triggers import proposed_grade
from chalicelib.outbound.objects import Files
from chalicelib.store import issues, ledger, papers, personal
from chalicelib.store.issues import VIEWS, Head
from chalicelib.store.personal import Words
from chalicelib.usecases import linking, reading, revealing, sheets
from chalicelib.usecases.clearing import level_of, right_for
from chalicelib.usecases.desk import Desk, Viewer, actor_of
from chalicelib.usecases.showing import (
    clock_row,
    need_row,
    office_name,
    shown_words,
    staff_name,
    stamp,
    urgency,
)

CHECKLIST_SOURCE: Final = (
    "[design] a standard of what is in place at each level exists (Guizhou, 2017, S1.19); what is "
    "in it was not read"
)
RECENT: Final = timedelta(days=30)
"""How far back the board counts what was cleared. [design]"""


def _stamped(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def label(sort: str, slug: str, language: str) -> str:
    """Return the words of a slug; the slug itself where there are none."""
    key = f"{sort}.{slug}"
    return wording.say(key, language) if slug and wording.has(key) else slug


# A row ------------------------------------------------------------------------------------------


def row(desk: Desk, head: Head, *, language: str, at: datetime) -> dict[str, Any]:
    """Return one issue as a line of the ledger."""
    issue = head.issue
    rules = desk.rules(issue.county)
    standing, total = summary(issue, rules)
    category = label("category", issue.category, language)
    theme = label("theme", issue.theme, language)
    source = label("issue.source", issue.source, language)
    return {
        "issue_id": issue.issue_id,
        "title": category or theme or source,
        "source": issue.source,
        "source_label": source,
        "category": issue.category,
        "category_label": category,
        "theme": issue.theme,
        "theme_label": theme,
        "grade": issue.grade,
        "grade_label": label("choice.grade", issue.grade, language),
        "state": issue.state.value,
        "state_label": label("issue.state", issue.state.value, language),
        "county": issue.county,
        "office": issue.office,
        "office_name": office_name(desk, issue.office),
        "host": issue.host,
        "host_name": office_name(desk, issue.host),
        "assignee": issue.assignee,
        "assignee_name": staff_name(desk, issue.assignee),
        "opened_at": stamp(issue.opened_at),
        "cleared_at": _stamped(issue.cleared_at),
        "follow_up_on": issue.follow_up_on.isoformat() if issue.follow_up_on else None,
        "next_due": _next_due(issue, rules, language=language, at=at),
        "orders": len(issue.orders),
        "hotline_calls": issue.hotline_calls,
        "bypass": issue.bypass is not None,
        "tendency": issue.tendency,
        "anonymous": issue.anonymous,
        "confidential": issue.confidential,
        "site_open": issue.site is not None and issue.site.is_open,
        "gates_open": standing,
        "gates_total": total,
        "relapses": issue.relapses,
        "supervised": any(one.is_open for one in issue.supervisions.values()),
        "training": issue.training,
        "summary": str(head.shown.get("summary", "")),
        "version": issue.version,
    }


def _next_due(issue: Issue, rules: Rules, *, language: str, at: datetime) -> dict[str, Any] | None:
    found = next_clock(issue, rules=rules)
    if found is None or issue.state not in _ALIVE:
        return None
    name, when = found
    bare = name.partition(":")[0]
    return {
        "clock": bare,
        "label": label("clock", bare, language),
        "whose": rule_of(name).whose,
        "at": stamp(when),
        "level": level(issue.clocks[name], at, rules).value,
    }


_ALIVE: Final = (State.OPEN, State.HANDLING, State.SIGNING, State.CLEARED)


# Lists ------------------------------------------------------------------------------------------


def listed(
    viewer: Viewer,
    office: str,
    view: str,
    *,
    confidential: bool,
    language: str,
    limit: int,
    after: str | None,
) -> tuple[dict[str, Any], str | None]:
    """Return a page of a view of an office with the counts of every view, and the cursor.

    confidential: of reports of misconduct, which only those who may know ask for. A station is
    shown what is its own among its county's, and no counts. Raises Busy.
    """
    me = viewer.staff.staff_id
    owner = me if view == "mine" else office
    page = issues.listed(owner, view, limit=limit, after=after, confidential=confidential)
    path = viewer.desk.path(office)
    is_whole = viewer.reaches(Capability.ISSUE_LIST, office)
    counted = issues.counts(path, confidential=confidential) if is_whole else {}
    counts = {name: counted.get("done" if name == "cleared" else name, 0) for name in VIEWS}
    counts["mine"] = issues.mine(me, confidential=confidential)
    rows = [
        row(viewer.desk, head, language=language, at=viewer.at)
        for head in page.items
        if may(viewer, head.issue, Capability.ISSUE_LIST)
    ]
    return {"items": rows, "counts": counts}, page.after


# The board of the upper levels ------------------------------------------------------------------

COLUMNS: Final[Mapping[str, str]] = {
    "open": "open",
    "overdue": "overdue",
    "signing": "signing",
    "bypass": "bypass",
    "investigations": "investigation",
    "supervised": "supervised",
    "relapses": "relapsed",
    "second_calls": "second_calls",
}


def board(desk: Desk, office: str, *, confidential: bool, at: datetime) -> dict[str, Any]:
    """Return the supervision board of an office: those right below it, itself, its figures.

    Four reads, however many issues there are. Raises Busy.
    """
    path = desk.path(office)
    since = local_day(at - RECENT)
    own = issues.counts(path, confidential=confidential)
    below = issues.board(path, confidential=confidential)
    cleared = issues.cleared_since(path, since, confidential=confidential)
    mine = issues.cleared_since(path[:-1], since, confidential=confidential)
    children = [
        each.office_id
        for each in desk.snapshot.offices.values()
        if each.path[:-1] == path and each.active and each.level.value in {"city", "county"}
    ]
    names = sorted({*children, *below}, key=lambda each: (office_name(desk, each), each))
    return {
        "office": office,
        "office_name": office_name(desk, office),
        "rows": [_cells(desk, name, below.get(name, {}), cleared.get(name, 0)) for name in names],
        "totals": _cells(desk, office, own, mine.get(office, 0)),
        "figures": [
            _figure("closed_loop_rate", own["done"], own["all"]),
            _figure("bypass_rate", own["bypassed"], own["hotline"]),
            _figure("second_call_rate", own["second_calls"], own["hotline"]),
            _figure("relapse_rate", own["relapsed"], own["all"]),
        ],
    }


def _cells(desk: Desk, office: str, counts: Mapping[str, int], cleared: int) -> dict[str, Any]:
    return {
        "office": office,
        "office_name": office_name(desk, office),
        **{name: counts.get(column, 0) for name, column in COLUMNS.items()},
        "cleared_30d": cleared,
    }


def _figure(name: str, numerator: int, denominator: int) -> dict[str, Any]:
    value = round(numerator / denominator, 4) if denominator else None
    return {
        "name": name,
        "numerator": numerator,
        "denominator": denominator,
        "value": value,
    }


# Its page ---------------------------------------------------------------------------------------


def page(
    viewer: Viewer, head: Head, *, files: Files, actor_level: str, language: str
) -> dict[str, Any]:
    """Return everything about one issue. Raises Busy.

    actor_level: of whoever looks, by which it is known whose turn it is to sign.
    """
    desk, at, issue = viewer.desk, viewer.at, head.issue
    rules = desk.rules(issue.county)
    events = list(ledger.read(aggregate(issue.issue_id)))
    said = personal.words(aggregate(issue.issue_id))
    at_fault = (issue.office, issue.fact("attributed", "staff") or "")
    return {
        **row(desk, head, language=language, at=at),
        "occurred_at": stamp(issue.occurred_at),
        "first_contact_owner": issue.first_contact_owner,
        "first_contact_owner_name": staff_name(desk, issue.first_contact_owner),
        "case_no": str(head.shown.get("case_no", "")),
        "clocks": clock_rows(desk, issue, rules, at=at),
        "gates": gate_rows(desk, issue, rules, language),
        "orders": [
            _order_row(desk, order_id, issue, language)
            for order_id in sorted(issue.orders, key=lambda each: issue.orders[each].at)
        ],
        "proposals": _proposals(viewer, issue),
        "grade_proposal": _grade_proposal(issue, rules, language, at=at),
        "timeline": [_step(desk, issue, event, said, language) for event in events],
        "handling": _handling(desk, issue, language),
        "violations": issues.violations(issue.county, at_fault) if issue.is_liable else {},
        "visits": [
            {
                "result": one.result,
                "result_label": label("choice.result", one.result, language),
                "at": stamp(one.at),
                "recorded_at": stamp(one.recorded_at),
                "by": one.by,
                "by_name": staff_name(desk, one.by),
                "round": one.round,
            }
            for one in sorted(issue.visits.values(), key=lambda visit: visit.at)
        ],
        "site": _site(desk, issue, language),
        "bypass_of": _bypass(issue, language),
        "supervisions": _supervisions(desk, issue, language),
        "sign_offs": sign_rows(desk, issue, rules, language),
        "papers": _papers(issue, language),
        "files": reading.file_rows(aggregate(issue.issue_id), files=files, at=at),
        "merged_into": issue.parent or None,
        "absorbed": sorted(issue.absorbed),
        "moves": move_rows(viewer, head, rules, actor_level=actor_level, language=language),
    }


def _grade_proposal(
    issue: Issue, rules: Rules, language: str, *, at: datetime
) -> dict[str, Any] | None:
    """Return the grade that what was said proposes, by which rules; a person decides."""
    found = proposed_grade(issue, rules=rules, at=at) if issue.state in ACTIVE else None
    if found is None:
        return None
    return {
        "grade": found.grade,
        "grade_label": label("choice.grade", found.grade, language),
        "reason": found.reasons[0],
        "rules": [label("grade_rule", name, language) for name in found.rules],
    }


def _proposals(viewer: Viewer, issue: Issue) -> list[dict[str, Any]]:
    """Return the orders that may belong to it and that are theirs to see who look."""
    if issue.state not in ACTIVE:
        return []
    return [
        {
            "order_id": each.order.order_id,
            "reason": each.reason,
            "score": each.score / 100,
            "why": list(each.why),
        }
        for each in linking.proposals(viewer.desk, issue, at=viewer.at)
        if viewer.sees(each.order)
    ]


def clock_rows(desk: Desk, issue: Issue, rules: Rules, *, at: datetime) -> list[dict[str, Any]]:
    """Return every clock, those that run first and by when they are due."""
    rows = []
    for name, clock in issue.clocks.items():
        rule = rule_of(name)
        rows.append(
            clock_row(desk, name, clock, whose=rule.whose, promise=rule.promise, rules=rules, at=at)
        )
    return sorted(rows, key=urgency)


def gate_rows(desk: Desk, issue: Issue, rules: Rules, language: str) -> list[dict[str, Any]]:
    """Return every gate of 销号: met by whom and when, or why it stands open."""
    return [
        {
            "name": gate.name,
            "label": label("issue.gate", gate.name, language),
            "met": gate.met,
            "by": gate.by,
            "by_name": staff_name(desk, gate.by),
            "at": _stamped(gate.at),
            "why": gate.why,
            "why_label": label("issue.why", gate.why, language),
        }
        for gate in gates(issue, rules)
    ]


def _order_row(desk: Desk, order_id: str, issue: Issue, language: str) -> dict[str, Any]:
    one = issue.orders[order_id]
    return {
        "order_id": order_id,
        "kind": one.kind,
        "kind_label": label("kind", one.kind, language),
        "channel": one.channel,
        "channel_label": label("channel", one.channel, language),
        "case_no": one.case_no,
        "stage": one.stage,
        "stage_label": label("stage", one.stage, language),
        "reason": one.reason,
        "reason_label": label("choice.reason", one.reason, language),
        "at": stamp(one.at),
        "by": one.by,
        "by_name": staff_name(desk, one.by),
        "occurred_at": stamp(one.occurred_at),
        "archived_at": _stamped(one.archived_at),
        "via": one.via,
        "proposed": False,
    }


def _step(
    desk: Desk, issue: Issue, event: Event, said: Mapping[int, Words], language: str
) -> dict[str, Any]:
    spoken = said.get(event.seq)
    return {
        "seq": event.seq,
        "name": event.name,
        "label": label("issue.move", event.name, language),
        "occurred_at": stamp(event.occurred_at),
        "recorded_at": stamp(event.recorded_at),
        "late": was_late(event),
        "actor": event.actor.role,
        "actor_id": event.actor.actor_id,
        "actor_name": staff_name(desk, event.actor.actor_id),
        "facts": dict(event.data),
        "labels": _fact_labels(desk, issue, event.data, language),
        "words": shown_words(spoken.words) if spoken else None,
    }


_PEOPLE: Final = frozenset({"staff", "owner", "investigator", "subject", "person"})
_OFFICES: Final = frozenset({"office", "unit"})
_SORTS: Final[Mapping[str, str]] = {
    "grade_before": "choice.grade",
    "stage": "stage",
    "visit": "choice.result",
    "level": "issue.level",
    "kind": "kind",
}
"""Facts of events whose slugs are words of another sort than `choice.<fact>`."""


def _fact_labels(
    desk: Desk, issue: Issue, facts: Mapping[str, Any], language: str
) -> dict[str, str]:
    """Return the words of those facts of an event that a page cannot know by their name alone."""
    found = {name: staff_name(desk, str(facts[name])) for name in _PEOPLE & facts.keys()}
    found |= {
        name: label(sort, str(facts[name]), language)
        for name, sort in _SORTS.items()
        if facts.get(name)
    }
    found |= {name: office_name(desk, str(facts[name])) for name in _OFFICES & facts.keys()}
    asked = issue.supervisions.get(str(facts.get("supervision", "")))
    if asked is not None:
        found["supervision"] = label("issue.level", asked.level, language)
    if "missing" in facts:
        items = [label("issue.item", each, language) for each in facts["missing"]]
        found["missing"] = ("、" if language == "zh" else ", ").join(items)
    return {name: text for name, text in found.items() if text}


def _handling(desk: Desk, issue: Issue, language: str) -> dict[str, Any]:
    """Return what was done in this round, step by step, with its coded facts."""
    steps = {}
    for name, done in issue.done.items():
        facts = dict(done.facts)
        steps[name] = {
            "by": done.by,
            "by_name": staff_name(desk, done.by),
            "at": stamp(done.at),
            "recorded_at": stamp(done.recorded_at),
            "late": done.late,
            "facts": facts,
            "labels": {
                **{
                    fact: label(f"choice.{fact}", value, language)
                    for fact, value in facts.items()
                    if isinstance(value, str)
                },
                **_fact_labels(desk, issue, facts, language),
            },
        }
    return {
        "round": issue.round,
        "verdict": issue.verdict or None,
        "liability": issue.liability or None,
        "files": list(issue.files),
        "steps": steps,
    }


def _site(desk: Desk, issue: Issue, language: str) -> dict[str, Any] | None:
    site = issue.site
    if site is None:
        return None
    return {
        "triggers": list(site.triggers),
        "trigger_labels": [label("choice.trigger", one, language) for one in site.triggers],
        "opened_at": stamp(site.opened_at),
        "opened_by_name": staff_name(desk, site.opened_by),
        "investigator": site.investigator,
        "investigator_name": staff_name(desk, site.investigator),
        "subjects": list(site.subjects),
        "subject_names": [staff_name(desk, one) or office_name(desk, one) for one in site.subjects],
        "concluded_at": _stamped(site.concluded_at),
        "concluded_by_name": staff_name(desk, site.concluded_by),
        "finding": site.finding or None,
        "finding_label": label("choice.finding", site.finding, language),
        "open": site.is_open,
    }


def _bypass(issue: Issue, language: str) -> dict[str, Any] | None:
    bypass = issue.bypass
    if bypass is None:
        return None
    return {
        "order_id": bypass.order_id,
        "why": bypass.why,
        "why_label": label("issue.bypass", bypass.why, language),
        "at": stamp(bypass.at),
    }


def _papers(issue: Issue, language: str) -> list[dict[str, Any]]:
    """Return its papers. open: it holds up the clearing; a stage says how far any of them is."""
    stages = {line.paper_id: str(line.row["stage"]) for line in papers.of_issue(issue.issue_id)}
    return [
        {
            "paper_id": paper_id,
            "kind": paper.kind,
            "kind_label": label("kind", paper.kind, language),
            "stage_label": label("stage", stages.get(paper_id, ""), language),
            "open": paper.open,
        }
        for paper_id, paper in sorted(issue.papers.items())
    ]


def _supervisions(desk: Desk, issue: Issue, language: str) -> list[dict[str, Any]]:
    return [
        {
            "id": key,
            "owner": one.owner,
            "owner_name": staff_name(desk, one.owner) or office_name(desk, one.owner),
            "office": one.office,
            "office_name": office_name(desk, one.office),
            "level": one.level,
            "level_label": label("issue.level", one.level, language),
            "due": stamp(one.due),
            "asked_by": one.asked_by,
            "asked_by_name": staff_name(desk, one.asked_by),
            "at": stamp(one.at),
            "replies": [
                {"by": by, "by_name": staff_name(desk, by), "at": stamp(instant(at))}
                for by, at in one.replies
            ],
            "closed_at": _stamped(one.closed_at),
            "open": one.is_open,
        }
        for key, one in sorted(issue.supervisions.items(), key=lambda pair: pair[1].at)
    ]


def sign_rows(desk: Desk, issue: Issue, rules: Rules, language: str) -> list[dict[str, Any]]:
    """Return the three levels: whether each signs, who did, and each item of its checklist."""
    needed = needed_levels(issue, rules)
    awaited = next_level(issue, rules)
    rows = []
    for name in CHECKLISTS:
        signed = issue.sign_offs.get(name)
        answers = signed.items if signed else {}
        items = tuple(answers) or checklist_of(issue, name, rules)
        rows.append(
            {
                "level": name,
                "level_label": label("issue.level", name, language),
                "office": issue.levels.get(name, ""),
                "needed": name in needed,
                "awaited": name == awaited,
                "by": signed.by if signed else "",
                "by_name": staff_name(desk, signed.by) if signed else "",
                "at": _stamped(signed.at if signed else None),
                "items": [
                    {
                        "name": item,
                        "label": label("issue.item", item, language),
                        "ok": answers.get(item),
                    }
                    for item in items
                ],
            }
        )
    return rows


MAIN: Final = (
    *("assign", "contact", "evidence", "investigate", "decide", "attribute", "record_violation"),
    *("root_cause", "measure", "match", "reply", "visit", "four_not_let_go", "plan_follow_up"),
    *("conclude_site_investigation", "supervision_reply", "sign", "clear", "follow_up"),
)
"""The usual course: the first of these that may be made and is not done is the main move."""
_DOES: Final[Mapping[str, str]] = {
    "contact": "contacted",
    "investigate": "investigated",
    "decide": "decided",
    "attribute": "attributed",
    "record_violation": "repeated_violation_recorded",
    "match": "measure_matches",
    "reply": "replied",
    "plan_follow_up": "follow_up_set",
}


def move_rows(
    viewer: Viewer, head: Head, rules: Rules, *, actor_level: str, language: str
) -> list[dict[str, Any]]:
    """Return the moves that whoever looks may make now, as the move form renders an order's."""
    issue = head.issue
    found = [
        (name, standing)
        for name, standing in moves_open_to(
            issue, viewer.staff.role.value, level=actor_level, rules=rules
        )
        if may(viewer, issue, right_for(name))
    ]
    able = {name for name, standing in found if not standing and not _is_done(name, issue)}
    main = next((name for name in MAIN if name in able), "")
    return [
        {
            "name": name,
            "label": label("issue.move", name, language),
            "needs": [need_row(need) for need in needs_now(name, issue, rules)],
            "gates_open": standing,
            "primary": name == main,
        }
        for name, standing in found
    ]


def _is_done(name: str, issue: Issue) -> bool:
    if name == "assign":
        return issue.state is not State.OPEN
    if name == "supervision_reply":
        return all(one.replies or not one.is_open for one in issue.supervisions.values())
    if name == "visit":
        return bool(issue.round_visits) and issue.round_visits[-1].result != "unreached"
    if name == "four_not_let_go" and not issue.service_event:
        return True
    return _DOES.get(name, name) in issue.done


def may(viewer: Viewer, issue: Issue, capability: Capability) -> bool:
    """Return whether they may do this to an issue: at its office or its county.

    What is confidential is theirs only who may read reports of misconduct (S1.26).
    """
    places = (issue.office, issue.county)
    if issue.confidential and not viewer.reaches(Capability.MISCONDUCT_READ, *places):
        return False
    return viewer.reaches(capability, *places)


# The table that is exported ---------------------------------------------------------------------

EXPORTED: Final = (
    *("issue", "source", "category", "grade", "state", "office_responsible", "host"),
    *("opened_at", "cleared_at", "next_due", "orders", "hotline_calls", "bypass"),
    *("gates_open", "relapses", "verdict", "liability", "root_cause", "follow_up_on"),
)
MOST_ROWS: Final = 10_000
_PAGE: Final = 100


def export(
    viewer: Viewer, office: str, view: str, *, confidential: bool, form: str, language: str
) -> tuple[bytes, int]:
    """Return a view of the ledger as CSV or XLSX and how many rows it has; on record.

    Nothing of a citizen is in it: an issue's row has none. Raises Busy.
    """
    heads: list[Head] = []
    for head in _all(viewer, office, view, confidential=confidential):
        if len(heads) == MOST_ROWS:
            break
        heads.append(head)
    data = {"rows": len(heads), "what": "issues", "view": view, "office": office}
    revealing.record(
        revealing.EXPORTED,
        viewer.desk.office(office).county,
        data,
        by=actor_of(viewer.staff),
        at=viewer.at,
    )
    headers = [wording.say(f"column.{name}", language) for name in EXPORTED]
    lines = [_line(viewer, head, language) for head in heads]
    if form == "xlsx":
        title = wording.say("column.issues_sheet", language)
        return sheets.to_xlsx(title, headers, lines), len(heads)
    return sheets.to_csv(headers, lines), len(heads)


def _all(viewer: Viewer, office: str, view: str, *, confidential: bool) -> Iterator[Head]:
    owner = viewer.staff.staff_id if view == "mine" else office
    after: str | None = None
    while True:
        found = issues.listed(owner, view, limit=_PAGE, after=after, confidential=confidential)
        for head in found.items:
            if may(viewer, head.issue, Capability.ISSUE_LIST):
                yield head
        after = found.after
        if after is None:
            return


def _line(viewer: Viewer, head: Head, language: str) -> list[str]:
    issue = head.issue
    shown = row(viewer.desk, head, language=language, at=viewer.at)
    due = shown["next_due"] or {}
    cells = {
        "issue": issue.issue_id,
        "source": shown["source_label"],
        "category": shown["category_label"],
        "grade": shown["grade_label"],
        "state": shown["state_label"],
        "office_responsible": shown["office_name"],
        "host": shown["host_name"],
        "opened_at": shown["opened_at"],
        "cleared_at": shown["cleared_at"] or "",
        "next_due": due.get("at", ""),
        "orders": shown["orders"],
        "hotline_calls": shown["hotline_calls"],
        "bypass": label("issue.bypass", issue.bypass.why, language) if issue.bypass else "",
        "gates_open": shown["gates_open"],
        "relapses": shown["relapses"],
        "verdict": label("choice.verdict", issue.verdict, language),
        "liability": label("choice.liability", issue.liability, language),
        "root_cause": label(
            "choice.root_cause", str(issue.fact("root_cause", "root_cause") or ""), language
        ),
        "follow_up_on": shown["follow_up_on"] or "",
    }
    return [str(cells[name]) for name in EXPORTED]


# The tables as data -----------------------------------------------------------------------------


def tables(desk: Desk, office_id: str, language: str, *, at: datetime) -> dict[str, Any]:
    """Return what the ledger goes by: commands, gates, levels, checklists, clocks, with words.

    The checklists are those of an office today, or as shipped where none is named. Raises Unknown.
    """
    return {
        "states": _named("issue.state", [state.value for state in State], language),
        "sources": _named("issue.source", [source.value for source in Source], language),
        "commands": [
            {
                "name": name,
                "label": label("issue.move", name, language),
                "states": sorted(state.value for state in command.states),
                "who": sorted(str(each) for each in command.who),
                "needs": [need_row(need) for need in command.needs],
                "why": command.why,
                "capability": right_for(name).value,
            }
            for name, command in COMMANDS.items()
        ],
        "gates": _named("issue.gate", GATES, language),
        "checklists": [_checklist(desk, office_id, name, language, at=at) for name in CHECKLISTS],
        "sign_levels": [
            {"name": name, "limit": limit_id} for name, limit_id in SIGN_LIMITS.items()
        ],
        "clocks": [
            {
                "name": rule.name,
                "label": label("clock", rule.name, language),
                "limit": rule.limit,
                "whose": rule.whose,
                "promise": rule.promise,
            }
            for rule in CLOCKS.values()
        ],
    }


def _checklist(
    desk: Desk, office_id: str, level: str, language: str, *, at: datetime
) -> dict[str, Any]:
    """Return every item that a level may look at, and whether it does: who says so since when."""
    office = desk.office(office_id) if office_id else None
    upwards = office.upwards if office else ()
    own = next((one for one in upwards if level_of(desk, one) == level), "")
    above = upwards[upwards.index(own) :] if own else upwards
    rows = []
    for item in CHECKLISTS[level]:
        limit = desk.book.find(item_limit(level, item), on=local_day(at), offices=above)
        rows.append(
            {
                "name": item,
                "label": label("issue.item", item, language),
                "enabled": limit.enabled,
                "limit": limit.id,
                "source": limit.source,
                "version": limit.version,
            }
        )
    return {
        "level": level,
        "label": label("issue.level", level, language),
        "office": own,
        "items": rows,
        "source": CHECKLIST_SOURCE,
    }


def _named(sort: str, slugs: Iterable[str], language: str) -> list[dict[str, str]]:
    return [{"name": slug, "label": label(sort, slug, language)} for slug in slugs]
