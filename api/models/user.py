"""People, without names: a user is an id, and a salt that is forgotten when the person is forgotten."""

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from hmac import digest
from typing import Any, Protocol
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.paging import Page, Window, page_of
from api.models.rows import Shape
from api.models.statements import Statement


class User(Model):
    """A pseudonymous person who owns energy."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    salt = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()

    class Meta:
        table = "user"

    def pseudonym(self, project_id: UUID) -> str:
        """Return the name by which a project's NGO knows this donor: the same each time, another in each project."""
        return pseudonym(self.salt, project_id)

    def commitment(self) -> str:
        """Return what the event chain holds of this user: it says nothing once the salt is forgotten."""
        return commitment(self.salt, self.id)

    @classmethod
    async def page(cls, window: Window, environment: Environment) -> "Page[User]":
        """Return the users of one world, newest first unless the window says otherwise."""
        return await page_of(cls.filter(environment=environment), window)

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "User"]:
        """Return the users of these ids, by id."""
        return {user.id: user for user in await cls.filter(id__in=list(ids))}


def pseudonym(salt: str, project_id: UUID) -> str:
    """Return the name by which a project's NGO knows the user of a salt."""
    return digest(bytes.fromhex(salt), project_id.bytes, "sha256").hex()[:20]


def commitment(salt: str, user_id: UUID) -> str:
    """Return what the event chain holds of a user."""
    return sha256(bytes.fromhex(salt) + user_id.bytes).hexdigest()


class UserWithBalance(Protocol):
    """A user with what can be donated."""

    id: UUID
    environment: Environment
    created_at: datetime
    available: int

    def pseudonym(self, project_id: UUID) -> str:
        """Return the name by which a project's NGO knows this donor."""


USER: Shape[Any] = Shape.of(User, available=fields.BigIntField())
USERS_BY_ID: Statement[UserWithBalance] = Statement(
    "users by id",
    USER,
    postgres="""
SELECT {u}, coalesce(a.credited - a.debited - a.held, 0) AS available
FROM "user" u LEFT JOIN account a ON a.user_id = u.id WHERE u.id = ANY($1)
""",
    sqlite="""
SELECT {u}, coalesce(a.credited - a.debited - a.held, 0) AS available
FROM "user" u LEFT JOIN account a ON a.user_id = u.id WHERE u.id IN (SELECT value FROM json_each(?1))
""",
)
