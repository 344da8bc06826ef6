"""A county's lists are taken over: checked, compared, applied, and sent again without a change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.contact import Phone
from chalicelib.domain.limits import LimitBook
from chalicelib.domain.order import Actor, verify_against
from chalicelib.domain.procedure import effects
from chalicelib.domain.refusal import BadInput, KeyReused, Unknown
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import customers, grid, ledger, orders, personal, registry
from chalicelib.usecases import handling, importing, sheets, transcribing
from chalicelib.usecases.importing import Upload
from chalicelib.usecases.reporting import Report
from tests.usecases.county import CITY, COUNTY, NOON, PATH, PROVINCE, STATION, a_command, the_desk
from tests.usecases.tables import workbook

SALT = b"sixteen bytes: s"
ADMIN = Staff("admin-1", "管理员", Role.ADMIN, COUNTY, PATH[:3])
ROOT = Staff("admin-0", "省管理员", Role.ADMIN, PROVINCE, PATH[:1])
MARCH = datetime(2026, 3, 2, 1, tzinfo=UTC)  # Monday 09:00 in China

ORDER_HEADERS = (
    "原工单编号,类型,受理时间,受理内容,联系电话,台区编号,派单时间,接单时间,到达时间,复电时间,"
    "回单时间,处理情况,处理结果,归档时间,回访结果"
)
CLOSED = (
    "GD-1,故障报修,2026-03-02 09:00,没电,１３８００１３８０００,T-03,"
    "2026-03-02 09:02,2026-03-02 09:04,"
    "2026/3/2 9:40,2026/3/2 10:10,2026-03-02 10:20,换熔丝,已修复,2026-03-02 11:00,满意"
)
OPEN = "GD-2,故障报修,2026-11-23 09:00,电压低,13800138001,T-03,2026-11-23 09:02,,,,,,,,"


def ledger_of(*lines: str, headers=ORDER_HEADERS, encoding="utf-8"):
    return "\n".join([headers, *lines]).encode(encoding)


def look(desk, kind, content, *, viewer=ADMIN, filename="a.csv", at=NOON, import_id="i1"):
    upload = Upload(kind, filename, content, COUNTY)
    return importing.preview(desk, viewer, upload, import_id=import_id, at=at)


def use(desk, *, viewer=ADMIN, at=NOON, import_id="i1", after=0, is_out_of_time=lambda: False):
    return importing.apply(
        desk,
        viewer,
        import_id,
        after=after,
        salt=lambda: SALT,
        is_out_of_time=is_out_of_time,
        at=at,
    )


def take(desk, kind, content, **said: Any):
    shown = look(desk, kind, content, **said)
    assert shown.bad == ()
    said.pop("filename", None)
    return shown, use(desk, **said)


def fresh(at=NOON):
    registry.refresh()
    return the_desk(at)


def household(account_no):
    found = customers.find_household(account_no)
    assert found is not None
    return found


def places():
    return {place.code: place for place in customers.places(COUNTY, at=NOON)}


def told(desk, line):
    """Return the order that a line became."""
    row = dict(zip(ORDER_HEADERS.split(","), line.split(","), strict=False))
    story = transcribing.Story(COUNTY, Report("fault", NOON, case_no=row["原工单编号"]), (), None)
    return orders.get(transcribing.number_of(desk, story))


# Reading ------------------------------------------------------------------------------------------


def test_gbk_with_full_width_digits_is_read(desk):
    line = "１３００１,T-03,王桂英,１３８００１３８０００、0311-88881234"
    content = f"户号,台区编号,户名,电话\n{line}\n".encode("gbk")

    shown, done = take(desk, "customers", content)

    assert dict(shown.difference) == {"add": 1, "change": 0, "same": 0, "gone": 0}
    assert done.applied == 1
    kept = household("13001")
    assert kept.phones == (Phone("+8613800138000"), Phone("+8631188881234"))


def test_a_space_within_a_telephone_does_not_part_it(desk):
    take(
        desk,
        "customers",
        "户号,台区编号,电话\n1,T-03,138 0013 8000\n2,T-03,13800138001 13800138002\n".encode(),
    )
    assert household("1").phones == (Phone("+8613800138000"),)
    assert len(household("2").phones) == 2


def test_what_an_outage_needs_of_a_household_comes_with_the_list(desk):
    headers = "户号,台区编码,负荷点,表号,重要等级,敏感类型,客户联络人,退订时间,标记"
    line = "13001,T-03,X1,M1、M2,一级,冷库,crew-1,2026-03-02 09:00,电梯"

    take(desk, "customers", f"{headers}\n{line}\n".encode())
    shown, _ = take(desk, "customers", f"{headers}\n{line}\n".encode(), import_id="i2")

    kept = household("13001")
    assert (kept.load_id, kept.meters) == ("X1", ("M1", "M2"))
    assert kept.about == {"key": "first", "sensitive": "cold_store", "liaison": "crew-1"}
    assert kept.flags == {"lift", "key", "sensitive"}
    assert kept.opted_out_at == MARCH
    assert grid.places_of("meter", ["M1", "M2"]) == {"M1": "13001", "M2": "13001"}
    assert shown.difference["same"] == 1


def test_bad_rows_are_named_by_line_and_column_of_the_file(desk):
    content = (
        "户号,用电地址,台区编号,手机\n1,x,T-03,1380013\n,x,T-03,\n3,x,T-99,\n4,x,T-03,\n4,y,T-03,\n"
    )

    shown = look(desk, "customers", content.encode())

    assert [(bad.line, bad.column, bad.code) for bad in shown.bad] == [
        (2, "手机", "phone.too_short"),
        (3, "户号", "field.required"),
        (4, "台区编号", "place.unknown"),
        (6, "户号", "row.double"),
    ]
    assert (shown.rows, shown.ok, shown.bad_rows) == (5, 1, 4)


def test_nothing_is_applied_while_rows_are_bad(desk):
    look(desk, "customers", "户号,台区编号\n1,T-03\n2,T-99\n".encode())
    with pytest.raises(BadInput) as caught:
        use(desk)
    assert caught.value.errors[0].code == "import.has_bad_rows"
    assert customers.find_household("1") is None


def test_nothing_is_applied_before_somebody_says_so(desk):
    look(desk, "customers", "户号,台区编号\n1,T-03\n".encode())
    assert customers.find_household("1") is None


def test_a_missing_column_is_named(desk):
    with pytest.raises(BadInput) as caught:
        look(desk, "customers", "户号,姓名\n1,王\n".encode())
    assert caught.value.errors[0].facts == {"columns": "台区编号"}


def test_a_list_is_forgotten_a_day_later(desk):
    look(desk, "customers", "户号,台区编号\n1,T-03\n".encode())
    with pytest.raises(Unknown):
        use(desk, at=NOON + timedelta(days=1))


def test_an_applied_list_is_gone_from_the_waiting_ones(desk):
    take(desk, "customers", "户号,台区编号\n1,T-03\n".encode())
    with pytest.raises(Unknown):
        importing.staged("i1", at=NOON)


def test_the_sample_shows_nobody_in_full(desk):
    content = (
        "户号,台区编号,户名,地址,电话\n1,T-03,欧阳小明,清河县河尾村12号,13800138000\n".encode()
    )
    (row,) = look(desk, "customers", content).sample
    assert "13800138000" not in str(row)
    assert "小明" not in str(row)
    assert "12号" not in str(row)


def test_what_was_found_can_be_looked_at_again(desk):
    shown = look(desk, "customers", "户号,台区编号\n1,T-99\n".encode())
    again = importing.staged("i1", at=NOON)
    assert (again.bad, again.rows, again.kind) == (shown.bad, shown.rows, shown.kind)


# The same again -----------------------------------------------------------------------------------


LISTS = {
    "places": "台区编号,台区名称,供电所编号,村,线路,户数\nT-04,河头1号公变,S1,河头村,10kV河东线,52",
    "customers": "户号,台区编号,户名,电话,标记\n1,T-03,王桂英,13800138000,重要客户\n2,T-03,李四",
    "staff": "工号,姓名,岗位,单位编号,手机\ncrew-1,张三,抢修人员,S1,13800138009\n",
    "offices": "单位编号,单位名称,级别,上级单位\nS2,新供电所,供电所,X1\n",
}


@pytest.mark.parametrize("kind", sorted(LISTS))
def test_the_same_list_again_changes_nothing(desk, kind):
    content = LISTS[kind].encode()
    first, done = take(desk, kind, content)
    assert first.difference["add"] == done.applied > 0

    second, again = take(fresh(), kind, content, import_id="i2")

    assert (second.difference["add"], second.difference["change"]) == (0, 0)
    assert second.difference["same"] == done.applied
    assert (again.applied, again.skipped) == (0, done.applied)


def test_a_column_that_is_not_there_leaves_what_is_kept(desk):
    take(desk, "customers", LISTS["customers"].encode())

    shown, _ = take(
        desk, "customers", "户号,台区编号,户名\n1,T-03,王桂兰\n".encode(), import_id="i2"
    )

    kept = household("1")
    assert shown.difference["change"] == 1
    assert kept.name == "王桂兰"
    assert kept.phones == (Phone("+8613800138000"),)
    assert kept.flags == frozenset({"key"})


def test_a_list_of_telephones_changes_telephones_only(desk):
    take(desk, "customers", LISTS["customers"].encode())
    shown, _ = take(desk, "phones", "户号,电话\n1,13900139000\n".encode(), import_id="i2")
    kept = household("1")
    assert dict(shown.difference) == {"add": 0, "change": 1, "same": 0, "gone": 0}
    assert (kept.name, kept.phones) == ("王桂英", (Phone("+8613900139000"),))


def test_telephones_of_an_unknown_account_are_refused(desk):
    shown = look(desk, "phones", "户号,电话\n77,13900139000\n".encode())
    assert [(bad.line, bad.code) for bad in shown.bad] == [(2, "account.unknown")]


def test_a_long_list_is_applied_in_parts(desk):
    lines = "\n".join(f"{number},T-03" for number in range(1, 1201))
    look(desk, "customers", f"户号,台区编号\n{lines}\n".encode())

    first = use(desk, is_out_of_time=lambda: True)
    second = use(desk, after=first.next, is_out_of_time=lambda: True)
    third = use(desk, after=second.next)

    assert (first.next, second.next, third.next) == (500, 1000, None)
    assert first.applied + second.applied + third.applied == 1200
    assert len(customers.households_of("T-03")) == 1200


@pytest.mark.parametrize("kind", ["offices", "staff", "places"])
def test_what_goes_out_comes_back_as_no_change(desk, kind):
    take(desk, kind, LISTS[kind].encode(), viewer=ROOT)
    now = fresh()

    for form in (sheets.to_csv, lambda h, r: sheets.to_xlsx("表", h, r)):
        headers, *rows = importing.listed(now, ROOT, kind, county=COUNTY, at=NOON)
        shown = look(now, kind, form(headers, rows), viewer=ROOT, filename="", import_id="i3")

        assert shown.bad == ()
        assert shown.rows == len(rows) > 0
        assert (shown.difference["add"], shown.difference["change"]) == (0, 0)


# Whose --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("C1,改名市公司,市公司,P1", "单位编号", "office.not_yours"),
        ("X2,邻县公司,县公司,C1", "单位编号", "office.not_yours"),
        ("X9,又一县,县公司,X1", "上级单位", "office.parent_of_another_level"),
        ("S1,某所,县公司,C1", "单位编号", "office.not_yours"),
        ("S9,某所,供电所,S8", "上级单位", "office.unknown"),
        ("S9,某所,供电所,S9", "上级单位", "office.loop"),
    ],
)
def test_a_county_admin_reaches_offices_of_the_county_only(desk, line, column, code):
    shown = look(desk, "offices", f"单位编号,单位名称,级别,上级单位\n{line}\n".encode())
    assert [(bad.column, bad.code) for bad in shown.bad] == [(column, code)]


def test_an_office_keeps_its_level(desk):
    shown = look(desk, "offices", "单位编号,单位名称,级别\nX1,清河,供电所\n".encode())
    assert [bad.code for bad in shown.bad] == ["office.level_is_fixed"]


def test_parents_may_stand_below_their_children_in_the_list(desk):
    content = "单位编号,单位名称,级别,上级单位\nS7,某所,供电所,X7\nX7,某县,县公司,C1\n".encode()
    take(desk, "offices", content, viewer=ROOT)
    assert fresh().path("S7") == (PROVINCE, CITY, "X7", "S7")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("u9,张三,省级监控,P1", "office.unknown"),
        ("u9,张三,抢修人员,NOWHERE", "office.unknown"),
        ("duty-C1,改名,抢修人员,S1", "staff.elsewhere"),
        ("admin-1,管理员,领导,X1", "staff.yourself"),
    ],
)
def test_a_county_admin_lets_nobody_in_above_themselves(desk, line, code):
    shown = look(desk, "staff", f"工号,姓名,岗位,单位编号\n{line}\n".encode())
    assert [bad.code for bad in shown.bad] == [code]


def test_a_place_or_a_household_is_not_taken_from_another_county(desk):
    rows = "单位编号,单位名称,级别,上级单位\nX2,邻县,县公司,C1\nS5,邻所,供电所,X2\n".encode()
    take(desk, "offices", rows, viewer=ROOT)
    now = fresh()
    foreign = customers.Place(code="T-77", name="邻县公变", county="X2", office_id="S5")
    customers.put_places(customers.compare_places("X2", [foreign]))
    theirs = customers.Household(account_no="77", transformer_id="T-77")
    customers.put_households(customers.compare_households(None, [theirs]))

    place = look(now, "places", "台区编号,台区名称,供电所编号\nT-77,我的,S1\nT-78,x,S5\n".encode())
    moved = look(now, "customers", "户号,台区编号\n77,T-03\n".encode())

    assert [bad.code for bad in place.bad] == ["place.elsewhere", "office.unknown"]
    assert [bad.code for bad in moved.bad] == ["account.elsewhere"]


# Orders -------------------------------------------------------------------------------------------


def test_an_old_ledger_is_told_again_at_its_own_times(desk):
    shown, done = take(desk, "ledger", ledger_of(CLOSED))

    head = told(desk, CLOSED)
    assert (shown.difference["add"], done.applied, done.refused) == (1, 1, ())
    assert (head.order.stage, head.order.late_entered) == ("archived", True)
    assert head.order.occurred_at == MARCH
    assert head.order.closed_at == MARCH + timedelta(hours=2)
    events = list(ledger.read(head.order.order_id))
    assert [(event.name, event.occurred_at - MARCH) for event in events] == [
        ("opened", timedelta(0)),
        ("dispatch", timedelta(minutes=2)),
        ("receive", timedelta(minutes=4)),
        ("arrive", timedelta(minutes=40)),
        ("restore", timedelta(minutes=70)),
        ("reply", timedelta(minutes=80)),
        ("approve_reply", timedelta(hours=2)),
        ("visit_satisfied", timedelta(hours=2)),
        ("archive", timedelta(hours=2)),
    ]
    assert {event.recorded_at for event in events} == {NOON}
    assert head.order.clocks["arrive"].stopped_at == MARCH + timedelta(minutes=40)


@pytest.mark.parametrize("line", [CLOSED, OPEN])
def test_no_text_goes_out_for_what_happened_before(desk, line):
    take(desk, "orders", ledger_of(line))
    head = told(desk, line)
    events = list(ledger.read(head.order.order_id))
    assert [effect for event in events for effect in effects(event)] == []
    assert (head.order.told, head.look) == (0, None)


def test_a_told_order_verifies(desk):
    take(desk, "ledger", ledger_of(CLOSED))
    head = told(desk, CLOSED)
    assert verify_against(head.order, ledger.links(head.order.order_id)) == head.order


def test_an_open_order_stands_where_it_stood_and_is_due(desk):
    take(desk, "orders", ledger_of(OPEN))
    order = told(desk, OPEN).order
    assert (order.stage, order.county, order.next_due_at is not None) == (
        "dispatched",
        COUNTY,
        True,
    )
    assert (order.assignee, order.first_contact_owner) == ("", "import")


def test_the_contact_of_a_told_order_lies_apart(desk):
    take(desk, "ledger", ledger_of(CLOSED))
    head = told(desk, CLOSED)
    kept = personal.contact(str(head.shown["party"]), head.order.order_id)
    assert kept.contact["phone"] == "+8613800138000"
    bodies = "".join(row.body for row in ledger.links(head.order.order_id))
    assert "13800138000" not in bodies
    assert "没电" not in bodies
    assert "换熔丝" not in bodies


def test_the_same_orders_again_change_nothing(desk):
    content = ledger_of(CLOSED, OPEN)
    take(desk, "orders", content)
    versions = [told(desk, line).order.version for line in (CLOSED, OPEN)]

    shown, done = take(desk, "orders", content, at=NOON + timedelta(hours=2), import_id="i2")

    assert dict(shown.difference) == {"add": 0, "change": 0, "same": 2, "gone": 0}
    assert (done.applied, done.skipped) == (0, 2)
    assert [told(desk, line).order.version for line in (CLOSED, OPEN)] == versions


def test_a_later_list_goes_on_where_the_earlier_one_ended(desk):
    take(desk, "orders", ledger_of(OPEN))
    later = OPEN.replace("09:02,,", "09:02,2026-11-23 09:05,2026-11-23 09:30")

    shown, done = take(desk, "orders", ledger_of(later), import_id="i2")

    assert shown.difference["change"] == done.applied == 1
    assert told(desk, OPEN).order.stage == "on_site"


def test_what_people_went_on_with_is_left_to_them(desk):
    take(desk, "orders", ledger_of(OPEN))
    number = told(desk, OPEN).order.order_id
    handling.move(desk, number, a_command("note", at=NOON, answers={"note": "已电话联系"}))
    later = OPEN.replace("09:02,,", "09:02,2026-11-23 09:05,2026-11-23 09:30")

    shown, done = take(desk, "orders", ledger_of(later), import_id="i2")

    assert (shown.difference["same"], done.skipped) == (1, 1)
    assert told(desk, OPEN).order.stage == "dispatched"


def test_a_list_that_was_cut_off_goes_on_in_the_middle_of_an_order(desk):
    row = transcribing.story(
        desk,
        importing_row(desk, CLOSED),
        county=COUNTY,
        places=places(),
    )
    half = transcribing.Story(row.county, row.report, row.steps[:3], row.handler)
    transcribing.tell(desk, half, salt=lambda: SALT, at=NOON)

    shown, done = take(desk, "ledger", ledger_of(CLOSED))

    assert shown.difference["change"] == done.applied == 1
    assert told(desk, CLOSED).order.stage == "archived"
    assert told(desk, CLOSED).order.version == 9


def importing_row(desk, line):
    """Return a line as the importer reads it."""
    look(desk, "ledger", ledger_of(line), import_id="row")
    return registry.staged_import("row", at=NOON).rows[0]


def test_a_case_with_other_words_is_a_bad_row(desk):
    take(desk, "ledger", ledger_of(CLOSED))
    shown = look(desk, "ledger", ledger_of(CLOSED.replace("没电", "电压高")), import_id="i2")
    assert [(bad.line, bad.column, bad.code) for bad in shown.bad] == [
        (2, "原工单编号", "case.differs")
    ]


def test_a_case_that_changed_between_look_and_use_is_refused_by_line(desk):
    look(desk, "ledger", ledger_of(CLOSED))
    other = CLOSED.replace("没电", "电压高")
    take(desk, "ledger", ledger_of(other), import_id="i2")

    done = use(desk)

    assert [(bad.line, bad.code) for bad in done.refused] == [(2, "refused.key-reused")]
    assert done.applied == 0


def test_one_case_number_of_two_counties_is_two_orders(desk):
    one = transcribing.Story(COUNTY, Report("fault", NOON, case_no="GD-1"), (), None)
    other = transcribing.Story("X2", one.report, (), None)
    assert transcribing.number_of(desk, one) != transcribing.number_of(desk, other)


@pytest.mark.parametrize(
    ("was", "now", "column", "code"),
    [
        ("2026-03-02 11:00", "2026-03-02 09:30", "归档时间", "occurred_at.before_last_step"),
        ("2026/3/2 9:40", "2026-03-02 08:00", "到达时间", "occurred_at.before_report"),
        ("2026-03-02 11:00", "2026-12-31 11:00", "归档时间", "occurred_at.in_future"),
        (",满意", ",", "回访结果", "field.required"),
        (",已修复", ",", "处理结果", "field.required"),
        (",已修复", ",很好", "处理结果", "field.choice"),
        (",换熔丝", ",", "处理情况", "field.required"),
        ("2026-03-02 10:20", "", "回单时间", "field.required"),
        ("2026-03-02 09:02", "", "派单时间", "field.required"),
        ("故障报修", "吵架", "类型", "field.choice"),
        ("2026-03-02 09:00", "昨天", "受理时间", "field.moment"),
        ("2026-03-02 09:00", "0026-03-02 09:00", "受理时间", "field.moment"),
        ("2026-03-02 09:00", "2026-02-30 09:00", "受理时间", "field.moment"),
        ("T-03", "T-99", "台区编号", "place.unknown"),
        ("没电", "没电\u202e", "受理内容", "text.bidi"),
        ("没电", "没" * 1001, "受理内容", "text.too_long"),
    ],
)
def test_what_is_wrong_with_an_order_is_named(desk, was, now, column, code):
    assert was in CLOSED
    shown = look(desk, "ledger", ledger_of(CLOSED.replace(was, now, 1)))
    assert [(bad.line, bad.column, bad.code) for bad in shown.bad] == [(2, column, code)]


def test_an_order_of_a_moment_ago_would_be_texted_and_is_refused(desk):
    shown = look(desk, "orders", ledger_of("GD-3,故障报修,2026-11-23 12:10,没电,13800138000,T-03"))
    assert [(bad.column, bad.code) for bad in shown.bad] == [("受理时间", "times.too_recent")]


def test_the_moment_at_which_texts_end_is_that_of_the_rules():
    threshold = LimitBook.shipped("state_grid").find("late_entry.threshold", on=NOON.date())
    assert threshold.duration == timedelta(minutes=15)  # what code.times.too_recent says


@pytest.mark.parametrize(
    ("headers", "line", "column"),
    [
        (
            "原工单编号,类型,受理时间,受理内容,到达时间",
            "1,业务咨询,2026-03-02,问电价,2026-03-03",
            "到达时间",
        ),
        (
            "原工单编号,类型,受理时间,受理内容,是否属实",
            "1,业务咨询,2026-03-02,问电价,属实",
            "是否属实",
        ),
        ("原工单编号,类型,受理时间,受理内容,子类", "1,业务咨询,2026-03-02,问电价,其他", "子类"),
    ],
)
def test_what_a_kind_does_not_have_is_not_dropped_in_silence(desk, headers, line, column):
    shown = look(desk, "orders", ledger_of(line, headers=headers))
    assert [bad.column for bad in shown.bad] == [column]


LEDGERS = {
    "enquiry": ("类型,归档时间,处理情况", "业务咨询,2026-03-03 10:00,已答复电价"),
    "compliment": ("类型,归档时间", "表扬,2026-03-03 10:00"),
    "opinion": (
        "类型,派单时间,回单时间,处理情况,归档时间,回访结果",
        "意见,2026-03-02 10:00,2026-03-03 10:00,已改进,2026-03-04 10:00,未接通",
    ),
    "complaint": (
        "类型,派单时间,联系时间,联系方式,回单时间,处理情况,是否属实,责任认定,归档时间,回访结果",
        "投诉,2026-03-02 10:00,2026-03-02 11:00,电话,2026-03-03,已办,属实,供电责任,2026-03-04,满意",
    ),
    "misconduct_report": (
        "类型,举报类别,派单时间,回单时间,处理情况,是否属实,归档时间,回访结果",
        "举报,窃电,2026-03-02 10:00,2026-03-03 10:00,已查处,属实,2026-03-04 10:00,满意",
    ),
    "service_request": (
        "类型,子类,派单时间,回单时间,处理情况,处理结果,归档时间,回访结果",
        "服务申请,电能表异常,2026-03-02 10:00,2026-03-03 10:00,换表,已办好,2026-03-04 10:00,满意",
    ),
}


@pytest.mark.parametrize("kind", sorted(LEDGERS))
def test_closed_orders_of_each_kind_are_told(desk, kind):
    headers, line = LEDGERS[kind]
    content = ledger_of(
        f"K-1,2026-03-02 09:00,内容,13800138000,{line}",
        headers=f"原工单编号,受理时间,受理内容,联系电话,{headers}",
    )
    _, done = take(desk, "ledger", content)
    order = told(desk, "K-1").order
    assert (done.refused, order.kind, order.stage) == ((), kind, "archived")
    assert verify_against(order, ledger.links(order.order_id)) == order


def test_excel_dates_are_the_times_of_the_order(desk):
    cells: list[Any] = CLOSED.split(",")
    cells[2] = datetime(2026, 3, 2, 8, 59, 59, 999_999)  # noqa: DTZ001 - Excel knows no zones

    take(desk, "ledger", workbook(ORDER_HEADERS.split(","), cells), filename="旧台账.xlsx")

    assert told(desk, CLOSED).order.occurred_at == MARCH


def test_who_worked_it_is_named_where_the_row_names_them(desk):
    registry.save(
        registry.Member(Staff("crew-1", "张三", Role.CREW, STATION, PATH)),
        version=0,
        by=Actor("admin", "setup"),
        at=NOON,
    )
    headers = f"{ORDER_HEADERS},责任单位,处理人"
    take(fresh(), "ledger", ledger_of(f"{CLOSED},S1,crew-1", headers=headers))
    order = told(desk, CLOSED).order
    actors = [event.actor.actor_id for event in ledger.read(order.order_id)]
    assert (order.office, order.assignee, order.first_contact_owner) == ("S1", "crew-1", "import")
    assert actors == ["import", "import", *["crew-1"] * 4, *["import"] * 3]


def test_the_record_says_who_took_over_how_much(desk):
    take(desk, "ledger", ledger_of(CLOSED))
    (event,) = ledger.read(f"import/{COUNTY}")
    assert (event.name, event.actor.actor_id) == ("import.applied", "admin-1")
    assert event.data == {"kind": "ledger", "applied": 1, "skipped": 0, "refused": 0}


def test_too_many_orders_in_one_list_are_refused(desk):
    lines = [
        f"{number},故障报修,2026-03-02 09:00,没电" for number in range(importing.MOST_ORDERS + 1)
    ]
    with pytest.raises(BadInput) as caught:
        look(desk, "orders", ledger_of(*lines))
    assert caught.value.errors[0].facts == {"most": importing.MOST_ORDERS}


def test_every_kind_has_a_blank_list_with_its_headings(desk):
    for kind in importing.KINDS:
        headers, *_ = importing.listed(desk, ROOT, kind, county=COUNTY, at=NOON)
        assert len(headers) == len(set(headers))
        assert headers[0] == importing.columns_of(kind)[0].headings[0]


def test_no_two_columns_answer_to_one_heading():
    for kind in importing.KINDS:
        columns = importing.columns_of(kind)
        headings = [heading for column in columns for heading in column.headings]
        assert len(headings) == len(set(headings)), kind


def test_a_told_case_is_known_by_its_key_alone(desk):
    take(desk, "ledger", ledger_of(CLOSED))
    row = importing_row(desk, CLOSED)
    story = transcribing.story(
        desk,
        {**row, "description": "别的"},
        county=COUNTY,
        places=places(),
    )
    with pytest.raises(KeyReused):
        transcribing.tell(desk, story, salt=lambda: SALT, at=NOON)
