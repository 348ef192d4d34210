"""Whatever partners do in whatever order, the ledger says what the plainest model says.

Hypothesis plays partners: it records trips, donates, reverses, repeats calls, changes them under the same key, several
at once; it seals, and starts the process again. After each step balances are compared, after each run everything.
"""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from api.events.sealer import Sealer
from api.ledger import Ledger, Leg, Outcome, Recording, Rules, UserBy, trace
from api.ledger.check import check_ledger
from api.ledger.errors import IdempotencyConflict
from api.models import (
    Account,
    Action,
    ActionStatus,
    ActionType,
    Environment,
    Outbox,
    PartnerKind,
    ProjectHead,
    Receipt,
    Transfer,
    UserLink,
)
from api.models.database import database
from tests.conftest import TEMPLATE, Actor, add_partner, add_project, open_ledger
from tests.ledger import model
from tests.ledger.model import Gift, Person, Ride, Told, Trip
from tests.postgres import Server

Result = TypeVar("Result")
Thing = TypeVar("Thing")

KINDS = ["earn", "earn", "give", "give", "give all", "take back", "take back", "declare false", "earn again"]
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(kw_only=True)
class Call:
    """A call of the partner: one of four, by the field that is set."""

    key: str
    person: Person
    earn: Ride | None = None
    give: tuple[UUID, int | None] | None = None
    take_back: Gift | None = None
    declare_false: Trip | None = None

    async def send(self, ledger: Ledger, actor: Actor, at: datetime) -> Outcome:
        """Call the ledger."""
        caller, user = actor.partnership, UserBy(external_ref=self.person.name)
        if self.give is not None:
            return await ledger.donate(caller, user, self.give[0], self.give[1], self.key, at=at)
        if self.take_back is not None:
            return await ledger.reverse_donation(caller, self.take_back.id, self.key, at=at)
        if self.declare_false is not None:
            return await ledger.reverse_action(caller, self.declare_false.id, self.key, at=at)
        assert self.earn is not None
        ride = self.earn
        trip = Leg(type="BUS", quantity=ride.metres, started_at=ride.slot, ended_at=ride.ended_at)
        (outcome,) = await ledger.record(caller, [Recording(user=user, key=self.key, legs=(trip,))], at=at)
        assert isinstance(outcome, Outcome), outcome
        return outcome

    def tell(self, at: datetime, new_id: UUID | None) -> Told:
        """Ask the model."""
        if self.give is not None:
            return model.give(self.person, *self.give, at, new_id)
        if self.take_back is not None:
            return model.take_back(self.take_back, at)
        if self.declare_false is not None:
            return model.declare_false(self.declare_false)
        assert self.earn is not None
        return model.earn(self.person, self.earn, at, new_id)

    def changed(self, project: UUID) -> "Call":
        """Return another call under the same key."""
        if self.earn is not None:
            return replace(self, earn=replace(self.earn, metres=self.earn.metres + 1))
        if self.give is not None:
            return replace(self, give=(self.give[0], (self.give[1] or 0) + 1))
        return Call(key=self.key, person=self.person, give=(project, 1))


def chosen(things: Sequence[Thing], choice: int) -> Thing:
    """Return one of some things."""
    return things[choice % len(things)]


async def lift_caps() -> None:
    """Let a day have no end: its caps have tests of their own."""
    await ActionType.filter(code="BUS").update(grams_day_max=10**9, quantity_day_max=10**9)


class LedgerMachine(RuleBasedStateMachine):
    """One partner, two users, two projects; the model beside them."""

    def __init__(self, url: str, dispose: Callable[[], None]) -> None:
        super().__init__()
        self.url = url
        self.dispose = dispose
        self.runner = asyncio.Runner()
        self.process = AsyncExitStack()
        self.clock = START
        self.people = [Person("lin"), Person("wang")]
        self.past: list[tuple[Call, Told]] = []
        self.slot = START - timedelta(days=3)
        self._open()
        self.actor = self._run(add_partner("maps", PartnerKind.ACTION_SOURCE))
        self.projects = [self._run(add_project(code)).id for code in ("longwu", "habitat")]
        self._run(lift_caps())
        for person in self.people:
            self._run(self.ledger.register(self.actor.partnership, UserBy(external_ref=person.name)))

    # --- what partners do ---------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def one_call(self, data: st.DataObject) -> None:
        self._together([self._draw_call(data)])

    @rule(data=st.data())
    def calls_at_once(self, data: st.DataObject) -> None:
        self._together([self._draw_call(data) for _ in range(data.draw(st.integers(2, 6)))])

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def the_same_again(self, data: st.DataObject) -> None:
        call, told = chosen(self.past, data.draw(st.integers(0, 1_000)))

        outcome = self._run(call.send(self.ledger, self.actor, self.clock))

        assert outcome.replayed
        self._compare(outcome, told, call.person.available)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def another_body_under_the_same_key(self, data: st.DataObject) -> None:
        call, _ = chosen(self.past, data.draw(st.integers(0, 1_000)))

        outcome = self._run(call.changed(self.projects[0]).send(self.ledger, self.actor, self.clock))

        assert not outcome.replayed
        told = Told(refusal=IdempotencyConflict, facts={"key": call.key})
        self._compare(outcome, told, call.person.available)

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.clock += timedelta(hours=hours)

    # --- what the service does ----------------------------------------------------------------------------------------

    @rule()
    def seal(self) -> None:
        self._run(self._seal())

        self._run(self._compare_heads())

    @rule()
    def start_again(self) -> None:
        self._run(self.process.aclose())
        self._open()

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def balances_are_the_models(self) -> None:
        self._run(self._compare_balances())

    @override
    def teardown(self) -> None:
        try:
            self._run(self._seal())
            self._run(self._compare_heads())
            self._run(self._compare_history())
            assert self._run(check_ledger()).faults == []
        finally:
            self._run(self.process.aclose())
            self.runner.close()
            self.dispose()

    # --- how ----------------------------------------------------------------------------------------------------------

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(coroutine)

    def _open(self) -> None:
        async def opened() -> Ledger:
            await self.process.enter_async_context(database(self.url))
            rules = Rules(reversal_window=model.REVERSAL_WINDOW)
            return await self.process.enter_async_context(open_ledger(self.url, rules))

        self.process = AsyncExitStack()
        self.ledger = self._run(opened())

    def _draw_call(self, data: st.DataObject) -> Call:
        """Draw a call, the same numbers whatever the model holds: several at once are decided in any order."""
        kind = data.draw(st.sampled_from(KINDS))
        person = self.people[data.draw(st.integers(0, 1))]
        number, choice = data.draw(st.integers(1, model.METRES_MAX)), data.draw(st.integers(0, 1_000))
        call = Call(key=uuid4().hex, person=person)
        if kind == "earn again" and person.trips:
            call.earn = Ride(number, chosen(person.trips, choice).slot)
        elif kind == "give":
            call.give = (chosen(self.projects, choice), 1 + number % (person.available + 2))
        elif kind == "give all":
            call.give = (chosen(self.projects, choice), None)
        elif kind == "take back" and person.gifts:
            call.take_back = chosen(person.gifts, choice)
        elif kind == "declare false" and person.trips:
            call.declare_false = chosen(person.trips, choice)
        else:
            self.slot = max(self.slot + model.SLOT, self.clock - timedelta(days=3))
            call.earn = Ride(number, self.slot)
        return call

    def _together(self, calls: list[Call]) -> None:
        """Make calls at once, ask the model in the order in which the ledger decided, and compare."""
        outcomes = self._run(self._send(calls))
        for key in self._run(self._order([call.key for call in calls])):
            call, outcome = next((call, outcome) for call, outcome in outcomes if call.key == key)
            told = call.tell(self.clock, outcome.result_id)
            assert not outcome.replayed
            self._compare(outcome, told, call.person.available)
            self.past.append((call, told))

    async def _send(self, calls: list[Call]) -> list[tuple[Call, Outcome]]:
        sent = [call.send(self.ledger, self.actor, self.clock) for call in calls]
        return list(zip(calls, await asyncio.gather(*sent), strict=True))

    async def _order(self, keys: list[str]) -> list[str]:
        receipts = await Receipt.filter(key__in=keys).order_by("id")
        assert sorted(receipt.key for receipt in receipts) == sorted(keys)
        return [receipt.key for receipt in receipts]

    def _compare(self, outcome: Outcome, told: Told, available: int) -> None:
        assert (outcome.result_id, outcome.balance_g) == (told.result, available)
        assert type(outcome.refusal) is (told.refusal or type(None))
        for name, fact in told.facts.items():
            assert getattr(outcome.refusal, name) == fact

    async def _compare_balances(self) -> None:
        accounts = await Account.all()
        links = {link.user_id: link.external_ref for link in await UserLink.all()}
        balances = {links[account.user_id]: account.available for account in accounts}
        assert balances == {person.name: person.available for person in self.people}

    async def _seal(self) -> None:
        async def moved(_: object) -> None:
            """Nobody follows."""

        sealer = Sealer(moved)
        sealer.start()
        await sealer.close()

    async def _compare_heads(self) -> None:
        assert await Outbox.all().count() == 0
        heads = await ProjectHead.of_projects(self.projects, Environment.LIVE)
        for project in self.projects:
            gifts = [gift for person in self.people for gift in person.gifts if gift.project == project]
            standing = [gift for gift in gifts if not gift.returned]
            told = heads.get(project) or ProjectHead(sequence=0, energy_g=0, donations=0, donors=0)
            assert (told.sequence, told.energy_g, told.donations, told.donors) == (
                2 * len(gifts) - len(standing),
                sum(gift.grams for gift in standing),
                len(standing),
                len({gift.person.name for gift in standing}),
            )

    async def _compare_history(self) -> None:
        for person in self.people:
            transfers = await Transfer.by_ids([gift.id for gift in person.gifts])
            for gift in person.gifts:
                assert transfers[gift.id].amount_g == gift.grams
                assert await trace.funded_by(transfers[gift.id]) == gift.funded_by()
            actions = await Action.by_ids([trip.id for trip in person.trips])
            for trip in person.trips:
                action = actions[trip.id]
                uses = [(use.donation_id, use.amount_g, use.returned) for use in await trace.spent_on(action)]
                assert uses == person.spent_on(trip)
                status = ActionStatus.CREDITED if trip.stands else ActionStatus.REVERSED
                assert (action.credited_g, action.status, action.taken_back_g) == (trip.grams, status, trip.taken_back)


def test_on_sqlite_the_ledger_says_what_the_model_says(sqlite_template: Path, tmp_path: Path) -> None:
    class OnSqlite(LedgerMachine):
        def __init__(self) -> None:
            path = tmp_path / f"{uuid4().hex}.db"
            shutil.copyfile(sqlite_template, path)
            super().__init__(f"sqlite:///{path}", path.unlink)

    run_state_machine_as_test(OnSqlite, settings=settings())


def test_on_postgresql_the_ledger_says_what_the_model_says(postgres: Server) -> None:
    class OnPostgres(LedgerMachine):
        def __init__(self) -> None:
            name = f"model_{uuid4().hex}"
            postgres.create_database(name, template=TEMPLATE)
            super().__init__(postgres.url(name), lambda: postgres.drop_database(name))

    run_state_machine_as_test(OnPostgres, settings=settings())
