"""Verbs: what partners call, one file for each subject; here they are merged into the roots of the schema."""

from functools import cache

import strawberry
from strawberry.tools import merge_types

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
    weigh(schema)
    publish_max_ages(schema)
    return schema
