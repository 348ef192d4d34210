"""What partners read is served as pages: whole, with links that lead somewhere, and nothing that the policy forbids."""

import re
from pathlib import Path

import pytest

from api.welcome.guides import FOLDER, GUIDES, PLACES, page, place
from tests.conftest import Running


@pytest.mark.parametrize("name", GUIDES)
async def test_a_guide_is_a_page_whose_links_lead_somewhere(service: Running, name: str) -> None:
    response = await service.http.get(f"/docs/{name}")

    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "'unsafe-inline'" not in response.headers["content-security-policy"]
    assert not re.search(r"<style|<script|\sstyle=|\son\w+=|<img|<iframe", response.text)
    own = {one for one in re.findall(r'(?:src|href)="([^"]+)"', response.text) if not one.startswith("https://")}
    assert {"/", "/graphql", "/schema.graphql", *(f"/docs/{one}" for one in GUIDES)} <= own
    for link in own:
        path, _, fragment = link.partition("#")
        found = await service.http.get(path or f"/docs/{name}", headers={"accept": "text/html,*/*;q=0.8"})
        assert found.status_code == 200, link
        assert not fragment or f'id="{fragment}"' in found.text, link


async def test_there_are_no_other_guides(service: Running) -> None:
    for name in ("operations", "partners.md", "..%2fpyproject.toml", "partners/more"):
        assert (await service.http.get(f"/docs/{name}")).status_code == 404


async def test_the_start_page_leads_to_the_guide(service: Running) -> None:
    assert '<a href="/docs/partners">Docs</a>' in (await service.http.get("/")).text


def test_examples_and_tables_are_shown_as_such() -> None:
    text = page("partners")

    assert text.count("<table>") >= 3
    assert text.count("<pre>") >= 30
    assert '<h2 id="all-errors">All errors</h2>' in text
    assert "<td><code>INSUFFICIENT_ENERGY</code></td>" in text
    assert "```" not in text


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://example.org/a.md", "https://example.org/a.md"),
        ("#all-errors", "#all-errors"),
        ("../CHANGELOG.md", "/docs/changelog"),
        ("docs/partners.md#cost", "/docs/partners#cost"),
    ],
)
def test_a_link_of_the_repository_leads_to_the_page(link: str, expected: str) -> None:
    assert place(link) == expected


def test_a_link_to_what_is_not_served_is_noticed() -> None:
    with pytest.raises(KeyError):
        place("operations.md")


def test_the_pages_are_the_files_of_the_repository() -> None:
    files = {"partners": Path("docs/partners.md"), "cost": Path("docs/cost.md"), "changelog": Path("CHANGELOG.md")}
    assert set(files) == set(GUIDES)
    for name, path in files.items():
        assert (FOLDER / f"{name}.md").resolve() == path.resolve()
    assert {one.rpartition("/")[2] for one in PLACES.values()} == {*GUIDES, "schema.graphql"}
