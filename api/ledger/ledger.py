"""The ledger as the resolvers see it: calls of a partner in, outcomes out.

Here a call is made into an order: its bounds are checked, the user is found, the clock is read. What the order then
does is in `actions`, `donations` and `users`; how it is written, in `transfers`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from api.ledger import trips
from api.ledger.actions import RecordAction, ReverseAction, calculate, during, frozen, rate
from api.ledger.calls import (
    Estimate,
    Partnership,
    Recording,
    Rules,
    UserBy,
    check_key,
    check_legs,
    check_text,
    fault_of,
)
from api.ledger.donations import AMOUNT_MAX_G, DonateEnergy, ReverseDonation
from api.ledger.errors import ActionNotFound, DonationNotFound, InvalidInput, LinkCodeInvalid, Refusal, UserNotFound
from api.ledger.once import OnceWriter
from api.ledger.orders import Order, Outcome
from api.ledger.reference import Catalogue
from api.ledger.transfers import Writer
from api.ledger.trips import Leg, Others
from api.ledger.users import IssueLinkCode, LinkUser, Name, Registry, UnlinkUser, is_code
from api.models import Action, Environment, LinkCode, Receipt, Transfer, TransferKind, UserLink, now
from api.models.loaders import loaders
from api.models.sandbox_clock import ahead


class Ledger:
    """Serves one process. `committed` is called when there is something new in the outbox."""

    def __init__(self, rules: Rules, *, lanes: int = 1, committed: Callable[[], None] = lambda: None) -> None:
        self.rules = rules
        self.catalogue = Catalogue()
        self.projects = OnceWriter()
        self._registry = Registry()
        self._writer = Writer(lanes=lanes, committed=committed)

    async def close(self) -> None:
        """Finish every write that was begun."""
        await self.projects.close()
        await self._registry.close()
        await self._writer.close()

    async def record(
        self, caller: Partnership, recordings: Sequence[Recording], at: datetime | None = None
    ) -> list[Outcome | Exception]:
        """Record actions; one outcome for each, in order, and none can stop another.

        A user named by a new external reference is registered. Outcomes that are exceptions are unexpected errors.
        """
        await self.catalogue.refresh()
        arrived = at or await self.moment(caller)
        answers: list[Outcome | Exception | None] = [fault_of(recording) for recording in recordings]
        sound = [index for index, fault in enumerate(answers) if fault is None]
        users = await self._users(caller, [recordings[index].user for index in sound], arrived)
        places: list[int] = []
        orders: list[Order] = []
        for index, user in zip(sound, users, strict=True):
            if isinstance(user, Exception):
                answers[index] = user
            else:
                places.append(index)
                orders.append(self._recording(caller, recordings[index], user, arrived))
        refs = [recordings[index].external_ref for index in places if recordings[index].external_ref is not None]
        # Where a reference comes twice, the first action is to have it, whoever the users are.
        outcomes = await self._writer.post_together(orders, in_turn=len(set(refs)) < len(refs))
        for index, outcome in zip(places, outcomes, strict=True):
            answers[index] = outcome
        return [Outcome(refusal=one) if isinstance(one, Refusal) else one for one in answers if one is not None]

    def _recording(self, caller: Partnership, recording: Recording, user_id: UUID, at: datetime) -> RecordAction:
        return RecordAction(
            environment=caller.environment,
            partner_id=caller.partner_id,
            user_id=user_id,
            key=recording.key,
            at=at,
            is_linked=recording.user.id is None,
            legs=recording.legs,
            external_ref=recording.external_ref,
            methodology=recording.methodology or self.rules.methodology,
            catalogue=self.catalogue,
            zone=self.rules.zone,
        )

    async def _users(self, caller: Partnership, users: Sequence[UserBy], at: datetime) -> list[UUID | Exception]:
        """Return the users' ids, registering external references that are new; or what is wrong with a name.

        An id is returned as it is, where the caller may act for it: its order finds out whether it is linked.
        """
        ids: dict[UserBy, UUID | Exception] = {
            user: user.id if caller.reaches(user.id) else UserNotFound() for user in users if user.id is not None
        }
        named = [user for user in dict.fromkeys(users) if user.id is None]
        if named:
            links = await self._links(caller, named)
            new: list[UserBy] = []
            for user, link in links.items():
                if link is None and user.external_ref is not None and caller.user_id is None:
                    new.append(user)
                ids[user] = link if isinstance(link, Exception) else _linked(caller, link) or UserNotFound()
            names = [_name(caller, user.external_ref) for user in new if user.external_ref is not None]
            ids.update(zip(new, await self._registry.add(names, at), strict=True))
        return [ids[user] for user in users]

    async def _links(self, caller: Partnership, users: Sequence[UserBy]) -> "dict[UserBy, UserLink | Exception | None]":
        """Return the caller's links with users, or what is wrong with a name; together with what others look for."""
        links: dict[UserBy, UserLink | Exception | None] = {}
        pairs: dict[tuple[UUID, UUID], UserBy] = {}
        names: dict[Name, UserBy] = {}
        for user in users:
            if user.external_ref is not None:
                try:
                    check_text(user.external_ref, ("user", "externalRef"))
                except Refusal as refusal:
                    links[user] = refusal
                else:
                    names[_name(caller, user.external_ref)] = user
            elif user.id is not None:
                pairs[caller.partner_id, user.id] = user
            else:
                links[user] = UserNotFound()
        if pairs:
            found = await self._registry.find_by_ids(pairs)
            links.update((user, found[pair]) for pair, user in pairs.items())
        if names:
            named = await self._registry.find(names)
            links.update((user, named[name]) for name, user in names.items())
        return links

    async def estimate(
        self, caller: Partnership | None, legs: Sequence[Leg], user: UserBy | None, methodology: str | None
    ) -> Estimate:
        """Return what an action would give if it were recorded now; with a user, after what the day has used already.

        Raises: Refusal.
        """
        await self.catalogue.refresh()
        check_legs(legs, methodology)
        rated = rate(legs, methodology or self.rules.methodology, self.catalogue)
        trips.check_reporting_time(legs, [tariff.kind for tariff in rated], await self.moment(caller))
        others = Others()
        if user is not None:
            if caller is None:
                raise UserNotFound
            user_id = await self.find(caller, user)
            for action in await Action.standing([(user_id, *during(legs, self.rules.zone))]):
                others.add(action)
        lines, _ = calculate(legs, rated, others, self.rules.zone)
        return Estimate(
            calculation=orjson.loads(frozen(legs, rated, lines)),
            reduction_g=sum(line.reduction_g for line in lines),
            credited_g=sum(line.credited_g for line in lines),
        )

    async def reverse_action(
        self, caller: Partnership, action_id: UUID, key: str, at: datetime | None = None
    ) -> Outcome:
        """Reverse an action of the caller's own.

        Raises: ActionNotFound, InvalidInput; every other refusal is in the outcome.
        """
        check_key(key)
        action = (await Action.by_ids([action_id])).get(action_id)
        if action is None or not caller.owns(action):
            raise ActionNotFound
        return await self._writer.post(
            ReverseAction(**_common(caller, action.user_id, key, at or await self.moment(caller)), action_id=action_id)
        )

    async def donate(
        self,
        caller: Partnership,
        user: UserBy,
        project_id: UUID,
        amount_g: int | None,
        key: str,
        at: datetime | None = None,
    ) -> Outcome:
        """Donate energy, all that is available when `amount_g` is None.

        Raises: UserNotFound, InvalidInput; every other refusal is in the outcome.
        """
        check_key(key)
        if amount_g is not None and not 1 <= amount_g <= AMOUNT_MAX_G:
            raise InvalidInput(
                path=("amount",), reason="An amount is between 1 and {most:,} grams.", case={"most": AMOUNT_MAX_G}
            )
        user_id = user.id
        if user_id is None:
            user_id = await self.find(caller, user)
        elif not caller.reaches(user_id):
            raise UserNotFound
        outcome = await self._writer.post(
            DonateEnergy(
                environment=caller.environment,
                partner_id=caller.partner_id,
                user_id=user_id,
                key=key,
                at=at or await self.moment(caller),
                is_linked=user.id is None,
                project_id=project_id,
                amount_g=amount_g,
            )
        )
        if isinstance(outcome.refusal, UserNotFound):
            raise outcome.refusal
        return outcome

    async def reverse_donation(
        self, caller: Partnership, donation_id: UUID, key: str, at: datetime | None = None
    ) -> Outcome:
        """Reverse a donation of the caller's own.

        Raises: DonationNotFound, InvalidInput; every other refusal is in the outcome.
        """
        check_key(key)
        donation = (await Transfer.by_ids([donation_id])).get(donation_id)
        if donation is None or donation.kind is not TransferKind.DONATE or not caller.owns(donation):
            raise DonationNotFound
        common = _common(caller, donation.user_id, key, at or await self.moment(caller))
        return await self._writer.post(
            ReverseDonation(**common, donation_id=donation_id, window=self.rules.reversal_window)
        )

    async def issue_link_code(self, caller: Partnership, user: UserBy, key: str) -> Outcome:
        """Issue a code with which another partner can link the user.

        Raises: UserNotFound, InvalidInput.
        """
        check_key(key)
        return await self._writer.post(
            IssueLinkCode(**_common(caller, await self.find(caller, user), key, await self.moment(caller)))
        )

    async def link_user(self, caller: Partnership, code: str, external_ref: str, key: str) -> Outcome:
        """Redeem a link code under the caller's own reference.

        Raises: LinkCodeInvalid where no user can be told from the code, InvalidInput.
        """
        check_key(key)
        check_text(external_ref, ("externalRef",))
        typed = code.strip().upper()
        issued = (await LinkCode.by_codes(caller.environment, [typed])).get(typed) if is_code(typed) else None
        if issued is None:
            raise LinkCodeInvalid
        common = _common(caller, issued.user_id, key, await self.moment(caller))
        return await self._writer.post(LinkUser(**common, code=typed, external_ref=external_ref))

    async def unlink_user(self, caller: Partnership, user: UserBy, key: str) -> Outcome:
        """Forget the user on the caller's side.

        Raises: UserNotFound, InvalidInput; every other refusal is in the outcome.
        """
        check_key(key)
        user_id = await self.find(caller, user, unlinked_by=key)
        return await self._writer.post(UnlinkUser(**_common(caller, user_id, key, await self.moment(caller))))

    async def moment(self, caller: Partnership | None) -> datetime:
        """Return the present moment for a caller: in the sandbox, as far ahead as the partner has advanced it."""
        if caller is None or caller.environment is Environment.LIVE:
            return now()
        return now() + ahead(await loaders().clocks.load(caller.partner_id))

    async def post(self, order: Order) -> Outcome:
        """Post an order of another part of the house, by the same rules: once, with a receipt."""
        check_key(order.key)
        return await self._writer.post(order)

    async def register(self, caller: Partnership, user: UserBy, at: datetime | None = None) -> UUID:
        """Return the id of a user that the caller names, registering an external reference that is new.

        Raises: UserNotFound for an id that is not linked, InvalidInput.
        """
        if user.id is not None:
            return await self.find(caller, user)
        (found,) = await self._users(caller, [user], at or await self.moment(caller))
        if isinstance(found, Exception):
            raise found
        return found

    async def find(self, caller: Partnership, user: UserBy, unlinked_by: str | None = None) -> UUID:
        """Return the id of a user that the caller is linked with.

        `unlinked_by`: or was, until the call with this idempotency key ended it, so that it can be repeated.

        Raises: UserNotFound, InvalidInput.
        """
        link = (await self._links(caller, [user]))[user]
        if isinstance(link, Exception):
            raise link
        found = _linked(caller, link)
        if found is not None:
            return found
        if unlinked_by is not None and user.id is not None:
            slot = (user.id, caller.partner_id, unlinked_by)
            if slot in await Receipt.of_keys([slot]):
                return user.id
        raise UserNotFound

    async def donation_of_key(self, caller: Partnership, user: UserBy, key: str) -> Transfer | None:
        """Return the donation that a call with this key made: the answer to whether the call landed.

        Raises: UserNotFound, InvalidInput.
        """
        check_key(key)
        slot = (await self.find(caller, user), caller.partner_id, key)
        receipt = (await Receipt.of_keys([slot])).get(slot)
        if receipt is None or receipt.result_id is None or receipt.operation != DonateEnergy.operation:
            return None
        donation = (await Transfer.by_ids([receipt.result_id])).get(receipt.result_id)
        return donation if donation is not None and donation.kind is TransferKind.DONATE else None


def _name(caller: Partnership, external_ref: str) -> Name:
    return Name(caller.partner_id, caller.environment, external_ref)


def _linked(caller: Partnership, link: UserLink | None) -> UUID | None:
    """Return the user of a link, where the caller may act for the user."""
    if link is None or link.environment is not caller.environment or not caller.reaches(link.user_id):
        return None
    return link.user_id


def _common(caller: Partnership, user_id: UUID, key: str, at: datetime) -> dict[str, Any]:
    return {
        "environment": caller.environment,
        "partner_id": caller.partner_id,
        "user_id": user_id,
        "key": key,
        "at": at,
    }
