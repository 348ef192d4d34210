"""The load generator: wrk with `wrk.lua`, 64 connections, on the core that the server has not.

wrk's thread makes each request from a list of users or projects and looks at each answer. One thread is enough: it
shares its core with the database.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

from bench.places import OTHER_CORE, WORK, pinned
from bench.workloads import Workload

SCRIPT = Path(__file__).with_name("wrk.lua")
CONNECTIONS = 64


@dataclass(frozen=True)
class Measured:
    """What one run of wrk found."""

    requests: int
    seconds: float
    right: int
    wrong: int
    broken: int
    p50_ms: float
    p99_ms: float
    first_wrong: str
    #: Facts that waited to be sealed when the run ended.
    backlog: int = 0

    @property
    def per_s(self) -> float:
        """Answers in a second."""
        return self.requests / self.seconds

    @property
    def is_right(self) -> bool:
        """Whether every answer was."""
        return self.wrong == 0 and self.broken == 0 and self.right > 0


@dataclass(frozen=True)
class Target:
    """Where a workload is sent, and in which words."""

    port: int
    path: str
    workload: Workload
    #: The variables as JSON text with `$user`, `$app`, `$project`, `$key`, `$from` and `$to` in it.
    variables: str
    #: A request header for each kind of caller, "1", "2" …; empty where the server asks for none.
    headers: Mapping[str, str]
    #: The file with the ids in the words of this server.
    ids: Path
    #: The apps' ids, for servers that ask for them because they know no keys.
    apps: Sequence[str] = ()


class NoWrk(Exception):
    """wrk is missing."""


def require_wrk() -> str:
    """Return its version.

    Raises: NoWrk.
    """
    if which("wrk") is None:
        raise NoWrk("wrk is missing: `apt-get install wrk` on Debian, or build it from its sources.")
    shown = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (shown.stdout + shown.stderr).split()[1].removeprefix("debian/")


def send(target: Target, first: int, day: int, seconds: float) -> Measured:
    """Send requests for some seconds, numbering them from `first`; the first trips start at `day`, in seconds."""
    spec = WORK / "spec.lua"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(_spec(target, day))
    command = [
        *pinned(OTHER_CORE), "wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--timeout", "30s",
        "--duration", f"{max(1, round(seconds))}s", "--script", str(SCRIPT), f"http://127.0.0.1:{target.port}",
        "--", str(spec), str(target.ids), str(first),
    ]  # fmt: skip
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = dict(line.split(" ", 1) for line in printed.splitlines() if line.startswith(("RESULT ", "WRONG ")))
    requests, micros, right, wrong, broken, p50, p99, _ = (int(float(one)) for one in lines["RESULT"].split())
    return Measured(
        requests, micros / 1e6, right, wrong, broken, p50 / 1e3, p99 / 1e3, lines.get("WRONG", "").strip()
    )  # fmt: skip


def write_ids(path: Path, known: Mapping[str, Any], *, global_ids: bool) -> Path:
    """Write the users, with the number of their app's key, and the projects, one a line; return the path."""
    lines = [f"user {user[1 if global_ids else 0]} {user[2] + 1}" for user in known["users"]]
    lines += [f"project {project[1 if global_ids else 0]}" for project in known["projects"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def _spec(target: Target, day: int) -> str:
    body = json.dumps({"query": target.workload.document})[:-1] + ', "variables": '
    keys = "\n".join(f'    ["{name}"] = {_quoted(header)},' for name, header in target.headers.items())
    return f"""return {{
  draw = {_quoted(target.workload.draw)},
  path = {_quoted(target.path)},
  body = {_quoted(body)},
  variables = {_quoted(target.variables)},
  expects = {_quoted(target.workload.expects)},
  apps = {{ {", ".join(_quoted(app) for app in target.apps)} }},
  prefix = "bench-",
  day = {day},
  keys = {{
{keys}
  }},
}}
"""


def _quoted(text: str) -> str:
    """Return a text as a literal of Lua."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
