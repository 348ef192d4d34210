"""What fields cost, as the schema publishes it: one table, so that the weights can be compared with each other.

One point is about what one row costs us. A field that asks a question of its own costs 2 points, and each row that
comes costs one; so does a thing that is loaded together with others of its kind. A write costs 10. What is there
already costs nothing. A test fails for a field with a resolver that is neither in the table nor known to be free.
"""

from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType
from strawberry.schema_directive import Location

from api.schema.paging import PAGE_DEFAULT


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT, Location.INPUT_FIELD_DEFINITION],
    name="cost",
    description=(
        "What it costs: a field each time it is resolved, an object each time it is returned, an input field each time "
        "it is given. What has no weight costs nothing."
    ),
)
class Cost:
    """What it costs."""

    weight: str = strawberry.field(description="Points, a whole number.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many objects are counted for a list before it is known how many there are.",
)
class ListSize:
    """How many objects are counted."""

    assumed_size: int | None = strawberry.field(description="When no argument says it.", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.field(
        description="The largest of these arguments says it; of a list, its length. A dot leads into an input.",
        default=strawberry.UNSET,
    )
    sized_fields: list[str] | None = strawberry.field(
        description="The lists are these fields of what is returned.", default=strawberry.UNSET
    )


def _costs(weight: int) -> list[object]:
    return [Cost(weight=str(weight))]


def _list(
    weight: int, *, assumed: int | None = strawberry.UNSET, by: tuple[str, ...] = (), of: tuple[str, ...] = ()
) -> list[object]:
    """Weigh a list of an assumed size, or of the size that an argument says; or lists in what is returned."""
    size = ListSize(
        assumed_size=assumed, slicing_arguments=list(by) or strawberry.UNSET, sized_fields=list(of) or strawberry.UNSET
    )
    return [Cost(weight=str(weight)), size]


ROW = _costs(1)
QUESTION = _costs(2)
WRITE = _costs(10)
FOLLOW = _costs(10)
PAGE = _list(2, assumed=PAGE_DEFAULT, by=("first", "last"), of=("nodes", "edges"))
TRACE = _list(5, assumed=5)

WEIGHTS: Mapping[str, list[object]] = {
    # Each operation, whatever it selects.
    "Query": ROW,
    "Mutation": ROW,
    "Subscription": ROW,
    # Each object, however one comes to it.
    "Action": ROW,
    "ApiKey": ROW,
    "AuditEntry": ROW,
    "Balance": ROW,
    "Donation": ROW,
    "DonationEvent": ROW,
    "Partner": ROW,
    "Project": ROW,
    "ProjectProgress": ROW,
    "Transfer": ROW,
    "User": ROW,
    # Each field, beside the objects that it returns.
    "Query.actions": PAGE,
    "Query.auditLog": PAGE,
    "Query.donations": PAGE,
    "Query.partners": PAGE,
    "Query.projects": PAGE,
    "Query.users": PAGE,
    "Query.action": ROW,
    "Query.donation": ROW,
    "Query.errorCatalog": QUESTION,
    "Query.estimateAction": QUESTION,
    "Query.node": ROW,
    "Query.nodes": _list(0, by=("ids",)),
    "Query.partner": ROW,
    "Query.project": ROW,
    "Query.user": ROW,
    "User.actions": PAGE,
    "User.donations": PAGE,
    "User.externalRef": ROW,
    "User.transfers": PAGE,
    "Viewer.deprecatedUsage": QUESTION,
    "Viewer.keys": _list(2, assumed=5),
    "Balance.donated": QUESTION,
    "Balance.earned": QUESTION,
    "Action.spentOn": TRACE,
    "Project.organisations": _list(1, assumed=5),
    "Donation.donor": ROW,
    "Donation.fundedBy": TRACE,
    "Donation.reversedAt": ROW,
    "Donation.status": ROW,
    "Mutation.addProject": WRITE,
    "Mutation.advanceSandboxClock": WRITE,
    "Mutation.createUserToken": WRITE,
    "Mutation.donateEnergy": WRITE,
    "Mutation.issueLinkCode": WRITE,
    "Mutation.linkUser": WRITE,
    "Mutation.recordAction": WRITE,
    "Mutation.recordActions": _list(10, by=("input.actions",), of=("results",)),
    "Mutation.reverseAction": WRITE,
    "Mutation.reverseDonation": WRITE,
    "Mutation.setProjectOrganisations": WRITE,
    "Mutation.setProjectStatus": WRITE,
    "Mutation.unlinkUser": WRITE,
    "Mutation.updateProject": WRITE,
    "Subscription.donationUpdates": FOLLOW,
    "Subscription.projectProgress": FOLLOW,
    # Each value that is sent: an action of many costs half of what it costs alone.
    "RecordActionsItem.legs": _costs(5),
}

#: Fields with a resolver that only show what is there.
FREE = frozenset(
    {
        "Action.actionType",
        "Action.calculation",
        "Donation.reversibleUntil",
        "Query.actionTypes",
        "Query.viewer",
        "Viewer.now",
        "Viewer.rateLimit",
    }
)


def weigh(schema: strawberry.Schema) -> None:
    """Write the table into a schema, from where it is printed.

    Raises: KeyError for something that is not in the schema.
    """
    types = schema._schema.type_map  # noqa: SLF001 - Strawberry has no public name for it
    for name, directives in WEIGHTS.items():
        kind, _, field = name.partition(".")
        weighed: Any = types[kind]
        assert isinstance(weighed, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)  # noqa: S101
        definition = (weighed.fields[field] if field else weighed).extensions["strawberry-definition"]
        others = [one for one in definition.directives or () if not isinstance(one, Cost | ListSize)]
        definition.directives = [*others, *directives]
