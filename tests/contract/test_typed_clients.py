"""Clients that are generated from schema.graphql: one in Python and one in TypeScript do the main job on a real server.

The Python generator needs another graphql-core than we do, so it gets an environment of its own. That is kept in
pytest's cache, as making it takes a quarter of a minute.
"""

import asyncio
import json
import os
import shutil
import sys
import venv
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from api.models import Project, now
from tests.conftest import Actor, Running
from tests.contract.node import FOLDER, needs_node, run

SCHEMA = Path("schema.graphql").absolute()
DOCUMENTS = FOLDER / "documents.graphql"
#: A bus trip of 8 km: refused is a donation of 10 kg, and all that there is can be given.
HEARD = {"credited": 416, "available": 416, "donated": 416, "left": 0}

CONFIGURATION = f"""
[tool.ariadne-codegen]
schema_path = "{SCHEMA}"
queries_path = "{DOCUMENTS}"
target_package_name = "lucid_client"
target_package_path = "."

[tool.ariadne-codegen.scalars.Grams]
type = "int"

[tool.ariadne-codegen.scalars.DateTime]
type = "str"
"""


def arguments(service: Running, actor: Actor) -> list[str]:
    ended_at = now() - timedelta(hours=1)
    started_at = ended_at - timedelta(minutes=20)
    return [f"{service.address}/graphql", actor.key, started_at.isoformat(), ended_at.isoformat()]


@pytest.fixture
async def generator(request: pytest.FixtureRequest) -> Path:
    """The environment of the Python generator, made once."""
    requirements = FOLDER / "requirements.txt"
    made_of = sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder = Path(request.config.cache.mkdir("ariadne-codegen"))
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != made_of:
        complete.unlink(missing_ok=True)
        shutil.rmtree(folder / "env", ignore_errors=True)
        venv.create(folder / "env", with_pip=True)
        install = (folder / "env/bin/pip", "install", "--quiet", "--require-hashes", "--requirement", requirements)
        try:
            await run(*install)
        except (AssertionError, TimeoutError):
            if os.environ.get("CI"):
                raise
            pytest.skip("left out: pip could not install ariadne-codegen")
        complete.write_text(made_of)
    return folder / "env/bin"


async def test_a_generated_client_in_python_records_and_donates(
    service: Running, app_partner: Actor, project: Project, generator: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(CONFIGURATION)
    shutil.copy(FOLDER / "client.py", tmp_path)
    await run(generator / "ariadne-codegen", "--config", "config.toml", cwd=tmp_path)

    printed = await run(generator / "python", "client.py", *arguments(service, app_partner), cwd=tmp_path)

    assert json.loads(printed) == HEARD


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in TypeScript with its generated client, compiled once."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    shutil.copy(FOLDER / "client.ts", folder)
    asyncio.run(run("node", "generate.mjs", SCHEMA, DOCUMENTS, folder))
    return folder


@needs_node
async def test_a_generated_client_in_typescript_records_and_donates(
    program: Path, service: Running, app_partner: Actor, project: Project
) -> None:
    printed = await run("node", "client.js", *arguments(service, app_partner), cwd=program)

    assert json.loads(printed) == HEARD
