"""Green actions, each with the calculation by which it was credited, frozen."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, Required, TypedDict, Unpack
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from api.models.changes import update
from api.models.environment import Environment
from api.models.paging import Page, PageStatement, Window, page_of
from api.models.rows import CountedField, Shape
from api.models.statements import Statement, Transaction, kept
from api.models.texts import can_hold


class ActionStatus(StrEnum):
    """What became of a recorded action."""

    CREDITED = "CREDITED"
    CAPPED = "CAPPED"
    REVERSED = "REVERSED"


class ActionFilter(TypedDict, total=False):
    """Which actions are asked for; what is left out or None does not matter. The period is that of their start."""

    environment: Required[Environment]
    partner_id: UUID | None
    user_id: UUID | None
    type: str | None
    status: ActionStatus | None
    since: datetime | None
    until: datetime | None


class Action(Model):
    """A green action of a user. Only its status, and what a reversal took back, ever change."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    user_id = fields.UUIDField()
    partner_id = fields.UUIDField()
    type = fields.CharField(max_length=32)
    quantity = fields.BigIntField()
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField()
    external_ref = fields.CharField(max_length=128, null=True)
    status = fields.CharEnumField(ActionStatus, max_length=8)
    calculation: dict[str, Any] = fields.JSONField()
    reduction_g = fields.BigIntField()
    credited_g = fields.BigIntField()
    taken_back_g = fields.BigIntField(null=True)
    created_at = fields.DatetimeField()
    reversed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "action"
        # The one of a user's pages, which covers them, is in the migration 0003.
        indexes = (
            Index(fields=("user_id", "ended_at")),
            Index(fields=("partner_id", "id")),
        )

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "Action"]:
        """Return the actions of these ids, by id."""
        return {action.id: action for action in await cls.filter(id__in=list(ids))}

    @classmethod
    async def page(cls, window: Window, **wanted: Unpack[ActionFilter]) -> "Page[Action]":
        """Return the actions of one world that match, newest record first unless the window says otherwise."""
        rows = cls.filter(environment=wanted["environment"])
        for column in ("partner_id", "user_id", "status"):
            if (value := wanted.get(column)) is not None:
                rows = rows.filter(**{column: value})
        if (kind := wanted.get("type")) is not None:
            rows = rows.filter(type__in=[kind] if can_hold(cls, "type", kind) else [])
        if (since := wanted.get("since")) is not None:
            rows = rows.filter(started_at__gte=since)
        if (until := wanted.get("until")) is not None:
            rows = rows.filter(started_at__lt=until)
        return await page_of(rows, window)

    @classmethod
    async def of_users(cls, user_ids: Collection[UUID]) -> "list[Action]":
        """Return every action of these users."""
        return await cls.filter(user_id__in=list(user_ids))

    @classmethod
    async def standing(
        cls, times: Collection[tuple[UUID, datetime, datetime]], transaction: Transaction | None = None
    ) -> "list[StandingAction]":
        """Return users' actions, of whatever partner, not reversed, that ended after a moment and started before one.

        Each user is asked for once.
        """
        return await (transaction or kept()).fetch_each(STANDING, list(times))


class StandingAction(Protocol):
    """What the rules look at of an action. A light row.

    Of one leg the columns of the action tell all. Only of several, which are few, the `lines` of the calculation are
    there: a calculation is ten times as long as these columns, and to read it took most of the time.
    """

    user_id: UUID
    type: str
    quantity: int
    starts: int
    ends: int
    credited_g: int
    lines: list[dict[str, Any]] | None


#: An action without its calculation, which is larger than all the rest and seldom asked for.
ACTION = Shape.of(Action, *(name for name in Action._meta.fields_map if name != "calculation"))  # noqa: SLF001
ACTIONS_BY_ID = Statement.by("actions by id", ACTION, "action")
CALCULATIONS = Statement.by("calculations of actions", Shape.of(Action, "id", "calculation"), "action")

#: What is shown of an action. Each column of a row is something to be made, and a page has many rows.
SHOWN_ACTION = Shape.of(
    Action, *(name for name in ACTION.columns if name not in {"environment", "reduction_g"})
).shown()

#: Keys: user, partner, environment; then the bounds.
ACTION_PAGES = PageStatement(
    "pages of actions of users",
    SHOWN_ACTION,
    rows="a",
    keys="""
unnest($1::page_key[]) WITH ORDINALITY AS k (user_id, partner_id, environment, low, high, n)
""",
    page="""
  SELECT {a.stored} FROM action a
  WHERE a.user_id = k.user_id AND a.partner_id = k.partner_id AND a.environment = k.environment
    AND a.id > k.low AND a.id < k.high
  ORDER BY a.id DESC LIMIT $2
""",
    sqlite="""
SELECT {a}, k.key AS n
FROM json_each(?1) k CROSS JOIN action a ON a.id IN (
  SELECT b.id FROM action b
  WHERE b.user_id = k.value ->> 0 AND b.partner_id = k.value ->> 1 AND b.environment = k.value ->> 2
    AND b.id > k.value ->> 3 AND b.id < k.value ->> 4
  ORDER BY b.id DESC LIMIT ?2)
ORDER BY k.key, a.id DESC
""",
)

#: Keys: user, since, until.
STANDING: Statement[Any] = Statement(
    "standing actions",
    Shape[Any].of(
        Action,
        *("user_id", "type", "quantity", "credited_g"),
        starts=CountedField(),
        ends=CountedField(),
        lines=fields.JSONField[Any](null=True),
    ),
    postgres="""
SELECT {a}, a.started_at AS starts, a.ended_at AS ends,
  CASE WHEN a.calculation #> '{{lines,1}}' IS NOT NULL THEN a.calculation -> 'lines' END AS lines
FROM unnest($1::time_key[]) AS k (user_id, since, until)
JOIN action a
  ON a.user_id = k.user_id AND a.ended_at > k.since AND a.started_at < k.until AND a.status <> 'REVERSED'
""",
    sqlite="""
SELECT {a}, a.started_at AS starts, a.ended_at AS ends,
  CASE WHEN json_array_length(a.calculation, '$.lines') > 1 THEN a.calculation -> '$.lines' END AS lines
FROM json_each(?1) AS k CROSS JOIN action a
  ON a.user_id = k.value ->> 0 AND a.ended_at > k.value ->> 1 AND a.started_at < k.value ->> 2
  AND a.status <> 'REVERSED'
""",
)

#: What a reversal changes.
REVERSE_ACTIONS = update(Action, "status", "reversed_at", "taken_back_g")
