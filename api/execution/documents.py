"""Documents: parsed, measured and validated once, then found by their text.

A partner sends the same few documents for ever, so parsing (0.2 ms) and validating (1.7 ms) belong to the first
request only. What is refused is remembered too, or a refused document would be the expensive one to repeat.

Two memories, both bounded in number and in bytes: documents that may be executed, and texts that may not. They are
apart so that a flood of nonsense cannot push out what the others use.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    parse,
    validate,
    visit,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from api.execution.cost import Price
from api.execution.deprecation import Searched, deprecated_uses, deprecates, searched_variables, uses_in_variables
from api.execution.errors import Code, coded
from api.execution.limits import DEFAULT_LIMITS, Limits, exceeded
from api.execution.memory import LeastRecentlyUsed

if TYPE_CHECKING:
    from api.execution.executables import Executable

ERRORS_MAX = 20

# The rule that compares fields of the same name pair by pair may take a second for a document within all limits. Its
# budget is a setting of the library for the whole process; this much is 30 ms, and 50 times what real documents need.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 10_000

# Measured with tracemalloc: a syntax tree takes 340 to 610 bytes for each token.
BYTES_PER_TOKEN = 600

_TOKEN = re.compile(r"\w+|[^\s\w,]")
_ESCAPED_NUL = re.compile(r"\\u(0000|\{0+\})")


class Document:
    """A text that was looked at: either it has errors, or it has operations to execute."""

    __slots__ = (
        "__weakref__",
        "_operations",
        "ast",
        "deprecated",
        "errors",
        "executables",
        "max_age_s",
        "prices",
        "searched",
        "text",
        "uses",
        "varying",
        "weight",
    )

    def __init__(self, text: str, ast: DocumentNode | None, errors: list[GraphQLError]) -> None:
        self.text = text
        self.ast = ast
        self.errors = errors
        # Which deprecated parts of the schema it uses; and by operation, which variables may use some.
        self.deprecated: tuple[str, ...] = ()
        self.searched: dict[str | None, Searched] = {}
        # What its operations cost, by their names, once somebody has asked.
        self.prices: dict[str | None, Price] = {}
        # For how long anybody may keep its answer, once somebody has asked.
        self.max_age_s: int | None = None
        # How often it was executed while it was new; since then, its operations by their names.
        self.uses = 0
        self.executables: dict[str | None, Executable] = {}
        # The variables with which events of its subscriptions are executed, likewise.
        self.varying: dict[str | None, frozenset[str]] = {}
        # Roughly the bytes that keeping this document takes.
        tokens = sum(1 for _ in _TOKEN.finditer(text)) if ast else 0
        self.weight = 1_000 + 4 * len(text) + BYTES_PER_TOKEN * tokens
        definitions = ast.definitions if ast else ()
        self._operations = {
            node.name.value if node.name else None: node
            for node in definitions
            if isinstance(node, OperationDefinitionNode)
        }

    def search(self, schema: GraphQLSchema) -> None:
        """Find the variables in which something deprecated may come."""
        found = {name: searched_variables(schema, node) for name, node in self._operations.items()}
        self.searched = {name: variables for name, variables in found.items() if variables}

    def deprecated_uses(self, node: OperationDefinitionNode, variables: Mapping[str, Any]) -> tuple[str, ...]:
        """Return which deprecated parts of the schema an operation of it and its variables use."""
        if not self.searched:
            return self.deprecated
        in_variables = uses_in_variables(self.searched.get(node.name.value if node.name else None, ()), variables)
        return tuple(sorted({*self.deprecated, *in_variables}))

    def operation(self, name: str | None) -> OperationDefinitionNode | GraphQLError:
        """Find the operation to execute; without a name there must be only one."""
        if name is not None:
            found = self._operations.get(name)
            return found or _unresolved(f"Unknown operation named '{name}'.")
        if len(self._operations) == 1:
            return next(iter(self._operations.values()))
        if self._operations:
            return _unresolved("Must provide operation name if query contains multiple operations.")
        return _unresolved("Must provide an operation.")


class Documents:
    """The documents of one schema, each looked at once."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits = DEFAULT_LIMITS,
        capacity: int = 1_000,
        weight_max: int = 64 * 2**20,
    ) -> None:
        self._schema = schema
        self._deprecates = deprecates(schema)
        self._limits = limits
        self._accepted: LeastRecentlyUsed[Document] = LeastRecentlyUsed(capacity, weight_max)
        self._refused: LeastRecentlyUsed[Document] = LeastRecentlyUsed(capacity, weight_max // 8)

    def __len__(self) -> int:
        return len(self._accepted) + len(self._refused)

    def known(self, text: str) -> Document | None:
        """Return the document of a text that was looked at before and may be executed."""
        return self._accepted.get(text)

    def get(self, text: str) -> Document:
        """Return the document of a text, with its errors if it may not be executed."""
        known = self._accepted.get(text) or self._refused.get(text)
        if known is not None:
            return known
        document = self._look_at(text)
        if len(text) <= self._limits.characters:  # a longer text is refused by its length, faster than it is found
            (self._refused if document.errors else self._accepted).put(text, document)
        return document

    def grow(self, document: Document, weight: int) -> None:
        """Count that a document keeps so many bytes more alive, which may push out others, or itself."""
        document.weight += weight
        self._accepted.weigh_again(document.text, document)

    def _look_at(self, text: str) -> Document:
        """Parse, measure, validate, each only when the one before found nothing."""
        limits = self._limits
        if len(text) > limits.characters:
            message = f"The document exceeds a limit: characters {len(text):,}, at most {limits.characters:,}."
            return Document("", None, [coded(message, Code.LIMIT_EXCEEDED)])
        try:
            ast = parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
        except GraphQLSyntaxError as error:
            return Document(text, None, [coded(error.message, _code_of_syntax_error(error), at=error)])
        if "\0" in text or (_ESCAPED_NUL.search(text) and _holds_nul(ast)):
            return Document(text, None, [coded("A string holds the character NUL.", Code.BAD_USER_INPUT)])
        if excess := exceeded(ast, limits):
            return Document(text, None, [excess])
        errors = [_invalid(error) for error in validate(self._schema, ast, max_errors=ERRORS_MAX)]
        document = Document(text, None if errors else ast, errors)
        if self._deprecates and not errors:
            document.deprecated = deprecated_uses(self._schema, ast)
            document.search(self._schema)
        return document


def _code_of_syntax_error(error: GraphQLSyntaxError) -> Code:
    """Tell a document that is too long from one that is wrong: the parser raises the same for both."""
    stopped = error.message.startswith("Syntax Error: Document ") and error.message.endswith(" Parsing aborted.")
    return Code.LIMIT_EXCEEDED if stopped else Code.GRAPHQL_PARSE_FAILED


def _invalid(error: GraphQLError) -> GraphQLError:
    if isinstance(error, ValidationAbortedError):
        return coded("The document exceeds a limit: it is too much work to validate.", Code.LIMIT_EXCEEDED)
    return coded(error.message, Code.GRAPHQL_VALIDATION_FAILED, at=error)


class _NulFinder(Visitor):
    """Looks for a NUL, which PostgreSQL cannot store, in the strings of a document."""

    found = False

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        self.found = self.found or "\0" in node.value


def _holds_nul(ast: DocumentNode) -> bool:
    finder = _NulFinder()
    visit(ast, finder)
    return finder.found


def _unresolved(message: str) -> GraphQLError:
    return coded(message, Code.OPERATION_RESOLUTION_FAILURE)
