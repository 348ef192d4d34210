"""People, without names: a user is an id, and a salt that is forgotten when the person is forgotten."""

from collections.abc import Collection
from hashlib import sha256
from hmac import digest
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.paging import Page, Window, page_of


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
        return digest(bytes.fromhex(self.salt), project_id.bytes, "sha256").hex()[:20]

    def commitment(self) -> str:
        """Return what the event chain holds of this user: it says nothing once the salt is forgotten."""
        return sha256(bytes.fromhex(self.salt) + self.id.bytes).hexdigest()

    @classmethod
    async def page(cls, window: Window, environment: Environment) -> "Page[User]":
        """Return the users of one world, newest first unless the window says otherwise."""
        return await page_of(cls.filter(environment=environment), window)

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "User"]:
        """Return the users of these ids, by id."""
        return {user.id: user for user in await cls.filter(id__in=list(ids))}
