"""From the headers of a call to its caller: a key, a token made with one, or nobody."""

from collections.abc import Mapping
from dataclasses import replace

from api.access.keys import NOBODY, PREFIX, Caller, Credentials, Unauthenticated, caller_with, require_valid
from api.access.tokens import Signer, TokenInvalid
from api.models.loaders import loaders


class Authenticator:
    """Tells who is calling. One for each process: it keeps the secrets that tokens are verified with."""

    def __init__(self) -> None:
        self.signer = Signer()

    async def __call__(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller whom the headers name; nobody when they name none.

        Shape: `Authorization: Bearer lk_<id>_<secret>` or `Bearer <token>`, names of headers in lower case.

        Raises: Unauthenticated.
        """
        header = headers.get("authorization")
        if header is None:
            return NOBODY
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        text = text.strip()
        return await (caller_with(text) if text.startswith(f"{PREFIX}_") else self._token_caller(text))

    def credentials(self, headers: Mapping[str, str]) -> Credentials | None:
        """Return the key that the headers name, if it is one and can be right."""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        try:
            return Credentials(text) if scheme.lower() == "bearer" else None
        except Unauthenticated:
            return None

    async def _token_caller(self, token: str) -> Caller:
        """Return the caller of a token: never more than the token says, and never more than its key may today."""
        try:
            grant = await self.signer.verify(token)
        except TokenInvalid as error:
            raise Unauthenticated from error
        caller = require_valid(await loaders().keys.load(grant.key_id))
        return replace(
            caller,
            scopes=frozenset(scope for scope in caller.scopes if scope.value in grant.scopes),
            user_id=grant.user_id,
            expires_at=grant.expires_at,
            token_expires_at=grant.expires_at,
        )
