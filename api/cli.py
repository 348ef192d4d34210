"""The command `lucid`: serve, migrate, demo, schema, partner, check."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from rich.console import Console
from rich.progress import Progress, TaskID
from tortoise.exceptions import BaseORMException

from api import demo
from api.access import add_partner, issue_key, revoke_key, rotate_keys, set_status
from api.ledger.check import check_ledger
from api.ledger.reference import load_reference
from api.models import ApiKey, Environment, Partner, PartnerKind, PartnerStatus, now
from api.models.database import DatabaseUnusable, database, is_sqlite, migrate, require_migrated
from api.resolvers import make_schema
from api.settings import BadSetting, Settings, read_settings
from api.transport.server import Server, run_workers

SCHEMA_FILE = Path("schema.graphql")
#: Sockets are closed and writes finished within this time after the signal to stop.
SHUTDOWN_S = 20
#: The longest that older keys work beside a new one: a year.
OVERLAP_MAX_H = 8_760
# Above the engine's own limit, which answers with a close code of the protocol.
FRAME_MAX_BYTES = 2**22


Result = TypeVar("Result")


class Failed(Exception):
    """The command cannot do what was asked. The message is one clear sentence."""


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


def _overlap(text: str) -> int:
    """Read for how many hours older keys still work.

    Raises: argparse.ArgumentTypeError.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= OVERLAP_MAX_H):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number of hours from 0, which ends the older keys at once, to {OVERLAP_MAX_H}"
        )
    return int(text)


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

    partner = commands.add_parser("partner", help="partners and their keys").add_subparsers(
        required=True, metavar="COMMAND"
    )
    add = partner.add_parser("add", help="add a partner and print its first key")
    add.add_argument("slug", help="short name: small letters, digits, hyphens")
    add.add_argument("--name-en", required=True, help="name in English")
    add.add_argument("--name-zh", required=True, help="name in Chinese")
    add.add_argument("--kind", action="append", required=True, choices=[kind.value for kind in PartnerKind])
    add.add_argument("--sandbox", action="store_true", help="a key for the sandbox")
    add.set_defaults(run=_partner_add)
    partner.add_parser("list", help="list partners and keys").set_defaults(run=_partner_list)
    rotate = partner.add_parser("rotate", help="print a new key and let the older ones end")
    rotate.add_argument("slug")
    rotate.add_argument("--sandbox", action="store_true", help="the keys of the sandbox")
    rotate.add_argument("--overlap-h", type=_overlap, default=24, help="hours in which the older keys still work (24)")
    rotate.set_defaults(run=_partner_rotate)
    revoke = partner.add_parser("revoke", help="end a key at once, with its tokens and sockets")
    revoke.add_argument("key_id", help="public part of the key, as `partner list` shows it")
    revoke.set_defaults(run=_partner_revoke)
    for command, status, what in (
        ("suspend", PartnerStatus.SUSPENDED, "shut a partner out"),
        ("resume", PartnerStatus.ACTIVE, "let a suspended partner back in"),
    ):
        change = partner.add_parser(command, help=what)
        change.add_argument("slug")
        change.set_defaults(run=_partner_status, status=status)
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
        _run(_prepare(settings.database_url) if embedded or given.demo else _require_migrated(settings.database_url))
        keys = _run(_load_demo(settings)) if given.demo else {}
        _announce(f"http://{f'[{host}]' if ':' in host else host}:{port}", keys)
        config = uvicorn.Config(
            "api.app:make_app_from_environment",
            factory=True,
            workers=workers,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
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
    applied, added = _run(_prepare(settings.database_url))
    print(f"Applied {', '.join(applied)}." if applied else "The tables are up to date.")
    print(f"Added {added} rows of reference data." if added else "The reference data is up to date.")


def _demo(settings: Settings, given: argparse.Namespace) -> None:
    _run(_prepare(settings.database_url))
    for caller, key in _run(_load_demo(settings)).items():
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

    return _run(check())


def _partner_add(settings: Settings, given: argparse.Namespace) -> None:
    async def add() -> str:
        async with database(settings.database_url):
            if await Partner.by_slug(given.slug) is not None:
                raise Failed(f"There is a partner {given.slug} already.")
            kinds = [PartnerKind(kind) for kind in given.kind]
            partner = await add_partner(given.slug, name_zh=given.name_zh, name_en=given.name_en, kinds=kinds)
            return await issue_key(partner, _world(given))

    if not (given.slug.isascii() and given.slug.replace("-", "").isalnum() and given.slug.islower()):
        raise Failed("A slug has small letters, digits and hyphens only.")
    key = _run(add())
    print(f"Added {given.slug}. Its key, shown only now:\n{key}")


def _partner_list(settings: Settings, _: argparse.Namespace) -> None:
    async def show() -> None:
        async with database(settings.database_url):
            for partner in await Partner.everyone():
                print(f"{partner.slug:<24} {partner.status.value:<10} {', '.join(partner.kinds)}")
                for key in await ApiKey.of_partner(partner.id):
                    state = "valid" if key.is_valid(now()) else "ended"
                    until = f" until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
                    print(f"  lk_{key.id}_…  {key.environment.value:<8} {state}{until}  {' '.join(key.scopes)}")

    _run(show())


def _partner_rotate(settings: Settings, given: argparse.Namespace) -> None:
    async def rotate() -> str:
        async with database(settings.database_url):
            partner = await Partner.by_slug(given.slug)
            if partner is None:
                raise Failed(f"There is no partner {given.slug}.")
            retire_at = now() + timedelta(hours=given.overlap_h)
            return await rotate_keys(partner, _world(given), retire_at=retire_at)

    print(f"The new key, shown only now; the older ones end in {given.overlap_h} hours:\n{_run(rotate())}")


def _partner_revoke(settings: Settings, given: argparse.Namespace) -> None:
    async def revoke() -> bool:
        async with database(settings.database_url):
            return await revoke_key(given.key_id.removeprefix("lk_").partition("_")[0])

    if not _run(revoke()):
        raise Failed(f"There is no key {given.key_id} that could be revoked.")
    print("Revoked. Its open sockets are closed within seconds.")


def _partner_status(settings: Settings, given: argparse.Namespace) -> None:
    async def change() -> None:
        async with database(settings.database_url):
            partner = await Partner.by_slug(given.slug)
            if partner is None:
                raise Failed(f"There is no partner {given.slug}.")
            if not await set_status(partner, given.status):
                raise Failed(f"{given.slug} is {given.status.value} already.")

    _run(change())
    print(f"{given.slug} is {given.status.value} now.")


def _world(given: argparse.Namespace) -> Environment:
    return Environment.SANDBOX if given.sandbox else Environment.LIVE


async def _prepare(url: str) -> tuple[list[str], int]:
    async with database(url) as context:
        return await migrate(context), await load_reference()


async def _require_migrated(url: str) -> None:
    async with database(url) as context:
        await require_migrated(context)


async def _load_demo(settings: Settings) -> dict[str, str]:
    async with database(settings.database_url):
        return await demo.load_demo(settings.database_url)


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine; what the database says no to is said in a sentence."""
    try:
        return asyncio.run(work)
    except BaseORMException as error:
        raise Failed(f"The database says: {(str(error) or type(error).__name__).splitlines()[0]}") from error
    except OSError as error:
        raise Failed(str(error) or type(error).__name__) from error
