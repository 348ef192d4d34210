"""The command, as people and supervisors use it: what it serves, how it ends, and what it says when it cannot."""

import asyncio
import re
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from api.access import Authenticator, Unauthenticated
from api.cli import main
from api.models import Environment, PartnerKind, PartnerStatus
from api.models.database import database
from tests.conftest import Running, add_partner, add_project, eventually
from tests.postgres import Server
from tests.resolvers.calls import UPDATES, Socket, donate, earned, project_id, socket_of

HANG_S = 60


@dataclass(frozen=True)
class Ended:
    """What a command that has ended left behind."""

    code: int | None
    out: str
    err: str


async def lucid(*arguments: str, **environment: str) -> Ended:
    """Run the command in a process of its own."""
    process = await start(*arguments, **environment)
    async with asyncio.timeout(HANG_S):
        out, err = await process.communicate()
    return Ended(process.returncode, out.decode(), err.decode())


async def start(*arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api",
        *arguments,
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def serving(url: str, *arguments: str) -> AsyncIterator[tuple[Process, Running]]:
    """Serve in a process of its own until the block ends; it takes a free port and says which."""
    process = await start("serve", "--port", "0", *arguments, DATABASE_URL=url, LUCID_LOG_LEVEL="warning")
    try:
        assert process.stdout is not None
        async with asyncio.timeout(HANG_S):
            address = None
            while address is None:
                line = (await process.stdout.readline()).decode()
                assert line, (await process.communicate())[1].decode()
                address = re.search(r"http://\S+", line)
        async with httpx.AsyncClient(base_url=address[0], timeout=HANG_S) as http:
            await eventually(lambda: is_ready(http))
            yield process, Running(address[0], http)
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(HANG_S):
                await process.communicate()


async def is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run the command in this process: what it says of its input needs no process of its own."""
    try:
        code: Any = main(arguments)
    except SystemExit as error:
        code = error.code
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)


def is_one_sentence(text: str) -> bool:
    """Whether standard error holds one line for a person and nothing else."""
    return bool(re.fullmatch(r"lucid: [^\n]+\n", text)) and "Traceback" not in text


async def test_a_start_that_cannot_succeed_says_why_in_a_sentence_and_fails(tmp_path: Path, postgres: Server) -> None:
    not_a_database = tmp_path / "letter.db"
    not_a_database.write_text("Dear database, " * 1_000, encoding="utf-8")
    (tmp_path / "file").touch()
    postgres.create_database("empty_for_cli")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        good = f"sqlite:///{tmp_path}/good.db"
        cases: Sequence[tuple[tuple[str, ...], dict[str, str], str]] = (
            (("serve", "--port", str(port)), {"DATABASE_URL": good}, f"Cannot listen on 127.0.0.1:{port}: Address"),
            (("serve", "--port", "0"), {"DATABASE_URL": f"sqlite:///{not_a_database}"}, "file is not a database"),
            (("serve", "--port", "0"), {"DATABASE_URL": postgres.url("empty_for_cli")}, "run `lucid migrate`"),
            (("serve", "--port", "0"), {"DATABASE_URL": "postgres://x:y@127.0.0.1:1/z"}, "cannot be opened"),
            (
                ("serve", "--port", "0", "--workers", "2"),
                {"DATABASE_URL": postgres.url("nowhere")},
                "Can't establish connection to database nowhere",
            ),
            (("serve", "--port", "0"), {"DATABASE_URL": f"sqlite:///{tmp_path}/file/x.db"}, "cannot be made"),
        )
        ended = await asyncio.gather(*(lucid(*arguments, **environment) for arguments, environment, _ in cases))
    for one, (arguments, environment, said) in zip(ended, cases, strict=True):
        assert one.code == 1, (arguments, environment, one)
        assert is_one_sentence(one.err), one.err
        assert said in one.err
        assert one.out == ""
    assert not (tmp_path / "good.db").exists()
    assert not_a_database.read_text(encoding="utf-8").startswith("Dear database")
    postgres.drop_database("empty_for_cli")


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["migrate"], {"LUCID_PROT": "80"}, "LUCID_PROT is not a setting"),
        (["migrate"], {"LUCID_PORT": "eighty"}, "LUCID_PORT='eighty' cannot be used"),
        (["migrate"], {"DATABASE_URL": "mysql://x/y"}, "names the database kind 'mysql'"),
        (["serve", "--workers", "2"], {}, "set DATABASE_URL to a PostgreSQL"),
        (["serve"], {"LUCID_WORKERS": "2"}, "set DATABASE_URL to a PostgreSQL"),
        (["serve", "--workers", "0"], {}, "--workers is at least 1"),
        (["serve", "--port", "99999"], {}, "Cannot listen on 127.0.0.1:99999"),
        (["serve", "--host", "nowhere.invalid"], {}, "Cannot listen on nowhere.invalid:8000"),
        (["partner", "list"], {}, "no such table"),
        (["partner", "rotate", "maps"], {}, "no such table"),
        (["check"], {}, "run `lucid migrate`"),
    ],
)
def test_what_the_command_cannot_use_is_said_in_a_sentence(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = run(capsys, *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert is_one_sentence(ended.err), ended.err
    assert said in ended.err


def test_migrating_twice_changes_nothing_the_second_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a/b/lucid.db")
    first = run(capsys, "migrate")
    assert first.code == 0
    assert re.fullmatch(r"Applied 0001_initial, .*\.\nAdded \d+ rows of reference data\.\n", first.out)
    again = run(capsys, "migrate")
    assert (again.code, again.out) == (0, "The tables are up to date.\nThe reference data is up to date.\n")


def test_the_schema_is_printed_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = run(capsys, "schema")
    assert printed.out == Path("schema.graphql").read_text(encoding="utf-8")
    assert run(capsys, "schema", "--check") == Ended(0, "schema.graphql is today's schema.\n", "")
    monkeypatch.chdir(tmp_path)
    missing = run(capsys, "schema", "--check")
    assert (missing.code, is_one_sentence(missing.err)) == (1, True)
    (tmp_path / "schema.graphql").write_text(printed.out + "\n", encoding="utf-8")
    other = run(capsys, "schema", "--check")
    assert (other.code, other.err) == (
        1,
        "lucid: schema.graphql is not today's schema; write it anew with `lucid schema > schema.graphql`.\n",
    )


def test_a_command_that_is_none_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["dance"], ["partner"], ["serve", "--port", "x"], ["partner", "add", "x"]):
        ended = run(capsys, *arguments)
        assert ended.code == 2
        assert ended.err.startswith("usage: lucid")
    assert run(capsys, "--help").code == 0


def test_a_further_key_opens_less_and_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/lucid.db"
    monkeypatch.setenv("DATABASE_URL", url)
    run(capsys, "migrate")
    run(capsys, "partner", "add", "maps", "--name-en", "Maps", "--name-zh", "地图", "--kind", "ACTION_SOURCE")

    narrow = run(capsys, "partner", "key", "maps", "--scope", "users:read", "--days", "30", "--label", "reports")
    tests = run(capsys, "partner", "key", "maps", "--sandbox").out.splitlines()[-1]
    beyond = run(capsys, "partner", "key", "maps", "--scope", "admin")
    nobody = run(capsys, "partner", "key", "nobody")

    key = narrow.out.splitlines()[-1]
    assert caller_of(url, key) == ("maps", ["ACTION_SOURCE"], "LIVE")
    assert caller_of(url, tests) == ("maps", ["ACTION_SOURCE"], "SANDBOX")
    listed = run(capsys, "partner", "list").out
    assert re.search(
        rf"lk_{key.split('_')[1]}_…  LIVE +valid until \d{{4}}-\d\d-\d\d \d\d:\d\d UTC  users:read\n", listed
    )
    assert (beyond.code, beyond.err) == (
        1,
        "lucid: maps may not have admin: a partner may have what its kinds allow.\n",
    )
    assert nobody.err == "lucid: There is no partner nobody.\n"
    for days in ("0", "-1", "many"):
        with pytest.raises(SystemExit):
            main(["partner", "key", "maps", "--days", days])
        assert f"{days!r} is not a whole number of days from 1 to 3650" in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["-5", "8761", "1.5", "day", "", "99999999999"])
def test_an_overlap_that_cannot_be_is_refused_with_what_can_be(capsys: pytest.CaptureFixture[str], hours: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["partner", "rotate", "waters", "--overlap-h", hours])
    assert ended.value.code == 2
    told = f"{hours!r} is not a whole number of hours from 0, which ends the older keys at once, to 8760"
    assert told in capsys.readouterr().err


def test_partners_are_added_listed_rotated_suspended(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    names = ["--name-en", "Waters", "--name-zh", "\u6c34"]

    added = run(capsys, "partner", "add", "waters", *names, "--kind", "NGO", "--kind", "SPONSOR")
    assert (added.code, added.err) == (0, "")
    key = added.out.splitlines()[-1]
    assert caller_of(url, key) == ("waters", ["NGO", "SPONSOR"], "LIVE")
    for arguments, said in (
        (["waters", *names, "--kind", "NGO"], "There is a partner waters already."),
        (["Waters", *names, "--kind", "NGO"], "A slug has small letters, digits and hyphens only."),
        (["wa ters", *names, "--kind", "NGO"], "A slug has small letters, digits and hyphens only."),
        (["\u6c34", *names, "--kind", "NGO"], "A slug has small letters, digits and hyphens only."),
        (["x" * 65, *names, "--kind", "NGO"], "Length of"),
    ):
        refused = run(capsys, "partner", "add", *arguments)
        assert (refused.code, refused.out) == (1, ""), arguments
        assert said in refused.err
        assert is_one_sentence(refused.err)
    sandbox = run(capsys, "partner", "add", "tests", *names, "--kind", "ACTION_SOURCE", "--sandbox").out.splitlines()[
        -1
    ]
    assert caller_of(url, sandbox) == ("tests", ["ACTION_SOURCE"], "SANDBOX")

    listed = run(capsys, "partner", "list").out
    assert [line.split()[:2] for line in listed.splitlines() if not line.startswith(" ")] == [
        ["waters", "ACTIVE"],
        ["tests", "ACTIVE"],
    ]
    assert f"lk_{key.split('_')[1]}_" in listed
    assert key.split("_", 2)[2] not in listed

    rotated = run(capsys, "partner", "rotate", "waters", "--overlap-h", "0")
    new = rotated.out.splitlines()[-1]
    assert caller_of(url, new) == ("waters", ["NGO", "SPONSOR"], "LIVE")
    assert caller_of(url, key) is None
    assert run(capsys, "partner", "rotate", "nobody").err == "lucid: There is no partner nobody.\n"

    assert run(capsys, "partner", "suspend", "waters").out == "waters is SUSPENDED now.\n"
    assert caller_of(url, new) is None
    assert run(capsys, "partner", "suspend", "waters").err == "lucid: waters is SUSPENDED already.\n"
    assert run(capsys, "partner", "resume", "waters").code == 0
    assert caller_of(url, new) is not None
    assert run(capsys, "partner", "revoke", new.split("_")[1]).code == 0
    assert caller_of(url, new) is None
    assert run(capsys, "partner", "revoke", new.split("_")[1]).code == 1


def caller_of(url: str, key: str) -> tuple[str, list[str], str] | None:
    """Tell for whom a key speaks."""

    async def ask() -> tuple[str, list[str], str] | None:
        async with database(url):
            try:
                caller = await Authenticator()({"authorization": f"Bearer {key}"})
            except Unauthenticated:
                return None
            assert caller.partner is not None
            assert caller.partner.status is PartnerStatus.ACTIVE
            return caller.partner.slug, caller.partner.kinds, caller.environment.value

    return asyncio.run(ask())


async def test_a_first_start_makes_its_database_and_a_second_one_serves_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/lucid.db"
    for _ in range(2):
        async with serving(url) as (process, service):
            answer = await service.client()("{ viewer { environment } actionTypes { code } }")
            assert answer["viewer"] == {"environment": Environment.LIVE.value}
            assert "BUS" in [one["code"] for one in answer["actionTypes"]]
            process.terminate()
            _, err = await process.communicate()
            assert (process.returncode, err.decode()) == (-SIGTERM, "")


async def next_or_end(socket: Socket) -> dict[str, Any] | int:
    """Return the next update, or the code with which the socket was closed."""
    try:
        return (await socket.updates(1))[0]
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006


async def test_a_signal_to_stop_closes_subscriptions_that_go_on_at_the_next_start(url: str) -> None:
    async with database(url):
        app_partner = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        ngo = await add_partner("waters", PartnerKind.NGO)
        project = await add_project("longwu", ngo)
    projects = [project_id(project)]
    async with serving(url) as (process, service), socket_of(service, ngo) as socket:
        app = service.client(app_partner)
        await earned(app, ("u1", 1))
        await socket.subscribe(UPDATES, projects=projects)
        heard = await socket.updates(1)
        for number in range(5):
            await donate(app, f"k{number}", project, 10)
        process.terminate()
        while not isinstance(update := await next_or_end(socket), int):
            heard.append(update)
        assert update == 1012
        async with asyncio.timeout(HANG_S):
            _, err = await process.communicate()
        assert (process.returncode, err.decode()) == (-SIGTERM, "")
    async with serving(url) as (_, service), socket_of(service, ngo) as socket:
        await socket.subscribe(UPDATES, projects=projects, after=heard[-1]["cursor"])
        while heard[-1].get("positions") != [{"projectId": projects[0], "sequence": 5}]:
            heard += await socket.updates(1)
    assert [one["sequence"] for one in heard if one["__typename"] == "DonationEvent"] == [1, 2, 3, 4, 5]


async def test_two_workers_on_postgresql_both_see_every_donation(postgres: Server) -> None:
    postgres.create_database("two_workers", template="lucid_template")
    url = postgres.url("two_workers")
    async with database(url):
        app_partner = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        ngo = await add_partner("waters", PartnerKind.NGO)
        project = await add_project("longwu", ngo)
    async with serving(url, "--workers", "2") as (process, service), AsyncExitStack() as stack:
        # Enough sockets that both workers hold some.
        sockets = [await stack.enter_async_context(socket_of(service, ngo)) for _ in range(12)]
        for one in sockets:
            await one.subscribe(UPDATES, projects=[project_id(project)])
        await earned(service.client(app_partner), ("u1", 2))

        async def give(number: int) -> dict[str, Any]:
            # On a connection of its own, so that either worker may have it.
            async with httpx.AsyncClient(base_url=service.address, timeout=HANG_S) as http:
                return await donate(Running(service.address, http).client(app_partner), f"k{number}", project, 1)

        given = await asyncio.gather(*(give(number) for number in range(20)))
        assert [payload["errors"] for payload in given] == [[]] * 20
        for one in sockets:
            sequences: list[int] = []
            while len(sequences) < 20:
                (update,) = await one.updates(1)
                sequences += [update["sequence"]] if update["__typename"] == "DonationEvent" else []
            assert sequences == list(range(1, 21))
        # The same keys again, to whichever worker: nothing more is given.
        again = await asyncio.gather(*(give(number) for number in range(20)))
        assert {payload["replayed"] for payload in again} == {True}
        assert {payload["balance"]["available"] for payload in again} == {812}
        process.terminate()
        async with asyncio.timeout(HANG_S):
            _, err = await process.communicate()
        assert "Traceback" not in err.decode()
        assert process.returncode == 0
    postgres.drop_database("two_workers")
