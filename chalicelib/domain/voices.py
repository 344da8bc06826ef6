"""What notices of outages say (停电通知用语): texts, and five voices from one record.

A text says only what is true when it is written: a crew appears once it has set out, and an end
that nobody knows is not invented, the text says when the next word comes. It stays one part where
leaving out what need not be there makes it so. The group message (微信), the loudspeaker's script
(大喇叭), the sheet for the wall (告示) and the status page are made from the same facts.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from . import words
from .calendar import CHINA, local_day
from .clocks import Rules
from .contact import utf16_units
from .notice import LONGEST_FIELD, Template, Written, clock_words, shorten, write
from .outage import BEFORE, UNCONFIRMED, Etr, Outage, State
from .outage_notice import BEFOREHAND, CLOSING, RUNNING, Crew, Facts, Group, Kind, Notice
from .planning import ANNOUNCED, Window

# From the record --------------------------------------------------------------------------------

_CREW: Final[Mapping[str, Crew]] = MappingProxyType(
    {
        "assigned": Crew.NONE,
        "set_out": Crew.SET_OUT,
        "arrived": Crew.ON_SITE,
        "repairing": Crew.WORKING,
        "done": Crew.NONE,
    }
)
"""How far a crew is, as far as a text may say so: one that is assigned has not set out."""


def facts_of(
    outage: Outage,
    *,
    areas: Sequence[str],
    line: str = "",
    duty_phone: str = "",
    truck: bool = False,
    language: str = "zh",
) -> Facts:
    """Return what an outage's notices are made from, its causes in words.

    areas, line: names for people. The revision is the number of its newest round, so that a round
    that is delivered twice is one notice. A household's own restoration is in its steps, not here.
    Raises ValueError without an area.
    """
    plan, etr, state = outage.plan, outage.etr, outage.state
    said = sorted((int(number), word) for number, word in outage.etrs.items())
    end = etr.at if etr else None
    is_known = outage.cause and not outage.cause.startswith("unknown")
    is_over = state in {State.RESTORED, State.FINISHED, State.MOMENTARY}
    reason = etr.reason if etr else ""
    return Facts(
        outage_id=outage.outage_id,
        kind=outage.kind.value,
        revision=max((int(name.rpartition(".")[2]) for name in outage.rounds), default=0),
        areas=tuple(areas),
        line=line,
        cause=words.say(f"outage.cause.{outage.cause}", language) if is_known else "",
        change_reason=words.say(f"outage.reason.{reason}", language) if reason else "",
        began_at=None if state in BEFORE else outage.since,
        etr=end,
        next_update_at=(etr.next_update_at if etr else None) or outage.update_at,
        restored_at=outage.closed_at if is_over else None,
        cancelled_at=outage.closed_at if state is State.CANCELLED else None,
        window=plan.window if plan else None,
        crew=_CREW[outage.crew.status] if outage.crew else Crew.NONE,
        duty_phone=duty_phone,
        truck=truck,
        extended=_is_extended([word for _, word in said]),
        corrects=max(outage.corrected, said[-1][0] if reason in MISTAKES else 0),
        confirmed=state not in UNCONFIRMED,
        momentary=state is State.MOMENTARY,
        absorbed=state is State.ABSORBED,
    )


MISTAKES: Final = frozenset({"clerical"})
"""Reasons for another end that make the one that was told wrong, not overtaken."""
EXTENDS: Final = frozenset({"works_delayed", "defect_found"})
"""Reasons for a later end that are the works' own: people are asked for their pardon. [design]"""


def _is_extended(said: Sequence[Etr]) -> bool:
    """Return whether the newest word put the end off because the works take longer."""
    ends = [word.at for word in said if word.at is not None]
    is_later = len(ends) > 1 and said[-1].at is not None and ends[-1] > ends[-2]
    return is_later and said[-1].reason in EXTENDS


# Texts ------------------------------------------------------------------------------------------

_TEXTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "fault_first",
        "故障停电:{since}起{area}停电,{cause}{crew}{next}前告知预计恢复时间。详询95598",
        "Power cut: {area} since {since}. {cause}{crew}News by {next}. Call 95598",
    ),
    (
        "fault_cause_etr",
        "{area}{since}起停电,{cause}{crew}预计{etr}前恢复供电。详询95598",
        "Power cut: {area} since {since}. {cause}{crew}Back by {etr}. Call 95598",
    ),
    (
        "etr_later",
        "更新:{area}停电,{reason}恢复时间由{was}推迟至{etr},敬请谅解。详询95598",
        "Update: {area}. {reason}Power back by {etr}, not {was}; sorry. Call 95598",
    ),
    (
        "etr_sooner",
        "更新:{area}停电,恢复时间由{was}提前至{etr}。详询95598",
        "Update: {area}. Power back sooner: by {etr}, not {was}. Call 95598",
    ),
    (
        "etr_unknown",
        "更新:{area}仍停电,{crew}恢复时间未定,{next}前再告知,敬请谅解。详询95598",
        "Update: {area} still off. {crew}End unknown; news by {next}. Call 95598",
    ),
    (
        "extended",
        "{area}未能在{was}前恢复供电,向您致歉。{reason}现预计{etr}前恢复。详询95598",
        "{area}: not back by {was}, sorry. {reason}Now expected by {etr}. Call 95598",
    ),
    (
        "extended_ahead",
        "{area}停电需延长,{reason}恢复时间由{was}推迟至{etr},向您致歉。详询95598",
        "{area}: takes longer. {reason}Back by {etr}, not {was}, sorry. Call 95598",
    ),
    (
        "extended_unknown",
        "{area}未能在{was}前恢复供电,向您致歉。新的恢复时间{next}前告知。详询95598",
        "{area}: not back by {was}, sorry. New time by {next}. Call 95598",
    ),
    (
        "restored",
        "{area}已于{time}恢复供电。若您家中仍无电,请拨95598或回复1,我们立即核查。",
        "{area}: power back at {time}. Still dark? Reply 1 or call 95598",
    ),
    (
        "restored_early",
        "{area}已提前于{time}恢复供电。若您家中仍无电,请拨95598或回复1,我们立即核查。",
        "{area}: power back early, at {time}. Still dark? Reply 1 or call 95598",
    ),
    (
        "planned_7d",
        "计划停电:因{why},{area}{window}停电,{prepare}检修完会提前送电。详询95598",
        "Planned cut: {area} {window}, for {why}. {prepare}May end early. Call 95598",
    ),
    (
        "planned_1d",
        "提醒:因{why},{area}{window}停电,{prepare}检修完会提前送电。详询95598",
        "Reminder: {area} off {window}, for {why}. {prepare}May end early. Call 95598",
    ),
    (
        "planned_30min",
        "提醒:{area}将于{start}停电,预计{end}恢复,因{why},请做好准备。详询95598",
        "Reminder: {area} off at {start}, back by {end}, for {why}. Call 95598",
    ),
    (
        "short_notice_24h",
        "临时停电:因{why},{area}{window}停电,{prepare}敬请谅解。详询95598",
        "Short-notice cut: {area} {window}, for {why}; sorry. Call 95598",
    ),
    (
        "short_notice_30min",
        "提醒:{area}将于{start}临时停电,预计{end}恢复,因{why},请做好准备。详询95598",
        "Reminder: {area} off at {start}, back by {end}, for {why}. Call 95598",
    ),
    (
        "under_way",
        "{sort}:因{why},{area}{since}起停电,预计{etr}前恢复供电。详询95598",
        "{sort}: {area} off since {since}, for {why}. Back by {etr}. Call 95598",
    ),
    (
        "under_way_unknown",
        "{sort}:因{why},{area}{since}起停电,恢复时间{next}前告知。详询95598",
        "{sort}: {area} off since {since}, for {why}. News by {next}. Call 95598",
    ),
    (
        "planned_changed",
        "变更通知:{area}{was_start}{sort}改为{window},请重新安排。详询95598",
        "Changed: {area}: {sort} {was_start}now {window}. Call 95598",
    ),
    (
        "planned_cancelled",
        "取消通知:原定{was_window}{area}{sort}已取消,正常供电。详询95598",
        "Cancelled: {sort} at {area}, {was_window}. Power stays on. Call 95598",
    ),
    (
        "planned_overrun",
        "{area}停电需延长,{reason}恢复时间由{was}推迟至{etr},向您致歉。详询95598",
        "{area}: takes longer. {reason}Back by {etr}, not {was}, sorry. Call 95598",
    ),
    (
        "planned_overrun_unknown",
        "{area}未能在{was}前恢复供电,向您致歉。新的恢复时间{next}前告知。详询95598",
        "{area}: not back by {was}, sorry. New time by {next}. Call 95598",
    ),
    (
        "emergency_defect",
        "紧急停电:因{why}须立即消除隐患,{area}{window}停电,请尽快准备。详询95598",
        "Urgent cut: {area} {window}: {why} must be made safe. Call 95598",
    ),
    (
        "load_shortage",
        "有序用电:因{why},{area}{window}停电,{prepare}敬请谅解。详询95598",
        "Load shortage: {area} off {window}, for {why}; sorry. Call 95598",
    ),
    (
        "correction",
        "更正:此前关于{area}停电的通知有误,{truth}请以本条为准,敬请谅解。详询95598",
        "Correction: our notice on {area} was wrong. {truth}Call 95598",
    ),
    (
        "vulnerable",
        "您家{since}起停电,预计{etr}恢复。如使用呼吸机等设备请立即拨值班电话{duty}{truck}",
        "Your power is off since {since}, back by {etr}. On a ventilator? Call {duty}{truck}",
    ),
    (
        "vulnerable_unknown",
        "您家{since}起停电,{next}前告知恢复时间。如用呼吸机等设备请立即拨值班电话{duty}{truck}",
        "Your power is off since {since}, news by {next}. On a ventilator? Call {duty}{truck}",
    ),
    (
        "vulnerable_beforehand",
        "您家{window}将停电。如使用呼吸机等设备请提前拨值班电话{duty}{truck}",
        "Your power goes off {window}. On a ventilator? Call {duty}{truck}",
    ),
)

TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {name: Template(name, f"LK_OUTAGE_{name.upper()}", zh, en) for name, zh, en in _TEXTS}
)
"""Every text about outages. The codes are what a gateway that keeps templates knows them by."""


def template_of(notice: Notice, facts: Facts, group: Group, *, at: datetime) -> str:
    """Return the name of the text that tells a notice truly to this group at `at`."""
    kind, has_begun = notice.kind, facts.began_at is not None
    if group is Group.VULNERABLE and facts.duty_phone and kind in RUNNING | BEFOREHAND:
        if kind in BEFOREHAND and not has_begun:
            return "vulnerable_beforehand"
        return "vulnerable" if notice.until else "vulnerable_unknown"
    if kind in BEFOREHAND and has_begun:
        return "under_way" if notice.until else "under_way_unknown"
    if kind in {Kind.ETR_CHANGE, Kind.EXTENDED, Kind.PLANNED_OVERRUN}:
        return _change_template(notice, facts, at)
    return kind.value


def _change_template(notice: Notice, facts: Facts, at: datetime) -> str:
    kind, until, was = notice.kind, notice.until, notice.was
    if until is None:
        is_missed = was is not None and was <= at
        return f"{kind}_unknown" if is_missed and kind is not Kind.ETR_CHANGE else "etr_unknown"
    if was is None:
        return "under_way" if facts.kind in ANNOUNCED else "fault_cause_etr"
    if kind is Kind.ETR_CHANGE:
        return "etr_later" if until > was else "etr_sooner"
    if kind is Kind.EXTENDED:
        return "extended" if was <= at else "extended_ahead"
    return kind.value


_SHORTER: Final[tuple[Mapping[str, int], ...]] = (
    {},
    {"crew": 0},
    {"crew": 0, "prepare": 0, "truck": 0},
    {"crew": 0, "prepare": 0, "truck": 0, "reason": 0},
    {"crew": 0, "prepare": 0, "truck": 0, "reason": 0, "area": 12},
    {"crew": 0, "prepare": 0, "truck": 0, "reason": 0, "area": 10, "cause": 8},
    {"crew": 0, "prepare": 0, "truck": 0, "reason": 0, "area": 8, "cause": 6},
)
"""What is given up, step by step, so that a text stays one part: first whole clauses that are not
required, then the ends of long names, with the count or an ellipsis that says so."""


def compose(
    notice: Notice,
    facts: Facts,
    *,
    group: Group = Group.REST,
    signature: str,
    language: str = "zh",
    at: datetime,
    rules: Rules,
    own_area: str = "",
) -> Written:
    """Return the text of a notice, in one part if anything that may be left out makes it so.

    signature: without brackets. own_area: the household's own place, named first.
    """
    name = template_of(notice, facts, group, at=at)
    template = TEMPLATES[name]
    fields = _fields(template.zh if language == "zh" else template.en)
    single, part = rules.number("sms.single", at), rules.number("sms.part", at)
    found = []
    for shorter in _SHORTER:
        params = _params(notice, facts, shorter, language=language, at=at, own_area=own_area)
        written = write(
            name,
            {field: params[field] for field in fields},
            signature=signature,
            language=language,
            single=single,
            part=part,
            templates=TEMPLATES,
        )
        if written.parts == 1:
            return written
        found.append(written)
    return min(found, key=lambda one: one.parts)


def _fields(text: str) -> tuple[str, ...]:
    names = (name for _, name, _, _ in string.Formatter().parse(text) if name)
    return tuple(dict.fromkeys(names))


def _params(
    notice: Notice,
    facts: Facts,
    shorter: Mapping[str, int],
    *,
    language: str,
    at: datetime,
    own_area: str,
) -> dict[str, str]:
    def say(key: str, **filled: str) -> str:
        return words.say(f"text.outage.{key}", language, **filled)

    def clock(when: datetime | None) -> str:
        return clock_words(when, now=at, language=language) if when else ""

    def clause(key: str, text: str) -> str:
        return "" if shorter.get(key) == 0 else text

    cause = shorten(facts.cause, shorter.get("cause", LONGEST_FIELD))
    window = facts.window
    crew = "" if facts.crew is Crew.NONE else say(f"crew.{facts.crew}")
    why_moved = shorten(facts.change_reason or ("" if facts.kind in ANNOUNCED else facts.cause))
    reason = say("reason", reason=why_moved) if why_moved else ""
    return {
        "area": area_words(
            facts.areas, shorter.get("area", LONGEST_FIELD), language=language, own=own_area
        ),
        "since": clock(facts.began_at),
        "cause": say("cause", cause=cause) if cause else "",
        "why": cause or say(f"why.{facts.kind}"),
        "crew": clause("crew", crew),
        "prepare": clause("prepare", say("prepare")),
        "reason": clause("reason", reason),
        "next": clock(notice.next_update),
        "etr": clock(notice.until),
        "was": clock(notice.was),
        "time": clock(notice.restored_at),
        "window": window_words(window, now=at, language=language) if window else "",
        "was_window": window_words(notice.was_window or window, now=at, language=language)
        if window
        else "",
        "was_start": _was_start(notice, window, say, clock),
        "start": clock(window.start) if window else "",
        "end": clock(window.end) if window else "",
        "sort": say(f"sort.{facts.kind}"),
        "duty": facts.duty_phone,
        "truck": clause("truck", say("truck") if facts.truck else "") or say("full_stop"),
        "truth": _truth(notice, facts, say, clock, language=language, at=at),
    }


def _was_start(
    notice: Notice,
    window: Window | None,
    say: Callable[..., str],
    clock: Callable[[datetime | None], str],
) -> str:
    """Say when it was to begin, if that is what changed."""
    was = notice.was_window
    return say("was_start", start=clock(was.start)) if was and window != was else ""


def _truth(
    notice: Notice,
    facts: Facts,
    say: Callable[..., str],
    clock: Callable[[datetime | None], str],
    *,
    language: str,
    at: datetime,
) -> str:
    """Say what is so instead of what was told wrongly."""
    if notice.closes:
        return say("truth.unaffected")
    if facts.window and facts.began_at is None:
        return say("truth.window", window=window_words(facts.window, now=at, language=language))
    if notice.until:
        return say("truth.until", etr=clock(notice.until))
    return say("truth.unknown", next=clock(notice.next_update))


def window_words(window: Window, *, now: datetime, language: str = "zh") -> str:
    """Return a window as people say it: 9月12日08:00至16:00; both days if it ends on another."""
    begin = clock_words(window.start, now=now, language=language)
    same_day = local_day(window.start) == local_day(window.end)
    base = window.start if same_day else now
    end = clock_words(window.end, now=base, language=language)
    return words.say("text.outage.window", language, start=begin, end=end)


def area_words(
    areas: Sequence[str], units: int = LONGEST_FIELD, *, language: str = "zh", own: str = ""
) -> str:
    """Return areas in so many UTF-16 units, `own` first: 东街村、南街村等5处.

    What is left out is counted. Where that is not enough townships go, which everybody knows of
    their own; a single name that is still too long loses its middle, not its transformer.
    """
    names = list(dict.fromkeys([own, *areas] if own else areas))
    for some in (names, [_TOWNSHIP.sub("", name) for name in names[:_MOST_NAMED]]):
        if fitting := _listed(some, len(names), units, language):
            return fitting
    rest = words.say("text.outage.areas", language, areas="", n=str(len(names)))
    if len(names) == 1:
        return _cut(names[0], units)
    return words.say(
        "text.outage.areas",
        language,
        areas=_cut(names[0], max(units - utf16_units(rest), 1)),
        n=str(len(names)),
    )


_MOST_NAMED: Final = 20
_TOWNSHIP: Final = re.compile(r"^[^镇乡]{1,8}?(?:镇|乡|街道|苏木)(?=.)")
_TRANSFORMER: Final = re.compile(r"[0-9一二三四五六七八九十]*号?[公专]变(?=(?:台区)?$)")


def _listed(names: Sequence[str], count: int, units: int, language: str) -> str:
    """Return as many names as fit, and of how many they are the first; "" when not one does."""
    comma, fitting = words.say("text.outage.comma", language), ""
    for kept in range(1, len(names) + 1):
        listed = comma.join(names[:kept])
        if utf16_units(listed) > units:
            break
        if kept < count:
            listed = words.say("text.outage.areas", language, areas=listed, n=str(count))
        if utf16_units(listed) <= units:
            fitting = listed
    return fitting


def _cut(name: str, units: int) -> str:
    name = _TOWNSHIP.sub("", name) if utf16_units(name) > units else name
    which = _TRANSFORMER.search(name)
    room = units - utf16_units(which.group()) if which else 0
    if which is None or room < _LEAST or utf16_units(name) <= units:
        return shorten(name, units)
    return shorten(name[: which.start()], room) + which.group()


_LEAST: Final = 3
"""Units of a name's beginning that are worth keeping beside its transformer."""


# Five voices ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """A notice for print (A4 告示). rows: label and value. qr: what the code on it leads to."""

    title: str
    rows: tuple[tuple[str, str], ...]
    advice: tuple[str, ...]
    signed: str
    dated: str
    qr: str


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """An outage on the public page: areas and a count of households, nobody and nothing else.

    households: the number, or `few` (少量) below the limit `outage_notice.few`.
    """

    kind: str
    areas: tuple[str, ...]
    households: str
    since: datetime | None
    until: datetime | None
    next_update: datetime | None
    restored_at: datetime | None


@dataclass(frozen=True, slots=True)
class Voices:
    """One notice in five voices, all from the same facts."""

    sms: Written
    wechat: str
    loudspeaker: str
    sheet: Sheet
    status: StatusEntry


def voices(
    notice: Notice,
    facts: Facts,
    *,
    signature: str,
    office: str,
    qr: str,
    households: int,
    language: str = "zh",
    at: datetime,
    rules: Rules,
) -> Voices:
    """Return a notice in five voices. office: who signs on paper. qr: the public page's address."""
    title = words.say(f"notice.{notice.kind}", language)
    rows = _rows(notice, facts, language)
    advice = tuple(_advice(notice, facts, language))
    colon = words.say("voice.colon", language)
    lines = (f"{label}{colon}{value}" for label, value in rows)
    return Voices(
        sms=compose(notice, facts, signature=signature, language=language, at=at, rules=rules),
        wechat="\n".join((f"【{title}】", *lines, *advice, office)),
        loudspeaker=loudspeaker(title, rows, advice, office, language),
        sheet=Sheet(title, rows, advice, office, full_words(at, language, day_only=True), qr),
        status=status_entry(notice, facts, households, at=at, rules=rules),
    )


def status_entry(
    notice: Notice, facts: Facts, households: int, *, at: datetime, rules: Rules
) -> StatusEntry:
    """Return what the public page shows of an outage."""
    is_few = households < rules.number("outage_notice.few", at)
    return StatusEntry(
        kind=facts.kind,
        areas=facts.areas,
        households="few" if is_few else str(households),
        since=facts.began_at or (facts.window.start if facts.window else None),
        until=notice.until,
        next_update=notice.next_update,
        restored_at=notice.restored_at if notice.kind in CLOSING else None,
    )


def _rows(notice: Notice, facts: Facts, language: str) -> tuple[tuple[str, str], ...]:
    """Return what the sheet, the group message and the loudspeaker say, label by label."""
    fields = {
        "area": words.say("text.outage.comma", language).join(facts.areas),
        "line": facts.line,
        "was": _span(notice.was_window, language)
        if notice.kind in {Kind.PLANNED_CHANGED, Kind.PLANNED_CANCELLED}
        else "",
        **_times(notice, facts, language),
        "cause": "" if notice.closes else facts.cause,
        "reason": "" if notice.closes else facts.change_reason,
        "contact": words.say("voice.hotline", language),
    }
    return tuple(
        (words.say(f"voice.{name}", language), value) for name, value in fields.items() if value
    )


def _times(notice: Notice, facts: Facts, language: str) -> dict[str, str]:
    def full(when: datetime | None) -> str:
        return full_words(when, language) if when else ""

    if notice.kind in {Kind.RESTORED, Kind.RESTORED_EARLY}:
        return {"restored": full(notice.restored_at)}
    if notice.closes:
        return {}
    if facts.window and facts.began_at is None:
        return {"time": _span(facts.window, language)}
    return {
        "since": full(facts.began_at),
        "until": full(notice.until),
        "next": "" if notice.until else full(notice.next_update),
    }


def _span(window: Window | None, language: str) -> str:
    if window is None:
        return ""
    return words.say(
        "text.outage.window",
        language,
        start=full_words(window.start, language),
        end=full_words(window.end, language),
    )


def _advice(notice: Notice, facts: Facts, language: str) -> Iterable[str]:
    """Return what people should do, if anything."""
    if notice.kind in {Kind.RESTORED, Kind.RESTORED_EARLY}:
        yield words.say("voice.advice.still_dark", language)
    elif notice.closes:
        yield words.say("voice.advice.void", language)
    elif notice.kind in BEFOREHAND or notice.kind is Kind.PLANNED_CHANGED:
        yield words.say("voice.advice.prepare", language)
    if not notice.closes:
        yield words.say("voice.advice.live", language)
        if facts.duty_phone:
            yield words.say("voice.advice.equipment", language, duty=facts.duty_phone)


def full_words(at: datetime, language: str = "zh", *, day_only: bool = False) -> str:
    """Return an instant with its year: what stays on a wall is read on another day."""
    local = at.astimezone(CHINA)
    if language == "zh":
        day = f"{local.year}年{local.month}月{local.day}日"
    else:
        day = f"{local.day}/{local.month}/{local.year} "
    return day.strip() if day_only else f"{day}{local:%H:%M}"


def loudspeaker(
    title: str,
    rows: Iterable[tuple[str, str]],
    advice: Iterable[str],
    office: str,
    language: str = "zh",
) -> str:
    """Return a script for the village loudspeaker: everything twice, in words that can be read."""
    said = [f"{label}{words.say('voice.pause', language)}{value}" for label, value in rows]
    body = words.say(
        "voice.script",
        language,
        title=title,
        body=words.say("voice.stop", language).join(said),
        advice="".join(advice),
    )
    script = words.say("voice.twice", language, office=office, body=body)
    return spoken(script) if language == "zh" else script


# Reading aloud ----------------------------------------------------------------------------------

_DIGITS: Final = "零一二三四五六七八九"
_ONE_BY_ONE: Final = "零幺二三四五六七八九"
_HUNDRED: Final = 100
_TEN: Final = 10
_SAID: Final = re.compile(
    r"(?P<year>[0-9]{4})年|(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})|(?P<hotline>955[0-9]{2})"
    r"|(?P<number>[0-9]+)(?:\.(?P<decimals>[0-9]+))?(?P<kv>kV)?|-"
)


def spoken(text: str) -> str:
    """Return a Chinese text with its figures as a reader says them: 14:30 is 十四点三十分.

    Numbers below a hundred are counted; longer ones, such as telephones, go digit by digit.
    """
    return _SAID.sub(_say, text)


def _say(match: re.Match[str]) -> str:
    if year := match["year"]:
        return "".join(_DIGITS[int(digit)] for digit in year) + "年"
    if match["hour"]:
        return _say_time(int(match["hour"]), int(match["minute"]))
    if hotline := match["hotline"]:
        return "".join(_DIGITS[int(digit)] for digit in hotline)
    if not match["number"]:
        return "，"
    decimals = "".join(_DIGITS[int(digit)] for digit in match["decimals"] or "")
    point = f"点{decimals}" if decimals else ""
    return f"{_say_number(match['number'])}{point}{'千伏' if match['kv'] else ''}"


def _say_time(hour: int, minute: int) -> str:
    if not minute:
        return f"{_count(hour)}点整"
    return f"{_count(hour)}点{'零' if minute < _TEN else ''}{_count(minute)}分"


def _say_number(digits: str) -> str:
    if digits == "0" or (int(digits) < _HUNDRED and digits[0] != "0"):
        return _count(int(digits))
    return "".join(_ONE_BY_ONE[int(digit)] for digit in digits)


def _count(number: int) -> str:
    """Return a number from 0 to 99 in words: 十二, 二十, 三十五."""
    tens, ones = divmod(number, _TEN)
    if not tens:
        return _DIGITS[ones]
    return f"{_DIGITS[tens] if tens > 1 else ''}十{_DIGITS[ones] if ones else ''}"
