"""A user's energy."""

from uuid import UUID

import strawberry

from api.models import TransferKind
from api.schema.context import Info
from api.schema.scalars import Grams


@strawberry.type(description="A user's energy. available = earned - donated.")
class Balance:
    """A user's energy."""

    user_id: strawberry.Private[UUID]
    available: Grams = strawberry.field(description="Energy that the user can donate now.")

    @strawberry.field(description="Energy earned in all, less what reversed actions gave back.")
    async def earned(self, info: Info) -> Grams:
        """Sum what came in."""
        sums = await info.context.loaders.sums.load(self.user_id) or {}
        taken = sums.get(TransferKind.REVERSE_EARN, 0) + sums.get(TransferKind.RECLAIM, 0)
        return Grams(sums.get(TransferKind.EARN, 0) - taken)

    @strawberry.field(description="Energy donated in all, less reversed donations.")
    async def donated(self, info: Info) -> Grams:
        """Sum what went out."""
        sums = await info.context.loaders.sums.load(self.user_id) or {}
        return Grams(sums.get(TransferKind.DONATE, 0) - sums.get(TransferKind.REVERSE_DONATE, 0))
