"""What the house says about itself: events and metrics, never people.

Events are slugs with plain facts, one JSON line each (Powertools Logger); metrics are CloudWatch's
embedded format (Powertools Metrics), with the service as their only dimension, which Powertools
reads from POWERTOOLS_SERVICE_NAME. Both go to standard output, nothing goes over the network.

What cannot pass:

- a Contact, a Phone or anything else that is not a plain value: TypeError, in production too;
- words: text that is not printable ASCII without spaces becomes `[text]`. A Chinese name, an
  address, a description is never logged, whatever the fact is called;
- a telephone number, in text or as a number: `[phone]`, with an alarm, for somebody logged it;
- what an exception says: `fail` logs its type and where it was raised, not its message.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from io import TextIOBase
from pathlib import PurePath
from types import MappingProxyType
from typing import IO, Any, Final, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib.domain.contact import find_phones

NAMESPACE: Final = "Lightkeeper"

_EVENT: Final = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+\Z")
_FACT: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_SLUG: Final = re.compile(r"[!-~]*\Z")
_LONGEST: Final = 128  # characters of one fact
_MOST: Final = 20  # items of one list
_FRAMES: Final = 6  # of a failure, innermost last
_TAKEN: Final = frozenset(
    {"level", "message", "asctime", "timestamp", "service"}
    | vars(logging.LogRecord("", 0, "", 0, "", None, None)).keys()
)


class Metric(StrEnum):
    """What is counted: few, since CloudWatch bills each. The template's alarms use these names."""

    SWEPT = "Swept"  # a minute sweep ended; silence wakes somebody
    SEALED = "Sealed"  # an hour's seal was written; silence wakes somebody
    OLDEST_DUE = "OldestDue"  # seconds by which the oldest due instant is late
    ALARM = "Alarm"  # `alarm` or `fail` was called; the log line of that moment says why
    TEXT_SENT = "TextSent"
    TEXT_FAILED = "TextFailed"
    REPLY_LOST = "ReplyLost"  # sent or not, nobody knows: at most one extra text each
    WEBHOOK_FAILED = "WebhookFailed"


ALARMS: Final = frozenset({Metric.SWEPT, Metric.SEALED, Metric.OLDEST_DUE, Metric.ALARM})
_SECONDS: Final = frozenset({Metric.OLDEST_DUE})


class _Stdout(TextIOBase):
    """Standard output as it is now, not as it was when this module was imported."""

    def write(self, text: str, /) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


# The service and the X-Ray id would be on every line and say the same as the log group.
_logger: Final = Logger(
    service="lightkeeper",
    stream=cast("IO[str]", _Stdout()),
    level="INFO",
    utc=True,
    use_rfc3339=True,
    log_record_order=["level", "message", "timestamp"],
    location=None,
    xray_trace_id=None,
)
_logger.remove_keys(["service", "sampling_rate"])
_logger._logger.propagate = False  # noqa: SLF001 - else Lambda's root handler prints it again

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default=_NOTHING)


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """Put these facts on every line until the block ends: a request's id, a job's name."""
    token = _about.set({**_about.get(), **_plain(facts)})
    try:
        yield
    finally:
        _about.reset(token)


def log(event: str, **facts: Any) -> None:
    """Say that something happened: a dotted slug (`order.moved`) and its facts.

    facts: text, numbers, truth, None, enums, instants, durations (logged in seconds), or lists of
    them. Raises TypeError for anything else and ValueError for names that are none.
    """
    _logger.info(_event(event), extra={**_about.get(), **_plain(facts)})


def alarm(event: str, **facts: Any) -> None:
    """Say that somebody must look at this, though the work went on, and count it. As `log`."""
    _logger.error(_event(event), extra={**_about.get(), **_plain(facts)})
    count(Metric.ALARM)


def fail(event: str, error: BaseException, **facts: Any) -> None:
    """Raise the alarm for an exception: its type, its cause's, and where it came from. As `log`.

    Its message is left out: it may quote what a citizen wrote. So is the traceback's source.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = [f"{_short(each.filename)}:{each.lineno}:{each.name}" for each in frames]
    cause = error.__cause__ or error.__context__
    alarm(
        event,
        error=type(error).__name__,
        cause=None if cause is None else type(cause).__name__,
        where=where,
        **facts,
    )


def count(metric: Metric, value: float = 1) -> None:
    """Publish one metric now: a count, or seconds for those that measure time."""
    unit = MetricUnit.Seconds if metric in _SECONDS else MetricUnit.Count
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_metric(name=metric.value, unit=unit, value=value)
    metrics.flush_metrics()


def _event(event: str) -> str:
    if not _EVENT.match(event):
        raise ValueError("an event's name is a slug with a dot: order.moved")
    return event


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    for name in facts:
        if not _FACT.match(name) or name in _TAKEN:
            raise ValueError(f"a fact cannot be named {name!r}")
    return {name: _fact(value) for name, value in facts.items()}


def _fact(value: Any) -> Any:
    """Return a value fit for a log. Raises TypeError for what is not plain."""
    if isinstance(value, list | tuple):
        return [_one(each) for each in value[:_MOST]]
    return _one(value)


def _one(value: Any) -> str | float | bool | None:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 3)
    if isinstance(value, int | float):
        return _redacted(str(value)) or value
    if isinstance(value, str):
        return _text(value)
    raise TypeError(f"a {type(value).__name__} is not logged")


def _text(text: str) -> str:
    redacted = _redacted(text)
    if redacted:
        return redacted
    return text[:_LONGEST] if _SLUG.match(text) else "[text]"


def _redacted(text: str) -> str:
    """Return what to log in place of a text with a telephone number in it; empty if it has none."""
    if not find_phones(text):
        return ""
    alarm("telemetry.redacted")
    return "[phone]"


def _short(path: str) -> str:
    """Return the last two parts of a path: a folder and a file tell our modules apart."""
    return "/".join(PurePath(path).parts[-2:])
