"""`lucid check` finds nothing in a ledger that is sound, and finds what was planted in one that is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from api.events.sealer import Sealer
from api.ledger import Ledger, UserBy
from api.ledger.check import check_ledger
from api.models import Project
from tests.conftest import Actor, bus, earn, recording

#: What is done behind the ledger's back, and a word of each fault that must be found.
PLANTED = {
    "a donation grew": ("UPDATE transfer SET amount_g = amount_g + 1 WHERE kind = 'DONATE'", "do not say the same"),
    "an earning vanished": ("DELETE FROM transfer WHERE kind = 'EARN'", "that are not there"),
    "a balance shrank": ("UPDATE account SET debited = debited + 1 WHERE credited > 300", "the account says"),
    "an action was rewritten": ("UPDATE action SET credited_g = credited_g - 1", "what it was credited"),
    "a calculation was rewritten": ("UPDATE action SET reduction_g = 0, credited_g = 0", "what it was credited"),
    "an event was changed": ("UPDATE event SET amount_g = amount_g + 1", "its leaf hash does not fit"),
    "an event vanished": ("DELETE FROM event WHERE sequence = 1", "follows 0"),
    "a block was changed": ("UPDATE block SET total_after_g = total_after_g + 1", "its hash does not fit"),
    "a total was changed": ("UPDATE project_head SET energy_g = energy_g + 5", "its head says"),
    "a donor was forgotten": ("DELETE FROM project_donor", "its head says"),
    "a receipt vanished": ("DELETE FROM receipt WHERE operation = 'donateEnergy'", "0 receipts"),
    "an outbox row vanished": ("DELETE FROM outbox", "neither outbox nor event"),
}


async def sound(ledger: Ledger, actor: Actor, project: Project) -> None:
    """Earn, donate, reverse and seal; one donation stays in the outbox."""
    await earn(ledger, actor, "ana", 400)
    (trip,) = await ledger.record(actor.partnership, [recording("bo", "trip", bus())])
    assert not isinstance(trip, Exception)
    assert trip.result_id is not None
    for key, user, grams in (("a", "ana", 100), ("b", "ana", 50), ("c", "bo", 16)):
        outcome = await ledger.donate(actor.partnership, UserBy(external_ref=user), project.id, grams, key)
        assert outcome.result_id is not None
        if key == "b":
            await ledger.reverse_donation(actor.partnership, outcome.result_id, "back")
    sealer = Sealer(_nobody)
    while await sealer.seal():
        pass
    await sealer.close()
    await ledger.reverse_action(actor.partnership, trip.result_id, "void")
    await ledger.donate(actor.partnership, UserBy(external_ref="ana"), project.id, 10, "waiting")


async def _nobody(_: object) -> None:
    """Nobody follows."""


async def drop_guards(db: TortoiseContext) -> None:
    """Take down what would refuse a change, as somebody with all rights could."""
    client = db.db()
    if client.capabilities.dialect == "sqlite":
        for row in await client.execute_query_dict("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            await client.execute_query(f'DROP TRIGGER "{row["name"]}"')
        return
    triggers = "SELECT tgname, tgrelid::regclass AS place FROM pg_trigger WHERE NOT tgisinternal"
    for row in await client.execute_query_dict(triggers):
        await client.execute_script(f'DROP TRIGGER "{row["tgname"]}" ON {row["place"]}')
    checks = "SELECT conname, conrelid::regclass AS place FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
    for row in await client.execute_query_dict(checks):
        await client.execute_script(f'ALTER TABLE {row["place"]} DROP CONSTRAINT "{row["conname"]}"')


async def test_a_sound_ledger_has_no_fault_and_is_counted(
    db: TortoiseContext, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await sound(ledger, app_partner, project)
    watched: list[tuple[str, int, int]] = []
    report = await check_ledger(lambda *step: watched.append(step))
    assert report.faults == []
    assert report.counts == {
        "users": 2,
        "transfers": 9,
        "actions": 3,
        "project heads": 1,
        "events": 4,
        "blocks": 1,
        "facts waiting in the outbox": 1,
    }
    assert watched == [("users", 2, 2), ("projects", 1, 1)]


@pytest.mark.parametrize("name", PLANTED)
async def test_a_planted_fault_is_found(
    db: TortoiseContext, ledger: Ledger, app_partner: Actor, project: Project, name: str
) -> None:
    statement, word = PLANTED[name]
    await sound(ledger, app_partner, project)
    await drop_guards(db)
    assert (await check_ledger()).faults == []
    await db.db().execute_script(statement)
    assert any(word in fault for fault in (await check_ledger()).faults)


def test_the_command_finds_no_fault_in_the_demo_data_and_finds_a_planted_one(tmp_path: Path) -> None:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'lucid.db'}"}

    def lucid(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "api", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    assert lucid("demo").returncode == 0
    sound_one = lucid("check")
    assert (sound_one.returncode, sound_one.stdout.splitlines()[-1]) == (0, "No fault found.")
    plant = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "c.execute('DROP TRIGGER event_no_update'); c.execute('UPDATE event SET amount_g = amount_g + 1 "
        "WHERE sequence = 1'); c.commit(); c.close()"
    )
    subprocess.run([sys.executable, "-c", plant, str(tmp_path / "lucid.db")], check=True)
    broken = lucid("check")
    assert broken.returncode == 1
    assert "its leaf hash does not fit" in broken.stdout
