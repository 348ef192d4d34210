"""Who is calling, as the caller may see itself."""

import strawberry

from api.models import Environment
from api.schema.partner import Partner


@strawberry.type(description="You: the partner, the key, and what it opens.")
class Viewer:
    """Who is calling."""

    partner: Partner | None = strawberry.field(description="Your organisation; null without a key.")
    key_id: str | None = strawberry.field(description="Public part of your key; null without a key.")
    environment: Environment = strawberry.field(description="The world that your key belongs to.")
    scopes: list[str] = strawberry.field(description="What your key opens.")
