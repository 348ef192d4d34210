"""A uvicorn server that ends streams before it waits for them.

Uvicorn stops in this order: it closes sockets, waits for every response to be complete, and only then tells the
application. A response of server-sent events is never complete, so each restart would take the whole grace period
and then cut connections off. Here the application hands over what is to be closed first, in the state that its
lifespan yields: `yield {"closing": [http, sockets]}`.
"""

import socket
from collections.abc import Sequence
from typing import Protocol

import uvicorn
from typing_extensions import override
from uvicorn.supervisors import multiprocess

CLOSING = "closing"


class Closing(Protocol):
    """A part of the application that holds connections open."""

    async def close(self) -> None:
        """End them, so that clients connect again elsewhere."""


class Server(uvicorn.Server):
    """Stops as uvicorn does, after it has ended what would not end by itself."""

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self.servers:
            listener.close()  # or a client that is sent away would be back at once
        for listening in sockets or []:
            listening.close()
        closing: Sequence[Closing] = self.lifespan.state.get(CLOSING, ())
        for part in closing:
            await part.close()
        await super().shutdown(sockets)


class Worker(multiprocess.Process):
    """A worker process that serves with the server above."""

    @property
    @override
    def server(self) -> Server:
        if not isinstance(self._server, Server):
            self._server = Server(self.config)
        return self._server


def run_workers(config: uvicorn.Config, listener: socket.socket) -> None:
    """Serve with as many processes as the configuration says, until told to stop."""
    # Uvicorn's supervisor makes its processes from this name, in four places, and has no other way to be told.
    multiprocess.Process = Worker  # type: ignore[misc]
    multiprocess.Multiprocess(config, sockets=[listener]).run()
