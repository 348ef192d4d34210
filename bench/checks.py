"""What must be true of the rows after a run: a fast wrong answer is not a result."""

import time

from bench.generator import CONNECTIONS
from bench.postgres import Server
from bench.workloads import RECORDS

#: What wrk left unanswered when it stopped ends within moments.
QUIET_S = 0.3
#: The outbox is empty after so long, or something is wrong.
SEALED_S = 120.0

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


#: Faults that there may be none of, in either side's database, each with the statement that counts them.
INVARIANTS = {
    "accounts that are not the sum of their transfers": """
        SELECT count(*) FROM account a JOIN (
            SELECT user_id, coalesce(sum(amount_g) FILTER (WHERE kind = 'EARN'), 0) AS earned,
                   coalesce(sum(amount_g) FILTER (WHERE kind = 'DONATE'), 0) AS given,
                   max(credited_after) AS credited, max(debited_after) AS debited
            FROM transfer GROUP BY user_id
        ) t USING (user_id)
        WHERE (a.credited, a.debited) <> (t.earned, t.given) OR (a.credited, a.debited) <> (t.credited, t.debited)""",
    "accounts that are overdrawn": "SELECT count(*) FROM account WHERE credited - debited - held < 0",
    "actions without the grams that they were credited": """
        SELECT count(*) FROM action a LEFT JOIN transfer t ON t.action_id = a.id AND t.kind = 'EARN'
        WHERE a.credited_g <> coalesce(t.amount_g, 0)""",
    "donations that are not in exactly one of outbox and events": """
        SELECT count(*) FROM transfer t LEFT JOIN outbox o ON o.transfer_id = t.id
        LEFT JOIN event e ON e.transfer_id = t.id
        WHERE t.kind = 'DONATE' AND (o.transfer_id IS NULL) = (e.transfer_id IS NULL)""",
    "results with another number of receipts than one": """
        SELECT count(*) FROM (
            SELECT id FROM transfer WHERE kind = 'DONATE' UNION ALL SELECT id FROM action
        ) r LEFT JOIN (SELECT result_id, count(*) AS receipts FROM receipt GROUP BY result_id) c ON c.result_id = r.id
        WHERE c.receipts IS DISTINCT FROM 1""",
    "projects whose events have gaps or do not add up": """
        SELECT count(*) FROM project_head h LEFT JOIN (
            SELECT project_id, environment, count(*) AS events, max(sequence) AS last, sum(amount_g) AS grams
            FROM event GROUP BY project_id, environment
        ) e USING (project_id, environment)
        WHERE (h.sequence, h.sequence, h.energy_g) IS DISTINCT FROM (e.events, e.last, e.grams)""",
}


def require_sound(server: Server, database: str) -> None:
    """Verify the invariants of a database in its own words; `lucid check` says more, and takes longer.

    Raises: RowsWrong.
    """
    for what, sql in INVARIANTS.items():
        if found := int(server.psql(sql, database)):
            raise RowsWrong(f"{database}: {found} {what}")


def require_sealed(server: Server, database: str) -> int:
    """Wait until the outbox is empty; return how much was in it at first.

    Raises: RowsWrong when it takes too long.
    """
    first = waiting = int(server.psql("SELECT count(*) FROM outbox", database))
    deadline = time.monotonic() + SEALED_S
    while waiting:
        if time.monotonic() > deadline:
            raise RowsWrong(f"{database}: {waiting} of {first} facts wait in the outbox and are not sealed")
        time.sleep(QUIET_S)
        waiting = int(server.psql("SELECT count(*) FROM outbox", database))
    return first
