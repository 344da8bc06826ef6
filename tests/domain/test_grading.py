"""A grade is proposed by rules that an office may set, each with its reason; nothing lowers one."""

from dataclasses import replace
from datetime import date

import pytest

from chalicelib.domain import words
from chalicelib.domain.grading import RULES as GRADE_RULES
from chalicelib.domain.grading import (
    SCALES,
    SIGNS,
    Facts,
    propose,
    rises,
    signs_in,
    signs_of,
    with_signs,
)
from chalicelib.domain.limits import parse_override
from chalicelib.domain.moves import GRAVER
from chalicelib.domain.order import GRADES
from tests.domain.engine import NOON, RULES

TABLE = [
    (Facts(forwarded_by="regulator", group=True), "special", "regulator_group"),
    (Facts(forwarded_by="central"), "special", "forwarded_central"),
    (Facts(supervised_by="provincial"), "special", "supervised_provincial"),
    (Facts(media="central"), "special", "media_national"),
    (Facts(forwarded_by="regulator"), "major", "regulator"),
    (Facts(forwarded_by="provincial"), "major", "forwarded_provincial"),
    (Facts(supervised_by="city"), "major", "supervised_city"),
    (Facts(media="provincial"), "major", "media_provincial"),
    (Facts(injury=True), "major", "injury"),
    (Facts(supervised_by="county"), "important", "supervised_county"),
    (Facts(media="city"), "important", "media_city"),
    (Facts(may_bypass=True), "important", "may_bypass"),
    (Facts(group=True), "important", "group"),
    (Facts(repeated=2), "important", "repeated"),
    (Facts(households=50), "important", "wide_impact"),
    (Facts(complaints=3), "important", "wide_impact"),
]


@pytest.mark.parametrize(("facts", "grade", "rule"), TABLE, ids=[row[2] for row in TABLE])
def test_s1_30_each_rule_proposes_its_grade_and_says_why(facts, grade, rule):
    proposal = propose(facts, rules=RULES, at=NOON)

    assert (proposal.grade, proposal.rules[0]) == (grade, rule)


@pytest.mark.parametrize(
    "facts",
    [Facts(), Facts(repeated=1, complaints=2, households=49), Facts(forwarded_by="city")],
)
def test_what_no_rule_names_is_general(facts):
    assert propose(facts, rules=RULES, at=NOON) == propose(Facts(), rules=RULES, at=NOON)
    assert propose(facts, rules=RULES, at=NOON).grade == "general"


def test_the_gravest_rule_wins_and_the_others_are_named_after_it():
    proposal = propose(
        Facts(may_bypass=True, injury=True, forwarded_by="regulator", group=True),
        rules=RULES,
        at=NOON,
    )

    assert proposal.grade == "special"
    assert proposal.rules == ("regulator_group", "regulator", "injury", "may_bypass", "group")
    assert proposal.reasons == ("regulator", "injury", "may_bypass", "group_complaint")


def test_an_office_may_set_a_rule_otherwise_or_switch_it_off():
    raw = {
        "id": "grade.injury",
        "amount": 4,
        "unit": "grade",
        "effective_from": "2026-01-01",
        "source": "县公司规定",
    }
    graver = RULES.book.with_overrides([("X1", parse_override(raw))])
    off = RULES.book.with_overrides([("X1", parse_override(raw | {"enabled": False}))])

    hurt = Facts(injury=True)
    assert propose(hurt, rules=replace(RULES, book=graver), at=NOON).grade == "special"
    assert propose(hurt, rules=replace(RULES, book=off), at=NOON).grade == "general"


def test_a_grade_is_one_of_four_and_rises_only():
    on = date(2026, 1, 1)
    assert {RULES.book.find(rule.limit, on=on).number for rule in GRADE_RULES} == {2, 3, 4}
    major = propose(Facts(injury=True), rules=RULES, at=NOON)
    assert rises("important", major)
    assert rises("", major)
    assert not rises("major", major)
    assert not rises("special", major)


@pytest.mark.parametrize("rule", GRADE_RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_reason_that_a_person_may_give_too_and_words(rule):
    assert rule.reason in GRAVER
    assert words.has(f"grade_rule.{rule.name}")


def test_both_companies_have_a_word_for_each_grade():
    said = {
        name: [words.say(key, "zh") for key in scale.values()] for name, scale in SCALES.items()
    }

    assert all(tuple(scale) == GRADES for scale in SCALES.values())
    assert said["state_grid"] == ["一般", "重要", "重大", "特殊"]
    assert said["southern_grid"] == ["一般", "较大", "重大", "特大"]


# Signs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "signs"),
    [
        ("记者已经到现场采访了", ("media.city",)),
        ("央视的人打过电话", ("media.central",)),
        ("县长批示，政府督办件", ("government.county",)),
        ("我们村民联名投诉", ("group",)),
        ("小孩触电住院了", ("injury",)),
        ("再不来就找记者", ("tendency",)),
        ("再不处理我就打12398", ("tendency",)),
        ("没有人受伤，就是没电", ()),
        ("幸好未造成伤亡", ()),
        ("没人受伤，但是昨天有人触电", ("injury",)),
        ("我不想找媒体，只想有电", ()),
        ("电压低，灯发暗", ()),
        ("", ()),
    ],
)
def test_s2_3_words_of_a_report_are_signs_of_a_grades_criteria_unless_denied(said, signs):
    assert signs_in(said) == signs


def test_s2_3_what_was_ticked_and_what_was_said_are_one_list_and_none_is_none():
    ticked = {"media": "provincial", "government": "none", "group_event": True, "injury": False}
    assert signs_of({**ticked, "signs": ["group", "tendency"]}) == (
        "media.provincial", "group", "tendency",
    )  # fmt: skip
    assert signs_of({}) == ()


def test_s2_3_signs_propose_by_the_same_rules_and_the_highest_standing_counts():
    facts = with_signs(Facts(), ("media.city", "media.provincial", "injury"))
    proposal = propose(facts, rules=RULES, at=NOON)
    assert (proposal.grade, proposal.rules) == ("major", ("media_provincial", "injury"))
    assert with_signs(Facts(), ()) == Facts()
    for sign in SIGNS:
        assert words.has(f"choice.signs.{sign}")
        assert rises("general", propose(with_signs(Facts(), [sign]), rules=RULES, at=NOON)), sign
