"""Which partner knows which user, and under what name of its own."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.paging import Page, Window, page_of
from api.models.partner import Partner
from api.models.rows import Shape
from api.models.statements import Statement, Transaction, kept
from api.models.user import User, UserWithBalance


class UserLink(Model):
    """A partner's own id of a user."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    partner: fields.ForeignKeyRelation[Partner] = fields.ForeignKeyField("lucid.Partner", on_delete=fields.RESTRICT)
    partner_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("lucid.User", on_delete=fields.RESTRICT)
    user_id: UUID
    external_ref = fields.CharField(max_length=128)
    created_at = fields.DatetimeField()

    class Meta:
        table = "user_link"
        unique_together = (("partner_id", "environment", "external_ref"), ("user_id", "partner_id"))
        # The world at the end: with both in front, and before there are statistics, it would be taken for names too.
        indexes = (("partner_id", "user_id", "environment"),)

    @classmethod
    async def page(
        cls, window: Window, partner_id: UUID, environment: Environment, user_id: UUID | None = None
    ) -> "Page[UserLink]":
        """Return a partner's links in one world, with one user where it is named, newest user first as a rule."""
        links = cls.filter(partner_id=partner_id, environment=environment)
        return await page_of(links if user_id is None else links.filter(user_id=user_id), window, "user_id")

    @classmethod
    async def by_refs(cls, partner_id: UUID, environment: Environment, refs: Collection[str]) -> dict[str, "UserLink"]:
        """Return the partner's links of these external references, by reference."""
        links = cls.filter(partner_id=partner_id, environment=environment, external_ref__in=list(refs))
        return {link.external_ref: link for link in await links}

    @classmethod
    async def by_names(
        cls, names: Sequence[tuple[UUID, Environment, str]], transaction: Transaction | None = None
    ) -> "dict[Any, UserLink]":
        """Return the links of these (partner, environment, external reference), by the same.

        Of a link no more is read than the user and the environment.
        """
        rows = await (transaction or kept()).fetch_each(LINKS_BY_NAME, names)
        return {names[row.n]: row for row in rows}

    @classmethod
    async def by_pairs(cls, pairs: Sequence[tuple[UUID, UUID]]) -> "dict[tuple[UUID, UUID], UserLink]":
        """Return the links of these (partner, user), by the same, as `by_names` does."""
        return {pairs[row.n]: row for row in await kept().fetch_each(LINKS_BY_USER, pairs)}

    @classmethod
    async def by_users(cls, partner_id: UUID, user_ids: Collection[UUID]) -> dict[UUID, "UserLink"]:
        """Return the partner's links with these users, by user id."""
        return {link.user_id: link for link in await cls.filter(partner_id=partner_id, user_id__in=list(user_ids))}

    @classmethod
    async def of_users(cls, user_ids: Collection[UUID]) -> "list[UserLink]":
        """Return every link of these users."""
        return await cls.filter(user_id__in=list(user_ids)).order_by("id")


class LinkedUser(UserWithBalance, Protocol):
    """A user whom a partner knows, with the partner's own reference."""

    external_ref: str


LINKED_USER: Shape[Any] = Shape.of(
    User, available=fields.BigIntField(), external_ref=fields.CharField(max_length=128), n=fields.BigIntField()
).shown()
#: Keys: partner, environment, user.
LINKED_USERS: Statement[LinkedUser] = Statement(
    "users of partners",
    LINKED_USER,
    postgres="""
SELECT {u}, coalesce(a.credited - a.debited - a.held, 0) AS available, l.external_ref, k.n - 1 AS n
FROM unnest($1::link_key[]) WITH ORDINALITY AS k (partner_id, environment, user_id, n)
JOIN user_link l ON l.user_id = k.user_id AND l.partner_id = k.partner_id AND l.environment = k.environment
JOIN "user" u ON u.id = l.user_id AND u.environment = k.environment
LEFT JOIN account a ON a.user_id = u.id
""",
    sqlite="""
SELECT {u}, coalesce(a.credited - a.debited - a.held, 0) AS available, l.external_ref, k.key AS n
FROM json_each(?1) k
CROSS JOIN user_link l ON l.user_id = k.value ->> 2 AND l.partner_id = k.value ->> 0 AND l.environment = k.value ->> 1
CROSS JOIN "user" u ON u.id = l.user_id AND u.environment = l.environment
LEFT JOIN account a ON a.user_id = u.id
""",
)
#: Keys: partner, environment, external reference.
NAMED_USERS: Statement[LinkedUser] = Statement(
    "users by the references of partners",
    LINKED_USER,
    postgres="""
SELECT {u}, coalesce(a.credited - a.debited - a.held, 0) AS available, l.external_ref, k.n - 1 AS n
FROM unnest($1::ref_key[]) WITH ORDINALITY AS k (partner_id, environment, ref, n)
JOIN user_link l ON l.partner_id = k.partner_id AND l.environment = k.environment AND l.external_ref = k.ref
JOIN "user" u ON u.id = l.user_id AND u.environment = k.environment
LEFT JOIN account a ON a.user_id = u.id
""",
    sqlite="""
SELECT {u}, coalesce(a.credited - a.debited - a.held, 0) AS available, l.external_ref, k.key AS n
FROM json_each(?1) k
CROSS JOIN user_link l
  ON l.partner_id = k.value ->> 0 AND l.environment = k.value ->> 1 AND l.external_ref = k.value ->> 2
CROSS JOIN "user" u ON u.id = l.user_id AND u.environment = l.environment
LEFT JOIN account a ON a.user_id = u.id
""",
)

LINK: Shape[Any] = Shape.of(UserLink, "user_id", "environment", n=fields.BigIntField())
#: Keys: partner, environment, external reference.
LINKS_BY_NAME: Statement[Any] = Statement(
    "links by name",
    LINK,
    postgres="""
SELECT {l}, k.n - 1 AS n
FROM unnest($1::ref_key[]) WITH ORDINALITY AS k (partner_id, environment, ref, n)
JOIN user_link l ON l.partner_id = k.partner_id AND l.environment = k.environment AND l.external_ref = k.ref
""",
    sqlite="""
SELECT {l}, k.key AS n FROM json_each(?1) k CROSS JOIN user_link l
  ON l.partner_id = k.value ->> 0 AND l.environment = k.value ->> 1 AND l.external_ref = k.value ->> 2
""",
)
#: Keys: partner, user.
LINKS_BY_USER: Statement[Any] = Statement(
    "links by partner and user",
    LINK,
    postgres="""
SELECT {l}, k.n - 1 AS n FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k (partner_id, user_id, n)
JOIN user_link l ON l.user_id = k.user_id AND l.partner_id = k.partner_id
""",
    sqlite="""
SELECT {l}, k.key AS n FROM json_each(?1) k CROSS JOIN user_link l
  ON l.user_id = k.value ->> 1 AND l.partner_id = k.value ->> 0
""",
)
