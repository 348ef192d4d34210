"""What the database itself refuses, whoever asks: to change the past, to lose a fact, to overdraw an account.

Tortoise leaves checks out of CREATE TABLE and knows no triggers, so they are written here, once for each database.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

IMMUTABLE = ("transfer", "gap", "receipt", "event", "block", "emission_factor", "audit_entry")
ACTION_FROZEN = (
    "id",
    "environment",
    "user_id",
    "partner_id",
    "type",
    "quantity",
    "started_at",
    "ended_at",
    "external_ref",
    "calculation",
    "reduction_g",
    "credited_g",
    "created_at",
)

CHECKS = {
    "account": {
        "account_never_overdrawn": "{0}credited - {0}debited - {0}held >= 0",
        "account_not_negative": "{0}credited >= 0 AND {0}debited >= 0 AND {0}held >= 0",
    },
    "transfer": {"transfer_moves_something": "{0}amount_g > 0"},
    "gap": {"gap_holds_something": "{0}ends > {0}starts"},
    "outbox": {"outbox_moves_something": "{0}amount_g > 0"},
    "action": {"action_grams_not_negative": "{0}credited_g >= 0 AND {0}reduction_g >= {0}credited_g"},
}

ACCOUNT_SHRINKS = "NEW.credited < OLD.credited OR NEW.debited < OLD.debited"
ACCOUNT_CHANGES_HANDS = "NEW.user_id <> OLD.user_id OR NEW.environment <> OLD.environment"
FACT_WITHOUT_EVENT = "NOT EXISTS (SELECT 1 FROM event WHERE event.transfer_id = OLD.transfer_id)"
REVERSED_TWICE = "OLD.status = 'REVERSED'"


def sqlite_statements() -> list[str]:
    """Return the guards in SQLite's words: it cannot add a CHECK to a table, so triggers do it."""

    def refuse(name: str, when: str, table: str, message: str, condition: str = "1") -> str:
        return (
            f'CREATE TRIGGER "{name}" BEFORE {when} ON "{table}" WHEN {condition} '
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )

    statements = []
    for table in IMMUTABLE:
        statements += [
            refuse(f"{table}_no_update", "UPDATE", table, f"{table} rows are immutable"),
            refuse(f"{table}_no_delete", "DELETE", table, f"{table} rows are immutable"),
        ]
    for table, checks in CHECKS.items():
        for name, check in checks.items():
            broken = f"NOT ({check.format('NEW.')})"
            statements += [
                refuse(f"{name}_insert", "INSERT", table, name, broken),
                refuse(f"{name}_update", "UPDATE", table, name, broken),
            ]
    frozen = ", ".join(ACTION_FROZEN)
    return [
        *statements,
        refuse("action_no_delete", "DELETE", "action", "action rows are never deleted"),
        refuse("action_frozen", f"UPDATE OF {frozen}", "action", "a recorded action is immutable"),
        refuse("action_reversed_once", "UPDATE", "action", "a reversed action is immutable", REVERSED_TWICE),
        refuse("account_no_delete", "DELETE", "account", "account rows are never deleted"),
        refuse("account_only_grows", "UPDATE", "account", "account counters only grow", ACCOUNT_SHRINKS),
        refuse("account_keeps_owner", "UPDATE", "account", "an account stays with its user", ACCOUNT_CHANGES_HANDS),
        refuse("outbox_no_update", "UPDATE", "outbox", "outbox rows are immutable"),
        refuse("outbox_no_loss", "DELETE", "outbox", "the fact has no event yet", FACT_WITHOUT_EVENT),
    ]


def postgres_statements() -> list[str]:
    """Return the guards in PostgreSQL's words."""
    function = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )

    def refuse(name: str, when: str, table: str, message: str, condition: str | None = None) -> str:
        only = f"WHEN ({condition}) " if condition else ""
        return (
            f'CREATE TRIGGER {name} BEFORE {when} ON "{table}" FOR EACH ROW {only}'
            f"EXECUTE FUNCTION refuse('{message}')"
        )

    statements = [function]
    statements += [
        f'CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON "{table}" FOR EACH STATEMENT '
        f"EXECUTE FUNCTION refuse('{table} rows are never deleted')"
        for table in (*IMMUTABLE, "action", "account", "outbox")
    ]
    statements += [
        refuse(f"{table}_immutable", "UPDATE OR DELETE", table, f"{table} rows are immutable") for table in IMMUTABLE
    ]
    for table, checks in CHECKS.items():
        statements += [
            f'ALTER TABLE "{table}" ADD CONSTRAINT {name} CHECK ({check.format("")})' for name, check in checks.items()
        ]
    frozen = ", ".join(ACTION_FROZEN)
    no_event = (
        "CREATE FUNCTION refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {FACT_WITHOUT_EVENT} THEN RAISE EXCEPTION 'the fact has no event yet' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$"
    )
    return [
        *statements,
        refuse("action_no_delete", "DELETE", "action", "action rows are never deleted"),
        refuse("action_frozen", f"UPDATE OF {frozen}", "action", "a recorded action is immutable"),
        refuse("action_reversed_once", "UPDATE", "action", "a reversed action is immutable", REVERSED_TWICE),
        refuse("account_no_delete", "DELETE", "account", "account rows are never deleted"),
        refuse("account_only_grows", "UPDATE", "account", "account counters only grow", ACCOUNT_SHRINKS),
        refuse("account_keeps_owner", "UPDATE", "account", "an account stays with its user", ACCOUNT_CHANGES_HANDS),
        refuse("outbox_no_update", "UPDATE", "outbox", "outbox rows are immutable"),
        no_event,
        'CREATE TRIGGER outbox_no_loss BEFORE DELETE ON "outbox" FOR EACH ROW EXECUTE FUNCTION refuse_loss()',
    ]


async def put_up_guards(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Run the statements of the database at hand, one by one: a trigger's body holds semicolons."""
    sqlite = editor.client.capabilities.dialect == "sqlite"
    for statement in sqlite_statements() if sqlite else postgres_statements():
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """Puts up the guards; they are not taken down again."""

    dependencies = [("lucid", "0001_initial")]
    initial = False
    operations = [ops.RunPython(put_up_guards)]
