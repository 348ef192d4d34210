"""Fewer places that each transfer is written to: indexes that hold a part of the rows only, and one id less.

A user's transfers lie at random among everybody's, so each index of them costs a transfer a search and a page of its
own, of which PostgreSQL logs the whole once after each checkpoint.

- Donations are in `donation_page`; the index by user holds the other kinds now, and a list of all is made of both.
- A partner's transfers are only asked for as donations.
- What an action earned has the action's id, and is found by that. What was earned before has an id of its own, and is
  found by an index that holds no others.
- On SQLite, too, the queue's two indexes held all kinds: kinds came as parameters, and are written out now.

Keys of several parts by which rows are asked for thousands of times a second have types there, as rows have that are
written (migration 0004).
"""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

BOTH = (
    "CREATE INDEX transfer_move ON transfer (user_id, id) WHERE kind <> 'DONATE'",
    "CREATE INDEX transfer_of_partner ON transfer (partner_id, id) WHERE kind = 'DONATE'",
    "DROP INDEX transfer_of_action",
    "CREATE INDEX transfer_of_action ON transfer (user_id, action_id) WHERE action_id IS NOT NULL AND action_id <> id",
)
SQLITE = (
    "DROP INDEX transfer_credit",
    "CREATE INDEX transfer_credit ON transfer (user_id, credited_after) WHERE kind IN ('EARN', 'REVERSE_DONATE')",
    "DROP INDEX transfer_debit",
)
#: Keys of several parts by which rows are asked for.
KEYS = {
    "page_key": "user_id uuid, partner_id uuid, environment text, low uuid, high uuid",
    "link_key": "partner_id uuid, environment text, user_id uuid",
    "ref_key": "partner_id uuid, environment text, ref text",
    "order_key": "user_id uuid, partner_id uuid, key text, project_id uuid",
    "time_key": "user_id uuid, since timestamptz, until timestamptz",
}
POSTGRES = (
    # In the order of an action's posting, without an id of what it earned.
    "CREATE TYPE recorded_action AS ("
    "id uuid, environment text, user_id uuid, partner_id uuid, key text, fingerprint text, type text, "
    "quantity bigint, started_at timestamptz, ended_at timestamptz, external_ref text, status text, "
    "calculation text, reduction_g bigint, credited_g bigint, created_at timestamptz, "
    "credited_after bigint, debited_after bigint)",
    *(f"CREATE TYPE {name} AS ({columns})" for name, columns in KEYS.items()),
)


async def change_indexes(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Change the indexes of the database at hand."""
    sqlite = editor.client.capabilities.dialect == "sqlite"
    for statement in (*BOTH, *(SQLITE if sqlite else POSTGRES)):
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    """Changes the indexes of transfers; they are not changed back."""

    dependencies = [("lucid", "0004_writes")]
    initial = False
    operations = [
        ops.RunPython(change_indexes),
        ops.RemoveIndex(model_name="Transfer", fields=["user_id", "id"]),
        ops.RemoveIndex(model_name="Transfer", fields=["partner_id", "id"]),
    ]
