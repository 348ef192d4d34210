"""A user's moves of energy: how they are listed, what they add up to, and where they stand in the user's queue.

Every index of a user is one more random place that a transfer writes. So each holds the kinds of transfers that are
looked for in it and no others (migrations 0003 and 0005), and a question that is about all kinds asks for donations and
for the rest. A kind is written out where it decides about an index: as a parameter it would not be known in time.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from tortoise import fields

from api.models.paging import Page, PageStatement, Window, paged
from api.models.rows import Shape
from api.models.statements import Statement, kept
from api.models.transfer import TRANSFER, Transfer

#: The two parts of a user's transfers: in `donation_page`, and in `transfer_move`.
PARTS = ("kind = 'DONATE'", "kind <> 'DONATE'")
#: The kinds of `transfer_credit`, which are `CREDITS`.
IS_CREDIT = "kind IN ('EARN', 'REVERSE_DONATE')"
IS_DEBIT = "kind = 'DONATE'"

#: What is shown of any move.
MOVE = Shape.of(Transfer, "id", "kind", "amount_g", "created_at").shown()


#: Keys: user, partner, environment; then the bounds.
MOVE_PAGES = PageStatement(
    "pages of moves of users",
    MOVE,
    rows="t",
    keys="""
unnest($1::page_key[]) WITH ORDINALITY AS k (user_id, partner_id, environment, low, high, n)
""",
    page="""
  SELECT * FROM (
    (SELECT {t.stored} FROM transfer t
     WHERE t.user_id = k.user_id AND t.partner_id = k.partner_id AND t.environment = k.environment
       AND t.id > k.low AND t.id < k.high AND t.kind = 'DONATE'
     ORDER BY t.id DESC LIMIT $2)
    UNION ALL
    (SELECT {t.stored} FROM transfer t
     WHERE t.user_id = k.user_id AND t.partner_id = k.partner_id AND t.environment = k.environment
       AND t.id > k.low AND t.id < k.high AND t.kind <> 'DONATE'
     ORDER BY t.id DESC LIMIT $2)
  ) t ORDER BY t.id DESC LIMIT $2
""",
    sqlite="""
SELECT {t}, k.key AS n
FROM json_each(?1) k CROSS JOIN transfer t ON t.id IN (
  SELECT id FROM (
    SELECT * FROM (
      SELECT s.id FROM transfer s
      WHERE s.user_id = k.value ->> 0 AND s.partner_id = k.value ->> 1 AND s.environment = k.value ->> 2
        AND s.id > k.value ->> 3 AND s.id < k.value ->> 4 AND s.kind = 'DONATE'
      ORDER BY s.id DESC LIMIT ?2)
    UNION ALL
    SELECT * FROM (
      SELECT s.id FROM transfer s
      WHERE s.user_id = k.value ->> 0 AND s.partner_id = k.value ->> 1 AND s.environment = k.value ->> 2
        AND s.id > k.value ->> 3 AND s.id < k.value ->> 4 AND s.kind <> 'DONATE'
      ORDER BY s.id DESC LIMIT ?2)
  ) ORDER BY id DESC LIMIT ?2)
ORDER BY k.key, t.id DESC
""",
)
#: Keys: user; then the bounds. Without a partner `donation_page` has no order to offer, and PostgreSQL would rather go
#: through everybody's transfers in the order of ids; so the user's donations are found first, and ordered then.
HISTORIES = PageStatement(
    "pages of all moves of users",
    MOVE,
    rows="t",
    keys="""
unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS k (user_id, low, high, n)
""",
    page="""
  SELECT * FROM (
    SELECT * FROM (
      SELECT {t.stored} FROM transfer t WHERE t.user_id = k.user_id AND t.kind = 'DONATE' OFFSET 0
    ) t WHERE t.id > k.low AND t.id < k.high
    UNION ALL
    (SELECT {t.stored} FROM transfer t
     WHERE t.user_id = k.user_id AND t.id > k.low AND t.id < k.high AND t.kind <> 'DONATE'
     ORDER BY t.id DESC LIMIT $4)
  ) t ORDER BY t.id DESC LIMIT $4
""",
    sqlite="""
SELECT {t}, k.key AS n
FROM json_each(?1) k CROSS JOIN transfer t ON t.id IN (
  SELECT id FROM (
    SELECT s.id FROM transfer s
    WHERE s.user_id = k.value ->> 0 AND s.id > k.value ->> 1 AND s.id < k.value ->> 2 AND s.kind = 'DONATE'
    UNION ALL
    SELECT * FROM (
      SELECT s.id FROM transfer s
      WHERE s.user_id = k.value ->> 0 AND s.id > k.value ->> 1 AND s.id < k.value ->> 2 AND s.kind <> 'DONATE'
      ORDER BY s.id DESC LIMIT ?2)
  ) ORDER BY id DESC LIMIT ?2)
ORDER BY k.key, t.id DESC
""",
)


def _of_users(name: str, shape: Shape[Any], select: str, rest: str = "") -> Statement[Any]:
    """Return the question about all moves of some users, part by part."""
    both = " UNION ALL ".join(f"SELECT {select} FROM transfer t WHERE {{user}} AND t.{part}{rest}" for part in PARTS)  # noqa: S608
    return Statement(
        name,
        shape,
        postgres=both.replace("{user}", "t.user_id = ANY($1)"),
        sqlite=both.replace("{user}", "t.user_id IN (SELECT value FROM json_each(?1))"),
    )


OF_USERS = _of_users("moves of users", TRANSFER, "{t}")
SUMS = _of_users(
    "sums of moves of users",
    Shape.of(Transfer, "user_id", "kind", grams=fields.BigIntField()),
    "{t}, CAST(sum(t.amount_g) AS bigint) AS grams",
    " GROUP BY t.user_id, t.kind",
)


def _between(name: str, which: str, position: str, reaches: str) -> Statement[Transfer]:
    """Return the question for the transfers from one position to another: user, and the two.

    The last is the first one that reaches the second position: a transfer says only where its grams end.
    """
    last = (
        f"SELECT n.{position} FROM transfer n WHERE n.user_id = $1 AND n.{which} AND n.{position} {reaches} $3 "  # noqa: S608
        f"ORDER BY n.{position} LIMIT 1"
    )
    text = (
        f"SELECT {{t}} FROM transfer t WHERE t.user_id = $1 AND t.{which} AND t.{position} > $2 "  # noqa: S608
        f"AND t.{position} <= COALESCE(({last}), $3) ORDER BY t.{position}"
    )
    return Statement(name, TRANSFER, postgres=text, sqlite=text.replace("$", "?"))


CREDITS_BETWEEN = _between("credits between positions", IS_CREDIT, "credited_after", ">=")
DEBITS_BETWEEN = _between("donations between positions", IS_DEBIT, "debited_after", ">")

# What an action earned has the action's id. What was earned before migration 0005 has one of its own, and is found by
# an index that holds only such.
EARNED = "SELECT {t} FROM transfer t WHERE t.user_id = $1 AND t.kind = 'EARN' AND "
EARNED_BY = (
    f"{EARNED} t.id = $2 AND t.action_id = $2 "
    f"UNION ALL {EARNED} t.action_id = $2 AND t.action_id IS NOT NULL AND t.action_id <> t.id"
)
EARNED_BY_ACTION: Statement[Transfer] = Statement(
    "what an action earned", TRANSFER, postgres=EARNED_BY, sqlite=EARNED_BY.replace("$", "?")
)


async def history(window: Window, user_id: UUID) -> Page[Transfer]:
    """Return the moves of a user's energy, through whatever partner, newest first."""
    pages = HISTORIES.ascending if window.is_ascending else HISTORIES.descending
    return paged(await kept().fetch_each(pages, [(user_id, *window.bounds)], window.limit + 1), window)


async def of_users(user_ids: Collection[UUID]) -> list[Transfer]:
    """Return every move of these users' energy."""
    found: list[Transfer] = await OF_USERS.fetch(list(user_ids))
    return found


async def credits_between(user_id: UUID, starts: int, ends: int) -> list[Transfer]:
    """Return the user's credits that hold any gram at the positions from `starts` to before `ends`, in order."""
    return await CREDITS_BETWEEN.fetch(user_id, starts, ends)


async def debits_between(user_id: UUID, starts: int, ends: int) -> list[Transfer]:
    """Return the user's donations that may hold any gram at the positions from `starts` to before `ends`, in order.

    A donation's grams end at `debited_after`; where they start depends on the gaps it stepped over, so the donation
    after the last one that ends in the range is returned as well.
    """
    return await DEBITS_BETWEEN.fetch(user_id, starts, ends)


async def earned_by(user_id: UUID, action_id: UUID) -> Transfer | None:
    """Return the transfer by which an action was credited, if it was worth any grams."""
    return next(iter(await EARNED_BY_ACTION.fetch(user_id, action_id)), None)
