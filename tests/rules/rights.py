"""Hold a function to the policy that is deployed with it, on whatever store is bound.

`with held_to("sweep"): …` looks at each call before it leaves and refuses what the policy of
`sweep` does not allow, as DynamoDB would: a transaction needs the right to each of its items.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chalicelib.store.rows import house

ROOT: Final = Path(__file__).resolve().parents[2]
POLICIES: Final = {"api_handler": "api", "tell_first": "tell-first"}

TRANSACTED: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


class NotPermittedError(Exception):
    """A function did what its policy does not allow."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a function does: (action, table or table/index/name), growing; and what it may not."""

    done: set[tuple[str, str]] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)


@contextmanager
def held_to(function: str) -> Iterator[Held]:
    """Refuse what the function's policy does not allow, until the block ends.

    Raises NotPermittedError from the call that went too far.
    """
    policy, held = _statements(function), Held()

    def look(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        for action, resource in _needed(model.name, params):
            if not _is_allowed(policy, action, resource):
                held.refused.append(f"{function} may not {action} on {resource}")
                raise NotPermittedError(held.refused[-1])
            held.done.add((action, resource))

    events = house().connection.client.meta.events
    events.register_first("provide-client-params.dynamodb", look, unique_id="held-to")
    try:
        yield held
    finally:
        events.unregister("provide-client-params.dynamodb", unique_id="held-to")


def _statements(function: str) -> list[dict[str, Any]]:
    file = ROOT / ".chalice" / f"policy-{POLICIES.get(function, function)}.json"
    read: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["Statement"]
    return [each for each in read if "Fn::If" not in each]


def _needed(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rights that one call needs."""
    if "TransactItems" in params:
        for item in params["TransactItems"]:
            for kind, inner in item.items():
                yield f"dynamodb:{TRANSACTED[kind]}", _table(inner["TableName"])
    elif "RequestItems" in params:
        for name in params["RequestItems"]:
            yield f"dynamodb:{operation}", _table(name)
    else:
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield f"dynamodb:{operation}", _table(params["TableName"]) + index


def _table(name: str) -> str:
    return name.removeprefix(f"{house().prefix}-")


def _is_allowed(policy: list[dict[str, Any]], action: str, resource: str) -> bool:
    effects = {
        each["Effect"]
        for each in policy
        if action in each["Action"] and resource in _resources(each.get("Resource"))
    }
    return effects == {"Allow"}


def _resources(value: Any) -> set[str]:
    """Return the tables and indexes of a statement by the names that the store uses."""
    listed = value if isinstance(value, list) else [value]
    texts = (
        each["Fn::Sub"] if "Fn::Sub" in each else "${{{}.{}}}".format(*each["Fn::GetAtt"])
        for each in listed
        if isinstance(each, dict)
    )
    found = set()
    for text in texts:
        name, _, rest = text.removeprefix("${").partition("Table.Arn}")
        found.add(name.lower() + rest)
    return found
