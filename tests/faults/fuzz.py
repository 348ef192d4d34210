"""Let schemathesis ask for anything that the schema allows, as each kind of caller, and see that nothing breaks.

    python -m venv fuzz && fuzz/bin/pip install schemathesis
    .venv/bin/python -m tests.faults.fuzz --seconds 600 --schemathesis fuzz/bin/schemathesis

It needs packages that Lucid does not, so it lives in an environment of its own. What it calls a failure is mostly a
caller's mistake that is answered as one; what counts here is that the service logs no error, that it is still there,
that its memory does not grow with the calls, and that `lucid check` finds no fault.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

START_S = 120.0
#: With budgets that nobody can spend: this is not about them.
BUDGETS = {
    f"LUCID_{whose}_{what}": "1000000000" for whose in ("RATE", "ANONYMOUS") for what in ("CAPACITY", "REFILL_PER_S")
}
KEY = re.compile(r"^ {2}(.+?) +(lk_\S+)$", re.MULTILINE)
LOGGED = re.compile(r"Traceback|\bERROR\b|failed at")


@dataclass(frozen=True)
class Service:
    """A service with the demo data."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def keys(self) -> dict[str, str]:
        """Return a key for each kind of caller, as they were printed."""
        return dict(KEY.findall(self.log.read_text(encoding="utf-8")))

    def memory_mb(self) -> int:
        """Return what the process keeps in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) // 1024 if found else 0

    def complaints(self) -> list[str]:
        """Return what was logged that should not have been."""
        return [line for line in self.log.read_text(encoding="utf-8").splitlines() if LOGGED.search(line)]


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """Serve the demo data on a free port."""
    log = folder / "lucid.log"
    environment = os.environ | BUDGETS | {"DATABASE_URL": f"sqlite:///{folder / 'lucid.db'}"}
    command = [sys.executable, "-m", "api", "serve", "--demo", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield Service(_address(log), process, log)
    finally:
        process.terminate()
        process.wait(30)


def _address(log: Path) -> str:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        found = re.search(r"Lucid is at (\S+)", log.read_text(encoding="utf-8"))
        try:
            if found and httpx.get(f"{found[1]}/health/ready").is_success:
                return found[1]
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(log.read_text(encoding="utf-8"))


def fuzz(schemathesis: str, seconds: int, seed: int) -> list[str]:
    """Let every kind of caller ask for its share of the time; return what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder) as service:
            callers = {"nobody": "", **service.keys()}
            for caller, key in callers.items():
                before, memory = len(service.complaints()), service.memory_mb()
                cases = _ask(schemathesis, service.address, key, max(1, seconds // len(callers)), seed)
                found = len(service.complaints()) - before
                line = f"{caller}: {cases} cases, {found} complaints, memory {memory} → {service.memory_mb()} MB"
                print(line, flush=True)  # noqa: T201 - a script prints
            wrong = service.complaints()
            if service.process.poll() is not None or not httpx.get(f"{service.address}/health/ready").is_success:
                wrong.append("the service is not there any more")
        command = [sys.executable, "-m", "api", "check"]
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{folder / 'lucid.db'}"}
        check = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return wrong + [line for line in check.stdout.splitlines() if line.startswith("FAULT")]


def _ask(schemathesis: str, address: str, key: str, seconds: int, seed: int) -> str:
    headers = ["-H", f"Authorization: Bearer {key}"] if key else []
    limits = ["--max-time", str(seconds), "--max-examples", "100000", "--max-failures", "1000000"]
    options = ["--continue-on-failure", "--no-shrink", "--seed", str(seed), "--workers", "1", "--no-color"]
    command = [schemathesis, "run", f"{address}/graphql", *headers, *limits, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 120)
    found = re.search(r"(\d+) generated", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return found[1]


def main() -> int:
    """Fuzz, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemathesis", default="schemathesis", help="the program (found on PATH)")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wrong = fuzz(given.schemathesis, given.seconds, given.seed)
    print("\n".join(wrong[:100]) or "Nothing went wrong.")  # noqa: T201 - a script prints
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
