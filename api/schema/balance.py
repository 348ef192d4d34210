"""A user's energy."""

from collections.abc import Mapping
from uuid import UUID

import strawberry

from api.models import TransferKind
from api.schema.context import Info, Later
from api.schema.scalars import Grams


@strawberry.type(description="A user's energy. available = earned - donated.")
class Balance:
    """A user's energy."""

    user_id: strawberry.Private[UUID]
    available: Grams = strawberry.field(description="Energy that the user can donate now.")

    @strawberry.field(description="Energy earned in all, less what reversed actions gave back.")
    def earned(self, info: Info) -> Later[Grams]:
        """Sum what came in."""
        return info.context.loaders.sums.load(self.user_id, _earned)

    @strawberry.field(description="Energy donated in all, less reversed donations.")
    def donated(self, info: Info) -> Later[Grams]:
        """Sum what went out."""
        return info.context.loaders.sums.load(self.user_id, _donated)


def _earned(sums: Mapping[TransferKind, int] | None) -> Grams:
    found = sums or {}
    taken = found.get(TransferKind.REVERSE_EARN, 0) + found.get(TransferKind.RECLAIM, 0)
    return Grams(found.get(TransferKind.EARN, 0) - taken)


def _donated(sums: Mapping[TransferKind, int] | None) -> Grams:
    found = sums or {}
    return Grams(found.get(TransferKind.DONATE, 0) - found.get(TransferKind.REVERSE_DONATE, 0))
