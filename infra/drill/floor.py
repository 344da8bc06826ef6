"""The floor: notice queues and the workers at them, in the order of their own clock.

Two lanes, as deployed: a queue for those who must know first, with workers of its own, and one for
everybody. The work itself is the house's `rounds.work`; its calls to the store are counted and each
takes its time. A worker may be killed at any call: its message is seen again after six minutes.
The store may throttle: some calls, or every one for a while.
"""

import heapq
import io
import itertools
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Semaphore, Thread
from typing import Any, Final, Self

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

from chalicelib.domain.refusal import Busy
from chalicelib.store import outages
from chalicelib.store.rows import house
from chalicelib.usecases import rounds
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.rounds import Post
from infra.drill.gateway import Clock, Simulated

STORE: Final = 0.005
"""Seconds that a call to the store takes: DynamoDB answers in single-digit milliseconds."""
QUEUE: Final = 0.01
"""Seconds that a call to a queue takes."""
WAKES: Final = 0.05
"""Seconds from a message to the worker that has it."""
VISIBLE_AGAIN: Final = 360.0
"""As infra/resources.yaml has it."""
BATCH: Final = 10
FIRST, ALL = "first", "all"
AT_FIRST: Final = 20
"""Workers of the queue of the first; Lambda would give it more."""


class Killed(BaseException):
    """A worker was killed here."""


def _refusal(url: str) -> AWSResponse:
    """Return the answer of a store that throttles."""
    name = "com.amazonaws.dynamodb.v20120810#ThrottlingException"
    body = json.dumps({"__type": name, "message": "Rate exceeded"}).encode()
    raw: Any = HTTPResponse(io.BytesIO(body), status=400, preload_content=False)
    return AWSResponse(url, 400, HTTPHeaders(), raw)


@dataclass(slots=True)
class Lane:
    """A queue. free: workers of it that have nothing to do. waiting: messages for them."""

    free: int
    waiting: deque[str] = field(default_factory=deque)


@dataclass(slots=True)
class Floor:
    """Queues and workers. copies: how often every message comes. Enter it to count the calls.

    kill_at: the number of the call, to store or gateway, at which a worker dies, and whether it
    dies before the call or behind it. Each message is worked in a thread of its own, and one thread
    runs at a time: whoever asks the gateway waits until it is the earliest by the drill's clock.
    throttles: the share of calls that the store throttles. silent: from and until when it throttles
    every one.
    """

    desk: Desk
    clock: Clock
    gateway: Simulated
    workers: int = 64
    copies: int = 1
    kill_at: tuple[int, bool] | None = None
    throttles: float = 0.0
    silent: tuple[float, float] = (0.0, 0.0)
    served: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    throttled: int = 0
    total: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - a drill's
    _lanes: dict[str, Lane] = field(default_factory=dict)
    _coming: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)
    _handed_back: Semaphore = field(default_factory=lambda: Semaphore(0))
    _wrong: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._lanes = {FIRST: Lane(AT_FIRST), ALL: Lane(self.workers)}
        events = house().connection.client.meta.events
        before: Any = self._before  # may answer in the store's stead
        events.register("before-send.dynamodb.*", before, "drill")
        events.register("response-received.dynamodb.*", self._after, "drill-after")
        self.gateway.before = self._ask
        self.gateway.after = lambda: self._call("", is_after=True)
        return self

    def __exit__(self, *_: object) -> None:
        events = house().connection.client.meta.events
        events.unregister("before-send.dynamodb.*", unique_id="drill")
        events.unregister("response-received.dynamodb.*", unique_id="drill-after")

    def _before(self, request: Any, **_: Any) -> AWSResponse | None:
        target = request.headers["X-Amz-Target"]
        name = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        self.clock.seconds += STORE
        self._call(name, is_after=False)
        begun, ended = self.silent
        if begun <= self.clock.seconds < ended or self.dice.random() < self.throttles:
            self.throttled += 1
            return _refusal(request.url)
        return None

    def _after(self, **_: Any) -> None:
        self._call("", is_after=True)

    def _ask(self) -> None:
        """Wait until nobody is earlier, then ask the gateway."""
        mine = Semaphore(0)
        self._at(self.clock.seconds, mine.release)
        self._handed_back.release()
        mine.acquire()
        self._call("gateway", is_after=False)

    def _call(self, name: str, *, is_after: bool) -> None:
        if not is_after:
            self.calls[name] += 1
            self.total += 1
        if self.kill_at == (self.total, is_after):
            self.kill_at = None
            self.killed += 1
            raise Killed

    # The queues

    def enqueue(self, posts: Iterable[Post]) -> None:
        """Put messages on their queues, ten a call, those for the first before the others."""
        listed = list(posts)
        for lane in (FIRST, ALL):
            mine = [post for post in listed if (FIRST if post.is_urgent else ALL) == lane]
            for begin in range(0, len(mine), BATCH):
                self.requests["send"] += 1
                self.clock.seconds += QUEUE
                for post in mine[begin : begin + BATCH]:
                    for _ in range(self.copies):
                        when = self.clock.seconds + WAKES + post.delay
                        self._put(lane, when, json.dumps(post.body))

    def _put(self, lane: str, when: float, body: str) -> None:
        self._at(when, lambda: self._arrive(lane, body))

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._coming, (when, next(self._order), what))

    def start(self, outage_id: str, round_id: str, *, rate: float) -> None:
        """Begin to tell a round, as the outage's event does."""
        rounds.start_round(
            self.desk,
            outages.get(outage_id),
            round_id,
            enqueue=self.enqueue,
            at=self.clock.now(),
            rate=rate,
        )

    def watch(self, outage_id: str, round_id: str) -> None:
        """Look at a round once more, as the outage's watch does every fifteen minutes."""
        self.clock.seconds += 900
        rounds.look_at_round(
            self.desk,
            outages.get(outage_id),
            round_id,
            enqueue=self.enqueue,
            at=self.clock.now(),
        )

    # The workers

    def run(self) -> None:
        """Work until the queues are empty. Raises what a worker raised and should not have."""
        while self._coming:
            when, _, happen = heapq.heappop(self._coming)
            self.clock.seconds = when
            happen()
            self._handed_back.acquire()
            if self._wrong:
                raise self._wrong[0]

    def _arrive(self, lane: str, body: str) -> None:
        place = self._lanes[lane]
        if place.free:
            place.free -= 1
            Thread(target=self._serve, args=(lane, body), daemon=True).start()
        else:
            place.waiting.append(body)
            self._handed_back.release()

    def _serve(self, lane: str, body: str) -> None:
        try:
            self._work(lane, body)
        except BaseException as wrong:  # noqa: BLE001 - raised again by `run`
            self._wrong.append(wrong)
        place = self._lanes[lane]
        place.free += 1
        if place.waiting:
            self._put(lane, self.clock.seconds, place.waiting.popleft())
        self._handed_back.release()

    def _work(self, lane: str, body: str) -> None:
        asked = json.loads(body)
        kind = next(name for name in ("part", "parts", "look", "areas", "keys") if name in asked)
        self.served[kind] += 1
        self.requests["receive"] += 1
        ports = Ports(self.gateway, "清河供电", "gd.qinghe.cn", f"drill/{next(self._order)}")
        try:
            rounds.work(self.desk, ports, asked, enqueue=self.enqueue, now=self.clock.now)
        except (Killed, Busy):
            self._put(lane, self.clock.seconds + VISIBLE_AGAIN, body)
        else:
            self.requests["delete"] += 1
            self.clock.seconds += QUEUE
