"""The servers of the race: how each is started, and in which words it is asked."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.generator import Target, write_ids
from bench.load import LUCID
from bench.places import ROOT, SERVER_CORE, START_S, WORK, cpu_s, free_port, pinned, rss_kib, wait_until_it_answers
from bench.postgres import Server
from bench.workloads import LUCID as LUCID_WORKLOADS

#: More than anybody can spend, so that limits are counted and never reached.
PLENTY = "1000000000"
LUCID_SETTINGS = {
    "LUCID_RATE_CAPACITY": PLENTY,
    "LUCID_RATE_REFILL_PER_S": PLENTY,
    "LUCID_LOG_LEVEL": "warning",
}

ACTION = (
    '{"input":{"idempotencyKey":"$key","user":{"id":"$user"},'
    '"legs":[{"type":"BUS","quantity":1000,"startedAt":"$from","endedAt":"$to"}]}}'
)
DONATION = '{"input":{"idempotencyKey":"$key","user":{"id":"$user"},"projectId":"$project","amount":{"grams":1}}}'
LUCID_VARIABLES = {
    "nothing": "{}",
    "user": '{"id":"$user"}',
    "project": '{"id":"$project"}',
    "action": ACTION,
    "donation": DONATION,
    "hot": DONATION,
}


@dataclass(frozen=True)
class Running:
    """A server that takes requests."""

    name: str
    version: str
    process: "subprocess.Popen[bytes]"
    port: int
    targets: Mapping[str, Target]
    database: str
    #: Whether it numbers donations after they were acknowledged.
    seals: bool = False

    def cpu_s(self) -> float:
        """Return the CPU that it has used."""
        return cpu_s(self.process.pid)

    def rss_mib(self) -> float:
        """Return its memory."""
        return rss_kib(self.process.pid) / 1024


class NotStarted(Exception):
    """A server ended before it answered."""


def lucid(
    server: Server,
    known: Mapping[str, Any],
    *,
    program: Sequence[str] = ("-m", "api"),
    settings: Mapping[str, str] | None = None,
) -> AbstractContextManager[Running]:
    """Lucid on PostgreSQL as in production: one worker, keys checked, limits and costs counted."""
    return lucid_on(server.url(LUCID), known, program=program, settings=settings)


@contextmanager
def lucid_on(
    url: str,
    known: Mapping[str, Any],
    *,
    name: str = "Lucid",
    program: Sequence[str] = ("-m", "api"),
    settings: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Lucid on a database."""
    settings = {"DATABASE_URL": url, **LUCID_SETTINGS, **(settings or {})}
    port = free_port()
    command = [sys.executable, *program, "serve", "--port", str(port), "--workers", "1"]
    headers = {str(n): f"Authorization: Bearer {key}\r\n" for n, key in enumerate(known["keys"], start=1)}
    ids = write_ids(WORK / "ids-lucid.txt", known, global_ids=True)
    targets = {
        one.name: Target(port, "/graphql", one, LUCID_VARIABLES[one.draw], headers, ids)
        for one in LUCID_WORKLOADS.values()
    }
    with started(name, command, ROOT, settings, f"http://127.0.0.1:{port}/health/ready") as process:
        yield Running(name, revision(), process, port, targets, LUCID, seals=True)


@contextmanager
def started(
    name: str, command: list[str], folder: Path, environment: Mapping[str, str], url: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server on its core until the block ends."""
    log = WORK / f"{name.split()[0].lower()}.log"
    # What the environment says of Lucid is for no server here: an unknown setting stops it.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LUCID_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*pinned(SERVER_CORE), *command],
            cwd=folder,
            env=kept | dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until_it_answers(url, is_alive=lambda: process.poll() is None)
            yield process
        except TimeoutError as error:
            raise NotStarted(f"{name} does not answer in {START_S:.0f} s:\n{log.read_text()[-2000:]}") from error
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def revision() -> str:
    """Return the commit that is measured, with a plus where files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "api") else "")


def ask(running: Running, target: Target, variables: Mapping[str, Any], key: str = "1") -> dict[str, Any]:
    """Send one request as wrk does and return the answer."""
    name, _, value = target.headers[key].strip().partition(": ")
    answer = httpx.post(
        f"http://127.0.0.1:{running.port}{target.path}",
        json={"query": target.workload.document, "variables": variables},
        headers={name: value} if name else {},
        timeout=60,
    )
    content: dict[str, Any] = answer.json()
    return content
