"""The operations of documents as they are executed: interpreted while they are new, compiled once they come again.

Compiling takes about as long as validating, and a client may send a new document with every request; so what is sent
once is left to graphql-core, and the second execution compiles. What cannot be compiled is interpreted for good.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from weakref import ref

from graphql import GraphQLSchema, OperationDefinitionNode, Undefined

from api.execution.compiler import Compiled, NotCompiled
from api.execution.documents import Document
from api.execution.guard import failure
from api.execution.inputs import Variables, bad_input, variables_of_conditions
from api.execution.results import Result, rejected
from api.execution.runtime import Execution

#: Combinations of @skip and @include of one operation that are compiled; the others are interpreted.
VARIANTS_MAX = 8

# Measured with tracemalloc: what each variant of an operation keeps beside its functions, and these for each character
# of their source: the text, its code, the constants that it names.
BYTES_PER_OPERATION = 4_000
BYTES_PER_CHARACTER = 18

Grow = Callable[[Document, int], None]
#: A compiled operation whose execution has begun, with that and its answer; or why there is none; or None where
#: graphql-core has to execute it.
Begun: TypeAlias = tuple[Compiled, Execution, dict[str, Any]] | Result | None

log = logging.getLogger(__name__)


class Executable:
    """One operation of a document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: Document,
        operation: OperationDefinitionNode,
        grow: Grow = lambda *_: None,
    ) -> None:
        assert document.ast is not None  # noqa: S101 - it is valid
        self._schema = schema
        # Weak, so that a document goes at once when it is forgotten, and not when cycles are looked for.
        self._document = ref(document)
        self._grow = grow
        self._ast = document.ast
        self._operation = operation
        self._conditions = sorted(variables_of_conditions(document.ast))
        self._variants: dict[tuple[Any, ...], Compiled | None] = {}
        self.variables = Variables(schema, operation)

    def compiled(self, variables: dict[str, Any]) -> Compiled | None:
        """Return the operation compiled for these variables; None when it is to be interpreted."""
        conditions = tuple([variables.get(name, Undefined) for name in self._conditions])
        try:
            return self._variants[conditions]
        except KeyError:
            return self._compile(conditions)
        except TypeError:  # a directive of somebody's own, with an argument that is a list or an object
            return None

    def _compile(self, conditions: tuple[Any, ...]) -> Compiled | None:
        if len(self._variants) >= VARIANTS_MAX:
            return None
        known = {
            name: value for name, value in zip(self._conditions, conditions, strict=True) if value is not Undefined
        }
        compiled: Compiled | None = None
        self._add_weight(BYTES_PER_OPERATION)
        try:
            compiled = Compiled(self._schema, self._ast, self._operation, known, self._wrote)
        except NotCompiled as reason:
            log.debug("an operation is interpreted: %s", reason)
        except Exception:  # then graphql-core finds the same, and says it as it should be said
            log.debug("an operation could not be compiled", exc_info=True)
        self._variants[conditions] = compiled
        return compiled

    def _wrote(self, text: str) -> None:
        """Count a function that was generated, which for a type met at run time may be long after the others."""
        self._add_weight(BYTES_PER_CHARACTER * len(text))

    def _add_weight(self, weight: int) -> None:
        if (document := self._document()) is not None:
            self._grow(document, weight)


class Executables:
    """The operations of one schema.

    `interpreted_first`: how often one is interpreted before it is compiled. `grow` is told what a document keeps alive
    with each function that is generated for it.
    """

    def __init__(self, schema: GraphQLSchema, interpreted_first: int = 1, grow: Grow = lambda *_: None) -> None:
        self._schema = schema
        self._interpreted_first = interpreted_first
        self._grow = grow
        #: How many executions were `compiled` and `interpreted`.
        self.counts: Counter[str] = Counter(compiled=0, interpreted=0)

    def find(self, document: Document, operation: OperationDefinitionNode) -> Executable | None:
        """Return an operation of a document that has come before; None while it is new."""
        name = operation.name.value if operation.name else None
        executable = document.executables.get(name)
        if executable is None:
            uses = document.uses
            document.uses += 1
            if uses < self._interpreted_first:
                return None
            executable = document.executables[name] = Executable(self._schema, document, operation, self._grow)
        return executable

    def begin(
        self,
        executable: Executable,
        given: Mapping[str, Any],
        make_context: Callable[[], object],
        request_id: str,
    ) -> Begun:
        """Begin to execute an operation with the variables that were given."""
        variables = executable.variables.coerce(given)
        if isinstance(variables, list):
            return rejected(map(bad_input, variables), request_id)
        compiled = executable.compiled(variables)
        if compiled is None:
            return None
        self.counts["compiled"] += 1
        try:
            return (compiled, *compiled.begin(make_context(), None, variables, given))
        except Exception as error:
            return failure(error, request_id)
