"""The command `lucid`: serve, migrate, demo, schema, partner, check."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import uvicorn
from rich.console import Console
from rich.progress import Progress, TaskID

from api import demo
from api.cli.partners import add_partner_commands
from api.cli.running import Failed, run
from api.ledger.check import check_ledger
from api.ledger.reference import load_reference
from api.models.database import DatabaseUnusable, database, is_sqlite, migrate, require_migrated
from api.resolvers import make_schema
from api.settings import BadSetting, Settings, read_settings
from api.transport.http_protocol import HttpProtocol
from api.transport.server import Server, run_workers
from api.transport.socket_protocol import SocketProtocol

SCHEMA_FILE = Path("schema.graphql")
#: Sockets are closed and writes finished within this time after the signal to stop.
SHUTDOWN_S = 20
# Above the engine's own limit, which answers with a close code of the protocol.
FRAME_MAX_BYTES = 2**22


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        settings = read_settings(os.environ)
        code: int | None = given.run(settings, given)
    except (Failed, BadSetting, DatabaseUnusable) as error:
        print(f"lucid: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lucid", description="Green actions become energy, energy becomes donations.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the API")
    serve.add_argument("--host", help="address to listen on")
    serve.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    serve.add_argument("--workers", type=int, help="processes; more than one needs PostgreSQL")
    serve.add_argument("--demo", action="store_true", help="load the demo data first, once, and print its keys")
    serve.set_defaults(run=_serve)

    commands.add_parser("migrate", help="bring the database up to this version").set_defaults(run=_migrate)
    demo_command = commands.add_parser("demo", help="load the demo data, once, and print its keys")
    demo_command.add_argument("--shell", action="store_true", help="print the keys as shell variables, for eval")
    demo_command.set_defaults(run=_demo)

    schema = commands.add_parser("schema", help="print the GraphQL schema")
    schema.add_argument("--check", action="store_true", help=f"compare it with {SCHEMA_FILE} and fail if they differ")
    schema.set_defaults(run=_schema)

    check = commands.add_parser("check", help="verify the ledger's invariants")
    check.set_defaults(run=_check)

    add_partner_commands(commands.add_parser("partner", help="partners and their keys"))
    return parser


def _serve(settings: Settings, given: argparse.Namespace) -> int:
    workers = settings.workers if given.workers is None else given.workers
    if workers < 1:
        raise Failed("--workers is at least 1.")
    embedded = is_sqlite(settings.database_url)
    if embedded and workers > 1:
        raise Failed(
            "SQLite serves one process only; for several workers set DATABASE_URL to a PostgreSQL (postgres://…)."
        )
    listener = _listen(given.host or settings.host, settings.port if given.port is None else given.port)
    with listener:
        host, port = listener.getsockname()[:2]
        # Here and not only in the workers: what is wrong with the database is said in a sentence, not in a traceback.
        run(_prepare(settings.database_url) if embedded or given.demo else _require_migrated(settings.database_url))
        keys = run(_load_demo(settings)) if given.demo else {}
        _announce(f"http://{f'[{host}]' if ':' in host else host}:{port}", keys)
        config = uvicorn.Config(
            "api.app:make_app_from_environment",
            factory=True,
            workers=workers,
            loop="uvloop",
            http=HttpProtocol,
            ws=SocketProtocol,
            ws_max_size=FRAME_MAX_BYTES,
            # Events are small: compressing them costs more memory for each socket than it saves.
            ws_per_message_deflate=False,
            log_level=settings.log_level,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        if workers > 1:
            run_workers(config, listener)
            return 0
        server = Server(config)
        server.run(sockets=[listener])
        return 0 if server.started else 3


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, before anything else is begun: a busy port should cost nobody a migration."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(2048)
            stack.pop_all()  # it is the caller's from here on
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Failed(f"Cannot listen on {host}:{port}: {reason}. Choose another with --port or LUCID_PORT.") from None
    listener.set_inheritable(True)
    return listener


def _announce(address: str, keys: dict[str, str]) -> None:
    print(f"\nLucid is at {address}\n  GraphQL and GraphiQL   {address}/graphql")
    if keys:
        print("\nKeys of the demo data, one for each kind of caller:")
        for caller, key in keys.items():
            print(f"  {caller:<22} {key}")
        print("\nSend one as a header: Authorization: Bearer lk_…   In GraphiQL, paste it into the box for the key.")
    print(flush=True)


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    applied, added = run(_prepare(settings.database_url))
    print(f"Applied {', '.join(applied)}." if applied else "The tables are up to date.")
    print(f"Added {added} rows of reference data." if added else "The reference data is up to date.")


def _demo(settings: Settings, given: argparse.Namespace) -> None:
    run(_prepare(settings.database_url))
    for caller, key in run(_load_demo(settings)).items():
        print(f"{_variable(caller)}={key}" if given.shell else f"{caller:<22} {key}")


def _variable(caller: str) -> str:
    """Return the shell variable of a demo key: KEY_AMAP for `partner app (amap)`, KEY_NGO for `NGO (tnc)`."""
    kind, _, name = caller.partition(" (")
    return f"KEY_{(name.rstrip(')') if kind == 'partner app' else kind.split()[0]).upper()}"


def _schema(_: Settings, given: argparse.Namespace) -> int:
    text = make_schema().as_str() + "\n"
    if not given.check:
        print(text, end="")
        return 0
    if not SCHEMA_FILE.exists() or SCHEMA_FILE.read_text(encoding="utf-8") != text:
        raise Failed(f"{SCHEMA_FILE} is not today's schema; write it anew with `lucid schema > {SCHEMA_FILE}`.")
    print(f"{SCHEMA_FILE} is today's schema.")
    return 0


def _check(settings: Settings, _: argparse.Namespace) -> int:
    async def check() -> int:
        async with database(settings.database_url) as context:
            await require_migrated(context)
            # On standard error, so that the report can be kept in a file.
            with Progress(console=Console(stderr=True), transient=True) as progress:
                tasks: dict[str, TaskID] = {}

                def watch(what: str, done: int, total: int) -> None:
                    if what not in tasks:
                        tasks[what] = progress.add_task(what, total=total)
                    progress.update(tasks[what], completed=done)

                report = await check_ledger(watch)
        for line in report.counted:
            print(line)
        for fault in report.faults:
            print(f"FAULT {fault}")
        print("No fault found." if not report.faults else f"{len(report.faults)} faults found.")
        return 1 if report.faults else 0

    return run(check())


async def _prepare(url: str) -> tuple[list[str], int]:
    async with database(url) as context:
        return await migrate(context), await load_reference()


async def _require_migrated(url: str) -> None:
    async with database(url) as context:
        await require_migrated(context)


async def _load_demo(settings: Settings) -> dict[str, str]:
    async with database(settings.database_url):
        return await demo.load_demo(settings.database_url)
