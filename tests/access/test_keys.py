"""API keys: what they look like, whom they name, when they end, and what is kept of them."""

import re
from datetime import timedelta
from hashlib import sha256

import pytest
from tortoise.context import TortoiseContext

from api.access import NOBODY, Authenticator, Scope, ScopeNotAllowed, Unauthenticated, issue_key, rotate_keys
from api.models import ApiKey, Environment, Partner, PartnerKind, PartnerStatus, now
from api.models.database import is_sqlite
from tests.conftest import Actor, add_partner


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def is_refused(headers: dict[str, str]) -> bool:
    """Whether the headers name somebody who is not to be believed."""
    try:
        await Authenticator()(headers)
    except Unauthenticated:
        return True
    return False


async def test_a_key_names_its_partner_and_opens_what_its_kinds_allow(app_partner: Actor) -> None:
    assert re.fullmatch(r"lk_[a-z2-7]{16}_[A-Za-z0-9_-]{43}", app_partner.key)
    caller = await Authenticator()(bearer(app_partner.key))
    assert caller.partner == app_partner.partner
    assert caller.key_id == app_partner.key.split("_")[1]
    assert (caller.environment, caller.is_operator) == (Environment.LIVE, False)
    assert Scope.ACTIONS_WRITE in caller.scopes
    # The word Bearer in any case, and spaces around the key, are no reason to refuse.
    for header in (f"bearer {app_partner.key}", f"BEARER  {app_partner.key} "):
        assert (await Authenticator()({"authorization": header})).key_id == caller.key_id
    assert await Authenticator()({}) is NOBODY


async def test_what_is_not_a_valid_key_names_nobody_and_is_refused(app_partner: Actor) -> None:
    key = app_partner.key
    _, key_id, secret = key.split("_", 2)
    other = "b" if secret[0] != "b" else "c"
    for text in (
        "",
        "lk",
        "lk_",
        "lk__",
        f"lk_{key_id}",
        f"lk_{key_id}_",
        f"lk_{key_id}_{other}{secret[1:]}",
        f"lk_{key_id}_{secret}x",
        f"lk_{key_id}_{secret[:-1]}",
        f"lk_{key_id.upper()}_{secret}",
        f"lk_{'a' * 16}_{secret}",
        f"lk_{'a' * 17}_{secret}",
        f"lk__{secret}",
        f"LK_{key_id}_{secret}",
        f"pk_{key_id}_{secret}",
        f"lk_{key_id}_\u00e9{secret}",
        f"lk_\u6f22\u5b57_{secret}",
        f"lk_{key_id}%_{secret}",
        "lk_' OR 1=1 --_x",
        "x" * 100_000,
        f"{key} {key}",
    ):
        assert await is_refused(bearer(text)), text
    for header in ("", "Bearer", key, f"Basic {key}", f"Token {key}", f"Bearer{key}"):
        assert await is_refused({"authorization": header}), header
    assert not await is_refused(bearer(key))


async def test_a_key_ends_when_it_expires_is_revoked_or_its_partner_is_suspended(app_partner: Actor) -> None:
    partner = app_partner.partner
    for ends, refused in ((timedelta(seconds=-1), True), (timedelta(hours=1), False)):
        assert await is_refused(bearer(await issue_key(partner, expires_at=now() + ends))) is refused
    revoked = await issue_key(partner)
    await ApiKey.filter(id=revoked.split("_")[1]).update(revoked_at=now())
    assert await is_refused(bearer(revoked))
    for status, refused in ((PartnerStatus.SUSPENDED, True), (PartnerStatus.ACTIVE, False)):
        await Partner.filter(id=partner.id).update(status=status)
        assert await is_refused(bearer(app_partner.key)) is refused


async def test_a_key_never_opens_more_than_its_partner_may_today(db: TortoiseContext) -> None:
    both = await add_partner("both", PartnerKind.ACTION_SOURCE, PartnerKind.NGO)
    assert Scope.EVENTS_READ in (await Authenticator()(bearer(both.key))).scopes
    await Partner.filter(id=both.partner.id).update(kinds=["NGO"])
    caller = await Authenticator()(bearer(both.key))
    assert caller.scopes == {Scope.DONATIONS_READ, Scope.EVENTS_READ, Scope.PROJECTS_WRITE}

    narrow = await issue_key(both.partner, scopes={Scope.DONATIONS_READ})
    assert (await Authenticator()(bearer(narrow))).scopes == {Scope.DONATIONS_READ}
    await both.partner.refresh_from_db()
    before = await ApiKey.all().count()
    with pytest.raises(ScopeNotAllowed, match="both may not have admin"):
        await issue_key(both.partner, scopes={Scope.ADMIN, Scope.EVENTS_READ})
    assert await ApiKey.all().count() == before


async def test_the_old_key_works_beside_the_new_one_until_the_overlap_is_over(app_partner: Actor) -> None:
    partner = app_partner.partner
    narrow = await issue_key(partner, Environment.SANDBOX, {Scope.USERS_READ})
    gone = await issue_key(partner, expires_at=now() - timedelta(days=1))
    retire_at = now() + timedelta(hours=24)
    soon = await issue_key(partner, expires_at=retire_at - timedelta(hours=23))

    new = await rotate_keys(partner, Environment.LIVE, retire_at=retire_at)

    ends = {key.id: key.expires_at for key in await ApiKey.of_partner(partner.id)}
    assert ends[app_partner.key.split("_")[1]] == retire_at
    assert ends[new.split("_")[1]] is None
    assert ends[narrow.split("_")[1]] is None
    assert ends[soon.split("_")[1]] == retire_at - timedelta(hours=23)
    assert (ends[gone.split("_")[1]] or now()) < now()
    for key in (app_partner.key, new, narrow, soon):
        assert not await is_refused(bearer(key))
    # At once, where a key has leaked.
    newest = await rotate_keys(partner, Environment.LIVE, retire_at=now())
    assert [await is_refused(bearer(key)) for key in (app_partner.key, new, soon, newest)] == [True, True, True, False]
    # The new key has the scopes of the old ones, no more.
    sandbox = await rotate_keys(partner, Environment.SANDBOX, retire_at=retire_at)
    caller = await Authenticator()(bearer(sandbox))
    assert caller.environment is Environment.SANDBOX
    assert caller.scopes == {Scope.USERS_READ}


async def test_a_partner_that_lost_a_kind_can_still_rotate_its_keys(db: TortoiseContext) -> None:
    both = await add_partner("both", PartnerKind.ACTION_SOURCE, PartnerKind.NGO)
    await Partner.filter(id=both.partner.id).update(kinds=["NGO"])
    partner = await Partner.get(id=both.partner.id)
    new = await rotate_keys(partner, Environment.LIVE, retire_at=now())
    assert (await Authenticator()(bearer(new))).scopes == {
        Scope.DONATIONS_READ,
        Scope.EVENTS_READ,
        Scope.PROJECTS_WRITE,
    }


async def test_the_secret_of_a_key_is_nowhere_in_the_database(
    app_partner: Actor, db: TortoiseContext, url: str
) -> None:
    secret = app_partner.key.split("_", 2)[2]
    connection = db.db()
    listing = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if is_sqlite(url)
        else "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    tables = [row["name"] for row in await connection.execute_query_dict(listing)]
    assert "api_key" in tables
    found = {
        table: str(await connection.execute_query_dict(f'SELECT * FROM "{table}"'))  # noqa: S608 - from the catalogue
        for table in tables
    }
    assert [table for table, text in found.items() if secret in text] == []
    key = await ApiKey.get(id=app_partner.key.split("_")[1])
    assert key.secret_hash == sha256(secret.encode()).hexdigest()
    assert key.secret_hash in found["api_key"]
