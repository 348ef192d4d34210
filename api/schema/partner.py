"""Organisations, as anybody may see them."""

from typing import Self

import strawberry

from api import models
from api.models import PartnerKind
from api.models.project import Organisation
from api.schema import node
from api.schema.node import Node
from api.schema.text import Text, text_of
from api.schema.views import ReadOnce, shown, view


@view(
    id=node.id_of(node.PARTNER),
    name=text_of("name"),
    kinds=ReadOnce(lambda shown: [PartnerKind(kind) for kind in shown.row.kinds], "kinds"),
)
@strawberry.type(description="An organisation that takes part.")
class Partner(Node):
    """An organisation that takes part."""

    row: strawberry.Private[models.Partner | Organisation]

    slug: str = strawberry.field(description="Short name in addresses, never changed.")
    name: Text = strawberry.field(description="Name.")
    kinds: list[PartnerKind] = strawberry.field(description="Parts that it plays.")

    @classmethod
    def found(cls, row: models.Partner | None) -> Self | None:
        """Show a row, if there is one."""
        return cls.of(row) if row is not None else None

    @classmethod
    def of(cls, row: models.Partner | Organisation) -> Self:
        """Show a row."""
        return shown(cls, row)
