"""Clients and audits that exist for Node only, run against a real server.

They are left out, and the run says so, where Node or its packages are not at hand:
`npm ci` in tests/transport/audits brings them.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.transport.conftest import Server

AUDITS = Path(__file__).parent / "audits"
MISSING = shutil.which("node") is None or not (AUDITS / "node_modules").is_dir()

pytestmark = pytest.mark.skipif(MISSING, reason="left out: `npm ci` in tests/transport/audits first")


async def run_node(*arguments: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        "node", *arguments, cwd=AUDITS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(60):
            printed, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return orjson.loads(printed)


async def test_all_audits_of_graphql_http_are_ok(server: Server) -> None:
    results = await run_node("audit.mjs", server.url)

    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) >= 61


HEARD = {
    "query": [{"data": {"caller": "ann"}}],
    "mutation": [{"data": {"write": "a"}}],
    "subscription": [{"data": {"count": 0}}, {"data": {"count": 1}}, {"data": {"count": 2}}],
    "resumed": ["line 0", "line 1", "line 2", "line 3"],
}


async def test_the_client_graphql_ws_asks_all_types_of_operations_and_resumes(server: Server) -> None:
    assert await run_node("clients.mjs", "ws", server.ws_url) == HEARD


@pytest.mark.parametrize("mode", ["sse", "sse-single"])
async def test_the_client_graphql_sse_asks_all_types_of_operations_and_resumes(server: Server, mode: str) -> None:
    assert await run_node("clients.mjs", mode, server.url) == HEARD
