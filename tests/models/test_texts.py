"""A text that no row can have names nothing; it is not an error to ask for it."""

import pytest

from api.models import Partner, Project
from tests.conftest import Actor, Running

LONG = "x" * 5_000


@pytest.mark.parametrize("text", ["longwu", "", "x" * 64, "x" * 65, LONG, "林" * 65])
async def test_a_project_or_partner_of_any_name_is_there_or_not(project: Project, ngo: Actor, text: str) -> None:
    assert await Project.by_code(text) == (project if text == "longwu" else None)
    assert await Partner.by_slug(text) is None


@pytest.mark.parametrize(
    "query",
    [
        "query ($text: String!) { found: project(code: $text) { id } }",
        "query ($text: String!) { found: partner(slug: $text) { id } }",
    ],
)
async def test_over_http_a_name_that_is_too_long_is_not_found(service: Running, ngo: Actor, query: str) -> None:
    assert await service.client(ngo)(query, text=LONG) == {"found": None}


async def test_no_action_is_of_a_type_that_is_too_long(service: Running, app_partner: Actor) -> None:
    data = await service.client(app_partner)(
        "query ($text: String!) { actions(type: $text) { nodes { id } } }", text=LONG
    )

    assert data == {"actions": {"nodes": []}}
