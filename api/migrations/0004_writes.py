"""What the write path needs of the database: a version on each account, and a statement that fails as a whole.

On PostgreSQL a batch is written by one statement without a transaction around it. Where that does not find each of its
rows as it was read, it has to raise by itself, and SQL has no word for that: `rows_missing` is one.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

POSTGRES = (
    "CREATE FUNCTION rows_missing(change text, stood bigint, given bigint) RETURNS boolean LANGUAGE plpgsql AS $$ "
    "BEGIN RAISE EXCEPTION '%: % of % rows do not stand where they were read', change, given - stood, given "
    "USING ERRCODE = 'serialization_failure'; END $$",
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
