"""The effects queue: few calls, and every message either in it or named."""

import hashlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from chalicelib.domain.refusal import Busy
from chalicelib.outbound import aws
from chalicelib.outbound.queue import BATCH_BYTES, Message, NotEnqueued, Queue, queue_from


def messages(count: int) -> list[Message]:
    return [Message(id=f"order/{n}#1:text", body=f'{{"n":{n}}}') for n in range(count)]


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        client = aws.client("sqs")
        client.create_queue(QueueName="lightkeeper-effects")
        yield client


def bodies(client: Any) -> list[str]:
    found: list[str] = []
    url = client.get_queue_url(QueueName="lightkeeper-effects")["QueueUrl"]
    while batch := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in batch]
    return found


@pytest.mark.parametrize("count", [0, 1, 10, 11, 25])
def test_every_message_gets_in_once(sqs, count):
    assert Queue("lightkeeper-effects").enqueue(messages(count)) == count

    assert sorted(bodies(sqs)) == sorted(message.body for message in messages(count))


def test_a_queue_is_named_or_given_by_its_url(sqs):
    url = sqs.get_queue_url(QueueName="lightkeeper-effects")["QueueUrl"]

    assert Queue(url).enqueue(messages(1)) == 1


class Sqs:
    """An SQS on a script: each answer says which places of a batch fail, and whose fault it is."""

    def __init__(self, strangers: Any, *answers: Any) -> None:
        self._answers = list(answers)
        self.calls: list[list[str]] = []
        self.peer = strangers.speaks(self._answer)
        self.slept: list[float] = []

    def _answer(self, line: socket.socket, heard: Any) -> None:
        if heard.headers["x-amz-target"].endswith("GetQueueUrl"):
            return say(line, 200, {"QueueUrl": f"{self.peer.url}/1/q"})
        entries = json.loads(heard.body)["Entries"]
        self.calls.append([entry["MessageBody"] for entry in entries])
        answer = self._answers.pop(0) if self._answers else {}
        if isinstance(answer, int):
            return say(line, answer, {"__type": f"Status{answer}"})
        if isinstance(answer, bytes):
            return line.sendall(answer)
        failed = [
            {"Id": str(place), "SenderFault": fault, "Code": "Trouble"}
            for place, fault in answer.items()
        ]
        done = [
            {"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": md5(entry["MessageBody"])}
            for entry in entries
            if int(entry["Id"]) not in answer
        ]
        return say(line, 200, {"Successful": done, "Failed": failed})

    def queue(self) -> Queue:
        client = aws.client("sqs", attempts=1, endpoint=self.peer.url)
        return Queue("q", client=client, sleep=self.slept.append)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def say(line: socket.socket, status: int, document: Any) -> None:
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status} Said\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    line.sendall(head.encode() + body)


def test_ten_go_in_one_call(strangers):
    sqs = Sqs(strangers)

    sqs.queue().enqueue(messages(25))

    assert [len(call) for call in sqs.calls] == [10, 10, 5]


def test_a_call_carries_256_kib_at_most_however_few_that_are(strangers):
    sqs = Sqs(strangers)
    large = [Message(id=str(n), body="电" * (BATCH_BYTES // 3 // 2)) for n in range(5)]

    sqs.queue().enqueue(large)

    assert [len(call) for call in sqs.calls] == [2, 2, 1]


def test_what_sqs_did_not_take_is_sent_again_and_only_that(strangers):
    sqs = Sqs(strangers, {1: False, 3: False}, {0: False})

    assert sqs.queue().enqueue(messages(5)) == 5

    assert sqs.calls[1] == [message.body for message in (messages(5)[1], messages(5)[3])]
    assert sqs.calls[2] == [messages(5)[1].body]
    assert sqs.slept == [0.1, 0.4]


def test_what_sqs_never_takes_is_named_and_not_sent_again(strangers):
    sqs = Sqs(strangers, {1: True, 3: False})

    with pytest.raises(NotEnqueued) as caught:
        sqs.queue().enqueue(messages(12))

    assert caught.value.ids == (messages(12)[1].id,)
    assert caught.value.facts["code"] == "Trouble"
    assert [len(call) for call in sqs.calls] == [10, 1, 2]  # the other batch went all the same


def test_after_three_attempts_the_rest_is_named(strangers):
    sqs = Sqs(strangers, *[{0: False}] * 3)

    with pytest.raises(NotEnqueued) as caught:
        sqs.queue().enqueue(messages(2))

    assert caught.value.ids == (messages(2)[0].id,)
    assert len(sqs.calls) == 3
    assert len(sqs.slept) == 2


TORN = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n<"


@pytest.mark.parametrize("trouble", [500, 503, b"", TORN])
def test_a_call_that_fails_is_made_again(strangers, trouble):
    sqs = Sqs(strangers, trouble, trouble)

    assert sqs.queue().enqueue(messages(2)) == 2
    assert len(sqs.calls) == 3


def test_a_call_that_is_our_fault_is_not_made_again(strangers):
    sqs = Sqs(strangers, 400)

    with pytest.raises(NotEnqueued) as caught:
        sqs.queue().enqueue(messages(2))
    assert len(caught.value.ids) == 2
    assert len(sqs.calls) == 1


def test_a_queue_that_cannot_be_reached_names_every_message(strangers):
    client = aws.client("sqs", attempts=1, endpoint=strangers.nobody())

    with pytest.raises(NotEnqueued) as caught:
        Queue("http://127.0.0.1/1/q", client=client, sleep=lambda _: None).enqueue(messages(2))

    assert len(caught.value.ids) == 2
    assert isinstance(caught.value, Busy)


def test_a_setting_gives_one_queue():
    assert queue_from("lightkeeper-effects") is queue_from("lightkeeper-effects")


# --- the clients


def test_a_client_is_made_once():
    assert aws.client("sqs") is aws.client("sqs")
    assert aws.client("sqs") is not aws.client("sqs", attempts=1)
    assert aws.client("sqs").meta.config.user_agent == "Lightkeeper/1"


def test_an_endpoint_of_the_environment_is_honoured(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")

    client = botocore.session.get_session().create_client("sqs")

    assert client.meta.endpoint_url == "http://127.0.0.1:9"
