"""What the write path needs of the database: a version on each account, and a statement that fails as a whole.

On PostgreSQL a batch is written by one statement without a transaction around it. Where that does not find each of its
rows as it was read, it has to raise by itself, and SQL has no word for that: `rows_missing` is one.

The rows of the hottest changes have types of their own there, in the order of the changes' columns (models/changes).
Such a type is not altered: who sends a row by the old one while servers of two versions run would be misunderstood. A
change whose columns change is given a new type.

And what each write paid for and nobody asked for, goes:

- A guard that looks at a row before it is changed has the row locked first, which is one more record in the log. Those of
  accounts look afterwards, and refuse all the same; the outbox's looks once at all rows that a statement removes.
- Indexes of ids by which nobody asks: receipts, donors, blocks and events have another key that is unique, and are known
  by it to whoever replicates them. An event has the id of its transfer now; one that has its own is found by that still.
- A donation wrote its place in the user's queue into an index of its own, at random among everybody's, of which
  PostgreSQL logs the whole page. Which donations took a trip's grams is looked for among the user's in `donation_page`.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

TYPES = {
    "moved_account": "user_id uuid, credited bigint, debited bigint, held bigint, version bigint",
    "posted_donation": (
        "id uuid, environment text, user_id uuid, partner_id uuid, key text, fingerprint text, amount_g bigint, "
        "project_id uuid, credited_after bigint, debited_after bigint, created_at timestamptz"
    ),
    "posted_action": (
        "id uuid, environment text, user_id uuid, partner_id uuid, key text, fingerprint text, type text, "
        "quantity bigint, started_at timestamptz, ended_at timestamptz, external_ref text, status text, "
        "calculation text, reduction_g bigint, credited_g bigint, created_at timestamptz, earn_id uuid, "
        "credited_after bigint, debited_after bigint"
    ),
    "numbered_fact": (
        "transfer_id uuid, sequence bigint, total_after_g bigint, donor text, donor_commitment text, leaf_hash text, "
        "block_number bigint, sealed_at timestamptz"
    ),
    "closed_block": (
        "id uuid, environment text, project_id uuid, number bigint, first_sequence bigint, count int, "
        "total_after_g bigint, merkle_root text, previous_hash text, hash text, epoch bigint, sealed_at timestamptz"
    ),
    "moved_head": (
        "id uuid, project_id uuid, environment text, sequence bigint, energy_g bigint, donations bigint, "
        "donors bigint, block_number bigint, block_hash text, updated_at timestamptz"
    ),
    "gift": "id uuid, project_id uuid, environment text, user_id uuid, energy_g bigint",
}
#: By what a table's rows are told apart from now on.
KEYS = {
    "receipt": "uid_receipt_user_id_dd06d7",
    "project_donor": "uid_project_don_project_6149d1",
    "block": "uid_block_project_cce79a",
    "event": "event_transfer_id_key",
}
ACCOUNT_SHRINKS = "NEW.credited < OLD.credited OR NEW.debited < OLD.debited"
ACCOUNT_CHANGES_HANDS = "NEW.user_id <> OLD.user_id OR NEW.environment <> OLD.environment"
POSTGRES = (
    "CREATE FUNCTION rows_missing(change text, stood bigint, given bigint) RETURNS boolean LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '%: % of % rows do not stand where they were read', change, given - stood, given "
    "USING ERRCODE = 'serialization_failure'; END $$",
    *(f"CREATE TYPE {name} AS ({columns})" for name, columns in TYPES.items()),
    "DROP TRIGGER account_only_grows ON account",
    "DROP TRIGGER account_keeps_owner ON account",
    f"CREATE TRIGGER account_only_grows AFTER UPDATE ON account FOR EACH ROW WHEN ({ACCOUNT_SHRINKS}) "
    "EXECUTE FUNCTION refuse('account counters only grow')",
    f"CREATE TRIGGER account_keeps_owner AFTER UPDATE ON account FOR EACH ROW WHEN ({ACCOUNT_CHANGES_HANDS}) "
    "EXECUTE FUNCTION refuse('an account stays with its user')",
    "DROP TRIGGER outbox_no_loss ON outbox",
    "DROP FUNCTION refuse_loss",
    # Whatever the session's settings are: each fact is looked up, and never all events read.
    "CREATE FUNCTION refuse_losses() RETURNS trigger LANGUAGE plpgsql "
    "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$ "
    "BEGIN IF EXISTS (SELECT FROM gone WHERE NOT EXISTS "
    "(SELECT FROM event WHERE event.transfer_id = gone.transfer_id)) "
    "THEN RAISE EXCEPTION 'the fact has no event yet' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
    "RETURN NULL; END $$",
    "CREATE TRIGGER outbox_no_loss AFTER DELETE ON outbox REFERENCING OLD TABLE AS gone FOR EACH STATEMENT "
    "EXECUTE FUNCTION refuse_losses()",
    *(
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, REPLICA IDENTITY USING INDEX {key}"
        for table, key in KEYS.items()
    ),
    "CREATE UNIQUE INDEX event_own_id ON event (id) WHERE id <> transfer_id",
    "DROP INDEX transfer_debit",
    # A head is written with each of its blocks: room beside it, as beside accounts.
    "ALTER TABLE project_head SET (fillfactor = 50)",
)


async def make_writes(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Make what the statements of the write path call."""
    if editor.client.capabilities.dialect != "sqlite":
        for statement in POSTGRES:
            await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """Gives accounts a version, and the write path its functions; they are not taken away again."""

    dependencies = [("lucid", "0003_indexes")]
    initial = False
    operations = [
        ops.AddField(model_name="Account", name="version", field=fields.BigIntField(default=0, db_default=0)),
        ops.RunPython(make_writes),
    ]
