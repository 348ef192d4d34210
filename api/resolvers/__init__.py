"""Verbs: what partners call, one file for each subject; here they are merged into the roots of the schema."""

from functools import cache

import strawberry
from graphql import GraphQLInputObjectType
from strawberry.tools import merge_types
from strawberry.types.base import StrawberryObjectDefinition

from api.resolvers.actions import ActionMutations, ActionQueries
from api.resolvers.administration import AdministrationMutations, AdministrationQueries
from api.resolvers.catalogue import CatalogueQueries
from api.resolvers.donations import DonationMutations, DonationQueries, DonationSubscriptions
from api.resolvers.nodes import NodeQueries
from api.resolvers.partners import PartnerQueries
from api.resolvers.projects import ProjectMutations, ProjectQueries, ProjectSubscriptions
from api.resolvers.users import UserMutations, UserQueries
from api.schema.caching import publish_max_ages
from api.schema.cost import weigh
from api.schema.permissions import unguarded_fields
from api.schema.scalars import SCALARS

Query = merge_types(
    "Query",
    (
        NodeQueries,
        PartnerQueries,
        UserQueries,
        ActionQueries,
        ProjectQueries,
        DonationQueries,
        AdministrationQueries,
        CatalogueQueries,
    ),
)
Mutation = merge_types(
    "Mutation", (ActionMutations, DonationMutations, UserMutations, ProjectMutations, AdministrationMutations)
)
Subscription = merge_types("Subscription", (DonationSubscriptions, ProjectSubscriptions))
for root, description in (
    (Query, "What can be asked."),
    (Mutation, "What can be done. Every call takes an idempotency key and answers with typed errors."),
    (Subscription, "What can be followed."),
):
    root.__strawberry_definition__.description = description  # type: ignore[attr-defined]


class UnguardedField(RuntimeError):
    """A root field declares nobody who may call it."""


def enforce_one_of(schema: strawberry.Schema) -> None:
    """Let graphql-core know which inputs hold exactly one field.

    Strawberry checks that only while it converts values, where it is too late for an error that says what is wrong.
    """
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - Strawberry has no public name for it
        definition = kind.extensions.get("strawberry-definition")
        if isinstance(kind, GraphQLInputObjectType) and isinstance(definition, StrawberryObjectDefinition):
            kind.is_one_of = definition.is_one_of


@cache
def make_schema() -> strawberry.Schema:
    """Return the schema, made once in a process.

    Raises: UnguardedField, so that a forgotten guard never reaches a partner; PrivateFieldCached.
    """
    schema = strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        config=strawberry.schema.config.StrawberryConfig(scalar_map=SCALARS),
    )
    if unguarded := list(unguarded_fields(schema)):
        raise UnguardedField(", ".join(unguarded))
    enforce_one_of(schema)
    weigh(schema)
    publish_max_ages(schema)
    return schema
