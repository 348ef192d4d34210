"""What a subscriber hears: donations with their number in the project, and checkpoints in between."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Self, TypeAlias
from uuid import UUID

import orjson
import strawberry

from api import models
from api.models import EventKind
from api.schema import node
from api.schema.catalogue import error
from api.schema.context import Info, Later
from api.schema.node import Node
from api.schema.project import Project
from api.schema.scalars import SAFE_INTEGER_MAX, Grams

CURSOR_MAX = 4_096


@strawberry.type(description="A donation to a project, or its reversal, with its number: numbers have no gaps.")
class DonationEvent(Node):
    """A donation to a project, or its reversal."""

    project_row_id: strawberry.Private[UUID]
    kind: EventKind = strawberry.field(description="What happened.")
    sequence: int = strawberry.field(description="Number in the project: 1, 2, 3 … with none left out.")
    cursor: str = strawberry.field(
        description="Opaque position of all followed projects after this event. Give the last one as `after` to go on."
    )
    donation_id: strawberry.ID = strawberry.field(description="Global id of the donation.")
    project_id: strawberry.ID = strawberry.field(description="Global id of the project.")
    amount: Grams = strawberry.field(description="Energy donated or taken back; the kind says which.")
    total_after: Grams = strawberry.field(description="Energy of the project after this event.")
    donor: str = strawberry.field(
        description="Pseudonym of the donor: the same for all of a person's donations to this project, and no other."
    )
    occurred_at: datetime = strawberry.field(description="When it happened.")
    sealed_at: datetime = strawberry.field(description="When it got its number.")
    block_number: int = strawberry.field(description="Number of the project's block in which it is sealed.")
    leaf_hash: str = strawberry.field(description="Hash of the event as a leaf of its block's Merkle tree (RFC 9162).")

    @strawberry.field(description="The project.")
    def project(self, info: Info) -> Later[Project | None]:
        """Load the project."""
        return info.context.loaders.projects.load(self.project_row_id, Project.found)

    @classmethod
    def found(cls, row: models.Event | None) -> Self | None:
        """Show a row, if there is one, with the cursor of who follows its project alone."""
        return cls.of(row, write_cursor({row.project_id: row.sequence})) if row is not None else None

    @classmethod
    def of(cls, row: models.Event, cursor: str) -> Self:
        """Show a row."""
        return cls(
            id=node.global_id(node.EVENT, row.id),
            project_row_id=row.project_id,
            kind=row.kind,
            sequence=row.sequence,
            cursor=cursor,
            donation_id=node.global_id(node.DONATION, row.donation_id),
            project_id=node.global_id(node.PROJECT, row.project_id),
            amount=Grams(row.amount_g),
            total_after=Grams(row.total_after_g),
            donor=row.donor,
            occurred_at=row.occurred_at,
            sealed_at=row.sealed_at,
            block_number=row.block_number,
            leaf_hash=row.leaf_hash,
        )


@strawberry.type(description="Where a project stands in a checkpoint.")
class ProjectPosition:
    """Where a project stands in a checkpoint."""

    project_id: strawberry.ID = strawberry.field(description="Global id of the project.")
    sequence: int = strawberry.field(description="Number of the last event that you were sent, or began after.")


@strawberry.type(
    description="Everything up to here has been sent: once when the backlog is through, and then whenever it is quiet."
)
class Checkpoint:
    """Everything up to here has been sent."""

    cursor: str = strawberry.field(description="Opaque position of all projects followed. Keep it like an event's.")
    at: datetime = strawberry.field(description="When the checkpoint was made.")
    positions: list[ProjectPosition] = strawberry.field(description="Where each project stands.")


DonationUpdate: TypeAlias = Annotated[
    DonationEvent | Checkpoint,
    strawberry.union("DonationUpdate", description="An event, or a checkpoint when there is none."),
]


def write_cursor(positions: Mapping[UUID, int]) -> str:
    """Return the opaque text of these positions."""
    content = {project_id.hex: sequence for project_id, sequence in sorted(positions.items())}
    return urlsafe_b64encode(orjson.dumps({"v": 1, "at": content})).decode().rstrip("=")


def read_cursor(text: str) -> dict[UUID, int]:
    """Return the positions of a cursor.

    Raises: GraphQLError with code BAD_CURSOR when it is not one of ours.
    """
    try:
        content = orjson.loads(urlsafe_b64decode(text[:CURSOR_MAX] + "=" * (-len(text) % 4)))
        positions = {UUID(hex=key): value for key, value in content["at"].items()}
        is_ours = content["v"] == 1 and all(
            type(one) is int and 0 <= one <= SAFE_INTEGER_MAX for one in positions.values()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        is_ours, positions = False, {}
    if not is_ours:
        raise error("BAD_CURSOR", "The cursor is not one that this subscription has given out.")
    return positions
