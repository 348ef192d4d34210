"""A user's moves against the plainest list of them, and by which indexes they are found."""

import re
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import asyncpg
import pytest

from api.ledger import Ledger, UserBy
from api.models import Action, Project, Transfer, TransferKind, User, Window, moves, now
from api.models.kept_postgres import SETTINGS
from api.models.statements import Statement
from tests.conftest import Actor, bus, recording

#: Each question, and the indexes of transfers by which it may be answered.
QUESTIONS: tuple[tuple[Statement[Any], set[str]], ...] = (
    (moves.OF_USERS, {"donation_page", "transfer_move"}),
    (moves.SUMS, {"donation_page", "transfer_move"}),
    (moves.MOVE_PAGES.descending, {"donation_page", "transfer_move"}),
    (moves.MOVE_PAGES.ascending, {"donation_page", "transfer_move"}),
    (moves.HISTORIES.descending, {"donation_page", "transfer_move"}),
    (moves.CREDITS_BETWEEN, {"transfer_credit"}),
    (moves.DEBITS_BETWEEN, {"donation_page"}),
    (moves.EARNED_BY_ACTION, {"transfer_pkey", "transfer_move", "transfer_of_action"}),
)


@pytest.fixture
async def user(ledger: Ledger, app_partner: Actor, project: Project) -> User:
    """A user who earned, gave, and took back, in turn."""
    who = UserBy(external_ref="ann")
    at = now() - timedelta(hours=9)
    for turn in range(3):
        trips = [recording("ann", f"{turn}-{one}", bus(4_000, at=at + timedelta(minutes=one))) for one in (0, 40)]
        at += timedelta(hours=2)
        await ledger.record(app_partner.partnership, trips, at=at)
        given = [
            await ledger.donate(app_partner.partnership, who, project.id, 50 + one, f"gift-{turn}-{one}", at=at)
            for one in range(2)
        ]
        assert given[0].result_id is not None
        await ledger.reverse_donation(app_partner.partnership, given[0].result_id, f"back-{turn}", at=at)
        if turn:
            action = await Action.all().order_by("-id").first()
            assert action is not None
            await ledger.reverse_action(app_partner.partnership, action.id, f"void-{turn}", at=at)
    (found,) = await User.all()
    return found


async def test_a_history_is_the_slice_of_all_moves_that_its_window_says(user: User) -> None:
    ids = [row.id for row in await Transfer.filter(user_id=user.id).order_by("id")]
    assert {row.kind for row in await moves.of_users([user.id])} > {TransferKind.EARN, TransferKind.DONATE}
    for after, before, limit in product([None, *ids[::4]], [None, *ids[::5]], (1, 4, 100)):
        for oldest_first, from_end in product((True, False), (True, False)):
            window = Window(limit=limit, after=after, before=before, oldest_first=oldest_first, from_end=from_end)
            page = await moves.history(window, user.id)
            low, high = (after, before) if oldest_first else (before, after)
            whole = [one for one in ids if (low is None or one > low) and (high is None or one < high)]
            whole = whole if oldest_first else whole[::-1]
            assert [row.id for row in page.rows] == (whole[-limit:] if from_end else whole[:limit]), window
            assert (page.has_previous if from_end else page.has_next) is (len(whole) > limit), window


async def test_moves_between_positions_are_those_that_hold_a_gram_there(user: User) -> None:
    rows = await Transfer.filter(user_id=user.id)
    earned = sorted((row for row in rows if row.kind in {"EARN", "REVERSE_DONATE"}), key=lambda row: row.credited_after)
    given = sorted((row for row in rows if row.kind == "DONATE"), key=lambda row: row.debited_after)
    edges = [0, 1, *(row.credited_after + one for row in earned for one in (-1, 0, 1))]
    for starts, ends in product(edges, edges):
        if starts < ends:
            found = await moves.credits_between(user.id, starts, ends)
            holding = [row for row in earned if row.credited_after > starts and row.credit_starts < ends]
            assert ids_of(found) == ids_of(holding)
            found = await moves.debits_between(user.id, starts, ends)
            inside = [row for row in given if starts < row.debited_after <= ends]
            beyond = [row for row in given if row.debited_after > max(starts, ends)]
            assert ids_of(found) == ids_of([*inside, *beyond[:1]])


async def test_what_an_action_earned_is_found_by_the_action(user: User) -> None:
    earned = {row.action_id: row.id for row in await Transfer.filter(kind=TransferKind.EARN)}
    actions = await Action.all()
    assert earned
    for action in actions:
        found = await moves.earned_by(user.id, action.id)
        assert (found.id if found else None) == earned.get(action.id) == action.id


def ids_of(rows: Sequence[Transfer]) -> list[Any]:
    """Return their ids."""
    return [row.id for row in rows]


@pytest.mark.parametrize("question", range(len(QUESTIONS)))
async def test_each_question_is_answered_by_the_indexes_that_are_kept_for_it(
    url: str, user: User, question: int
) -> None:
    statement, indexes = QUESTIONS[question]
    if url.startswith("sqlite"):
        with sqlite3.connect(url.partition("://")[2]) as connection:
            nulls = (None,) * len(set(re.findall(r"\?\d", statement.sqlite)))
            plan = "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement.sqlite}", nulls))
        connection.close()
        used = {one.removeprefix("sqlite_autoindex_") for one in re.findall(r"USING (?:COVERING )?INDEX (\w+)", plan)}
        # By its key only a row is found of which the id is known, and never those between two ids.
        assert not re.search(r"autoindex_transfer_1 \(id[<>]", plan), plan
        used = {"transfer_pkey" if one == "transfer_1" else one for one in used}
        assert not re.search(r"SCAN [ts]\b", plan), plan
        # The rows of a page are found by their ids once these are known.
        assert used <= indexes | {"transfer_pkey"}, plan
        return
    text = statement.postgres
    unbound = ", ".join(["NULL"] * len(set(re.findall(r"\$\d", text))))
    postgres = await asyncpg.connect(url, server_settings=SETTINGS)
    try:
        await postgres.execute(f"PREPARE question AS {text}")
        plan = "\n".join(row[0] for row in await postgres.fetch(f"EXPLAIN EXECUTE question ({unbound})"))
    finally:
        await postgres.close()
    assert "Seq Scan on transfer" not in plan, plan
    assert set(re.findall(r"(?:using|Index Scan on) (donation_page|transfer_\w+)", plan)) <= indexes, plan
