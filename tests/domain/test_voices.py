"""What notices say: true when written, one part at usual lengths, and one record in five voices."""

import re
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from chalicelib.domain import notice as order_notice
from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import utf16_units
from chalicelib.domain.notice import Written
from chalicelib.domain.order import Event
from chalicelib.domain.outage import CREW_STATUSES, Outage, State, apply
from chalicelib.domain.outage import Kind as RecordKind
from chalicelib.domain.outage_notice import (
    BEFOREHAND,
    Crew,
    Facts,
    Group,
    Kind,
    Notice,
    Told,
    owed,
)
from chalicelib.domain.planning import Window
from chalicelib.domain.voices import (
    TEMPLATES,
    area_words,
    compose,
    facts_of,
    full_words,
    spoken,
    template_of,
    voices,
    window_words,
)
from tests.domain.blackout import act, announced, fired, opened
from tests.domain.engine import RULES
from tests.domain.outages import (
    DAYS,
    HOURS,
    MINUTES,
    NOON,
    WORKS,
    at,
    fault,
    household,
    notice,
    planned,
    sep,
    told,
    why,
)

SIGNATURE = "清河供电"


def text(
    one: Notice,
    facts: Facts,
    now: datetime,
    group: Group = Group.REST,
    *,
    language: str = "zh",
    own_area: str = "",
) -> Written:
    return compose(
        one,
        facts,
        group=group,
        signature=SIGNATURE if language == "zh" else "Qinghe",
        language=language,
        at=now,
        rules=RULES,
        own_area=own_area,
    )


# The words of the rules, to the letter (5.5).

FIRST = told(Kind.FAULT_FIRST, at=at(12, 18), next_update=at(13))
ETR = told(Kind.FAULT_CAUSE_ETR, at=at(12, 40), revision=2, until=at(14, 30), cause=True)
WEEK = told(Kind.PLANNED_7D, at=sep(5, 8), window=WORKS, until=WORKS.end, cause=True)
BEGUN = planned(began_at=WORKS.start)
MOVED = Window(WORKS.start + DAYS, WORKS.end + DAYS)

EXAMPLES = [
    (
        fault(crew=Crew.SET_OUT), (), at(12, 17), {},
        "故障停电:12:15起河尾村3号公变台区停电,抢修人员已出发,13:00前告知预计恢复时间。详询95598",
    ),
    (
        fault(), (), at(12, 17), {},
        "故障停电:12:15起河尾村3号公变台区停电,13:00前告知预计恢复时间。详询95598",
    ),
    (
        fault(cause="瓷瓶损坏"), (), at(12, 17), {},
        "故障停电:12:15起河尾村3号公变台区停电,原因:瓷瓶损坏,13:00前告知预计恢复时间。详询95598",
    ),
    (
        fault(revision=3, etr=at(16), cause="变压器烧损"), (ETR,), at(13), {},
        "更新:河尾村3号公变台区停电,因变压器烧损,恢复时间由14:30推迟至16:00,敬请谅解。详询95598",
    ),
    (
        fault(cause="瓷瓶损坏", etr=at(14, 30), crew=Crew.WORKING), (), at(12, 17), {},
        "河尾村3号公变台区12:15起停电,原因:瓷瓶损坏,正在抢修,预计14:30前恢复供电。详询95598",
    ),
    (
        fault(revision=3, etr=at(16), change_reason="需更换变压器"), (ETR,), at(13), {},
        "更新:河尾村3号公变台区停电,因需更换变压器,恢复时间由14:30推迟至16:00,敬请谅解。详询95598",
    ),
    (
        fault(revision=3, etr=at(13, 30)), (ETR,), at(13), {},
        "更新:河尾村3号公变台区停电,恢复时间由14:30提前至13:30。详询95598",
    ),
    (
        fault(revision=2, next_update_at=at(14), crew=Crew.ON_SITE), (FIRST,), at(13), {},
        "更新:河尾村3号公变台区仍停电,抢修人员已到现场,恢复时间未定,14:00前再告知,敬请谅解。详询95598",
    ),
    (
        fault(revision=3, etr=at(16)), (ETR,), at(14, 40), {},
        "河尾村3号公变台区未能在14:30前恢复供电,向您致歉。现预计16:00前恢复。详询95598",
    ),
    (
        fault(revision=3, etr=at(16), extended=True, change_reason="需更换变压器"),
        (ETR,), at(13), {},
        "河尾村3号公变台区停电需延长,因需更换变压器,恢复时间由14:30推迟至16:00,向您致歉。详询95598",
    ),
    (
        fault(revision=3, etr=at(14, 30)), (ETR,), at(14, 40), {},
        "河尾村3号公变台区未能在14:30前恢复供电,向您致歉。新的恢复时间15:15前告知。详询95598",
    ),
    (
        fault(restored_at=at(15, 42)), (FIRST,), at(15, 45), {},
        "河尾村3号公变台区已于15:42恢复供电。若您家中仍无电,请拨95598或回复1,我们立即核查。",
    ),
    (
        planned(), (), sep(4, 20, 30), {},
        "计划停电:因城东线检修,东街村、南街村9月12日08:00至16:00停电,请提前准备,检修完会提前送电。详询95598",
    ),
    (
        planned(), (WEEK,), sep(11, 8), {},
        "提醒:因城东线检修,东街村、南街村9月12日08:00至16:00停电,请提前准备,检修完会提前送电。详询95598",
    ),
    (
        planned(window=Window(sep(12, 9), sep(12, 16))),
        (replace(WEEK, window=Window(sep(12, 9), sep(12, 16))),), sep(12, 8, 30), {},
        "提醒:东街村、南街村将于09:00停电,预计16:00恢复,因城东线检修,请做好准备。详询95598",
    ),
    (
        planned(kind="short_notice"), (), sep(10, 20, 30), {},
        "临时停电:因城东线检修,东街村、南街村9月12日08:00至16:00停电,请提前准备,敬请谅解。详询95598",
    ),
    (
        planned(kind="short_notice"), (), sep(11, 20, 30), {},
        "提醒:东街村、南街村将于9月12日08:00临时停电,预计9月12日16:00恢复,因城东线检修,请做好准备。详询95598",
    ),
    (
        BEGUN, (), sep(12, 9), {},
        "计划停电:因城东线检修,东街村、南街村08:00起停电,预计16:00前恢复供电。详询95598",
    ),
    (
        planned(revision=2, window=MOVED), (WEEK,), sep(8, 9), {},
        "变更通知:东街村、南街村原定9月12日08:00的计划停电改为9月13日08:00至16:00,请重新安排。详询95598",
    ),
    (
        planned(revision=2, cancelled_at=sep(8, 9)), (WEEK,), sep(8, 9), {},
        "取消通知:原定9月12日08:00至16:00东街村、南街村计划停电已取消,正常供电。详询95598",
    ),
    (
        replace(BEGUN, etr=sep(12, 18)), (WEEK,), sep(12, 15), {},
        "东街村、南街村停电需延长,恢复时间由16:00推迟至18:00,向您致歉。详询95598",
    ),
    (
        BEGUN, (WEEK,), sep(12, 16, 10), {},
        "东街村、南街村未能在16:00前恢复供电,向您致歉。新的恢复时间16:45前告知。详询95598",
    ),
    (
        replace(BEGUN, restored_at=sep(12, 15)), (WEEK,), sep(12, 15, 1), {},
        "东街村、南街村已提前于15:00恢复供电。若您家中仍无电,请拨95598或回复1,我们立即核查。",
    ),
    (
        planned(kind="emergency_defect", cause="线夹过热"), (), sep(12, 7), {},
        "紧急停电:因线夹过热须立即消除隐患,东街村、南街村08:00至16:00停电,请尽快准备。详询95598",
    ),
    (
        planned(kind="load_shortage", cause="供电紧张"), (), sep(11, 7), {},
        "有序用电:因供电紧张,东街村、南街村9月12日08:00至16:00停电,请提前准备,敬请谅解。详询95598",
    ),
    (
        fault(revision=2), (FIRST,), at(12, 40), {"affected": False},
        "更正:此前关于河尾村3号公变台区停电的通知有误,您家不受影响,请以本条为准,敬请谅解。详询95598",
    ),
    (
        fault(revision=3, corrects=3, etr=at(16)), (ETR,), at(13), {},
        "更正:此前关于河尾村3号公变台区停电的通知有误,现预计16:00前恢复供电,请以本条为准,敬请谅解。详询95598",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "said", "now", "state", "expected"), EXAMPLES)
def test_5_5_each_notice_in_its_words(facts, said, now, state, expected):
    written = text(notice(facts, *said, now=now, **state), facts, now)

    assert written.body == f"【{SIGNATURE}】{expected}"
    assert (written.units, written.parts) == (utf16_units(written.body), 1)


@pytest.mark.parametrize(
    ("facts", "now", "expected"),
    [
        (
            fault(etr=at(14, 30), truck=True),
            at(12, 17),
            "您家12:15起停电,预计14:30恢复。如使用呼吸机等设备请立即拨值班电话0311-8888123,可派发电设备。",
        ),
        # no truck, none is promised
        (
            fault(),
            at(12, 17),
            "您家12:15起停电,13:00前告知恢复时间。如用呼吸机等设备请立即拨值班电话0311-8888123。",
        ),
        (
            planned(truck=True),
            sep(4, 20, 30),
            "您家9月12日08:00至16:00将停电。如使用呼吸机等设备请提前拨值班电话0311-8888123,可派发电设备。",
        ),
        (
            BEGUN,
            sep(12, 9),
            "您家08:00起停电,预计16:00恢复。如使用呼吸机等设备请立即拨值班电话0311-8888123。",
        ),
        # nobody on duty to call: the text for all
        (
            fault(duty_phone=""),
            at(12, 17),
            "故障停电:12:15起河尾村3号公变台区停电,13:00前告知预计恢复时间。详询95598",
        ),
    ],
)
def test_5_5_who_depends_on_power_is_told_whom_to_call(facts, now, expected):
    written = text(notice(facts, now=now), facts, now, Group.VULNERABLE)
    assert written.body == f"【{SIGNATURE}】{expected}"
    assert written.parts == 1


# The longest usual names: 14 units of area and cause, reasons of 8, other days in every time.

LONG_AREAS = ("上河湾自然村12号公变台区", "下河湾自然村13号公变台区", "石桥头村")
LONGEST = {
    "areas": LONG_AREAS,
    "cause": "电缆中间接头绝缘击穿老化",
    "change_reason": "需更换主变压器",
    "duty_phone": "0311-88881234",
    "crew": Crew.SET_OUT,
    "truck": True,
}


def longest_of(template: str) -> tuple[Notice, Facts, datetime, Group]:
    """Return a notice that is told in this text, with the longest usual names and times."""
    now = datetime(2026, 12, 31, 23, 40, tzinfo=NOON.tzinfo)
    group = Group.VULNERABLE if template.startswith("vulnerable") else Group.REST
    window = Window(now + 10 * DAYS - 15 * HOURS, now + 10 * DAYS - 5 * HOURS)  # 08:40 to 18:40
    kinds = {
        "etr_later": Kind.ETR_CHANGE, "etr_sooner": Kind.ETR_CHANGE, "etr_unknown": Kind.ETR_CHANGE,
        "extended_ahead": Kind.EXTENDED, "extended_unknown": Kind.EXTENDED,
        "planned_overrun_unknown": Kind.PLANNED_OVERRUN,
        "under_way": Kind.PLANNED_30MIN, "under_way_unknown": Kind.PLANNED_30MIN,
        "vulnerable": Kind.FAULT_FIRST, "vulnerable_unknown": Kind.FAULT_FIRST,
        "vulnerable_beforehand": Kind.PLANNED_7D,
    }  # fmt: skip
    kind = kinds[template] if template in kinds else Kind(template)
    is_planned = kind in BEFOREHAND or kind in {Kind.PLANNED_CHANGED, Kind.PLANNED_CANCELLED}
    is_open = template.endswith("unknown") or kind is Kind.FAULT_FIRST
    begun = template.startswith("under_way") or not is_planned
    changed = {**LONGEST, "began_at": now - 2 * DAYS if begun else None, "window": window}
    if is_planned:
        facts = planned(**changed)
    else:
        facts = fault(**changed, extended=template == "extended_ahead")
    if template in {"etr_sooner", "extended_ahead", "etr_later", "planned_overrun"}:
        was = now + 2 * DAYS
    else:
        was = now - DAYS
    until = was + (-DAYS if template == "etr_sooner" else DAYS)
    one = Notice(
        kind=kind,
        revision=2,
        was=was,
        was_window=Window(window.start - DAYS, window.end - DAYS),
        until=None if is_open and template != "vulnerable" else until + 2 * DAYS * (until <= now),
        next_update=now + 30 * MINUTES,
        window=window,
        restored_at=now - DAYS,
    )
    return one, facts, now, group


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_5_1_every_text_is_one_part_at_the_longest_usual_names(template):
    one, facts, now, group = longest_of(template)

    assert template_of(one, facts, group, at=now) == template
    written = text(one, facts, now, group)
    assert written.parts == 1, (written.units, written.body)
    assert written.units <= 70


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_5_1_the_english_texts_are_two_parts_at_most(template):
    one, facts, now, group = longest_of(template)
    facts = replace(facts, areas=("Shanghewan no. 12", "Shiqiaotou"), cause="cable joint")
    written = text(one, facts, now, group, language="en")
    assert written.body.startswith("【Qinghe】")
    assert written.parts <= 2, (written.units, written.body)


def test_what_need_not_be_said_gives_way_first_and_names_say_that_they_are_cut():
    one, facts, now, _ = longest_of("fault_cause_etr")
    written = text(one, facts, now)

    assert "抢修人员" not in written.body
    assert "等3处" in written.params["area"]
    assert "原因:" in written.body  # 5.4: cause, area, start, end and contact are never given up
    assert "预计" in written.body
    assert "详询95598" in written.body


@pytest.mark.parametrize(
    ("areas", "units", "own", "expected"),
    [
        (("东街村",), 14, "", "东街村"),
        (("东街村", "南街村"), 14, "", "东街村、南街村"),
        (("东街村", "南街村", "西街村", "北街村"), 14, "", "东街村、南街村、西街村等4处"),
        (("东街村", "南街村", "西街村", "北街村"), 13, "", "东街村、南街村等4处"),
        (("东街村", "南街村"), 14, "南街村", "南街村、东街村"),
        (("上河湾自然村12号公变台区", "石桥头村"), 14, "", "上河湾自然村12号公变等2处"),
        (("城关镇河尾村3号公变",), 14, "", "城关镇河尾村3号公变"),
        (("城关镇河尾村3号公变",), 8, "", "河尾村3号公变"),
        (("柳河街道新建社区3号公变台区",), 7, "", "新建…3号公变"),
        (("城关镇河尾村3号公变", "城关镇河头村1号公变"), 12, "", "河尾村3号公变等2处"),
        (("城关镇",), 2, "", "城…"),
        (("上河湾自然村一二号公变台区东段",), 14, "", "上河湾自然村一二号公变台区…"),
    ],
)
def test_names_of_areas_are_shortened_honestly(areas, units, own, expected):
    found = area_words(areas, units, own=own)
    assert found == expected
    assert utf16_units(found) <= units


def test_a_text_of_a_whole_city_is_written_as_fast_as_one_of_a_street():
    city = tuple(f"城关镇{number}号公变" for number in range(16_000))

    began = time.process_time()
    found = [area_words(city, own=city[n]) for n in range(20)]
    took = time.process_time() - began

    assert found[7] == "城关镇7号公变等16000处"
    assert took < 2


def test_the_households_own_area_comes_first():
    facts = planned(areas=("东街村", "南街村", "西街村", "北街村"))
    now = sep(4, 20, 30)
    assert (
        "北街村、东街村、南街村等4处"
        in text(notice(facts, now=now), facts, now, own_area="北街村").body
    )


def test_no_text_holds_a_link_nor_an_unfilled_field_nor_full_width_commas():
    for template in TEMPLATES.values():
        for words in (template.zh, template.en):
            assert not re.search(r"https?:|www|[a-z]\.(?:cn|com)|/", words, re.IGNORECASE)
        assert "，" not in template.zh
        assert "：" not in template.zh
        one, facts, now, group = longest_of(template.name)
        for language in ("zh", "en"):
            written = text(one, facts, now, group, language=language)
            assert "{" not in written.body
            assert "None" not in written.body


def test_the_gateways_codes_are_unique_over_orders_and_outages():
    codes = [one.code for table in (TEMPLATES, order_notice.TEMPLATES) for one in table.values()]
    assert len(codes) == len(set(codes))


def test_5_4_whatever_is_told_names_the_contact():
    for template in TEMPLATES.values():
        assert "95598" in template.zh or "{duty}" in template.zh
        assert "95598" in template.en or "{duty}" in template.en


def test_a_crew_is_mentioned_only_once_it_has_set_out():
    for crew, words in {
        Crew.NONE: "",
        Crew.SET_OUT: "抢修人员已出发",
        Crew.ON_SITE: "抢修人员已到现场",
        Crew.WORKING: "正在抢修",
    }.items():
        facts = fault(crew=crew)
        body = text(notice(facts, now=at(12, 17)), facts, at(12, 17)).body
        assert words in body
        assert ("抢修" in body) is bool(words)


def test_a_window_says_both_days_when_it_ends_on_another():
    now = sep(1, 9)
    assert window_words(WORKS, now=now) == "9月12日08:00至16:00"
    assert window_words(Window(sep(12, 20), sep(13, 6)), now=now) == "9月12日20:00至9月13日06:00"
    assert window_words(WORKS, now=sep(12, 7)) == "08:00至16:00"
    assert window_words(Window(sep(12, 20), sep(13, 6)), now=sep(12, 7)) == "20:00至9月13日06:00"
    assert window_words(WORKS, now=now, language="en") == "12/9 08:00 to 16:00"


# Five voices.


def five(facts: Facts, *said: object, now: datetime, households: int = 120, **state: object):
    one = notice(facts, *said, now=now, **state)  # type: ignore[arg-type]  # a test's shorthand
    return voices(
        one,
        facts,
        signature=SIGNATURE,
        office="清河县供电公司",
        qr="https://example.org/status.html#o2",
        households=households,
        at=now,
        rules=RULES,
    )


def test_s0_one_record_speaks_in_five_voices_that_cannot_contradict_each_other():
    found = five(planned(), now=sep(4, 20, 30))

    assert found.sms.body.endswith("详询95598")
    assert found.wechat.splitlines() == [
        "【计划停电通知】",
        "停电区域：东街村、南街村",
        "停电线路：10kV城东线",
        "停电时间：2026年9月12日08:00至2026年9月12日16:00",
        "停电原因：城东线检修",
        "咨询电话：95598",
        "请提前做好准备。",
        "停电期间随时可能送电，请勿触碰线路和设备。",
        "家中使用呼吸机等设备的，请拨值班电话0311-8888123。",
        "清河县供电公司",
    ]
    assert found.sheet.title == "计划停电通知"
    assert [f"{label}：{value}" for label, value in found.sheet.rows] == (
        found.wechat.splitlines()[1:6]
    )
    assert found.sheet.qr == "https://example.org/status.html#o2"
    assert (found.sheet.signed, found.sheet.dated) == ("清河县供电公司", "2026年9月4日")
    assert found.status.areas == ("东街村", "南街村")
    assert (found.status.since, found.status.until) == (WORKS.start, WORKS.end)
    for area in planned().areas:
        assert area in found.sms.body
        assert area in found.loudspeaker


def test_s0_the_loudspeaker_reads_twice_and_no_figure_is_left_to_the_reader():
    script = five(planned(), now=sep(4, 20, 30)).loudspeaker

    assert not re.search(r"[0-9A-Za-z]", script)
    sentence = "停电时间，二零二六年九月十二日八点整至二零二六年九月十二日十六点整"
    assert script.count(sentence) == 2
    assert script.count("咨询电话，九五五九八") == 2
    assert "零三幺幺，八八八八幺二三" in script
    assert script.startswith("各位村民请注意，清河县供电公司播送通知。")
    assert script.endswith("播送完毕，谢谢收听。")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("14:30", "十四点三十分"),
        ("08:05", "八点零五分"),
        ("00:00", "零点整"),
        ("20:10", "二十点十分"),
        ("2026年12月31日", "二零二六年十二月三十一日"),
        ("河尾村3号公变", "河尾村三号公变"),
        ("10kV河尾105线", "十千伏河尾幺零五线"),
        ("0.4kV", "零点四千伏"),
        ("95598", "九五五九八"),
        ("0311-8888123", "零三幺幺，八八八八幺二三"),
    ],
)
def test_s0_figures_are_read_as_people_read_them(written, read):
    assert spoken(written) == read


@pytest.mark.parametrize(
    ("households", "shown"), [(0, "few"), (4, "few"), (5, "5"), (1200, "1200")]
)
def test_7_fewer_than_five_households_are_a_few_on_the_public_page(households, shown):
    found = five(fault(), now=at(12, 17), households=households).status
    assert found.households == shown
    assert (found.since, found.until, found.next_update) == (NOON, None, at(13))
    assert found.restored_at is None


def test_7_the_public_entry_names_areas_and_counts_and_nothing_else():
    facts = fault(duty_phone="0311-8888123")
    found = repr(five(facts, now=at(12, 17)).status)
    assert "0311" not in found
    assert "河尾线" not in found
    assert "河尾村3号公变台区" in found


def test_power_that_is_back_is_told_in_every_voice_with_the_way_to_say_otherwise():
    found = five(fault(restored_at=at(15, 42)), FIRST, now=at(15, 45))

    assert "恢复供电时间：2026年7月1日15:42" in found.wechat
    assert "若您家中仍无电，请拨95598，我们立即核查。" in found.sheet.advice
    assert found.status.restored_at == at(15, 42)
    assert "十五点四十二分" in found.loudspeaker
    assert "停电期间" not in found.loudspeaker


def test_a_cancelled_outage_is_void_in_every_voice():
    found = five(planned(revision=2, cancelled_at=sep(8, 9)), WEEK, now=sep(8, 9))

    assert "原定时间：2026年9月12日08:00至2026年9月12日16:00" in found.wechat
    assert "停电时间：" not in found.wechat
    assert found.sheet.advice == ("供电正常，请以本通知为准。",)
    assert "准备" not in found.loudspeaker


def test_what_stays_on_a_wall_has_its_year():
    assert full_words(NOON) == "2026年7月1日12:15"
    assert full_words(NOON, "en") == "1/7/2026 12:15"
    assert full_words(NOON, "en", day_only=True) == "1/7/2026"


# From the record.


def test_s1_5_the_sources_own_case_told_from_the_record_within_five_minutes():
    """12:15 dark, 12:17 known, 12:18 a crew leaves, 12:19 cause and end; back at 15:42."""
    names: dict[str, Any] = {"areas": ("河尾3号公变台区",), "duty_phone": "0311-8888123"}
    outage = opened(minutes=2).outage
    first = facts_of(outage, **names)
    assert (first.began_at, first.confirmed, first.cause, first.etr) == (NOON, True, "", None)

    outage = moves.set_crew(outage, act(3), status="set_out", crew_id="c7", rules=RULES).outage
    outage = moves.set_cause(outage, act(3), cause="equipment.insulator_broken", rules=RULES).outage
    outage = moves.set_etr(outage, act(4), at=at(14, 30), source="crew", rules=RULES).outage
    facts = facts_of(outage, **names)
    one = notice(facts, now=at(12, 19))

    assert text(one, facts, at(12, 19)).body == (
        "【清河供电】河尾3号公变台区12:15起停电,原因:瓷瓶损坏,抢修人员已出发,预计14:30前恢复供电。详询95598"
    )
    assert f"etr_set.{facts.revision}" in outage.rounds

    outage = moves.restore(outage, act(207), at=NOON + 207 * MINUTES, rules=RULES).outage
    done = facts_of(outage, **names)
    back = notice(done, one.as_told(at(12, 19)), now=at(15, 43))
    assert "已于15:42恢复供电" in text(back, done, at(15, 43)).body
    assert back.closes


@pytest.mark.parametrize(
    ("hour", "reason", "kind", "says"),
    [
        (13, "clerical", Kind.CORRECTION, "更正:此前关于河尾3号公变台区停电的通知有误,现预计13:00"),
        (16, "clerical", Kind.CORRECTION, "预计16:00"),
        (16, "works_delayed", Kind.EXTENDED, "停电需延长,因"),
        (16, "weather", Kind.ETR_CHANGE, "推迟至16:00"),
        (13, "works_delayed", Kind.ETR_CHANGE, "提前至13:00"),
    ],
)
def test_5_5_why_another_end_is_given_decides_whether_it_is_corrected_put_off_or_moved(
    hour, reason, kind, says
):
    areas = ("河尾3号公变台区",)
    outage = moves.set_etr(
        opened(minutes=2).outage, act(4), at=at(14, 30), source="crew", rules=RULES
    ).outage
    told = notice(facts_of(outage, areas=areas), now=at(12, 19)).as_told(at(12, 19))

    outage = moves.set_etr(
        outage, act(20), at=at(hour), source="crew", reason=reason, rules=RULES
    ).outage
    facts = facts_of(outage, areas=areas)
    found = notice(facts, told, now=at(12, 36))

    assert found.kind is kind
    body = text(found, facts, at(12, 36)).body
    assert says in body, body
    assert why(facts, told, found.as_told(at(12, 36)), now=at(12, 37)) == "- no_news"


def test_an_outage_that_is_only_suspected_tells_nobody():
    facts = facts_of(opened(State.SUSPECTED).outage, areas=("河尾3号公变台区",))
    assert why(facts, now=at(12, 20)) == "- unconfirmed"


def test_a_plan_is_told_from_its_record_moved_and_called_off():
    plan = announced()
    facts = facts_of(plan, areas=("东街村",))
    assert plan.plan is not None
    assert facts.window == Window(plan.plan.start, plan.plan.finish)
    assert facts.began_at is None
    now = plan.plan.start - 6 * DAYS
    first = notice(facts, now=now)
    assert first.kind is Kind.PLANNED_7D

    off = moves.cancel(plan, act(60 * 24 * 5), reason="weather", rules=RULES).outage
    found = why(facts_of(off, areas=("东街村",)), first.as_told(now), now=now + DAYS)
    assert found == "planned_cancelled"


def test_every_crew_status_and_kind_of_the_record_has_its_words_here():
    for status in CREW_STATUSES:
        crew = moves.set_crew(
            opened().outage, act(3), status=status, crew_id="c7", rules=RULES
        ).outage
        assert facts_of(crew, areas=("甲",)).crew in Crew
    assert facts_of(opened().outage, areas=("甲",)).crew is Crew.NONE


def heard(events: list[Event], head: Outage | None = None) -> list[tuple[str, str]]:
    """Return each round of a record beside what a household that hears all is owed by then."""
    told_so_far: list[Told] = []
    found = []

    def hear(outage: Outage, name: str, when: datetime) -> None:
        facts = facts_of(outage, areas=("东街村",))
        one = owed(household(*told_so_far), facts, at=when, rules=RULES)
        what = one.notice.kind if one.notice else one.silence
        found.append((name.rpartition(".")[0], str(what)))
        told_so_far.extend([one.notice.as_told(when)] if one.notice else [])

    if head is not None:
        for name, known in head.rounds.items():
            hear(head, name, known.entered_at)
    for event in events:
        head = now = apply(head, event)
        for name in event.data.get("rounds", ()):
            hear(now, name, event.recorded_at)
    return found


def test_issue_3_what_the_record_wakes_for_is_owed_then_and_is_true():
    """A fault: told, its end unknown, promised a word, given an end, missed, back."""
    made = [opened(minutes=2)]
    made += [moves.set_etr(made[-1].outage, act(10), at=at(13, 0), source="crew", rules=RULES)]
    made += [
        moves.set_cause(made[-1].outage, act(12), cause="equipment.cable_fault", rules=RULES),
    ]
    made += [
        moves.set_etr(
            made[-1].outage, act(20), at=at(14, 0), source="crew", reason="material", rules=RULES
        ),
    ]
    events = [event for one in made for event in one.events]
    events += fired(made[-1].outage, until=at(14, 20))

    assert heard(events) == [
        ("start", "fault_first"),
        ("etr_set", "fault_cause_etr"),
        ("cause", "fault_cause_etr"),
        ("etr_changed", "etr_change"),
        ("overrun", "extended"),
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("planned", ["planned_7d", "planned_1d", "planned_30min"]),
        ("short_notice", ["short_notice_24h", "short_notice_30min"]),
        ("load_shortage", ["load_shortage"]),
    ],
)
def test_issue_3_each_reminder_of_the_record_is_owed_when_it_falls_due(kind, expected):
    plan = announced(RecordKind(kind), reason="weather")
    assert plan.plan is not None
    found = heard(fired(plan, until=plan.plan.start), plan)
    assert [name for name, _ in found] == expected
    assert [what for _, what in found] == expected
