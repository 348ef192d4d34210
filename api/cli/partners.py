"""The commands about partners and their keys: `lucid partner …`."""

import argparse
from datetime import timedelta

from api.access import ScopeNotAllowed, add_partner, issue_key, revoke_key, rotate_keys, set_status
from api.access.scopes import Scope
from api.cli.running import Failed, run
from api.models import ApiKey, Environment, Partner, PartnerKind, PartnerStatus, now
from api.models.database import database
from api.settings import Settings

#: The longest that older keys work beside a new one: a year.
OVERLAP_MAX_H = 8_760
#: The longest that a key with an end can live: ten years.
DAYS_MAX = 3_650


def add_partner_commands(parser: argparse.ArgumentParser) -> None:
    """Add the commands to their parser."""
    partner = parser.add_subparsers(required=True, metavar="COMMAND")
    add = partner.add_parser("add", help="add a partner and print its first key")
    add.add_argument("slug", help="short name: small letters, digits, hyphens")
    add.add_argument("--name-en", required=True, help="name in English")
    add.add_argument("--name-zh", required=True, help="name in Chinese")
    add.add_argument("--kind", action="append", required=True, choices=[kind.value for kind in PartnerKind])
    add.add_argument("--sandbox", action="store_true", help="a key for the sandbox")
    add.set_defaults(run=_add)
    key = partner.add_parser("key", help="print a further key, which may open less than the partner may, and may end")
    key.add_argument("slug")
    key.add_argument("--sandbox", action="store_true", help="a key for the sandbox")
    key.add_argument(
        "--scope",
        action="append",
        choices=[scope.value for scope in Scope],
        help="what it opens; all that the partner may, if unsaid",
    )
    key.add_argument("--days", type=_days, help="days until it ends; it does not, if unsaid")
    key.add_argument("--label", default="", help="what it is for")
    key.set_defaults(run=_key)
    partner.add_parser("list", help="list partners and keys").set_defaults(run=_list)
    rotate = partner.add_parser("rotate", help="print a new key and let the older ones end")
    rotate.add_argument("slug")
    rotate.add_argument("--sandbox", action="store_true", help="the keys of the sandbox")
    rotate.add_argument("--overlap-h", type=_overlap, default=24, help="hours in which the older keys still work (24)")
    rotate.set_defaults(run=_rotate)
    revoke = partner.add_parser("revoke", help="end a key at once, with its tokens and sockets")
    revoke.add_argument("key_id", help="public part of the key, as `partner list` shows it")
    revoke.set_defaults(run=_revoke)
    for command, status, what in (
        ("suspend", PartnerStatus.SUSPENDED, "shut a partner out"),
        ("resume", PartnerStatus.ACTIVE, "let a suspended partner back in"),
    ):
        change = partner.add_parser(command, help=what)
        change.add_argument("slug")
        change.set_defaults(run=_status, status=status)


def _overlap(text: str) -> int:
    """Read for how many hours older keys still work.

    Raises: argparse.ArgumentTypeError.
    """
    return _number(text, 0, OVERLAP_MAX_H, "hours from 0, which ends the older keys at once,")


def _days(text: str) -> int:
    """Read for how many days a key works.

    Raises: argparse.ArgumentTypeError.
    """
    return _number(text, 1, DAYS_MAX, "days from 1")


def _number(text: str, least: int, most: int, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {what} to {most}")
    return int(text)


def _add(settings: Settings, given: argparse.Namespace) -> None:
    async def add() -> str:
        async with database(settings.database_url):
            if await Partner.by_slug(given.slug) is not None:
                raise Failed(f"There is a partner {given.slug} already.")
            kinds = [PartnerKind(kind) for kind in given.kind]
            partner = await add_partner(given.slug, name_zh=given.name_zh, name_en=given.name_en, kinds=kinds)
            return await issue_key(partner, _world(given))

    if not (given.slug.isascii() and given.slug.replace("-", "").isalnum() and given.slug.islower()):
        raise Failed("A slug has small letters, digits and hyphens only.")
    key = run(add())
    print(f"Added {given.slug}. Its key, shown only now:\n{key}")


def _key(settings: Settings, given: argparse.Namespace) -> None:
    async def issue() -> str:
        async with database(settings.database_url):
            partner = await _find(given.slug)
            scopes = {Scope(scope) for scope in given.scope} if given.scope else None
            expires_at = now() + timedelta(days=given.days) if given.days is not None else None
            try:
                return await issue_key(partner, _world(given), scopes, label=given.label, expires_at=expires_at)
            except ScopeNotAllowed as error:
                raise Failed(f"{error}: a partner may have what its kinds allow.") from None

    print(f"The new key, shown only now; the others are as they were:\n{run(issue())}")


def _list(settings: Settings, _: argparse.Namespace) -> None:
    async def show() -> None:
        async with database(settings.database_url):
            for partner in await Partner.everyone():
                print(f"{partner.slug:<24} {partner.status.value:<10} {', '.join(partner.kinds)}")
                for key in await ApiKey.of_partner(partner.id):
                    state = "valid" if key.is_valid(now()) else "ended"
                    until = f" until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else ""
                    print(f"  lk_{key.id}_…  {key.environment.value:<8} {state}{until}  {' '.join(key.scopes)}")

    run(show())


def _rotate(settings: Settings, given: argparse.Namespace) -> None:
    async def rotate() -> str:
        async with database(settings.database_url):
            partner = await _find(given.slug)
            retire_at = now() + timedelta(hours=given.overlap_h)
            return await rotate_keys(partner, _world(given), retire_at=retire_at)

    print(f"The new key, shown only now; the older ones end in {given.overlap_h} hours:\n{run(rotate())}")


def _revoke(settings: Settings, given: argparse.Namespace) -> None:
    async def revoke() -> bool:
        async with database(settings.database_url):
            return await revoke_key(given.key_id.removeprefix("lk_").partition("_")[0])

    if not run(revoke()):
        raise Failed(f"There is no key {given.key_id} that could be revoked.")
    print("Revoked. Its open sockets are closed within seconds.")


def _status(settings: Settings, given: argparse.Namespace) -> None:
    async def change() -> None:
        async with database(settings.database_url):
            partner = await _find(given.slug)
            if not await set_status(partner, given.status):
                raise Failed(f"{given.slug} is {given.status.value} already.")

    run(change())
    print(f"{given.slug} is {given.status.value} now.")


async def _find(slug: str) -> Partner:
    partner = await Partner.by_slug(slug)
    if partner is None:
        raise Failed(f"There is no partner {slug}.")
    return partner


def _world(given: argparse.Namespace) -> Environment:
    return Environment.SANDBOX if given.sandbox else Environment.LIVE
