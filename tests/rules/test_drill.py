"""The drill simulates what it says, and what it says of the house holds on a few households."""

from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.domain.contact import Phone
from chalicelib.outbound.sms import GatewayBusy, ReplyLost, Text
from infra.drill import __main__ as drill
from infra.drill import scene
from infra.drill.floor import Floor
from infra.drill.gateway import PATIENCE, Clock, Simulated
from infra.drill.scene import NOON, Home, tiled
from tests.usecases.network import a_network, households

NETWORK = Path(__file__).resolve().parents[3] / "shared" / "grid" / "mv_oberrhein_30930_customers"
STREET = tuple(
    Home(
        account=f"41000{door:05}",
        phone=f"+861690000{door:04}",
        load=f"ld{door % 3}",
        transformer=f"tr{door % 2}",
        flags=frozenset({"life_support"} if door == 7 else ()),
    )
    for door in range(40)
)


def a_text(number: int) -> Text:
    return Text(f"told.Q.{number}.1", Phone(f"+861690000{number:04}"), "LK", {}, "正文")


def test_the_gateway_takes_no_more_than_its_rate_whoever_asks_first():
    clock = Clock(NOON)
    gateway = Simulated(clock, rate=100, latency=0.0)

    for number in range(180):
        clock.seconds = 0.5 * (number % 2)
        gateway.send(a_text(number), at=clock.now())

    seconds = sorted(one.at for one in gateway.taken)
    assert sum(second < 1 for second in seconds) == 100
    assert seconds[-1] < 2


def test_the_gateway_answers_busy_when_a_text_would_wait_too_long_and_when_it_is_down():
    clock = Clock(NOON)
    gateway = Simulated(clock, rate=20, down=(100.0, 101.0))
    for number in range(41):
        clock.seconds = 0
        gateway.send(a_text(number), at=clock.now())
    clock.seconds = 0
    with pytest.raises(GatewayBusy) as busy:
        gateway.send(a_text(41), at=clock.now())
    assert busy.value.retry_after > PATIENCE
    assert len(gateway.taken) == 41

    clock.seconds = 100.5
    with pytest.raises(GatewayBusy):
        gateway.send(a_text(1), at=clock.now())


def test_a_lost_reply_is_of_a_text_that_was_taken_and_a_gateway_with_keys_sends_it_once():
    for has_keys, extra in ((False, 1), (True, 0)):
        gateway = Simulated(Clock(NOON), 100, loses=1.0, has_keys=has_keys)
        for _ in range(2):
            with pytest.raises(ReplyLost):
                gateway.send(a_text(1), at=NOON + timedelta(seconds=1))
        assert (gateway.extra, gateway.lost) == (extra, 2)


def test_tiled_households_have_accounts_numbers_and_transformers_of_their_own():
    homes = list(tiled(STREET, 100))

    assert len(homes) == 100
    assert len({home.account for home in homes}) == len({home.phone for home in homes}) == 100
    assert len({home.transformer for home in homes}) == 6
    assert all(Phone(home.phone).can_text for home in homes)


def test_a_street_is_told_once_the_vulnerable_first_and_a_killed_worker_costs_one_text():
    homes = list(STREET)
    with scene.county() as desk:
        scene.settle_in(homes)
        for number, kill in enumerate([None, (30, False), (1, True), (31, True)]):
            clock = Clock(NOON + timedelta(days=number))
            floor = Floor(desk, clock, Simulated(clock, 400.0), kill_at=kill)
            with floor:
                opened = drill.tripped(desk, floor, homes, f"d{number}")
                told = drill.tell(homes, floor, opened=opened)

            assert (told.lost, told.counts) == (0, {"sent": 40})
            assert kill is not None or told.first_urgent < 2
            assert floor.killed == (kill is not None)
            assert told.gateway.extra <= floor.killed


@pytest.mark.skipif(not NETWORK.exists(), reason="the shared networks are not on this machine")
def test_the_biggest_feeder_is_the_one_whose_head_darkens_most():
    village = scene.Village.read(NETWORK)

    device, homes = village.biggest_feeder()

    assert (device, len(homes), len(village.homes)) == ("sw321", 10_510, 30_930)


def test_a_store_that_throttles_costs_time_and_nobody():
    homes = list(STREET[:12])
    with scene.county() as desk:
        scene.settle_in(homes)
        for number, (share, until) in enumerate([(0.2, 0.0), (0.0, 200.0)]):
            clock = Clock(NOON + timedelta(days=number))
            floor = Floor(desk, clock, Simulated(clock, 400.0), throttles=share)
            floor.silent = (0.7, until)
            with floor:
                opened = drill.tripped(desk, floor, homes, f"d{number}")
                told = drill.tell(homes, floor, opened=opened)

            assert floor.throttled > 0
            assert (told.lost, told.gateway.extra, told.counts) == (0, 0, {"sent": 12})


@pytest.mark.parametrize("is_locked_out", [True, False], ids=["locked out", "may reclose"])
def test_what_is_told_begins_with_evidence_from_which_one_outage_is_opened(is_locked_out):
    network = a_network(size=2)
    homes = [
        Home(
            account=each.account_no,
            phone=each.phones[0].number,
            load=each.load_id,
            transformer=each.transformer_id,
            flags=each.flags,
        )
        for each in households()
        if each.transformer_id != "T-04"
    ]
    with scene.county() as desk:
        scene.settle_in(homes)
        scene.lay(network)
        clock = Clock(NOON)
        with Floor(desk, clock, Simulated(clock, 400.0)) as floor:
            opened = drill.heard(desk, floor, "F1-CB", homes, is_locked_out=is_locked_out)
            told = drill.tell(homes, floor, opened=opened)

        assert (told.lost, told.counts) == (0, {"sent": 12})
        assert 0 < told.shown <= told.free < told.entered < told.first_urgent < told.last
        assert (told.free > 60) is not is_locked_out
