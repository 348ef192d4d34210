"""The explorer and the start page: what is served, what it is bound by, and that a person can work with it."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from starlette.applications import Starlette
from starlette.routing import Mount

from api.ledger import Ledger, UserBy
from api.models import Project
from api.schema import node
from api.transport.assets import IMMUTABLE, Assets
from api.transport.explorer import NOT_BUILT_POLICY, STATIC, STYLE, Explorer
from tests.browser import CHROMIUM, Page, browsing
from tests.conftest import Actor, Running, bus, earn

ROOT = Path(__file__).parent.parent
EXPLORER = ROOT / "explorer"
EXAMPLES = EXPLORER / "src" / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.graphql"))
ACCEPT_OF_BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

CONTROL = 2


# --- Examples -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    """The schema as it is published."""
    return build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))


def example(name: str, project: Project | None = None) -> tuple[str, dict[str, Any]]:
    """Return an example's document, and its variables with the marks filled in as the page does."""
    file = EXAMPLES / f"{name}.json"
    text = file.read_text(encoding="utf-8") if file.exists() else "{}"
    trip = bus()
    values = {
        "new": uuid4().hex,
        "start": trip.started_at.isoformat(),
        "end": trip.ended_at.isoformat(),
        "project": node.global_id(node.PROJECT, project.id) if project is not None else "prj_0",
    }
    filled = re.sub(r"\{\{(\w+)\}\}", lambda mark: values[mark[1]], text)
    return (EXAMPLES / f"{name}.graphql").read_text(encoding="utf-8"), json.loads(filled)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_valid(contract: GraphQLSchema, name: str) -> None:
    text, variables = example(name)
    document = parse(text)

    assert validate(contract, document) == []
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    coerced = get_variable_values(contract, operation.variable_definitions or (), variables)
    assert not isinstance(coerced, list), coerced
    assert set(variables) == {one.variable.name.value for one in operation.variable_definitions or ()}


def test_every_example_is_in_the_menu() -> None:
    menu = (EXAMPLES / "index.js").read_text(encoding="utf-8")

    assert sorted(re.findall(r"example\('([\w-]+)'", menu)) == NAMES


async def test_the_examples_do_what_they_say(
    service: Running, app_partner: Actor, ngo: Actor, operator: Actor, project: Project
) -> None:
    async def run(actor: Actor | None, name: str) -> Any:
        text, variables = example(name, project)
        return await service.client(actor)(text, **variables)

    recorded = (await run(app_partner, "record-trip"))["recordAction"]
    assert (recorded["action"]["credited"], recorded["errors"]) == (416, [])
    donated = (await run(app_partner, "donate"))["donateEnergy"]
    assert (donated["balance"]["available"], donated["errors"]) == (366, [])
    assert (await run(app_partner, "balance"))["user"]["balance"]["donated"] == 50
    (donation,) = (await run(app_partner, "trace"))["user"]["donations"]["nodes"]
    assert [funding["amount"] for funding in donation["fundedBy"]] == [50]
    assert [each["amount"] for each in (await run(ngo, "donations"))["donations"]["nodes"]] == [50]
    assert len((await run(operator, "overview"))["donations"]["nodes"]) == 1
    assert [each["code"] for each in (await run(None, "projects"))["projects"]["nodes"]] == ["longwu"]
    assert (await run(None, "estimate"))["estimateAction"]["calculation"]["credited"] == 416


# --- What is served -------------------------------------------------------------------------------------------------


def test_without_a_build_a_page_says_how_to_make_it(tmp_path: Path) -> None:
    response = Explorer(tmp_path / "nowhere")()

    assert (response.status, response.media_type) == (200, "text/html")
    assert b"<pre>make explorer</pre>" in response.body
    assert response.headers["content-security-policy"] == NOT_BUILT_POLICY
    assert f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'" in NOT_BUILT_POLICY
    assert f"<style>{STYLE}</style>".encode() in response.body


def test_a_build_that_comes_later_is_there_with_the_next_reload(tmp_path: Path) -> None:
    explorer = Explorer(tmp_path)
    explorer()

    (tmp_path / "index.html").write_bytes(b"built")

    assert explorer().body == b"built"


def test_the_page_may_run_only_our_scripts_and_ask_only_us(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"built")

    policy = policy_of(Explorer(tmp_path)().headers["content-security-policy"])

    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == policy["worker-src"] == policy["connect-src"] == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == {"'none'"}
    assert set().union(*policy.values()) == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert [name for name, sources in policy.items() if "data:" in sources] == ["img-src"]
    assert [name for name, sources in policy.items() if "'unsafe-inline'" in sources] == ["style-src"]


def policy_of(header: str) -> dict[str, set[str]]:
    return {name: set(sources) for name, *sources in (part.split() for part in header.split(";"))}


async def test_a_browser_gets_the_page_and_a_program_does_not(service: Running) -> None:
    page = await service.http.get("/graphql", headers={"accept": ACCEPT_OF_BROWSERS})
    answer = await service.http.get("/graphql", params={"query": "{ __typename }"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.json()["data"] == {"__typename": "Query"}


async def test_the_start_page_needs_nothing_inline_and_finds_its_files(service: Running) -> None:
    response = await service.http.get("/")

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "'unsafe-inline'" not in response.headers["content-security-policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", response.text)
    files = re.findall(r'(?:src|href)="(/welcome/[^"]+)"', response.text)
    answers = {file: await service.http.get(file) for file in files}
    assert {
        file: (one.status_code, one.headers["content-type"].partition(";")[0]) for file, one in answers.items()
    } == {
        "/welcome/icon.svg": (200, "image/svg+xml"),
        "/welcome/style.css": (200, "text/css"),
        "/welcome/live.js": (200, "text/javascript"),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script, compressed in two ways, and with a font."""
    for name in ("app.js", "app.js.br", "app.js.gz", "font.woff2"):
        (tmp_path / name).write_text(name)
    return tmp_path


def client_of(folder: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/assets", Assets(folder, caching=IMMUTABLE, policy="default-src 'none'"))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/assets/")


@pytest.mark.parametrize(
    ("accepted", "name", "encoding"),
    [("gzip, deflate, br", "app.js.br", "br"), ("gzip", "app.js.gz", "gzip"), ("identity", "app.js", None)],
)
async def test_a_script_comes_as_small_as_the_browser_can_read_it(
    folder: Path, accepted: str, name: str, encoding: str | None
) -> None:
    async with (
        client_of(folder) as http,
        http.stream("GET", "app.js", headers={"accept-encoding": accepted}) as response,
    ):
        raw = b"".join([chunk async for chunk in response.aiter_raw()])

    assert raw == name.encode()
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["vary"] == "Accept-Encoding"


async def test_a_file_that_a_browser_has_is_not_sent_again(folder: Path) -> None:
    async with client_of(folder) as http:
        first = await http.get("font.woff2")
        second = await http.get("font.woff2", headers={"if-none-match": first.headers["etag"]})

    assert (first.status_code, first.headers["content-type"]) == (200, "font/woff2")
    assert (second.status_code, second.content) == (304, b"")


@pytest.mark.parametrize("path", ["gone.js", "", "%2e%2e/conftest.py", "app.js%00"])
async def test_what_is_no_asset_is_not_found(folder: Path, path: str) -> None:
    async with client_of(folder) as http, client_of(folder / "not-built") as not_built:
        assert (await http.get(path)).status_code == 404
        assert (await not_built.get(path)).status_code == 404


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((EXPLORER / "package-lock.json").read_text(encoding="utf-8"))

    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


# --- In a browser ---------------------------------------------------------------------------------------------------

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="left out: needs Chromium (Debian: chromium)")
needs_build = pytest.mark.skipif(
    not (STATIC / "index.html").exists(), reason="left out: needs GraphiQL, which `make explorer` builds"
)
# The pages do not know which database there is.
on_one_database = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


async def give(ledger: Ledger, actor: Actor, project: Project, grams: int) -> None:
    """Donate."""
    outcome = await ledger.donate(actor.partnership, UserBy(external_ref="ann"), project.id, grams, uuid4().hex)
    assert outcome.refusal is None


def assert_quiet(page: Page, service: Running) -> None:
    """Assert that nothing went wrong in the page, and that nothing left the host."""
    assert page.complaints == []
    assert page.hosts() == {service.address.removeprefix("http://")}


@needs_browser
@on_one_database
async def test_the_totals_move_when_somebody_donates(
    service: Running, ledger: Ledger, app_partner: Actor, project: Project, tmp_path: Path
) -> None:
    await earn(ledger, app_partner, "ann", 500)
    await give(ledger, app_partner, project, 200)

    async with browsing(tmp_path / "profile") as page:
        await page.open(service.address)
        await page.wait("document.querySelector('#state')?.dataset.state === 'live'")
        await page.wait("document.querySelector('#energy').innerText === '200 g'")
        await page.wait("document.querySelector('#donations').innerText === '1'")

        await give(ledger, app_partner, project, 123)

        await page.wait("document.querySelector('#energy').innerText === '323 g'")
        await page.wait("document.querySelector('#donations').innerText === '2'")
        assert await page.text(".projects li") == "longwu longwu 323 g donated 2 donations by 1 person"
        assert_quiet(page, service)


@needs_browser
@needs_build
@on_one_database
async def test_a_person_types_a_query_and_follows_donations(
    service: Running, ledger: Ledger, app_partner: Actor, ngo: Actor, project: Project, tmp_path: Path
) -> None:
    await earn(ledger, app_partner, "ann", 500)
    await give(ledger, app_partner, project, 200)

    async with browsing(tmp_path / "profile") as page:
        await page.open(f"{service.address}/graphql")
        await page.wait(tabs("Projects RecordTrip FollowDonations Overview"))

        # A tab that is added before the editor holds the first one's text takes it over.
        await page.wait("document.querySelector('.graphiql-query-editor .view-lines')?.innerText.includes('Projects')")
        await page.click("button.graphiql-tab-add")
        # The editor is emptied a little after the click; what is typed before goes with the old text.
        await page.wait("document.querySelector('.graphiql-query-editor .view-lines')?.innerText.trim() === ''")
        await write(page, ".graphiql-query-editor", "query Typed { viewer { environment } }")
        await page.wait(tabs("Projects RecordTrip FollowDonations Overview Typed"))
        await page.press("Enter", code=13, modifiers=CONTROL)
        await page.wait(answer('"environment": "LIVE"'))

        await use_key(page, "lk_wrong_key")
        await page.wait("document.querySelector('#key-problem').innerText.startsWith('UNAUTHENTICATED')")
        assert [complaint for complaint in page.complaints if "401" not in complaint] == []
        page.complaints.clear()  # browsers write down each answer that is a 401

        await use_key(page, ngo.key)
        await page.wait("document.querySelector('.identity')?.innerText.includes('waters')")
        assert "donations:read" in await page.run("document.querySelector('#identity').textContent")

        await page.click("button[popovertarget=examples]")
        await page.run("[...document.querySelectorAll('#examples button')].find(b => /live/.test(b.innerText)).click()")
        await page.click(".graphiql-execute-button")
        await page.wait(heard("amount: 200"))
        await page.wait(heard("Checkpoint"))
        await give(ledger, app_partner, project, 123)
        await page.wait(heard("amount: 123"))
        await page.wait(answer('"amount": 123'))
        await page.click(".graphiql-execute-button")  # which stops it
        await page.wait("document.querySelector('.stream-state').dataset.state === 'ended'")

        # Not even when it is pasted where it does not belong: GraphiQL keeps headers in its history.
        await page.click("button[data-name=headers]")
        await write(page, ".graphiql-editor-tool > :last-child", json.dumps(ngo.headers))
        await page.click("button[id$=tab-4]")
        await write(page, ".graphiql-query-editor", f"# {ngo.key}\nquery Again {{ viewer {{ keyId }} }}")
        await page.press("Enter", code=13, modifiers=CONTROL)
        await page.wait(answer('"keyId": "'))
        kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        await page.wait(f"{kept}.includes('(removed)')")
        assert ngo.key[-16:] not in await page.run(kept)  # the secret, in which any character may be
        assert_quiet(page, service)


def tabs(titles: str) -> str:
    """Return an expression: the open tabs have these titles."""
    return f"[...document.querySelectorAll('.graphiql-tab-button')].map(tab => tab.innerText).join(' ') === '{titles}'"


def answer(part: str) -> str:
    """Return an expression: the pane of the answer shows this. The editor writes blanks that do not break."""
    lines = "document.querySelector('.result-window .view-lines')?.innerText.replace(/\\s/g, ' ')"
    return f"{lines}.includes({json.dumps(part)})"


def heard(part: str) -> str:
    """Return an expression: the log of the subscription has a line with this."""
    return f"[...document.querySelectorAll('.stream li')].some(line => line.innerText.includes({json.dumps(part)}))"


async def write(page: Page, pane: str, text: str) -> None:
    """Replace what an editor holds."""
    await page.click(f"{pane} .monaco-editor .view-lines")
    await page.wait(f"document.querySelector({json.dumps(pane)}).contains(document.activeElement)")
    await page.press("a", code=65, modifiers=CONTROL)
    await page.type(text)


async def use_key(page: Page, key: str) -> None:
    """Put a key into the box and press Enter."""
    await page.run("document.querySelector('#key').select()")
    await page.type(key)
    await page.press("Enter", code=13)
