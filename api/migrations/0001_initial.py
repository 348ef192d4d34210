from tortoise import migrations
from tortoise.migrations import operations as ops
from api.models.action import ActionStatus
from api.models.action_type import ActionCategory, QuantityUnit, ScenarioChannel
from api.models.audit_entry import AuditKind
from api.models.emission_factor import BaselineKind
from api.models.environment import Environment
from api.models.event import EventKind
from api.models.partner import PartnerStatus
from api.models.project import OrganisationRole, ProjectCategory, ProjectStatus
from api.models.transfer import TransferKind
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Account",
            fields=[
                ("user_id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("credited", fields.BigIntField(default=0)),
                ("debited", fields.BigIntField(default=0)),
                ("held", fields.BigIntField(default=0)),
            ],
            options={
                "table": "account",
                "app": "lucid",
                "pk_attr": "user_id",
                "table_description": "The energy of a user, in grams.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Action",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("user_id", fields.UUIDField()),
                ("partner_id", fields.UUIDField()),
                ("type", fields.CharField(max_length=32)),
                ("quantity", fields.BigIntField()),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("external_ref", fields.CharField(null=True, max_length=128)),
                (
                    "status",
                    fields.CharEnumField(
                        description="CREDITED: CREDITED\nCAPPED: CAPPED\nREVERSED: REVERSED",
                        enum_type=ActionStatus,
                        max_length=8,
                    ),
                ),
                ("calculation", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("reduction_g", fields.BigIntField()),
                ("credited_g", fields.BigIntField()),
                ("taken_back_g", fields.BigIntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("reversed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "action",
                "app": "lucid",
                "indexes": [Index(fields=["user_id", "ended_at"]), Index(fields=["partner_id", "id"])],
                "pk_attr": "id",
                "table_description": "A green action of a user. Only its status, and what a reversal took back, ever change.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ActionRef",
            fields=[
                ("action_id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("partner_id", fields.UUIDField()),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("ref", fields.CharField(max_length=128)),
            ],
            options={
                "table": "action_ref",
                "app": "lucid",
                "unique_together": (("partner_id", "environment", "ref"),),
                "pk_attr": "action_id",
                "table_description": "A reference that names an action, reversed ones included.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ActionType",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("name_zh", fields.CharField(max_length=100)),
                ("name_en", fields.CharField(max_length=100)),
                (
                    "category",
                    fields.CharEnumField(
                        description="TRAVEL: TRAVEL\nCONSUMPTION: CONSUMPTION\nRECYCLING: RECYCLING\nEDUCATION: EDUCATION",
                        enum_type=ActionCategory,
                        max_length=16,
                    ),
                ),
                (
                    "channel",
                    fields.CharEnumField(
                        description="ONLINE: ONLINE\nOFFLINE: OFFLINE", enum_type=ScenarioChannel, max_length=8
                    ),
                ),
                (
                    "unit",
                    fields.CharEnumField(
                        description="METRE: METRE\nCOUNT: COUNT", enum_type=QuantityUnit, max_length=8
                    ),
                ),
                ("excludes_overlap", fields.BooleanField()),
                ("speed_kmh_max", fields.IntField(null=True)),
                ("quantity_max", fields.BigIntField()),
                ("quantity_day_max", fields.BigIntField()),
                ("grams_day_max", fields.BigIntField()),
                ("reporting_window_s", fields.IntField()),
                ("active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "action_type",
                "app": "lucid",
                "pk_attr": "id",
                "table_description": "A kind of green action.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "kind",
                    fields.CharEnumField(
                        description="PARTNER_ADDED: PARTNER_ADDED\nPARTNER_SUSPENDED: PARTNER_SUSPENDED\nPARTNER_RESUMED: PARTNER_RESUMED\nKEY_ISSUED: KEY_ISSUED\nKEY_RETIRED: KEY_RETIRED\nKEY_REVOKED: KEY_REVOKED\nPROJECT_ADDED: PROJECT_ADDED\nPROJECT_UPDATED: PROJECT_UPDATED\nPROJECT_STATUS_CHANGED: PROJECT_STATUS_CHANGED\nPROJECT_PARTNERS_CHANGED: PROJECT_PARTNERS_CHANGED\nSANDBOX_CLOCK_ADVANCED: SANDBOX_CLOCK_ADVANCED",
                        enum_type=AuditKind,
                        max_length=24,
                    ),
                ),
                ("actor", fields.CharField(max_length=64)),
                ("partner_id", fields.UUIDField(null=True)),
                ("project_id", fields.UUIDField(null=True)),
                ("details", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "audit_entry",
                "app": "lucid",
                "indexes": [Index(fields=["partner_id", "id"])],
                "pk_attr": "id",
                "table_description": "A change of access, in the transaction that makes it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Block",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("project_id", fields.UUIDField()),
                ("number", fields.BigIntField()),
                ("first_sequence", fields.BigIntField()),
                ("count", fields.IntField()),
                ("total_after_g", fields.BigIntField()),
                ("merkle_root", fields.CharField(max_length=64)),
                ("previous_hash", fields.CharField(max_length=64)),
                ("hash", fields.CharField(max_length=64)),
                ("epoch", fields.BigIntField()),
                ("sealed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "block",
                "app": "lucid",
                "unique_together": (("project_id", "environment", "number"),),
                "pk_attr": "id",
                "table_description": "A run of a project's events. Never updated, never deleted.",
            },
            bases=["Model"],
        ),
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
        ops.CreateModel(
            name="EmissionFactor",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("methodology", fields.CharField(max_length=32)),
                ("action_type", fields.CharField(max_length=32)),
                (
                    "baseline_kind",
                    fields.CharEnumField(
                        description="MODAL_AVERAGE: MODAL_AVERAGE\nSUBSTITUTION: SUBSTITUTION",
                        enum_type=BaselineKind,
                        max_length=16,
                    ),
                ),
                ("baseline_mg", fields.BigIntField()),
                ("project_mg", fields.BigIntField()),
                ("per_quantity", fields.IntField()),
                ("per_label", fields.CharField(max_length=32)),
                ("valid_from", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("valid_to", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("source", fields.TextField(unique=False)),
            ],
            options={
                "table": "emission_factor",
                "app": "lucid",
                "unique_together": (("methodology", "action_type", "valid_from"),),
                "pk_attr": "id",
                "table_description": "Milligrams of CO2e for each `per_quantity` of an action type, baseline and actual.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Event",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("project_id", fields.UUIDField()),
                ("sequence", fields.BigIntField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="DONATION: DONATION\nDONATION_REVERSED: DONATION_REVERSED",
                        enum_type=EventKind,
                        max_length=20,
                    ),
                ),
                ("transfer_id", fields.UUIDField(unique=True)),
                ("donation_id", fields.UUIDField()),
                ("amount_g", fields.BigIntField()),
                ("total_after_g", fields.BigIntField()),
                ("donor", fields.CharField(max_length=20)),
                ("donor_commitment", fields.CharField(max_length=64)),
                ("leaf_hash", fields.CharField(max_length=64)),
                ("block_number", fields.BigIntField()),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("sealed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "event",
                "app": "lucid",
                "unique_together": (("project_id", "environment", "sequence"),),
                "pk_attr": "id",
                "table_description": "A numbered fact. Never updated, never deleted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Gap",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("user_id", fields.UUIDField()),
                ("transfer_id", fields.UUIDField()),
                ("starts", fields.BigIntField()),
                ("ends", fields.BigIntField()),
            ],
            options={
                "table": "gap",
                "app": "lucid",
                "unique_together": (("user_id", "starts"),),
                "pk_attr": "id",
                "table_description": "Positions from `starts` to before `ends` that no donation can hold. Never updated, never deleted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LinkCode",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("code", fields.CharField(unique=True, max_length=16)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("user_id", fields.UUIDField()),
                ("issued_by", fields.UUIDField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("redeemed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("redeemed_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "link_code",
                "app": "lucid",
                "pk_attr": "id",
                "table_description": "A code issued through one partner and redeemed through another.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Outbox",
            fields=[
                ("transfer_id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("project_id", fields.UUIDField()),
                ("user_id", fields.UUIDField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="DONATION: DONATION\nDONATION_REVERSED: DONATION_REVERSED",
                        enum_type=EventKind,
                        max_length=20,
                    ),
                ),
                ("amount_g", fields.BigIntField()),
                ("donation_id", fields.UUIDField()),
                ("occurred_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "outbox",
                "app": "lucid",
                "pk_attr": "transfer_id",
                "table_description": "A fact that waits for its number, under the id of its transfer.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Partner",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("slug", fields.CharField(unique=True, max_length=64)),
                ("name_zh", fields.CharField(max_length=200)),
                ("name_en", fields.CharField(max_length=200)),
                ("kinds", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "status",
                    fields.CharEnumField(
                        default=PartnerStatus.ACTIVE,
                        description="ACTIVE: ACTIVE\nSUSPENDED: SUSPENDED",
                        enum_type=PartnerStatus,
                        max_length=16,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partner",
                "app": "lucid",
                "pk_attr": "id",
                "table_description": "An organisation that takes part.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ApiKey",
            fields=[
                ("id", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16)),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "lucid.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("secret_hash", fields.CharField(max_length=64)),
                ("scopes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("label", fields.CharField(default="", max_length=100)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "api_key", "app": "lucid", "pk_attr": "id", "table_description": "A partner's key."},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Project",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("code", fields.CharField(unique=True, max_length=64)),
                ("name_zh", fields.CharField(max_length=200)),
                ("name_en", fields.CharField(max_length=200)),
                ("description_zh", fields.TextField(unique=False)),
                ("description_en", fields.TextField(unique=False)),
                (
                    "category",
                    fields.CharEnumField(
                        description="ECOLOGICAL_RESTORATION: ECOLOGICAL_RESTORATION\nWATER: WATER\nBIODIVERSITY: BIODIVERSITY\nEDUCATION: EDUCATION\nLOW_CARBON: LOW_CARBON",
                        enum_type=ProjectCategory,
                        max_length=24,
                    ),
                ),
                ("sector", fields.CharField(max_length=5)),
                ("sdgs", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("longitude", fields.FloatField(null=True)),
                ("latitude", fields.FloatField(null=True)),
                ("goal_g", fields.BigIntField(null=True)),
                (
                    "status",
                    fields.CharEnumField(
                        description="PIPELINE: PIPELINE\nIMPLEMENTATION: IMPLEMENTATION\nFINALISATION: FINALISATION\nCLOSED: CLOSED\nCANCELLED: CANCELLED\nSUSPENDED: SUSPENDED",
                        enum_type=ProjectStatus,
                        max_length=16,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "project",
                "app": "lucid",
                "pk_attr": "id",
                "table_description": "An environmental project.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProjectDonor",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("project_id", fields.UUIDField()),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("user_id", fields.UUIDField()),
                ("energy_g", fields.BigIntField()),
            ],
            options={
                "table": "project_donor",
                "app": "lucid",
                "unique_together": (("project_id", "environment", "user_id"),),
                "pk_attr": "id",
                "table_description": "What a user has given to a project, net of reversals, so that donors are counted once.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProjectHead",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("project_id", fields.UUIDField()),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("sequence", fields.BigIntField(default=0)),
                ("energy_g", fields.BigIntField(default=0)),
                ("donations", fields.BigIntField(default=0)),
                ("donors", fields.BigIntField(default=0)),
                ("block_number", fields.BigIntField(default=0)),
                ("block_hash", fields.CharField(max_length=64)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "project_head",
                "app": "lucid",
                "unique_together": (("project_id", "environment"),),
                "pk_attr": "id",
                "table_description": "A project's totals, written by the sealer alone.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProjectOrganisation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "lucid.Project",
                        source_field="project_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "lucid.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "role",
                    fields.CharEnumField(
                        description="FUNDING: FUNDING\nACCOUNTABLE: ACCOUNTABLE\nEXTENDING: EXTENDING\nIMPLEMENTING: IMPLEMENTING",
                        enum_type=OrganisationRole,
                        max_length=16,
                    ),
                ),
            ],
            options={
                "table": "project_organisation",
                "app": "lucid",
                "unique_together": (("project_id", "partner_id", "role"),),
                "pk_attr": "id",
                "table_description": "An organisation's role in a project.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RateLevel",
            fields=[
                ("payer", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("level", fields.FloatField()),
                ("at", fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "rate_level",
                "app": "lucid",
                "pk_attr": "payer",
                "table_description": "The level of a bucket at a moment of the database's clock. Below zero is owed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Receipt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("user_id", fields.UUIDField()),
                ("partner_id", fields.UUIDField()),
                ("key", fields.CharField(max_length=128)),
                ("operation", fields.CharField(max_length=32)),
                ("fingerprint", fields.CharField(max_length=64)),
                ("result_id", fields.UUIDField(null=True)),
                ("refusal", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "receipt",
                "app": "lucid",
                "unique_together": (("user_id", "partner_id", "key"),),
                "pk_attr": "id",
                "table_description": "The answer that was given to a key. Never updated, never deleted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SandboxClock",
            fields=[
                ("partner_id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("ahead_s", fields.BigIntField(default=0)),
            ],
            options={
                "table": "sandbox_clock",
                "app": "lucid",
                "pk_attr": "partner_id",
                "table_description": "By how much a partner's sandbox is ahead of the real time. It only grows.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SealerLease",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16)),
                ("holder", fields.UUIDField()),
                ("epoch", fields.BigIntField()),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sealer_lease",
                "app": "lucid",
                "pk_attr": "name",
                "table_description": "One row. A new holder raises the epoch, and every sealing transaction begins by proving its epoch.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SigningKey",
            fields=[
                ("kid", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16)),
                ("secret", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "signing_key",
                "app": "lucid",
                "pk_attr": "kid",
                "table_description": "A secret that signs tokens from `created_at` on, none of which is valid after `ends_at`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Transfer",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("user_id", fields.UUIDField()),
                ("partner_id", fields.UUIDField()),
                (
                    "kind",
                    fields.CharEnumField(
                        description="EARN: EARN\nDONATE: DONATE\nREVERSE_EARN: REVERSE_EARN\nREVERSE_DONATE: REVERSE_DONATE\nRECLAIM: RECLAIM",
                        enum_type=TransferKind,
                        max_length=16,
                    ),
                ),
                ("amount_g", fields.BigIntField()),
                ("project_id", fields.UUIDField(null=True)),
                ("action_id", fields.UUIDField(null=True)),
                ("reverses", fields.UUIDField(null=True)),
                ("credited_after", fields.BigIntField()),
                ("debited_after", fields.BigIntField()),
                ("effective_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "transfer",
                "app": "lucid",
                "indexes": [Index(fields=["user_id", "id"]), Index(fields=["partner_id", "id"])],
                "pk_attr": "id",
                "table_description": "A move of energy. Never updated, never deleted: triggers refuse it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                ("salt", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "user",
                "app": "lucid",
                "pk_attr": "id",
                "table_description": "A pseudonymous person who owns energy.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UserLink",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "environment",
                    fields.CharEnumField(
                        description="LIVE: LIVE\nSANDBOX: SANDBOX", enum_type=Environment, max_length=8
                    ),
                ),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "lucid.Partner",
                        source_field="partner_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "lucid.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("external_ref", fields.CharField(max_length=128)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "user_link",
                "app": "lucid",
                "unique_together": (("partner_id", "environment", "external_ref"), ("user_id", "partner_id")),
                "indexes": [Index(fields=["partner_id", "user_id", "environment"])],
                "pk_attr": "id",
                "table_description": "A partner's own id of a user.",
            },
            bases=["Model"],
        ),
    ]
