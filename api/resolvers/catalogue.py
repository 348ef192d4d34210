"""The errors that can happen, for everybody to read."""

import strawberry

from api.schema.catalogue import CATALOGUE, ErrorDescription
from api.schema.permissions import public


@strawberry.type
class CatalogueQueries:
    """What can be asked of the catalogue of errors."""

    @strawberry.field(
        description="Every error that can happen: what it means, whether a retry helps, what to do.",
        extensions=public(),
    )
    async def error_catalog(self) -> list[ErrorDescription]:
        """Show the catalogue."""
        return [ErrorDescription.of(entry) for entry in CATALOGUE.values()]
