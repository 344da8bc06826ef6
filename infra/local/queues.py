"""SQS inside this process: moto's queues, made from infra/resources.yaml, and who reads them.

They are volatile: a crash forgets what was under way. So the position in a stream is kept only
when the queues are empty (`loops`), and what was in them comes again from there. A message that
fails comes back after a growing pause; after the template's maxReceiveCount it moves to the
dead-letter queue, which is said aloud.
"""

import threading
from collections.abc import Iterable
from typing import Any, Final

import botocore.session
from moto import mock_aws
from moto.core.models import botocore_stubber

from infra.local.functions import failed
from infra.local.template import ACCOUNT, REGION, Queue
from infra.local.tools import CannotRun

POLL: Final = 0.2
_MOST_IN_A_BATCH: Final = 10  # what one ReceiveMessage returns at most
_LONGEST_PAUSE: Final = 60
_HANDLE: Final = botocore_stubber.process_request


class Queues:
    """The deployment's queues. While they are open, no call of this process reaches Amazon.

    Calls to the store are let through: moto knows Amazon's addresses, and leaves DynamoDB out.
    """

    def __init__(self, queues: Iterable[Queue], *, region: str = REGION) -> None:
        self._mock = mock_aws(
            config={
                "core": {
                    "mock_credentials": False,
                    "reset_boto3_session": False,
                    "passthrough": {"services": ["dynamodb", "dynamodbstreams"], "urls": []},
                }
            }
        )
        self._mock.start()
        _one_at_a_time()
        self._region = region
        session = botocore.session.get_session()
        session.set_credentials("local", "local")
        self._sqs: Any = session.create_client("sqs", region_name=region)
        self.urls = {queue.name: self._make(queue) for queue in queues}

    def _make(self, queue: Queue) -> str:
        made = self._sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))
        return str(made["QueueUrl"])

    def close(self) -> None:
        """Forget every message and let calls through again."""
        botocore_stubber.process_request = _HANDLE  # type: ignore[method-assign] # as it was
        self._mock.stop()

    def url_of(self, name: str) -> str:
        """Return a queue's address.

        Raises CannotRun if the template declares none of this name.
        """
        if name not in self.urls:
            raise CannotRun(
                f"app.py reads the queue {name}, which infra/resources.yaml does not declare."
            )
        return self.urls[name]

    def waiting(self, name: str) -> int:
        """Return how many messages a queue holds, those under way and delayed included."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self._sqs.get_queue_attributes(QueueUrl=self.urls[name], AttributeNames=names)
        return sum(int(found["Attributes"][one]) for one in names)

    def receive(self, name: str, most: int) -> list[dict[str, Any]]:
        """Return up to `most` messages as Lambda receives them; empty if none is waiting."""
        answer = self._sqs.receive_message(
            QueueUrl=self.url_of(name),
            MaxNumberOfMessages=min(most, _MOST_IN_A_BATCH),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [self._as_lambda(message, name) for message in answer.get("Messages", ())]

    def _as_lambda(self, message: dict[str, Any], queue: str) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {key[0].lower() + key[1:]: value for key, value in attribute.items()}
                for name, attribute in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{self._region}:{ACCOUNT}:{queue}",
            "awsRegion": self._region,
        }

    def settle(self, name: str, records: Iterable[dict[str, Any]], answer: Any) -> None:
        """Delete what a function handled and hide what it reports as failed, longer each time.

        answer: what the function returned; an exception counts as a failure of all.
        """
        records = list(records)
        everyone = {str(record["messageId"]) for record in records}
        bad = everyone if isinstance(answer, Exception) else failed(answer, everyone)
        for record in records:
            handle = {"QueueUrl": self.url_of(name), "ReceiptHandle": record["receiptHandle"]}
            if record["messageId"] in bad:
                times = int(record["attributes"]["ApproximateReceiveCount"])
                pause = min(2 ** (times - 1), _LONGEST_PAUSE)
                self._sqs.change_message_visibility(**handle, VisibilityTimeout=pause)
            else:
                self._sqs.delete_message(**handle)


def _one_at_a_time() -> None:
    """Let moto handle one call at a time, and only calls to Amazon.

    Its queues lose a message that is sent while another is deleted (moto 5.2.5,
    sqs/models.py: `delete_message` rebuilds the list without the lock that `add_message` takes).
    Calls to the store would be compared with some 200 address patterns each; they are not ours.
    """
    turn = threading.Lock()

    def process_request(request: Any) -> Any:
        if request.url.startswith(("http://127.0.0.1:", "http://localhost:")):
            return None
        with turn:
            return _HANDLE(request)

    botocore_stubber.process_request = process_request  # type: ignore[method-assign] # the point
