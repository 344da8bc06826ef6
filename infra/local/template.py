"""What infra/resources.yaml declares and one machine can hold: tables, queues, gateway answers.

The template is their only definition; the local platform and the tests create theirs from it.
We know as much of CloudFormation as names need: `Ref`, `Fn::Sub`, `Fn::GetAtt` and `Fn::Join` over
parameters with a default.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.local.tools import ROOT, CannotRun

RESOURCES: Final = ROOT / "infra" / "resources.yaml"
REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
_SHORT_NAMES: Final = {"Ref", "Condition"}  # `!Ref x` is {"Ref": x}; every other tag is Fn::<tag>


@dataclass(frozen=True)
class Table:
    """One table: `definition` is what DynamoDB's CreateTable takes; `expires` the TTL attribute."""

    name: str
    definition: Mapping[str, Any]
    expires: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the names of the key attributes, partition key first."""
        return tuple(key["AttributeName"] for key in self.definition["KeySchema"])

    @property
    def has_stream(self) -> bool:
        """Return whether changes to the table are streamed."""
        return "StreamSpecification" in self.definition


@dataclass(frozen=True)
class Queue:
    """One queue: `attributes` are what SQS's CreateQueue takes, as text."""

    name: str
    attributes: Mapping[str, str]
    dead_letters_of: bool


@dataclass(frozen=True)
class GatewayResponse:
    """What API Gateway answers by itself: `status` None keeps the one that it stands for."""

    status: int | None
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Declared:
    """The tables and queues of one deployment, and its gateway's own answers by their kind."""

    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    gateway: Mapping[str, GatewayResponse]


def declared(
    resources: Path = RESOURCES, *, prefix: str = "lightkeeper", region: str = REGION
) -> Declared:
    """Read the template.

    prefix: the value of its parameter `Prefix`; region: goes into the names of queues.

    Raises CannotRun if the file is missing, is no YAML or uses what is not understood here.
    """
    try:
        template = yaml.load(resources.read_text("utf-8"), Loader=_Template)  # noqa: S506 - safe: see _Template
    except FileNotFoundError as error:
        raise CannotRun(f"{resources} is missing; the tables are defined there.") from error
    except yaml.YAMLError as error:
        raise CannotRun(f"{resources} is no valid YAML: {error}") from error
    names = _Names(template, prefix=prefix, region=region)
    found = {key: value for key, value in template["Resources"].items() if "Properties" in value}
    return Declared(
        tables=tuple(
            _table(names.resolve(value["Properties"]))
            for value in found.values()
            if value["Type"] == "AWS::DynamoDB::Table"
        ),
        queues=_queues(
            {
                key: names.resolve(value["Properties"])
                for key, value in found.items()
                if value["Type"] == "AWS::SQS::Queue"
            }
        ),
        gateway={
            kind: _gateway_response(response)
            for value in found.values()
            if value["Type"] == "AWS::Serverless::Api"
            for kind, response in value["Properties"].get("GatewayResponses", {}).items()
        },
    )


def _table(properties: Mapping[str, Any]) -> Table:
    known = (
        "TableName",
        "KeySchema",
        "AttributeDefinitions",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
    )
    definition = {name: properties[name] for name in known if name in properties}
    definition["BillingMode"] = "PAY_PER_REQUEST"
    if "StreamSpecification" in properties:
        view = properties["StreamSpecification"]["StreamViewType"]
        definition["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    ttl = properties.get("TimeToLiveSpecification", {})
    return Table(
        name=properties["TableName"],
        definition=definition,
        expires=ttl.get("AttributeName") if ttl.get("Enabled") else None,
    )


def _queues(found: Mapping[str, Mapping[str, Any]]) -> tuple[Queue, ...]:
    """Return the queues, those that others fall into first: they must exist first."""
    policies = [one["RedrivePolicy"] for one in found.values() if "RedrivePolicy" in one]
    dead = {policy["deadLetterTargetArn"].rpartition(":")[2] for policy in policies}
    queues = [
        Queue(
            name=one["QueueName"],
            attributes={
                key: json.dumps(value) if isinstance(value, dict) else str(value)
                for key, value in one.items()
                if key in {"VisibilityTimeout", "DelaySeconds", "RedrivePolicy"}
            },
            dead_letters_of=one["QueueName"] in dead,
        )
        for one in found.values()
    ]
    return tuple(sorted(queues, key=lambda queue: not queue.dead_letters_of))


def _gateway_response(properties: Mapping[str, Any]) -> GatewayResponse:
    headers = properties.get("ResponseParameters", {}).get("Headers", {})
    (body,) = properties["ResponseTemplates"].values()
    return GatewayResponse(
        status=int(properties["StatusCode"]) if "StatusCode" in properties else None,
        headers={name: str(value).strip("'") for name, value in headers.items()},
        body=str(body),
    )


class _Names:
    """Resolves the intrinsic functions of one template."""

    def __init__(self, template: Mapping[str, Any], *, prefix: str, region: str) -> None:
        self._resources = template["Resources"]
        self._parameters = {
            name: str(parameter.get("Default", ""))
            for name, parameter in template.get("Parameters", {}).items()
        }
        self._parameters |= {
            "Prefix": prefix,
            "AWS::Region": region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::StackName": prefix,
        }

    def resolve(self, value: Any) -> Any:
        """Return the value with every intrinsic function inside replaced by what it stands for.

        What cannot be known on one machine stays as it is: only what is used has to be known.
        """
        if isinstance(value, list):
            return [self.resolve(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            functions: dict[str, Callable[[Any], str]] = {
                "Ref": self._ref,
                "Fn::Sub": self._sub,
                "Fn::GetAtt": self._attribute,
                "Fn::Join": self._join,
            }
            if name in functions:
                return functions[name](argument)
        return {key: self.resolve(one) for key, one in value.items()}

    def _ref(self, name: str) -> str:
        return self._parameters.get(name, name)

    def _sub(self, text: str | list[Any]) -> str:
        pattern, own = text if isinstance(text, list) else (text, {})

        def stands_for(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(self.resolve(own[name]))
            if "." in name:
                return self._attribute(name)
            return self._ref(name)

        return re.sub(r"\$\{([^!}]+)\}", stands_for, str(pattern))

    def _attribute(self, path: str | list[str]) -> str:
        name, attribute = path.split(".", 1) if isinstance(path, str) else path
        resource = self._resources.get(name, {})
        if attribute == "Arn" and resource.get("Type") == "AWS::SQS::Queue":
            queue = self.resolve(resource["Properties"]["QueueName"])
            region = self._parameters["AWS::Region"]
            return f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}"
        return f"{name}.{attribute}"

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(str(self.resolve(part)) for part in parts)


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, as plain data: nothing is ever constructed."""

    def intrinsic(self, suffix: str, node: yaml.Node) -> dict[str, Any]:
        """Return `!Sub x` as {"Fn::Sub": x}."""
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = self.construct_sequence(node, deep=True)
        else:
            value = self.construct_mapping(node, deep=True)  # type: ignore[arg-type] # the third kind
        return {suffix if suffix in _SHORT_NAMES else f"Fn::{suffix}": value}


_Template.add_multi_constructor("!", _Template.intrinsic)
