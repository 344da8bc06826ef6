"""What a hotline is answered (答复): proof that the company was asked first, and a letter's draft.

The regulator does not take what the company should have handled first (S1.27), so a county shows
that it did: every order of ours about the issue, with what was done when. The letter is a draft for
a person to finish: codes become words, what people wrote stands as they wrote it, and nobody's
telephone or address is in it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.categories import CATEGORIES
from chalicelib.domain.issue import SECTIONS, Issue, aggregate
from chalicelib.domain.order import Event, Order
from chalicelib.domain.triggers import HOTLINES, REGULATOR
from chalicelib.store import ledger, orders, personal
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.documents import Heading, Paragraph, Part, Table, Title, to_docx
from chalicelib.usecases.showing import office_name, stamp

STEPS: Final = ("dispatch", "receive", "contact", "reply", "archive", "archive_anonymous")
"""Moves of an order that show that it was handled; visits beside them."""


def proof(issue: Issue, *, language: str) -> list[dict[str, Any]]:
    """Return our own orders about an issue, oldest first, with what was done when. Raises Busy.

    is_before: whether it came before the first case of a hotline, so that we were asked first.
    """
    cases = [one.occurred_at for one in issue.orders.values() if one.channel in HOTLINES]
    first = min(cases, default=None)
    own = [
        head.order
        for head in orders.get_many(issue.orders)
        if issue.orders[head.order.order_id].channel not in HOTLINES
    ]
    return [
        {
            "order_id": order.order_id,
            "kind": order.kind,
            "kind_label": words.say(f"kind.{order.kind}", language),
            "channel": order.channel,
            "channel_label": _said(f"channel.{order.channel}", language),
            "reported_at": stamp(order.occurred_at),
            "is_before": first is not None and order.occurred_at < first,
            "events": _events(order, language),
        }
        for order in sorted(own, key=lambda each: each.occurred_at)
    ]


def _events(order: Order, language: str) -> list[dict[str, Any]]:
    return [
        {
            "name": event.name,
            "label": words.say(f"move.{event.name}", language),
            "at": stamp(event.occurred_at),
            "recorded_at": stamp(event.recorded_at),
        }
        for event in ledger.read(order.order_id)
        if event.name in STEPS or event.name.startswith("visit_") or event.name == "opened"
    ]


def _said(key: str, language: str) -> str:
    return words.say(key, language) if words.has(key) else key.partition(".")[2]


# The letter ---------------------------------------------------------------------------------------


def letter(desk: Desk, issue: Issue, *, at: datetime) -> bytes:
    """Return the draft of the reply to a hotline, or to the customer where no hotline asked.

    In Chinese, as official letters are. Raises Busy.
    """
    return to_docx(_parts(desk, issue, at))


def _parts(desk: Desk, issue: Issue, at: datetime) -> list[Part]:
    case_no = next(
        (one.case_no for one in issue.orders.values() if one.channel in HOTLINES and one.case_no),
        "",
    )
    hotline = _hotline(issue)
    said = _written(issue)
    return [
        Title("关于投诉事项办理情况的答复（代拟稿）"),
        Paragraph(f"{hotline}：" if hotline else "尊敬的客户："),
        Paragraph(_opening(issue, hotline, case_no)),
        Heading("一、诉求事项"),
        Paragraph(_category(issue)),
        Heading("二、企业先行处理情况"),
        *_handled(proof(issue, language="zh")),
        Heading("三、调查核实情况"),
        Paragraph(_investigated(said)),
        Paragraph(_decided(issue)),
        Heading("四、处理措施"),
        Paragraph(_measured(issue, said)),
        Heading("五、回访情况"),
        Paragraph(_visited(issue)),
        Paragraph("特此答复。"),
        Paragraph(office_name(desk, issue.county), side="right"),
        Paragraph(_day(at), side="right"),
    ]


def _hotline(issue: Issue) -> str:
    channels = {one.channel for one in issue.orders.values()}
    if REGULATOR in channels or issue.hotline_calls:
        return "12398 能源监管热线"
    return "12345 政务服务便民热线" if "12345" in channels else ""


def _opening(issue: Issue, hotline: str, case_no: str) -> str:
    when = _day(issue.occurred_at)
    if hotline:
        number = f"（编号 {case_no}）" if case_no else ""
        return f"贵热线转办的投诉事项{number}收悉，我单位 {when} 受理，现将办理情况答复如下。"
    return f"您 {when} 反映的事项，我单位已办理，现答复如下。"


def _category(issue: Issue) -> str:
    parts = issue.category.split(".")
    ids = [".".join(parts[: end + 1]) for end in range(len(parts))]
    named = [words.say(f"category.{each}", "zh") for each in ids if each in CATEGORIES]
    return f"{'—'.join(named)}。" if named else "（请填写客户诉求）"


def _handled(rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    if not rows:
        return [Paragraph("客户此前未就该事项向我单位反映。")]
    before = [row for row in rows if row["is_before"]]
    text = (
        f"客户向热线反映前，已就该事项向我单位反映 {len(before)} 次，我单位处理经过如下。"
        if before
        else "该事项在我单位的处理经过如下。"
    )
    return [
        Paragraph(text),
        Table(
            ("工单编号", "类型与渠道", "处理环节", "时间"),
            [
                (row["order_id"], f"{row['kind_label']}·{row['channel_label']}", step["label"],
                 _minute(step["at"]))
                for row in rows
                for step in row["events"]
            ],
        ),
    ]  # fmt: skip


def _written(issue: Issue) -> Mapping[str, str]:
    """Return the newest of each text that was written about the issue, where it is still kept."""
    chain = aggregate(issue.issue_id)
    said = personal.words(chain)
    found: dict[str, str] = {}
    for event in ledger.read(chain):
        texts = said[event.seq].words if event.seq in said else {}
        for name, text in texts.items():
            found[_key(event, name)] = text
    return found


def _key(event: Event, name: str) -> str:
    return name if event.name == "investigate" else f"{event.name}.{name}"


def _investigated(said: Mapping[str, str]) -> str:
    sections = [said[name] for name in SECTIONS[:3] if said.get(name)]
    return "\n".join(sections) or "（请填写调查情况）"


def _decided(issue: Issue) -> str:
    if not issue.verdict:
        return "（尚未认定是否属实）"
    verdict = words.say(f"choice.verdict.{issue.verdict}", "zh")
    liability = words.say(f"choice.liability.{issue.liability}", "zh")
    return f"经核实，客户反映情况{verdict}，认定为{liability}。"


def _measured(issue: Issue, said: Mapping[str, str]) -> str:
    texts = [said[name] for name in ("measure.note", SECTIONS[3]) if said.get(name)]
    measure = issue.fact("measure", "measure")
    if measure and not texts:
        return f"{_said(f'choice.measure.{measure}', 'zh')}。"
    return "\n".join(texts) or "（请填写处理措施）"


def _visited(issue: Issue) -> str:
    visits = issue.round_visits
    if not visits:
        return "客户匿名，未回访。" if issue.anonymous else "（尚未回访）"
    result = _said(f"choice.result.{visits[-1].result}", "zh")
    return f"{_day(visits[-1].at)} 回访，结果为“{result}”，共回访 {len(visits)} 次。"


def _day(at: datetime) -> str:
    local = at.astimezone(CHINA)
    return f"{local.year} 年 {local.month} 月 {local.day} 日"


def _minute(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(CHINA):%Y-%m-%d %H:%M}"
