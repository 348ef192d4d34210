"""Who is calling, as the caller may see itself."""

from datetime import datetime
from typing import Self

import strawberry

from api import models
from api.models import Environment
from api.schema.context import Info
from api.schema.partner import Partner
from api.schema.user import User


@strawberry.type(description="A key of your organisation. The secret is known to nobody but you.")
class ApiKey:
    """A key."""

    id: str = strawberry.field(description="Public part of the key, between its first and its second underscore.")
    environment: Environment = strawberry.field(description="The world that it belongs to.")
    scopes: list[str] = strawberry.field(description="What it opens.")
    label: str = strawberry.field(description="What it was named when it was made.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="When it ends; null if that is not set.")
    revoked_at: datetime | None = strawberry.field(description="When it was ended; null while it was not.")
    last_used_at: datetime | None = strawberry.field(description="About when it was used last, to a minute.")

    @classmethod
    def of(cls, row: models.ApiKey) -> Self:
        """Show a row."""
        return cls(
            id=row.id,
            environment=row.environment,
            scopes=list(row.scopes),
            label=row.label,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            last_used_at=row.last_used_at,
        )


@strawberry.type(description="You: the partner, the key, and what it opens.")
class Viewer:
    """Who is calling."""

    partner: Partner | None = strawberry.field(description="Your organisation; null without a key.")
    key_id: str | None = strawberry.field(description="Public part of your key; null without a key.")
    environment: Environment = strawberry.field(description="The world that your key belongs to.")
    scopes: list[str] = strawberry.field(description="What your key or token opens.")
    user: User | None = strawberry.field(description="The one user whom your token is for; null without such a token.")
    expires_at: datetime | None = strawberry.field(description="When your key or token ends; null if that is not set.")

    @strawberry.field(description="The keys of your organisation, oldest first; none for nobody and for user tokens.")
    async def keys(self, info: Info) -> list[ApiKey]:
        """List the keys."""
        caller = info.context.caller
        if caller.partner is None or caller.user_id is not None:
            return []
        return [ApiKey.of(row) for row in await models.ApiKey.of_partner(caller.partner.id)]

    @strawberry.field(description="The present moment in your world: in the sandbox, what you have advanced it to.")
    async def now(self, info: Info) -> datetime:
        """Read the clock."""
        return await info.context.ledger.moment(info.context.caller.partnership)
