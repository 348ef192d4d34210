"""User tokens: what a front-end carries in place of its partner's key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from typing_extensions import override

from api.access.keys import Caller
from api.access.scopes import Scope
from api.access.tokens import USER_TOKEN_LIFE_MAX, Grant, Signer
from api.ledger import Ledger, Outcome, UserBy
from api.ledger.errors import InvalidInput, ScopeNotGranted
from api.ledger.orders import Book, Decided, Order
from api.models import new_id, now
from api.models.statements import Transaction

#: What a person may do with the own energy; linking partners and following projects is for servers.
USER_SCOPES = frozenset(
    {Scope.ACTIONS_READ, Scope.ACTIONS_WRITE, Scope.DONATIONS_READ, Scope.DONATIONS_WRITE, Scope.USERS_READ}
)
LIFE_MIN = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class UserToken:
    """A token, what it opens, and until when."""

    text: str
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(kw_only=True, eq=False)
class CreateUserToken(Order):
    """Make a token. The token itself is not stored: it follows from the receipt, and so a repetition makes it again."""

    operation: ClassVar[str] = "createUserToken"
    alone: ClassVar[bool] = True

    key_id: str
    scopes: tuple[str, ...]
    life_s: int

    @override
    def asked(self) -> dict[str, Any]:
        return {"key_id": self.key_id, "scopes": list(self.scopes), "life_s": self.life_s}

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        """Nothing is needed: whether the user is the caller's was found out before."""

    @override
    def decide(self, book: Book) -> Decided:
        return new_id(self.at), None


async def create_user_token(
    ledger: Ledger, signer: Signer, caller: Caller, user: UserBy, scopes: Sequence[str], life_s: int, key: str
) -> tuple[Outcome, UserToken | None]:
    """Make a token for one user of the caller, with some of the caller's scopes, for at most an hour.

    Raises: UserNotFound, InvalidInput, ScopeNotGranted.
    """
    partnership = caller.partnership
    assert partnership is not None and caller.key_id is not None  # noqa: S101, PT018 - the guard has seen a key
    longest = int(USER_TOKEN_LIFE_MAX.total_seconds())
    if not LIFE_MIN.total_seconds() <= life_s <= longest:
        raise InvalidInput(path=("ttlS",), reason="A token lives from 60 to {most:,} seconds.", case={"most": longest})
    if not scopes:
        raise InvalidInput(path=("scopes",), reason="Name at least one scope.")
    allowed = caller.scopes & USER_SCOPES
    if refused := sorted(set(scopes) - allowed):
        raise ScopeNotGranted(scope=refused[0][:64])
    wanted = tuple(sorted(set(scopes)))
    outcome = await ledger.post(
        CreateUserToken(
            environment=partnership.environment,
            partner_id=partnership.partner_id,
            user_id=await ledger.find(partnership, user),
            key=key,
            at=now(),
            key_id=caller.key_id,
            scopes=wanted,
            life_s=life_s,
        )
    )
    if outcome.result_id is None or outcome.decided_at is None:
        return outcome, None
    grant = Grant(
        key_id=caller.key_id,
        scopes=wanted,
        issued_at=outcome.decided_at,
        expires_at=outcome.decided_at + timedelta(seconds=life_s),
        token_id=outcome.result_id,
        user_id=outcome.user_id,
    )
    return outcome, UserToken(text=await signer.sign(grant), scopes=wanted, expires_at=grant.expires_at)
