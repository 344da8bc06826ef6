"""The demo county: 清河县, with offices, staff, households and orders in every state.

Everything goes through the use cases that people use, with the times at which it would have
happened, so what the demo shows is what the house does. Names, places and numbers are made up:
nobody here exists, and the numbers of telephones are of a range that is not in use. Safe to run
again: each order and each step has its own key.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from chalicelib import ambient
from chalicelib.domain.contact import Contact, Phone, ReplyWish
from chalicelib.domain.grid.reading import CUSTOMERS, DEVICES
from chalicelib.domain.order import Actor
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.domain.words import LANGUAGES
from chalicelib.domain.words import say as word
from chalicelib.store import customers, registry
from chalicelib.store.customers import Household, Place
from chalicelib.store.registry import Duty, Member, Turn
from chalicelib.usecases import assuring, handling, reporting, resourcing, sheets, surveying
from chalicelib.usecases.assuring import NewTask
from chalicelib.usecases.desk import Desk, actor_of
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report
from chalicelib.usecases.resourcing import Asking, NewTruck
from chalicelib.usecases.surveying import Survey
from infra.local import network, seed_issues, seed_papers
from infra.local.issuer import Person, write_staff

ADMIN: Final = Actor(Role.ADMIN.value, "seed")
PROVINCE, CITY, COUNTY = "P-JB", "C-LJ", "X-QH"
STATIONS: Final = (
    ("S-QH-01", "城关供电所", "城关镇", "urban"),
    ("S-QH-02", "石桥供电所", "石桥镇", "rural"),
    ("S-QH-03", "河口供电所", "河口乡", "rural"),
    ("S-QH-04", "东山供电所", "东山乡", "remote"),
    ("S-QH-05", "平川供电所", "平川镇", "rural"),
    ("S-QH-06", "柳林供电所", "柳林乡", "rural"),
)
POSTS: Final = (
    (Role.LEADER, COUNTY, 1), (Role.ADMIN, COUNTY, 1), (Role.AUDITOR, COUNTY, 1),
    (Role.DISPATCHER, COUNTY, 3), (Role.AGENT, COUNTY, 3), (Role.NETWORK_CONTROLLER, COUNTY, 2),
    (Role.RETURN_VISITOR, COUNTY, 2), (Role.SUPERVISOR, COUNTY, 1), (Role.DISCIPLINE, COUNTY, 1),
    (Role.DEPARTMENT, COUNTY, 1), (Role.LIAISON, COUNTY, 1), (Role.CITY_HOST, CITY, 1),
    (Role.SUPERVISOR, CITY, 1), (Role.PROVINCE_MONITOR, PROVINCE, 1),
    *((Role.CREW, station[0], 2) for station in STATIONS),
    *((Role.AREA_MANAGER, station[0], 1) for station in STATIONS),
    (Role.GRID_STAFF, "S-QH-01", 1), (Role.GRID_STAFF, "S-QH-05", 1),
)  # fmt: skip
SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
GIVEN: Final = "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超秀霞平刚桂英华玉兰春梅建国"
VILLAGES: Final = (
    "建设路", "人民路", "东街", "南街", "北关", "河尾村", "李家村", "王家湾", "柳沟村", "石桥头",
    "上河村", "下河村", "杏树坪", "东山沟", "大槐树", "平川新村", "三里屯", "马家庄", "赵家岭",
    "白杨村",
)  # fmt: skip
AREAS_A_STATION: Final = 10
HOUSEHOLDS_AN_AREA: Final = 50
ORDERS: Final = 200
ONE_IN: Final = {"life_support": 0.004, "key": 0.01}

SAYINGS: Final = {
    "fault": ("家里没电了，邻居也没电", "电压低，灯很暗", "表箱冒烟了", "电线被树枝压着，快要断了",
              "全村从早上开始停电", "变压器响得厉害", "空调一开就跳闸", "半边屋子没电"),
    "enquiry": ("阶梯电价怎么算", "怎么办理过户", "光伏上网要什么手续", "充电桩用电怎么申请"),
    "service_request": ("交过电费了请尽快复电", "停电后电视机烧坏了", "电表走得太快，请来校验",
                        "抄表的数字和电表对不上"),
    "complaint": ("上个月停了三次电，一直没人解释", "报修后四个小时没有人来", "抄表员态度不好",
                  "计划停电没有通知我们"),
    "grievance": ("老是停电，希望有个说法", "打了两次电话都说在处理"),
    "misconduct_report": ("有人私拉电线偷电", "有人找我要好处费才给装表"),
    "opinion": ("营业厅中午应该有人值班", "停电通知贴得太晚"),
    "suggestion": ("建议在村口也贴停电通知", "建议短信里写清楚村名"),
    "compliment": ("抢修师傅下大雨还来，谢谢", "城关所的小王服务很好"),
}  # fmt: skip
WEIGHTS: Final = {
    "fault": 90, "enquiry": 28, "service_request": 24, "complaint": 18, "grievance": 10,
    "misconduct_report": 6, "opinion": 9, "suggestion": 8, "compliment": 7,
}  # fmt: skip
SUB_TYPES: Final = ("arrears_reconnect", "appliance_damage", "meter_abnormal", "reading_abnormal")
SYMPTOMS: Final = ("no_power", "low_voltage", "smoke_or_sparks", "no_power", "other", "flicker")

LINES: Final[dict[str, tuple[str, ...]]] = {
    "fault": ("dispatch", "receive", "set_out", "arrive", "restore", "reply", "approve_reply",
              "visit_satisfied", "archive"),
    "service_request": ("dispatch", "receive", "contact", "complete", "reply", "approve_reply",
                        "visit_satisfied", "archive"),
    "complaint": ("dispatch", "receive", "contact", "reply", "approve_reply", "visit_satisfied",
                  "archive"),
    "enquiry": ("dispatch", "receive", "reply", "approve_reply"),
    "compliment": ("dispatch", "receive", "record"),
}  # fmt: skip
ACTORS: Final = {
    "dispatch": Role.DISPATCHER, "approve_reply": Role.DISPATCHER, "archive": Role.RETURN_VISITOR,
    "archive_anonymous": Role.RETURN_VISITOR, "visit_satisfied": Role.RETURN_VISITOR,
    "supervise": Role.SUPERVISOR, "expedite": Role.AGENT,
}  # fmt: skip
MINUTES: Final = {
    "dispatch": 3, "receive": 4, "set_out": 3, "arrive": 34, "restore": 55, "reply": 12,
    "approve_reply": 9, "visit_satisfied": 160, "archive": 6, "contact": 90, "complete": 240,
    "record": 30, "archive_anonymous": 6,
}  # fmt: skip


def run(*, data: Path, at: datetime, say: Callable[[str], None]) -> None:
    """Seed the county as of `at`. data: the folder in which the issuer finds its `staff.json`."""
    dice = random.Random(20260701)  # noqa: S311 - a demo that is the same each time
    members = [*_offices_and_staff(dice, at)]
    offices = registry.snapshot(at=at).offices
    write_staff(
        data / "staff.json",
        [
            Person(
                sub=member.staff.staff_id,
                name=member.staff.name,
                role=" ".join(word(f"role.{member.staff.role.value}", each) for each in LANGUAGES),
                office=offices[member.staff.office_id].name,
            )
            for member in members
        ],
    )
    say(f"  offices and {len(members)} staff")
    places, households = _households(dice)
    settings = ambient.settings()
    desk = Desk(registry.snapshot(at=at), settings.secret, settings.ruleset)
    _network(desk, places, households, at)
    say(f"  a network of {len(places)} transformers and {len(households)} households")
    _orders(desk, dice, places, at=at, say=say)
    offices_of = {"county": COUNTY, "city": CITY, "province": PROVINCE}
    seed_issues.run(desk, offices=offices_of, at=at, say=say)
    _resources(desk, places, at=at)
    say(f"  {len(TRUCKS)} generator trucks and a task of supply assurance")


def _offices_and_staff(dice: random.Random, at: datetime) -> list[Member]:
    offices = [
        Office(PROVINCE, "江北省电力公司", OfficeLevel.PROVINCE, (PROVINCE,)),
        Office(CITY, "临江市供电公司", OfficeLevel.CITY, (PROVINCE, CITY)),
        Office(COUNTY, "清河县供电公司", OfficeLevel.COUNTY, (PROVINCE, CITY, COUNTY)),
        *(
            Office(
                office_id,
                name,
                OfficeLevel.STATION,
                (PROVINCE, CITY, COUNTY, office_id),
                terrain=terrain,
            )
            for office_id, name, _, terrain in STATIONS
        ),
    ]
    registry.take_over(offices, by=ADMIN, at=at)
    paths = {office.office_id: office.path for office in offices}
    members = []
    for role, office_id, number in POSTS:
        for index in range(1, number + 1):
            slug = role.value.replace("_", "-")
            place = office_id.rsplit("-", 1)[-1].lower()
            staff_id = f"{slug}-{place}-{index}"
            staff = Staff(staff_id, _name(dice), role, office_id, paths[office_id])
            members.append(Member(staff, _phone(dice)))
    registry.take_over(members, by=ADMIN, at=at)
    registry.take_over(_duties(members, at), by=ADMIN, at=at)
    return members


def _duties(members: Sequence[Member], at: datetime) -> list[Duty]:
    """One of each office is on duty from yesterday on for ten years: the demo has no shifts."""
    first: dict[str, Member] = {}
    wanted = (Role.CREW, Role.DISPATCHER, Role.CITY_HOST, Role.PROVINCE_MONITOR)
    for member in members:
        if member.staff.role in wanted:
            first.setdefault(member.staff.office_id, member)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=30)
    return [
        Duty(
            office_id,
            (Turn(since=day, until=day + timedelta(days=3650), staff_id=member.staff.staff_id),),
        )
        for office_id, member in first.items()
    ]


def _households(dice: random.Random) -> tuple[list[Place], list[Household]]:
    places: list[Place] = []
    households: list[Household] = []
    for which, (station, _, township, terrain) in enumerate(STATIONS):
        line = "建设城东河口东山平川柳林"[which * 2 : which * 2 + 2]
        for index in range(AREAS_A_STATION):
            village = VILLAGES[(len(places) * 7) % len(VILLAGES)]
            number = len(places) % 9 + 1
            code = f"{station[2:]}-T{index + 1:02d}"
            places.append(
                Place(
                    code=code,
                    name=f"{township}{village}{number}号公变",
                    county=COUNTY,
                    office_id=station,
                    village=village,
                    township=township,
                    line=f"10kV{line}线",
                    terrain=terrain,
                    households=HOUSEHOLDS_AN_AREA,
                )
            )
            households += [
                Household(
                    account_no=f"32{len(places):04d}{door:04d}",
                    transformer_id=code,
                    name=_name(dice),
                    address=f"清河县{township}{village}{door}号",
                    phones=(_phone(dice),),
                    flags=_flags(dice),
                )
                for door in range(1, HOUSEHOLDS_AN_AREA + 1)
            ]
    customers.put_places(customers.compare_places(COUNTY, places))
    flagged = [household for household in households if household.flags]
    customers.put_households(customers.compare_households(None, flagged))
    return places, households


def _network(
    desk: Desk, places: Sequence[Place], households: Sequence[Household], at: datetime
) -> None:
    """Take the county's network over as a county does, and with it the households."""
    tables = {
        DEVICES: network.devices(places),
        CUSTOMERS: network.customers(households),
    }
    files = {
        name: sheets.to_csv(list(rows[0]), [list(row.values()) for row in rows])
        for name, rows in tables.items()
    }
    shown = surveying.preview(
        desk,
        Survey(COUNTY, files),
        import_id="demo-network",
        is_out_of_time=lambda: True,
        at=at,
    )
    surveying.apply(
        shown.import_id,
        after=0,
        by=ADMIN,
        secret=desk.secret,
        is_out_of_time=lambda: False,
        at=at,
    )


def _flags(dice: random.Random) -> frozenset[str]:
    chance = dice.random()
    if chance < ONE_IN["life_support"]:
        return frozenset({"life_support"})
    if chance < ONE_IN["key"]:
        return frozenset({"key"})
    return frozenset()


def _name(dice: random.Random) -> str:
    given = "".join(dice.sample(GIVEN, dice.choice((1, 2, 2))))
    return dice.choice(SURNAMES) + given


def _phone(dice: random.Random) -> Phone:
    return Phone(f"+86169{dice.randrange(10**8):08d}")


# Trucks and supply assurance --------------------------------------------------------------------

TRUCKS: Final = (("400千瓦发电车", 400, COUNTY), ("200千瓦发电车", 200, "S-QH-01"),
                 ("50千瓦发电车", 50, "S-QH-05"))  # fmt: skip
COMMANDER: Final = "dispatcher-qh-1"
LINEMEN: Final = ("overhead_line", "low_voltage")


def _resources(desk: Desk, places: Sequence[Place], *, at: datetime) -> None:
    """Register trucks, say what two crews can do, ask for a loan, and prepare a task; once."""
    if any(unit.kw for unit in resourcing.fleet(desk, [COUNTY]).units):
        return
    home = {office: next((p.code for p in places if p.office_id == office), "")
            for _, _, office in TRUCKS}  # fmt: skip
    for name, kw, office in TRUCKS:
        truck = NewTruck(name, office, kw, home[office])
        resourcing.add_truck(desk, truck, _order_of("added", f"truck-{kw}", {"kw": kw}, at))
    for crew in ("crew-01-1", "crew-02-1"):
        told = _order_of("describe", f"skills-{crew}", {"skills": ",".join(LINEMEN)}, at)
        resourcing.move_unit(desk, crew, told, sees=lambda _: True)
    asked = Asking(
        sort="crew",
        office="S-QH-04",
        start=at + timedelta(hours=1),
        until=at + timedelta(hours=9),
        reason="several_faults",
        skill="overhead_line",
        note="东山多处断线，请求支援一支架空线路队伍",
    )
    resourcing.ask_for(desk, asked, _order_of("asked", "loan", {}, at), sees=lambda _: True)
    start = at + timedelta(days=2)
    school = places[0]
    task = NewTask(
        title="高考保供电",
        level="first",
        start=start,
        finish=start + timedelta(hours=10),
        where=f"{school.township}第一中学考点",
        devices=(school.code,),
        note="双电源核对，发电车待命",
    )
    kept = assuring.prepare(desk, task, _order_of("prepared", "task", {}, at), may=lambda _: True)
    answers = {
        "person": "crew-01-1",
        "where": "考点配电房",
        "start": start,
        "finish": start + timedelta(hours=10),
    }
    assuring.move(desk, kept.key, _order_of("add_post", "task-post", answers, at))
    done = {"check": "patrol", "ok": True, "note": "线路特巡完毕，无异常"}
    assuring.move(desk, kept.key, _order_of("check", "task-check", done, at))


def _order_of(move: str, key: str, answers: dict[str, Any], at: datetime) -> Command:
    by = Actor(Role.DISPATCHER.value, COMMANDER, COUNTY)
    return Command(move, by, COMMANDER, f"demo-{key}", _salt(key), at, answers)


# Orders -----------------------------------------------------------------------------------------


def _orders(
    desk: Desk,
    dice: random.Random,
    places: Sequence[Place],
    *,
    at: datetime,
    say: Callable[[str], None],
) -> None:
    kinds = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
    dice.shuffle(kinds)
    complaints: list[str] = []
    for index, kind in enumerate(kinds[:ORDERS]):
        line = LINES.get(kind, LINES["complaint"])
        steps = dice.randrange(len(line) + 1) if index % 3 else len(line)
        number = _order(desk, dice, places, index=index, kind=kind, line=line[:steps], at=at)
        if kind == "complaint":
            complaints.append(number)
        if (index + 1) % 50 == 0:
            say(f"  {index + 1} orders")
    seed_papers.run(desk, complaints, city=CITY, county=COUNTY, at=at, say=say)


def _order(
    desk: Desk,
    dice: random.Random,
    places: Sequence[Place],
    *,
    index: int,
    kind: str,
    line: Sequence[str],
    at: datetime,
) -> str:
    place = dice.choice(places)
    whole = LINES.get(kind, LINES["complaint"])
    took = sum(MINUTES[name] for name in line)
    is_done = len(line) == len(whole)
    age = dice.randrange(300, 12000) if is_done else dice.choice((2, 6, 14, 25, 40, 75, 200))
    moment = at - timedelta(minutes=took + age, seconds=dice.randrange(60))
    sent = _report(dice, place, kind=kind, at=moment)
    key = f"demo-{index}"
    who = Actor("citizen", "citizen")
    filed = reporting.report(
        desk, sent, actor=who, caller="demo", key=key, salt=_salt(key), at=moment
    )
    made = filed.head.order.version
    for number, name in enumerate(_anonymous(line) if sent.anonymous else line, start=2):
        moment += timedelta(minutes=MINUTES[name])
        if number > made:  # a run that was cut off goes on where it stopped
            _step(
                desk,
                place,
                filed.head.order.order_id,
                name,
                key=f"{key}-{number}",
                kind=kind,
                at=moment,
            )
    if not is_done and index % 7 == 0:
        _side(desk, place, filed.head.order.order_id, line, key=f"{key}-side", at=at)
    return filed.head.order.order_id


def _anonymous(line: Sequence[str]) -> list[str]:
    """Nobody can be called back where nobody is known."""
    renamed = {"archive": "archive_anonymous"}
    return [renamed.get(name, name) for name in line if name not in {"contact", "visit_satisfied"}]


def _report(dice: random.Random, place: Place, *, kind: str, at: datetime) -> Report:
    anonymous = kind == "misconduct_report" and dice.choice((True, False))
    answers: dict[str, Any] = {"description": dice.choice(SAYINGS[kind])}
    if kind == "fault":
        answers["symptom"] = dice.choice(SYMPTOMS)
    if kind == "misconduct_report":
        answers["theme"] = "power_theft"
    contact = Contact(
        phone=None if anonymous else _phone(dice),
        name="" if anonymous else _name(dice),
        address=f"{place.township}{place.village}{dice.randrange(1, 60)}号",
        reply_wish=ReplyWish.TEXT,
    )
    return Report(
        kind=kind,
        sub_type=dice.choice(SUB_TYPES) if kind == "service_request" else "",
        occurred_at=at,
        place=place.code,
        contact=contact,
        anonymous=anonymous,
        answers=answers,
        dangers=("smoke_or_sparks",) if answers.get("symptom") == "smoke_or_sparks" else (),
        channel=dice.choice(("web", "web", "phone", "95598", "wechat")),
    )


def _answers(name: str, kind: str, office_id: str) -> dict[str, Any]:
    replies: dict[str, dict[str, Any]] = {
        "fault": {"result": "repaired", "cause": "equipment", "power_back": True},
        "service_request": {"result": "done"},
        "complaint": {"verdict": "upheld", "liability": "utility_liable"},
        "misconduct_report": {"verdict": "partly_upheld"},
    }
    return {
        "dispatch": {"office": office_id},
        "contact": {"by": "phone", "note": "已电话联系客户，说明办理安排"},
        "reply": {**replies.get(kind, {}), "note": "已到现场处理，客户认可"},
    }.get(name, {})


def _step(
    desk: Desk,
    place: Place,
    order_id: str,
    name: str,
    *,
    key: str,
    kind: str,
    at: datetime,
    answers: dict[str, Any] | None = None,
) -> None:
    role = ACTORS.get(name, Role.CREW)
    office_id = COUNTY if role is not Role.CREW else place.office_id
    person = next(
        member
        for member in desk.snapshot.staff.values()
        if member.role is role and member.office_id == office_id
    )
    command = Command(
        move=name,
        actor=actor_of(person),
        caller="demo",
        key=key,
        salt=_salt(key),
        at=at,
        answers=answers or _answers(name, kind, place.office_id),
    )
    handling.move(desk, order_id, command)


def _side(
    desk: Desk, place: Place, order_id: str, line: Sequence[str], *, key: str, at: datetime
) -> None:
    """Put something beside the main line: an urging, a supervision, a hold."""
    note = {"note": "请尽快办理"}
    name = "expedite" if len(line) % 2 else "supervise"
    _step(desk, place, order_id, name, key=key, kind="", at=at, answers=note)


def _salt(key: str) -> bytes:
    """The demo's salts need not be secret, and must be the same on the second run."""
    return hashlib.sha256(key.encode()).digest()[:16]
