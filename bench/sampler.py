"""Runs `lucid serve` with a sampler in it, which writes down where the CPU goes.

    python -m bench.sampler REPORT serve --port 8000

SIGUSR1 begins to sample, SIGUSR2 writes what was seen to REPORT. A sample is the stack of the main thread after some
milliseconds of CPU (ITIMER_PROF, at best each tick of the kernel, often 4 ms); time in C is counted to the Python line
that called it. Nothing else differs from `lucid serve`, and sampling costs next to nothing.
"""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from api.cli import main

EVERY_S = 0.001
Place = tuple[str, int, str]


class Sampler:
    """Counts stacks."""

    def __init__(self, report: Path) -> None:
        self._report = report
        self._stacks: Counter[tuple[Place, ...]] = Counter()

    def install(self) -> None:
        """Wait for the signals."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._begin)
        signal.signal(signal.SIGUSR2, self._end)

    def _begin(self, *_: object) -> None:
        self._stacks.clear()
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        stack: list[Place] = []
        while frame is not None:
            code = frame.f_code
            stack.append((code.co_filename, frame.f_lineno, code.co_qualname))
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1

    def _end(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        part = self._report.with_suffix(".part")
        part.write_text(json.dumps([[count, stack] for stack, count in self._stacks.items()]))
        part.rename(self._report)


if __name__ == "__main__":
    Sampler(Path(sys.argv[1])).install()
    sys.exit(main(sys.argv[2:]))
