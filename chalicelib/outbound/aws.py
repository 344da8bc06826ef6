"""Clients of Amazon's services: one session, each client made once and only when first needed.

Straight from botocore: `import boto3` brings resources and s3transfer along, which nobody here
uses. Making a client parses endpoint rules for about 80 ms of CPU, so none is made per request.
Region, credentials, profile and endpoints (AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_SQS, …) are read
by botocore as its documentation says.
"""

import functools
import threading
from datetime import timedelta
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

CONNECT: Final = timedelta(seconds=2)
READ: Final = timedelta(seconds=8)

# No whole answer: timeouts, resets, and what is not XML or JSON (which is no BotoCoreError).
UNANSWERED: Final = (BotoCoreError, ResponseParserError)

_making = threading.Lock()


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@functools.cache
def _made(service: str, *, attempts: int, endpoint: str | None, read: timedelta) -> Any:
    # A fixed user agent: botocore otherwise composes it anew for each call, about 0.1 ms.
    config = Config(
        user_agent="Lightkeeper/1",
        connect_timeout=CONNECT.total_seconds(),
        read_timeout=read.total_seconds(),
        retries={"mode": "standard", "total_max_attempts": attempts},
        signature_version="s3v4" if service == "s3" else None,
    )
    return _session().create_client(service, endpoint_url=endpoint, config=config)


def client(
    service: str, *, attempts: int = 3, endpoint: str | None = None, read: timedelta = READ
) -> Any:
    """Return the client of a service, always the same one for the same arguments.

    attempts: calls in all, the first included; 1 where a repetition would be seen by people.
    endpoint: another address than the environment's.
    """
    with _making:  # a session is not safe to make two clients from at once
        return _made(service, attempts=attempts, endpoint=endpoint, read=read)


def code_of(error: ClientError) -> str:
    """Return the service's own name for what went wrong."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status that the service answered with."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
