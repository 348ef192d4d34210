"""The table of uses of what is deprecated."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Adds the table."""

    dependencies = [("lucid", "0002_guards")]
    initial = False
    operations = [
        ops.CreateModel(
            name="DeprecatedUse",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("partner_id", fields.UUIDField()),
                ("field", fields.CharField(max_length=255)),
                ("uses", fields.BigIntField()),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "deprecated_use",
                "app": "lucid",
                "unique_together": (("partner_id", "field"),),
                "pk_attr": "id",
                "table_description": "A partner's uses of one deprecated part of the schema, such as `Query.field`.",
            },
            bases=["Model"],
        ),
    ]
