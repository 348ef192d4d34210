"""A headless Chromium, driven over its DevTools protocol: what is needed of a browser, in one file.

The protocol is JSON over a WebSocket, and `websockets` is at hand; a driver of its own would bring a server and
hundreds of megabytes.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# A browser that asks nobody but us: what it does on its own account is switched off, and no other name is resolved.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
)

START_TIMEOUT_S = 30
WAIT_TIMEOUT_S = 30
LOOK_AGAIN_S = 0.05

# Kinds of targets whose requests and complaints are listened to.
LISTENED_TO = {"page", "iframe", "worker", "shared_worker", "service_worker"}


class PageError(AssertionError):
    """A script in the page failed, or something did not come about."""


@dataclass
class Page:
    """A tab, and all that it asked for and complained about."""

    socket: ClientConnection
    session: str = ""
    is_there: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def send(self, method: str, *, session: str | None = None, **params: Any) -> Any:
        """Send a command of the protocol and return its result."""
        number = next(self._numbers)
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params, "sessionId": session or self.session}
        await self.socket.send(json.dumps({name: value for name, value in message.items() if value != ""}))
        return await asyncio.wait_for(answer, WAIT_TIMEOUT_S)

    async def listen(self) -> None:
        """Take in what the browser says until it is gone."""
        following: set[asyncio.Task[None]] = set()
        async for text in self.socket:
            message = json.loads(text)
            if (answer := self._answers.pop(message.get("id", 0), None)) is not None:
                if "error" in message:
                    answer.set_exception(PageError(str(message["error"])))
                else:
                    answer.set_result(message["result"])
            elif message.get("method") == "Target.attachedToTarget":
                task = asyncio.create_task(self._follow(message["params"]))
                following.add(task)
                task.add_done_callback(following.discard)
            else:
                self._hear(message.get("method"), message.get("params"))

    async def _follow(self, attached: dict[str, Any]) -> None:
        """Listen to a target before its first script runs: the page, and every worker that it starts."""
        session = attached["sessionId"]
        with suppress(PageError):  # one that ended at once
            if attached["targetInfo"]["type"] in LISTENED_TO:
                await self.send("Network.enable", session=session)
                await self.send("Runtime.enable", session=session)
            if attached["targetInfo"]["type"] == "page":
                await self.send("Page.enable", session=session)
                await self.send("Log.enable", session=session)
            await self.send("Target.setAutoAttach", session=session, **AUTO_ATTACH)
            await self.send("Runtime.runIfWaitingForDebugger", session=session)
        if attached["targetInfo"]["type"] == "page":
            self.session = session
            self.is_there.set()

    def _hear(self, method: str | None, params: Any) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(params["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.complaints.append(json.dumps(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(json.dumps(params["entry"]))

    def hosts(self) -> set[str]:
        """Return the hosts that were asked for anything; what a page holds itself has none."""
        return {urlsplit(url).netloc for url in self.requests if urlsplit(url).scheme not in {"data", "blob"}}

    async def open(self, url: str) -> None:
        """Go to an address; what it needs comes later, so wait for something that can be seen."""
        await self.send("Page.navigate", url=url)

    async def run(self, expression: str) -> Any:
        """Evaluate an expression of JavaScript in the page and return what it gives."""
        result = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise PageError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    async def wait(self, expression: str) -> Any:
        """Wait until an expression is true and return its value."""
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                while not (value := await self.run(expression)):  # noqa: ASYNC110 - the page does not call us
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            raise PageError(f"it did not come about: {expression}; complaints: {self.complaints}") from None
        return value

    async def text(self, selector: str) -> str:
        """Return the text of an element, blanks made one."""
        found = await self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return " ".join(found.split())

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does, once it stands still and nothing is in front of it."""
        spot = None
        while spot is None or spot != await self._middle(selector):
            spot = await self._middle(selector)
            await asyncio.sleep(LOOK_AGAIN_S)
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **spot)

    async def _middle(self, selector: str) -> Any:
        return await self.wait(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " const box = found?.getBoundingClientRect(); if (!box?.width) return null;"
            " const spot = {x: box.x + box.width / 2, y: box.y + box.height / 2};"
            " return found.contains(document.elementFromPoint(spot.x, spot.y)) ? spot : null; })()"
        )

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def press(self, key: str, *, code: int, modifiers: int = 0) -> None:
        """Press and release a key; modifiers are 1 Alt, 2 Control, 4 Meta, 8 Shift."""
        names: dict[str, Any] = {
            "key": key,
            "code": key if len(key) > 1 else f"Key{key.upper()}",
            "windowsVirtualKeyCode": code,
        }
        text = {"text": "\r"} if key == "Enter" and not modifiers else {}
        await self.send("Input.dispatchKeyEvent", type="keyDown", modifiers=modifiers, **names, **text)
        await self.send("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **names)


AUTO_ATTACH: dict[str, Any] = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}


@asynccontextmanager
async def browsing(folder: Path, *, width: int = 1280, height: int = 800) -> AsyncIterator[Page]:
    """Start a browser with an empty profile in a folder and yield its only tab."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = await _address(folder / "DevToolsActivePort")
        async with connect(address, max_size=None) as socket:
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            await page.send("Target.setAutoAttach", **AUTO_ATTACH)
            await asyncio.wait_for(page.is_there.wait(), START_TIMEOUT_S)
            try:
                yield page
            finally:
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
    finally:
        process.terminate()
        await process.wait()


async def _address(file: Path) -> str:
    """Wait for the browser to say where it listens."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            lines = file.read_text().splitlines() if file.exists() else []  # noqa: ASYNC240 - a few bytes
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            await asyncio.sleep(LOOK_AGAIN_S)
