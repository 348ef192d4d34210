"""The peers: what a partner would pick instead, each at its best documented settings, on a copy of the same data.

Each is a folder in `peers` with its start script, `server.js`. They work in a database of their own, into which Lucid's
tables were copied and `peers/work.sql` was run, so that neither side's rows are in the other's way.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.generator import Target, write_ids
from bench.load import LUCID
from bench.places import WORK, free_port
from bench.postgres import Server
from bench.servers import Running, started
from bench.workloads import LUCID as LUCID_WORKLOADS
from bench.workloads import Workload

FOLDER = Path(__file__).with_name("peers")
DATABASE = "peers"
NODE_MIN = 24

ACTION = (
    '{"input":{"idempotencyKey":"$key","userId":"$user","partnerId":"$app","type":"BUS","quantity":1000,'
    '"startedAt":"$from","endedAt":"$to"}}'
)
DONATION = '{"input":{"idempotencyKey":"$key","userId":"$user","partnerId":"$app","projectId":"$project","grams":1}}'
VARIABLES = {
    "nothing": "{}",
    "user": '{"id":"$user"}',
    "project": '{"id":"$project"}',
    "action": ACTION,
    "donation": DONATION,
    "hot": DONATION,
}

DONATE = """mutation Donate($input: DonateEnergyInput!) {
  donateEnergy(input: $input) { donation { id amount } balance { available } replayed }
}"""
#: The documents for the peers whose schema is written by hand: Lucid's fields, in a schema as small as it can be.
BY_HAND = {
    "R1": """query UserPage($id: ID!) {
  user(id: $id) {
    id
    createdAt
    balance { available }
    actions(first: 20) { id type quantity startedAt credited status }
    donations(first: 10) { id amount createdAt project { id code name { zh en } } }
  }
}""",
    "R2": """query Projects {
  projects(first: 20) {
    id code name { zh en } category status goal
    organisations { role partner { id slug name { en } } }
  }
}""",
    "R3": "query Project($id: ID!) { project(id: $id) { code category status } }",
    "W1": """mutation Record($input: RecordActionInput!) {
  recordAction(input: $input) { action { id credited status } balance { available } replayed }
}""",
    "W2a": DONATE,
    "W2b": DONATE,
}

POSTGRAPHILE_DONATE = """mutation Donate($input: DonateInput!) {
  donate(input: $input) { result { rowId amount available replayed } }
}"""
#: The documents for the schema that PostGraphile makes of the tables.
GENERATED = {
    "R1": """query UserPage($id: UUID!) {
  userByRowId(rowId: $id) {
    rowId
    createdAt
    accountByUserId { credited debited held }
    actionsByUserIdList(first: 20, orderBy: [ROW_ID_DESC]) { rowId type quantity startedAt creditedG status }
    donationsByUserIdList(first: 10, orderBy: [ROW_ID_DESC]) {
      rowId amountG createdAt projectByProjectId { rowId code nameZh nameEn }
    }
  }
}""",
    "R2": """query Projects {
  allProjectsList(first: 20, orderBy: [ROW_ID_ASC]) {
    rowId code nameZh nameEn category status goalG
    projectOrganisationsByProjectIdList(orderBy: [ROW_ID_ASC]) { role partnerByPartnerId { rowId slug nameEn } }
  }
}""",
    "R3": "query Project($id: UUID!) { projectByRowId(rowId: $id) { code category status } }",
    "W1": """mutation Record($input: RecordActionInput!) {
  recordAction(input: $input) { result { rowId credited status available replayed } }
}""",
    "W2a": POSTGRAPHILE_DONATE,
    "W2b": POSTGRAPHILE_DONATE,
}
GENERATED_DONATION = '{"input":{"key":"$key","userId":"$user","partnerId":"$app","projectId":"$project","amount":"1"}}'
GENERATED_VARIABLES = VARIABLES | {
    "action": (
        '{"input":{"key":"$key","userId":"$user","partnerId":"$app","type":"BUS","quantity":"1000",'
        '"startedAt":"$from","endedAt":"$to"}}'
    ),
    "donation": GENERATED_DONATION,
    "hot": GENERATED_DONATION,
}
#: A text that a right answer of a peer has, where it is not that of Lucid.
EXPECTS_GENERATED = {"R1": '"creditedG":'}


def prepare(server: Server) -> None:
    """Make the peers' database, a copy of Lucid's, where it is missing. Nobody may be connected to Lucid's."""
    if DATABASE not in server.databases():
        server.copy_database(DATABASE, LUCID)
        try:
            server.psql((FOLDER / "work.sql").read_text(), DATABASE)
        except BaseException:
            server.psql(f'DROP DATABASE "{DATABASE}"')
            raise


def node() -> str:
    """Return a current Node: the machine's, or that of the npm package `node`."""
    own = shutil.which("node")
    if own is not None and _major(own) >= NODE_MIN:
        return own
    _install("node")
    return str(FOLDER / "node" / "node_modules" / "node" / "bin" / "node")


def node_version() -> str:
    """Return the version of the Node that the peers run on."""
    return (
        subprocess.run([node(), "--version"], capture_output=True, text=True, check=True)
        .stdout.strip()
        .removeprefix("v")
    )


@contextmanager
def peer(
    server: Server,
    known: Mapping[str, Any],
    *,
    name: str,
    package: str,
    documents: Mapping[str, str],
    variables: Mapping[str, str],
    settings: Mapping[str, str],
    expects: Mapping[str, str],
) -> Iterator[Running]:
    """A peer in production mode."""
    folder = FOLDER / name.split()[0].lower()
    _install(folder.name)
    port = free_port()
    ids = write_ids(WORK / "ids-peers.txt", known, global_ids=False)
    targets = {}
    for item, document in documents.items():
        workload: Workload = LUCID_WORKLOADS[item]
        workload = replace(workload, document=document, expects=expects.get(item, workload.expects))
        targets[item] = Target(
            port, "/graphql", workload, variables[workload.draw], {str(n): "" for n in range(1, 5)}, ids, known["apps"]
        )
    environment = {"DATABASE_URL": server.url(DATABASE), "PORT": str(port), "NODE_ENV": "production", **settings}
    command = [node(), "server.js"]
    with started(name, command, folder, environment, f"http://127.0.0.1:{port}/ready") as process:
        yield Running(name, _version(folder, package), process, port, targets, DATABASE)


def _install(name: str) -> None:
    folder = FOLDER / name
    if not (folder / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)


def _version(folder: Path, package: str) -> str:
    content = json.loads((folder / "node_modules" / package / "package.json").read_text())
    return str(content["version"])


def _major(program: str) -> int:
    found = re.match(
        r"v(\d+)", subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    )
    return int(found.group(1)) if found else 0


Start = Callable[[Server, Mapping[str, Any]], AbstractContextManager[Running]]


def _by_hand(name: str, package: str, connections: int) -> Start:
    settings = {"POOL": str(connections)}
    return partial(
        peer, name=name, package=package, documents=BY_HAND, variables=VARIABLES, settings=settings, expects={}
    )


ALL: dict[str, Start] = {
    "postgraphile": partial(
        peer,
        name="PostGraphile",
        package="postgraphile",
        documents=GENERATED,
        variables=GENERATED_VARIABLES,
        settings={"POOL": "16", "GRAPHILE_ENV": "production"},
        expects=EXPECTS_GENERATED,
    ),
    "mercurius-4": _by_hand("Mercurius (4 connections)", "mercurius", 4),
    "mercurius-16": _by_hand("Mercurius (16 connections)", "mercurius", 16),
    "apollo": _by_hand("Apollo", "@apollo/server", 16),
}
