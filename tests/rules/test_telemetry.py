"""What may be said in a log, and what cannot get into one."""

import json
import logging
import threading
from datetime import datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import telemetry
from chalicelib.domain.contact import Contact, Phone
from chalicelib.telemetry import Metric, about, alarm, count, fail, log

PHONE = Phone("+8613800138000")
REQUEST = "8f1c1234-1234-1234-1234-123456789012"


class Stage(StrEnum):
    RECEIVED = "received"


def lines(capsys) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def the_line(capsys) -> dict[str, object]:
    (line,) = lines(capsys)
    return line


def is_metric(line: dict[str, object]) -> bool:
    return "_aws" in line


# --- events


def test_an_event_is_one_json_line_with_its_facts(capsys):
    log("order.moved", order="01J", stage=Stage.RECEIVED, ms=12, late=True, by=None)

    line = the_line(capsys)
    assert line.pop("timestamp")
    assert line == {
        "level": "INFO",
        "message": "order.moved",
        "order": "01J",
        "stage": "received",
        "ms": 12,
        "late": True,
    }


def test_instants_are_utc_durations_are_seconds(capsys):
    east = timezone(timedelta(hours=8))

    log("a.b", due=datetime(2026, 7, 1, 12, 15, tzinfo=east), late=timedelta(minutes=1.5))

    line = the_line(capsys)
    assert line["due"] == "2026-07-01T04:15:00.000+00:00"
    assert line["late"] == 90.0


def test_a_line_is_printed_once_though_somebody_listens_at_the_root(capsys):
    root = logging.getLogger()
    listening = logging.StreamHandler()
    root.addHandler(listening)
    try:
        log("order.moved")
    finally:
        root.removeHandler(listening)

    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("order.moved") == 1


def test_a_request_s_line_is_at_most_400_bytes(capsys):
    with about(request=REQUEST):
        log(
            "http.answered",
            method="DELETE",
            route="/api/v1/offices/{office_id}/staff/{staff_id}/duties/{duty_id}",
            status=503,
            problem="precondition-required",
            ms=29_000.123,
            caller="integrator",
            office="01JZK4D3X8M2V9Q7T5B1C6N0RF",
            order="01JZK4D3X8M2V9Q7T5B1C6N0RF",
        )

    assert len(capsys.readouterr().out.encode()) <= 400


def test_what_a_block_is_about_is_on_its_lines_and_on_no_others(capsys):
    with about(request="r-1"):
        with about(job="sweep"):
            log("a.b")
        log("a.c")
    log("a.d")

    inner, outer, after = lines(capsys)
    assert (inner["request"], inner["job"]) == ("r-1", "sweep")
    assert "job" not in outer
    assert "request" not in after


def test_what_a_block_is_about_ends_with_an_error_too(capsys):
    with pytest.raises(RuntimeError), about(request="r-1"):
        raise RuntimeError
    log("a.b")

    assert "request" not in the_line(capsys)


def test_one_thread_s_request_is_not_on_another_s_lines(capsys):
    with about(request="r-1"):
        other = threading.Thread(target=log, args=("a.b",))
        other.start()
        other.join()

    assert "request" not in the_line(capsys)


@pytest.mark.parametrize("event", ["", "moved", "Order.moved", "order moved", "订单.已派", "a."])
def test_an_event_s_name_is_a_dotted_slug(event):
    with pytest.raises(ValueError, match="slug"):
        log(event)


@pytest.mark.parametrize("name", ["message", "level", "name", "args", "thread", "Order", "_x"])
def test_a_fact_cannot_take_a_name_that_the_line_needs(name):
    with pytest.raises(ValueError, match="cannot be named"):
        log("a.b", **{name: 1})


# --- people


@pytest.mark.parametrize(
    "person",
    [
        PHONE,
        Contact(phone=PHONE, name="张三"),
        [PHONE],
        {"phone": "x"},
        b"13800138000",
        object(),
        ["a", Contact()],
        [["a"]],
    ],
)
def test_a_person_or_anything_not_plain_is_refused(capsys, person):
    for say in (log, alarm):
        with pytest.raises(TypeError, match="is not logged"):
            say("a.b", fact=person)
    with pytest.raises(TypeError, match="is not logged"), about(fact=person):
        log("a.b")

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "leak",
    [
        "13800138000",
        "+8613800138000",
        "tel:13800138000",
        "phone=138-0013-8000;x",
        "１３８００１３８０００",
        "电话13800138000",
        "0311-88881234",
        13800138000,
        ["ok", "13800138000"],
    ],
)
def test_a_number_never_reaches_a_log_and_its_attempt_raises_the_alarm(capsys, leak):
    log("a.b", fact=leak)

    out = capsys.readouterr().out
    assert "8000" not in out
    assert "88881234" not in out
    assert "[phone]" in out
    assert "telemetry.redacted" in out
    assert '"Alarm"' in out


@pytest.mark.parametrize("words", ["张三", "清河县建设路12号", "no light since noon", "a\nb", "ü"])
def test_words_never_reach_a_log(capsys, words):
    log("a.b", fact=words, facts=[words])

    line = the_line(capsys)
    assert line["fact"] == "[text]"
    assert line["facts"] == ["[text]"]


def test_a_long_fact_is_cut_and_so_is_a_long_list(capsys):
    log("a.b", fact="x" * 1000, facts=list(range(1000)))

    line = the_line(capsys)
    assert line["fact"] == "x" * 128
    assert line["facts"] == list(range(20))


@given(
    st.sampled_from(["1{}", "+861{}", "0086-1{}", "x1{}y", "/o/1{}/"]),
    st.from_regex(r"[3-9][0-9]{9}", fullmatch=True),
)
def test_no_mobile_in_any_text_is_said(form, digits):
    text = form.format(digits)

    assert digits not in str(telemetry._redacted(text))
    assert telemetry._text(text) in ("[phone]", "[text]")


def test_a_failure_says_what_and_where_but_not_what_was_written(capsys):
    def reads(text: str) -> None:
        try:
            int(text)
        except ValueError as error:
            raise KeyError(text) from error

    try:
        reads("张三 13800138000")
    except KeyError as error:
        fail("request.broke", error, route="/api/v1/orders")

    out = capsys.readouterr().out
    line = json.loads(out.splitlines()[0])
    assert (line["level"], line["error"], line["cause"]) == ("ERROR", "KeyError", "ValueError")
    assert line["where"][-1].startswith("rules/test_telemetry.py:")
    assert line["where"][-1].endswith(":reads")
    assert "13800138000" not in out
    assert "张三" not in out


# --- metrics


def test_a_metric_is_published_at_once_with_its_unit(capsys):
    count(Metric.OLDEST_DUE, 42.5)

    line = the_line(capsys)
    assert is_metric(line)
    assert line["OldestDue"] == [42.5]
    told = json.dumps(line["_aws"])
    assert '"Seconds"' in told
    assert '"Lightkeeper"' in told


def test_a_metric_has_no_dimension_but_the_service(capsys, monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "lightkeeper-dev")

    count(Metric.SWEPT)

    line = the_line(capsys)
    assert '"Dimensions": [["service"]]' in json.dumps(line["_aws"])
    assert line["service"] == "lightkeeper-dev"


def test_an_alarm_is_a_line_and_a_count(capsys):
    alarm("sweep.parked", order="01J")

    said, counted = lines(capsys)
    assert (said["level"], said["message"], said["order"]) == ("ERROR", "sweep.parked", "01J")
    assert counted["Alarm"] == [1.0]


def test_every_metric_that_wakes_somebody_is_one_that_is_counted():
    assert set(Metric) >= telemetry.ALARMS
