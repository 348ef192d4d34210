"""The README's tour, pasted as a newcomer pastes it: every shell block, in order, against a served demo."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest

README = Path(__file__).parents[1] / "README.md"
ADDRESS = "127.0.0.1:8000"
START_S = 120


def shell_blocks() -> list[str]:
    """The README's shell blocks behind the heading of the tour."""
    tour = README.read_text(encoding="utf-8").split("## The tour")[1]
    return re.findall(r"```sh\n(.*?)```", tour, flags=re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like the checkout after `make test`."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """A service with the demo data, started as `make run` starts it but on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [str(folder / ".venv/bin/lucid"), "serve", "--demo", "--port", str(port)]
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        address = f"127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while not _is_ready(address):
            assert server.poll() is None, (folder / "log.txt").read_text()
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="the tour is told with bash and curl")
def test_the_tour_can_be_pasted(folder: Path, address: str) -> None:
    prepare, record, balance, listen, donate = (block.replace(ADDRESS, address) for block in shell_blocks())

    def paste(*blocks: str) -> list[dict[str, dict[str, object]]]:
        result = subprocess.run(
            ["bash", "-euc", "\n".join(blocks)], cwd=folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert result.returncode == 0, result.stderr
        answers = [json.loads(line) for line in result.stdout.splitlines()]
        assert all("errors" not in answer for answer in answers), answers
        return [answer["data"] for answer in answers]

    (recorded,) = paste(prepare, record)
    assert recorded["recordAction"]["errors"] == []
    assert recorded["recordAction"]["balance"] == {"available": 416}

    (found,) = paste(prepare, balance)
    user = found["user"]
    assert (user["balance"], user["actions"]) == (
        {"available": 416, "earned": 416, "donated": 0},
        {"nodes": [{"type": "BUS", "quantity": 8000, "credited": 416, "status": "CREDITED"}]},
    )

    with _listening(folder, listen) as output:
        assert "Longwu" in output.readline()
        backlog = 0
        while "positions" not in output.readline():  # the checkpoint: the backlog is through
            backlog += 1
        assert backlog > 0

        (donated,) = paste(prepare, donate)
        donation = donated["donateEnergy"]["donation"]
        assert isinstance(donation, dict)
        assert donation["amount"] == 100
        assert donation["fundedBy"][0]["amount"] == 100
        assert donated["donateEnergy"]["balance"] == {"available": 316}
        assert "'kind': 'DONATION', 'amount': 100" in output.readline()


@contextmanager
def _listening(folder: Path, block: str) -> Iterator[IO[str]]:
    with subprocess.Popen(
        ["bash", "-euc", block],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # so that the program that bash started ends with it
    ) as listener:
        try:
            assert listener.stdout is not None
            yield listener.stdout
        finally:
            os.killpg(listener.pid, signal.SIGTERM)


def test_every_file_that_the_readme_names_is_there() -> None:
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    folder = "api/resolvers"
    missing = [
        link
        for link in links
        if not link.startswith("http") and not any((README.parent / base / link).exists() for base in ("", folder))
    ]
    assert missing == []
