"""The laws of what stands around the functions: template, policies, pins, package."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest
from chalice.package import YAMLTemplateSerializer
from pynamodb.models import Model

from chalicelib import telemetry
from chalicelib.ambient import Settings
from chalicelib.domain.refusal import Refused
from chalicelib.store import customers, daybook, deliveries, ledger, orders, personal, registry
from chalicelib.store.rows import Base
from infra import package

ROOT: Final = Path(__file__).resolve().parents[2]
STORES: Final = (customers, daybook, deliveries, ledger, orders, personal, registry)

FUNCTIONS: Final = {  # as app.py names them → as Chalice's template does
    "api_handler": "APIHandler",
    "sweep": "Sweep",
    "watchdog": "Watchdog",
    "seal": "Seal",
    "forget": "Forget",
    "spot": "Spot",
    "verify": "Verify",
    "deliver": "Deliver",
    "send": "Send",
    "tell_first": "TellFirst",
    "tell": "Tell",
}
TEXTING: Final = {"send", "tell_first", "tell"}
QUEUES: Final = {  # queue → (where what was given up lies, who reads it)
    "EffectsQueue": ("EffectsDeadLetters", "send"),
    "NoticesFirstQueue": ("NoticesFirstDeadLetters", "tell_first"),
    "NoticesQueue": ("NoticesDeadLetters", "tell"),
}

PK_SK: Final = {"pk": ("HASH", "S"), "sk": ("RANGE", "S")}
TABLES: Final = {  # name → key, attribute that expires, whether it has a stream
    "orders": ({"order_id": ("HASH", "S")}, None, False),
    "ledger": ({"aggregate": ("HASH", "S"), "seq": ("RANGE", "N")}, None, True),
    "personal": (PK_SK, "expires", False),
    "deliveries": (PK_SK, "expires", False),
    "daybook": (PK_SK, None, False),
    "registry": (PK_SK, "expires", False),
    "customers": (PK_SK, None, False),
}


@cache
def template() -> dict[str, Any]:
    text = (ROOT / "infra" / "resources.yaml").read_text("utf-8")
    read: dict[str, Any] = YAMLTemplateSerializer().load_template(text)
    return read


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


@cache
def config() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    return read


def stage() -> dict[str, Any]:
    (only,) = config()["stages"].values()
    return dict(only)


@cache
def statements(function: str) -> tuple[dict[str, Any], ...]:
    """Return a function's statements; those under a condition as if it held."""
    file = ROOT / ".chalice" / stage()["lambda_functions"][function]["iam_policy_file"]
    read = json.loads(file.read_text("utf-8"))["Statement"]
    return tuple(each["Fn::If"][1] if "Fn::If" in each else each for each in read)


def allowed(function: str, *, on: str) -> set[str]:
    """Return what a function may do to a resource, by the resource's logical name."""
    return {
        action
        for each in statements(function)
        if each["Effect"] == "Allow" and on in names_in(each.get("Resource"))
        for action in each["Action"]
    }


def names_in(value: Any) -> set[str]:
    """Return the logical names that a piece of template speaks of."""
    if isinstance(value, list):
        return {name for each in value for name in names_in(each)}
    if not isinstance(value, Mapping):
        return set()
    if "Fn::GetAtt" in value:
        return {value["Fn::GetAtt"][0]}
    if "Fn::Sub" in value:
        return set(re.findall(r"\$\{(\w+)", value["Fn::Sub"])) - {"AWS"}
    if "Ref" in value:
        return {value["Ref"]}
    return {name for each in value.values() for name in names_in(each)}


# Tables, queues, buckets ------------------------------------------------------------------------


def table(name: str) -> dict[str, Any]:
    return resources("AWS::DynamoDB::Table")[f"{name.capitalize()}Table"]


def test_the_tables_are_those_of_the_contract():
    assert {
        each["Properties"]["TableName"]["Fn::Sub"]
        for each in resources("AWS::DynamoDB::Table").values()
    } == {f"${{Prefix}}-{name}" for name in TABLES}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_keys_its_expiry_and_its_stream(name: str):
    keys, expires, has_stream = TABLES[name]
    properties = table(name)["Properties"]

    types = {
        each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]
    }
    assert {
        each["AttributeName"]: (each["KeyType"], types[each["AttributeName"]])
        for each in properties["KeySchema"]
    } == keys
    wanted = {"AttributeName": expires, "Enabled": True} if expires else None
    assert properties.get("TimeToLiveSpecification") == wanted
    stream = {"StreamViewType": "NEW_AND_OLD_IMAGES"} if has_stream else None
    assert properties.get("StreamSpecification") == stream


@pytest.mark.parametrize("name", TABLES)
def test_a_table_can_be_restored_is_encrypted_and_outlives_the_stack(name: str):
    properties = table(name)["Properties"]

    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert table(name)["DeletionPolicy"] == table(name)["UpdateReplacePolicy"] == "Retain"


def test_there_is_one_index_and_it_is_the_sparse_one_of_what_is_due():
    indexes = {name: table(name)["Properties"].get("GlobalSecondaryIndexes", []) for name in TABLES}

    (due,) = indexes.pop("orders")
    assert not any(indexes.values())
    assert [key["AttributeName"] for key in due["KeySchema"]] == ["county", "due_key"]


def rows(base: type[Base] = Base) -> Iterator[type[Base]]:
    for row in base.__subclasses__():
        if row.table and row.__module__.startswith("chalicelib."):
            yield row
        yield from rows(row)


@pytest.mark.parametrize("row", [*rows()], ids=lambda row: row.__name__)
def test_a_row_of_the_store_fits_the_table_of_the_template(row: type[Model]):
    assert isinstance(row.table, str)  # type: ignore[attr-defined] # Base has it, Model has not
    properties = table(row.table)["Properties"]  # type: ignore[attr-defined] # as above
    schema = row._get_schema()

    assert schema["key_schema"] == properties["KeySchema"]
    definitions = {each["AttributeName"]: each for each in properties["AttributeDefinitions"]}
    for each in schema["attribute_definitions"]:
        assert definitions[each["AttributeName"]] == each
    indexes = {each["IndexName"]: each for each in properties.get("GlobalSecondaryIndexes", [])}
    for index in schema["global_secondary_indexes"]:
        there = indexes[index["index_name"]]
        assert there["KeySchema"] == index["key_schema"]
        assert there["Projection"] == index["projection"]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_is_given_up_after_five_attempts_and_kept_for_a_person(queue: str):
    dead, _ = QUEUES[queue]

    redrive = resources("AWS::SQS::Queue")[queue]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 5
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}


@pytest.mark.parametrize("queue", QUEUES)
def test_what_was_given_up_raises_the_alarm(queue: str):
    dead, _ = QUEUES[queue]

    assert any(
        {"Fn::GetAtt": [dead, "QueueName"]} == dimension["Value"]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Properties"]["Dimensions"]
    )


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_stays_hidden_for_six_times_as_long_as_its_function_may_take(queue: str):
    _, reader = QUEUES[queue]
    hidden = resources("AWS::SQS::Queue")[queue]["Properties"]["VisibilityTimeout"]

    assert hidden >= 6 * stage()["lambda_functions"][reader]["lambda_timeout"]


def test_there_are_no_queues_but_those_and_where_they_fall():
    dead = {each for each, _ in QUEUES.values()}

    assert set(resources("AWS::SQS::Queue")) == set(QUEUES) | dead


@pytest.mark.parametrize("bucket", ["FilesBucket", "SealsBucket", "PagesBucket"])
def test_no_bucket_is_public(bucket: str):
    properties = resources("AWS::S3::Bucket")[bucket]["Properties"]

    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4


def test_what_is_deleted_from_the_files_is_gone():
    assert (
        "VersioningConfiguration" not in resources("AWS::S3::Bucket")["FilesBucket"]["Properties"]
    )


def test_seals_cannot_be_deleted_by_anybody():
    properties = resources("AWS::S3::Bucket")["SealsBucket"]["Properties"]

    retention = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert properties["ObjectLockEnabled"] is True
    assert retention["Mode"] == "COMPLIANCE"
    assert retention["Years"] >= 1


# Functions --------------------------------------------------------------------------------------


def function(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources("AWS::Serverless::Function")[FUNCTIONS[name]][
        "Properties"
    ]
    return properties


def test_config_and_template_know_the_same_functions():
    assert set(stage()["lambda_functions"]) == set(FUNCTIONS)
    assert set(resources("AWS::Serverless::Function")) == set(FUNCTIONS.values())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_where_logs_end_and_its_errors_are_heard(name: str):
    log = function(name)["LoggingConfig"]["LogGroup"]["Ref"]
    alarms = [
        each["Properties"]
        for each in resources("AWS::CloudWatch::Alarm").values()
        if each["Properties"]["MetricName"] == "Errors"
    ]

    assert "RetentionInDays" in resources("AWS::Logs::LogGroup")[log]["Properties"]
    assert {"Name": "FunctionName", "Value": {"Ref": FUNCTIONS[name]}} in [
        dimension for alarm in alarms for dimension in alarm["Dimensions"]
    ]


@pytest.mark.parametrize(
    ("name", "mapping"),
    [
        ("deliver", "DeliverDynamodbEventSource"),
        ("send", "SendSqsEventSource"),
        ("tell_first", "TellFirstSqsEventSource"),
        ("tell", "TellSqsEventSource"),
    ],
)
def test_a_batch_that_failed_in_part_is_repeated_in_part(name: str, mapping: str):
    event = function(name)["Events"][mapping]["Properties"]

    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_stream_is_read_from_its_beginning_and_one_bad_event_does_not_stop_it():
    event = function("deliver")["Events"]["DeliverDynamodbEventSource"]["Properties"]

    assert event["Stream"] == {"Fn::GetAtt": ["LedgerTable", "StreamArn"]}
    assert event["StartingPosition"] == "TRIM_HORIZON"
    assert event["MaximumRetryAttempts"] > 0
    assert names_in(event["DestinationConfig"]) == {"EffectsDeadLetters"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_setting_of_the_config_is_set_anew_at_deployment(name: str):
    named = stage()["environment_variables"] | stage()["lambda_functions"][name].get(
        "environment_variables", {}
    )
    given = function(name)["Environment"]["Variables"]

    assert set(named) <= set(given)
    assert all(isinstance(given[each], dict) for each in named)


def test_every_setting_is_one_that_the_house_reads():
    read = {f"LIGHTKEEPER_{field.name.upper()}" for field in fields(Settings)}
    read = read - {"LIGHTKEEPER_ROOT", "LIGHTKEEPER_REGION"} | {"LIGHTKEEPER_SECRET"}

    given = {
        setting
        for name in FUNCTIONS
        for setting in function(name)["Environment"]["Variables"]
        if setting.startswith("LIGHTKEEPER_")
    }
    local = {"LIGHTKEEPER_DYNAMODB_ENDPOINT", "LIGHTKEEPER_PAGES", "LIGHTKEEPER_DEMO"}
    assert given == read - local


@pytest.mark.parametrize("name", FUNCTIONS)
def test_secrets_are_references_and_never_text(name: str):
    given = function(name)["Environment"]["Variables"]

    for setting, value in given.items():
        if setting.endswith(("_SECRET", "_KEY")):
            text = json.dumps(value)
            assert "{{resolve:secretsmanager:${" in text


@pytest.mark.parametrize(
    ("setting", "holders"),
    [
        ("LIGHTKEEPER_SEAL_KEY", {"seal"}),
        ("LIGHTKEEPER_SMS_SECRET", TEXTING),
        ("LIGHTKEEPER_SMS_SECOND_SECRET", TEXTING),
    ],
)
def test_a_key_is_given_only_to_whom_it_serves(setting: str, holders: set[str]):
    assert {
        name for name in FUNCTIONS if setting in function(name)["Environment"]["Variables"]
    } == holders


# Policies ---------------------------------------------------------------------------------------


def test_every_function_has_a_policy_of_its_own_written_by_hand():
    files = [each["iam_policy_file"] for each in stage()["lambda_functions"].values()]

    assert config()["autogen_policy"] is False
    assert len(set(files)) == len(FUNCTIONS)
    assert {file.name for file in (ROOT / ".chalice").glob("policy-*.json")} == set(files)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_policy_allows_whatever_there_is(name: str):
    for each in statements(name):
        assert all("*" not in action for action in each["Action"])
        # A telephone has no ARN: all that is not a topic of ours is the narrowest there is.
        assert "Resource" in each or each["Action"] == ["sns:Publish"]
        for written in resource_texts(each.get("Resource", [])):
            assert written.count("*") == written.endswith("Bucket.Arn}/*")


def resource_texts(value: Any) -> list[str]:
    """Return a statement's resources as text, each made of a name in the template."""
    listed = value if isinstance(value, list) else [value]
    assert all(names_in(each) for each in listed)
    return [
        json.dumps(each).strip('"{} ') if "Fn::Sub" not in each else each["Fn::Sub"]
        for each in listed
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_policy_speaks_only_of_what_the_template_makes(name: str):
    spoken_of = {found for each in statements(name) for found in names_in(each.get("Resource"))}

    assert spoken_of <= set(template()["Resources"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_ledger_is_append_only_for_everybody(name: str):
    denied = {
        action
        for each in statements(name)
        if each["Effect"] == "Deny" and names_in(each["Resource"]) == {"LedgerTable"}
        for action in each["Action"]
    }
    streaming = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    adding = {"PutItem", "GetItem", "Query", "ConditionCheckItem"}

    assert denied == {
        f"dynamodb:{each}"
        for each in (
            *("UpdateItem", "DeleteItem", "BatchWriteItem"),
            *("PartiQLInsert", "PartiQLUpdate", "PartiQLDelete", "PartiQLSelect"),
        )
    }
    may = {action.removeprefix("dynamodb:") for action in allowed(name, on="LedgerTable")}
    assert may <= adding or (name == "deliver" and may == streaming)


@pytest.mark.parametrize(
    ("action", "on", "holders"),
    [
        ("s3:PutObject", "SealsBucket", {"seal"}),
        ("s3:PutObject", "FilesBucket", {"api_handler"}),
        ("s3:DeleteObject", "SealsBucket", set()),
        ("sqs:ReceiveMessage", "EffectsQueue", {"send"}),
        ("sqs:ReceiveMessage", "NoticesFirstQueue", {"tell_first"}),
        ("sqs:ReceiveMessage", "NoticesQueue", {"tell"}),
        ("dynamodb:GetRecords", "LedgerTable", {"deliver"}),
        ("dynamodb:DeleteItem", "OrdersTable", set()),
    ],
)
def test_who_may_do_it_is_a_short_list(action: str, on: str, holders: set[str]):
    assert {name for name in FUNCTIONS if action in allowed(name, on=on)} == holders


def test_only_those_who_send_may_text_and_only_to_telephones():
    texting = {
        name: each
        for name in FUNCTIONS
        for each in statements(name)
        if any(action.startswith("sns:") for action in each["Action"])
    }

    assert set(texting) == TEXTING
    for each in texting.values():
        assert "Resource" not in each
        assert each["NotResource"]["Fn::Sub"].endswith(":${AWS::AccountId}:*")


# The gateway's own answers and the alarms --------------------------------------------------------


def slugs(refusal: type[Refused] = Refused) -> set[str]:
    return {refusal.slug}.union(*(slugs(each) for each in refusal.__subclasses__()))


@pytest.mark.parametrize(
    ("kind", "status", "slug"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 404, "unknown"),
        ("RESOURCE_NOT_FOUND", 404, "unknown"),
        ("REQUEST_TOO_LARGE", 413, "too-large"),
        ("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported"),
        ("THROTTLED", 429, "too-many"),
        ("DEFAULT_4XX", None, "bad-input"),
        ("DEFAULT_5XX", None, "busy"),
    ],
)
def test_what_the_gateway_refuses_is_a_problem_too(kind: str, status: int | None, slug: str):
    answer = resources("AWS::Serverless::Api")["RestAPI"]["Properties"]["GatewayResponses"][kind]
    headers = answer["ResponseParameters"]["Headers"]
    body = answer["ResponseTemplates"]["application/json"]

    assert answer.get("StatusCode") == status
    assert headers["Content-Type"] == "'application/problem+json'"
    assert headers["Access-Control-Allow-Origin"] == "'*'"
    problem = json.loads(body.replace("$context.error.messageString", '"the gateway\'s words"'))
    assert problem["type"] == f"/problems/{slug}"
    assert slug in slugs()
    assert problem.get("status") == status


def test_the_api_takes_only_so_many_requests():
    (settings,) = resources("AWS::Serverless::Api")["RestAPI"]["Properties"]["MethodSettings"]

    assert settings["ThrottlingRateLimit"] == {"Ref": "RateLimit"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "BurstLimit"}


def test_the_site_asks_the_stage_that_the_config_names():
    site = resources("AWS::CloudFront::Distribution")["Site"]["Properties"]["DistributionConfig"]
    (api,) = (each for each in site["Origins"] if each["Id"] == "api")

    assert api["OriginPath"] == f"/{stage()['api_gateway_stage']}"


def test_every_metric_that_must_wake_somebody_has_its_alarm():
    ours = {
        each["Properties"]["MetricName"]: each["Properties"]
        for each in resources("AWS::CloudWatch::Alarm").values()
        if each["Properties"]["Namespace"] == telemetry.NAMESPACE
    }

    assert set(ours) == {metric.value for metric in telemetry.ALARMS}
    for alarm in ours.values():
        assert alarm["Dimensions"] == [{"Name": "service", "Value": {"Ref": "Prefix"}}]
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]


@pytest.mark.parametrize("metric", [telemetry.Metric.SWEPT, telemetry.Metric.SEALED])
def test_silence_is_an_alarm(metric: telemetry.Metric):
    (alarm,) = (
        each["Properties"]
        for each in resources("AWS::CloudWatch::Alarm").values()
        if each["Properties"]["MetricName"] == metric
    )

    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


def test_every_function_names_the_service_under_which_the_alarms_listen():
    for name in FUNCTIONS:
        given = function(name)["Environment"]["Variables"]
        assert given["POWERTOOLS_SERVICE_NAME"] == {"Ref": "Prefix"}


# Requirements -----------------------------------------------------------------------------------

LOCKS: Final = (
    "requirements.txt",
    "tests/requirements.txt",
    "infra/requirements/runtime.txt",
    "infra/requirements/node.txt",
)


def pins(lock: str) -> dict[str, str]:
    """Return name and marker → version of a requirements file."""
    found: dict[str, str] = {}
    for line in (ROOT / lock).read_text("utf-8").splitlines():
        match = re.match(r"([a-z0-9._-]+)==(\S+)(.*)\\$", line)
        if match:
            found[match[1] + match[3].rstrip()] = match[2]
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes_and_names_no_host(lock: str):
    text = (ROOT / lock).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert all(re.match(r"([a-z0-9._-]+==|    --hash=sha256:)", line) for line in lines)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if "==" in line.split(" ")[0]:
            assert following.startswith("    --hash=sha256:")
    assert "://" not in text


def test_what_ships_and_what_tests_have_the_versions_that_run():
    running = pins("requirements.txt")

    assert pins("infra/requirements/runtime.txt").items() <= running.items()
    tests = pins("tests/requirements.txt")
    assert {name: version for name, version in tests.items() if name in running}.items() <= (
        running.items()
    )


def test_the_stack_has_the_versions_that_were_chosen():
    running, tests = pins("requirements.txt"), pins("tests/requirements.txt")

    assert running["chalice"] == "1.34.0"
    assert running["pynamodb"] == "6.1.0"
    assert running["aws-lambda-powertools"] == "3.37.0"
    assert running["boto3"] == "1.44.5"
    assert tests["moto"] == "5.2.5"


def imported() -> set[str]:
    """Return the top-level packages that chalicelib imports from elsewhere."""
    found: set[str] = set()
    for file in (ROOT / "chalicelib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"chalicelib", "_typeshed"}


def test_everything_that_the_functions_import_is_shipped():
    shipped = {re.split(r"[ ;]", name)[0] for name in pins("infra/requirements/runtime.txt")}
    shipped.add("chalice")  # Chalice packs its own run-time part
    made_by = packages_distributions()

    for name in imported():
        distributions = {each.lower().replace("_", "-") for each in made_by[name]}
        assert distributions & shipped, f"{name} is imported and not shipped"


# Habits -----------------------------------------------------------------------------------------


def test_make_help_explains_every_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")

    targets = set(re.findall(r"^\.PHONY: (\S+)$", makefile, flags=re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*? ## \S", makefile, flags=re.MULTILINE))
    assert targets - explained == {"tools"}
    assert explained <= targets


def test_ci_ends_with_make_check():
    run = ROOT / ".ci" / "run"

    assert run.stat().st_mode & 0o111
    assert run.read_text("utf-8").rstrip().endswith("\nexec make check")


# The package ------------------------------------------------------------------------------------


def test_the_same_files_give_the_same_zip(tmp_path: Path):
    for copy in ("one", "two"):
        folder = tmp_path / copy
        folder.mkdir()
        names = ["b.py", "a.py"] if copy == "one" else ["a.py", "b.py"]
        for name in names:
            (folder / name).write_text(f"# {name}\n")
            (folder / name).chmod(0o600 if copy == "one" else 0o755)
        package.zip_same(folder, tmp_path / f"{copy}.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def merged(at: Path, **properties: Any) -> Path:
    """Write what Chalice would have merged: one function."""
    sweep = {"Type": "AWS::Serverless::Function", "Properties": properties}
    at.write_text(json.dumps({"Resources": {"Sweep": sweep}}))
    return at


def test_a_placeholder_of_the_config_never_reaches_a_function(tmp_path: Path):
    settings = {"Variables": {"LIGHTKEEPER_SECRET": "set at deployment"}}
    file = merged(tmp_path / "sam.yaml", Handler="app.sweep", Environment=settings)

    with pytest.raises(package.CannotPackage, match="Sweep would get LIGHTKEEPER_SECRET"):
        package.template_of(file)


@pytest.mark.parametrize(
    "properties",
    [{"Timeout": 55}, {"Handler": "app.sweep", "Events": {"SweepEvent": {}, "MinuteEvent": {}}}],
    ids=["function", "event"],
)
def test_what_the_template_says_of_a_function_must_meet_it(
    properties: dict[str, Any], tmp_path: Path
):
    file = merged(tmp_path / "sam.yaml", **properties)

    with pytest.raises(package.CannotPackage, match="called otherwise"):
        package.template_of(file)


def test_in_mainland_china_nothing_is_named_that_is_not_there():
    there = package.for_china(template())

    kinds = {each["Type"] for each in there["Resources"].values()}
    assert not any(kind.startswith(("AWS::CloudFront::", "AWS::Cognito::")) for kind in kinds)
    known = set(there["Resources"]) | set(there["Parameters"])
    assert {name for name in names_in(there) if not name.startswith("AWS::")} <= known
    conditions = set(re.findall(r'"Fn::If": \["(\w+)"', json.dumps(there)))
    assert conditions <= set(there["Conditions"])
    assert "Default" not in there["Parameters"]["Issuer"]
    assert "Default" in template()["Parameters"]["Issuer"]


def test_pages_that_are_not_built_are_not_packaged(tmp_path: Path):
    with pytest.raises(package.CannotPackage, match="make pages"):
        package.stage(tmp_path / "staging", pages=tmp_path)


def zip_of(names: list[str], *, size: int, at: Path) -> Path:
    with zipfile.ZipFile(at, "w", zipfile.ZIP_STORED) as packed:
        for name in names:
            packed.writestr(f"{name}/data", b" " * size)
    return at


def test_a_big_dependency_without_a_reason_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with_reason = zip_of(["botocore"], size=package.BIG, at=tmp_path / "with.zip")
    without = zip_of(["numpy"], size=package.BIG, at=tmp_path / "without.zip")

    assert package.report(with_reason) is True
    assert "NO REASON GIVEN" not in capsys.readouterr().out
    assert package.report(without) is False
    assert "numpy: NO REASON GIVEN" in capsys.readouterr().out


def test_a_package_over_its_limit_is_refused(tmp_path: Path):
    small_parts = [f"part{number}" for number in range(package.LIMIT // package.BIG + 2)]
    too_much = zip_of(small_parts, size=package.BIG - 1, at=tmp_path / "deployment.zip")

    assert package.report(too_much) is False


def test_every_reason_is_for_something_that_ships():
    shipped = {re.split(r"[ ;]", name)[0] for name in pins("infra/requirements/runtime.txt")}
    made_by = packages_distributions()

    for name in set(package.REASONS) - {"chalicelib", "pillow.libs"}:
        assert {each.lower().replace("_", "-") for each in made_by[name]} & shipped


HEAVY = ("pydantic", "pydantic_core", "cryptography", "PIL", "openpyxl")


def test_a_function_that_starts_waits_for_nothing_that_its_first_call_may_not_need():
    """What a start imports is paid by whoever comes first; these come with their first use."""
    found = subprocess.run(
        [sys.executable, "-c", "import app, sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        env={},
    )
    assert "chalicelib.jobs" in found.stdout.split()
    assert set(HEAVY) & set(found.stdout.split()) == set()
