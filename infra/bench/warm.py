"""One process that asks the same thing again and again: what `machine` counts instructions of.

    python -m infra.bench.warm track 25 <number> <token>     our function, a citizen's look
    python -m infra.bench.warm raw 25 <number> -             boto3's get_item of the same order

The environment says where the store is, as it does for the function.
"""

import os
import sys
from collections.abc import Callable
from typing import Any


def our_function(number: str, token: str) -> Callable[[], Any]:
    """Return what asks the app's handler for an order."""
    from app import app  # noqa: PLC0415 - the other side of the ratio must not pay for it
    from infra.bench import events  # noqa: PLC0415

    asked = events.track(number, token)
    return lambda: events.answered(app, asked, status=200)


def raw_call(number: str) -> Callable[[], Any]:
    """Return what reads the same order as anybody would with boto3."""
    import boto3  # noqa: PLC0415 - as above

    endpoint = os.environ["LIGHTKEEPER_DYNAMODB_ENDPOINT"]
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
    key = {"order_id": {"S": number}}
    return lambda: dynamodb.get_item(TableName="lightkeeper-orders", Key=key)["Item"]


def main() -> None:
    """Ask as often as the second argument says."""
    _, what, times, number, token = sys.argv
    ask = our_function(number, token) if what == "track" else raw_call(number)
    for _ in range(int(times)):
        ask()


if __name__ == "__main__":
    main()
