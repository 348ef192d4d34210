"""What the write path needs of the database: a version on each account, and a statement that fails as a whole.

On PostgreSQL a batch is written by one statement without a transaction around it. Where that does not find each of its
rows as it was read, it has to raise by itself, and SQL has no word for that: `rows_missing` is one.

The rows of the hottest changes have types of their own there, in the order of the changes' columns (models/changes).
Such a type is not altered: who sends a row by the old one while servers of two versions run would be misunderstood. A
change whose columns change is given a new type.
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
}
POSTGRES = (
    "CREATE FUNCTION rows_missing(change text, stood bigint, given bigint) RETURNS boolean LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '%: % of % rows do not stand where they were read', change, given - stood, given "
    "USING ERRCODE = 'serialization_failure'; END $$",
    *(f"CREATE TYPE {name} AS ({columns})" for name, columns in TYPES.items()),
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
