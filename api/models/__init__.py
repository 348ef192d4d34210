"""Rows: one table a file, each with its named questions. Only the ledger, the programmes and the events write them."""

from api.models.account import ADD_ACCOUNTS, MOVE_ACCOUNTS, Account
from api.models.action import ADD_ACTIONS, REVERSE_ACTIONS, Action, ActionRow, ActionStatus
from api.models.action_ref import ADD_CLAIMS, ActionRef, ActionRefRow, Claim
from api.models.action_type import ActionCategory, ActionType, QuantityUnit, ScenarioChannel
from api.models.api_key import ApiKey
from api.models.audit_entry import AuditEntry, AuditKind
from api.models.block import Block, BlockRow
from api.models.deprecated_use import DeprecatedUse
from api.models.emission_factor import BaselineKind, EmissionFactor
from api.models.environment import Environment
from api.models.event import Event, EventKind
from api.models.gap import ADD_GAPS, Gap, GapRow
from api.models.ids import NOBODY, decode_id, encode_id, first_id, new_id, now
from api.models.link_code import LinkCode
from api.models.outbox import ADD_FACTS, Outbox, OutboxRow
from api.models.paging import Page, Window
from api.models.partner import Partner, PartnerKind, PartnerStatus
from api.models.project import (
    OrganisationRole,
    Project,
    ProjectCategory,
    ProjectOrganisation,
    ProjectStatus,
)
from api.models.project_head import ProjectDonor, ProjectHead
from api.models.rate_level import RateLevel
from api.models.receipt import ADD_RECEIPTS, Receipt, ReceiptRow, Slot
from api.models.sandbox_clock import SandboxClock
from api.models.sealer_lease import SealerLease
from api.models.signing_key import SigningKey
from api.models.transfer import ADD_TRANSFERS, CREDITS, Transfer, TransferKind, TransferRow
from api.models.user import User
from api.models.user_link import UserLink

__all__ = [
    "ADD_ACCOUNTS",
    "ADD_ACTIONS",
    "ADD_CLAIMS",
    "ADD_FACTS",
    "ADD_GAPS",
    "ADD_RECEIPTS",
    "ADD_TRANSFERS",
    "CREDITS",
    "MOVE_ACCOUNTS",
    "NOBODY",
    "REVERSE_ACTIONS",
    "Account",
    "Action",
    "ActionCategory",
    "ActionRef",
    "ActionRefRow",
    "ActionRow",
    "ActionStatus",
    "ActionType",
    "ApiKey",
    "AuditEntry",
    "AuditKind",
    "BaselineKind",
    "Block",
    "BlockRow",
    "Claim",
    "DeprecatedUse",
    "EmissionFactor",
    "Environment",
    "Event",
    "EventKind",
    "Gap",
    "GapRow",
    "LinkCode",
    "OrganisationRole",
    "Outbox",
    "OutboxRow",
    "Page",
    "Partner",
    "PartnerKind",
    "PartnerStatus",
    "Project",
    "ProjectCategory",
    "ProjectDonor",
    "ProjectHead",
    "ProjectOrganisation",
    "ProjectStatus",
    "QuantityUnit",
    "RateLevel",
    "Receipt",
    "ReceiptRow",
    "SandboxClock",
    "ScenarioChannel",
    "SealerLease",
    "SigningKey",
    "Slot",
    "Transfer",
    "TransferKind",
    "TransferRow",
    "User",
    "UserLink",
    "Window",
    "decode_id",
    "encode_id",
    "first_id",
    "new_id",
    "now",
]
