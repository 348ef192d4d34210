"""A small world in which everybody has something, and which knows who may learn what.

The app has three users: the first is asked about, the second is a neighbour, the third carries a code to another
partner. The other app has a rider, and the sandbox a tester under the very reference of the first.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from tortoise.context import TortoiseContext

from api.access import issue_key, revoke_key, set_status
from api.access.tokens import Grant, Signer
from api.models import (
    ApiKey,
    AuditEntry,
    AuditKind,
    DeprecatedUse,
    Environment,
    PartnerKind,
    PartnerStatus,
    Project,
    decode_id,
    new_id,
    now,
)
from api.models.database import database
from api.settings import Settings
from tests.conftest import Actor, Client, Running, add_partner, add_project, serving
from tests.resolvers.calls import call, donate, project_id, record, sealed, trip, user

EVERY_SCOPE = ("actions:read", "actions:write", "donations:read", "donations:write", "users:read")
OF_KEY = {"app", "token", "narrow", "other_token", "operator", "sandbox"}
POSSESSIONS = """{ users { nodes {
  id externalRef actions { nodes { id externalRef } } donations { nodes { id donor event { id } } }
} } }"""

#: What changes by itself, or with every call: an account's version counts refusals, too.
RESTLESS = {"sealer_lease", "rate_level"}
RESTLESS_COLUMNS = {"last_used_at": None, "version": None}


@dataclass
class World:
    """The service, everybody who calls it, and what they call it about."""

    service: Running
    context: TortoiseContext
    actors: dict[str, Actor | None]  # None has no key
    ids: dict[str, Any]
    secrets: dict[str, set[str]] = field(default_factory=dict)  # to whom each may be shown
    hours: "count[int]" = field(default_factory=lambda: count(1))

    def client(self, caller: str) -> Client:
        """Return somebody's client."""
        return self.service.client(self.actors[caller])

    def leaks(self, caller: str, text: str) -> list[str]:
        """Return what a text holds that is not for this caller."""
        return [secret for secret, readers in self.secrets.items() if caller not in readers and secret in text]

    def trip(self) -> Any:
        """Return a trip at a time at which there was none."""
        return trip(hour=next(self.hours))

    async def travel(self, caller: str, ref: str, external_ref: str | None = None) -> str:
        """Record a trip and return the action's id."""
        given = {"legs": [self.trip()], "externalRef": external_ref}
        payload = await record(self.client(caller), f"trip {new_id()}", ref, **given)
        action: str = payload["action"]["id"]
        return action

    async def give(self, caller: str, ref: str, project: Project, key: str) -> str:
        """Donate some grams and return the donation's id."""
        donation: str = (await donate(self.client(caller), key, project, 10, ref))["donation"]["id"]
        return donation

    async def renew(self, mutation: str) -> bool:
        """Make anew what a call of a mutation uses up; tell whether that has written anything."""
        self.ids["legs"] = [self.trip()]
        if mutation == "reverseAction":
            self.ids["action"] = await self.travel("app", "asked-about")
        elif mutation == "reverseDonation":
            self.ids["donation"] = await self.give("app", "asked-about", self.ids["row"], str(new_id()))
        return mutation in {"reverseAction", "reverseDonation"}

    async def everything(self, *, but: Collection[str] = ()) -> dict[str, list[str]]:
        """Return every row of every table, when all donations have their numbers."""
        await sealed()
        assert self.context.apps is not None
        tables = {kind._meta.db_table for kind in self.context.apps["lucid"].values()} - RESTLESS - set(but)
        found = {}
        for table in tables:
            rows = await self.context.db().execute_query_dict(f'SELECT * FROM "{table}"')  # noqa: S608 - our own names
            found[table] = sorted(str({**dict(one), **RESTLESS_COLUMNS}) for one in rows)
        return found


@asynccontextmanager
async def open_world(url: str) -> AsyncIterator[World]:
    """Serve on a database of one's own, in which everybody is there."""
    async with database(url, shared=True) as context, serving(Settings(database_url=url), context) as service:
        app = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        ngo = await add_partner("waters", PartnerKind.NGO)
        partners = {
            "app": app,
            "other_app": await add_partner("transit", PartnerKind.ACTION_SOURCE),
            "ngo": ngo,
            "other_ngo": await add_partner("forests", PartnerKind.NGO),
            "operator": await add_partner("operator", PartnerKind.OPERATOR),
            "sandbox": Actor(app.partner, await issue_key(app.partner, Environment.SANDBOX), Environment.SANDBOX),
        }
        yield await make_world(service, context, partners, await add_project("longwu", ngo))


async def make_world(service: Running, context: TortoiseContext, partners: dict[str, Actor], project: Project) -> World:
    """Make the world. The action and the donation that are asked about were reversed."""
    made = World(service, context, {"nobody": None, **partners}, {"row": project, "project": project_id(project)})
    forest = await add_project("forest", partners["other_ngo"])
    for number, (caller, ref, cause) in enumerate(
        (
            ("app", "asked-about", project),
            ("app", "neighbour", project),
            ("app", "carried", project),
            ("other_app", "rider", forest),
            ("sandbox", "asked-about", project),
        )
    ):
        await made.travel(caller, ref, f"trip-{number}")
        await made.give(caller, ref, cause, "gift")
    await _reverse(made)
    issued = await call(made.client("app"), "issueLinkCode", idempotencyKey="code", user=user("carried"))
    made.ids["code"] = issued["linkCode"]["code"]
    await DeprecatedUse.add(partners["app"].partner.id, "Query.old", 1, now())
    await AuditEntry.note(AuditKind.PROJECT_ADDED, "command line", project_id=project.id)
    await _keep_secrets(made)
    await _hand_out(made, partners["app"])
    await ApiKey.all().update(last_used_at=now())
    await made.renew("")
    return made


async def _reverse(world: World) -> None:
    app = world.client("app")
    await world.travel("app", "asked-about")
    found = await app("{ actions(order: OLDEST) { nodes { id } } donations(order: OLDEST) { nodes { id } } }")
    world.ids["action"] = found["actions"]["nodes"][0]["id"]
    world.ids["donation"] = found["donations"]["nodes"][0]["id"]
    await call(app, "reverseDonation", idempotencyKey="back", donationId=world.ids["donation"])
    await call(app, "reverseAction", idempotencyKey="void", actionId=world.ids["action"])
    await sealed()


async def _keep_secrets(world: World) -> None:
    """Take down whose everything is."""
    readers = {"asked-about": {"token"}, "neighbour": {"other_token"}, "carried": set()}
    for caller in ("app", "other_app", "sandbox"):
        own = {caller} if caller == "sandbox" else {caller, "operator"}
        cause = "other_ngo" if caller == "other_app" else "ngo"
        for person in (await world.client(caller)(POSSESSIONS))["users"]["nodes"]:
            ref = person["externalRef"]
            mine = own | (readers[ref] if caller == "app" else set())
            if caller == "app":
                world.ids["user" if ref == "asked-about" else ref] = person["id"]
            world.secrets[person["id"]] = mine
            for action in person["actions"]["nodes"]:
                texts = {action["id"], action["externalRef"]} - {None}
                narrow = {"narrow"} if "token" in mine else set()
                world.secrets |= dict.fromkeys(texts, mine | narrow)
            for donation in person["donations"]["nodes"]:
                texts = {donation["id"], donation["donor"], donation["event"]["id"]}
                world.secrets |= dict.fromkeys(texts, mine if caller == "sandbox" else mine | {cause})
                if donation["id"] == world.ids["donation"]:
                    world.ids["event"] = donation["event"]["id"]
    # References are their partner's: the operator is told none.
    world.secrets |= {"neighbour": {"app", "other_token"}, "rider": {"other_app"}, "carried": {"app"}}
    world.secrets["asked-about"] = {"app", "token", "sandbox"}
    for caller in ("other_app", "ngo", "other_ngo", "operator"):
        actor = world.actors[caller]
        assert actor is not None
        world.secrets[actor.key.split("_")[1]] = {caller, "operator"}


async def _hand_out(world: World, app: Actor) -> None:
    """Hand out tokens, and credentials that have ended."""
    partner = app.partner
    world.secrets[app.key.split("_")[1]] = OF_KEY
    revoked = Actor(partner, await issue_key(partner))
    expired = Actor(partner, await issue_key(partner, expires_at=now() - timedelta(seconds=1)))
    suspended = await add_partner("gone", PartnerKind.ACTION_SOURCE)
    for name, maker, ref, scopes in (
        ("token", app, "asked-about", EVERY_SCOPE),
        ("narrow", app, "asked-about", ("actions:read",)),
        ("other_token", app, "neighbour", EVERY_SCOPE),
        ("revoked_token", revoked, "asked-about", EVERY_SCOPE),
    ):
        given = {"idempotencyKey": f"token {name}", "user": user(ref), "scopes": list(scopes)}
        payload = await call(world.service.client(maker), "createUserToken", **given)
        world.actors[name] = Actor(partner, payload["token"])
    await revoke_key(revoked.key.split("_")[1])
    await set_status(suspended.partner, PartnerStatus.SUSPENDED)
    decoded = decode_id(world.ids["user"])
    assert decoded is not None
    ended = Grant(
        key_id=app.key.split("_")[1],
        scopes=EVERY_SCOPE,
        issued_at=now() - timedelta(hours=1),
        expires_at=now() - timedelta(seconds=1),
        token_id=new_id(),
        user_id=decoded[1],
    )
    world.actors |= {
        "wrong": Actor(partner, f"{app.key[:-5]}wrong"),
        "revoked": revoked,
        "expired": expired,
        "suspended": suspended,
        "expired_token": Actor(partner, await Signer().sign(ended)),
    }
