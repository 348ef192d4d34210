"""A user's ledger, line by line."""

from datetime import datetime
from typing import Self

import strawberry

from api import models
from api.models import CREDITS, TransferKind
from api.schema.scalars import Grams
from api.schema.views import Read, shown, view


@view(amount="amount_g", is_credit=Read("row.kind", CREDITS.__contains__))
@strawberry.type(description="A move of energy: one debit, one credit, never changed.")
class Transfer:
    """A move of energy."""

    row: strawberry.Private[models.Transfer]
    kind: TransferKind = strawberry.field(description="Which way, and why.")
    amount: Grams = strawberry.field(description="How much.")
    is_credit: bool = strawberry.field(description="Whether the user has more energy after it, or less.")
    created_at: datetime = strawberry.field(description="When it was written.")

    @classmethod
    def of(cls, row: models.Transfer) -> Self:
        """Show a row."""
        return shown(cls, row)
