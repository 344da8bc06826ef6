"""The effects queue: many messages in few calls. A message names an effect; it carries no words.

Sending one twice is harmless, since an effect is claimed by its id before it is carried out. So
what SQS did not take is sent again here, and what it will never take is named.
"""

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from chalicelib.domain.refusal import Busy
from chalicelib.outbound import aws

BATCH: Final = 10  # messages a call. Source: SQS SendMessageBatch
BATCH_BYTES: Final = 256 * 1024  # of all bodies in a call; SQS itself takes more today
PAUSES: Final = (0.0, 0.1, 0.4)  # seconds before each of three attempts


@dataclass(frozen=True, slots=True)
class Message:
    """One message. id: the effect's, for the report only. delay: seconds, at most 900."""

    id: str
    body: str
    delay: int = 0


class NotEnqueued(Busy):
    """Some messages did not get into the queue. facts: `ids`; all others did."""

    def __init__(self, ids: tuple[str, ...], *, code: str) -> None:
        super().__init__(what="queue", ids=list(ids), code=code)
        self.ids = ids


class Queue:
    """One SQS queue."""

    def __init__(
        self, name: str, *, client: Any = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """name: of the queue, or its URL. sleep: between attempts."""
        self._name = name
        self._client = client or aws.client("sqs")
        self._sleep = sleep

    @functools.cached_property
    def _url(self) -> str:
        if "://" in self._name:
            return self._name
        return str(self._client.get_queue_url(QueueName=self._name)["QueueUrl"])

    def enqueue(self, messages: Iterable[Message]) -> int:
        """Put messages into the queue, ten a call, and return how many.

        Every batch is tried, whatever became of the others. Raises NotEnqueued with the ids of
        those that SQS did not take after three attempts, or will never take.
        """
        count, missing, code = 0, [], ""
        for batch in _batches(messages):
            count += len(batch)
            left, why = self._send(batch)
            missing += [message.id for message in left]
            code = code or why
        if missing:
            raise NotEnqueued(tuple(missing), code=code)
        return count

    def _send(self, batch: list[Message]) -> tuple[list[Message], str]:
        """Send one batch, again where that may help. Returns what is left, and why."""
        hopeless: list[Message] = []
        left, code = batch, ""
        for pause in PAUSES:
            if pause:
                self._sleep(pause)
            left, refused, why = self._attempt(left)
            hopeless, code = hopeless + refused, why or code
            if not left:
                break
        return hopeless + left, code

    def _attempt(self, batch: list[Message]) -> tuple[list[Message], list[Message], str]:
        """Call once. Returns what to try again, what is our fault, and a code."""
        entries = [
            {"Id": str(place), "MessageBody": each.body, "DelaySeconds": each.delay}
            for place, each in enumerate(batch)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ClientError as error:
            code = aws.code_of(error)
            is_ours = 400 <= aws.status_of(error) < 500 and "Throttl" not in code  # noqa: PLR2004 - HTTP
            return ([], batch, code) if is_ours else (batch, [], code)
        except aws.UNANSWERED as error:
            return batch, [], type(error).__name__
        # What the answer does not call successful is not: an unreadable one parses as empty.
        done = {each["Id"] for each in answer.get("Successful", [])}
        failed = {each["Id"]: each for each in answer.get("Failed", [])}
        hopeless = {place for place, each in failed.items() if each["SenderFault"]}
        places = {str(place): each for place, each in enumerate(batch)}
        again = [each for place, each in places.items() if place not in done | hopeless]
        codes = [str(each["Code"]) for each in failed.values()]
        code = codes[0] if codes else "unanswered" if again else ""
        return again, [places[place] for place in hopeless], code


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Yield at most ten messages and 256 KiB at a time."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch


@functools.cache
def queue_from(setting: str) -> Queue:
    """Return the queue of a name or URL, always the same one for the same setting."""
    return Queue(setting)
