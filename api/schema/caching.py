"""What anybody may keep, and for how long, as the schema publishes it: one table.

What is not in the table is kept by nobody. A root field in it must be open to everybody, and no field below may need a
scope: a schema in which that is not so does not start.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import strawberry
from graphql import GraphQLObjectType
from strawberry.schema_directive import Location

from api.schema.permissions import Guard


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="cacheControl",
    description=(
        "Who asks for it without a key, by GET and by the name of a document, may keep it and show it to others. "
        "The smallest number in a document holds for its answer; what has none is kept by nobody."
    ),
)
class CacheControl:
    """Anybody may keep it."""

    max_age: int = strawberry.field(description="Seconds.")


#: What changes with every donation; what operators and NGOs change; what hardly ever changes.
LIVE_S = 5
EDITED_S = 30
SETTLED_S = 300
#: Parts that live as long as what they are parts of.
PART_S = 3_600

MAX_AGES_S: Mapping[str, int] = {
    "Query.actionTypes": SETTLED_S,
    "Query.errorCatalog": SETTLED_S,
    "Query.partner": SETTLED_S,
    "Query.partners": SETTLED_S,
    "Query.project": EDITED_S,
    "Query.projects": EDITED_S,
    "ActionType": SETTLED_S,
    "ErrorDescription": SETTLED_S,
    "GeoPoint": PART_S,
    "PageInfo": PART_S,
    "Partner": SETTLED_S,
    "PartnerConnection": SETTLED_S,
    "PartnerEdge": SETTLED_S,
    "Project": EDITED_S,
    "ProjectConnection": EDITED_S,
    "ProjectEdge": EDITED_S,
    "ProjectOrganisation": EDITED_S,
    "ProjectProgress": LIVE_S,
    "Text": PART_S,
}


class PrivateFieldCached(RuntimeError):
    """Something that needs a scope, or whose guard is not that of everybody, is said to be anybody's to keep."""


def publish_max_ages(schema: strawberry.Schema, table: Mapping[str, int] = MAX_AGES_S) -> None:
    """Write the table into a schema, from where it is printed.

    Raises: PrivateFieldCached; KeyError for something that is not in the schema.
    """
    types = schema._schema.type_map  # noqa: SLF001 - Strawberry has no public name for it
    for name, max_age_s in table.items():
        kind, _, field = name.partition(".")
        holder: Any = types[kind]
        assert isinstance(holder, GraphQLObjectType)  # noqa: S101 - the table is ours
        fields = [holder.fields[field]] if field else list(holder.fields.values())
        if any(guard.scopes for one in fields for guard in _guards(one)) or (field and not list(_guards(fields[0]))):
            raise PrivateFieldCached(name)
        definition = (fields[0] if field else holder).extensions["strawberry-definition"]
        others = [one for one in definition.directives or () if not isinstance(one, CacheControl)]
        definition.directives = [*others, CacheControl(max_age=max_age_s)]


def _guards(field: Any) -> Iterator[Guard]:
    definition = field.extensions["strawberry-definition"]
    return (one for one in definition.extensions if isinstance(one, Guard))
