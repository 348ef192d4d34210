"""Following grams: which trips paid for a donation, and what became of a trip's grams.

Everything is read from positions (see `positions` and `models/transfer`). A reversed donation puts its grams back at
the end of the queue, in the same order, as a new credit; so the k-th gram of that credit is the k-th gram that the
donation took, and a search that meets such a credit goes on at the donation's own grams.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api.ledger.positions import Range, overlap, part, taken, without
from api.models import Account, Action, Gap, Transfer, TransferKind


@dataclass(frozen=True)
class Origin:
    """Grams at these positions were earned by this action."""

    where: Range
    action_id: UUID


@dataclass(frozen=True)
class Use:
    """So many grams went into this donation; `returned` when the donation was reversed and they came back."""

    donation_id: UUID
    amount_g: int
    returned: bool


async def origins(user_id: UUID, ranges: Sequence[Range], gaps: Sequence[Range]) -> list[Origin]:
    """Return which actions earned the grams at these positions, in order."""
    found: list[Origin] = []
    for wanted in ranges:
        for credit in await Transfer.credits_between(user_id, wanted.starts, wanted.ends):
            where = overlap(wanted, Range(credit.credit_starts, credit.credited_after))
            if where is None:
                continue
            if credit.kind is TransferKind.EARN:
                assert credit.action_id is not None  # noqa: S101 - an EARN without its action is our mistake
                found.append(Origin(where, credit.action_id))
            else:
                found += await _origins_of_returned(credit, where, gaps)
    return found


async def _origins_of_returned(credit: Transfer, where: Range, gaps: Sequence[Range]) -> list[Origin]:
    """Return the origins of grams that a reversed donation put back, at the positions where they stand now."""
    assert credit.reverses is not None  # noqa: S101 - a reversal reverses something, or it is our mistake
    donation = (await Transfer.by_ids([credit.reverses]))[credit.reverses]
    first_taken = part(
        taken(donation.debited_after, donation.amount_g, gaps), where.starts - credit.credit_starts, where.grams
    )
    found: list[Origin] = []
    position = where.starts
    for origin in await origins(credit.user_id, first_taken, gaps):
        found.append(Origin(Range(position, position + origin.where.grams), origin.action_id))
        position += origin.where.grams
    return found


async def gaps_of(user_id: UUID) -> list[Range]:
    """Return the gaps in a user's queue."""
    return [Range(gap.starts, gap.ends) for gap in await Gap.of_users([user_id])]


async def funded_by(donation: Transfer) -> list[tuple[UUID, int]]:
    """Return the actions that paid for a donation, each with its grams; together they are its amount."""
    gaps = await gaps_of(donation.user_id)
    grams: dict[UUID, int] = {}
    for origin in await origins(donation.user_id, taken(donation.debited_after, donation.amount_g, gaps), gaps):
        grams[origin.action_id] = grams.get(origin.action_id, 0) + origin.where.grams
    return list(grams.items())


async def spent_on(action: Action) -> list[Use]:
    """Return the donations that an action's grams went into, in the order in which they did."""
    earn = await Transfer.of_action(action.user_id, action.id, TransferKind.EARN)
    if earn is None:
        return []
    gaps = await gaps_of(action.user_id)
    return await _uses(action.user_id, Range(earn.credit_starts, earn.credited_after), gaps)


async def _uses(user_id: UUID, whole: Range, gaps: Sequence[Range]) -> list[Use]:
    donations = await Transfer.debits_between(user_id, whole.starts, whole.ends)
    reversals = await Transfer.reversals_of([donation.id for donation in donations])
    uses: list[Use] = []
    for donation in donations:
        reversal, offset = reversals.get(donation.id), 0
        for piece in taken(donation.debited_after, donation.amount_g, gaps):
            here = overlap(piece, whole)
            if here is not None:
                uses.append(Use(donation.id, here.grams, returned=reversal is not None))
                if reversal is not None:
                    starts = reversal.credit_starts + offset + here.starts - piece.starts
                    uses += await _uses(user_id, Range(starts, starts + here.grams), gaps)
            offset += piece.grams
    return uses


async def unspent_of(account: Account, earn: Transfer, gaps: Sequence[Range]) -> list[Range]:
    """Return where an action's unspent grams stand: at their own positions, and where reversed donations put them."""
    ahead = Range(account.debited, account.credited)
    own = overlap(Range(earn.credit_starts, earn.credited_after), ahead)
    unspent = without(own, gaps) if own else []
    for credit in await Transfer.credits_between(account.user_id, ahead.starts, ahead.ends):
        where = overlap(Range(credit.credit_starts, credit.credited_after), ahead)
        if credit.kind is not TransferKind.REVERSE_DONATE or where is None:
            continue
        for left in without(where, gaps):
            returned = await _origins_of_returned(credit, left, gaps)
            unspent += [origin.where for origin in returned if origin.action_id == earn.action_id]
    return sorted(unspent)
