"""Queues in process: nothing sent is lost while we run, and what fails comes back."""

import json
import threading
import time
from pathlib import Path

import botocore.session
import pytest

from infra.local.queues import Queues
from infra.local.template import Queue, declared
from infra.local.tools import CannotRun

TOY = Path(__file__).parent / "toy" / "infra" / "resources.yaml"
EFFECTS, DEAD = "lightkeeper-effects", "lightkeeper-effects-dlq"


@pytest.fixture
def queues():
    _, effects = declared(TOY).queues
    policy = json.loads(effects.attributes["RedrivePolicy"]) | {"maxReceiveCount": 2}
    attributes = {"VisibilityTimeout": "60", "RedrivePolicy": json.dumps(policy)}
    dead = Queue(name=DEAD, attributes={}, dead_letters_of=True)
    made = Queues([dead, Queue(name=EFFECTS, attributes=attributes, dead_letters_of=False)])
    yield made
    made.close()


@pytest.fixture
def sqs(queues):
    assert queues.urls
    return client()


def client():
    session = botocore.session.get_session()
    session.set_credentials("a", "b")
    return session.create_client("sqs", region_name="us-east-1")


def test_a_message_is_what_lambda_hands_over(queues, sqs):
    sqs.send_message(
        QueueUrl=queues.urls[EFFECTS],
        MessageBody="{}",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "text"}},
    )

    (record,) = queues.receive(EFFECTS, 10)

    assert record["body"] == "{}"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:us-east-1:123456789012:{EFFECTS}"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"] == {"kind": {"dataType": "String", "stringValue": "text"}}


def test_what_was_handled_is_gone_and_what_was_reported_comes_back(queues, sqs):
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=queues.urls[EFFECTS], MessageBody=body)
    records = queues.receive(EFFECTS, 10)
    bad = next(record for record in records if record["body"] == "bad")

    answer = {"batchItemFailures": [{"itemIdentifier": bad["messageId"]}]}
    queues.settle(EFFECTS, records, answer)

    assert queues.waiting(EFFECTS) == 1
    assert queues.receive(EFFECTS, 10) == []
    time.sleep(1.1)
    assert [record["body"] for record in queues.receive(EFFECTS, 10)] == ["bad"]


def test_an_exception_brings_the_whole_batch_back(queues, sqs):
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=queues.urls[EFFECTS], MessageBody=body)

    queues.settle(EFFECTS, queues.receive(EFFECTS, 10), ValueError())

    assert queues.waiting(EFFECTS) == 2


def test_what_nobody_can_handle_ends_among_the_dead_letters(queues, sqs):
    sqs.send_message(QueueUrl=queues.urls[EFFECTS], MessageBody="bad")

    for pause in (1.1, 2.1):
        queues.settle(EFFECTS, queues.receive(EFFECTS, 10), ValueError())
        time.sleep(pause)

    assert queues.receive(EFFECTS, 10) == []
    assert queues.waiting(EFFECTS) == 0
    assert queues.waiting(DEAD) == 1


def test_no_message_is_lost_between_many_senders_and_readers(queues):
    total = 200
    read: list[str] = []
    done = threading.Event()
    sqs = client()
    senders = [
        threading.Thread(target=send_many, args=(sqs, queues.urls[EFFECTS], who, total // 4))
        for who in range(4)
    ]
    readers = [threading.Thread(target=read_all, args=(queues, read, done)) for _ in range(2)]

    for thread in [*readers, *senders]:
        thread.start()
    for thread in senders:
        thread.join()
    until = time.monotonic() + 10
    while queues.waiting(EFFECTS) and time.monotonic() < until:
        time.sleep(0.05)
    done.set()
    for thread in readers:
        thread.join()

    assert len(read) == len(set(read)) == total


def send_many(sqs, url, who, count):
    for number in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=f"{who}/{number}")


def read_all(queues, read, done):
    while not done.is_set():
        records = queues.receive(EFFECTS, 10)
        read.extend(record["body"] for record in records)
        queues.settle(EFFECTS, records, None)
        time.sleep(0 if records else 0.005)


def test_a_queue_that_the_template_lacks_is_a_sentence(queues):
    with pytest.raises(CannotRun, match="does not declare"):
        queues.url_of("lightkeeper-nothing")
