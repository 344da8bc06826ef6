"""The rules of the source documents about complaints, each with its tests or why it has none.

S0.18-S0.36: the supervision and command centre of a city company. S1.1-S1.32: how three provinces
brought complaints to the regulator down. A rule without a test of its own says why; a test that is
named here must be there.
"""

import re
from pathlib import Path

import pytest

from chalicelib.domain.issue import ROOT_CAUSES

TESTS = Path(__file__).resolve().parents[1]
ELSEWHERE = "an arrangement of people and meetings; what the system can hold of it: "

RULES: dict[str, tuple[str, ...] | str] = {
    "S0.18": ("test_s0_18_the_first_of_the_staff_to_touch_it_answers_for_it_to_the_end",),
    "S0.19": (
        "test_s0_19_a_service_event_is_not_let_go_before_all_four_are_answered",
        "test_s0_19_nothing_is_let_go_while_one_of_the_four_is_open",
        "test_s1_18_a_typical_case_has_cause_accountability_and_lessons",
    ),
    "S0.20": f"{ELSEWHERE}the board, the circular and the lists that such a meeting looks at",
    "S0.21": (
        "test_a_post_of_the_public_is_an_issue_with_the_clocks_of_a_complaint",
        "test_s1_2_an_issue_goes_from_its_opening_to_its_clearing_and_every_gate_says_who",
    ),
    "S0.22": f"{ELSEWHERE}visits and calls are taken in like reports, as orders or issues by hand",
    "S0.23": f"{ELSEWHERE}a title whose reading is open; one channel and one supervision are built",
    "S0.24": (
        "test_s0_24_an_order_is_linked_with_its_reason_and_until_clearing_unlinked",
        "test_s1_7_clearing_in_part_is_refused_with_the_open_gates_named",
    ),
    "S0.25": (
        "test_s0_25_a_violation_is_counted_for_the_unit_and_the_person",
        "test_s0_25_violations_are_counted_for_unit_and_person_in_the_same_breath",
        "test_s0_25_repeated_violations_add_up_for_unit_and_person",
    ),
    "S0.26": "video of business halls is not ours to watch; it is a kind of evidence of an appeal",
    "S0.27": ("test_s1_14_the_months_circular_is_drafted_from_its_figures",),
    "S0.28": f"{ELSEWHERE}the board ranks base units by the same counts; texts are papers",
    "S0.29": "training has no data here",
    "S0.30": (
        "test_s0_30_problem_orders_are_picked_by_rule",
        "test_s0_30_a_sample_can_be_drawn_again_by_anybody",
        "test_s0_30_what_a_check_finds_is_worked_again_and_looked_at_by_another",
    ),
    "S0.31": (
        "test_s0_31_warnings_and_escalations_fire_once_each_and_tell_the_levels_in_turn",
        "test_s0_31_a_supervision_has_an_owner_a_due_and_replies_and_blocks_clearing",
    ),
    "S0.32": (
        "test_s0_32_an_appeal_has_a_basis_evidence_of_a_kind_and_three_signatures",
        "test_s0_32_an_appeal_after_its_term_is_refused_naming_the_rule",
        "test_s0_32_an_appeal_that_wins_takes_back_the_accountability_and_the_issue_learns_of_it",
        "test_s0_32_an_entry_after_an_appeal_that_won_is_refused_naming_the_rule",
        "test_s0_32_of_ten_who_decide_one_appeal_at_once_one_wins",
        "test_s0_32_a_pending_appeal_keeps_the_line_open",
    ),
    "S0.33": f"{ELSEWHERE}an issue with owner and due is the line of such a list",
    "S0.34": "a motto",
    "S0.35": ("test_s0_35_the_pass_rate_of_appeals_has_what_was_submitted_beside_it",),
    "S0.36": "the satisfaction of visits after all orders is an indicator of orders, not of issues",
    "S1.1": "the regulator ranks the provinces; their counts are not ours to know",
    "S1.2": (
        "test_s1_2_a_line_is_cleared_only_when_every_gate_is_met",
        "test_s1_2_a_complaint_opens_an_issue_once_however_often_its_event_comes",
    ),
    "S1.3": (
        "test_s1_3_who_signs_is_the_county_the_city_and_by_grade_or_source_the_province",
        "test_s1_3_the_board_shows_the_upper_levels_every_office_right_below",
    ),
    "S1.4": (
        "test_s1_4_a_second_call_to_12398_starts_an_investigation_once",
        "test_s1_4b_a_visit_that_is_not_satisfied_reopens_and_starts_an_investigation",
        "test_s1_4_a_wide_impact_starts_one_by_figures_that_an_office_may_set",
        "test_s1_4_an_open_investigation_blocks_the_line_and_its_orders",
        "test_s1_4_of_twenty_who_conclude_one_investigation_one_wins_and_the_others_are_told_who",
        "test_s1_4_the_subject_of_an_investigation_loses_even_alone_and_nothing_is_written",
        "test_s1_4_a_line_is_never_signed_while_an_investigation_is_being_opened",
    ),
    "S1.5": ("test_s1_5_the_sources_own_case_told_from_the_record_within_five_minutes",),
    "S1.6": ("test_s1_6_late_information_and_missing_coordination_are_causes_by_name",),
    "S1.7": (
        "test_s1_7_each_gate_alone_keeps_a_line_from_being_cleared",
        "test_s1_7_the_tree_has_three_levels_and_each_node_stands_under_another",
    ),
    "S1.8": (
        "test_s1_8_every_pain_point_is_that_of_some_category",
        "test_s1_8_the_report_of_whose_voltage_is_low_too_often_opens_an_issue_and_neighbours_join",
    ),
    "S1.9": "a committee; its closed loop is the ledger itself",
    "S1.10": "an organisation chart; offices and roles are data of the deployment",
    "S1.11": (
        "test_s1_11_no_line_is_cleared_without_a_day_to_look_again",
        "test_s1_11_a_relapse_reopens_the_same_line_and_must_be_signed_anew",
    ),
    "S1.12": "a result of another company",
    "S1.13": "how another company moved its offices",
    "S1.14": (
        "test_s1_14_a_grievance_and_a_hotlines_case_go_on_the_ledger_too",
        "test_s1_14_a_bulletin_is_due_on_the_same_day",
        "test_s1_14_assessment_goes_both_ways_and_must_be_answered_for_both",
    ),
    "S1.15": (
        "test_s1_15_the_two_way_condition_wants_both_for_an_interview_and_one_for_a_warning",
        "test_s1_15_the_month_that_is_over_is_held_against_both_conditions",
    ),
    "S1.16": (
        "test_s1_16_an_interview_has_its_four_statements_each_refused_by_name",
        "test_s1_16_the_agreed_target_is_looked_at_on_its_day_and_not_before",
    ),
    "S1.17": ("test_s1_17_who_interviews_whom_goes_by_level",),
    "S1.18": ("test_s1_18_a_case_is_published_to_every_office_below_and_to_no_other",),
    "S1.19": (
        "test_s1_19_each_level_answers_every_item_of_its_own_checklist",
        "test_s1_19_an_office_sets_what_its_own_level_looks_at",
        "test_s1_19_an_office_sets_nothing_for_a_level_above_it_and_all_for_those_below",
        "test_s1_19_what_is_not_in_place_goes_back_and_every_signature_falls",
    ),
    "S1.20": ("test_s1_20_every_accountable_behaviour_has_a_severity_causes_and_a_source",),
    "S1.21": ("test_s1_21_the_four_classes_that_hold_nine_complaints_in_ten_are_told_apart",),
    "S1.22": ("test_s1_22_both_five_minutes_and_the_whole_way_are_on_record",),
    "S1.23": (
        "test_s1_23_the_closed_loop_is_cleared_by_due",
        "test_s1_3_the_board_shows_the_upper_levels_every_office_right_below",
    ),
    "S1.24": "a motto: every post has somebody whom it serves",
    "S1.25": ("test_s1_25_each_valid_12398_complaint_has_its_penalty_for_the_leading_group",),
    "S1.26": (
        "test_s1_26_a_staff_cause_goes_to_the_person_and_a_management_cause_to_the_department",
        "test_s1_26_misconduct_is_seen_by_discipline_and_the_auditor_alone",
    ),
    "S1.27": (
        "test_s1_27_a_bypass_names_the_earlier_complaint_and_raises_who_signs",
        "test_s1_27_a_complaint_of_ours_that_was_not_effectively_handled_makes_a_call_a_bypass",
        "test_s1_27_a_bypass_assesses_departments_jointly",
    ),
    "S1.28": (
        "test_s1_28_a_warning_goes_down_is_receipted_acted_on_and_looked_at",
        "test_s1_28_a_theme_is_found_when_it_rises_against_its_own_history",
        "test_s1_28_several_complaints_in_one_village_are_found_once_and_go_to_the_city",
        "test_s1_28_a_receipt_that_is_overdue_is_told_to_the_duty_desk_and_climbs",
    ),
    "S1.29": "a motto",
    "S1.30": (
        "test_s1_30_a_graver_issue_has_a_tighter_clock_from_the_same_start",
        "test_s1_30_a_grade_that_rises_tightens_our_own_clock_from_the_same_start_held_or_not",
        "test_s1_30_the_complaints_of_an_issue_rise_with_it_and_their_own_clock_is_tightened",
        "test_s2_3_words_propose_a_grade_for_a_person_to_confirm_and_raise_nothing_themselves",
        "test_s1_30_a_tendency_to_bypass_is_on_record",
        "test_s1_30_each_rule_proposes_its_grade_and_says_why",
        "test_s1_30_an_important_complaint_of_ours_is_supervised_by_the_city_once",
    ),
    "S1.31": (
        "test_s1_31_the_match_of_measure_and_request_is_found_by_other_eyes",
        "test_s1_31_a_grave_finding_of_a_spot_check_reopens_the_line_and_says_why",
        "test_s1_31_a_spot_check_is_of_a_cleared_line_and_asks_whether_it_is_solved",
    ),
    "S1.32": (
        "test_s1_32_an_issue_on_which_nothing_is_due_is_spoken_of_again",
        "test_every_gate_that_a_command_asks_for_is_known",
    ),
}


def written() -> set[str]:
    """Return the name of every test there is."""
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        found.update(re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE))
    return found


def test_every_rule_of_both_documents_stands_in_the_table():
    wanted = {f"S0.{n}" for n in range(18, 37)} | {f"S1.{n}" for n in range(1, 33)}
    assert set(RULES) == wanted


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_has_tests_that_are_there_or_says_why_it_has_none(rule):
    said = RULES[rule]
    if isinstance(said, str):
        assert len(said) > len("a motto") - 1
        return
    assert said
    assert set(said) - written() == set()


def test_s1_6_late_information_and_missing_coordination_are_causes_by_name():
    assert {"information_late", "coordination_missing"} <= set(ROOT_CAUSES)
