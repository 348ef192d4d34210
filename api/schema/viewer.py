"""Who is calling, as the caller may see itself."""

from datetime import datetime
from typing import Self

import strawberry

from api import models
from api.access import Standing
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


@strawberry.type(description="A budget of points: each operation costs some, as the schema says with `@cost`.")
class RateLimit:
    """A budget."""

    capacity: int = strawberry.field(description="The most that there ever is.")
    remaining: int = strawberry.field(description="What is left. An operation that costs more must wait.")
    refill_per_s: int = strawberry.field(description="What comes back in a second.")
    reset_at: datetime = strawberry.field(description="When all of it is back, if nothing is spent until then.")

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Show a bucket."""
        return cls(
            capacity=standing.capacity,
            remaining=standing.remaining,
            refill_per_s=standing.rate.refill_per_s,
            reset_at=standing.reset_at.replace(microsecond=0),
        )


@strawberry.type(description="How often you have used something that is deprecated.")
class DeprecatedUsage:
    """Uses of something deprecated."""

    field: str = strawberry.field(description="What it is, for example `Query.field` or `Query.field(argument:)`.")
    count: int = strawberry.field(description="In how many calls you have used it.")
    last_used_at: datetime = strawberry.field(description="When you used it last.")

    @classmethod
    def of(cls, row: models.DeprecatedUse) -> Self:
        """Show a row."""
        return cls(field=row.field, count=row.uses, last_used_at=row.last_used_at)


@strawberry.type(description="You: the partner, the key, and what it opens.")
class Viewer:
    """Who is calling."""

    partner: Partner | None = strawberry.field(description="Your organisation; null without a key.")
    key_id: str | None = strawberry.field(description="Public part of your key; null without a key.")
    environment: Environment = strawberry.field(description="The world that your key belongs to.")
    scopes: list[str] = strawberry.field(description="What your key or token opens.")
    user: User | None = strawberry.field(
        description="The one user whom your token is for; null without such a token, and without `users:read`."
    )
    expires_at: datetime | None = strawberry.field(description="When your key or token ends; null if that is not set.")
    token_expires_at: datetime | None = strawberry.field(description="When your token ends; null with a key.")

    @strawberry.field(description="The keys of your organisation, oldest first; none for nobody and for user tokens.")
    async def keys(self, info: Info) -> list[ApiKey]:
        """List the keys."""
        caller = info.context.caller
        if caller.partner is None or caller.user_id is not None:
            return []
        return [ApiKey.of(row) for row in await models.ApiKey.of_partner(caller.partner.id)]

    @strawberry.field(description="Your budget, and what this very call has left of it.")
    async def rate_limit(self, info: Info) -> RateLimit:
        """Look into the bucket."""
        return RateLimit.of(info.context.rates.standing(info.context.caller))

    @strawberry.field(
        description="What your organisation still uses that will be taken away, by name; none for user tokens."
    )
    async def deprecated_usage(self, info: Info) -> list[DeprecatedUsage]:
        """List the uses."""
        caller = info.context.caller
        if caller.partner is None or caller.user_id is not None:
            return []
        rows = await info.context.deprecated_uses.of_partner(caller.partner.id)
        return [DeprecatedUsage.of(row) for row in rows]

    @strawberry.field(description="The present moment in your world: in the sandbox, what you have advanced it to.")
    async def now(self, info: Info) -> datetime:
        """Read the clock."""
        return await info.context.ledger.moment(info.context.caller.partnership)
