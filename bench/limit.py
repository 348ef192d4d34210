"""Donations by pgbench, one transaction each, without any server before the database: what one-by-one can reach.

    python -m bench.limit --actions 200000
    python -m bench.limit --report

It calls the peers' function `donate` (bench/peers/work.sql), with 64 clients and prepared statements.
"""

import argparse
import re
import sys
from pathlib import Path

from rich.console import Console

from bench import peer_servers
from bench.generator import CONNECTIONS
from bench.load import ACTIONS, working_copy
from bench.places import OTHER_CORE, pinned
from bench.postgres import postgres, run
from bench.report import machine, table, today, write_part

NUMBERED = """
CREATE TABLE IF NOT EXISTS numbered_user AS
    SELECT row_number() OVER () AS n, user_id, partner_id FROM user_link;
CREATE TABLE IF NOT EXISTS numbered_project AS
    SELECT row_number() OVER () AS n, id FROM project WHERE status = 'IMPLEMENTATION';
CREATE UNIQUE INDEX IF NOT EXISTS numbered_user_n ON numbered_user (n);
CREATE UNIQUE INDEX IF NOT EXISTS numbered_project_n ON numbered_project (n);
ANALYZE numbered_user, numbered_project;
"""
SCRIPT = """\\set u random(1, {users})
\\set p {project}
SELECT {function}(u.user_id, u.partner_id, p.id, 1, gen_random_uuid()::text)
FROM numbered_user u, numbered_project p WHERE u.n = :u AND p.n = :p;
"""
CASES = {
    "300 projects": ("donate", "random(1, 300)"),
    "one project": ("donate", "1"),
    "300 projects, numbers, events and totals left to others": ("donate_later", "random(1, 300)"),
}

console = Console(soft_wrap=True)


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    rows = []
    with postgres(working_copy(given.actions)) as server:
        peer_servers.prepare(server)
        server.psql(NUMBERED, peer_servers.DATABASE)
        users = int(server.psql("SELECT count(*) FROM numbered_user", peer_servers.DATABASE))
        for says, (function, project) in CASES.items():
            script = server.folder / "donate.sql"
            script.write_text(SCRIPT.format(users=users, project=project, function=function))
            command: list[str | Path] = [
                *pinned(OTHER_CORE), server.programs / "pgbench", "--no-vacuum", "--client", str(CONNECTIONS),
                "--jobs", "1", "--protocol", "prepared", "--time", str(given.seconds), "--file", script,
                "--host", "127.0.0.1", "--port", str(server.port), "--username", "lucid", peer_servers.DATABASE,
            ]  # fmt: skip
            printed = run(command, server.folder)
            failed = re.search(r"failed transactions: (\d+)", printed)
            found = re.search(r"tps = ([\d.]+)", printed)
            if found is None or failed is None or failed.group(1) != "0":
                raise RuntimeError(printed)
            rows.append([says, f"{float(found.group(1)):,.0f}"])
            console.print(f"  {says}: {rows[-1][1]}/s")
    if given.report:
        text = table(["donations by pgbench, one transaction each", "per s"], rows)
        write_part("limit", f"{today()}, {machine()}; {given.actions:,} actions before.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
