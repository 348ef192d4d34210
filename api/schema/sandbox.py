"""The sandbox's comforts."""

from datetime import datetime

import strawberry

from api.schema.errors import AdvanceSandboxClockError


@strawberry.input(description="Advance the clock of your sandbox, to see windows close without waiting.")
class AdvanceSandboxClockInput:
    """Advance the clock."""

    idempotency_key: str = strawberry.field(
        description="Your key for this call. The moment alone makes a repetition harmless: it is reached once."
    )
    to: datetime = strawberry.field(description="The moment that it shall be. It never goes back.")


@strawberry.type(description="What became of an advanceSandboxClock call.")
class AdvanceSandboxClockPayload:
    """What became of the call."""

    now: datetime | None = strawberry.field(description="The present moment of your sandbox; null when refused.")
    replayed: bool = strawberry.field(description="Whether it was that late already.")
    errors: list[AdvanceSandboxClockError] = strawberry.field(description="Why it was refused; empty when it was not.")
