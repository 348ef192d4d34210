"""Rows: one table a file, each with its named questions. Only the ledger, the programmes and the events write them."""

from api.models.account import Account
from api.models.action import Action, ActionStatus
from api.models.action_ref import ActionRef, Claim
from api.models.action_type import ActionCategory, ActionType, QuantityUnit, ScenarioChannel
from api.models.api_key import ApiKey
from api.models.audit_entry import AuditEntry, AuditKind
from api.models.block import Block
from api.models.deprecated_use import DeprecatedUse
from api.models.emission_factor import BaselineKind, EmissionFactor
from api.models.environment import Environment
from api.models.event import Event, EventKind
from api.models.gap import Gap
from api.models.ids import NOBODY, decode_id, decoder, encode_id, encoder, first_id, new_id, new_ids, now
from api.models.link_code import LinkCode
from api.models.outbox import Outbox
from api.models.paging import Along, Page, Window
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
from api.models.receipt import Receipt, Slot
from api.models.sandbox_clock import SandboxClock
from api.models.sealer_lease import SealerLease
from api.models.signing_key import SigningKey
from api.models.transfer import CREDITS, Transfer, TransferKind
from api.models.user import User
from api.models.user_link import UserLink

__all__ = [
    "CREDITS",
    "NOBODY",
    "Account",
    "Action",
    "ActionCategory",
    "ActionRef",
    "ActionStatus",
    "ActionType",
    "Along",
    "ApiKey",
    "AuditEntry",
    "AuditKind",
    "BaselineKind",
    "Block",
    "Claim",
    "DeprecatedUse",
    "EmissionFactor",
    "Environment",
    "Event",
    "EventKind",
    "Gap",
    "LinkCode",
    "OrganisationRole",
    "Outbox",
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
    "SandboxClock",
    "ScenarioChannel",
    "SealerLease",
    "SigningKey",
    "Slot",
    "Transfer",
    "TransferKind",
    "User",
    "UserLink",
    "Window",
    "decode_id",
    "decoder",
    "encode_id",
    "encoder",
    "first_id",
    "new_id",
    "new_ids",
    "now",
]
