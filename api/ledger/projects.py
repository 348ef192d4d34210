"""Projects, as whoever answers for them changes them: calls in, outcomes out.

Here a call's bounds are checked; what becomes of it is decided in `project_changes`, once for its key. Projects are the
same in both worlds, so a sandbox key changes none.
"""

import re
from typing import Any
from uuid import UUID

from api.ledger.calls import check_key
from api.ledger.errors import InvalidInput, LiveOnly
from api.ledger.once import OnceWriter
from api.ledger.orders import Outcome
from api.ledger.project_changes import (
    CARRIERS,
    AddProject,
    Description,
    Organisations,
    SetProjectOrganisations,
    SetProjectStatus,
    Steward,
    UpdateProject,
)
from api.models import Environment, OrganisationRole, ProjectCategory, ProjectStatus, now

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CODE_MAX = 64
ORGANISATIONS_MAX = 50


async def add_project(
    writer: OnceWriter,
    steward: Steward,
    code: str,
    category: ProjectCategory,
    description: Description,
    organisations: Organisations | None,
    key: str,
) -> Outcome:
    """Enter a project. Whoever is no operator enters its own: it carries it, and names nobody else.

    Raises: LiveOnly, InvalidInput; every other refusal is in the outcome.
    """
    _check(steward, key)
    if not (CODE.fullmatch(code) and len(code) <= CODE_MAX):
        raise InvalidInput(path=("code",), reason="A code is made of small letters and digits, with single hyphens.")
    description.check()
    parts = organisations or ()
    if not steward.is_operator:
        parts = parts or ((steward.partner_id, OrganisationRole.IMPLEMENTING),)
        if {partner_id for partner_id, _ in parts} != {steward.partner_id} or not {
            role for _, role in parts
        } & CARRIERS:
            raise InvalidInput(
                path=("organisations",),
                reason="Name yourself as implementing or accountable, and nobody else: others are named by operators.",
            )
    _check_organisations(parts)
    request = AddProject(
        **_common(steward, key), code=code, category=category, description=description, organisations=parts
    )
    return await writer.post(request)


async def update_project(
    writer: OnceWriter,
    steward: Steward,
    project_id: UUID,
    category: ProjectCategory | None,
    description: Description,
    key: str,
) -> Outcome:
    """Say something else of a project.

    Raises: LiveOnly, InvalidInput; every other refusal is in the outcome.
    """
    _check(steward, key)
    description.check()
    common = _common(steward, key)
    return await writer.post(UpdateProject(**common, project_id=project_id, category=category, description=description))


async def set_project_status(
    writer: OnceWriter, steward: Steward, project_id: UUID, status: ProjectStatus, key: str
) -> Outcome:
    """Take a project to another stage; to be there already is no mistake.

    Raises: LiveOnly, InvalidInput; every other refusal is in the outcome.
    """
    _check(steward, key)
    return await writer.post(SetProjectStatus(**_common(steward, key), project_id=project_id, status=status))


async def set_project_organisations(
    writer: OnceWriter, steward: Steward, project_id: UUID, organisations: Organisations, key: str
) -> Outcome:
    """Say who takes part in a project, all of them.

    Raises: LiveOnly, InvalidInput; every other refusal is in the outcome.
    """
    _check(steward, key)
    _check_organisations(organisations)
    common = _common(steward, key)
    return await writer.post(SetProjectOrganisations(**common, project_id=project_id, organisations=organisations))


def _check(steward: Steward, key: str) -> None:
    check_key(key)
    if steward.environment is not Environment.LIVE:
        raise LiveOnly


def _check_organisations(organisations: Organisations) -> None:
    if len(organisations) > ORGANISATIONS_MAX or len(set(organisations)) < len(organisations):
        raise InvalidInput(
            path=("organisations",),
            reason="Name at most {most} organisations, each once in a role.",
            case={"most": ORGANISATIONS_MAX},
        )


def _common(steward: Steward, key: str) -> dict[str, Any]:
    return {"partner_id": steward.partner_id, "key": key, "at": now(), "steward": steward}
