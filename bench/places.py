"""Where the bench keeps what it makes, and on which core what runs.

Loaded databases take minutes to make and are kept in the cache, by schema, seed and size, which all worktrees of a
checkout share; each works on a copy of its own. `BENCH_CACHE` and `BENCH_WORK` move the two.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
WORK = Path(os.environ.get("BENCH_WORK", ROOT / "var" / "bench"))


def _main_checkout() -> Path:
    """Return the checkout that this one is a worktree of, or this one."""
    asked = ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"]
    git = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return Path(git).parent if git.endswith("/.git") else ROOT


CACHE = Path(os.environ.get("BENCH_CACHE", _main_checkout() / "var" / "bench" / "cache"))

#: The server that is measured has a core of its own; database and load generator share the other.
SERVER_CORE = "0"
OTHER_CORE = "1"

START_S = 60.0


def pinned(core: str) -> list[str]:
    """Return what to put before a command so that it and its children stay on a core."""
    return ["taskset", "--cpu-list", core] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process and its threads have used, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks: int = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks


def family_cpu_s(pid: int) -> float:
    """Return the CPU that a process, its children, and those of its children that have ended have used."""
    ticks: int = os.sysconf("SC_CLK_TCK")
    used = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):  # it has just ended, and is counted with its parent's
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(folder.name) == pid:
                used += sum(map(int, fields[11:15]))
            elif int(fields[1]) == pid:
                used += int(fields[11]) + int(fields[12])
    return used / ticks


def rss_kib(pid: int) -> int:
    """Return the memory of a process that is in RAM, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no memory")


def wait_until_it_answers(url: str, *, is_alive: Callable[[], bool]) -> None:
    """Return once a GET of the address is answered by anything but a failure.

    Raises: TimeoutError, at once when the server is not alive any more.
    """
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and is_alive():
        try:
            if httpx.get(url, timeout=2).status_code < 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{url} does not answer")
