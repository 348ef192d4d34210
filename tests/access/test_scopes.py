"""Scopes: what the kinds of a partner allow."""

from api.access import Scope, scopes_of_kinds
from api.models import PartnerKind


def test_a_kind_opens_what_its_work_needs_and_no_more() -> None:
    assert {kind.value: sorted(scope.value for scope in scopes_of_kinds([kind])) for kind in PartnerKind} == {
        "ACTION_SOURCE": [
            "actions:read",
            "actions:write",
            "donations:read",
            "donations:write",
            "users:read",
            "users:write",
        ],
        "NGO": ["donations:read", "events:read", "projects:write"],
        "SPONSOR": ["donations:read", "events:read"],
        "OPERATOR": ["actions:read", "admin", "donations:read", "events:read", "projects:write", "users:read"],
    }


def test_several_kinds_open_what_each_of_them_opens() -> None:
    assert scopes_of_kinds([]) == frozenset()
    both = scopes_of_kinds(["ACTION_SOURCE", "NGO"])
    assert both == scopes_of_kinds(["ACTION_SOURCE"]) | {Scope.EVENTS_READ, Scope.PROJECTS_WRITE}


def test_who_sees_everything_writes_projects_and_nothing_in_a_partners_name() -> None:
    assert [scope.value for scope in scopes_of_kinds(["OPERATOR"]) if scope.value.endswith(":write")] == [
        "projects:write"
    ]
