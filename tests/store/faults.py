"""A network between us and the store that fails when it is told to.

    with Faults(house().connection.client) as faults:
        faults.at(2, LOST_REPLY)
        orders.commit(change)

Calls are counted from 1, in the order they are sent, retries included.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from urllib3 import HTTPResponse


class Killed(BaseException):
    """The process was killed here: nothing after this line ran. No `except Exception` sees it."""


Fault = Callable[[Any, Any], AWSResponse | None]


def _refuse(request: Any, _send: Any) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=request.url)


def _lose_reply(request: Any, send: Any) -> AWSResponse:
    send(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def _die_before(_request: Any, _send: Any) -> AWSResponse:
    raise Killed


def _die_after(request: Any, send: Any) -> AWSResponse:
    send(request)
    raise Killed


def answers(status: int, code: str, **more: Any) -> Fault:
    """Return a fault in which the store answers an error of its own and does nothing."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **more}).encode()

    def answer(request: Any, _send: Any) -> AWSResponse:
        raw = HTTPResponse(io.BytesIO(body), status=status, preload_content=False)
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    return answer


CONFLICT: Final[Fault] = answers(
    400,
    "TransactionCanceledException",
    Message="Transaction cancelled, please refer cancellation reasons for specific reasons",
    CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}],
)
"""Another transaction was on one of the items."""
THROTTLED: Final[Fault] = answers(400, "ThrottlingException", message="Rate exceeded")
BROKEN: Final[Fault] = answers(500, "InternalServerError", message="Internal server error")
NOT_SENT: Final[Fault] = _refuse
"""The store cannot be reached: the call was never made."""
LOST_REPLY: Final[Fault] = _lose_reply
"""The call was carried out and its answer got lost."""
KILLED_BEFORE: Final[Fault] = _die_before
KILLED_AFTER: Final[Fault] = _die_after


@dataclass
class Faults:
    """What goes wrong between a botocore client and its endpoint while this is entered."""

    client: Any
    sent: int = 0
    operations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._planned: Callable[[int, str], Fault | None] = lambda _number, _operation: None

    def __enter__(self) -> Self:
        self.client.meta.events.register("before-send.dynamodb.*", self._before_send, "faults")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.meta.events.unregister("before-send.dynamodb.*", unique_id="faults")

    def at(self, number: int, fault: Fault) -> None:
        """Let the call with this number fail, and no other."""
        self.between(number, number, fault)

    def between(self, first: int, last: int, fault: Fault) -> None:
        """Let the calls with these numbers fail, both ends included."""
        self._planned = lambda sent, _operation: fault if first <= sent <= last else None

    def on(self, operation: str, fault: Fault) -> None:
        """Let every call of an operation fail, such as TransactWriteItems."""
        self._planned = lambda _sent, called: fault if called == operation else None

    def always(self, fault: Fault) -> None:
        """Let every call fail."""
        self._planned = lambda _sent, _operation: fault

    def heal(self) -> None:
        """Let everything through again and count from 1."""
        self._planned = lambda _sent, _operation: None
        self.sent = 0
        self.operations.clear()

    def _before_send(self, request: Any, **_: Any) -> AWSResponse | None:
        self.sent += 1
        operation = request.headers["X-Amz-Target"]
        name = (operation.decode() if isinstance(operation, bytes) else operation).split(".")[1]
        self.operations.append(name)
        fault = self._planned(self.sent, name)
        if fault is None:
            return None
        return fault(request, self.client._endpoint.http_session.send)
