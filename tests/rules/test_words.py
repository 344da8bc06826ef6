"""Whatever is shown has words in both languages."""

import ast
import inspect
import string

import pytest

from chalicelib.domain import (
    assurance,
    indicators,
    issue,
    issue_gates,
    issue_moves,
    outage,
    outage_moves,
    refusal,
    resources,
    words,
)
from chalicelib.domain.clocks import LADDER, QUIET_LADDER, Level, Target
from chalicelib.domain.limits import Unit
from chalicelib.domain.notice import TEMPLATES
from chalicelib.domain.outage_notice import Crew, DropReason, Group, Kind, Silence
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.planning import (
    ANNOUNCED,
    CHECKS,
    LEADS,
    MEDIA,
    REMINDERS,
    REQUIRED,
    leads,
)
from chalicelib.domain.procedure import GATES, Form
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.domain.staff import Capability, OfficeLevel, Outsider, Relation, Role
from chalicelib.store.deliveries import Status
from chalicelib.store.issues import VIEWS
from chalicelib.usecases import delivering, notifying
from chalicelib.usecases.outages import DEEDS
from tests.domain.engine import NOON, RULES

EVERY = (*PROCEDURES.values(), *PAPERS.values())
ROUNDS = (
    *outage.INFORMATION,
    *(name for notices in REMINDERS.values() for name, _ in notices),
    *("changed", "cancelled", "corrected", "cause", "update", "overrun"),
)
ALERTS = (
    *(f"{clock}.{rung.name}" for clock in ("entry", "notify") for rung in QUIET_LADDER),
    *("whole.due", "review", "idle", "overrun", "update"),
    *("plan_public", "plan_service_centre", "plan_start", "plan_finish"),
)
PROCEDURE_WORDS = sorted(
    {f"kind.{p.kind}" for p in EVERY}
    | {f"stage.{stage}" for p in EVERY for stage in p.stages}
    | {f"move.{move}" for p in EVERY for move in p.moves}
    | {f"gate.{gate}" for p in EVERY for gate in p.gates}
    | {f"person.{rule}" for p in EVERY for rule in p.persons}
    | {f"public.move.{move.name}" for p in EVERY for move in p.moves.values() if move.public}
    | {f"clock.{rule.name}" for p in EVERY for rule in p.clocks}
    | {f"whose.{rule.whose}" for p in EVERY for rule in p.clocks}
    | {f"sub_type.{sub}" for p in EVERY for sub in p.sub_types}
    | {
        f"need.{need.name}"
        for p in EVERY
        for needs in (p.intake, *(move.needs for move in p.moves.values()))
        for need in needs
    }
    | {
        f"choice.{need.name}.{choice}"
        for p in EVERY
        for needs in (p.intake, *(move.needs for move in p.moves.values()))
        for need in needs
        for choice in need.choices
    }
)
ENUMS = sorted(
    {f"role.{role}" for role in (*Role, *Outsider)}
    | {f"capability.{capability}" for capability in Capability}
    | {f"relation.{relation}" for relation in Relation}
    | {f"office_level.{level}" for level in OfficeLevel}
    | {f"level.{level}" for level in Level}
    | {f"target.{target}" for target in Target}
    | {f"rung.{rung.name}" for rung in LADDER}
    | {f"gate.{gate}" for gate in GATES}
    | {f"form.{form}" for form in Form}
    | {f"unit.{unit}" for unit in Unit}
)
DELIVERIES = sorted(
    {f"template.{name}" for name in TEMPLATES}
    | {f"delivery.{status}" for status in Status}
    | {
        f"undelivered.{keyword.value.value!s}"
        for node in ast.walk(ast.parse(inspect.getsource(delivering)))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
    }
    | {f"undelivered.{why}" for why in notifying.CALLED.values()}
)
OUTAGES = sorted(
    {f"outage.move.{name}" for name in DEEDS}
    | {f"outage.step.{change}" for change in outage._FOLD}
    | {f"need.{need.name}" for deed in DEEDS.values() for need in deed.needs}
    | {
        f"choice.{need.name}.{choice}"
        for deed in DEEDS.values()
        for need in deed.needs
        for choice in need.choices
    }
    | {f"notice.{kind}" for kind in Kind}
    | {f"group.{group}" for group in Group}
    | {f"silence.{silence}" for silence in Silence}
    | {f"drop.{reason}" for reason in DropReason}
    | {f"text.outage.crew.{crew}" for crew in Crew if crew is not Crew.NONE}
    | {f"text.outage.{key}.{kind}" for kind in (*ANNOUNCED, "fault") for key in ("sort", "why")}
    | {f"gate.{check}" for check in (*CHECKS, "key_customers_called")}
    | {f"lead.{lead.to}" for kind in LEADS for lead in leads(kind, NOON, RULES)}
    | {f"medium.{medium}" for medium in MEDIA}
    | {f"announcement.{name}" for name in REQUIRED}
    | {f"outage.kind.{kind}" for kind in outage.Kind}
    | {f"outage.state.{state}" for state in outage.State}
    | {f"outage.command.{name}" for name in (*outage.COMMANDS, "opened", "drafted", "timer")}
    | {f"outage.round.{kind}" for kind in ROUNDS}
    | {f"outage.cause.{category}" for category in outage.CAUSES}
    | {f"outage.cause.{c}.{leaf}" for c, leaves in outage.CAUSES.items() for leaf in leaves}
    | {f"outage.reason.{reason}" for reason in (*outage.REASONS, outage.UNANSWERED)}
    | {f"outage.crew.{status}" for status in outage.CREW_STATUSES}
    | {f"outage.etr_source.{source}" for source in outage.ETR_SOURCES}
    | {f"outage.alert.{alert}" for alert in ALERTS}
    | {f"outage.watch.{level}" for level in indicators.Watch}
    | {f"choice.dangers.{danger}" for danger in outage.DANGERS}
    | {f"gate.{gate}" for gate in outage_moves.GATES}
)
RESOURCES = sorted(
    {f"resource.sort.{sort}" for sort in resources.Sort}
    | {f"resource.state.{state}" for state in resources.State}
    | {f"resource.reason.{name}" for name in resources.REASONS}
    | {f"resource.skill.{skill}" for skill in resources.SKILLS}
    | {f"resource.need.{need}" for need in resources.NEEDS}
    | {f"resource.band.{band}" for band, _ in resources.BANDS}
    | {f"loan.stage.{stage}" for stage in resources.Stage}
    | {f"loan.move.{move}" for move in ("asked", *resources.EDGES)}
    | {f"choice.reason.{reason}" for reason in (*resources.LOAN_REASONS, *assurance.REASONS)}
    | {f"choice.refusal.{reason}" for reason in resources.REFUSALS}
    | {f"assurance.phase.{phase}" for phase in assurance.Phase}
    | {
        f"{prefix}.level.{level}"
        for prefix in ("assurance", "choice")
        for level in assurance.LEVELS
    }
    | {f"assurance.move.{move}" for move in ("prepared", *assurance.PHASES)}
    | {f"choice.check.{name}" for name in assurance.CHECKS}
    | {f"gate.{gate}" for gate in assurance.GATES}
)
ISSUES = sorted(
    {f"issue.state.{state}" for state in issue.State}
    | {f"issue.source.{source}" for source in issue.Source}
    | {f"issue.level.{level}" for level in issue.LEVELS}
    | {f"issue.bypass.{why}" for why in issue.BYPASSES}
    | {f"issue.gate.{gate}" for gate in issue_gates.GATES}
    | {f"issue.view.{view}" for view in VIEWS}
    | {f"issue.why.{why}" for why in issue_gates.WHYS}
    | {f"issue.move.{name}" for name in (*issue.COMMANDS, "opened", "timer", "replanned")}
    | {
        f"{prefix}.{item}"
        for items in issue_gates.CHECKLISTS.values()
        for item in items
        for prefix in ("issue.item", "need")
    }
    | {f"gate.{gate}" for gate in (*issue_gates.GATES, *issue_moves.ASKED)}
    | {"gate.parent_not_cleared", "gate.supervision_replied"}
    | {f"clock.{name}" for name in issue_moves.CLOCKS}
    | {f"whose.{rule.whose}" for rule in issue_moves.CLOCKS.values()}
    | {f"need.{need.name}" for command in issue.COMMANDS.values() for need in command.needs}
    | {
        f"choice.{need.name}.{choice}"
        for command in issue.COMMANDS.values()
        for need in command.needs
        for choice in need.choices
    }
)
REFUSALS = [
    kind for kind in vars(refusal).values()
    if isinstance(kind, type) and issubclass(kind, refusal.Refused) and kind is not refusal.Refused
]  # fmt: skip


@pytest.mark.parametrize(
    "key", [*PROCEDURE_WORDS, *ENUMS, *DELIVERIES, *OUTAGES, *RESOURCES, *ISSUES]
)
def test_it_has_words(key):
    assert words.has(key)


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_refusal_has_a_title_and_a_detail(kind):
    assert words.has(f"problem.{kind.slug}.title")
    assert words.has(f"problem.{kind.slug}.detail")


@pytest.mark.parametrize("key", sorted(words.WORDS))
def test_both_languages_say_something_and_take_the_same_facts(key):
    pair = words.WORDS[key]
    fields = [
        {name for _, name, _, _ in string.Formatter().parse(text) if name} for text in pair.values()
    ]
    assert all(text.strip() for text in pair.values())
    assert fields[0] == fields[1]


def test_there_are_no_words_for_what_is_gone():
    known = {*PROCEDURE_WORDS, *ENUMS, *DELIVERIES, *OUTAGES, *RESOURCES, *ISSUES}
    own = (
        "stage.", "move.", "kind.", "gate.", "role.", "capability.", "sub_type.", "level.",
        "person.", "template.", "delivery.", "notice.", "silence.", "drop.", "outage.",
        "resource.reason.", "resource.band.", "resource.need.", "loan.", "issue.",
    )  # fmt: skip
    extra = {"move.opened", "move.timer", "move.replanned", "gate.half_of_promise"}
    orphans = {key for key in words.WORDS if key.startswith(own)} - known - extra
    assert orphans == set()


@pytest.mark.parametrize(
    ("minutes", "zh", "en"),
    [(0, "0 分钟", "0 min"), (45, "45 分钟", "45 min"), (120, "2 小时", "2 h"),
     (415, "6 小时 55 分钟", "6 h 55 min"), (1_625, "27 小时 5 分钟", "27 h 5 min")],
)  # fmt: skip
def test_a_length_of_time_reads_as_people_say_it(minutes, zh, en):
    assert (words.span(minutes, "zh"), words.span(minutes, "en")) == (zh, en)
