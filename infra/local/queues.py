"""SQS inside this process: the queues of infra/resources.yaml, for botocore's clients and for us.

Senders speak to it as to Amazon; a handler of botocore's answers in place of the network. Readers
are the loops. Not moto: its queues cost 83 ms of CPU a message at 2,000 waiting (each call counts
all of them, several times), and lose one that is sent while another is deleted.

They are volatile: a crash forgets what was under way. So the position in a stream is kept only
when the queues are empty (`loops`), and what was in them comes again from there. A message that
fails comes back after a growing pause; after the template's maxReceiveCount it moves to the
dead-letter queue, which is said aloud.
"""

import hashlib
import heapq
import io
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError
from botocore.handlers import BUILTIN_HANDLERS

from infra.local.functions import failed
from infra.local.template import ACCOUNT, REGION, Queue
from infra.local.tools import CannotRun

_MOST_IN_A_BATCH: Final = 10
_MOST_BYTES: Final = 1_048_576  # of a message, and of a batch's together
_LONGEST_DELAY: Final = 900
_LONGEST_PAUSE: Final = 60
_VISIBILITY: Final = 30  # seconds, where the template says nothing


@dataclass(eq=False)
class _Message:
    body: str
    attributes: Mapping[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    first_ms: int = 0
    receives: int = 0

    @property
    def md5(self) -> str:
        return hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest()


class _Queue:
    """One queue. `most` receives move a message to `dead`, if there is one."""

    def __init__(self, *, visibility: float, most: int, dead: "_Queue | None") -> None:
        self._visibility = visibility
        self._most = most
        self._dead = dead
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, _Message]] = []  # by when it may be seen
        self._taken: dict[str, tuple[float, _Message]] = {}  # by receipt handle

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def put(self, message: _Message, delay: float) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._order), message))

    def take(self, most: int) -> Iterator[tuple[str, _Message]]:
        now = time.monotonic()
        for handle in [handle for handle, (until, _) in self._taken.items() if until <= now]:
            until, message = self._taken.pop(handle)
            heapq.heappush(self._waiting, (until, next(self._order), message))
        count = 0
        while count < most and self._waiting and self._waiting[0][0] <= now:
            message = heapq.heappop(self._waiting)[2]
            if self._dead is not None and message.receives >= self._most:
                self._dead.put(message, 0)
                continue
            message.receives += 1
            message.first_ms = message.first_ms or int(time.time() * 1000)
            handle = str(uuid.uuid4())
            self._taken[handle] = (now + self._visibility, message)
            count += 1
            yield handle, message

    def forget(self, handle: str) -> None:
        self._taken.pop(handle, None)

    def put_back(self, handle: str) -> None:
        """Let a message come again, later each time; one that timed out has come already."""
        if handle in self._taken:
            _, message = self._taken.pop(handle)
            self.put(message, min(2 ** (message.receives - 1), _LONGEST_PAUSE))


class Queues:
    """The deployment's queues. While they are open, no call of this process reaches Amazon.

    Only calls to Amazon's DynamoDB pass, for those who chose it as their store.
    """

    def __init__(self, queues: Iterable[Queue], *, region: str = REGION) -> None:
        self._region = region
        self._changed = threading.Condition()
        self._queues: dict[str, _Queue] = {}
        for queue in queues:  # those that others fall into come first
            policy = json.loads(queue.attributes.get("RedrivePolicy", "{}"))
            self._queues[queue.name] = _Queue(
                visibility=float(queue.attributes.get("VisibilityTimeout", _VISIBILITY)),
                most=int(policy.get("maxReceiveCount", 0)),
                dead=self._queues.get(policy.get("deadLetterTargetArn", "").rpartition(":")[2]),
            )
        _amazon.queues = self

    def close(self) -> None:
        """Forget every message and let calls through again."""
        _amazon.queues = None

    @property
    def urls(self) -> dict[str, str]:
        """Return each queue's address by its name."""
        return {
            name: f"https://sqs.{self._region}.amazonaws.com/{ACCOUNT}/{name}"
            for name in self._queues
        }

    def need(self, name: str) -> None:
        """Make sure there is a queue of this name.

        Raises CannotRun if the template declares none.
        """
        if name not in self._queues:
            raise CannotRun(
                f"app.py reads the queue {name}, which infra/resources.yaml does not declare."
            )

    def waiting(self, name: str) -> int:
        """Return how many messages a queue holds, those under way and delayed included."""
        with self._changed:
            return len(self._queues[name])

    def send(
        self, name: str, body: str, *, attributes: Mapping[str, Any] | None = None, delay: int = 0
    ) -> _Message:
        """Put a message into a queue; delay in seconds."""
        message = _Message(body=body, attributes=attributes or {})
        with self._changed:
            self._queues[name].put(message, delay)
            self._changed.notify_all()
        return message

    def receive(self, name: str, most: int, *, within: float = 0) -> list[dict[str, Any]]:
        """Return up to `most` messages as Lambda receives them; wait for the first if need be.

        within: seconds to wait; `wake` ends it.
        """
        with self._changed:
            found = list(self._queues[name].take(min(most, _MOST_IN_A_BATCH)))
            if not found and within:
                self._changed.wait(within)
                found = list(self._queues[name].take(min(most, _MOST_IN_A_BATCH)))
        return [self._as_lambda(name, handle, message) for handle, message in found]

    def wake(self) -> None:
        """Let everybody who waits for a message return."""
        with self._changed:
            self._changed.notify_all()

    def settle(self, name: str, records: Iterable[dict[str, Any]], answer: Any) -> None:
        """Delete what a function handled and hide what it reports as failed, longer each time.

        answer: what the function returned; an exception counts as a failure of all.
        """
        handles = {str(record["messageId"]): record["receiptHandle"] for record in records}
        bad = set(handles) if isinstance(answer, Exception) else failed(answer, handles)
        with self._changed:
            for message, handle in handles.items():
                if message in bad:
                    self._queues[name].put_back(handle)
                else:
                    self._queues[name].forget(handle)

    def _as_lambda(self, queue: str, handle: str, message: _Message) -> dict[str, Any]:
        return {
            "messageId": message.id,
            "receiptHandle": handle,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.receives),
                "SentTimestamp": str(message.sent_ms),
                "SenderId": ACCOUNT,
                "ApproximateFirstReceiveTimestamp": str(message.first_ms),
            },
            "messageAttributes": {
                name: {key[0].lower() + key[1:]: value for key, value in attribute.items()}
                for name, attribute in message.attributes.items()
            },
            "md5OfBody": message.md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{self._region}:{ACCOUNT}:{queue}",
            "awsRegion": self._region,
        }

    # What botocore's clients say, in SQS's JSON protocol

    def answer(self, action: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what SQS answers to an action.

        Raises _Error for what SQS would refuse, and for what only the loops may do here.
        """
        if action == "GetQueueUrl":
            return {"QueueUrl": self.urls[self._named(asked["QueueName"])]}
        name = self._named(str(asked.get("QueueUrl", "")).rpartition("/")[2])
        if action == "SendMessage":
            return self._accept(name, asked)
        if action == "SendMessageBatch":
            return self._accept_batch(name, asked["Entries"])
        if action == "GetQueueAttributes":
            return {"Attributes": {"ApproximateNumberOfMessages": str(self.waiting(name))}}
        raise _Error("UnsupportedOperation", f"{action} is for the local platform itself")

    def _named(self, name: str) -> str:
        if name not in self._queues:
            raise _Error("QueueDoesNotExist", "The specified queue does not exist.")
        return name

    def _accept(self, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        delay = asked.get("DelaySeconds", 0)
        if not 0 <= delay <= _LONGEST_DELAY:
            raise _Error("InvalidParameterValue", "DelaySeconds must be between 0 and 900.")
        body = asked["MessageBody"]
        if not body or len(body.encode()) > _MOST_BYTES:
            raise _Error("InvalidParameterValue", "A message has 1 byte to 1 MiB.")
        attributes = asked.get("MessageAttributes", {})
        message = self.send(name, body, attributes=attributes, delay=delay)
        return {"MessageId": message.id, "MD5OfMessageBody": message.md5}

    def _accept_batch(self, name: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
        if not entries:
            raise _Error("EmptyBatchRequest", "There is no message in the batch.")
        if len(entries) > _MOST_IN_A_BATCH:
            raise _Error("TooManyEntriesInBatchRequest", "A batch has 10 messages at most.")
        if len({entry["Id"] for entry in entries}) < len(entries):
            raise _Error("BatchEntryIdsNotDistinct", "Two messages of the batch have one Id.")
        if sum(len(entry["MessageBody"].encode()) for entry in entries) > _MOST_BYTES:
            raise _Error("BatchRequestTooLong", "A batch has 1 MiB at most.")
        done: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
        for entry in entries:
            try:
                done["Successful"].append({"Id": entry["Id"], **self._accept(name, entry)})
            except _Error as error:
                about = {"Code": error.code, "Message": str(error), "SenderFault": True}
                done["Failed"].append({"Id": entry["Id"], **about})
        return done


class _Error(Exception):
    """What SQS refuses, with its own code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Raw(io.BytesIO):
    """A body as botocore reads it from the network."""

    def stream(self, **_ignored: Any) -> Iterator[bytes]:
        yield self.read()


class _Amazon:
    """Stands between botocore and the network, for every client made after this import."""

    def __init__(self) -> None:
        self.queues: Queues | None = None

    def __call__(self, request: Any, **_event: Any) -> AWSResponse | None:
        host = urlsplit(request.url).hostname or ""
        if self.queues is None or ".amazonaws." not in host:
            return None
        service = host.partition(".")[0]
        if service in {"dynamodb", "streams"}:
            return None
        if service != "sqs":
            raise EndpointConnectionError(endpoint_url=request.url)
        action = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
        try:
            status, answer = 200, self.queues.answer(action, json.loads(request.body))
        except _Error as error:
            kind = f"com.amazonaws.sqs#{error.code}"
            status, answer = 400, {"__type": kind, "message": str(error)}
        headers = HTTPHeaders()
        headers["Content-Type"] = "application/x-amz-json-1.0"
        return AWSResponse(request.url, status, headers, _Raw(json.dumps(answer).encode()))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


_amazon: Final = _Amazon()
BUILTIN_HANDLERS.append(("before-send", _amazon))
