"""How much budget each payer has left, where several processes serve: all of them settle here."""

from collections.abc import Mapping

from tortoise import fields
from tortoise.models import Model
from tortoise.transactions import in_transaction

SETTLE = """
INSERT INTO rate_level AS old (payer, level, at)
SELECT payer, $3::float8 - spent, clock_timestamp()
FROM unnest($1::text[], $2::float8[]) AS new (payer, spent) ORDER BY payer
ON CONFLICT (payer) DO UPDATE SET
    at = GREATEST(old.at, excluded.at),
    level = GREATEST(-$3::float8, LEAST($3::float8,
        LEAST($3::float8, old.level + $4::float8 * GREATEST(0, extract(epoch FROM excluded.at - old.at)))
        - ($3::float8 - excluded.level)))
RETURNING payer, level
"""
# A bucket that has had the time to fill up from the deepest debt is like one that there never was.
FORGET = "DELETE FROM rate_level WHERE at < clock_timestamp() - make_interval(secs => $1::float8)"


class RateLevel(Model):
    """The level of a bucket at a moment of the database's clock. Below zero is owed."""

    payer = fields.CharField(max_length=64, primary_key=True)
    level = fields.FloatField()
    at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "rate_level"

    @classmethod
    async def settle(cls, spent: Mapping[str, int], capacity: int, refill_per_s: int) -> dict[str, float]:
        """Take out what was spent, in one statement for all payers, and return what is left. PostgreSQL only."""
        async with in_transaction() as connection:
            rows = await connection.execute_query_dict(
                SETTLE, [list(spent), [float(one) for one in spent.values()], float(capacity), float(refill_per_s)]
            )
        return {row["payer"]: row["level"] for row in rows}

    @classmethod
    async def forget(cls, full_after_s: float) -> None:
        """Delete the levels that have had so many seconds to fill up."""
        async with in_transaction() as connection:
            await connection.execute_query(FORGET, [full_after_s])
