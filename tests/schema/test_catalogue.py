"""The catalogue of errors is whole: every code, every sentence, in both languages, and no word too many."""

import ast
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from api.access import Language
from api.execution.errors import Code
from api.ledger.errors import REFUSALS, InvalidInput
from api.schema.catalogue import CATALOGUE, SENTENCES, ErrorKind, Retry, Sentence, said
from tests.conftest import Running

PLACEHOLDERS: dict[Any, Any] = {
    datetime: datetime.fromisoformat("2026-06-05T08:30:00+00:00"),
    int: 1,
    str: "x",
    list[str]: ["x"],
}
#: Functions of ours whose literal argument is a sentence: name, and which argument.
SPEAKERS = {"error": 1, "bad_input": 0}


def trees() -> Iterator[ast.AST]:
    for path in Path("api").rglob("*.py"):
        yield ast.parse(path.read_text(encoding="utf-8"))


def literal_codes() -> set[str]:
    """Return every code that is written out in the source: as `{"code": …}`, `error(…)` or `Refused(…)`."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                        found |= {value.value} if isinstance(value.value, str) else set()  # or a socket's close code
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in {"error", "Refused"} and isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def sentences() -> set[str]:
    """Return every sentence that is written out in the source, for an input or for a GraphQL error."""
    found: set[str] = set()
    for tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "InvalidInput":
                written = next(one.value for one in node.keywords if one.arg == "reason")
            elif node.func.id in SPEAKERS and len(node.args) > SPEAKERS[node.func.id]:
                written = node.args[SPEAKERS[node.func.id]]
            else:
                continue
            if isinstance(written, ast.Name):  # handed on
                continue
            assert isinstance(written, ast.Constant), ast.unparse(node)
            found.add(str(written.value))
    return found


def test_every_code_is_in_the_catalogue_and_no_other() -> None:
    requests = {code.value for code in Code} | literal_codes() | {"BAD_USER_INPUT", "OVERLOADED", "RATE_LIMITED"}
    refusals = {*REFUSALS, "TEMPORARY_FAILURE"}

    assert {code for code, entry in CATALOGUE.items() if entry.kind is ErrorKind.REFUSAL} == refusals
    assert {code for code, entry in CATALOGUE.items() if entry.kind is ErrorKind.REQUEST} == requests


def test_a_refusal_is_retryable_under_a_new_key_exactly_where_the_catalogue_says_so() -> None:
    listed = {code for code, entry in CATALOGUE.items() if entry.retry is Retry.NEW_KEY}

    assert listed == {code for code, refusal in REFUSALS.items() if refusal.retryable}


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_word_is_there_in_both_languages(code: str) -> None:
    entry = CATALOGUE[code]
    for words in (entry.message, entry.meaning, entry.action):
        assert set(words) == {language.value for language in Language}
        assert words["en"].isascii() or "…" in words["en"]
        assert not words["zh"].isascii()


@pytest.mark.parametrize("code", [code for code in REFUSALS if code != InvalidInput.code])
def test_the_message_of_a_refusal_can_be_made_of_its_facts(code: str) -> None:
    facts = {one.name: PLACEHOLDERS[one.type] for one in fields(REFUSALS[code]) if one.name != "path"}
    message = Sentence(CATALOGUE[code].message, facts)

    for language in Language:
        assert "{" not in message.within(language)


def test_every_sentence_about_an_input_has_its_translation_and_names_the_same_facts() -> None:
    assert sentences() == set(SENTENCES)
    for english, chinese in SENTENCES.items():
        assert places(english) == places(chinese)


def places(template: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_what_the_engine_says_follows_the_words_of_the_catalogue() -> None:
    message = "Cannot query field 'x' on type 'Query'."

    assert said("GRAPHQL_VALIDATION_FAILED", message, Language.EN) == message
    assert said("GRAPHQL_VALIDATION_FAILED", message, Language.ZH) == f"文档与 schema 不符。({message})"
    assert said("INTERNAL", "Internal error", Language.ZH) == "内部错误"
    assert said("OF_ANOTHER_HOUSE", message, Language.ZH) == message


async def test_anybody_can_read_the_catalogue(service: Running) -> None:
    answer = await service.client()("{ errorCatalog { code kind retry meaning { en zh } action { en zh } } }")

    shown: dict[str, Any] = {one.pop("code"): one for one in answer["errorCatalog"]}
    assert list(shown) == list(CATALOGUE)
    assert shown["PROJECT_CLOSED"] == {
        "kind": "REFUSAL",
        "retry": "NEW_KEY",
        "meaning": {
            "en": "The project takes no donations at its present stage.",
            "zh": "项目在当前阶段不接受捐赠。",
        },
        "action": {
            "en": "Offer another project; `projects(status:)` finds open ones.",
            "zh": "推荐其他项目；用 `projects(status:)` 查找开放的项目。",
        },
    }
