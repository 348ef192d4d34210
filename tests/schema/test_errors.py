"""Refusals and their types: one table, which is whole; and each union, which holds what its operation may say."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLUnionType

from api.ledger.errors import REFUSALS, Refusal
from api.resolvers import make_schema
from api.schema.errors import SHOWN, UserError, show


def refusals(root: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for refusal in root.__subclasses__():
        yield refusal
        yield from refusals(refusal)


def test_every_refusal_of_the_ledger_has_a_type_of_its_own_and_a_code() -> None:
    assert set(SHOWN) == set(refusals())
    assert len(set(SHOWN.values())) == len(SHOWN)
    assert {refusal.__name__: shown.__name__ for refusal, shown in SHOWN.items()} == {
        refusal.__name__: refusal.__name__ for refusal in SHOWN
    }
    assert {refusal.code: refusal for refusal in SHOWN} == REFUSALS


def test_a_type_of_error_repeats_the_facts_of_its_refusal() -> None:
    common = {one.name for one in fields(UserError)}
    for refusal, shown in SHOWN.items():
        # The numbers of a reason stand in it.
        facts = {one.name for one in fields(refusal)} - {"path", "case"}
        assert {one.name for one in fields(shown)} - common == facts, refusal


def test_nothing_refused_is_nothing_to_show() -> None:
    assert show(None) == []


# What an operation may be refused with is read from the source: from a function, every refusal that it makes, and
# those of every function that it calls by name.

LEDGER = Path("api/ledger")
ACCESS = Path("api/access")
NAMES = {refusal.__name__ for refusal in SHOWN}
#: Every order that is posted may meet another one under its key. Its account is there: accounts are never deleted.
POSTED = "IdempotencyConflict"


@dataclass
class Function:
    """What a function makes and whom it calls."""

    refusals: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)


@cache
def functions() -> dict[str, Function]:
    """Return the functions and classes of the ledger by name; a class stands for its methods and those of its bases."""
    found: dict[str, Function] = {}
    for path in [*LEDGER.glob("*.py"), *ACCESS.glob("*.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == "Ledger":
                for method in node.body:
                    if isinstance(method, ast.AsyncFunctionDef | ast.FunctionDef):
                        found[f"Ledger.{method.name}"] = look(method)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] = look(node)
    return found


def look(node: ast.AST) -> Function:
    seen = Function()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id in NAMES:
            seen.refusals.add(inner.id)
        for called in called_by(inner):
            if isinstance(called, ast.Name):
                seen.calls.add(called.id)
            elif isinstance(called, ast.Attribute):
                of_ledger = isinstance(called.value, ast.Name) and called.value.id in {"self", "ledger"}
                seen.calls.add(f"Ledger.{called.attr}" if of_ledger else called.attr)
                if called.attr in {"post", "post_together"}:
                    seen.refusals.add(POSTED)
    return seen


def called_by(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return [node.func]
    return node.bases if isinstance(node, ast.ClassDef) else []


def refused_by(name: str) -> set[str]:
    """Return the names of all refusals that can come of a function."""
    known = functions()
    waiting, visited, found = [name], set(), set()
    while waiting:
        one = waiting.pop()
        if one in visited or one not in known:
            continue
        visited.add(one)
        found |= known[one].refusals
        waiting += known[one].calls
    return found


OPERATIONS = {
    "EstimateActionError": "Ledger.estimate",
    "RecordActionError": "Ledger.record",
    "ReverseActionError": "Ledger.reverse_action",
    "DonateEnergyError": "Ledger.donate",
    "ReverseDonationError": "Ledger.reverse_donation",
    "IssueLinkCodeError": "Ledger.issue_link_code",
    "LinkUserError": "Ledger.link_user",
    "UnlinkUserError": "Ledger.unlink_user",
    "CreateUserTokenError": "create_user_token",
    "AdvanceSandboxClockError": "advance_clock",
    "AddProjectError": "add_project",
    "UpdateProjectError": "update_project",
    "SetProjectStatusError": "set_project_status",
    "SetProjectOrganisationsError": "set_project_organisations",
}
#: An item that failed unexpectedly is no refusal of the ledger's.
TEMPORARY = {"RecordActionError": {"TemporaryFailure"}}


@pytest.mark.parametrize("union", OPERATIONS)
def test_a_union_of_errors_holds_what_its_operation_may_be_refused_with_and_no_more(union: str) -> None:
    assert OPERATIONS[union] in functions()
    kind = make_schema()._schema.type_map[union]
    assert isinstance(kind, GraphQLUnionType)
    assert {member.name for member in kind.types} == refused_by(OPERATIONS[union]) | TEMPORARY.get(union, set())


def test_every_union_of_errors_is_compared_with_its_operation() -> None:
    unions = {
        name
        for name, kind in make_schema()._schema.type_map.items()
        if name.endswith("Error") and isinstance(kind, GraphQLUnionType)
    }
    # A bulk call as a whole is refused in its resolver, for its form.
    assert unions == set(OPERATIONS) | {"RecordActionsError"}
