"""Users: made when a partner first names them, carried from one partner to another by a one-time code."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID

from tortoise.exceptions import IntegrityError
from typing_extensions import override

from api.batching import Batcher
from api.ledger.errors import AlreadyLinked, ExternalRefLinked, LastLink, LinkCodeInvalid, UserNotFound
from api.ledger.orders import Book, Order
from api.models import Account, Environment, LinkCode, User, UserLink, new_id
from api.models.database import transaction

#: Long enough to carry a code from one app to another by hand, short enough to be of no use to a finder.
LINK_CODE_LIFE = timedelta(minutes=15)
# Crockford's alphabet without letters that are mistaken for digits; 10 of them are 50 bits.
LINK_CODE_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LINK_CODE_LENGTH = 10
REGISTER_BATCH_MAX = 500


class Name(NamedTuple):
    """A partner's own id of a user."""

    partner_id: UUID
    environment: Environment
    external_ref: str
    at: datetime


class Registry:
    """Finds users by their partners' names for them, and makes those that are new."""

    def __init__(self) -> None:
        # One lane: the same new name twice at once is one batch, or one after the other.
        self._batcher: Batcher[Name, UUID] = Batcher(self._register, size=REGISTER_BATCH_MAX)

    async def register(self, name: Name) -> UUID:
        """Return the id of the user of this name, making user, account and link when the name is new."""
        return await self._batcher.submit(name)

    async def close(self) -> None:
        """Finish what was submitted."""
        await self._batcher.close()

    async def _register(self, names: list[Name]) -> list[UUID | Exception]:
        try:
            known = await self._register_missing(names)
        except IntegrityError:  # another process registered one of them just now; it is there to be read
            known = await self._register_missing(names)
        return [known[name[:3]] for name in names]

    async def _register_missing(self, names: Sequence[Name]) -> dict[tuple[UUID, Environment, str], UUID]:
        known: dict[tuple[UUID, Environment, str], UUID] = {}
        async with transaction():
            for partner_id, environment in {name[:2] for name in names}:
                refs = {name.external_ref for name in names if name[:2] == (partner_id, environment)}
                for ref, link in (await UserLink.by_refs(partner_id, environment, refs)).items():
                    known[partner_id, environment, ref] = link.user_id
            missing = {name[:3]: name for name in names if name[:3] not in known}
            users = {slot: _user(name) for slot, name in missing.items()}
            await User.bulk_create(users.values())
            await Account.bulk_create(Account(user_id=user.id, environment=user.environment) for user in users.values())
            await UserLink.bulk_create(
                _link(user.id, slot[0], slot[1], slot[2], user.created_at) for slot, user in users.items()
            )
        return known | {slot: user.id for slot, user in users.items()}


def is_code(text: str) -> bool:
    """Whether a text can be a link code."""
    return len(text) == LINK_CODE_LENGTH and set(text) <= set(LINK_CODE_DIGITS)


def _user(name: Name) -> User:
    return User(id=new_id(name.at), environment=name.environment, salt=secrets.token_hex(16), created_at=name.at)


def _link(user_id: UUID, partner_id: UUID, environment: Environment, external_ref: str, at: datetime) -> UserLink:
    return UserLink(
        id=new_id(at),
        environment=environment,
        partner_id=partner_id,
        user_id=user_id,
        external_ref=external_ref,
        created_at=at,
    )


class _LinkOrder(Order):
    """An order about who knows the user; it reads the user's links."""

    alone: ClassVar[bool] = True

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book]) -> None:
        for order in orders:
            books[order.user_id].links = await UserLink.of_users([order.user_id])

    def own_link(self, book: Book) -> UserLink | None:
        """Return the calling partner's link with the user."""
        return next((link for link in book.links if link.partner_id == self.partner_id), None)


@dataclass(frozen=True, kw_only=True)
class IssueLinkCode(_LinkOrder):
    """Issue a code with which another partner can link the user."""

    operation: ClassVar[str] = "issueLinkCode"

    @override
    def asked(self) -> dict[str, Any]:
        return {}

    @override
    def decide(self, book: Book) -> UUID:
        if self.own_link(book) is None:
            raise UserNotFound
        code = LinkCode(
            id=new_id(self.at),
            code="".join(secrets.choice(LINK_CODE_DIGITS) for _ in range(LINK_CODE_LENGTH)),
            environment=self.environment,
            user_id=self.user_id,
            issued_by=self.partner_id,
            created_at=self.at,
            expires_at=self.at + LINK_CODE_LIFE,
        )
        book.written.others.append(code)
        return code.id


@dataclass(frozen=True, kw_only=True)
class LinkUser(_LinkOrder):
    """Redeem a code: from now on this partner knows the user, by a name of its own."""

    operation: ClassVar[str] = "linkUser"

    code: str
    external_ref: str

    @override
    def asked(self) -> dict[str, Any]:
        return {"code": self.code, "external_ref": self.external_ref}

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book]) -> None:
        await super().prepare(orders, books)
        for order in orders:
            book = books[order.user_id]
            book.codes = await LinkCode.by_codes(order.environment, [order.code])
            named = await UserLink.by_refs(order.partner_id, order.environment, [order.external_ref])
            book.links += [link for link in named.values() if link.user_id != order.user_id]

    @override
    def decide(self, book: Book) -> UUID:
        code = book.codes.get(self.code)
        if code is None or not code.is_open(self.at):
            raise LinkCodeInvalid
        own = next((link for link in book.links if self._is_own(link) and link.user_id == self.user_id), None)
        if own is not None:
            raise AlreadyLinked(path=("code",), external_ref=own.external_ref)
        if any(self._is_own(link) and link.external_ref == self.external_ref for link in book.links):
            raise ExternalRefLinked(external_ref=self.external_ref)
        code.redeemed_at, code.redeemed_by = self.at, self.partner_id
        book.written.changed.append((code, ("redeemed_at", "redeemed_by")))
        book.written.others.append(_link(self.user_id, self.partner_id, self.environment, self.external_ref, self.at))
        return self.user_id

    def _is_own(self, link: UserLink) -> bool:
        return link.partner_id == self.partner_id


@dataclass(frozen=True, kw_only=True)
class UnlinkUser(_LinkOrder):
    """Forget the user on this partner's side; the user and the energy stay with the other partners."""

    operation: ClassVar[str] = "unlinkUser"

    @override
    def asked(self) -> dict[str, Any]:
        return {}

    @override
    def decide(self, book: Book) -> UUID:
        own = self.own_link(book)
        if own is None:
            raise UserNotFound
        if len(book.links) == 1:
            raise LastLink
        book.written.removed.append(own)
        return self.user_id
