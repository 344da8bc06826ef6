"""Queues in process: nothing sent is lost while we run, and what fails comes back."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.outbound.queue import Message
from chalicelib.outbound.queue import Queue as HouseQueue
from infra.local.queues import Queues
from infra.local.template import Queue, declared
from infra.local.tools import CannotRun

TOY = Path(__file__).parent / "toy" / "infra" / "resources.yaml"
EFFECTS, DEAD = "lightkeeper-effects", "lightkeeper-effects-dlq"


@pytest.fixture
def queues():
    _, effects = declared(TOY).queues
    policy = json.loads(effects.attributes["RedrivePolicy"]) | {"maxReceiveCount": 2}
    attributes = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(policy)}
    dead = Queue(name=DEAD, attributes={}, dead_letters_of=True)
    made = Queues([dead, Queue(name=EFFECTS, attributes=attributes, dead_letters_of=False)])
    yield made
    made.close()


@pytest.fixture(scope="module")
def session():
    made = botocore.session.get_session()
    made.set_credentials("a", "b")
    return made


@pytest.fixture(scope="module")
def client(session):
    return session.create_client("sqs", region_name="us-east-1")


@pytest.fixture
def sqs(queues, client):
    """An SQS client as anybody has it, while the queues are open."""
    assert queues.urls
    return client


def bodies(records):
    return [record["body"] for record in records]


def refused(call, **asked: Any):
    with pytest.raises(ClientError) as caught:
        call(**asked)
    return caught.value.response["Error"]["Code"]


def test_a_message_is_what_lambda_hands_over(queues, sqs):
    answer = sqs.send_message(
        QueueUrl=queues.urls[EFFECTS],
        MessageBody="守灯",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "text"}},
    )

    (record,) = queues.receive(EFFECTS, 10)

    assert json.loads(json.dumps(record)) == record
    assert record["messageId"] == answer["MessageId"]
    assert record["body"] == "守灯"
    assert record["md5OfBody"] == answer["MD5OfMessageBody"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:us-east-1:123456789012:{EFFECTS}"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"] == {"kind": {"dataType": "String", "stringValue": "text"}}


def test_the_houses_own_adapter_fills_the_queue(queues, sqs):
    messages = [Message(id=str(number), body=f"{number}") for number in range(25)]

    assert HouseQueue(EFFECTS, client=sqs).enqueue(messages) == 25

    read = [queues.receive(EFFECTS, 10) for _ in range(4)]
    assert [len(records) for records in read] == [10, 10, 5, 0]
    assert bodies(read[0] + read[1] + read[2]) == [str(number) for number in range(25)]


def test_what_was_handled_is_gone_and_what_was_reported_comes_back(queues):
    queues.send(EFFECTS, "good")
    queues.send(EFFECTS, "bad")
    records = queues.receive(EFFECTS, 10)

    answer = {"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}]}
    queues.settle(EFFECTS, records, answer)

    assert queues.waiting(EFFECTS) == 1
    assert queues.receive(EFFECTS, 10) == []
    time.sleep(1.05)
    (again,) = queues.receive(EFFECTS, 10)
    assert again["body"] == "bad"
    assert again["attributes"]["ApproximateReceiveCount"] == "2"


def test_an_exception_brings_the_whole_batch_back(queues):
    queues.send(EFFECTS, "one")
    queues.send(EFFECTS, "two")

    queues.settle(EFFECTS, queues.receive(EFFECTS, 10), ValueError())

    assert queues.waiting(EFFECTS) == 2


def test_a_message_that_nobody_settles_comes_again_when_its_time_is_over(queues):
    queues.send(EFFECTS, "slow")
    first = queues.receive(EFFECTS, 10)
    assert queues.receive(EFFECTS, 10) == []
    time.sleep(1.05)

    second = queues.receive(EFFECTS, 10)
    queues.settle(EFFECTS, first, None)  # too late: its receipt is worth nothing any more

    assert bodies(second) == ["slow"]
    assert queues.waiting(EFFECTS) == 1


def test_what_nobody_can_handle_ends_among_the_dead_letters(queues):
    queues.send(EFFECTS, "bad")

    queues.settle(EFFECTS, queues.receive(EFFECTS, 10), ValueError())
    time.sleep(1.05)
    assert len(queues.receive(EFFECTS, 10)) == 1  # the template allows two
    time.sleep(1.05)

    assert queues.receive(EFFECTS, 10) == []
    assert queues.waiting(EFFECTS) == 0
    assert queues.waiting(DEAD) == 1


def test_a_delayed_message_waits_and_is_counted(queues, sqs):
    sqs.send_message(QueueUrl=queues.urls[EFFECTS], MessageBody="later", DelaySeconds=1)

    assert queues.receive(EFFECTS, 10) == []
    assert queues.waiting(EFFECTS) == 1
    time.sleep(1.05)
    assert bodies(queues.receive(EFFECTS, 10)) == ["later"]


def test_a_reader_that_waits_is_woken_by_a_message(queues):
    threading.Timer(0.1, queues.send, (EFFECTS, "now")).start()
    began = time.monotonic()

    assert bodies(queues.receive(EFFECTS, 10, within=5)) == ["now"]
    assert time.monotonic() - began < 3


def test_a_reader_that_waits_can_be_sent_home(queues):
    threading.Timer(0.1, queues.wake).start()
    began = time.monotonic()

    assert queues.receive(EFFECTS, 10, within=5) == []
    assert time.monotonic() - began < 3


def test_no_message_is_lost_between_many_senders_and_readers(queues, sqs):
    total = 400
    read: list[str] = []
    done = threading.Event()
    senders = [
        threading.Thread(target=send_many, args=(sqs, queues.urls[EFFECTS], who, total // 4))
        for who in range(4)
    ]
    readers = [threading.Thread(target=read_all, args=(queues, read, done)) for _ in range(2)]

    for thread in [*readers, *senders]:
        thread.start()
    for thread in senders:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()

    assert len(read) == len(set(read)) == total
    assert queues.waiting(EFFECTS) == 0


def send_many(sqs, url, who, count):
    for number in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=f"{who}/{number}")


def read_all(queues, read, done):
    while records := queues.receive(EFFECTS, 10, within=0.05) or not done.is_set():
        if records is not True:
            read.extend(bodies(records))
            queues.settle(EFFECTS, records, None)


def test_a_backlog_costs_no_more_than_its_messages(queues):
    def seconds(count):
        began = time.process_time()
        for number in range(count):
            queues.send(EFFECTS, str(number))
        while records := queues.receive(EFFECTS, 10):
            queues.settle(EFFECTS, records, None)
        return time.process_time() - began

    seconds(500)
    assert seconds(16_000) < 60 * max(seconds(1000), 0.005)  # squared it would be 256 times


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([("a", "x"), ("a", "y")], "BatchEntryIdsNotDistinct"),
        ([(str(n), "x") for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([("a", "x" * 600_000), ("b", "x" * 600_000)], "BatchRequestTooLong"),
    ],
)
def test_a_batch_that_sqs_refuses_is_refused(queues, sqs, entries, code):
    asked = [{"Id": name, "MessageBody": body} for name, body in entries]

    found = refused(sqs.send_message_batch, QueueUrl=queues.urls[EFFECTS], Entries=asked)

    assert found.endswith(code)
    assert queues.waiting(EFFECTS) == 0


def test_one_bad_message_of_a_batch_is_named_and_the_others_are_taken(queues, sqs):
    entries = [
        {"Id": "good", "MessageBody": "x"},
        {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
        {"Id": "empty", "MessageBody": ""},
    ]

    answer = sqs.send_message_batch(QueueUrl=queues.urls[EFFECTS], Entries=entries)

    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["SenderFault"]) for one in answer["Failed"]] == [
        ("late", True),
        ("empty", True),
    ]


def test_a_queue_is_found_by_its_name_and_a_stranger_is_not(queues, sqs):
    assert sqs.get_queue_url(QueueName=EFFECTS)["QueueUrl"] == queues.urls[EFFECTS]
    assert refused(sqs.get_queue_url, QueueName="another").endswith("QueueDoesNotExist")
    assert refused(sqs.purge_queue, QueueUrl=queues.urls[EFFECTS]).endswith("UnsupportedOperation")


def test_no_other_service_of_amazons_is_reached(queues, session):
    assert queues.urls
    sns = session.create_client("sns", region_name="us-east-1")

    with pytest.raises(EndpointConnectionError):
        sns.publish(PhoneNumber="+8613800138000", Message="x")


def test_a_queue_that_the_template_lacks_is_a_sentence(queues):
    with pytest.raises(CannotRun, match="does not declare"):
        queues.need("lightkeeper-nothing")
