"""docs/partners.md holds what it promises: each example is sent as it stands, each error is in the table.

An example is a block of GraphQL or of shell, its variables if it has any, and the answer. In an answer `…` is anything,
and `$NAME` is taken down the first time and expected from then on.
"""

import asyncio
import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.models import Environment, PartnerKind, Project, now
from api.schema.catalogue import CATALOGUE, ErrorKind
from tests.conftest import Actor, Running, add_partner
from tests.resolvers.calls import Socket, sealed, socket_of

PAGE = Path("docs/partners.md")
MARK = "<!-- errors: `.venv/bin/python -m tests.test_partner_docs` writes what stands from here on -->\n"
BLOCK = re.compile(r"^```(\S+)(?: (.*?))?\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
HEADINGS = {
    ErrorKind.REFUSAL: "### Refusals, in the payload's `errors`",
    ErrorKind.REQUEST: "### Errors, in the answer's `errors`",
}


def table() -> str:
    """Write the tables of all errors."""
    lines = []
    for kind, heading in HEADINGS.items():
        lines += ["", heading, "", "| code | retry | meaning | what to do |", "| --- | --- | --- | --- |"]
        for code, entry in CATALOGUE.items():
            if entry.kind is kind:
                retry = str(entry.retry.value).lower().replace("_", " ")
                words = (f"{one['en']}<br>{one['zh']}" for one in (entry.meaning, entry.action))
                lines.append(f"| `{code}` | {retry} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


class Example:
    """A block to be sent, with what belongs to it."""

    def __init__(self, language: str, caller: str, text: str) -> None:
        self.language = language
        self.caller, _, self.kind = caller.partition(" ")
        self.text = text
        self.variables: dict[str, Any] = {}
        self.answer: Any = None


def examples() -> list[Example]:
    """Read the examples in the order of the page."""
    found: list[Example] = []
    for language, info, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language in {"graphql", "sh"}:
            found.append(Example(language, info, text))
        elif info == "variables":
            found[-1].variables = orjson.loads(text)
        elif info == "answer":
            found[-1].answer = orjson.loads(text)
    return found


def filled(value: Any, names: dict[str, str]) -> Any:
    """Put what is known in place of its names."""
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, names) for one in value]
    return names[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def assert_answered(expected: Any, answer: Any, names: dict[str, str]) -> None:
    """Compare an answer with the one that is written, and take down what it names."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        assert set(expected) == set(answer), answer
        for key, one in expected.items():
            assert_answered(one, answer[key], names)
    elif isinstance(expected, list) and isinstance(answer, list):
        assert len(expected) == len(answer), answer
        for one, other in zip(expected, answer, strict=True):
            assert_answered(one, other, names)
    elif isinstance(expected, str) and expected.startswith("$"):
        assert names.setdefault(expected[1:], answer) == answer
    elif expected != "…":
        assert expected == answer


async def test_every_example_is_answered_as_the_page_says(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    sandbox = await add_partner("tester", PartnerKind.ACTION_SOURCE, environment=Environment.SANDBOX)
    callers = {"app": app_partner, "ngo": ngo, "sandbox": sandbox, "nobody": None}
    client_id, _, client_secret = app_partner.key.removeprefix("lk_").partition("_")
    at = now()
    names = {
        "LUCID": service.address,
        "KEY_NGO": ngo.key,
        "CLIENT_ID": f"lk_{client_id}",
        "CLIENT_SECRET": client_secret,
        "START": (at - timedelta(minutes=30)).isoformat(),
        "END": (at - timedelta(minutes=10)).isoformat(),
        "TOMORROW": (at + timedelta(days=1)).isoformat(),
    }
    told = examples()
    assert len(told) > 15
    for example in told:
        assert example.answer is not None, example.text
        if example.language == "sh":
            answer = await pasted(example.text, names)
        elif example.kind == "subscription":
            answer = await heard(service, callers[example.caller], example, names)
        else:
            client = service.client(callers.get(example.caller))
            if example.caller == "user":
                client.headers = {"Authorization": f"Bearer {names['USER_TOKEN']}"}
            answer = await client.send(example.text, **filled(example.variables, names))
        if isinstance(answer, dict):
            answer.pop("extensions", None)
        assert_answered(example.answer, answer, names)


async def pasted(text: str, names: dict[str, str]) -> Any:
    """Paste a block into a shell."""
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("the page's shell examples need bash and curl")
    process = await asyncio.create_subprocess_exec(
        "bash", "-uc", text, stdout=asyncio.subprocess.PIPE, env=os.environ | names
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 30)
    return orjson.loads(printed)


async def heard(service: Running, actor: Actor | None, example: Example, names: dict[str, str]) -> list[Any]:
    """Subscribe and return as many results as are written."""
    await sealed()
    async with socket_of(service, actor) as socket:
        await socket.subscribe(example.text, **filled(example.variables, names))
        return [await _next(socket) for _ in example.answer]


async def _next(socket: Socket) -> Any:
    message = await socket.receive()
    assert message["type"] == "next", message
    return message["payload"]["data"]


def test_the_table_of_errors_is_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == table()


def test_every_file_that_the_page_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8"))

    assert [link for link in links if not (PAGE.parent / link).exists()] == []


if __name__ == "__main__":
    before, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(before + mark + table(), encoding="utf-8")
