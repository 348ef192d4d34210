"""Tokens: short-lived, signed, and narrower than the key that they stand for.

A *user token* goes into a browser or a phone in place of the partner's key. It is bound to one user and to some scopes,
and it lives for an hour at most. An *access token* is what OAuth 2 client credentials give a partner's server: the
key's own rights for 15 minutes. Both are JWTs (RFC 7519) signed with HS256: we alone make them and we alone read them.

A token names the key that it was made with and ends with it: revoke the key and every token of it is void. Signing
secrets are renewed by themselves; `kid` says which one signed.
"""

import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from api.models import NOBODY, SigningKey, now

ALGORITHM = "HS256"
ISSUER = "lucid"
USER_TOKEN_LIFE_MAX = timedelta(hours=1)
ACCESS_TOKEN_LIFE = timedelta(minutes=15)
#: A signing secret is replaced when it is this old, and verifies until the last token of it has ended.
SECRET_AGE_MAX = timedelta(days=30)
#: How long a process may not know of a secret that another has just made.
REFRESH = timedelta(seconds=30)


class TokenInvalid(Exception):
    """The token is malformed, forged, expired, or signed with a secret that has ended."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a token says: in whose place, for which user, with which scopes, until when."""

    key_id: str
    scopes: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    token_id: UUID
    user_id: UUID | None = None


class Signer:
    """Signs and verifies with the secrets of the database, which it reads now and then."""

    def __init__(self) -> None:
        self._keys: list[SigningKey] = []
        self._read_at: datetime | None = None

    async def sign(self, grant: Grant) -> str:
        """Return the token of a grant: the same each time, so that a repeated call is answered with the same token."""
        key = await self._key_of(grant.issued_at)
        claims = {
            "iss": ISSUER,
            "jti": grant.token_id.hex,
            "iat": int(grant.issued_at.timestamp()),
            "exp": int(grant.expires_at.timestamp()),
            "key": grant.key_id,
            "scope": " ".join(grant.scopes),
            "sub": (grant.user_id or NOBODY).hex,
        }
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.kid})

    async def verify(self, token: str) -> Grant:
        """Return what a token says.

        Raises: TokenInvalid.
        """
        try:
            kid = str(jwt.get_unverified_header(token).get("kid"))
            key = await self._key_named(kid)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["exp", "iat", "jti", "sub"]},
            )
            user_id = UUID(hex=claims["sub"])
            return Grant(
                key_id=str(claims["key"]),
                scopes=tuple(str(claims["scope"]).split()),
                issued_at=datetime.fromtimestamp(claims["iat"], UTC),
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
                token_id=UUID(hex=claims["jti"]),
                user_id=None if user_id == NOBODY else user_id,
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise TokenInvalid from error

    async def _key_named(self, kid: str) -> SigningKey:
        for fresh in (False, True):  # another process may have made it just now
            for key in await self._unended(fresh=fresh):
                if key.kid == kid:
                    return key
        raise TokenInvalid

    async def _key_of(self, at: datetime) -> SigningKey:
        """Return the secret that signs what is issued at a moment, making one when the newest is too old."""
        for fresh in (False, True):
            for key in reversed(await self._unended(fresh=fresh)):
                if key.created_at <= at < key.created_at + SECRET_AGE_MAX:
                    return key
        key = await SigningKey.create(
            kid=b32encode(secrets.token_bytes(5)).decode().lower(),
            secret=secrets.token_hex(32),
            created_at=at,
            ends_at=at + SECRET_AGE_MAX + USER_TOKEN_LIFE_MAX,
        )
        self._keys.append(key)
        return key

    async def _unended(self, *, fresh: bool = False) -> list[SigningKey]:
        moment = now()
        if fresh or self._read_at is None or moment - self._read_at > REFRESH:
            self._keys, self._read_at = await SigningKey.unended(moment), moment
        return self._keys
