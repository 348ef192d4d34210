"""What a server did in a workload, round by round."""

import statistics
from dataclasses import dataclass, field

from bench.generator import Measured


@dataclass
class Lane:
    """One server in one workload."""

    measured: list[Measured] = field(default_factory=list)
    #: The server's CPU for each request, in microseconds.
    cpu_us: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Median of answers in a second."""
        return statistics.median(one.per_s for one in self.measured)

    @property
    def spread(self) -> float:
        """Distance of the best from the worst round, as a part of the median."""
        speeds = [one.per_s for one in self.measured]
        return (max(speeds) - min(speeds)) / self.per_s

    def times(self, other: "Lane") -> float:
        """Return how many times as fast as another it was: the median of the rounds, each compared in itself.

        The machine drifts by up to two times within minutes, and what ran in the same round drifted together.
        """
        pairs = zip(self.measured, other.measured, strict=True)
        return statistics.median(one.per_s / another.per_s for one, another in pairs)

    def median(self, name: str) -> float:
        """Median over the rounds of a figure of the runs."""
        return float(statistics.median(getattr(one, name) for one in self.measured))


#: By workload, by server.
Results = dict[str, dict[str, Lane]]
