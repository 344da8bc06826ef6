"""Docs that can rot are compared with what they describe."""

import re
from pathlib import Path

import pytest

from chalicelib.api.problem import STATUS
from chalicelib.domain import words

ROOT = Path(__file__).resolve().parents[2]
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}


def problem_table(language):
    """Return the table of problems as it must stand in the README of a language."""
    rows = [
        f"| `/problems/{slug}` | {int(status)} | {words.say(f'problem.{slug}.title', language)} |"
        for slug, status in STATUS.items()
    ]
    return "\n".join(rows)


@pytest.mark.parametrize("language", READMES)
def test_the_problem_table_is_the_one_the_code_obeys(language):
    text = READMES[language].read_text("utf-8")
    table = text.split("<!-- problems", 1)[1].split("<!-- /problems -->", 1)[0]
    assert problem_table(language) in table


@pytest.mark.parametrize("language", READMES)
def test_every_command_named_exists(language):
    text = READMES[language].read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", text))
    assert named
    assert named <= targets


@pytest.mark.parametrize("language", READMES)
def test_every_path_named_exists(language):
    text = READMES[language].read_text("utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
