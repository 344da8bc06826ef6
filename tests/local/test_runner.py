"""The runner's settings, before anything is started."""

from pathlib import Path

import pytest

from infra.local.runner import Settings, refuse_the_cloud
from infra.local.tools import CannotRun

PROJECT = Path("/project")


def test_without_settings_it_is_port_8000_a_demo_and_a_folder_in_the_project():
    found = Settings.of({}, project=PROJECT)

    assert (found.port, found.issuer_port, found.demo) == (8000, 8001, True)
    assert found.data == PROJECT / ".data"
    assert found.url == "http://127.0.0.1:8000"


def test_settings_choose_ports_folder_stage_and_an_empty_county():
    given = {"PORT": "9000", "LIGHTKEEPER_DATA": "/data", "DEMO": "0", "STAGE": "/api/"}

    found = Settings.of(given, project=PROJECT)

    assert (found.port, found.issuer_port, found.demo) == (9000, 9001, False)
    assert found.data == Path("/data")
    assert found.url == "http://127.0.0.1:9000/api"


@pytest.mark.parametrize(
    "given",
    [
        {"PORT": ""},
        {"PORT": "http"},
        {"PORT": "0"},
        {"PORT": "65536"},
        {"PORT": "-1"},
        {"PORT": "65535"},  # the sign-in's would be one more
        {"PORT": "8000", "ISSUER_PORT": "8000"},
        {"ISSUER_PORT": "x"},
        {"STAGE": "a/b"},
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence(given):
    with pytest.raises(CannotRun, match=r"PORT|STAGE"):
        Settings.of(given, project=PROJECT)


@pytest.mark.parametrize(
    "given",
    [
        {"LIGHTKEEPER_FILES": "s3:bucket"},
        {"LIGHTKEEPER_SEALS": "s3:bucket"},
        {"LIGHTKEEPER_SMS": "sns"},
    ],
)
def test_amazons_services_are_refused_because_here_they_would_be_memory(given):
    with pytest.raises(CannotRun, match="does not reach"):
        refuse_the_cloud(given)


def test_a_gateway_of_ones_own_is_fine():
    refuse_the_cloud({"LIGHTKEEPER_SMS": "http:http://127.0.0.1:9/sms"})
