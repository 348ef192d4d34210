"""The indexes that Tortoise has no words for: of a part of the rows, or with more columns than they are sorted by.

A user's rows lie all over their tables, written between those of everybody else. A page of twenty actions would read
twenty places of the heap, so the indexes of pages hold what a page shows, and PostgreSQL answers from them alone; it
can where the rows were vacuumed since, which happens here each time a table has grown by a hundredth.

Every index of a user is one more random place that a transfer writes, and PostgreSQL logs the whole page of it once
after each checkpoint. So each holds the kinds of transfers that are looked for in it and no others. On SQLite an index
of some kinds is not used when the kinds are given as parameters, so there those hold all.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

SHOWN_OF_ACTIONS = (
    "environment, type, quantity, started_at, ended_at, external_ref, status, credited_g, taken_back_g, created_at, "
    "reversed_at"
)
SHOWN_OF_DONATIONS = "environment, project_id, amount_g, debited_after, created_at"

BOTH = (
    # A transfer is reversed once. Unique indexes start with the user (decision 0009); who asks may know no user.
    "CREATE UNIQUE INDEX transfer_reversed_once ON transfer (user_id, reverses) WHERE reverses IS NOT NULL",
    "CREATE INDEX transfer_reverses ON transfer (reverses) WHERE reverses IS NOT NULL",
    "CREATE INDEX transfer_of_action ON transfer (user_id, action_id) WHERE action_id IS NOT NULL",
    "CREATE INDEX transfer_of_project ON transfer (project_id, id) WHERE project_id IS NOT NULL",
)
SQLITE = (
    "CREATE INDEX action_page ON action (user_id, partner_id, id)",
    "CREATE INDEX donation_page ON transfer (user_id, partner_id, id) WHERE kind = 'DONATE'",
    "CREATE INDEX transfer_credit ON transfer (user_id, credited_after)",
    "CREATE INDEX transfer_debit ON transfer (user_id, debited_after)",
)
POSTGRES = (
    f"CREATE INDEX action_page ON action (user_id, partner_id, id) INCLUDE ({SHOWN_OF_ACTIONS})",
    "CREATE INDEX donation_page ON transfer (user_id, partner_id, id) "
    f"INCLUDE ({SHOWN_OF_DONATIONS}) WHERE kind = 'DONATE'",
    "CREATE INDEX transfer_credit ON transfer (user_id, credited_after) WHERE kind IN ('EARN', 'REVERSE_DONATE')",
    "CREATE INDEX transfer_debit ON transfer (user_id, debited_after) WHERE kind = 'DONATE'",
    "ALTER TABLE action SET (autovacuum_vacuum_insert_scale_factor = 0.01)",
    "ALTER TABLE transfer SET (autovacuum_vacuum_insert_scale_factor = 0.01)",
    # An account is changed with every transfer: room beside it, so that its new version stays in its page.
    "ALTER TABLE account SET (fillfactor = 70)",
)


async def make_indexes(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Make the indexes of the database at hand."""
    sqlite = editor.client.capabilities.dialect == "sqlite"
    for statement in (*BOTH, *(SQLITE if sqlite else POSTGRES)):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """Makes the indexes; they are not dropped again."""

    dependencies = [("lucid", "0002_guards")]
    initial = False
    operations = [ops.RunPython(make_indexes)]
