"""Postings: an accepted donation or action as one row, of which each table takes what it keeps.

A donation is a transfer, a fact for the sealer and a receipt, which say the same things of it: who, through whom, when,
how much. Told once and not three times, it costs half as much to send. The id of a receipt, and of the transfer of what
an action earned, says nothing by itself, so here it is the id of what they belong to.

What was posted reads like what will be read of it later, an action or a transfer, and like its receipt.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from tortoise import fields

from api.models.action import Action, ActionStatus
from api.models.action_ref import ActionRef
from api.models.changes import Part, posting
from api.models.environment import Environment
from api.models.outbox import Outbox
from api.models.receipt import Receipt
from api.models.rows import columns_of
from api.models.transfer import Transfer, TransferKind

DONATE, RECORD = "donateEnergy", "recordAction"


class DonationPosting(NamedTuple):
    """A donation: its transfer, its fact and its receipt."""

    id: UUID
    environment: Environment
    user_id: UUID
    partner_id: UUID
    key: str
    fingerprint: str
    amount_g: int
    project_id: UUID
    credited_after: int
    debited_after: int
    created_at: datetime

    @property
    def kind(self) -> TransferKind:
        """As the transfer's."""
        return TransferKind.DONATE

    @property
    def action_id(self) -> None:
        """A donation belongs to no action."""

    @property
    def reverses(self) -> None:
        """And reverses nothing."""

    @property
    def refusal(self) -> None:
        """It was accepted."""

    @property
    def effective_at(self) -> datetime:
        """When it was made."""
        return self.created_at

    @property
    def result_id(self) -> UUID:
        """What its receipt is for."""
        return self.id


class ActionPosting(NamedTuple):
    """An action: itself, the transfer of what it earned, the claim of its reference and its receipt."""

    id: UUID
    environment: Environment
    user_id: UUID
    partner_id: UUID
    key: str
    fingerprint: str
    type: str
    quantity: int
    started_at: datetime
    ended_at: datetime
    external_ref: str | None
    status: ActionStatus
    #: The calculation as JSON.
    calculated: str
    reduction_g: int
    credited_g: int
    created_at: datetime
    credited_after: int
    debited_after: int

    @property
    def calculation(self) -> dict[str, Any]:
        """How each gram came about."""
        content: dict[str, Any] = orjson.loads(self.calculated)
        return content

    @property
    def taken_back_g(self) -> None:
        """It stands."""

    @property
    def reversed_at(self) -> None:
        """It stands."""

    @property
    def refusal(self) -> None:
        """It was accepted."""

    @property
    def result_id(self) -> UUID:
        """What its receipt is for."""
        return self.id


COLUMNS = columns_of(Transfer) | columns_of(Receipt)
WHO = ("environment", "user_id", "partner_id")
RECEIPT = ("id", "user_id", "partner_id", "key", "fingerprint", "created_at")
POSITIONS = ("credited_after", "debited_after")

POST_DONATIONS = posting(
    "posting donations",
    {name: COLUMNS[name] for name in DonationPosting._fields},
    Part(
        Transfer,
        ("id", *WHO, "amount_g", "project_id", *POSITIONS, "created_at"),
        {"kind": f"'{TransferKind.DONATE}'", "effective_at": "v.created_at"},
    ),
    Part(
        Outbox,
        ("environment", "project_id", "user_id", "amount_g"),
        {"transfer_id": "v.id", "donation_id": "v.id", "kind": "'DONATION'", "occurred_at": "v.created_at"},
    ),
    Part(Receipt, RECEIPT, {"operation": f"'{DONATE}'", "result_id": "v.id"}),
    row_type="posted_donation",
)
POST_ACTIONS = posting(
    "posting actions",
    {name: (COLUMNS | columns_of(Action) | {"calculated": fields.TextField()})[name] for name in ActionPosting._fields},
    Part(
        Action,
        (
            *("id", *WHO, "type", "quantity", "started_at", "ended_at", "external_ref", "status", "reduction_g"),
            *("credited_g", "created_at"),
        ),
        {"calculation": "v.calculated"},
    ),
    Part(
        Transfer,
        ("id", *WHO, *POSITIONS, "created_at"),
        {
            "kind": f"'{TransferKind.EARN}'",
            "amount_g": "v.credited_g",
            "action_id": "v.id",
            "effective_at": "v.created_at",
        },
        where="v.credited_g > 0",
    ),
    Part(
        ActionRef,
        ("partner_id", "environment"),
        {"action_id": "v.id", "ref": "v.external_ref"},
        where="v.external_ref IS NOT NULL",
    ),
    Part(Receipt, RECEIPT, {"operation": f"'{RECORD}'", "result_id": "v.id"}),
    row_type="recorded_action",
)
