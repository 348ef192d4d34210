"""Changing projects as NGOs and operators do it: over the wire, with what is left out left as it is."""

from typing import Any

from api.models import Environment, Project
from tests.conftest import Actor, Running
from tests.resolvers.calls import call, project_id

BROOK: dict[str, Any] = {
    "code": "brook",
    "name": {"zh": "溪", "en": "Brook"},
    "description": {"zh": "护溪", "en": "Care for it"},
    "category": "WATER",
    "sector": "14015",
    "sdgs": [6, 15],
    "location": {"longitude": 119.8, "latitude": 30.4},
    "goal": 5_000_000_000,
}
REFUSED = {"replayed": False, "project": None}


async def test_a_project_goes_from_its_ngo_through_the_operator_into_the_list(
    service: Running, ngo: Actor, operator: Actor
) -> None:
    own, lucid = service.client(ngo), service.client(operator)
    added = await call(own, "addProject", idempotencyKey="k", **BROOK)
    project = added["project"]
    assert (added["errors"], added["replayed"]) == ([], False)
    assert project == {
        **{name: value for name, value in BROOK.items() if name != "location"},
        "id": project["id"],
        "location": {"coordinates": [119.8, 30.4]},
        "status": "PIPELINE",
        "organisations": [{"role": "IMPLEMENTING", "partner": {"slug": "waters"}}],
    }
    assert (await call(own, "addProject", idempotencyKey="k", **BROOK))["replayed"] is True

    # What is left out stays, and so does what is null; but a place can be removed.
    change = {"idempotencyKey": "c", "projectId": project["id"], "name": {"zh": "小溪", "en": "Rill"}, "location": None}
    change |= dict.fromkeys(("description", "category", "sector", "sdgs"))
    updated = (await call(own, "updateProject", **change))["project"]
    assert updated == project | {"name": {"zh": "小溪", "en": "Rill"}, "location": None}
    change |= dict.fromkeys(("description", "category", "sector", "sdgs"))

    early = await call(own, "setProjectStatus", idempotencyKey="s", projectId=project["id"], status="IMPLEMENTATION")
    (error,) = early["errors"]
    assert (error["__typename"], error["status"], error["allowed"]) == (
        "ProjectStatusNotAllowed",
        "PIPELINE",
        ["CANCELLED"],
    )
    await call(lucid, "setProjectStatus", idempotencyKey="s", projectId=project["id"], status="IMPLEMENTATION")
    found = await service.client()("{ projects(status: IMPLEMENTATION) { nodes { code name { en } } } }")
    assert found == {"projects": {"nodes": [{"code": "brook", "name": {"en": "Rill"}}]}}

    log = await lucid("{ auditLog(first: 3) { nodes { kind actor details project { code } partner { slug } } } }")
    entries = log["auditLog"]["nodes"]
    assert [one["kind"] for one in entries] == ["PROJECT_STATUS_CHANGED", "PROJECT_UPDATED", "PROJECT_ADDED"]
    assert {one["project"]["code"] for one in entries} == {"brook"}
    assert [one["partner"]["slug"] for one in entries] == ["operator", "waters", "waters"]
    assert entries[2]["actor"] == f"key {ngo.key.split('_')[1]}"


async def test_refusals_about_projects_tell_the_facts_in_both_languages(
    service: Running, ngo: Actor, operator: Actor, project: Project
) -> None:
    lucid = service.client(operator)
    used = await call(lucid, "addProject", idempotencyKey="k", **(BROOK | {"code": "longwu"}))
    assert used | {"errors": []} == REFUSED | {"errors": []}
    (error,) = used["errors"]
    assert (error["code"], error["projectCode"], error["path"], error["retryable"]) == (
        "PROJECT_CODE_USED",
        "longwu",
        ["code"],
        False,
    )
    lucid.headers = {**lucid.headers, "Accept-Language": "zh"}
    (error,) = (await call(lucid, "addProject", idempotencyKey="k", **(BROOK | {"code": "longwu"})))["errors"]
    assert error["message"] == "此代码已属于其他项目：longwu。"
    nobody = {"partnerId": "ptn_00000000000000000000000001", "role": "FUNDING"}
    parts = {"projectId": project_id(project), "organisations": [nobody]}
    (error,) = (await call(lucid, "setProjectOrganisations", idempotencyKey="o", **parts))["errors"]
    assert (error["code"], error["path"]) == ("PARTNER_NOT_FOUND", ["organisations", "0", "partnerId"])
    sandbox = {"idempotencyKey": "k", "projectId": "prj_nonsense", "status": "CLOSED"}
    (error,) = (await call(service.client(ngo), "setProjectStatus", **sandbox))["errors"]
    assert error["code"] == "PROJECT_NOT_FOUND"


async def test_who_loses_a_part_in_a_project_sees_its_donations_no_more(
    service: Running, ngo: Actor, operator: Actor, project: Project
) -> None:
    assert ngo.environment is Environment.LIVE
    lucid = service.client(operator)
    parts = {"projectId": project_id(project), "organisations": []}
    taken = (await call(lucid, "setProjectOrganisations", idempotencyKey="o", **parts))["project"]
    assert taken["organisations"] == []
    change = {"idempotencyKey": "c", "projectId": project_id(project), "sdgs": [1]}
    (error,) = (await call(service.client(ngo), "updateProject", **change))["errors"]
    assert error["code"] == "PROJECT_NOT_YOURS"
