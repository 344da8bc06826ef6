"""What wakes the house besides people, with the events that AWS sends, through the app itself."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from chalice.local import LambdaContext
from moto import mock_aws

from chalicelib import ambient, jobs
from chalicelib.domain.calendar import local_day
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import State
from chalicelib.domain.reach import Reach
from chalicelib.outbound.queue import queue_from
from chalicelib.store import customers, daybook, deliveries, ledger, orders, outages, registry
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.desk_rows import RecordRow, put_all
from chalicelib.telemetry import Metric
from chalicelib.usecases.rounds import Post
from tests.api.conftest import COUNTY, PLACE, STATION, Api
from tests.conftest import REGION
from tests.rules.rights import held_to

LEDGER = "arn:aws:dynamodb:eu-north-1:1:table/lightkeeper-ledger/stream/x"


class Effects:
    """The effects queue, and the app that reads it."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.url = url

    def take(self) -> list[dict[str, Any]]:
        """Return every message, gone from the queue."""
        found: list[dict[str, Any]] = []
        while got := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            found += [json.loads(each["Body"]) for each in got]
            for each in got:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return found

    def deliver(self, *records: dict[str, Any]) -> Any:
        """Hand records of the stream to the app."""
        return self.api.client.lambda_.invoke("deliver", {"Records": list(records)}).payload

    def send(self, *messages: Any) -> Any:
        """Hand messages of the queue to the app."""
        records = [
            {"messageId": f"m-{place}", "receiptHandle": "r", "body": json.dumps(message)}
            for place, message in enumerate(messages)
        ]
        return self.api.client.lambda_.invoke("send", {"Records": records}).payload


@pytest.fixture
def effects(api, monkeypatch) -> Iterator[Effects]:
    """A queue on moto; the tables stay where they are."""
    with mock_aws():
        url = boto3.client("sqs", region_name=REGION).create_queue(QueueName="lightkeeper-effects")
        monkeypatch.setenv("LIGHTKEEPER_EFFECTS_QUEUE", url["QueueUrl"])
        monkeypatch.setenv("LIGHTKEEPER_SEAL_KEY", base64.b64encode(b"s" * 32).decode())
        ambient.settings.cache_clear()
        queue_from.cache_clear()
        yield Effects(api, url["QueueUrl"])
    monkeypatch.undo()
    ambient.settings.cache_clear()
    queue_from.cache_clear()


def a_record(number: str, seq: int, name: str = "INSERT") -> dict[str, Any]:
    """Return a row of the ledger as its stream brings it."""
    link = next(link for link in ledger.links(number) if link.seq == seq)
    image = {
        "aggregate": {"S": f"order/{number}"},
        "seq": {"N": str(seq)},
        "body": {"S": link.body},
        "hash": {"S": link.hash},
        "prev": {"S": link.prev},
    }
    keys = {name_: image[name_] for name_ in ("aggregate", "seq")}
    change = {"Keys": keys, "NewImage": image, "SequenceNumber": f"{seq:021}"}
    return {"eventName": name, "eventSourceARN": LEDGER, "dynamodb": change}


def a_context() -> LambdaContext:
    return LambdaContext("lightkeeper", 512, max_runtime_ms=60_000)


def test_an_accepted_report_becomes_one_text_and_a_second_delivery_changes_nothing(effects, kept):
    number, _ = effects.api.reported()
    record = a_record(number, 1)

    assert effects.deliver(record) == {"batchItemFailures": []}
    messages = effects.take()
    assert [message["effect"] for message in messages] == ["1.text.accepted", "1.heard.outage"]
    assert effects.send(*messages) == {"batchItemFailures": []}
    assert effects.send(*messages) == {"batchItemFailures": []}

    assert {each.status for each in deliveries.list_for(number)} == {Status.SENT}
    texts = [line for line in (kept / "phone.jsonl").read_text().splitlines() if number in line]
    assert len(texts) == 1


def test_a_new_order_is_entered_in_the_daybook(effects):
    number, _ = effects.api.reported()

    effects.deliver(a_record(number, 1))

    today = local_day(ambient.now())
    assert [line.order_id for line in daybook.lines(COUNTY, today, today, limit=9).items] == [
        number
    ]


def test_s2_8_an_outage_is_on_the_public_page_after_its_event_and_once(effects, kept):
    at = ambient.now()
    effects.api.outage(Reach.of({PLACE: "all"}, {PLACE: 46}), at=at)

    assert effects.deliver(a_record("outage/Q1", 1)) == {"batchItemFailures": []}
    (message,) = [each for each in effects.take() if "publish" in each]
    with held_to("send"):
        assert effects.send(message) == {"batchItemFailures": []}

    public = json.loads((kept / "site" / "status.json").read_text("utf-8"))
    assert [item["area"] for item in public["items"]] == ["建设路3-2台区"]
    assert effects.api.get("/status.json").body["items"] == public["items"]
    assert effects.api.get("/api/v1/public/outages").body["items"] == public["items"]
    assert effects.api.get("/api/v1/public/outages?place=nowhere").body["items"] == []
    place = effects.api.get(f"/api/v1/public/places/{PLACE}").body
    assert place["state"]["outage"] == public["items"][0]
    assert b"<item>" in effects.api.get("/status.rss").raw


def a_trip(effects: Effects, *, seconds_ago: float) -> None:
    """A breaker opened so long ago and may still reclose: held for a minute."""
    at = ambient.now()
    effects.api.outage(
        Reach.of({PLACE: "all"}, {PLACE: 46}),
        at=at,
        outage_id="Q2",
        by=Actor("system", "inference"),
        since=at - timedelta(seconds=seconds_ago),
        grade=State.SUSPECTED,
        on_trip=True,
    )


def test_the_end_of_a_hold_off_is_not_left_to_the_sweep(effects):
    a_trip(effects, seconds_ago=70)
    assert effects.deliver(a_record("outage/Q2", 1)) == {"batchItemFailures": []}
    (message,) = effects.take()
    assert message == {"wake": "Q2"}

    with held_to("send"):
        assert effects.send(message, message) == {"batchItemFailures": []}

    woken = outages.get("Q2").outage
    assert (woken.version, "hold" in woken.fired) == (2, True)
    assert effects.deliver(a_record("outage/Q2", 2)) == {"batchItemFailures": []}
    assert [each["effect"] for each in effects.take()] == ["2.weigh.again"]


def test_who_is_woken_too_early_sleeps_on_and_the_message_waits_as_long_as_the_hold_off(effects):
    a_trip(effects, seconds_ago=20)
    effects.deliver(a_record("outage/Q2", 1))

    waiting = effects.sqs.get_queue_attributes(
        QueueUrl=effects.url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    assert waiting["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"
    assert effects.take() == []
    assert effects.send({"wake": "Q2"}) == {"batchItemFailures": []}
    assert outages.get("Q2").outage.version == 1


def test_the_sweep_writes_the_public_page_when_nobody_has(effects, kept):
    file = kept / "site" / "status.json"
    file.unlink(missing_ok=True)

    with held_to("sweep"):
        jobs.sweep(a_context())

    assert json.loads(file.read_text("utf-8"))["items"] == []
    assert effects.api.get("/api/v1/public/news").body == {"items": []}


@pytest.mark.parametrize("what", ["MODIFY", "REMOVE"])
def test_a_row_that_was_changed_or_removed_raises_the_alarm(effects, capsys, what):
    number, _ = effects.api.reported()

    assert effects.deliver(a_record(number, 1, what)) == {"batchItemFailures": []}

    assert effects.take() == []
    assert "ledger.tampered" in capsys.readouterr().out


def test_a_record_that_is_no_event_fails_with_all_behind_it_and_keeps_those_before(effects):
    number, _ = effects.api.reported()
    effects.api.move(number, "dispatch", "dispatcher-1", office=STATION)
    good, bad, last = (a_record(number, seq) for seq in (1, 2, 2))
    bad["dynamodb"]["NewImage"]["body"]["S"] = "{"
    last["dynamodb"]["SequenceNumber"] = "3"

    answer = effects.deliver(good, bad, last)

    assert answer == {"batchItemFailures": [{"itemIdentifier": f"{2:021}"}]}
    spread = [message["effect"] for message in effects.take()]
    assert spread == ["1.text.accepted", "1.heard.outage"]


def test_a_message_that_makes_no_sense_fails_alone(effects):
    number, _ = effects.api.reported()
    good = {"order": number, "seq": 1, "effect": "1.text.accepted"}

    answer = effects.send({"order": number, "seq": 99, "effect": "99.text.x"}, good, "nonsense")

    failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    assert failed == ["m-0", "m-2"]
    assert {each.status for each in deliveries.list_for(number)} == {Status.SENT}


def test_the_sweep_fires_what_is_due_and_twice_is_once(effects):
    hour_ago = (ambient.now() - timedelta(minutes=60)).isoformat()
    number, _ = effects.api.reported(occurred_at=hour_ago)

    jobs.sweep(a_context())
    after = orders.get(number).order.version
    jobs.sweep(a_context())

    assert ledger.event(number, 2).name == "timer"
    assert orders.get(number).order.version == after == 2


def test_a_map_whose_reports_waited_is_weighed_and_then_waits_no_more(effects):
    began = ambient.now() - timedelta(minutes=1)
    outages.wait(COUNTY, "feeder/F1", until=began)
    jobs.sweep(a_context())
    (message,) = effects.take()

    assert (message["order"], message["effect"]) == (f"weigh/{COUNTY}/feeder/F1", "weigh")
    late = ambient.now() + timedelta(hours=1)
    assert [each.order_id for each in orders.due(outages.ARMED, before=late, limit=9)] == [
        message["order"]
    ]
    assert effects.send(message) == {"batchItemFailures": []}
    assert orders.due(outages.ARMED, before=late, limit=9) == []


def test_a_sweep_that_has_no_time_left_takes_up_nothing(effects):
    number, _ = effects.api.reported(
        occurred_at=(ambient.now() - timedelta(minutes=60)).isoformat()
    )

    jobs.sweep(LambdaContext("lightkeeper", 512, max_runtime_ms=jobs.SPARE_MS - 1))

    assert orders.get(number).order.version == 1


def test_every_schedule_runs_through_the_app(effects, kept, capsys):
    effects.api.reported()
    event = effects.api.client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])

    for name in ("sweep", "watchdog", "seal", "forget"):
        effects.api.client.lambda_.invoke(name, event)

    logged = capsys.readouterr().out
    for metric in ("Swept", "OldestDue", "Sealed"):
        assert metric in logged
    assert "forget.night" in logged
    assert any((kept / "seals").rglob("*"))


def test_what_nobody_can_read_any_more_raises_the_alarm_and_shows_in_the_health(effects, capsys):
    health = "/api/v1/health"
    assert effects.api.get(health).body["unreadable"] == 0
    jobs.watchdog()
    assert "registry.unreadable" not in capsys.readouterr().out
    broken = RecordRow("registry", "limit#gone", value="{", version=1, tip="")
    put_all(RecordRow, [broken])
    registry.refresh()

    jobs.watchdog()

    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [each for each in said if each.get("message") == "registry.unreadable"]
    assert (line["level"], line["kind"], line["key"]) == ("ERROR", "limit", "gone")
    assert [each[Metric.ALARM] for each in said if Metric.ALARM in each] == [[1.0]]
    answer = effects.api.get(health)
    assert (answer.status, answer.body["unreadable"]) == (200, 1)


def test_every_trigger_is_declared_in_app_so_that_middleware_runs(app):
    assert {source.name for source in app.event_sources} == {
        "sweep",
        "watchdog",
        "seal",
        "forget",
        "spot",
        "verify",
        "deliver",
        "send",
        "tell_first",
        "tell",
    }
    assert all(source.handler_string.startswith("app.") for source in app.event_sources)


@pytest.mark.parametrize("name", ["tell_first", "tell"])
def test_a_shard_that_cannot_be_told_fails_alone(effects, capsys, name):
    records = [
        {"messageId": f"m-{place}", "receiptHandle": "r", "body": body}
        for place, body in enumerate(['{"outage": "none", "round": "start.1"}', "no json"])
    ]

    failed = effects.api.client.lambda_.invoke(name, {"Records": records}).payload

    assert failed == {"batchItemFailures": [{"itemIdentifier": "m-0"}, {"itemIdentifier": "m-1"}]}
    assert capsys.readouterr().out.count("tell.failed") == 2


def notice_queues(effects: Effects, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the notice queues on moto; by the function that reads them."""
    urls = {}
    for function, name in (("tell_first", "notices-first"), ("tell", "notices")):
        url = effects.sqs.create_queue(QueueName=f"lightkeeper-{name}")["QueueUrl"]
        setting = f"LIGHTKEEPER_{name.replace('-', '_').upper()}_QUEUE"
        monkeypatch.setenv(setting, url)
        urls[function] = url
    ambient.settings.cache_clear()
    return urls


def test_the_messages_of_a_round_go_on_two_queues_with_their_delay(effects, monkeypatch):
    urls = notice_queues(effects, monkeypatch)
    body = {"outage": "Q1", "round": "start.1"}

    jobs.enqueue_posts(
        [
            Post({**body, "keys": [["T", "1"]]}),
            Post({**body, "keys": [["T", "2"]]}, is_urgent=True),
            Post({**body, "look": 0, "was": None}, delay=95),
        ]
    )

    first = effects.sqs.receive_message(QueueUrl=urls["tell_first"], MaxNumberOfMessages=10)
    rest = effects.sqs.receive_message(QueueUrl=urls["tell"], MaxNumberOfMessages=10)
    assert [json.loads(each["Body"])["keys"] for each in first["Messages"]] == [[["T", "2"]]]
    assert [json.loads(each["Body"])["keys"] for each in rest["Messages"]] == [[["T", "1"]]]


def test_an_outage_tells_its_households_by_their_queues_and_each_function_keeps_to_its_rights(
    effects, kept, monkeypatch
):
    urls = notice_queues(effects, monkeypatch)
    houses = [
        Household(
            account_no=f"13{door}",
            transformer_id="TQ-77",
            phones=(Phone(f"+861690000070{door}"),),
            flags=frozenset({"life_support"} if door == 3 else ()),
        )
        for door in range(4)
    ]
    customers.put_households(customers.compare_households(None, houses))
    at = ambient.now()
    effects.api.outage(Reach.of({"TQ-77": "all"}, {"TQ-77": 4}), at=at, outage_id="Q7")
    effects.deliver(a_record("outage/Q7", 1))
    with held_to("send"):
        assert effects.send(*effects.take()) == {"batchItemFailures": []}

    told = {name: Effects(effects.api, url).take() for name, url in urls.items()}
    assert [len(each["keys"]) for each in told["tell_first"]] == [1]
    for name, messages in told.items():
        look = {"outage": "Q7", "round": "start.1", "look": 0, "was": None, "run": "1"}
        for message in [*messages, look]:
            record = {"messageId": "m", "receiptHandle": "r", "body": json.dumps(message)}
            with held_to(name):
                answer = jobs.tell({"Records": [record]}, a_context())
            assert answer == {"batchItemFailures": []}

    lines = (kept / "phone.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line) for line in lines if "told.Q7." in line]
    counts = outages.get("Q7").outage.rounds["start.1"].counts
    assert texts[0]["to"] == "+8616900000703"
    assert len(texts) == counts["sent"], "at night the others may sleep"
