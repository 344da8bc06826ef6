"""Texts to people (短信): the words, their length, and when they are still true.

A text says only what is true at the moment it goes out: each template names the stages in which it
still holds, and one that no longer holds is superseded, not sent. Length counts UTF-16 units with
the signature: 70 fit one text, beyond that 67 a part (limits `sms.single`, `sms.part`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .calendar import CHINA
from .contact import utf16_units
from .order import Order
from .procedure import Procedure

LONGEST_FIELD: Final = 14
"""Units that an office's name may take in a text; longer ones end in an ellipsis. [design]"""


@dataclass(frozen=True, slots=True)
class Template:
    """One text. `code` is what a gateway that keeps templates itself knows it by.

    stages: those in which the text is still true; empty when it is true whatever comes after.
    """

    name: str
    code: str
    zh: str
    en: str
    stages: frozenset[str] = frozenset()


_EARLY: Final = frozenset({"accepted", "dispatched", "received", "in_progress", "on_site"})
_HELD: Final = frozenset({"dispatched", "received"})
_DONE: Final = frozenset({"replied", "return_visit", "archived"})

TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {
        template.name: template
        for template in (
            Template(
                "accepted",
                "LK_ACCEPTED",
                "您的{kind}已受理,编号{number}。{promise}查进度或补充请拨95598",
                "Your {kind} was received, no. {number}. {promise}Questions: 95598",
                _EARLY,
            ),
            Template(
                "dispatched",
                "LK_DISPATCHED",
                "编号{number}:已派{office}办理。{promise}详询95598",
                "No. {number}: assigned to {office}. {promise}Questions: 95598",
                _HELD,
            ),
            Template(
                "arrived",
                "LK_ARRIVED",
                "编号{number}:工作人员{time}已到现场,正在处理。详询95598",
                "No. {number}: staff arrived at {time} and are at work. Questions: 95598",
                frozenset({"on_site"}),
            ),
            Template(
                "promise_broken",
                "LK_PROMISE_BROKEN",
                "编号{number}:未能按承诺在{time}前完成,向您致歉,我们正在加紧办理。催办请拨95598",
                "No. {number}: we missed our promise of {time}, sorry; we are on it. Call 95598",
                _EARLY,
            ),
            Template(
                "done",
                "LK_DONE",
                "编号{number}已办结。若未解决请拨95598。评价码{code},请在{site}评价",
                "No. {number} is done. Not solved? Call 95598. Rate with code {code} at {site}",
                _DONE,
            ),
            Template(
                "answered",
                "LK_ANSWERED",
                "编号{number}:您的咨询已答复,可在{site}查看。如有疑问请拨95598",
                "No. {number}: your enquiry was answered, see {site}. Questions: 95598",
                frozenset({"replied", "archived"}),
            ),
            Template(
                "reopened",
                "LK_REOPENED",
                "编号{number}:已为您重新办理。{promise}详询95598",
                "No. {number}: reopened for you. {promise}Questions: 95598",
                _EARLY,
            ),
            Template(
                "merged",
                "LK_MERGED",
                "编号{number}:与同一故障合并办理,处理后我们会通知您。详询95598",
                "No. {number}: joined to the same fault; we tell you when it is fixed. Call 95598",
                frozenset({"merged"}),
            ),
            Template(
                "corrected",
                "LK_CORRECTED",
                "更正:编号{number}的信息有误,已更正,请以本条为准,给您带来不便敬请谅解。详询95598",
                "Correction: what we sent on no. {number} was wrong and is corrected. Call 95598",
            ),
            Template(
                "duty_alert",
                "LK_DUTY_ALERT",
                "值班提醒:编号{number}({kind}){clock}{rung},责任单位{office},请处理",
                "Duty: no. {number} ({kind}) {clock}: {rung}, with {office}. Please act",
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Written:
    """A text as it will be read. `units` are UTF-16 units with the signature."""

    template: str
    code: str
    params: Mapping[str, str]
    body: str
    units: int
    parts: int


def write(
    name: str,
    params: Mapping[str, str],
    *,
    signature: str,
    language: str = "zh",
    single: int,
    part: int,
    templates: Mapping[str, Template] = TEMPLATES,
) -> Written:
    """Return the text with its length counted. Raises KeyError for an unknown template or field.

    signature: without its brackets. single, part: the limits `sms.single` and `sms.part`.
    templates: the table that holds it; outages have one of their own.
    """
    template = templates[name]
    words = template.zh if language == "zh" else template.en
    body = f"【{signature}】" + words.format(**params)
    units = utf16_units(body)
    return Written(name, template.code, params, body, units, parts_of(units, single, part))


def parts_of(units: int, single: int, part: int) -> int:
    """Return how many texts a length costs: one up to `single`, else `part` units each."""
    return 1 if units <= single else -(-units // part)


def is_true(name: str, order: Order, procedure: Procedure) -> bool:
    """Return whether a text still says what is so. A kind without a stage cannot contradict it."""
    stages = TEMPLATES[name].stages
    if not stages or not stages & set(procedure.stages):
        return True
    if order.suspended and name in {"dispatched", "promise_broken"}:
        return False
    return order.stage in stages


def clock_words(at: datetime, *, now: datetime, language: str = "zh") -> str:
    """Return an instant as people say it: the time today, else day and time."""
    local, today = at.astimezone(CHINA), now.astimezone(CHINA)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if language == "zh":
        return f"{local.month}月{local.day}日{local:%H:%M}"
    return f"{local.day}/{local.month} {local:%H:%M}"


def shorten(words: str, units: int = LONGEST_FIELD) -> str:
    """Return words cut to so many UTF-16 units, never through a surrogate pair."""
    if utf16_units(words) <= units:
        return words
    kept = ""
    for ch in words:
        if utf16_units(kept + ch) > units - 1:
            break
        kept += ch
    return kept + "…"


RATING_CODE_DIGITS: Final = 10
CODE_LETTERS: Final = "23456789CFGHJKMNPQRVWXYZ"
