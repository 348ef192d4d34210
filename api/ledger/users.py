"""Users: made when a partner first names them, carried from one partner to another by a one-time code."""

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID

from tortoise.exceptions import IntegrityError
from typing_extensions import override

from api.batching import Batcher, Loader
from api.ledger.errors import AlreadyLinked, ExternalRefLinked, LastLink, LinkCodeInvalid, UserNotFound
from api.ledger.orders import Book, Decided, Order
from api.models import Account, Environment, LinkCode, User, UserLink, new_id
from api.models.changes import added, delete, update
from api.models.statements import Transaction, kept

#: Long enough to carry a code from one app to another by hand, short enough to be of no use to a finder.
LINK_CODE_LIFE = timedelta(minutes=15)
# Crockford's alphabet without letters that are mistaken for digits; 10 of them are 50 bits.
LINK_CODE_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LINK_CODE_LENGTH = 10
REGISTER_BATCH_MAX = 1_000
FIND_BATCH_MAX = 1_000
REDEEM = update(LinkCode, "redeemed_at", "redeemed_by")
UNLINK = delete(UserLink)


class Name(NamedTuple):
    """A partner's own id of a user."""

    partner_id: UUID
    environment: Environment
    external_ref: str


class NewName(NamedTuple):
    """A name that is to be somebody's from now on."""

    name: Name
    at: datetime


class Registry:
    """Finds users by their partners' names for them, and makes those that are new.

    What many requests look for at a time is looked for together. Nothing is remembered: a link may end at any time.
    """

    def __init__(self) -> None:
        self._by_ref: Loader[Name, UserLink] = Loader(UserLink.by_names, size=FIND_BATCH_MAX)
        self._by_id: Loader[tuple[UUID, UUID], UserLink] = Loader(UserLink.by_pairs, size=FIND_BATCH_MAX)
        # One lane: the same new name twice at once is one batch, or one after the other.
        self._new: Batcher[NewName, UUID] = Batcher(self._register, size=REGISTER_BATCH_MAX)

    def find(self, names: Collection[Name]) -> "asyncio.Future[dict[Name, UserLink | Exception | None]]":
        """Return partners' links with the users of these names, or what went wrong with one.

        The rows hold no more than user and environment.
        """
        return self._by_ref.load_each(names)

    def find_by_ids(
        self, pairs: Collection[tuple[UUID, UUID]]
    ) -> "asyncio.Future[dict[tuple[UUID, UUID], UserLink | Exception | None]]":
        """Return the links of these partners with these users, likewise."""
        return self._by_id.load_each(pairs)

    def add(self, names: Sequence[Name], at: datetime) -> "asyncio.Future[list[UUID | Exception]]":
        """Return the ids of the users of these names, making user, account and link where the name is still new."""
        return self._new.submit_many([NewName(name, at) for name in names])

    async def close(self) -> None:
        """Finish what was submitted."""
        await self._by_ref.close()
        await self._by_id.close()
        await self._new.close()

    async def _register(self, names: list[NewName]) -> list[UUID | Exception]:
        try:
            known = await self._register_missing(names)
        except IntegrityError:  # another process registered one of them just now; it is there to be read
            known = await self._register_missing(names)
        return [known[one.name] for one in names]

    async def _register_missing(self, names: Sequence[NewName]) -> dict[Name, UUID]:
        async with kept().transaction() as transaction:
            links = await UserLink.by_names(list({one.name for one in names}), transaction)
            known = {name: link.user_id for name, link in links.items()}
            missing = {one.name: one.at for one in names if one.name not in known}
            users = {name: _user(name, at) for name, at in missing.items()}
            accounts = [Account(user_id=user.id, environment=user.environment) for user in users.values()]
            new_links = [_link(user.id, name, user.created_at) for name, user in users.items()]
            await transaction.change(*added([*users.values(), *accounts, *new_links]))
        return known | {name: user.id for name, user in users.items()}


def is_code(text: str) -> bool:
    """Whether a text can be a link code."""
    return len(text) == LINK_CODE_LENGTH and set(text) <= set(LINK_CODE_DIGITS)


def _user(name: Name, at: datetime) -> User:
    return User(id=new_id(at), environment=name.environment, salt=secrets.token_hex(16), created_at=at)


def _link(user_id: UUID, name: Name, at: datetime) -> UserLink:
    return UserLink(
        id=new_id(at),
        environment=name.environment,
        partner_id=name.partner_id,
        user_id=user_id,
        external_ref=name.external_ref,
        created_at=at,
    )


class _LinkOrder(Order):
    """An order about who knows the user; it reads the user's links."""

    alone: ClassVar[bool] = True

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        for order in orders:
            books[order.user_id].links = await UserLink.of_users([order.user_id])

    def own_link(self, book: Book) -> UserLink | None:
        """Return the calling partner's link with the user."""
        return next((link for link in book.links if link.partner_id == self.partner_id), None)


@dataclass(kw_only=True, eq=False)
class IssueLinkCode(_LinkOrder):
    """Issue a code with which another partner can link the user."""

    operation: ClassVar[str] = "issueLinkCode"

    @override
    def asked(self) -> dict[str, Any]:
        return {}

    @override
    def decide(self, book: Book) -> Decided:
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
        book.written.models.append(code)
        return code.id, None


@dataclass(kw_only=True, eq=False)
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
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        await super().prepare(orders, books, transaction)
        for order in orders:
            book = books[order.user_id]
            book.codes = await LinkCode.by_codes(order.environment, [order.code])
            named = await UserLink.by_refs(order.partner_id, order.environment, [order.external_ref])
            book.links = [*book.links, *(link for link in named.values() if link.user_id != order.user_id)]

    @override
    def decide(self, book: Book) -> Decided:
        code = book.codes.get(self.code) if book.codes else None
        if code is None or not code.is_open(self.at):
            raise LinkCodeInvalid
        own = next((link for link in book.links if self._is_own(link) and link.user_id == self.user_id), None)
        if own is not None:
            raise AlreadyLinked(path=("code",), external_ref=own.external_ref)
        if any(self._is_own(link) and link.external_ref == self.external_ref for link in book.links):
            raise ExternalRefLinked(external_ref=self.external_ref)
        name = Name(self.partner_id, self.environment, self.external_ref)
        book.written.others.append((REDEEM, (self.at, self.partner_id, code.id)))
        book.written.models.append(_link(self.user_id, name, self.at))
        return self.user_id, None

    def _is_own(self, link: UserLink) -> bool:
        return link.partner_id == self.partner_id


@dataclass(kw_only=True, eq=False)
class UnlinkUser(_LinkOrder):
    """Forget the user on this partner's side; the user and the energy stay with the other partners."""

    operation: ClassVar[str] = "unlinkUser"

    @override
    def asked(self) -> dict[str, Any]:
        return {}

    @override
    def decide(self, book: Book) -> Decided:
        own = self.own_link(book)
        if own is None:
            raise UserNotFound
        if len(book.links) == 1:
            raise LastLink
        book.written.others.append((UNLINK, (own.id,)))
        return self.user_id, None
