"""Who is calling, as the engine asks it: by a coroutine, or at once where one look-up is all it takes."""

import asyncio
from collections.abc import Callable, Mapping

from api.access import Authenticator, Caller, Unauthenticated, Uses, preferred
from api.batching import Overloaded
from api.execution.engine import Authenticate
from api.execution.errors import Refused
from api.models import ApiKey
from api.models.loaders import Loaders
from api.schema.catalogue import explained
from api.transport.asgi import CLIENT


class Callers:
    """Finds callers. `serving` returns what notes the uses of keys, and what loads them, while the process serves."""

    def __init__(self, authenticator: Authenticator, serving: Callable[[], tuple[Uses, Loaders]]) -> None:
        self._authenticator = authenticator
        self._serving = serving

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Return who is calling.

        Raises: Refused, also when there is no time to find out.
        """
        try:
            caller = await self._authenticator(headers)
        except Unauthenticated:  # and why is not said: a wrong key learns nothing
            raise Refused("UNAUTHENTICATED", "The key or token is not valid.", 401) from None
        except Overloaded as error:
            meaning = explained(error)
            assert meaning is not None  # noqa: S101 - this one has a meaning
            facts = meaning.extensions or {}
            wait = {"retry-after": str(facts["retryAfterS"])}
            raise Refused(facts["code"], meaning.message, 503, headers=wait, extensions=facts) from None
        uses, _ = self._serving()
        uses.note(caller.key_id)
        return caller.calling(headers[CLIENT], preferred(headers.get("accept-language", "")))

    def recognise(self, headers: Mapping[str, str]) -> "Callable[[], asyncio.Future[Caller]] | None":
        """Return what looks up the caller of these headers, where that is a key's and nothing else has to be found."""
        credentials = self._authenticator.credentials(headers)
        if credentials is None:
            return None
        language = preferred(headers.get("accept-language", ""))

        def opened(key: ApiKey | None) -> Caller:
            caller = credentials.open(key)
            uses, _ = self._serving()
            uses.note(caller.key_id)
            return caller.calling("", language)  # whose budget is spent does not hang on an address

        def look_up() -> "asyncio.Future[Caller]":
            _, loaders = self._serving()
            return loaders.keys.load(credentials.key_id, opened)

        return look_up


def once_each(authenticate: Authenticate[Caller]) -> Authenticate[Caller]:
    """Return an authenticator for one round: it looks each key or token up once, however many sockets it has opened."""
    known: dict[str | None, Caller | Refused] = {}

    async def answer(headers: Mapping[str, str]) -> Caller:
        key = headers.get("authorization")
        if key not in known:
            try:
                known[key] = await authenticate(headers)
            except Refused as refused:
                known[key] = refused
        found = known[key]
        if isinstance(found, Refused):
            raise found
        return found

    return answer
