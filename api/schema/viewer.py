"""Who is calling, as the caller may see itself."""

from datetime import datetime

import strawberry

from api.models import Environment
from api.schema.partner import Partner
from api.schema.user import User


@strawberry.type(description="You: the partner, the key, and what it opens.")
class Viewer:
    """Who is calling."""

    partner: Partner | None = strawberry.field(description="Your organisation; null without a key.")
    key_id: str | None = strawberry.field(description="Public part of your key; null without a key.")
    environment: Environment = strawberry.field(description="The world that your key belongs to.")
    scopes: list[str] = strawberry.field(description="What your key or token opens.")
    user: User | None = strawberry.field(description="The one user whom your token is for; null without such a token.")
    expires_at: datetime | None = strawberry.field(description="When your key or token ends; null if that is not set.")
