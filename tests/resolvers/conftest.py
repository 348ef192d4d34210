"""More people: the partner app's other key, another NGO."""

import pytest
from tortoise.context import TortoiseContext

from api.access import issue_key
from api.models import Environment, PartnerKind
from tests.conftest import Actor, add_partner


@pytest.fixture
async def sandbox(app_partner: Actor) -> Actor:
    """The partner app in the sandbox."""
    key = await issue_key(app_partner.partner, Environment.SANDBOX)
    return Actor(app_partner.partner, key, Environment.SANDBOX)


@pytest.fixture
async def other_ngo(db: TortoiseContext) -> Actor:
    """An NGO that has no part in the project."""
    return await add_partner("forests", PartnerKind.NGO)
