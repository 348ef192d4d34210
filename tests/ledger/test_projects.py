"""Projects: who may change what of them, which stage follows which, and each call once for its key."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from api.ledger import Ledger, Outcome, Refusal, UserBy
from api.ledger.errors import (
    IdempotencyConflict,
    InvalidInput,
    LiveOnly,
    PartnerNotFound,
    ProjectClosed,
    ProjectCodeUsed,
    ProjectNotFound,
    ProjectNotYours,
    ProjectStatusNotAllowed,
)
from api.ledger.once import OnceWriter
from api.ledger.project_changes import NEXT, Description, Organisations, Steward
from api.ledger.projects import add_project, set_project_organisations, set_project_status, update_project
from api.models import (
    NOBODY,
    AuditEntry,
    Environment,
    OrganisationRole,
    Project,
    ProjectCategory,
    ProjectOrganisation,
    ProjectStatus,
    Receipt,
)
from tests.conftest import Actor, earn

TEXTS = {"name_zh": "溪", "name_en": "Brook", "description_zh": "护溪\n二", "description_en": "Care\nfor it"}
FACTS = {"sector": "14015", "sdgs": [6, 15], "longitude": 119.8, "latitude": 30.4, "goal_g": 1_000}
ALL_FACTS: dict[str, Any] = {**TEXTS, **FACTS}
IMPLEMENTING = OrganisationRole.IMPLEMENTING


def steward(actor: Actor, *, is_operator: bool = False) -> Steward:
    """Return somebody as projects know it."""
    partner_id = actor.partner.id
    return Steward(partner_id=partner_id, environment=Environment.LIVE, is_operator=is_operator, actor="key abc")


async def enter(
    writer: OnceWriter,
    by: Steward,
    code: str = "brook",
    key: str = "k",
    organisations: Organisations | None = None,
    **facts: Any,
) -> Outcome:
    """Enter a project."""
    description = Description(columns={**ALL_FACTS, **facts})
    return await add_project(writer, by, code, ProjectCategory.WATER, description, organisations, key)


async def rows() -> list[Any]:
    """Return all that a refused call leaves as it was."""
    tables = (Project, ProjectOrganisation, AuditEntry)
    return [await table.all().order_by("id").values() for table in tables]


async def parts(project: Project) -> set[tuple[str, str]]:
    """Return who takes part, and how."""
    found = (await ProjectOrganisation.by_projects([project.id])).get(project.id, [])
    return {((await one.partner).slug, one.role.value) for one in found}


async def test_an_ngo_enters_a_project_which_it_then_carries_and_an_operator_opens(
    ledger: Ledger, ngo: Actor, operator: Actor, app_partner: Actor
) -> None:
    outcome = await enter(ledger.projects, steward(ngo))
    assert outcome.result_id is not None
    project = await Project.get(id=outcome.result_id)
    assert {name: getattr(project, name) for name in ALL_FACTS} == ALL_FACTS
    assert (project.code, project.status) == ("brook", ProjectStatus.PIPELINE)
    assert await parts(project) == {("waters", "IMPLEMENTING")}
    await earn(ledger, app_partner, "lin", 100)
    lin = UserBy(external_ref="lin")
    early = await ledger.donate(app_partner.partnership, lin, project.id, 10, "early")
    assert isinstance(early.refusal, ProjectClosed)

    own = await set_project_status(
        ledger.projects, steward(ngo), project.id, ProjectStatus.IMPLEMENTATION, "open it myself"
    )
    assert isinstance(own.refusal, ProjectStatusNotAllowed)
    assert own.refusal.allowed == ["CANCELLED"]
    by = steward(operator, is_operator=True)
    opened = await set_project_status(ledger.projects, by, project.id, ProjectStatus.IMPLEMENTATION, "open")
    assert opened.refusal is None

    donated = await ledger.donate(app_partner.partnership, lin, project.id, 10, "now")
    assert donated.refusal is None
    log = [(one.kind.value, one.details) for one in await AuditEntry.filter(project_id=project.id).order_by("id")]
    assert log == [
        ("PROJECT_ADDED", {"code": "brook", "organisations": [f"{ngo.partner.id} IMPLEMENTING"]}),
        ("PROJECT_STATUS_CHANGED", {"code": "brook", "before": "PIPELINE", "after": "IMPLEMENTATION"}),
    ]


async def test_a_repeated_key_enters_a_project_once_and_says_so(ledger: Ledger, ngo: Actor) -> None:
    first = await enter(ledger.projects, steward(ngo))
    before = await rows()
    again = await enter(ledger.projects, steward(ngo))
    assert (again.result_id, again.replayed, again.decided_at) == (first.result_id, True, first.decided_at)
    other = await enter(ledger.projects, steward(ngo), name_en="Another brook")
    assert isinstance(other.refusal, IdempotencyConflict)
    used = await enter(ledger.projects, steward(ngo), key="other key")
    assert isinstance(used.refusal, ProjectCodeUsed)
    # A refusal is the answer to its key for ever.
    still = await enter(ledger.projects, steward(ngo), key="other key")
    assert (type(still.refusal), still.replayed) == (ProjectCodeUsed, True)
    assert await rows() == before


async def test_the_key_of_another_partner_is_another_key(ledger: Ledger, ngo: Actor, operator: Actor) -> None:
    await enter(ledger.projects, steward(ngo))
    second = await enter(ledger.projects, steward(operator, is_operator=True), code="spring")
    assert (second.refusal, second.replayed) == (None, False)


async def test_of_many_calls_at_once_one_has_an_effect(db: TortoiseContext, ngo: Actor) -> None:
    processes = [OnceWriter() for _ in range(3)]
    same = await asyncio.gather(*(enter(processes[number % 3], steward(ngo)) for number in range(12)))
    assert Counter(one.replayed for one in same) == {False: 1, True: 11}
    assert len({one.result_id for one in same}) == 1
    rivals = await asyncio.gather(
        *(enter(processes[number % 3], steward(ngo), code="rival", key=f"rival {number}") for number in range(12))
    )
    assert Counter(type(one.refusal) for one in rivals) == {type(None): 1, ProjectCodeUsed: 11}
    assert await Project.filter(code="rival").count() == 1
    assert await Receipt.filter(user_id=NOBODY).count() == 13
    for process in processes:
        await process.close()


async def test_an_organisation_changes_only_what_it_carries(
    ledger: Ledger, ngo: Actor, operator: Actor, other_app: Actor, project: Project
) -> None:
    await ProjectOrganisation.put(
        project.id,
        [(ngo.partner.id, OrganisationRole.ACCOUNTABLE), (other_app.partner.id, OrganisationRole.FUNDING)],
    )
    before = await rows()
    say = Description(columns={"name_en": "Longwu water"})
    for number, actor in enumerate((other_app, operator)):  # whoever pays, and an operator without the scope for all
        outcome = await update_project(ledger.projects, steward(actor), project.id, None, say, f"k{number}")
        assert isinstance(outcome.refusal, ProjectNotYours)
    missing = await update_project(ledger.projects, steward(ngo), NOBODY, None, say, "k")
    assert isinstance(missing.refusal, ProjectNotFound)
    assert await rows() == before

    done = await update_project(ledger.projects, steward(ngo), project.id, ProjectCategory.EDUCATION, say, "k2")
    assert done.result_id == project.id
    changed = await Project.get(id=project.id)
    assert (changed.name_en, changed.name_zh, changed.category) == ("Longwu water", "longwu", ProjectCategory.EDUCATION)
    entry = await AuditEntry.filter(project_id=project.id).order_by("-id").first()
    assert entry is not None
    assert (entry.kind.value, entry.details) == (
        "PROJECT_UPDATED",
        {"code": "longwu", "changed": ["category", "name_en"]},
    )
    # To say the same again is no change.
    logged = await AuditEntry.all().count()
    await update_project(ledger.projects, steward(ngo), project.id, ProjectCategory.EDUCATION, say, "k3")
    assert await AuditEntry.all().count() == logged


@pytest.mark.parametrize("stage", ProjectStatus)
async def test_only_the_stages_that_follow_can_be_reached(
    ledger: Ledger, ngo: Actor, operator: Actor, project: Project, stage: ProjectStatus
) -> None:
    for is_operator, actor in ((True, operator), (False, ngo)):
        for wanted in ProjectStatus:
            await Project.filter(id=project.id).update(status=stage)
            key = f"{actor.partner.slug} {wanted}"
            by = steward(actor, is_operator=is_operator)
            outcome = await set_project_status(ledger.projects, by, project.id, wanted, key)
            opens = wanted is ProjectStatus.IMPLEMENTATION and not is_operator
            is_reached = wanted is stage or (wanted in NEXT[stage] and not opens)
            assert (outcome.refusal is None) is is_reached, (stage, wanted, is_operator)
            assert (await Project.get(id=project.id)).status is (wanted if is_reached else stage)


async def test_only_operators_say_who_takes_part(
    ledger: Ledger, ngo: Actor, other_app: Actor, operator: Actor, project: Project
) -> None:
    wanted = ((ngo.partner.id, IMPLEMENTING), (other_app.partner.id, OrganisationRole.FUNDING))
    before = await rows()
    own = await set_project_organisations(ledger.projects, steward(ngo), project.id, wanted, "k")
    assert isinstance(own.refusal, ProjectNotYours)
    by = steward(operator, is_operator=True)
    unknown = await set_project_organisations(
        ledger.projects, by, project.id, (*wanted, (NOBODY, IMPLEMENTING)), "unknown"
    )
    assert isinstance(unknown.refusal, PartnerNotFound)
    assert unknown.refusal.path == ("organisations", "2", "partnerId")
    with pytest.raises(InvalidInput):
        await set_project_organisations(ledger.projects, by, project.id, (*wanted, wanted[0]), "twice")
    with pytest.raises(InvalidInput):
        await enter(ledger.projects, steward(ngo), organisations=wanted)
    with pytest.raises(InvalidInput):  # it would not carry its own project
        await enter(ledger.projects, steward(ngo), organisations=((ngo.partner.id, OrganisationRole.FUNDING),))
    assert await rows() == before

    done = await set_project_organisations(ledger.projects, by, project.id, wanted, "k")
    assert done.refusal is None
    assert await parts(project) == {("waters", "IMPLEMENTING"), ("transit", "FUNDING")}
    entered = await enter(ledger.projects, by, key="entered", organisations=wanted)
    assert entered.result_id is not None
    assert await parts(await Project.get(id=entered.result_id)) == await parts(project)


@pytest.mark.parametrize(
    ("facts", "path"),
    [
        ({"name_zh": ""}, ("name", "zh")),
        ({"name_en": "x" * 201}, ("name", "en")),
        ({"name_en": "bell\a"}, ("name", "en")),
        ({"description_en": "x" * 5_001}, ("description", "en")),
        ({"sector": "1401"}, ("sector",)),
        ({"sector": "water"}, ("sector",)),
        ({"sdgs": []}, ("sdgs",)),
        ({"sdgs": [6, 6]}, ("sdgs",)),
        ({"sdgs": [18]}, ("sdgs",)),
        ({"longitude": 181.0}, ("location",)),
        ({"latitude": -90.5}, ("location",)),
        ({"latitude": float("nan")}, ("location",)),
        ({"goal_g": 0}, ("goal",)),
    ],
)
async def test_what_can_never_be_right_is_refused(
    db: TortoiseContext, ngo: Actor, facts: dict[str, Any], path: tuple[str, ...]
) -> None:
    writer = OnceWriter()
    before = await rows()
    with pytest.raises(InvalidInput) as refused:
        await enter(writer, steward(ngo), **facts)
    assert refused.value.path == path
    assert await rows() == before


@pytest.mark.parametrize("code", ["", "Brook", "brook-", "a--b", "x" * 65, "溪", "a b"])
async def test_a_code_is_made_of_small_letters_digits_and_hyphens(db: TortoiseContext, ngo: Actor, code: str) -> None:
    with pytest.raises(InvalidInput):
        await enter(OnceWriter(), steward(ngo), code=code)


async def test_the_sandbox_changes_no_project(ledger: Ledger, ngo: Actor, project: Project) -> None:
    tester = replace(steward(ngo), environment=Environment.SANDBOX)
    before = await rows()
    calls = (
        enter(ledger.projects, tester),
        update_project(ledger.projects, tester, project.id, None, Description(), "k"),
        set_project_status(ledger.projects, tester, project.id, ProjectStatus.SUSPENDED, "k"),
        set_project_organisations(ledger.projects, tester, project.id, (), "k"),
    )
    refused = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in refused] == [LiveOnly] * 4
    assert all(isinstance(one, Refusal) for one in refused)
    assert await rows() == before
