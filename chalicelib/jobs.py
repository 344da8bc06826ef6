"""What wakes the house besides people: events of schedules, queue and stream become use cases.

Plain functions, wired in app.py. Stream and queue answer with the records that failed
(ReportBatchItemFailures); everything may come twice, late, or in pieces.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib import ambient, telemetry
from chalicelib.domain.calendar import CHINA, local_day
from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.issue import is_issue, issue_id_of
from chalicelib.domain.order import Event, canonical
from chalicelib.domain.outage import is_outage, outage_id_of
from chalicelib.domain.paper import is_paper
from chalicelib.domain.refusal import Busy
from chalicelib.outbound.objects import files_from
from chalicelib.outbound.queue import Message, queue_from
from chalicelib.outbound.seals import seals_from
from chalicelib.outbound.site import site_from
from chalicelib.outbound.sms import gateway_from, rate_of
from chalicelib.store import registry
from chalicelib.store.outages import WAITING, Head
from chalicelib.telemetry import Metric
from chalicelib.usecases import (
    delivering,
    forgetting,
    locating,
    papers,
    publishing,
    pursuing,
    responding,
    rounds,
    sealing,
    spotting,
    verifying,
    watching,
)
from chalicelib.usecases.delivering import Later, Ports
from chalicelib.usecases.desk import Desk, open_desk
from chalicelib.usecases.responding import Ways
from chalicelib.usecases.rounds import Post

SPARE_MS: Final = 8_000
"""What is left of a run when it stops taking up more: one order takes far less."""
LONGEST_DELAY: Final = 900  # seconds. Source: SQS

Missing = tuple[str, int, str]
Failures = dict[str, list[dict[str, str]]]


def _desk() -> Desk:
    settings = ambient.settings()
    return open_desk(secret=settings.secret, ruleset=settings.ruleset, at=ambient.now())


def _out_of_time(context: Any) -> Callable[[], bool]:
    return lambda: bool(context.get_remaining_time_in_millis() < SPARE_MS)


# Schedules --------------------------------------------------------------------------------------


def sweep(context: Any) -> None:
    """Do what is due in every county, oldest first."""
    at = ambient.now()
    swept = watching.sweep(
        _desk,
        at=at,
        counties=registry.counties(at=at),
        enqueue=_enqueue,
        is_out_of_time=_out_of_time(context),
    )
    telemetry.count(Metric.SWEPT)
    _keep_published(at)
    if swept.read:
        telemetry.log(
            "sweep.done",
            read=swept.read,
            fired=swept.fired,
            looked=swept.looked,
            raced=swept.raced,
            parked=swept.parked,
            requeued=len(swept.requeue),
            stopped_early=swept.stopped_early,
        )


def _keep_published(at: datetime) -> None:
    """See that the public page is no older than it promises. What fails is tried in a minute."""
    site = site_from(ambient.settings().site)
    if site is None:
        return
    try:
        address = f"{ambient.settings().public_url}/status"
        publishing.publish_when_old(_desk, site, address=address, at=at)
    except Busy as busy:
        telemetry.fail("publish.failed", busy)


def watchdog() -> None:
    """Publish how late the oldest due instant is; the alarm on it is the template's."""
    desk = _desk()
    late = watching.oldest_due(desk.snapshot.counties, at=ambient.now())
    telemetry.count(Metric.OLDEST_DUE, late.total_seconds())
    for kind, key in desk.snapshot.unreadable:
        telemetry.alarm("registry.unreadable", kind=kind, key=key)


def seal() -> None:
    """Seal every full hour that has no seal yet."""
    settings = ambient.settings()
    port = seals_from(settings.seals)
    sealing.seal_up_to(port, private_key=settings.seal_key, at=ambient.now())


def verify(context: Any) -> None:
    """See each night that what was recorded the day before is still as it was."""
    settings, at = ambient.settings(), ambient.now()
    night = verifying.nightly(
        _desk().snapshot.counties,
        port=seals_from(settings.seals),
        public_key=settings.seal_public,
        is_out_of_time=_out_of_time(context),
        at=at,
    )
    telemetry.log(
        "verify.night",
        orders=night.orders,
        chains=night.chains,
        events=night.events,
        hours=night.hours,
        unsealed=night.unsealed,
        bad=night.bad,
        left=len(night.left),
    )


MORNING: Final = 6
"""The local hour in which what is looked for once a day is looked for. [design]"""


def spot(context: Any) -> None:
    """Put on paper what the rules find: what is grave each hour, all else each morning."""
    at, is_late = ambient.now(), _out_of_time(context)
    runs = [spotting.hourly(_desk(), at=at, is_out_of_time=is_late)]
    if at.astimezone(CHINA).hour == MORNING:
        runs.append(spotting.daily(_desk(), at=at, is_out_of_time=is_late))
    for run in runs:
        telemetry.log(
            "spot.done",
            opened=sum(run.opened.values()),
            refused=run.refused,
            stopped_early=run.stopped_early,
        )


def forget(context: Any) -> None:
    """Forget the people of orders whose term is over."""
    settings = ambient.settings()
    files = files_from(settings.files, secret=settings.secret)
    done = forgetting.forget(_desk(), files, at=ambient.now(), is_out_of_time=_out_of_time(context))
    telemetry.log("forget.night", orders=done.orders, rows=done.rows, postponed=done.postponed)


# The ledger's stream ----------------------------------------------------------------------------


def deliver(batch: Mapping[str, Any]) -> Failures:
    """Take in what the ledger's stream brought: stage its digests, spread its effects.

    The stream is in order, so a record that fails fails all behind it: they come again together.
    """
    desk, at = _desk(), ambient.now()
    events: list[Event] = []
    for record in batch["Records"]:
        try:
            event = _arrived(record)
            if event is not None:
                _note(desk, event)
                events.append(event)
        except (Busy, ValueError, KeyError, TypeError) as error:
            telemetry.fail("deliver.failed", error)
            return _settle(desk, events, at=at, failed=_sequence(record))
    return _settle(desk, events, at=at, failed=None)


def _settle(desk: Desk, events: Sequence[Event], *, at: datetime, failed: str | None) -> Failures:
    sealing.stage(events, at=at)
    _enqueue(delivering.spread(desk, events))
    _wake_later(responding.wakes(events), at=at)
    changed = publishing.changed_at(events)
    if changed is not None and ambient.settings().site:
        body = canonical({"publish": millis(changed)})
        _queue().enqueue([Message(f"publish.{millis(changed)}", body, 0)])
    return _failures([failed] if failed else [])


def _wake_later(waiting: Iterable[tuple[str, datetime]], *, at: datetime) -> None:
    """Have outages woken when their hold-off is over, not up to a minute later."""
    messages = [
        Message(f"wake.{outage_id}", canonical({"wake": outage_id}), _seconds_until(until, at))
        for outage_id, until in waiting
    ]
    if messages:
        _queue().enqueue(messages)


def _seconds_until(until: datetime, at: datetime) -> int:
    return min(max(0, math.ceil((until - at).total_seconds())), LONGEST_DELAY)


def _arrived(record: Mapping[str, Any]) -> Event | None:
    """Return the event of a new row. A row that was changed or removed raises the alarm."""
    change = record["dynamodb"]
    if record["eventName"] != "INSERT":
        keys = change["Keys"]
        telemetry.alarm(
            "ledger.tampered",
            aggregate=keys["aggregate"]["S"],
            seq=keys["seq"]["N"],
            what=str(record["eventName"]).lower(),
        )
        return None
    image = change["NewImage"]
    return Event.from_body(image["body"]["S"], prev=image["prev"]["S"])


def _note(desk: Desk, event: Event) -> None:
    """Enter what is new in the books that are kept by day."""
    if event.seq == 1:
        delivering.enter_daybook(event, local_day(event.recorded_at))
        forgetting.remember_to_forget(desk, event)


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


# The effects queue ------------------------------------------------------------------------------


def send(batch: Mapping[str, Any], context: Any) -> Failures:
    """Make effects happen. One that must wait goes back with a delay; what fails comes again."""
    desk, ports = _desk(), _ports(f"{context.aws_request_id}/{ambient.new_id()}")
    failed = []
    for record in batch["Records"]:
        try:
            _carry_out(desk, ports, json.loads(record["body"]))
        except Exception as error:  # noqa: BLE001 - one message must not take its neighbours along
            telemetry.fail("send.failed", error)
            failed.append(str(record["messageId"]))
    return _failures(failed)


def _carry_out(desk: Desk, ports: Ports, effect: Mapping[str, Any]) -> None:
    if "publish" in effect:
        _publish(since=instant(effect["publish"]))
        return
    if "wake" in effect:
        responding.wake(desk, effect["wake"], at=ambient.now())
        return
    chain, seq, effect_id = effect["order"], effect["seq"], effect["effect"]
    if chain.startswith(WAITING):
        locating.look_at(desk, chain, was=instant(seq), at=ambient.now())
        return
    try:
        if is_outage(chain):
            number = outage_id_of(chain)
            responding.carry_out(desk, _ways(ports), number, seq, effect_id, at=ambient.now())
        elif is_paper(chain):
            papers.carry_out(desk, ports, chain, seq, effect_id, at=ambient.now())
        elif is_issue(chain):
            number = issue_id_of(chain)
            pursuing.carry_out(desk, ports, number, seq, effect_id, at=ambient.now())
        else:
            delivering.carry_out(desk, ports, chain, seq, effect_id, at=ambient.now())
    except Later as later:
        delay = min(later.seconds, LONGEST_DELAY)
        _queue().enqueue([_message((chain, seq, effect_id), delay=delay)])


def _ways(ports: Ports) -> Ways:
    def start(desk: Desk, head: Head, round_id: str, at: datetime) -> None:
        rounds.start_round(desk, head, round_id, enqueue=enqueue_posts, at=at, rate=ports.rate)

    def look(desk: Desk, head: Head, round_id: str, at: datetime) -> None:
        rounds.look_at_round(desk, head, round_id, enqueue=enqueue_posts, at=at, rate=ports.rate)

    return Ways(ports, start, look)


def _publish(*, since: datetime) -> None:
    """Write the public page's data as it is now, if it is not as new as that already."""
    settings = ambient.settings()
    site = site_from(settings.site)
    if site is not None:
        registry.refresh()  # news and names as they are, not as they were a minute ago
        address = f"{settings.public_url}/status"
        publishing.publish(_desk(), site, address=address, at=ambient.now(), since=since)


# The notice queues ------------------------------------------------------------------------------


def tell(batch: Mapping[str, Any], context: Any) -> Failures:
    """Tell the households of a shard, or do what else a message about a round asks for."""
    desk, ports = _desk(), _ports(f"{context.aws_request_id}/{ambient.new_id()}")
    failed = []
    for record in batch["Records"]:
        try:
            rounds.work(
                desk,
                ports,
                json.loads(record["body"]),
                enqueue=enqueue_posts,
                now=ambient.now,
                is_out_of_time=_out_of_time(context),
            )
        except Exception as error:  # noqa: BLE001 - one message must not take its neighbours along
            telemetry.fail("tell.failed", error)
            failed.append(str(record["messageId"]))
    return _failures(failed)


def enqueue_posts(posts: Iterable[Post]) -> None:
    """Put messages on the notice queues, those for the first on theirs, and before the others."""
    settings = ambient.settings()
    waiting = list(posts)
    for is_urgent in (True, False):
        messages = [_post(each) for each in waiting if each.is_urgent is is_urgent]
        name = settings.notices_first_queue if is_urgent else settings.notices_queue
        if messages:
            queue_from(name).enqueue(messages)


def _post(post: Post) -> Message:
    body = canonical(dict(post.body))
    return Message(f"{post.body['outage']}.{post.body['round']}", body, post.delay)


# Ways out ---------------------------------------------------------------------------------------


def _ports(by: str) -> Ports:
    settings = ambient.settings()
    gateway = gateway_from(
        settings.sms,
        key=settings.sms_key,
        secret=settings.sms_secret,
        signature=settings.sms_signature,
        second=settings.sms_second,
        second_key=settings.sms_second_key,
        second_secret=settings.sms_second_secret,
    )
    site = settings.public_url.partition("://")[2].rstrip("/")
    return Ports(
        gateway=gateway,
        signature=settings.sms_signature,
        site=site,
        by=by,
        allow_loopback=settings.is_local,
        rate=rate_of(settings.sms),
    )


def _enqueue(missing: Iterable[Missing]) -> None:
    messages = [_message(each) for each in missing]
    if messages:
        _queue().enqueue(messages)


def _message(effect: Missing, *, delay: int = 0) -> Message:
    order_id, seq, effect_id = effect
    body = canonical({"order": order_id, "seq": seq, "effect": effect_id})
    return Message(f"{order_id}.{effect_id}", body, delay)


def _queue() -> Any:
    return queue_from(ambient.settings().effects_queue)


def _failures(identifiers: Iterable[str]) -> Failures:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}
