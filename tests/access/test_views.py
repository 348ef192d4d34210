"""Who is shown the same: nothing that may change an answer is left out of the comparison."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from api.access import NOBODY, Caller, Language, Scope, standing_for, view_key
from api.models import Environment, Partner, PartnerKind, new_id, now

PARTNER = Partner(id=new_id(), slug="waters", name_zh="水", name_en="Waters", kinds=["NGO"], created_at=now())
CALLER = Caller(partner=PARTNER, key_id="key", scopes=frozenset({Scope.EVENTS_READ}), address="192.0.2.1")

#: What an answer may depend on, each with another value.
SEEN: dict[str, Any] = {
    "partner": Partner(id=new_id(), slug="waters", name_zh="水", name_en="Waters", kinds=["NGO"], created_at=now()),
    "environment": Environment.SANDBOX,
    "scopes": frozenset({Scope.EVENTS_READ, Scope.ADMIN}),
    "user_id": new_id(),
    "language": Language.ZH,
}
#: What no answer may depend on that is shared.
UNSEEN: dict[str, Any] = {
    "key_id": "other",
    "expires_at": now() + timedelta(hours=1),
    "token_expires_at": now() + timedelta(hours=1),
    "address": "192.0.2.2",
}


def test_every_fact_about_a_caller_is_seen_or_unseen() -> None:
    assert {field.name for field in fields(Caller)} == SEEN.keys() | UNSEEN.keys()


@pytest.mark.parametrize("name", SEEN)
def test_callers_that_may_be_answered_differently_are_not_shown_the_same(name: str) -> None:
    other = replace(CALLER, **{name: SEEN[name]})
    assert view_key(other) != view_key(CALLER)
    assert getattr(standing_for(other), name) == SEEN[name]


@pytest.mark.parametrize("name", UNSEEN)
def test_who_stands_for_callers_does_not_know_what_is_not_compared(name: str) -> None:
    other = replace(CALLER, **{name: UNSEEN[name]})
    assert view_key(other) == view_key(CALLER)
    assert standing_for(other) == standing_for(CALLER)
    assert getattr(standing_for(other), name) == getattr(NOBODY, name)


def test_a_partner_whose_kinds_have_changed_is_shown_something_else() -> None:
    before = replace(CALLER, partner=PARTNER.clone(pk=PARTNER.id))
    assert view_key(before) == view_key(CALLER)
    before.partner.kinds = [PartnerKind.NGO, PartnerKind.SPONSOR]  # type: ignore[union-attr]
    assert before.partner == PARTNER  # for Tortoise it is the same row
    assert view_key(before) != view_key(CALLER)


def test_nobody_is_shown_what_nobody_else_is() -> None:
    assert view_key(NOBODY) == view_key(replace(NOBODY, address="192.0.2.1"))
    assert view_key(NOBODY) != view_key(CALLER)
