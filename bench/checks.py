"""What must be true of the rows after a run: a fast wrong answer is not a result."""

import time

from bench.generator import CONNECTIONS
from bench.postgres import Server
from bench.workloads import RECORDS

#: What wrk left unanswered when it stopped ends within moments.
QUIET_S = 0.3

#: What a workload adds for each acknowledged answer.
ADDED = {
    True: {
        "actions": "SELECT count(*) FROM action",
        "transfers": "SELECT count(*) FROM transfer WHERE kind = 'EARN'",
        "receipts": "SELECT count(*) FROM receipt WHERE operation = 'recordAction'",
    },
    False: {
        "transfers": "SELECT count(*) FROM transfer WHERE kind = 'DONATE'",
        "receipts": "SELECT count(*) FROM receipt WHERE operation = 'donateEnergy'",
        # A donation waits in the outbox or has its event.
        "facts": "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM event)",
        "grams": "SELECT sum(debited) FROM account",
    },
}


class RowsWrong(Exception):
    """Rows and acknowledged answers do not agree."""


def count_rows(server: Server, database: str, item: str) -> dict[str, int]:
    """Count what a workload writes, once what is still under way has ended."""
    questions = ADDED[item in RECORDS]
    sql = f"SELECT {', '.join(f'({one})' for one in questions.values())}"
    while True:
        printed = server.psql(sql, database)
        time.sleep(QUIET_S)
        if server.psql(sql, database) == printed:
            return dict(zip(questions, map(int, printed.split("|")), strict=True))


def require_added(name: str, item: str, before: dict[str, int], after: dict[str, int], acknowledged: int) -> None:
    """Compare rows with answers. What was under way when the generator stopped may be there without an answer.

    Raises: RowsWrong.
    """
    added = {what: after[what] - before[what] for what in before}
    if len(set(added.values())) != 1 or not acknowledged <= added["transfers"] <= acknowledged + CONNECTIONS:
        raise RowsWrong(f"{name} in {item}: {acknowledged} answers were acknowledged, added were {added}")
