"""What the public may know: areas, counts and times, whole, in time, and nothing else."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Kind, Outage, State
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.outbound.site import Folder
from chalicelib.store import customers, ledger, outages, registry
from chalicelib.store.customers import Place
from chalicelib.store.outages import Change, Head
from chalicelib.usecases import publishing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.publishing import NewsItem, publish, publish_when_old, read
from tests.domain.blackout import CREW, act, announced, at, opened
from tests.domain.engine import RULES
from tests.usecases.county import COUNTY, STATION, the_desk

ADDRESS = "https://qinghe.test/status"
WRITER = Actor("supervisor", "w1", COUNTY)


def keep(made: moves.Made, before: Head | None = None) -> Head:
    return outages.commit(Change(before, made))[0]


def kept(outage: Outage) -> Head:
    """Keep an outage as it is, whatever made it."""
    made = opened(outage_id=outage.outage_id)
    return outages.commit(Change(None, replace(made, outage=outage)))[0]


@pytest.fixture
def places(desk: Desk) -> Desk:
    """Three areas, one of them in a village of its own."""
    some = [
        Place(code=code, name=name, county=COUNTY, office_id=STATION, village=village,
              township="城关镇", line="10kV城关线")
        for code, name, village in (
            ("T1", "东街村1号公变", "东街村"), ("T2", "南街村2号公变", "南街村"),
            ("T3", "北街村3号公变", "北街村"),
        )
    ]  # fmt: skip
    customers.put_places(customers.compare_places(COUNTY, some))
    return desk


@pytest.fixture
def site(tmp_path) -> Folder:
    return Folder(tmp_path)


def items(desk: Desk, minutes: float = 10) -> list[dict[str, object]]:
    return [dict(shown.item) for shown in read(desk, at=at(minutes))]


def test_s2_9_a_fault_is_shown_by_areas_count_and_times(places):
    head = keep(opened())
    told = moves.set_etr(
        head.outage, act(5, by=CREW), at=at(120), source="crew", reason="", rules=RULES
    )
    head = keep(told, head)
    keep(
        moves.set_crew(head.outage, act(6, by=CREW), status="arrived", crew_id="c7", rules=RULES),
        head,
    )

    (item,) = items(places)

    assert item["kind"] == "fault"
    assert item["state"] == "running"
    assert item["area"] == "东街村1号公变、南街村2号公变"
    assert item["areas"] == ["东街村1号公变", "南街村2号公变"]
    assert item["townships"] == ["城关镇"]
    assert item["lines"] == ["10kV城关线"]
    assert item["customers_affected"] == 43
    assert item["started_at"] == "2026-07-01T04:15:00.000Z"
    assert item["estimated_restoration_time"] == "2026-07-01T06:15:00.000Z"
    assert item["etr_source"] == "crew"
    assert item["progress"] == "on_site"
    assert item["cause"] is None
    assert item["restored_at"] is None


@pytest.mark.parametrize(("households", "shown"), [(4, None), (5, 5)])
def test_fewer_households_than_five_are_a_few(places, households, shown):
    keep(opened(reach=Reach.of({"T1": "all"}, {"T1": households})))

    assert [item["customers_affected"] for item in items(places)] == [shown]


def test_s2_10_arrears_exercises_and_mere_suspicions_are_never_shown(places):
    keep(opened(kind=Kind.ARREARS, outage_id="Q1"))
    keep(opened(training=True, outage_id="Q2", reach=Reach.of({"T3": "all"})))
    keep(opened(State.SUSPECTED, outage_id="Q3", by=Actor("system", "inference")))

    assert items(places) == []


def test_what_is_shown_names_no_device_no_feeder_no_place_code_and_nobody(places):
    keep(opened())

    text = json.dumps(items(places))

    assert not re.search(r'"(?:B1|B2|F1|T1|T2|L7|d1|S1|X1)"', text)
    allowed = {
        "id", "kind", "state", "area", "areas", "townships", "lines", "started_at",
        "planned_end_at", "estimated_restoration_time", "etr_source", "next_update_at",
        "updated_at", "cause", "cause_en", "progress", "customers_affected", "restored_at",
        "cancelled_at",
    }  # fmt: skip
    assert set(items(places)[0]) == allowed


def test_what_is_back_is_shown_for_a_day_and_of_what_is_dark_only_the_rest(places):
    head = keep(opened())
    part = Reach.of({"T1": "all"}, {"T1": 40})
    head = keep(
        moves.restore(head.outage, act(30, by=CREW), reach=part, at=at(30), rules=RULES), head
    )
    assert [(one["area"], one["customers_affected"]) for one in items(places, 31)] == [
        ("南街村2号公变", None)
    ]

    keep(moves.restore(head.outage, act(60, by=CREW), at=at(58), rules=RULES), head)

    (item,) = items(places, 61)
    assert (item["state"], item["progress"]) == ("restored", "restored")
    assert item["restored_at"] == "2026-07-01T05:13:00.000Z"
    assert item["customers_affected"] == 43
    assert len(items(places, 60 + 24 * 60 - 1)) == 1
    assert items(places, 60 + 24 * 60) == []


def test_s2_8_a_plan_is_shown_once_it_is_announced_and_then_that_it_was_called_off(places):
    head = kept(announced())
    (item,) = items(places, 60)
    assert (item["state"], item["kind"]) == ("planned", "planned")
    assert item["planned_end_at"] == "2026-07-11T12:15:00.000Z"
    assert item["progress"] is None

    minutes = (head.outage.recorded_at - at(0)) / timedelta(minutes=1) + 5
    keep(moves.cancel(head.outage, act(minutes), reason="weather", rules=RULES), head)

    (item,) = items(places, minutes + 1)
    assert item["state"] == "cancelled"
    assert item["cancelled_at"] is not None
    assert item["restored_at"] is None


def test_a_place_finds_its_outage_and_another_place_none(places):
    keep(opened())
    shown = publishing.known(places, at=at(10))

    found = publishing.current_at(shown, "T2")
    assert found is not None
    assert found["id"] == "Q1"
    assert publishing.current_at(shown, "T3") is None


# The file ---------------------------------------------------------------------------------------


def written(site: Folder) -> dict[str, object]:
    content = site.read("status.json")
    assert content is not None
    document: dict[str, object] = json.loads(content)
    return document


def test_the_file_says_what_the_interface_says_and_a_plain_server_serves_it(places, site, tmp_path):
    keep(opened())
    assert publish(places, site, address=ADDRESS, at=at(10))

    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/status.json"
        with urlopen(address, timeout=5) as answer:
            served = json.load(answer)
        server.shutdown()

    shown = publishing.known(places, at=at(10))
    assert served == publishing.status(places, shown, at=at(10))
    assert [item["id"] for item in served["items"]] == ["Q1"]


def test_the_feed_is_rss_and_tells_of_each_outage(places, site):
    keep(opened())
    publish(places, site, address=ADDRESS, at=at(10))

    content = site.read("status.rss")
    assert content is not None
    channel = ET.fromstring(content).find("channel")  # noqa: S314 - our own
    assert channel is not None
    assert [one.findtext("title") for one in channel.findall("item")] == [
        "故障停电：东街村1号公变、南街村2号公变"
    ]
    said = channel.findtext("item/description") or ""
    assert said.startswith("2026年7月1日12:15开始")
    assert channel.findtext("item/pubDate") == "Wed, 01 Jul 2026 04:17:00 GMT"


def test_a_file_that_is_newer_than_a_change_is_not_written_again(places, site):
    publish(places, site, address=ADDRESS, at=at(10))

    assert not publish(places, site, address=ADDRESS, at=at(11), since=at(9))
    assert publish(places, site, address=ADDRESS, at=at(11), since=at(10))


def test_of_two_who_write_at_once_the_newer_reading_stays(places, tmp_path):
    """A writer that is overtaken between its reading and its writing writes once more."""

    class Overtaken(Folder):
        def __init__(self, folder: Path, overtake: Callable[[], object]) -> None:
            super().__init__(folder)
            self.overtake: Callable[[], object] | None = overtake

        def write(self, name: str, body: bytes, *, content_type: str) -> None:
            if self.overtake is not None:
                overtake, self.overtake = self.overtake, None
                overtake()
            super().write(name, body, content_type=content_type)

    def another() -> None:
        keep(opened())
        publish(places, Folder(tmp_path), address=ADDRESS, at=at(10))

    site = Overtaken(tmp_path, another)
    publish(places, site, address=ADDRESS, at=at(10))

    assert written(site)["items"] == items(places)
    assert len(items(places)) == 1


def test_the_sweep_writes_what_is_missing_broken_or_older_than_its_promise(places, site):
    def sweep(when: datetime) -> bool:
        return publish_when_old(lambda: places, site, address=ADDRESS, at=when)

    assert sweep(at(0))
    assert not sweep(at(3.9))
    assert sweep(at(4))
    site.write("status.json", b"{", content_type="application/json")
    assert sweep(at(4))
    assert written(site)["updated_at"] == "2026-07-01T04:19:00.000Z"


def test_an_orders_rungs_are_not_read_as_an_outages():
    [shown] = opened().events[-1:]
    rungs = [["arrive", "due", 1, "county"]]
    timer = replace(shown, aggregate="order/1234567890123452", data={"rungs": rungs, "public": 1})
    assert publishing.changed_at([timer]) is None


def test_only_what_the_page_would_show_has_it_written(places):
    shown, hidden = opened(), opened(kind=Kind.ARREARS, outage_id="Q2")
    assert publishing.changed_at(shown.events) == shown.events[-1].recorded_at
    assert publishing.changed_at(hidden.events) is None

    item = NewsItem("供电所午间正常营业", "12:00—14:00照常办理业务。", at(0))
    publishing.write_news(places, COUNTY, item, news_id="n1", by=WRITER, at=at(1))
    news = list(ledger.read(f"registry/setting/news/{COUNTY}"))
    assert publishing.changed_at(news) == at(1)


# News -------------------------------------------------------------------------------------------


def test_news_are_on_show_from_their_start_until_their_end(desk):
    item = NewsItem("迎峰度夏供电安排", "请错峰用电。", at(10), at(20))
    publishing.write_news(desk, COUNTY, item, news_id="n1", by=WRITER, at=at(1))
    registry.refresh()
    desk = the_desk(at(1))

    on_show = [len(publishing.news(desk, at=at(minutes))) for minutes in (9, 10, 19, 20)]
    assert on_show == [0, 1, 1, 0]
    assert set(publishing.news(desk, at=at(10))[0]) == {"id", "title", "body", "from", "until"}


def test_news_are_changed_and_taken_down_and_the_chain_keeps_who_did(desk):
    item = NewsItem("供电所搬迁", "新址在建设路12号。", at(0))
    publishing.write_news(desk, COUNTY, item, news_id="n1", by=WRITER, at=at(1))
    desk = the_desk(at(1))
    again = replace(item, body="新址在建设路14号。")
    publishing.write_news(desk, COUNTY, again, news_id="n1", by=WRITER, at=at(2))
    desk = the_desk(at(2))
    assert [one["body"] for one in publishing.news(desk, at=at(3))] == ["新址在建设路14号。"]

    publishing.take_down_news(desk, COUNTY, "n1", by=WRITER, at=at(4))

    desk = the_desk(at(4))
    assert publishing.news(desk, at=at(5)) == []
    events = list(ledger.read(f"registry/setting/news/{COUNTY}"))
    assert [event.actor.actor_id for event in events] == ["w1", "w1", "w1"]
    with pytest.raises(Unknown):
        publishing.take_down_news(desk, COUNTY, "n1", by=WRITER, at=at(6))


def test_news_that_end_before_they_begin_are_refused(desk):
    item = NewsItem("标题", "正文", at(10), at(10))

    with pytest.raises(BadInput):
        publishing.write_news(desk, COUNTY, item, news_id="n1", by=WRITER, at=at(1))
