"""Let schemathesis send what it can think of to a real server, and look at the server afterwards.

    .venv/bin/python -m tests.faults.fuzz --minutes 10
    .venv/bin/python -m tests.faults.fuzz --minutes 10 --postgres

Each kind of caller in turn, and nobody, on the demo data. What must hold: no answer of 500 or more, no error
in the log, as much memory at the end as at half time, sockets and tasks as many as before, and a clean `lucid check`.

Schemathesis gets an environment of its own, kept under `var`: it wants other versions than we do.
"""

import argparse
import asyncio
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import venv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import override

from api.demo import load_demo
from api.ledger.check import check_ledger
from api.ledger.reference import load_reference
from api.models import Action, Project, Transfer, User
from api.models.database import database, migrate
from api.schema import node
from api.settings import Settings
from tests.conftest import Running, eventually, serving
from tests.postgres import running_postgres

FOLDER = Path(__file__).absolute().parent / "schemathesis"
ENVIRONMENT = Path("var/schemathesis").absolute()
TURN_S = 25
PLENTY = 10**9
#: States of a socket as Linux writes them.
ESTABLISHED, CLOSE_WAIT = "01", "08"
#: How much the caches of documents, which are bounded, may still take after half time.
GROWTH_MAX_MB = 10


class Watch(logging.Handler):
    """Keeps the errors of the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(logging.Formatter().format(record))


@dataclass
class Result:
    """What a run came to: answers as the client had them, by status, and what was logged meanwhile."""

    errors: list[str]
    statuses: Counter[int] = field(default_factory=Counter)
    tasks: tuple[int, int] = (0, 0)
    sockets: tuple[int, int] = (0, 0)
    memory_mb: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """What did not hold, in words."""
        half = self.memory_mb[len(self.memory_mb) // 2]
        return [
            *([] if self.statuses[200] else ["nothing was answered with 200"]),
            *(f"{count} answers with {status}" for status, count in self.statuses.items() if status >= 500),
            *self.errors,
            *self.faults,
            *(["tasks are left"] if self.tasks[1] > self.tasks[0] else []),
            *(["sockets are left"] if self.sockets[1] > self.sockets[0] else []),
            *(["memory grows"] if self.memory_mb[-1] - half > GROWTH_MAX_MB else []),
        ]


def _environment() -> Path:
    """Make the environment of schemathesis, once for each version of its lock."""
    lock, complete = FOLDER / "requirements.txt", ENVIRONMENT / "complete"
    if not complete.exists() or complete.read_text() != lock.read_text():
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        venv.create(ENVIRONMENT, with_pip=True)
        install = [ENVIRONMENT / "bin/pip", "install", "--quiet", "--require-hashes", "--requirement", lock]
        asyncio.run(_run(install, {}))
        complete.write_text(lock.read_text())
    return ENVIRONMENT / "bin/schemathesis"


async def _run(command: list[Any], environment: dict[str, str], folder: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={**os.environ, **environment},
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return printed.decode(errors="replace")


async def _known_ids() -> list[str]:
    """Return ids of things that are there, a few of each kind."""
    kinds: list[tuple[str, Any]] = [
        (node.PROJECT, Project), (node.USER, User), (node.ACTION, Action), (node.DONATION, Transfer)
    ]  # fmt: skip
    return [node.global_id(kind, row.id) for kind, model in kinds for row in await model.all().limit(5)]


def _memory_mb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def _sockets(port: int) -> int:
    """Count what is connected to the service or not yet closed by it; connections to its database stay."""
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] in {ESTABLISHED, CLOSE_WAIT} for row in rows)


async def fuzz(url: str, minutes: float, program: Path, folder: Path) -> Result:
    """Fuzz a server on an empty database for so long."""
    watch = Watch()
    async with database(url, shared=True) as context:
        await migrate(context)
        await load_reference()
        keys = await load_demo(url, folder)
        ids = json.dumps(await _known_ids())
        settings = Settings(
            database_url=url,
            rate_capacity=PLENTY,
            rate_refill=PLENTY,
            anonymous_capacity=PLENTY,
            anonymous_refill=PLENTY,
        )
        async with serving(settings, context) as running:
            await running.client()("{ projects { nodes { id } } }")
            port = int(running.address.rpartition(":")[2])
            before = len(asyncio.all_tasks()), _sockets(port)
            result = Result(watch.errors)
            with _watching(watch):
                await _turns(running, minutes, program, folder, keys, ids, result)
            with suppress(TimeoutError):  # the figures tell what does not become quiet
                await eventually(lambda: _is_quiet(port, *before))
            result.tasks = before[0], len(asyncio.all_tasks())
            result.sockets = before[1], _sockets(port)
        result.faults = (await check_ledger()).faults
    return result


@contextmanager
def _watching(watch: Watch) -> Iterator[None]:
    root = logging.getLogger()
    root.addHandler(watch)
    try:
        yield
    finally:
        root.removeHandler(watch)


async def _is_quiet(port: int, tasks: int, sockets: int) -> bool:
    return len(asyncio.all_tasks()) <= tasks and _sockets(port) <= sockets


async def _turns(
    running: Running, minutes: float, program: Path, folder: Path, keys: dict[str, str], ids: str, result: Result
) -> None:
    callers = [*keys.values(), None]
    end, turn = time.monotonic() + minutes * 60, 0
    answers = folder / "answers"
    while time.monotonic() < end:
        key = callers[turn % len(callers)]
        header = ["--header", f"Authorization: Bearer {key}"] if key else []
        seconds = max(5, min(TURN_S, int(end - time.monotonic())))
        printed = await _run(
            [
                program, "run", f"{running.address}/graphql", "--max-time", seconds, "--seed", turn, "--no-color",
                "--phases", "fuzzing", "--checks", "not_a_server_error", "--continue-on-failure", "--no-shrink",
                "--generation-database", "none", *header,
            ],
            {
                "SCHEMATHESIS_HOOKS": str(FOLDER / "hooks.py"),
                "LUCID_FUZZ_IDS": ids,
                "LUCID_FUZZ_ANSWERS": str(answers),
            },
            folder,  # where it writes what it finds
        )  # fmt: skip
        turn += 1
        result.statuses = Counter(map(int, answers.read_text().split()))
        result.memory_mb.append(_memory_mb())
        cases = re.search(r"([\d,]+) generated", printed)
        who = "nobody" if key is None else list(keys)[(turn - 1) % len(callers)]
        sys.stdout.write(
            f"{turn:>3} {who:<21} {cases[1] if cases else printed:>6} cases, {result.statuses.total():>7} answers,"
            f" {len(result.errors)} errors, {result.memory_mb[-1]} MB\n"
        )
        sys.stdout.flush()


def main() -> int:
    """Fuzz, print what came of it, and fail when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    program = _environment()
    with tempfile.TemporaryDirectory() as folder:
        if given.postgres:
            with running_postgres() as server:
                server.create_database("fuzz")
                result = asyncio.run(fuzz(server.url("fuzz"), given.minutes, program, Path(folder)))
        else:
            result = asyncio.run(fuzz(f"sqlite:///{folder}/lucid.db", given.minutes, program, Path(folder)))
    sys.stdout.write(
        f"answers by status {dict(result.statuses)}, tasks {result.tasks}, sockets {result.sockets} (before, after),"
        f" memory {result.memory_mb} MB\n" + "\n".join(result.failures or ["nothing failed"]) + "\n"
    )
    return int(bool(result.failures))


if __name__ == "__main__":
    sys.exit(main())
