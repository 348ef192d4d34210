"""Keys that sign tokens. A new one is made when the newest has grown old; an old one still verifies until it ends."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model


class SigningKey(Model):
    """A secret that signs tokens from `created_at` on, none of which is valid after `ends_at`."""

    kid = fields.CharField(max_length=16, primary_key=True)
    secret = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()

    class Meta:
        table = "signing_key"

    @classmethod
    async def unended(cls, at: datetime) -> "list[SigningKey]":
        """Return the keys that still verify at the moment `at`, oldest first."""
        return await cls.filter(ends_at__gt=at).order_by("created_at", "kid")
