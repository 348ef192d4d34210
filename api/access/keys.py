"""API keys: made once, shown once, kept as a hash; and the caller for whom a key speaks.

The secret has 256 random bits, so a plain SHA-256 keeps it: there is nothing to guess that a slow hash would slow down.
"""

import secrets
from base64 import b32encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

from api.access.language import Language
from api.access.scopes import Scope, scopes_of_kinds
from api.ledger import Partnership
from api.models import (
    ApiKey,
    AuditEntry,
    AuditKind,
    Environment,
    Partner,
    PartnerKind,
    PartnerStatus,
    ProjectOrganisation,
    now,
)
from api.models.database import transaction
from api.models.loaders import loaders

PREFIX = "lk"
#: Who acts, in the audit log, when somebody with access to the machine does.
COMMAND_LINE = "command line"
# Compared against when there is no such key, so that an unknown id takes as long as a wrong secret.
NO_HASH = sha256(b"").hexdigest()


class Unauthenticated(Exception):
    """The key is malformed, unknown, wrong, expired or revoked, or its partner is suspended: nobody is told which."""


class ScopeNotAllowed(ValueError):
    """A key was asked for a scope that its partner's kinds do not allow."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who is calling, and what the caller may."""

    partner: Partner | None = None
    key_id: str | None = None
    environment: Environment = Environment.LIVE
    scopes: frozenset[Scope] = frozenset()
    #: The one user whom a user token is for.
    user_id: UUID | None = None
    expires_at: datetime | None = None
    #: When the token ends, if it is one.
    token_expires_at: datetime | None = None
    #: Where the call came from: the budget of callers without a key goes by it.
    address: str = ""
    language: Language = Language.EN

    @property
    def partnership(self) -> Partnership | None:
        """The caller as the ledger knows it; None for nobody."""
        if self.partner is None:
            return None
        return Partnership(partner_id=self.partner.id, environment=self.environment, user_id=self.user_id)

    @property
    def is_operator(self) -> bool:
        """Whether the caller sees what belongs to every partner."""
        return Scope.ADMIN in self.scopes

    @property
    def owner_id(self) -> UUID | None:
        """Whose rows the caller sees: its own; None means everybody's and is for operators alone."""
        if self.is_operator:
            return None
        assert self.partner is not None  # noqa: S101 - the guard lets nobody without a key ask this
        return self.partner.id

    def sees(self, user_id: UUID) -> bool:
        """Whether what belongs to a user can be the caller's to see: to a user token, its own user's only."""
        return self.user_id in {None, user_id}

    def calling(self, address: str, language: Language) -> "Caller":
        """Return the same caller, who calls from an address and is spoken to in a language."""
        # Each request does this. `replace` sets field by field, past the guard of a frozen class.
        caller = object.__new__(Caller)
        caller.__dict__.update(self.__dict__, address=address, language=language)
        return caller

    async def projects(self) -> set[UUID]:
        """Return the projects in which the caller takes part, if it takes part as an NGO or a sponsor."""
        if (
            self.partner is None
            or self.user_id is not None
            or not {PartnerKind.NGO, PartnerKind.SPONSOR} & set(self.partner.kinds)
        ):
            return set()
        return await ProjectOrganisation.projects_of(self.partner.id)


NOBODY = Caller()


async def issue_key(
    partner: Partner,
    environment: Environment = Environment.LIVE,
    scopes: Collection[Scope] | None = None,
    *,
    label: str = "",
    expires_at: datetime | None = None,
    actor: str = COMMAND_LINE,
) -> str:
    """Make a key, with every scope that the partner may have where none are named, and return it: it is not kept.

    `actor` is who is told of in the audit log.

    Raises: ScopeNotAllowed.
    """
    allowed = scopes_of_kinds(partner.kinds)
    wanted = allowed if scopes is None else frozenset(scopes)
    if not wanted <= allowed:
        raise ScopeNotAllowed(f"{partner.slug} may not have {', '.join(sorted(wanted - allowed))}")
    key_id = b32encode(secrets.token_bytes(10)).decode().lower()
    secret = secrets.token_urlsafe(32)
    async with transaction():
        await ApiKey.create(
            id=key_id,
            partner=partner,
            environment=environment,
            secret_hash=_hash(secret),
            scopes=sorted(wanted),
            label=label,
            created_at=now(),
            expires_at=expires_at,
        )
        await AuditEntry.note(
            AuditKind.KEY_ISSUED,
            actor,
            partner_id=partner.id,
            key=key_id,
            environment=environment,
            scopes=sorted(wanted),
            expires_at=expires_at.isoformat() if expires_at else None,
        )
    return f"{PREFIX}_{key_id}_{secret}"


async def rotate_keys(
    partner: Partner, environment: Environment, *, retire_at: datetime, actor: str = COMMAND_LINE
) -> str:
    """Make a new key of the same scopes and let the partner's older ones of that world end at `retire_at`."""
    live = [
        key for key in await ApiKey.of_partner(partner.id) if key.environment is environment and key.is_valid(now())
    ]
    # Of what they opened, what the partner's kinds still allow; of no valid key at all, everything.
    scopes = scopes_of_kinds(partner.kinds) & {Scope(one) for key in live for one in key.scopes} if live else None
    async with transaction():
        for key in live:
            if key.expires_at is None or key.expires_at > retire_at:
                key.expires_at = retire_at
                await key.save(update_fields=["expires_at"])
                ends = retire_at.isoformat()
                await AuditEntry.note(AuditKind.KEY_RETIRED, actor, partner_id=partner.id, key=key.id, ends_at=ends)
        return await issue_key(partner, environment, scopes, label="rotated", actor=actor)


async def revoke_key(key_id: str, *, actor: str = COMMAND_LINE) -> bool:
    """End a key at once, and with it every token made with it; False when there is no such key, or it was revoked."""
    async with transaction():
        key = await ApiKey.with_partner(key_id)
        if key is None or key.revoked_at is not None:
            return False
        key.revoked_at = now()
        await key.save(update_fields=["revoked_at"])
        await AuditEntry.note(AuditKind.KEY_REVOKED, actor, partner_id=key.partner_id, key=key.id)
    return True


class Credentials:
    """A key as it was sent: what it says it is, and a digest of its secret."""

    __slots__ = ("_secret_hash", "key_id")

    def __init__(self, text: str) -> None:
        """Read a key, in its text `lk_<id>_<secret>`.

        Raises: Unauthenticated.
        """
        prefix, _, rest = text.strip().partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not (1 <= len(key_id) <= 16 and key_id.isalnum() and secret.isascii()):
            raise Unauthenticated
        self.key_id = key_id
        self._secret_hash = _hash(secret)

    def open(self, key: ApiKey | None) -> Caller:
        """Return the caller for whom the key of this id speaks.

        Raises: Unauthenticated.
        """
        is_right = compare_digest(self._secret_hash, key.secret_hash if key else NO_HASH)
        if key is None or not is_right:
            raise Unauthenticated
        return require_valid(key)


async def caller_with(text: str) -> Caller:
    """Return the caller who has a key.

    Raises: Unauthenticated.
    """
    credentials = Credentials(text)
    return credentials.open(await loaders().keys.load(credentials.key_id))


def require_valid(key: ApiKey | None) -> Caller:
    """Return the caller for whom a key speaks, if it opens anything now.

    Raises: Unauthenticated for no key, one that has ended, or one of a suspended partner.
    """
    if key is None or not key.is_valid(now()):
        raise Unauthenticated
    caller = caller_of(key)
    if caller.partner is None or caller.partner.status is not PartnerStatus.ACTIVE:
        raise Unauthenticated
    return caller


@lru_cache(1_000)
def caller_of(key: ApiKey) -> Caller:
    """Return the caller for whom a key speaks, with the scopes that its partner's kinds allow today.

    Remembered by all that the light row of the key says, so whatever changes about it makes another caller.
    """
    return Caller(
        partner=key.partner,
        key_id=key.id,
        environment=key.environment,
        scopes=frozenset(Scope(scope) for scope in key.scopes) & scopes_of_kinds(key.partner.kinds),
        expires_at=key.expires_at,
    )


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
