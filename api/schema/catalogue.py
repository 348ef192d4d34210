"""The catalogue of errors: every code, what it means, whether a retry helps, what to do, and the words for it.

`catalogue.toml` is the one place where any of this is written. The query `errorCatalog` shows it, docs/partners.md
prints it, and messages are taken from it in the caller's language; tests prove that no code and no sentence is missing.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Self

import strawberry
from graphql import GraphQLError

from api.access import Language
from api.batching import Overloaded
from api.schema.scalars import format_moment
from api.schema.text import Text


@strawberry.enum(description="Whether sending a call again can help.")
class Retry(Enum):
    """Whether sending a call again can help."""

    NEVER = strawberry.enum_value("NEVER", description="It would be answered the same: change it first.")
    NEW_KEY = strawberry.enum_value(
        "NEW_KEY", description="It may succeed later, under a new idempotency key: a refusal is the answer to its key."
    )
    SAME_KEY = strawberry.enum_value(
        "SAME_KEY", description="Send it again unchanged, with the same idempotency key, after a pause."
    )


@strawberry.enum(description="Where an error is found in an answer.")
class ErrorKind(Enum):
    """Where an error is found in an answer."""

    REFUSAL = strawberry.enum_value("REFUSAL", description="In the payload's `errors`, as a type of its own.")
    REQUEST = strawberry.enum_value("REQUEST", description="In the answer's `errors`, with `extensions.code`.")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A code, and all that is to be said of it."""

    code: str
    kind: ErrorKind
    retry: Retry
    message: Mapping[str, str]
    meaning: Mapping[str, str]
    action: Mapping[str, str]
    #: Whether the message says all there is; if not, the engine's English detail follows it in other languages.
    complete: bool

    @classmethod
    def read(cls, code: str, content: Mapping[str, Any]) -> Self:
        """Read an entry of the file."""
        meaning, action = content["meaning"], content["action"]
        return cls(
            code=code,
            kind=ErrorKind(content["kind"]),
            retry=Retry(content["retry"]),
            message=content.get("message", meaning),
            meaning=meaning,
            action=action,
            complete=content.get("complete", False),
        )


#: What waits is gone by then: a full queue is some seconds of work.
RETRY_AFTER_S = 5

_CONTENT = tomllib.loads((files("api.schema") / "catalogue.toml").read_text(encoding="utf-8"))

#: Every error by its code.
CATALOGUE: Mapping[str, Entry] = {code: Entry.read(code, content) for code, content in _CONTENT["errors"].items()}
#: The Chinese for the English sentences that say what is wrong with an input.
SENTENCES: Mapping[str, str] = _CONTENT["sentences"]


class Sentence(str):
    """A sentence with facts in it: as text it is English, and it can be said in every language."""

    __slots__ = ("_facts", "_templates")
    _facts: Mapping[str, Any]
    _templates: Mapping[str, str]

    def __new__(cls, templates: Mapping[str, str], facts: Mapping[str, Any]) -> Self:
        """Make a sentence of its templates by language."""
        shown = {name: format_moment(value) if isinstance(value, datetime) else value for name, value in facts.items()}
        sentence = super().__new__(cls, templates[Language.EN].format(**shown))
        sentence._facts = shown
        sentence._templates = templates
        return sentence

    def within(self, language: Language) -> str:
        """Say it in a language."""
        return self._templates[language].format(**self._facts)


def sentence(english: str, facts: Mapping[str, Any]) -> Sentence:
    """Return the sentence of an English template; where there is no translation it stays English."""
    return Sentence({Language.EN: english, Language.ZH: SENTENCES.get(english, english)}, facts)


def said(code: str, message: str, language: Language) -> str:
    """Say the message of an error in a language.

    What the engine says is English. In Chinese the catalogue's sentence for its code comes first and the English
    detail, which names places in the caller's own document, follows in brackets.
    """
    if isinstance(message, Sentence):
        return message.within(language)
    entry = CATALOGUE.get(code)
    if language is Language.EN or entry is None:
        return message
    words = entry.message[language]
    return words if entry.complete else f"{words}({message})"


def error(
    code: str, english: str, *, extensions: Mapping[str, Any] = MappingProxyType({}), **facts: Any
) -> GraphQLError:
    """Return a GraphQL error with a code and a sentence, whose facts stand in braces."""
    return GraphQLError(sentence(english, facts), extensions={"code": code, **extensions})


def explained(origin: Exception) -> GraphQLError | None:
    """Return what an exception means to a caller, if it is none of our bugs."""
    if not isinstance(origin, Overloaded):
        return None
    facts = {"retryAfterS": RETRY_AFTER_S}
    return GraphQLError(Sentence(CATALOGUE["OVERLOADED"].message, facts), extensions={"code": "OVERLOADED", **facts})


@strawberry.type(description="An error that can happen: its code never changes.")
class ErrorDescription:
    """An error that can happen."""

    code: str = strawberry.field(description="Stable code.")
    kind: ErrorKind = strawberry.field(description="Where it is found in an answer.")
    retry: Retry = strawberry.field(description="Whether sending the call again can help.")
    meaning: Text = strawberry.field(description="What is the case.")
    action: Text = strawberry.field(description="What to do about it.")

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Show an entry."""
        return cls(
            code=entry.code,
            kind=entry.kind,
            retry=entry.retry,
            meaning=Text(**entry.meaning),
            action=Text(**entry.action),
        )
