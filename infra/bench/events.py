"""Requests as API Gateway hands them to the function, and the function's answer."""

import json
from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice

from infra.local.functions import context

API = "/api/v1"


def event(
    method: str,
    path: str,
    *,
    resource: str = "",
    parts: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """Return the event of a REST API's Lambda proxy (format 1.0).

    path: below /api/v1. resource: its pattern, such as `/public/orders/{number}`, with the `parts`
    that fill it; the path itself where it has none.
    """
    sent = {
        "Accept": "application/json",
        "Accept-Language": "zh-CN,zh;q=0.9",
        "Content-Type": "application/json",
        "Host": "abcdefghij.execute-api.cn-north-1.amazonaws.com.cn",
        "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile Safari/537.36",
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        **(headers or {}),
    }
    pattern = API + (resource or path)
    return {
        "resource": pattern,
        "path": API + path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(parts) if parts else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": pattern,
            "httpMethod": method,
            "path": f"/api{API}{path}",
            "protocol": "HTTP/1.1",
            "stage": "api",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": 1_795_400_000_000,
            "identity": {"sourceIp": "203.0.113.7", "userAgent": sent["User-Agent"]},
        },
        "body": None if body is None else json.dumps(body, ensure_ascii=False),
        "isBase64Encoded": False,
    }


def track(number: str, token: str) -> dict[str, Any]:
    """Return a citizen's look at an order."""
    return event(
        "GET",
        f"/public/orders/{number}",
        resource="/public/orders/{number}",
        parts={"number": number},
        headers={"Tracking-Token": token},
    )


def report(body: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """Return a citizen's report."""
    return event("POST", "/public/orders", headers={"Idempotency-Key": key}, body=dict(body))


def answered(app: Chalice, asked: Mapping[str, Any], *, status: int) -> Any:
    """Call the function as Lambda does and return the body of its answer, read.

    Raises RuntimeError for another status: a figure of a refusal would be none.
    """
    answer = app(dict(asked), context("api"))
    if answer["statusCode"] != status:
        raise RuntimeError(f"{asked['path']} answered {answer['statusCode']}: {answer['body']}")
    return json.loads(answer["body"])
