"""What stands about orders when they are decided: account, link, the answer that the key has, the project's status.

One question for all of them, since every order needs the first ones and each question is a journey to the database.
"""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from tortoise import fields

from api.models.account import Account
from api.models.environment import Environment
from api.models.project import ProjectStatus
from api.models.rows import Shape
from api.models.statements import Statement


class Standing(Protocol):
    """What stands about the `n`-th order. Without a fingerprint its key has no receipt yet.

    `linked_in`: the world in which the partner is linked with the user, if it is.
    """

    n: int
    user_id: UUID
    credited: int
    debited: int
    held: int
    version: int
    linked_in: Environment | None
    fingerprint: str | None
    result_id: UUID | None
    refusal: dict[str, Any] | None
    created_at: datetime
    status: ProjectStatus | None


#: Keys: user, partner and key of an order, and the project that it is about, if any; `n` counts them from 0. There is a
#: row for each whose user has an account.
STANDING: Statement[Standing] = Statement(
    "what stands about orders",
    Shape[Any].of(
        Account,
        *("user_id", "credited", "debited", "held", "version"),
        linked_in=fields.CharEnumField(Environment, null=True),
        fingerprint=fields.CharField(max_length=64, null=True),
        result_id=fields.UUIDField(null=True),
        refusal=fields.JSONField(null=True),
        created_at=fields.DatetimeField(null=True),
        status=fields.CharEnumField(ProjectStatus),
        n=fields.BigIntField(),
    ),
    postgres="""
SELECT {a}, l.environment AS linked_in, r.fingerprint, r.result_id, r.refusal, r.created_at, p.status, k.n - 1 AS n
FROM unnest($1::order_key[]) WITH ORDINALITY AS k (user_id, partner_id, key, project_id, n)
JOIN account a ON a.user_id = k.user_id
LEFT JOIN user_link l ON l.user_id = k.user_id AND l.partner_id = k.partner_id
LEFT JOIN receipt r ON r.user_id = k.user_id AND r.partner_id = k.partner_id AND r.key = k.key
LEFT JOIN project p ON p.id = k.project_id
""",
    sqlite="""
SELECT {a}, l.environment AS linked_in, r.fingerprint, r.result_id, r.refusal, r.created_at, p.status, k.key AS n
FROM json_each(?1) k CROSS JOIN account a ON a.user_id = k.value ->> 0
LEFT JOIN user_link l ON l.user_id = k.value ->> 0 AND l.partner_id = k.value ->> 1
LEFT JOIN receipt r ON r.user_id = k.value ->> 0 AND r.partner_id = k.value ->> 1 AND r.key = k.value ->> 2
LEFT JOIN project p ON p.id = k.value ->> 3
""",
)
