"""The ledger's invariants, verified on the database at hand.

Each user's energy is replayed lot by lot, by a queue that shares no arithmetic with the write path; each project's
events are added up and hashed anew (`events/check`); and what the users gave must be what the projects have.

 1. Debits and credits balance.                    2. available = credited - debited - held, and is never negative.
 3. Events are contiguous in their project.        4. Events add up to the last block and to the head.
 5. Every donation waits in the outbox or has exactly one event.
 6. The chain verifies.                            7. Every gram earned follows from its action's frozen calculation.
 8. A key has one effect: a donation has one receipt.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from api.events.check import check_project
from api.ledger.donations import DonateEnergy
from api.models import (
    CREDITS,
    NOBODY,
    Account,
    Action,
    ActionStatus,
    Event,
    EventKind,
    Gap,
    Outbox,
    ProjectHead,
    Receipt,
    Transfer,
    TransferKind,
    User,
    moves,
)

USERS_AT_ONCE = 200
MG_PER_G = 1000

#: Told how far the check has come: what is checked, how much of it is done, how much there is.
Watch = Callable[[str, int, int], None]


@dataclass
class Report:
    """What a check has counted, and what it has found."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def counted(self) -> list[str]:
        """The counts in words."""
        return [f"{count:>12,} {what}" for what, count in self.counts.items()]


async def check_ledger(watch: Watch = lambda what, done, total: None) -> Report:
    """Verify every invariant. The database should be quiet, or what is being written may look like a fault."""
    report = Report()
    given = await _check_users(report, watch)
    received: Counter[tuple[UUID, str]] = Counter()
    heads = await ProjectHead.everything()
    for done, head in enumerate(heads, start=1):
        report.faults += [fault async for fault in check_project(head)]
        report.counts["project heads"] += 1
        report.counts["events"] += head.sequence
        report.counts["blocks"] += head.block_number
        received[head.project_id, head.environment] += head.energy_g
        watch("projects", done, len(heads))
    for fact in await Outbox.everything():
        report.counts["facts waiting in the outbox"] += 1
        sign = 1 if fact.kind is EventKind.DONATION else -1
        received[fact.project_id, fact.environment] += sign * fact.amount_g
    for stream in given.keys() | received.keys():
        if given[stream] != received[stream]:
            project_id, environment = stream
            report.faults.append(
                f"project {project_id} {environment}: users gave {given[stream]} g, it received {received[stream]} g"
            )
    return report


async def _check_users(report: Report, watch: Watch) -> Counter[tuple[UUID, str]]:
    """Check each user's ledger; return what users gave to each project of each world."""
    given: Counter[tuple[UUID, str]] = Counter()
    total, last = await Account.count_all(), NOBODY
    while accounts := await Account.next_after(last, USERS_AT_ONCE):
        last = accounts[-1].user_id
        ids = [account.user_id for account in accounts]
        users = await User.by_ids(ids)
        transfers, gaps = defaultdict(list), defaultdict(list)
        for transfer in await moves.of_users(ids):
            transfers[transfer.user_id].append(transfer)
        for gap in await Gap.of_users(ids):
            gaps[gap.transfer_id].append(gap)
        actions = defaultdict(list)
        for action in await Action.of_users(ids):
            actions[action.user_id].append(action)
        for account in accounts:
            own = transfers[account.user_id]
            user = f"user {account.user_id}"
            report.faults += [f"{user}: {fault}" for fault in _replay(account, own, gaps)]
            report.faults += [f"{user}: {fault}" for fault in _explain(actions[account.user_id], own)]
            if account.user_id not in users or users[account.user_id].environment is not account.environment:
                report.faults.append(f"{user}: the account is not in the user's world")
        moved = [one for own in transfers.values() for one in own if one.project_id is not None]
        report.faults += await _check_facts(moved)
        for one in moved:
            sign = 1 if one.kind is TransferKind.DONATE else -1
            given[one.project_id or NOBODY, one.environment] += sign * one.amount_g
        report.counts["users"] += len(accounts)
        report.counts["transfers"] += sum(len(own) for own in transfers.values())
        report.counts["actions"] += sum(len(own) for own in actions.values())
        watch("users", report.counts["users"], total)
    return given


def _replay(account: Account, transfers: Sequence[Transfer], gaps: dict[UUID, list[Gap]]) -> list[str]:
    """Replay a user's transfers on a queue of lots and compare where the counters stand after each."""
    faults: list[str] = []
    lots: list[list[int]] = []  # [starts, ends] of grams that are there, in order
    credited = debited = 0
    for transfer in sorted(transfers, key=_when):
        if transfer.environment is not account.environment:
            faults.append(f"transfer {transfer.id} is in the other world")
        if transfer.kind in CREDITS:
            lots.append([credited, credited + transfer.amount_g])
            credited += transfer.amount_g
        elif transfer.kind is TransferKind.DONATE:
            taken = _take(lots, transfer.amount_g)
            if taken is None:
                faults.append(f"transfer {transfer.id} takes {transfer.amount_g} g that are not there")
                taken = transfer.debited_after
            debited = taken
        else:
            own = [(gap.starts, gap.ends) for gap in gaps.get(transfer.id, ())]
            if sum(ends - starts for starts, ends in own) != transfer.amount_g or not all(
                _cut(lots, starts, ends) for starts, ends in own
            ):
                faults.append(f"transfer {transfer.id} takes back grams that are not there")
        if (transfer.credited_after, transfer.debited_after) != (credited, debited):
            faults.append(
                f"after transfer {transfer.id} the counters should be {credited} and {debited}, "
                f"it says {transfer.credited_after} and {transfer.debited_after}"
            )
    available = sum(ends - starts for starts, ends in lots)
    expected = (credited, debited, available)
    if (account.credited, account.debited, account.available) != expected:
        told = (account.credited, account.debited, account.available)
        faults.append(f"the account says {told}, its transfers say {expected} (credited, debited, available)")
    return faults


def _when(transfer: Transfer) -> tuple[int, int, bool]:
    """Order of writing: both counters only grow, and grams are cut out after the transfer that left them so."""
    is_cut = transfer.kind in {TransferKind.REVERSE_EARN, TransferKind.RECLAIM}
    return (transfer.credited_after, transfer.debited_after, is_cut)


def _take(lots: list[list[int]], amount: int) -> int | None:
    """Take grams from the front; return the position after the last, None when there are too few."""
    position = None
    while amount and lots:
        lot = lots[0]
        part = min(amount, lot[1] - lot[0])
        lot[0] += part
        amount -= part
        position = lot[0]
        if lot[0] == lot[1]:
            lots.pop(0)
    return None if amount else position


def _cut(lots: list[list[int]], starts: int, ends: int) -> bool:
    """Take these very grams out of one lot; False when they are not all in it."""
    for index, (first, last) in enumerate(lots):
        if first <= starts and ends <= last:
            lots[index : index + 1] = [[a, b] for a, b in ((first, starts), (ends, last)) if a < b]
            return True
    return False


def _explain(actions: Sequence[Action], transfers: Sequence[Transfer]) -> list[str]:
    """Compare what was earned and taken back with the actions' frozen calculations."""
    faults: list[str] = []
    earned: Counter[UUID] = Counter()
    taken_back: Counter[UUID] = Counter()
    for transfer in transfers:
        if transfer.kind is TransferKind.EARN and transfer.action_id is not None:
            earned[transfer.action_id] += transfer.amount_g
        elif transfer.kind is TransferKind.REVERSE_EARN and transfer.action_id is not None:
            taken_back[transfer.action_id] += transfer.amount_g
    for action in actions:
        lines = action.calculation["lines"]
        for line in lines:
            saved_mg = line["quantity"] * (line["factor_baseline_mg"] - line["factor_project_mg"])
            if line["reduction_g"] != max(0, saved_mg // (line["per_quantity"] * MG_PER_G)):
                faults.append(f"action {action.id}: a line of its calculation does not follow from its factors")
        credited = sum(line["credited_g"] for line in lines)
        if not credited == action.credited_g == earned.pop(action.id, 0):
            faults.append(f"action {action.id}: what it was credited is not what its calculation gives")
        back = taken_back.pop(action.id, 0)
        is_reversed = action.status is ActionStatus.REVERSED
        if back != (action.taken_back_g or 0) or is_reversed is (action.taken_back_g is None):
            faults.append(f"action {action.id}: {back} g were taken back, it says {action.taken_back_g}")
    faults += [f"grams were earned or taken back for action {one}, which is not there" for one in earned + taken_back]
    return faults


async def _check_facts(moved: Sequence[Transfer]) -> list[str]:
    """Compare donations and their reversals with outbox, events and receipts."""
    faults: list[str] = []
    ids = [transfer.id for transfer in moved]
    events = await Event.by_transfers(ids)
    waiting = await Outbox.by_transfers(ids)
    receipts = await Receipt.count_by_results({one.user_id for one in moved}, DonateEnergy.operation)
    for transfer in moved:
        is_donation = transfer.kind is TransferKind.DONATE
        event, fact = events.get(transfer.id), waiting.get(transfer.id)
        if (event is None) is (fact is None):
            places = "both outbox and event" if event else "neither outbox nor event"
            faults.append(f"transfer {transfer.id} is in {places}")
        told = event or fact
        if told is not None and (told.amount_g, told.project_id, told.environment, told.kind) != (
            transfer.amount_g,
            transfer.project_id,
            transfer.environment,
            EventKind.DONATION if is_donation else EventKind.DONATION_REVERSED,
        ):
            faults.append(f"transfer {transfer.id} and its event do not say the same")
        if is_donation and receipts[transfer.id] != 1:
            faults.append(f"donation {transfer.id} has {receipts[transfer.id]} receipts")
    return faults
