"""Organisations, as anybody may see them."""

from typing import Self

import strawberry

from api import models
from api.models import PartnerKind
from api.schema import node
from api.schema.node import Node
from api.schema.text import Text


@strawberry.type(description="An organisation that takes part.")
class Partner(Node):
    """An organisation that takes part."""

    slug: str = strawberry.field(description="Short name in addresses, never changed.")
    name: Text = strawberry.field(description="Name.")
    kinds: list[PartnerKind] = strawberry.field(description="Parts that it plays.")

    @classmethod
    def of(cls, row: models.Partner) -> Self:
        """Show a row."""
        return cls(
            id=node.global_id(node.PARTNER, row.id),
            slug=row.slug,
            name=Text(zh=row.name_zh, en=row.name_en),
            kinds=[PartnerKind(kind) for kind in row.kinds],
        )
