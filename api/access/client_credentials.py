"""OAuth 2 client credentials (RFC 6749, section 4.4): a partner's server trades its key for a 15-minute token.

The client id is the key up to its second underscore (`lk_<id>`), the client secret is the rest; the whole key as the
secret does as well. So any OAuth client library can talk to Lucid, and a key travels four times an hour and not with
every call.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from api.access.keys import PREFIX, Unauthenticated, caller_with
from api.access.tokens import ACCESS_TOKEN_LIFE, Grant, Signer
from api.models import new_id, now

GRANT_TYPE = "client_credentials"


@dataclass(frozen=True)
class OAuthError(Exception):
    """The exchange is refused, in the words of RFC 6749, section 5.2."""

    error: str
    description: str
    status: int = 400


@dataclass(frozen=True)
class AccessToken:
    """What a client is given."""

    text: str
    scopes: tuple[str, ...]
    life_s: int


async def exchange(signer: Signer, form: Mapping[str, str], authorization: str | None) -> AccessToken:
    """Return a token for the credentials of a form or of a Basic `Authorization` header.

    Raises: OAuthError.
    """
    if form.get("grant_type") != GRANT_TYPE:
        raise OAuthError("unsupported_grant_type", f"Send grant_type={GRANT_TYPE}.")
    client_id, client_secret = _credentials(form, authorization)
    whole = client_secret if client_secret.startswith(f"{PREFIX}_") else f"{client_id}_{client_secret}"
    try:
        caller = await caller_with(whole)
    except Unauthenticated:
        raise OAuthError("invalid_client", "The client is unknown, or its secret is wrong.", 401) from None
    if not whole.startswith(f"{client_id}_"):
        raise OAuthError("invalid_client", "The secret is another client's.", 401)
    wanted = set(form.get("scope", "").split()) or {scope.value for scope in caller.scopes}
    if refused := sorted(wanted - {scope.value for scope in caller.scopes}):
        raise OAuthError("invalid_scope", f"The key does not have the scope {refused[0][:64]}.")
    assert caller.key_id is not None  # noqa: S101 - it is a key's caller
    issued_at = now()
    grant = Grant(
        key_id=caller.key_id,
        scopes=tuple(sorted(wanted)),
        issued_at=issued_at,
        expires_at=issued_at + ACCESS_TOKEN_LIFE,
        token_id=new_id(),
    )
    return AccessToken(await signer.sign(grant), grant.scopes, int(ACCESS_TOKEN_LIFE.total_seconds()))


def _credentials(form: Mapping[str, str], authorization: str | None) -> tuple[str, str]:
    if authorization is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
    except (NotBase64, ValueError):
        text = ""
    client_id, _, client_secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(client_secret)
