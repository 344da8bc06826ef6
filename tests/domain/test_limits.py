"""Every published figure, in both rule sets; and how versions and offices' overrides are found."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import limits
from chalicelib.domain.limits import (
    RULESETS,
    Basis,
    Limit,
    LimitBook,
    Unit,
    UnknownLimit,
    cited,
    parse_override,
)
from chalicelib.domain.refusal import BadInput

STATE = LimitBook.shipped("state_grid")
SOUTHERN = LimitBook.shipped("southern_grid")
TODAY = date(2026, 1, 15)
ENTRIES = [
    (name, entry)
    for name in ("common", *RULESETS)
    for entry in json.loads(
        files("chalicelib.domain.limits").joinpath(f"{name}.json").read_text(encoding="utf-8")
    )["limits"]
]


def figure(limit: Limit) -> str:
    """Write a limit as a supervisor would: `45 minute`, `1/4 fraction`, `21:00`."""
    if limit.unit is Unit.TIME_OF_DAY:
        return limit.time_of_day.isoformat("minutes")
    return f"{limit.amount} {limit.unit}"


# (id, State Grid, Southern Grid, where the figure comes from in our list of facts)
FIGURES = [
    # 2.1 arrival and restoration
    ("fault.arrive.urban", "45 minute", "45 minute", "F-01 F-03"),
    ("fault.arrive.rural", "90 minute", "90 minute", "F-01 F-03"),
    ("fault.arrive.remote", "120 minute", "120 minute", "F-01 F-03"),
    ("fault.arrive_legal.urban", "60 minute", "60 minute", "F-05 F-06"),
    ("fault.arrive_legal.rural", "120 minute", "120 minute", "F-06"),
    ("fault.arrive_legal.remote", "240 minute", "240 minute", "F-06"),
    ("fault.arrive_key_customer", "30 minute", "30 minute", "F-07"),
    ("fault.restore.urban", "3 hour", "4 hour", "F-01 F-03"),
    ("fault.restore.rural", "4 hour", "5 hour", "F-01 F-03"),
    # 2.2 outage notice
    ("outage_notice.planned", "7 day", "7 day", "S2.8 F-09 F-10 F-01"),
    ("outage_notice.short_notice", "24 hour", "24 hour", "S2.8 F-09"),
    ("outage_notice.reminder", "1 day", "1 day", "F-11"),
    ("outage_notice.last_reminder", "30 minute", "30 minute", "F-20"),
    ("outage_notice.hand_in", "7 workday", "7 workday", "F-21"),
    ("outage_notice.hand_in_short", "24 hour", "24 hour", "F-21"),
    ("outage_notice.arrears", "7 day", "7 day", "F-04"),
    ("outage_notice.extension", "30 minute", "30 minute", "background"),
    ("outage_notice.early", "30 minute", "30 minute", "design"),
    ("outage_notice.overrun", "10 minute", "10 minute", "background"),
    ("outage_notice.etr_change", "15 minute", "15 minute", "design F-77"),
    ("outage_notice.next_update", "30 minute", "30 minute", "design F-78"),
    ("outage_notice.restored_stale", "12 hour", "12 hour", "design"),
    ("outage_notice.night_long", "60 minute", "60 minute", "design"),
    ("outage_notice.shard", "25 customers", "25 customers", "design"),
    ("outage_notice.few", "5 customers", "5 customers", "design"),
    ("planning.longest", "10 hour", "10 hour", "design"),
    ("planning.repeat_window", "60 day", "60 day", "design"),
    ("planning.review_count", "10 count", "10 count", "F-23"),
    ("planning.review_span", "24 hour", "24 hour", "F-23"),
    # 2.3 order types
    ("fault.dispatch", "2 minute", "5 minute", "background F-13"),
    ("fault.receive", "3 minute", "3 minute", "background"),
    ("fault.set_out", "3 minute", "3 minute", "F-08"),
    ("fault.record_arrival", "5 minute", "5 minute", "background"),
    ("fault.record_result", "5 minute", "5 minute", "background"),
    ("fault.reply", "30 minute", "30 minute", "background"),
    ("fault.return_visit", "24 hour", "24 hour", "background"),
    ("complaint.dispatch", "20 minute", "20 minute", "F-14"),
    ("complaint.contact", "24 hour", "24 hour", "F-26 F-27"),
    ("complaint.internal", "4 workday", "4 workday", "F-26"),
    ("complaint.promise", "5 workday", "5 workday", "F-27 F-15"),
    ("complaint.legal", "10 workday", "10 workday", "F-28"),
    ("complaint.return_visit", "1 workday", "1 workday", "background"),
    ("grievance.dispatch", "20 minute", "20 minute", "design S1.14"),
    ("grievance.contact", "24 hour", "24 hour", "design S1.14"),
    ("grievance.internal", "4 workday", "4 workday", "design S1.14"),
    ("grievance.promise", "5 workday", "5 workday", "design S1.14"),
    ("grievance.return_visit", "1 workday", "1 workday", "design S1.14"),
    ("misconduct_report.dispatch", "20 minute", "20 minute", "background"),
    ("misconduct_report.contact", "24 hour", "24 hour", "F-26"),
    ("misconduct_report.reply", "9 workday", "9 workday", "F-26"),
    ("misconduct_report.return_visit", "1 workday", "1 workday", "design"),
    ("opinion.dispatch", "20 minute", "20 minute", "background"),
    ("opinion.reply", "9 workday", "9 workday", "background"),
    ("opinion.return_visit", "1 workday", "1 workday", "background"),
    ("suggestion.dispatch", "20 minute", "20 minute", "background"),
    ("suggestion.reply", "9 workday", "9 workday", "background"),
    ("suggestion.return_visit", "1 workday", "1 workday", "background"),
    ("enquiry.dispatch", "20 minute", "20 minute", "background"),
    ("enquiry.reply", "5 workday", "5 workday", "F-16"),
    ("enquiry.return_visit", "1 workday", "1 workday", "design"),
    ("service_request.dispatch", "20 minute", "20 minute", "background"),
    ("service_request.return_visit", "1 workday", "1 workday", "background"),
    ("service_request.arrears_reconnect.handle", "24 hour", "12 hour", "F-04 F-12 F-03 F-13"),
    ("service_request.arrears_reconnect.reply", "1 workday", "1 workday", "F-12"),
    ("service_request.appliance_damage.arrive", "24 hour", "24 hour", "F-12"),
    ("service_request.appliance_damage.reply", "1 workday", "1 workday", "F-12"),
    ("service_request.meter_abnormal.handle", "4 workday", "4 workday", "F-12"),
    ("service_request.reading_abnormal.exam", "6 workday", "6 workday", "F-12"),
    ("service_request.reading_abnormal.handle", "5 workday", "5 workday", "F-01"),
    ("service_request.reading_abnormal.promise", "5 workday", "5 workday", "F-01"),
    ("service_request.meter_test.promise", "5 workday", "5 workday", "F-01"),
    ("service_request.ev_fast_charging.arrive", "45 minute", "45 minute", "F-12"),
    ("service_request.ev_fast_charging.reply", "2 hour", "2 hour", "F-12"),
    ("service_request.other.handle", "5 workday", "5 workday", "F-12"),
    ("compliment.dispatch", "20 minute", "20 minute", "background"),
    ("hotline_12345", "7 day", "7 day", "F-26"),
    ("hotline_other", "10 day", "10 day", "F-26"),
    ("warn.yellow", "1/2 fraction", "1/2 fraction", "design S0.31"),
    ("warn.red", "1/4 fraction", "1/4 fraction", "design S0.31"),
    ("warn.yellow.workday", "2 workday", "2 workday", "F-18"),
    ("warn.red.workday", "1 workday", "1 workday", "design"),
    ("escalate.county", "15 minute", "15 minute", "design"),
    ("escalate.city", "60 minute", "60 minute", "design"),
    ("escalate.province", "240 minute", "240 minute", "design"),
    ("escalate.county.workday", "2 hour", "2 hour", "design"),
    ("escalate.city.workday", "1 workday", "1 workday", "design"),
    ("escalate.province.workday", "2 workday", "2 workday", "design"),
    ("expedite.dispatch", "10 minute", "10 minute", "background"),
    ("expedite.max", "2 count", "2 count", "background"),
    ("bounce.final_ruling", "3 count", "3 count", "design"),
    ("suspend.max", "15 day", "15 day", "design"),
    ("supervision.reply", "1 workday", "1 workday", "design"),
    ("reopen.window", "7 day", "7 day", "design"),
    ("rating.window", "7 day", "7 day", "design"),
    ("idle.reminder", "24 hour", "24 hour", "design"),
    ("late_entry.threshold", "15 minute", "15 minute", "design"),
    ("return_visit.attempts", "3 count", "3 count", "background"),
    ("return_visit.gap", "2 hour", "2 hour", "background"),
    ("return_visit.noon.quiet_from", "12:00", "12:00", "background"),
    ("return_visit.noon.quiet_to", "14:00", "14:00", "background"),
    ("return_visit.night.quiet_from", "21:00", "21:00", "background"),
    ("return_visit.night.quiet_to", "08:00", "08:00", "background"),
    ("repeat.customer_window", "60 day", "60 day", "design"),
    ("repeat.event_window", "48 hour", "48 hour", "design"),
    ("repeat_complaint.province", "3 count", "3 count", "F-17"),
    ("site_investigation.calls_12398", "2 count", "2 count", "S1.4"),
    ("site_investigation.households", "50 customers", "50 customers", "design S1.4"),
    ("site_investigation.complaints", "3 count", "3 count", "design S1.4"),
    # how grave a complaint is
    ("grade.forwarded_central", "4 grade", "4 grade", "background"),
    ("grade.forwarded_provincial", "3 grade", "3 grade", "background"),
    ("grade.group", "2 grade", "2 grade", "design"),
    ("grade.injury", "3 grade", "3 grade", "F-26"),
    ("grade.may_bypass", "2 grade", "2 grade", "background"),
    ("grade.media_city", "2 grade", "2 grade", "background"),
    ("grade.media_national", "4 grade", "4 grade", "background"),
    ("grade.media_provincial", "3 grade", "3 grade", "background"),
    ("grade.regulator", "3 grade", "3 grade", "background"),
    ("grade.regulator_group", "4 grade", "4 grade", "background"),
    ("grade.repeated", "2 grade", "2 grade", "design"),
    ("grade.repeated_from", "2 count", "2 count", "design"),
    ("grade.supervised_city", "3 grade", "3 grade", "background"),
    ("grade.supervised_county", "2 grade", "2 grade", "background"),
    ("grade.supervised_provincial", "4 grade", "4 grade", "background"),
    ("grade.wide_impact", "2 grade", "2 grade", "design"),
    # 2.4 the two 5 minutes
    ("two_five.entry", "5 minute", "5 minute", "S1.22 F-13"),
    ("two_five.notify", "5 minute", "5 minute", "S1.22 F-18"),
    ("two_five.end_to_end", "5 minute", "5 minute", "S1.5"),
    ("two_five.alarm", "10 minute", "10 minute", "design"),
    ("outage.hold_off", "1 minute", "1 minute", "design"),
    ("outage.review", "15 minute", "15 minute", "design"),
    ("outage.settle", "15 minute", "15 minute", "design"),
    # 2.5 the regulator
    ("hotline_12398.internal", "10 workday", "10 workday", "F-26"),
    ("hotline_12398.accept", "7 day", "7 day", "F-30"),
    ("hotline_12398.close", "60 day", "60 day", "F-31"),
    ("hotline_12398.extend", "30 day", "30 day", "F-31"),
    # 2.6 new connections
    ("connection.total.resident", "5 workday", "5 workday", "F-01"),
    ("connection.total.lv", "6 workday", "6 workday", "F-01"),
    ("connection.total.hv_single", "22 workday", "22 workday", "F-01"),
    ("connection.total.hv_dual", "32 workday", "32 workday", "F-01"),
    ("connection.look_back", "1 month", "1 month", "S4.13"),
    # 2.7 frequent outages
    ("frequent_outage.count", "3 count", "3 count", "background"),
    ("frequent_outage.window", "2 month", "2 month", "background"),
    ("frequent_outage.warn_at", "2 count", "2 count", "design"),
    ("low_voltage.count", "3 count", "3 count", "design"),
    ("low_voltage.window", "2 month", "2 month", "design"),
    ("low_voltage.warn_at", "2 count", "2 count", "design"),
    # crews and trucks
    ("resources.assumed_restoration", "4 hour", "4 hour", "design"),
    ("resources.kw.cold_store", "60 kilowatt", "60 kilowatt", "design"),
    ("resources.kw.fish_farm", "30 kilowatt", "30 kilowatt", "design"),
    ("resources.kw.five_guarantees", "3 kilowatt", "3 kilowatt", "design"),
    ("resources.kw.greenhouse", "20 kilowatt", "20 kilowatt", "design"),
    ("resources.kw.key", "100 kilowatt", "100 kilowatt", "design"),
    ("resources.kw.key_first", "200 kilowatt", "200 kilowatt", "design"),
    ("resources.kw.key_second", "100 kilowatt", "100 kilowatt", "design"),
    ("resources.kw.key_special", "400 kilowatt", "400 kilowatt", "design"),
    ("resources.kw.key_temporary", "200 kilowatt", "200 kilowatt", "design"),
    ("resources.kw.life_support", "3 kilowatt", "3 kilowatt", "design"),
    ("resources.kw.lift", "30 kilowatt", "30 kilowatt", "design"),
    ("resources.kw.sensitive", "30 kilowatt", "30 kilowatt", "design"),
    ("resources.kw.vulnerable", "3 kilowatt", "3 kilowatt", "design"),
    ("resources.tolerates.cold_store", "4 hour", "4 hour", "design"),
    ("resources.tolerates.fish_farm", "60 minute", "60 minute", "design"),
    ("resources.tolerates.five_guarantees", "8 hour", "8 hour", "design"),
    ("resources.tolerates.greenhouse", "2 hour", "2 hour", "design"),
    ("resources.tolerates.key", "120 minute", "120 minute", "design"),
    ("resources.tolerates.key_first", "30 minute", "30 minute", "design"),
    ("resources.tolerates.key_second", "120 minute", "120 minute", "design"),
    ("resources.tolerates.key_special", "15 minute", "15 minute", "design"),
    ("resources.tolerates.key_temporary", "30 minute", "30 minute", "design"),
    ("resources.tolerates.life_support", "30 minute", "30 minute", "design"),
    ("resources.tolerates.lift", "60 minute", "60 minute", "design"),
    ("resources.tolerates.sensitive", "4 hour", "4 hour", "design"),
    ("resources.tolerates.vulnerable", "8 hour", "8 hour", "design"),
    # network watch
    ("patrol.gap", "60 minute", "60 minute", "design"),
    ("patrol.low_voltage", "90 percent", "90 percent", "background"),
    ("patrol.low_voltage_for", "30 minute", "30 minute", "design"),
    ("patrol.overload", "100 percent", "100 percent", "design"),
    ("patrol.overload_for", "30 minute", "30 minute", "design"),
    ("patrol.phase_loss", "50 percent", "50 percent", "design"),
    ("patrol.phase_loss_for", "5 minute", "5 minute", "design"),
    ("patrol.repeated_trips", "3 count", "3 count", "design"),
    ("patrol.repeated_trips_in", "24 hour", "24 hour", "design"),
    ("community_light.complaints", "2 count", "2 count", "F-41"),
    ("community_light.repairs", "30 count", "30 count", "F-41"),
    # 4 reliability
    ("reliability.momentary", "5 minute", "5 minute", "background"),
    ("reliability.momentary_china", "3 minute", "3 minute", "background"),
    # which device failed
    ("inference.suspected", "1/2 fraction", "1/2 fraction", "design"),
    ("inference.probable", "9/10 fraction", "9/10 fraction", "design"),
    ("inference.confirmed", "99/100 fraction", "99/100 fraction", "design"),
    ("inference.callers", "2 count", "2 count", "design"),
    ("inference.patience", "5 minute", "5 minute", "design"),
    ("inference.fade", "3 hour", "3 hour", "design"),
    ("inference.unanswered", "12 hour", "12 hour", "design"),
    ("inference.window", "12 hour", "12 hour", "design"),
    ("inference.early", "10 minute", "10 minute", "design"),
    ("inference.denial", "2 hour", "2 hour", "design"),
    # 5 texts
    ("sms.single", "70 count", "70 count", "F-66 F-67 F-68 F-69"),
    ("sms.part", "67 count", "67 count", "F-66 F-67 F-68"),
    ("quiet_hours.from", "21:00", "21:00", "design"),
    ("quiet_hours.to", "08:00", "08:00", "design"),
    ("quiet_hours.margin", "30 minute", "30 minute", "design"),
    ("sms.cap.burst", "10 count", "10 count", "F-74"),
    ("sms.cap.burst_window", "10 minute", "10 minute", "F-74"),
    ("sms.cap.day", "20 count", "20 count", "F-74"),
    # the complaint ledger
    ("issue.follow_up.max", "180 count", "180 count", "design"),
    ("issue.internal.important", "3 workday", "3 workday", "design"),
    ("issue.internal.major", "2 workday", "2 workday", "design"),
    ("issue.internal.special", "1 workday", "1 workday", "design"),
    ("issue.sign.general", "2 count", "2 count", "design"),
    ("issue.sign.important", "2 count", "2 count", "design"),
    ("issue.sign.major", "3 count", "3 count", "design"),
    ("issue.sign.special", "3 count", "3 count", "design"),
    ("issue.sign.grievance", "1 count", "1 count", "design"),
    ("issue.sign.poor_supply", "1 count", "1 count", "design"),
    ("poor_supply.opens_issue", "1 count", "1 count", "design"),
    ("issue.sign.hotline_12398", "3 count", "3 count", "design"),
    ("issue.sign.hotline_12345", "2 count", "2 count", "design"),
    ("issue.item.city.attribution_settled", "1 count", "1 count", "design"),
    ("issue.item.city.facts_confirmed", "1 count", "1 count", "design"),
    ("issue.item.city.lessons_passed_on", "1 count", "1 count", "design"),
    ("issue.item.city.looked_at_on_site", "1 count", "1 count", "design"),
    ("issue.item.city.measure_fits_request", "1 count", "1 count", "design"),
    ("issue.item.city.orders_filed", "1 count", "1 count", "design"),
    ("issue.item.city.visit_checked", "1 count", "1 count", "design"),
    ("issue.item.county.cause_found", "1 count", "1 count", "design"),
    ("issue.item.county.contact_in_time", "1 count", "1 count", "design"),
    ("issue.item.county.customer_told", "1 count", "1 count", "design"),
    ("issue.item.county.evidence_complete", "1 count", "1 count", "design"),
    ("issue.item.county.facts_checked_on_site", "1 count", "1 count", "design"),
    ("issue.item.county.leader_called", "1 count", "1 count", "design"),
    ("issue.item.county.measure_carried_out", "1 count", "1 count", "design"),
    ("issue.item.province.accountability_done", "1 count", "1 count", "design"),
    ("issue.item.province.bypass_explained", "1 count", "1 count", "design"),
    ("issue.item.province.customer_called", "1 count", "1 count", "design"),
    ("issue.item.province.deadlines_reviewed", "1 count", "1 count", "design"),
    ("issue.item.province.follow_up_arranged", "1 count", "1 count", "design"),
    ("issue.item.province.regulator_answered", "1 count", "1 count", "design"),
    ("issue.sign.bypass", "3 count", "3 count", "design"),
    ("issue.site_investigation", "5 workday", "5 workday", "design"),
    # papers: what goes around an issue
    ("appeal.term", "5 workday", "5 workday", "design"),
    ("appeal.sign", "2 workday", "2 workday", "design"),
    ("appeal.decide", "5 workday", "5 workday", "design"),
    ("accountability.confirm", "5 workday", "5 workday", "design"),
    ("accountability.carry_out", "10 workday", "10 workday", "design"),
    ("accountability.repeat_window", "12 month", "12 month", "design"),
    ("accountability.repeat_raises", "2 count", "2 count", "design"),
    ("interview.complaints", "3 count", "3 count", "design"),
    ("interview.per_million", "10 count", "10 count", "design"),
    ("interview.conditions", "2 count", "2 count", "design"),
    ("interview.notify", "2 workday", "2 workday", "design"),
    ("interview.hold", "5 workday", "5 workday", "design"),
    ("warning.complaints", "2 count", "2 count", "design"),
    ("warning.per_million", "8 count", "8 count", "design"),
    ("warning.conditions", "1 count", "1 count", "design"),
    ("warning.theme_weeks", "8 count", "8 count", "design"),
    ("warning.theme_least", "3 count", "3 count", "design"),
    ("warning.theme_rise", "2 count", "2 count", "design"),
    ("warning.same_place", "3 count", "3 count", "design"),
    ("warning.same_place_days", "30 day", "30 day", "design"),
    ("warning.outages", "3 count", "3 count", "design"),
    ("warning.overdue_visits", "3 count", "3 count", "design"),
    ("warning.issue", "1 workday", "1 workday", "design"),
    ("warning.receipt", "4 hour", "4 hour", "design"),
    ("warning.action", "3 workday", "3 workday", "design"),
    ("circular.publish", "5 workday", "5 workday", "design"),
    ("typical_case.publish", "10 workday", "10 workday", "design"),
    ("quality_check.check", "5 workday", "5 workday", "design"),
    ("quality_check.rework", "3 workday", "3 workday", "design"),
    ("quality_check.share", "10 percent", "10 percent", "design"),
    ("quality_check.least", "3 count", "3 count", "design"),
    ("spot_check.share", "5 percent", "5 percent", "design"),
    # the house's own
    ("effect.look_back", "5 minute", "5 minute", "design"),
    ("sweep.silent", "3 minute", "3 minute", "design"),
    ("sweep.backlog_age", "5 minute", "5 minute", "design"),
    ("track.failures", "5 count", "5 count", "design"),
    ("track.lock", "15 minute", "15 minute", "design"),
    ("retention.contact", "12 month", "12 month", "design"),
    ("retention.evidence_photo", "12 month", "12 month", "design"),
    ("retention.complaint_evidence.general", "36 month", "36 month", "design F-29"),
    ("retention.complaint_evidence.major", "60 month", "60 month", "design F-29"),
    ("retention.audit", "6 month", "6 month", "background"),
]


@pytest.mark.parametrize(
    ("limit_id", "state_grid", "southern_grid"),
    [row[:3] for row in FIGURES],
    ids=[f"{limit_id}: {source}" for limit_id, _, _, source in FIGURES],
)
def test_each_figure_is_the_one_of_its_source(limit_id, state_grid, southern_grid):
    assert figure(STATE.find(limit_id, on=TODAY)) == state_grid
    assert figure(SOUTHERN.find(limit_id, on=TODAY)) == southern_grid


def test_no_limit_is_shipped_that_the_table_of_figures_does_not_hold():
    assert STATE.ids() == SOUTHERN.ids() == tuple(sorted(row[0] for row in FIGURES))


@pytest.mark.parametrize(("limit_id", "figures"), [(row[0], row[3]) for row in FIGURES])
def test_what_no_published_page_states_in_any_rule_set_is_marked_assumed(limit_id, figures):
    kinds = {STATE.find(limit_id, on=TODAY).assumed, SOUTHERN.find(limit_id, on=TODAY).assumed}

    # F-13, F-15, F-17 and F-18 are true-or-false exam items, and F-29 gives no number.
    published = re.search(r"S\d|F-(?!13|15|17|18|29)\d\d", figures) and "design" not in figures
    if limit_id.startswith("two_five") and limit_id != "two_five.end_to_end":
        published = None  # S1.22 names the rule without its figures
    assert (False in kinds) is bool(published)


# The data files.


@pytest.mark.parametrize(
    "entry",
    [entry for _, entry in ENTRIES],
    ids=[f"{file}: {entry['id']}" for file, entry in ENTRIES],
)
def test_every_entry_says_where_it_comes_from_and_what_it_means(entry):
    label = re.match(
        r"\[(found|exam|design|background, unverified, (?:hi|mid|lo))\] \S", entry["source"]
    )

    assert label
    assert entry["assumed"] is (label[1] != "found")
    chinese = cited(entry["source"], "zh")
    assert chinese.startswith(label[0][:-1])
    assert re.search(r"[\u4e00-\u9fff]", chinese.removeprefix(label[0][:-1]))
    assert cited(entry["source"], "en") == entry["source"]
    assert re.search(r"[\u4e00-\u9fff]", entry["note_zh"])
    assert entry["note_zh"].endswith("。")
    assert entry["note_en"].isascii()
    assert entry["note_en"].endswith(".")
    assert not re.search(r"\b[SF]-?\d", entry["source"]), "labels of our own papers"
    assert Unit(entry["unit"])
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", entry["id"])


def test_no_source_is_translated_that_is_not_cited_and_an_offices_own_stands_as_written():
    text = files("chalicelib.domain.limits").joinpath("sources_zh.json").read_text("utf-8")
    stated = {entry["source"].split("] ", 1)[1] for _, entry in ENTRIES}
    assert sorted(json.loads(text)) == sorted(stated)
    assert cited("县公司〔2026〕3号", "zh") == "县公司〔2026〕3号"


def test_every_rule_set_and_version_agrees_on_the_unit_of_a_limit_now():
    for limit_id in STATE.ids():
        assert STATE.history(limit_id)[-1].unit is SOUTHERN.history(limit_id)[-1].unit


def test_no_entry_is_shipped_twice():
    keys = [(file, entry["id"], entry["effective_from"]) for file, entry in ENTRIES]

    assert len(keys) == len(set(keys))


def test_a_promise_is_never_looser_than_the_law_nor_tighter_than_the_house():
    for book in (STATE, SOUTHERN):

        def amount(limit_id: str, book: LimitBook = book) -> int:
            return book.find(limit_id, on=TODAY).number

        assert amount("complaint.internal") <= amount("complaint.promise")
        assert amount("complaint.promise") <= amount("complaint.legal")
        assert amount("service_request.reading_abnormal.handle") <= amount(
            "service_request.reading_abnormal.promise"
        )
        for terrain in ("urban", "rural", "remote"):
            assert amount(f"fault.arrive.{terrain}") <= amount(f"fault.arrive_legal.{terrain}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clock": "workday"}, "runs on wall"),
        ({"day_count": "next_day"}, "say how days count"),
        ({"unit": "workday", "clock": "workday"}, "say how days count"),
        ({"unit": "week"}, "week"),
        ({"amount": 0}, "out_of_range"),
    ],
)
def test_a_data_file_that_contradicts_itself_is_never_loaded(change, message):
    entry = next(entry for _, entry in ENTRIES if entry["id"] == "fault.receive")

    with pytest.raises((ValueError, BadInput), match=message):
        limits._read(entry | change, origin="common")


def test_a_rule_set_that_we_do_not_have_is_a_mistake():
    with pytest.raises(ValueError, match="state_grid"):
        LimitBook.shipped("common")


def test_the_shipped_book_is_read_once():
    assert LimitBook.shipped("state_grid") is STATE


# Clocks.


@pytest.mark.parametrize(
    ("limit_id", "basis", "day_count"),
    [
        ("fault.arrive.urban", Basis.WALL, ""),
        ("hotline_12345", Basis.WALL, ""),
        ("retention.contact", Basis.WALL, ""),
        ("complaint.promise", Basis.WORKDAY, "next_day"),
        ("bounce.final_ruling", Basis.NONE, ""),
        ("warn.red", Basis.NONE, ""),
        ("quiet_hours.from", Basis.NONE, ""),
    ],
)
def test_the_unit_decides_the_clock_so_that_the_two_are_never_mixed(limit_id, basis, day_count):
    limit = STATE.find(limit_id, on=TODAY)

    assert (limit.basis, limit.day_count) == (basis, day_count)


def test_examples_and_figures_that_are_only_on_record_are_shipped_switched_off():
    off = [limit.id for limit in STATE.all(on=TODAY) if not limit.enabled]

    assert off == [
        "enquiry.return_visit",
        "fault.arrive_key_customer",
        "issue.item.city.looked_at_on_site",
        "issue.item.county.leader_called",
        "issue.item.province.customer_called",
        "service_request.reading_abnormal.exam",
    ]


@pytest.mark.parametrize(
    ("limit_id", "duration"),
    [
        ("fault.arrive.urban", timedelta(minutes=45)),
        ("complaint.contact", timedelta(hours=24)),
        ("reopen.window", timedelta(days=7)),
    ],
)
def test_a_wall_limit_is_a_duration(limit_id, duration):
    assert STATE.find(limit_id, on=TODAY).duration == duration


@pytest.mark.parametrize(
    ("attribute", "limit_id"),
    [
        ("duration", "complaint.promise"),
        ("duration", "retention.contact"),
        ("duration", "bounce.final_ruling"),
        ("duration", "warn.red"),
        ("duration", "quiet_hours.from"),
        ("number", "warn.red"),
        ("number", "quiet_hours.from"),
        ("share", "bounce.final_ruling"),
        ("share", "quiet_hours.from"),
        ("time_of_day", "bounce.final_ruling"),
    ],
)
def test_a_limit_is_never_read_as_what_it_is_not(attribute, limit_id):
    with pytest.raises(TypeError, match=re.escape(limit_id)):
        getattr(STATE.find(limit_id, on=TODAY), attribute)


def test_each_unit_is_read_as_what_it_is():
    assert STATE.find("complaint.promise", on=TODAY).number == 5
    assert STATE.find("warn.red", on=TODAY).share == Fraction(1, 4)
    assert STATE.find("quiet_hours.from", on=TODAY).time_of_day == time(21)


@pytest.mark.parametrize(
    ("limit_id", "start", "end"),
    [
        ("fault.arrive.urban", "2026-02-28T23:30", "2026-03-01T00:15"),
        ("reopen.window", "2026-12-30T08:00", "2027-01-06T08:00"),
        ("retention.audit", "2025-08-31T12:00", "2026-02-28T12:00"),
        ("retention.audit", "2023-08-31T12:00", "2024-02-29T12:00"),
        ("retention.contact", "2024-02-29T12:00", "2025-02-28T12:00"),
        ("connection.look_back", "2025-12-31T12:00", "2026-01-31T12:00"),
        ("retention.complaint_evidence.major", "2025-12-01T00:00", "2030-12-01T00:00"),
    ],
)
def test_a_month_ends_on_its_last_day_at_the_latest(limit_id, start, end):
    limit = STATE.find(limit_id, on=TODAY)

    assert limit.after(datetime.fromisoformat(f"{start}Z")) == datetime.fromisoformat(f"{end}Z")


def test_workdays_cannot_be_added_to_a_wall_clock():
    with pytest.raises(TypeError, match="workday"):
        STATE.find("complaint.promise", on=TODAY).after(datetime(2026, 1, 1, tzinfo=UTC))


# Versions.


@pytest.mark.parametrize(
    ("limit_id", "on", "expected", "version"),
    [
        ("complaint.promise", date(2004, 1, 1), "7 workday", "state_grid@2011-10-13"),
        ("complaint.promise", date(2011, 10, 12), "7 workday", "state_grid@2011-10-13"),
        ("complaint.promise", date(2011, 10, 13), "7 workday", "state_grid@2011-10-13"),
        ("complaint.promise", date(2023, 8, 7), "7 workday", "state_grid@2011-10-13"),
        ("complaint.promise", date(2023, 8, 8), "5 workday", "state_grid@2023-08-08"),
        ("complaint.promise", date(2099, 1, 1), "5 workday", "state_grid@2023-08-08"),
        ("complaint.contact", date(2020, 12, 31), "1 workday", "state_grid@2011-10-13"),
        ("complaint.contact", date(2021, 1, 1), "24 hour", "state_grid@2021-01-01"),
        (
            "service_request.reading_abnormal.promise",
            date(2012, 1, 1),
            "7 workday",
            "state_grid@2011-10-13",
        ),
        ("complaint.legal", date(2026, 1, 1), "10 workday", "common@2010-01-01"),
    ],
)
def test_f_04_the_version_in_force_on_the_day_counts(limit_id, on, expected, version):
    limit = STATE.find(limit_id, on=on)

    assert (figure(limit), limit.version) == (expected, version)


def test_a_rule_set_replaces_all_versions_of_the_common_limit():
    assert [limit.origin for limit in STATE.history("complaint.promise")] == ["state_grid"] * 2
    assert [limit.origin for limit in SOUTHERN.history("complaint.contact")] == ["common"]


def test_a_running_clock_finds_its_version_again():
    pinned = STATE.pinned("complaint.promise", "state_grid@2011-10-13")

    assert figure(pinned) == "7 workday"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: STATE.find("fault.arrive", on=TODAY),
        lambda: STATE.find("fault.arrive", on=TODAY, offices=("qinghe",)),
        lambda: STATE.history("nothing"),
        lambda: STATE.pinned("complaint.promise", "state_grid@1999-01-01"),
        lambda: STATE.with_overrides([("qinghe", an_override(id="nothing"))]),
    ],
)
def test_a_limit_that_nobody_has_stated_is_a_mistake_and_never_a_guess(ask):
    with pytest.raises(UnknownLimit):
        ask()


# Offices.


def an_override(**changes: Any) -> Limit:
    raw = {
        "id": "fault.arrive.urban",
        "amount": 40,
        "unit": "minute",
        "effective_from": "2025-07-01",
        "source": "Qinghe county office, order 12 of 2025",
    }
    limit_id = changes.pop("id", raw["id"])
    limit = parse_override(raw | changes)
    return limit if limit_id == raw["id"] else _renamed(limit, limit_id)


def _renamed(limit: Limit, limit_id: str) -> Limit:
    return Limit(
        limit_id,
        limit.amount,
        limit.unit,
        limit.basis,
        limit.day_count,
        limit.effective_from,
        limit.source,
        limit.assumed,
        limit.note,
    )


PATH = ("station", "county", "city", "province")


def test_an_override_counts_for_its_office_and_all_below_from_its_day_on():
    book = STATE.with_overrides([("county", an_override())])

    def minutes(on: date, offices: Sequence[str]) -> int:
        return book.find("fault.arrive.urban", on=on, offices=offices).number

    assert minutes(date(2025, 6, 30), PATH) == 45
    assert minutes(date(2025, 7, 1), PATH) == 40
    assert minutes(TODAY, PATH[1:]) == 40
    assert minutes(TODAY, PATH[2:]) == 45
    assert minutes(TODAY, ("elsewhere", "city", "province")) == 45
    assert minutes(TODAY, ()) == 45


def test_the_nearest_office_wins_over_the_later_date():
    book = STATE.with_overrides(
        [
            ("province", an_override(amount=38, effective_from="2025-12-01")),
            ("county", an_override(amount=40, effective_from="2025-07-01")),
        ]
    )

    assert book.find("fault.arrive.urban", on=TODAY, offices=PATH).number == 40
    assert book.find("fault.arrive.urban", on=TODAY, offices=PATH[2:]).number == 38


def test_an_override_that_is_yet_to_come_leaves_the_field_to_the_next_office():
    book = STATE.with_overrides(
        [
            ("county", an_override(amount=30, effective_from="2027-01-01")),
            ("city", an_override(amount=42, effective_from="2025-01-01")),
        ]
    )

    assert book.find("fault.arrive.urban", on=TODAY, offices=PATH).number == 42
    assert book.find("fault.arrive.urban", on=date(2027, 1, 1), offices=PATH).number == 30


def test_an_office_may_state_versions_of_its_own():
    first, second = an_override(amount=40), an_override(amount=35, effective_from="2025-09-01")
    book = STATE.with_overrides([("county", second)]).with_overrides([("county", first)])

    def minutes(on: date) -> int:
        return book.find("fault.arrive.urban", on=on, offices=PATH).number

    assert [minutes(date(2025, month, 1)) for month in (6, 7, 8, 9)] == [45, 40, 40, 35]
    assert [limit.version for limit in book.history("fault.arrive.urban")] == [
        "state_grid@2011-10-13",
        "state_grid@2023-08-08",
        "county@2025-07-01",
        "county@2025-09-01",
    ]


def test_a_clock_that_runs_under_an_override_finds_it_again():
    book = STATE.with_overrides([("county", an_override())])

    assert book.pinned("fault.arrive.urban", "county@2025-07-01").number == 40


def test_an_override_carries_the_office_its_reason_and_the_shipped_meaning():
    limit = STATE.with_overrides([("county", an_override())]).find(
        "fault.arrive.urban", on=TODAY, offices=PATH
    )

    assert limit.version == "county@2025-07-01"
    assert limit.source == "Qinghe county office, order 12 of 2025"
    assert limit.assumed is False
    assert limit.note == STATE.find("fault.arrive.urban", on=TODAY).note


def test_a_book_is_never_changed_by_overriding_it():
    STATE.with_overrides([("county", an_override())])

    assert STATE.find("fault.arrive.urban", on=TODAY, offices=PATH).number == 45


def test_two_overrides_of_one_office_limit_and_day_are_a_mistake():
    with pytest.raises(ValueError, match="two versions"):
        STATE.with_overrides([("county", an_override()), ("county", an_override(amount=41))])


def test_an_override_in_another_unit_is_a_mistake():
    with pytest.raises(ValueError, match="counts workday"):
        STATE.with_overrides([("county", _renamed(an_override(), "complaint.promise"))])


def test_an_office_may_switch_a_limit_on():
    raw = {
        "id": "fault.arrive_key_customer",
        "amount": 30,
        "unit": "minute",
        "effective_from": "2025-01-01",
        "source": "city rule",
        "enabled": True,
    }
    book = STATE.with_overrides([("city", parse_override(raw))])

    assert book.find("fault.arrive_key_customer", on=TODAY, offices=PATH).enabled
    assert not book.find("fault.arrive_key_customer", on=TODAY).enabled


def test_all_limits_are_shown_as_they_hold_for_an_office():
    book = STATE.with_overrides([("county", an_override())])

    shown = {limit.id: limit for limit in book.all(on=TODAY, offices=PATH)}

    assert tuple(shown) == book.ids()
    assert shown["fault.arrive.urban"].number == 40
    assert figure(shown["complaint.promise"]) == "5 workday"


# Reading what an administrator sets.

RAW: dict[str, Any] = {
    "id": "complaint.internal",
    "amount": 3,
    "unit": "workday",
    "effective_from": "2026-03-01",
    "source": "county rule",
}


def raw_of(limit_id: str, amount: Any, unit: str) -> dict[str, Any]:
    return RAW | {"id": limit_id, "amount": amount, "unit": unit}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (RAW, "3 workday"),
        (RAW | {"amount": "3"}, "3 workday"),
        (RAW | {"amount": 3.0}, "3 workday"),
        (raw_of("fault.restore.urban", 2.5, "hour"), "5/2 hour"),
        (raw_of("fault.restore.urban", "2.5", "hour"), "5/2 hour"),
        (raw_of("fault.restore.urban", "7/3", "hour"), "7/3 hour"),
        (raw_of("warn.red", 0.25, "fraction"), "1/4 fraction"),
        (raw_of("warn.red", "1/10", "fraction"), "1/10 fraction"),
        (raw_of("warn.red", "1/3", "fraction"), "1/3 fraction"),
        (raw_of("quiet_hours.from", "22:30", "time_of_day"), "22:30"),
        (raw_of("sms.part", 66, "count"), "66 count"),
        (raw_of("retention.contact", 600, "month"), "600 month"),
    ],
)
def test_an_override_is_read(raw, expected):
    assert figure(parse_override(raw)) == expected


def test_an_override_may_count_the_day_on_which_it_starts():
    assert parse_override(RAW).day_count == "next_day"
    assert parse_override(RAW | {"day_count": "same_day"}).day_count == "same_day"


@pytest.mark.parametrize(
    ("raw", "errors"),
    [
        (None, {"": "limit.not_an_object"}),
        ([RAW], {"": "limit.not_an_object"}),
        ("complaint.internal", {"": "limit.not_an_object"}),
        ({}, {"id": "limit.unknown_id"}),
        (RAW | {"id": "complaint.nothing"}, {"id": "limit.unknown_id"}),
        (RAW | {"id": ["complaint.internal"]}, {"id": "limit.unknown_id"}),
        (
            {"id": "complaint.internal"},
            dict.fromkeys(("amount", "unit", "effective_from", "source"), "limit.required"),
        ),
        (RAW | {"amount": 0}, {"amount": "limit.out_of_range"}),
        (RAW | {"amount": -3}, {"amount": "limit.out_of_range"}),
        (RAW | {"amount": 251}, {"amount": "limit.out_of_range"}),
        (RAW | {"amount": 10**5000}, {"amount": "limit.out_of_range"}),
        (RAW | {"amount": 3.5}, {"amount": "limit.not_whole"}),
        (RAW | {"amount": "7/2"}, {"amount": "limit.not_whole"}),
        (RAW | {"amount": True}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": ""}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": "three"}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": "３"}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": "-3"}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": "1e9"}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": "1/0"}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": "9" * 100_000}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": float("nan")}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": float("inf")}, {"amount": "limit.not_a_number"}),
        (RAW | {"amount": [3]}, {"amount": "limit.not_a_number"}),
        (raw_of("fault.restore.urban", "1/7", "hour"), {"amount": "limit.not_whole"}),
        (raw_of("fault.restore.urban", "1/61", "hour"), {"amount": "limit.out_of_range"}),
        (raw_of("warn.red", 1, "fraction"), {"amount": "limit.out_of_range"}),
        (raw_of("warn.red", 0, "fraction"), {"amount": "limit.out_of_range"}),
        (raw_of("quiet_hours.from", "24:00", "time_of_day"), {"amount": "limit.not_a_time"}),
        (raw_of("quiet_hours.from", "9:00", "time_of_day"), {"amount": "limit.not_a_time"}),
        (raw_of("quiet_hours.from", 21, "time_of_day"), {"amount": "limit.not_a_time"}),
        (RAW | {"unit": "day"}, {"unit": "limit.wrong_unit"}),
        (RAW | {"unit": "hour", "amount": 72}, {"unit": "limit.wrong_unit"}),
        (RAW | {"unit": 3}, {"unit": "limit.wrong_unit"}),
        (RAW | {"effective_from": "2026-02-30"}, {"effective_from": "limit.not_a_date"}),
        (RAW | {"effective_from": "20260301"}, {"effective_from": "limit.not_a_date"}),
        (RAW | {"effective_from": "２０２６-03-01"}, {"effective_from": "limit.not_a_date"}),
        (RAW | {"effective_from": 20260301}, {"effective_from": "limit.not_a_date"}),
        (RAW | {"source": "  "}, {"source": "text.empty"}),
        (RAW | {"source": "rule\x00"}, {"source": "text.control"}),
        (RAW | {"source": "r" * 201}, {"source": "text.too_long"}),
        (RAW | {"source": 12}, {"source": "text.not_text"}),
        (RAW | {"day_count": "some_day"}, {"day_count": "limit.not_a_day_count"}),
        (RAW | {"day_count": 1}, {"day_count": "limit.not_a_day_count"}),
        (
            raw_of("sms.part", 66, "count") | {"day_count": "next_day"},
            {"day_count": "limit.no_day_count"},
        ),
        (RAW | {"enabled": "yes"}, {"enabled": "limit.not_a_flag"}),
        (RAW | {"assumed": False}, {"assumed": "limit.unknown_field"}),
        (RAW | {"origin": "province"}, {"origin": "limit.unknown_field"}),
        (RAW | {"x" * 1000: 1}, {"x" * 64: "limit.unknown_field"}),
        (
            RAW | {"amount": 0, "unit": "hour", "source": ""},
            {"amount": "limit.out_of_range", "unit": "limit.wrong_unit", "source": "text.empty"},
        ),
    ],
)
def test_an_override_out_of_range_or_shape_is_refused_field_by_field(raw, errors):
    with pytest.raises(BadInput) as caught:
        parse_override(raw)

    assert {error.field: error.code for error in caught.value.errors} == errors


def test_a_refused_amount_says_between_what_it_must_be():
    with pytest.raises(BadInput) as caught:
        parse_override(RAW | {"amount": 1000})

    assert dict(caught.value.errors[0].facts) == {"least": "1", "most": "250", "unit": "workday"}


@given(st.sampled_from(STATE.ids()), st.data())
def test_an_override_written_down_reads_back_the_same(limit_id, data):
    shape = STATE.history(limit_id)[-1]
    amounts: dict[Unit, st.SearchStrategy[Any]] = {
        Unit.TIME_OF_DAY: st.times().map(lambda at: at.isoformat("minutes")),
        Unit.FRACTION: st.fractions("1/100", "99/100", max_denominator=9999).map(str),
        Unit.PERCENT: st.integers(1, 100),
        Unit.GRADE: st.integers(1, 4),
        Unit.HOUR: st.integers(1, 600).map(lambda minutes: str(Fraction(minutes, 60))),
    }
    raw = {
        "id": limit_id,
        "amount": data.draw(amounts.get(shape.unit, st.integers(1, 250))),
        "unit": shape.unit.value,
        "effective_from": data.draw(st.dates(date(2000, 1, 1))).isoformat(),
        "source": "rule",
        "enabled": data.draw(st.booleans()),
    }
    limit = parse_override(raw)

    assert parse_override(json.loads(json.dumps(limit.to_json()))) == limit


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"id": st.sampled_from(STATE.ids()) | json_values},
        optional=dict.fromkeys(
            ("amount", "unit", "effective_from", "source", "day_count", "enabled", "more"),
            json_values,
        ),
    )
)
def test_no_json_at_all_does_worse_than_be_refused(raw):
    try:
        limit = parse_override(raw)
    except BadInput:
        return
    assert limit.unit is STATE.history(limit.id)[-1].unit


def test_limits_can_be_compared_and_kept_in_sets():
    assert {STATE.find("sms.part", on=TODAY), SOUTHERN.find("sms.part", on=TODAY)} == {
        STATE.history("sms.part")[0]
    }
