"""The guard: declared on every root field, or nothing starts."""

import pytest
import strawberry

from api import resolvers
from api.access import Scope
from api.resolvers import UnguardedField, make_schema
from api.schema.permissions import guarded, public, unguarded_fields


def five() -> int:
    return 5


@strawberry.type
class Careful:
    secret: int = strawberry.field(resolver=five, extensions=guarded(Scope.ADMIN), description="A secret.")
    weather: int = strawberry.field(resolver=five, extensions=public())


@strawberry.type
class Careless(Careful):
    forgotten: int = strawberry.field(resolver=five)
    plain: int = 5


def test_a_root_field_without_a_guard_is_found_whatever_root_it_is_of() -> None:
    assert list(unguarded_fields(strawberry.Schema(Careful))) == []
    assert sorted(unguarded_fields(strawberry.Schema(Careless))) == ["Careless.forgotten", "Careless.plain"]
    assert len(list(unguarded_fields(strawberry.Schema(Careful, mutation=Careless)))) == 2


def test_a_schema_with_an_unguarded_field_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolvers, "Query", Careless)
    with pytest.raises(UnguardedField, match="Careless"):
        make_schema.__wrapped__()


def test_our_schema_has_no_field_without_a_guard() -> None:
    assert list(unguarded_fields(make_schema())) == []


def test_a_guarded_field_says_in_its_description_what_it_needs() -> None:
    printed = strawberry.Schema(Careful).as_str()
    assert "A secret. Needs the scope `admin`." in printed


def test_a_schema_that_is_made_again_reads_the_same() -> None:
    assert make_schema.__wrapped__().as_str() == make_schema().as_str()
