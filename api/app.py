"""The one place where the parts are put together: the engine gets a schema, the domain gets a database.

Order of the start: database, ledger, sealer, ready. Order of the end: not ready, sockets closed, writes finished,
what they left sealed, database closed.
"""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send
from tortoise.context import TortoiseContext
from typing_extensions import override

from api.access import (
    Authenticator,
    Caller,
    DeprecatedUses,
    Language,
    Rate,
    Rates,
    Uses,
    payer,
    preferred,
    standing_for,
    view_key,
)
from api.callers import Callers, once_each
from api.endpoints import endpoints
from api.events.feed import Feed
from api.events.sealer import Sealer
from api.events.signals import Signals, Stream
from api.execution.announcements import Announcement
from api.execution.caching import Caching
from api.execution.engine import Engine
from api.execution.errors import Say
from api.execution.metering import Meter
from api.execution.sharing import View
from api.ledger import Ledger, Rules
from api.models.database import database, is_sqlite, require_migrated
from api.models.loaders import loaders
from api.resolvers import make_schema
from api.schema.catalogue import explained, said
from api.schema.context import Context
from api.schema.sunset import deprecation_extensions, deprecation_headers, sunsets
from api.settings import BadSetting, Settings, read_settings
from api.transport.direct import DIRECT
from api.transport.explorer import ASSETS_PATH, graphiql, graphiql_assets
from api.transport.http import GraphQLHTTP
from api.transport.server import CLOSING
from api.transport.session import SocketLimits
from api.transport.websocket import GraphQLWebSocket

#: Batches of calls with many in flight at once on PostgreSQL; SQLite has one writer.
POSTGRES_LANES = 2

#: Young objects, and rounds of younger ones, after which Python looks for garbage. Its own are 700, 10, 10.
COLLECT_AFTER = (20_000, 20, 50)

#: A revoked key closes its sockets within this time.
RECHECK_S = 5.0

#: So much longer than its operation a statement may run: what is cancelled is stopped at once, this is for the rest.
GRACE_S = 2.0

GRAPHQL_PATH = "/graphql"

log = logging.getLogger(__name__)

OpenDatabase = Callable[[Settings], AbstractAsyncContextManager[Any]]


class Service:
    """What a process serves with: made when it starts, ended when it stops."""

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self.settings = settings
        self.feed = Feed()
        self.loaders = loaders()
        self.rates = rates
        self.uses = Uses()
        self.deprecated_uses = DeprecatedUses()
        self.signals: Signals | None = None
        self.sealer = Sealer(self._sealed)
        rules = Rules(
            methodology=settings.methodology, zone=settings.timezone, reversal_window=settings.reversal_window
        )
        lanes = 1 if is_sqlite(settings.database_url) else POSTGRES_LANES
        self.ledger = Ledger(rules, lanes=lanes, committed=self.sealer.hint)
        self.is_ready = False

    def start(self, context: TortoiseContext) -> None:
        """Begin to seal, and to hear of what other processes have sealed."""
        if not is_sqlite(self.settings.database_url):
            self.signals = Signals(context, self.feed.hint)
            self.rates.share()
        self.sealer.start()
        self.deprecated_uses.start()
        self.is_ready = True

    async def close(self) -> None:
        """Say that no more calls are taken."""
        self.is_ready = False

    async def finish(self) -> None:
        """Finish every write, seal what they left, and stop."""
        await self.ledger.close()
        await self.sealer.close()
        await self.feed.close()
        await self.uses.close()
        await self.deprecated_uses.close()
        await self.rates.close()
        if self.signals is not None:
            await self.signals.close()

    async def _sealed(self, streams: Iterable[Stream]) -> None:
        moved = list(streams)
        self.feed.hint(moved)
        if self.signals is not None:
            await self.signals.send(moved)

    def context(self, caller: Caller, request_id: str, authenticator: Authenticator) -> Context:
        """Return the surroundings of one operation."""
        return Context(
            caller=caller,
            request_id=request_id,
            ledger=self.ledger,
            feed=self.feed,
            signer=authenticator.signer,
            deprecated_uses=self.deprecated_uses,
            checkpoint_s=self.settings.checkpoint.total_seconds(),
            rates=self.rates,
            loaders=self.loaders,
        )


def open_shared(settings: Settings) -> AbstractAsyncContextManager[Any]:
    """Open the database for every task of the process, and let no statement run on after the operation that sent it."""
    return database(settings.database_url, shared=True, statement_s=settings.deadline.total_seconds() + GRACE_S)


SAYS: Mapping[Language, Say] = {language: partial(said, language=language) for language in Language}


def interpret(headers: Mapping[str, str]) -> Say:
    """Return who says messages in the language that these headers ask for."""
    return SAYS[preferred(headers.get("accept-language", ""))]


class Application(Starlette):
    """All routes, of which one is asked for a thousand times as often as the others together."""

    def __init__(
        self, graphql: ASGIApp, sockets: ASGIApp, routes: list[BaseRoute], lifespan: Lifespan[Starlette]
    ) -> None:
        graphql_routes = [Route(GRAPHQL_PATH, graphql), WebSocketRoute(GRAPHQL_PATH, sockets)]
        super().__init__(routes=[*graphql_routes, *routes], lifespan=lifespan)
        self._graphql = graphql
        self._sockets = sockets

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # It answers whatever happens, so it needs none of what Starlette has around an endpoint.
        if scope["type"] == "http" and scope["path"] == GRAPHQL_PATH:
            await self._graphql(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == GRAPHQL_PATH:
            await self._sockets(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def require_valid(engine: Engine[Any], documents: Mapping[str, str]) -> None:
    """Let nobody start with documents that no caller could execute.

    Raises: BadSetting.
    """
    for name, text in documents.items():
        if errors := engine.documents.get(text).errors:
            raise BadSetting(f"LUCID_TRUSTED_DOCUMENTS: the document {name} cannot be used: {errors[0].message}")


def view(caller: Caller) -> View[Caller]:
    """Return what answers to a caller depend on."""
    return View(view_key(caller), standing_for(caller))


def make_app(settings: Settings, open_database: OpenDatabase = open_shared) -> Starlette:
    """Return the application. Its database is opened when it starts.

    Raises: UnguardedField, PrivateFieldCached, UnannouncedDeprecation, BadSetting.
    """
    schema = make_schema()
    core_schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
    text = schema.as_str()
    authenticator = Authenticator()
    rates = Rates(
        Rate(capacity=settings.rate_capacity, refill_per_s=settings.rate_refill),
        Rate(capacity=settings.anonymous_capacity, refill_per_s=settings.anonymous_refill),
    )
    # The batchers and the feed belong to the event loop that serves, so they are made when it runs.
    current: list[Service] = []

    callers = Callers(authenticator, lambda: (current[0].uses, current[0].loaders))

    def context(caller: Caller, request_id: str) -> Context:
        return current[0].context(caller, request_id, authenticator)

    announced = sunsets(core_schema)

    def notice(caller: Caller, used: tuple[str, ...]) -> Announcement:
        current[0].deprecated_uses.note(caller, used)
        return Announcement(deprecation_headers(announced, used), deprecation_extensions(announced, used))

    engine: Engine[Caller] = Engine(
        core_schema,
        authenticate=callers.authenticate,
        context=context,
        interpret=interpret,
        explain=explained,
        notice=notice,
        view=view,
        deadline_s=settings.deadline.total_seconds(),
        meter=Meter(core_schema, text, rates, cost_max=settings.cost_max),
        trusted_documents=settings.trusted_documents,
        caching=Caching(core_schema, text, is_anybody=lambda caller: caller.partner is None),
    )
    require_valid(engine, settings.trusted_documents)
    http: GraphQLHTTP[Caller] = GraphQLHTTP(
        engine, explorer=graphiql(), origins=settings.origins, recognise=callers.recognise
    )
    sockets: GraphQLWebSocket[Caller] = GraphQLWebSocket(
        engine, origins=settings.origins, limits=SocketLimits(sockets_max=settings.sockets), identify=payer
    )

    async def recheck() -> None:
        """End what was opened with a key or a token that has ended since."""
        while True:
            await asyncio.sleep(RECHECK_S)
            asking = once_each(callers.authenticate)
            try:
                await http.recheck(asking)
                await sockets.recheck(asking)
            except Exception:
                log.exception("open sockets could not be rechecked; it is tried again")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with open_database(settings) as database_context:
            await require_migrated(database_context)
            service = Service(settings, rates)
            current[:] = [service]
            service.start(database_context)
            rechecking = asyncio.create_task(recheck())
            try:
                # What the server ends before it waits for open connections.
                yield {CLOSING: [service, http, sockets], DIRECT: {GRAPHQL_PATH: http.direct}}
            finally:
                rechecking.cancel()
                await engine.broadcasts.close()
                await service.finish()

    def is_ready() -> bool:
        return bool(current) and current[0].is_ready

    return Application(
        http,
        sockets,
        lifespan=lifespan,
        routes=[
            Mount(ASSETS_PATH, graphiql_assets()),
            *endpoints(text, is_ready, authenticator, lambda: engine.counters() | http.direct.counters()),
        ],
    )


def make_app_from_environment() -> Starlette:
    """Return the application of this process's environment: what every worker starts with."""
    app = make_app(read_settings(os.environ))
    # A sixth of the time went into looking for garbage. Nearly all of a request's objects are given back without a
    # search, and those of the schema stay for good: search more seldom, and never through these.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    return app
