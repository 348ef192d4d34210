"""Following grams: which trips paid for a donation, and what became of a trip's grams.

Everything is read from positions (see `positions` and `models/transfer`). A reversed donation puts its grams back at
the end of the queue, in the same order, as a new credit; so the k-th gram of that credit is the k-th gram that the
donation took. A donation took only grams that stood there before it, so one pass over these credits, in order of
position, says of each gram where it was earned, however often it was given and returned.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from api.ledger.positions import Range, overlap, part, taken, without
from api.models import Action, Gap, Transfer, TransferKind, moves
from api.models.standing import Standing


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


class Returned(NamedTuple):
    """Grams that a reversed donation put back: where they stand, and where they were earned, in the same order."""

    where: Range
    earned: list[Range]


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
    """Return the donations that an action's grams went into, in the order in which they were made, each once."""
    earn = await moves.earned_by(action.user_id, action.id)
    if earn is None:
        return []
    gaps = await gaps_of(action.user_id)
    places = _places(earn, await _returned(action.user_id, gaps))
    donations = await moves.debits_between(action.user_id, places[0].starts, places[-1].ends)
    grams: dict[UUID, int] = {}
    for donation in donations:
        for piece in taken(donation.debited_after, donation.amount_g, gaps):
            if here := sum(one.grams for one in _common(piece, places)):
                grams[donation.id] = grams.get(donation.id, 0) + here
    reversals = await Transfer.reversals_of(grams)
    return [Use(donation_id, amount_g, donation_id in reversals) for donation_id, amount_g in grams.items()]


async def unspent_of(account: Standing, earn: Transfer, gaps: Sequence[Range]) -> list[Range]:
    """Return where an action's unspent grams stand: at their own positions, and where reversed donations put them."""
    ahead = Range(account.debited, account.credited)
    places = _places(earn, await _returned(account.user_id, gaps))
    return [left for here in _common(ahead, places) for left in without(here, gaps)]


async def origins(user_id: UUID, ranges: Sequence[Range], gaps: Sequence[Range]) -> list[Origin]:
    """Return which actions earned the grams at these positions, in order."""
    returned = await _returned(user_id, gaps)
    homes = [pair for one in ranges for pair in _homes(one, returned)]
    if not homes:
        return []
    first, last = min(home.starts for _, home in homes), max(home.ends for _, home in homes)
    credits_ = await moves.credits_between(user_id, first, last)
    earned = [credit for credit in credits_ if credit.kind is TransferKind.EARN]
    ends = [credit.credited_after for credit in earned]
    found: list[Origin] = []
    for where, home in homes:
        for credit in earned[bisect_right(ends, home.starts) :]:
            here = overlap(home, Range(credit.credit_starts, credit.credited_after))
            if here is None:
                break
            assert credit.action_id is not None  # noqa: S101 - an EARN without its action is our mistake
            starts = where.starts + here.starts - home.starts
            found.append(Origin(Range(starts, starts + here.grams), credit.action_id))
    return found


async def _returned(user_id: UUID, gaps: Sequence[Range]) -> list[Returned]:
    """Return all that reversed donations put back into a user's queue, in order of position."""
    credits_ = await Transfer.returns_of(user_id)
    donations = await Transfer.by_ids([credit.reverses for credit in credits_ if credit.reverses is not None])
    returned: list[Returned] = []
    for credit in credits_:
        assert credit.reverses is not None  # noqa: S101 - a reversal reverses something, or it is our mistake
        donation = donations[credit.reverses]
        earned: list[Range] = []
        for piece in taken(donation.debited_after, donation.amount_g, gaps):
            for _, home in _homes(piece, returned):
                if earned and earned[-1].ends == home.starts:
                    earned[-1] = Range(earned[-1].starts, home.ends)
                else:
                    earned.append(home)
        returned.append(Returned(Range(credit.credit_starts, credit.credited_after), earned))
    return returned


def _homes(whole: Range, returned: Sequence[Returned]) -> Iterator[tuple[Range, Range]]:
    """Yield the parts of a range, in order, each with the positions at which its grams were earned."""
    position = whole.starts
    for one in returned[bisect_right(returned, whole.starts, key=lambda each: each.where.ends) :]:
        here = overlap(one.where, whole)
        if here is None:
            break
        if position < here.starts:
            before = Range(position, here.starts)
            yield before, before
        position = here.starts
        for home in part(one.earned, here.starts - one.where.starts, here.grams):
            yield Range(position, position + home.grams), home
            position += home.grams
    if position < whole.ends:
        rest = Range(position, whole.ends)
        yield rest, rest


def _places(earn: Transfer, returned: Sequence[Returned]) -> list[Range]:
    """Return every place in the queue where an action's grams have stood, in order."""
    own = Range(earn.credit_starts, earn.credited_after)
    places = [own]
    for one in returned:
        position = one.where.starts
        for home in one.earned:
            here = overlap(home, own)
            if here is not None:
                starts = position + here.starts - home.starts
                places.append(Range(starts, starts + here.grams))
            position += home.grams
    return places


def _common(whole: Range, places: Sequence[Range]) -> Iterator[Range]:
    """Yield what places in order have in common with a range."""
    for place in places[bisect_right(places, whole.starts, key=lambda each: each.ends) :]:
        here = overlap(place, whole)
        if here is None:
            break
        yield here
