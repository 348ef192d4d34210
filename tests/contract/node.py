"""Judges of the contract that exist for Node only. `npm ci` in tests/contract brings them; .ci/run does that."""

import asyncio
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
MISSING = shutil.which("node") is None or not (FOLDER / "node_modules").is_dir()
TIMEOUT_S = 120

needs_node = pytest.mark.skipif(MISSING, reason="left out: `npm ci` in tests/contract first")


async def run(*command: str | Path, cwd: Path = FOLDER) -> str:
    """Run a program to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            printed, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode() + printed.decode()
    return printed.decode()
