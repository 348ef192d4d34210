"""The audit log for operators, the sandbox's clock for partners, and when a key was used last."""

from datetime import timedelta

from tortoise.context import TortoiseContext

from api.access import add_partner as take_in
from api.access import issue_key, revoke_key, rotate_keys, set_status
from api.ledger import Ledger, UserBy
from api.models import ApiKey, AuditEntry, Environment, PartnerKind, PartnerStatus, SandboxClock, encode_id, now
from tests.conftest import Actor, Running, add_partner, add_project, bus, eventually, recording

ADVANCE = """
mutation ($to: DateTime!) {
  advanceSandboxClock(input: {idempotencyKey: "clock", to: $to}) { now replayed errors { ... on UserError { code } } }
}
"""


async def test_whatever_changes_access_is_in_the_audit_log(service: Running, operator: Actor) -> None:
    partner = await take_in("maps", name_zh="地图", name_en="Maps", kinds=[PartnerKind.ACTION_SOURCE])
    key = await issue_key(partner, Environment.SANDBOX)
    await rotate_keys(partner, Environment.SANDBOX, retire_at=now() + timedelta(hours=1))
    assert await revoke_key(key.split("_")[1])
    assert not await revoke_key(key.split("_")[1])
    assert await set_status(partner, PartnerStatus.SUSPENDED)
    assert not await set_status(partner, PartnerStatus.SUSPENDED)
    assert await set_status(partner, PartnerStatus.ACTIVE)

    log = await service.client(operator)(
        """query ($id: ID!) {
          auditLog(partnerId: $id, order: OLDEST) { nodes { kind actor details partner { slug } } }
        }""",
        id=encode_id("ptn", partner.id),
    )
    entries = log["auditLog"]["nodes"]
    assert [entry["kind"] for entry in entries] == [
        "PARTNER_ADDED",
        "KEY_ISSUED",
        "KEY_RETIRED",
        "KEY_ISSUED",
        "KEY_REVOKED",
        "PARTNER_SUSPENDED",
        "PARTNER_RESUMED",
    ]
    assert {entry["actor"] for entry in entries} == {"command line"}
    assert {entry["partner"]["slug"] for entry in entries} == {"maps"}
    assert key.split("_", 2)[2] not in str(entries)


async def test_a_failed_change_of_access_leaves_no_entry(db: TortoiseContext) -> None:
    partner = await take_in("maps", name_zh="地图", name_en="Maps", kinds=[PartnerKind.ACTION_SOURCE])
    before = await AuditEntry.all().count()
    assert not await revoke_key("nobody")
    assert await AuditEntry.all().count() == before
    assert await ApiKey.of_partner(partner.id) == []


async def test_the_sandbox_clock_runs_ahead_and_closes_windows(service: Running, ledger: Ledger) -> None:
    app = await add_partner("sand", PartnerKind.ACTION_SOURCE, environment=Environment.SANDBOX)
    project = await add_project("dunes")
    client = service.client(app)
    (outcome,) = await ledger.record(app.partnership, [recording("ana", "trip", bus())])
    assert not isinstance(outcome, Exception)
    donated = await ledger.donate(app.partnership, UserBy(external_ref="ana"), project.id, 100, "gift")
    assert donated.result_id is not None

    tomorrow = now() + timedelta(hours=25)
    advanced = (await client(ADVANCE, to=tomorrow.isoformat()))["advanceSandboxClock"]
    assert (advanced["replayed"], advanced["errors"]) == (False, [])
    again = (await client(ADVANCE, to=tomorrow.isoformat()))["advanceSandboxClock"]
    assert (again["replayed"], again["errors"]) == (True, [])
    assert (await client("{ viewer { now } }"))["viewer"]["now"] >= advanced["now"][:19]

    late = await ledger.reverse_donation(app.partnership, donated.result_id, "back")
    assert late.refusal is not None
    assert late.refusal.code == "REVERSAL_WINDOW_CLOSED"
    # A trip that is still to come in the real world has happened in the sandbox.
    (future,) = await ledger.record(app.partnership, [recording("ana", "later", bus(at=tomorrow))])
    assert not isinstance(future, Exception)
    assert future.refusal is None
    assert [entry.kind.value for entry in await AuditEntry.filter(partner_id=app.partner.id)] == [
        "KEY_ISSUED",
        "SANDBOX_CLOCK_ADVANCED",
    ]


async def test_only_a_sandbox_has_a_clock_to_advance(service: Running, app_partner: Actor) -> None:
    sand = await add_partner("sand", PartnerKind.ACTION_SOURCE, environment=Environment.SANDBOX)
    live = await service.client(app_partner)(ADVANCE, to=(now() + timedelta(days=1)).isoformat())
    assert live["advanceSandboxClock"]["errors"] == [{"code": "SANDBOX_ONLY"}]
    far = await service.client(sand)(ADVANCE, to="2199-01-01T00:00:00Z")
    assert far["advanceSandboxClock"]["errors"] == [{"code": "INVALID_INPUT"}]
    assert await SandboxClock.all().count() == 0


async def test_a_partner_sees_its_keys_and_when_they_were_used(service: Running, app_partner: Actor) -> None:
    client = service.client(app_partner)
    query = "{ viewer { keys { id scopes environment lastUsedAt revokedAt } } }"
    (key,) = (await client(query))["viewer"]["keys"]
    assert (key["id"], key["environment"], key["revokedAt"]) == (app_partner.key.split("_")[1], "LIVE", None)

    async def is_noted() -> bool:
        return (await client(query))["viewer"]["keys"][0]["lastUsedAt"] is not None

    await eventually(is_noted)
    assert (await service.client()(query))["viewer"]["keys"] == []
