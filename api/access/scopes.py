"""Scopes: what a key opens. A key never opens more than its partner's kinds allow."""

from collections.abc import Iterable
from enum import StrEnum

from api.models import PartnerKind


class Scope(StrEnum):
    """A right that a key carries."""

    ACTIONS_READ = "actions:read"
    ACTIONS_WRITE = "actions:write"
    DONATIONS_READ = "donations:read"
    DONATIONS_WRITE = "donations:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    EVENTS_READ = "events:read"
    PROJECTS_WRITE = "projects:write"
    #: Everything of every partner, to read. It writes nothing in a partner's name.
    ADMIN = "admin"


SCOPES_BY_KIND: dict[PartnerKind, frozenset[Scope]] = {
    PartnerKind.ACTION_SOURCE: frozenset(
        {
            Scope.ACTIONS_READ,
            Scope.ACTIONS_WRITE,
            Scope.DONATIONS_READ,
            Scope.DONATIONS_WRITE,
            Scope.USERS_READ,
            Scope.USERS_WRITE,
        }
    ),
    PartnerKind.NGO: frozenset({Scope.DONATIONS_READ, Scope.EVENTS_READ, Scope.PROJECTS_WRITE}),
    PartnerKind.SPONSOR: frozenset({Scope.DONATIONS_READ, Scope.EVENTS_READ}),
    PartnerKind.OPERATOR: frozenset(
        {
            Scope.ACTIONS_READ,
            Scope.DONATIONS_READ,
            Scope.USERS_READ,
            Scope.EVENTS_READ,
            Scope.PROJECTS_WRITE,
            Scope.ADMIN,
        }
    ),
}


def scopes_of_kinds(kinds: Iterable[str]) -> frozenset[Scope]:
    """Return every scope that a partner of these kinds may be given."""
    return frozenset().union(*(SCOPES_BY_KIND[PartnerKind(kind)] for kind in kinds))
