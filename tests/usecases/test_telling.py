"""What the house says of its own tables."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.limits import RULESETS
from chalicelib.domain.words import LANGUAGES
from chalicelib.usecases import telling
from tests.usecases.test_showing import the_desk


def promised(ruleset: str, language: str, year: int) -> dict[str, dict[str, Any]]:
    at = datetime(year, 11, 21, tzinfo=UTC)
    rows = telling.promises(replace(the_desk(), ruleset=ruleset), language, at=at)
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("year", [2012, 2022, 2026])
@pytest.mark.parametrize("ruleset", RULESETS)
def test_each_promise_names_its_source_in_a_sentence_of_either_language(ruleset, year):
    zh, en = (promised(ruleset, language, year) for language in LANGUAGES)

    assert len(zh) > 10
    for limit_id, row in zh.items():
        assert re.fullmatch(r"[^\[\]]*[\u4e00-\u9fff][^\[\]]*。", row["source"]), limit_id
        assert re.fullmatch(r"[A-Z][^\[\]\u4e00-\u9fff]*\.", en[limit_id]["source"]), limit_id


def test_an_article_is_named_where_it_was_read():
    source = promised("state_grid", "zh", 2026)["fault.arrive.urban"]["source"]
    assert source == "国家电网公司供电服务“十项承诺”第三条（平均时间）。"


def test_a_day_that_nobody_knows_is_not_told():
    told = promised("state_grid", "zh", 2026)
    assert told["suggestion.reply"]["effective_from"] is None
    assert told["fault.arrive.urban"]["effective_from"] == "2023-08-08"
