"""What a resolver is given: the caller, the ledger, the feed, and loaders that live as long as the operation."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import models
from api.access import Caller, DeprecatedUses, Language, Rates
from api.access.tokens import Signer
from api.events.feed import Feed
from api.ledger import Ledger, Partnership

Row = TypeVar("Row")


def loader(question: Callable[[list[UUID]], Awaitable[Mapping[UUID, Row]]]) -> "DataLoader[UUID, Row | None]":
    """Return a loader that asks a named question once for all ids of a moment."""

    async def load(ids: list[UUID]) -> list[Row | None]:
        rows = await question(ids)
        return [rows.get(one) for one in ids]

    return DataLoader(load_fn=load)


class Loaders:
    """Rows by id, each asked for once in an operation."""

    def __init__(self, caller: Caller) -> None:
        environment = caller.environment
        self.partners = loader(models.Partner.by_ids)
        self.projects = loader(models.Project.by_ids)
        self.users = loader(models.User.by_ids)
        self.actions = loader(models.Action.by_ids)
        self.transfers = loader(models.Transfer.by_ids)
        self.reversals = loader(models.Transfer.reversals_of)
        self.sums = loader(models.Transfer.sums)
        self.events = loader(models.Event.by_transfers)
        self.accounts = loader(models.Account.by_ids)
        self.heads = loader(lambda ids: models.ProjectHead.of_projects(ids, environment))
        self.organisations = loader(models.ProjectOrganisation.by_projects)
        partner = caller.partner
        # Nobody without a key is shown a user, so nobody's links are asked for.
        self.links = loader(lambda ids: models.UserLink.by_users(partner.id if partner else models.NOBODY, ids))


@dataclass
class Context:
    """The surroundings of one operation."""

    caller: Caller
    request_id: str
    ledger: Ledger
    feed: Feed
    signer: Signer
    deprecated_uses: DeprecatedUses
    checkpoint_s: float
    rates: Rates
    _loaders: Loaders | None = field(default=None)

    @property
    def loaders(self) -> Loaders:
        """The operation's loaders, made when the first is needed."""
        if self._loaders is None:
            self._loaders = Loaders(self.caller)
        return self._loaders

    @property
    def language(self) -> Language:
        """The language in which the caller is spoken to."""
        return self.caller.language

    @property
    def partnership(self) -> Partnership:
        """On whose behalf the ledger is called; only behind a guard that lets nobody through without a key."""
        partnership = self.caller.partnership
        assert partnership is not None  # noqa: S101 - the guard has seen a key
        return partnership


Info: TypeAlias = strawberry.Info[Context, None]
