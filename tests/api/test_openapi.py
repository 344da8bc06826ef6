"""The OpenAPI is made from the routes: every route is in it, and it is valid."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.api import models
from chalicelib.api.asking import model
from chalicelib.api.openapi import document
from chalicelib.api.problem import STATUS
from chalicelib.api.routes import Security, operation_of
from chalicelib.domain import refusal, words
from chalicelib.domain.staff import Capability

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(app):
    return document(app)


def each_operation(app):
    for path, methods in app.routes.items():
        for method, entry in methods.items():
            yield path, method, operation_of(entry.view_function)


def test_the_document_is_valid_openapi_3_1(made):
    assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []


def test_every_route_is_in_it_once_and_nothing_else(app, made):
    routes = {(path, method.lower()) for path, methods in app.routes.items() for method in methods}

    described = {(path, method) for path, methods in made["paths"].items() for method in methods}

    assert described == routes


def test_every_operation_has_a_name_of_its_own(made):
    names = [each["operationId"] for methods in made["paths"].values() for each in methods.values()]

    assert len(set(names)) == len(names)


def test_every_part_of_a_path_is_a_parameter(made):
    for path, methods in made["paths"].items():
        for each in methods.values():
            named = {p["name"] for p in each["parameters"] if p["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path)), path


def test_what_staff_may_do_names_a_capability_of_the_matrix(app):
    for path, method, operation in each_operation(app):
        if operation.security is Security.STAFF:
            assert isinstance(operation.capability, Capability), (method, path)


def test_every_write_asks_for_a_key_or_says_why_not(app):
    unkeyed = {
        operation.operation_id
        for _, method, operation in each_operation(app)
        if method != "GET" and not operation.keyed
    }

    asking = {"check_plan", "look_up", "look_up_caller", "preview_year", "verify_days"}
    own_keys = {"take_events", "take_receipts", "take_replies"}  # their own source and number
    assert unkeyed == asking | own_keys


def test_every_example_is_one_that_its_model_takes(app):
    tried = 0
    for path, method, operation in each_operation(app):
        if operation.takes:
            assert operation.example is not None, (method, path)
            models.read(model(operation.takes), json.loads(json.dumps(dict(operation.example))))
            tried += 1
    assert tried >= 20


def test_every_view_speaks_problems(app):
    for path, method, operation in each_operation(app):
        view = app.routes[path][method].view_function
        assert view.__wrapped__.__wrapped__.__name__ == operation.operation_id


def test_every_refusal_has_a_status_and_words_in_both_languages():
    slugs = {
        each.slug
        for each in vars(refusal).values()
        if isinstance(each, type) and issubclass(each, refusal.Refused)
    } - {"refused"}

    assert slugs <= STATUS.keys()
    for slug in STATUS:
        for language in words.LANGUAGES:
            assert words.has(f"problem.{slug}.title")
            assert words.WORDS[f"problem.{slug}.detail"][language]


def test_every_code_of_a_field_in_the_api_has_words():
    sources = (ROOT / "chalicelib").rglob("*.py")
    pattern = re.compile(r'(?:BadInput\.of|FieldError)\(\s*[^,()]+,\s*"([a-z_]+\.[a-z_0-9]+)"')
    codes = {code for path in sources for code in pattern.findall(path.read_text())}
    codes |= set(models.CODES.values())

    assert {code for code in codes if not words.has(f"code.{code}")} == set()
    assert len(codes) > 40


def test_the_committed_document_is_the_one_that_the_command_prints():
    printed = subprocess.run(
        [sys.executable, "-m", "infra.openapi"], cwd=ROOT, capture_output=True, check=True, env={}
    ).stdout

    assert json.loads(printed) == json.loads((ROOT / "frontend" / "openapi.json").read_text())


def test_it_is_served_as_it_is_printed(calm, made):
    answer = calm.get("/openapi.json")

    assert answer.body == json.loads(json.dumps(made))


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/meta/procedures",
        "/api/v1/meta/limits",
        "/api/v1/meta/words?lang=en",
        "/api/v1/meta/words",
        "/api/v1/health",
        "/api/v1/meta/limits?office=C-QINGHE",
    ],
)
def test_what_the_house_says_of_itself_is_open(calm, path):
    assert calm.get(path).status == 200


def test_the_served_procedures_are_the_tables(calm):
    served = {each["kind"]: each for each in calm.get("/api/v1/meta/procedures").body["items"]}

    assert served["fault"]["first"] == "accepted"
    moves = {move["name"]: move for move in served["fault"]["moves"]}
    assert moves["dispatch"]["edges"] == {"accepted": "dispatched"}
    assert served["misconduct_report"]["confidential"] is True


def test_an_answer_is_what_the_document_says_in_json_schema_as_well(calm, made):
    number, token = calm.reported()
    answer = calm.get(f"/api/v1/public/orders/{number}", token=token).body
    schema = {"$ref": "#/components/schemas/PublicOrder", "components": made["components"]}

    OAS31Validator(schema).validate(answer)
