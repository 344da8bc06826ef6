"""Which instant fits best as the onset of an outage, for a zone and all below it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Fit:
    """The best onset of what is below a zone: its rank in time, its weight, who lives since."""

    rank: int
    weight: float
    meters: int
    homes: int


class Span:
    """The weights of a stretch of time as a binary tree, which two zones' can be merged into.

    It knows the suffix that weighs most: the onset from which on everything fits best.
    """

    __slots__ = ("best", "homes", "left", "meters", "right", "total")

    def __init__(self) -> None:
        self.left: Span | None = None
        self.right: Span | None = None
        self.total = 0.0
        self.meters = 0
        self.homes = 0
        self.best = Fit(0, 0.0, 0, 0)

    @staticmethod
    def single(rank: int, size: int, weight: float, meters: int, homes: int) -> "Span":
        """Return the span of `size` instants, a power of two, with one report at one of them."""
        span = Span()
        span.total, span.meters, span.homes = weight, meters, homes
        span.best = Fit(rank, weight, meters, homes)
        half = size // 2
        if half and rank % size < half:
            span.left = Span.single(rank, half, weight, meters, homes)
        elif half:
            span.right = Span.single(rank, half, weight, meters, homes)
        return span

    def merged(self, other: "Span") -> "Span":
        """Return both as one; neither may be used again."""
        self.total += other.total
        self.meters += other.meters
        self.homes += other.homes
        if self.left is None and self.right is None and other.left is None and other.right is None:
            self.best = Fit(self.best.rank, self.total, self.meters, self.homes)
            return self
        self.left = both(self.left, other.left)
        self.right = both(self.right, other.right)
        self.best = self._best()
        return self

    def _best(self) -> Fit:
        if self.left is None:
            return self.right.best if self.right is not None else self.best
        if self.right is None:
            return self.left.best
        early, late = self.left.best, self.right
        weight = late.total + early.weight
        if weight <= late.best.weight:
            return late.best
        return Fit(early.rank, weight, late.meters + early.meters, late.homes + early.homes)

    def since(self, rank: int, size: int) -> Fit:
        """Return what was reported at this rank or later."""
        if size == 1:
            return Fit(rank, self.total, self.meters, self.homes)
        half = size // 2
        if rank % size >= half:
            return self.right.since(rank, half) if self.right else Fit(rank, 0.0, 0, 0)
        early = self.left.since(rank, half) if self.left else Fit(rank, 0.0, 0, 0)
        if self.right is None:
            return early
        late = self.right
        return Fit(rank, early.weight + late.total, early.meters + late.meters,
                    early.homes + late.homes)  # fmt: skip


def both(one: Span | None, other: Span | None) -> Span | None:
    """Return two spans as one, either of which may not be; neither may be used again."""
    if one is None or other is None:
        return one or other
    return one.merged(other)
