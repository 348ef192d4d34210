"""The answers to introspection: worked out once, because they are the same for everybody for as long as we run.

To describe a schema of a hundred types takes 50 ms, in which nobody else is served; to find the description again
takes a microsecond.
"""

from dataclasses import dataclass

from graphql import FieldNode, OperationDefinitionNode, OperationType

from api.execution.memory import LeastRecentlyUsed
from api.execution.results import Result

ROOTS = frozenset({"__schema", "__type", "__typename"})


def is_introspection(operation: OperationDefinitionNode) -> bool:
    """Tell whether an operation asks about the schema only, and its answer depends on nothing else."""
    return (
        operation.operation is OperationType.QUERY
        and not operation.variable_definitions
        and all(isinstance(node, FieldNode) and node.name.value in ROOTS for node in operation.selection_set.selections)
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    result: Result

    @property
    def weight(self) -> int:
        return 500 + len(self.result.json())


class Introspections:
    """The answers that were given, as JSON."""

    def __init__(self, capacity: int = 100, weight_max: int = 8 * 2**20) -> None:
        self._answers: LeastRecentlyUsed[_Answer] = LeastRecentlyUsed(capacity, weight_max)

    def find(self, text: str, name: str | None) -> Result | None:
        """Return the answer to an operation of a document, if it was given before."""
        answer = self._answers.get(_key(text, name))
        return answer.result if answer else None

    def keep(self, text: str, name: str | None, result: Result) -> Result:
        """Keep an answer without errors, and return it as it will be found."""
        if result.errors:
            return result
        kept = Result(data=result.data, encoded=result.json())
        self._answers.put(_key(text, name), _Answer(Result(encoded=kept.encoded)))
        return kept


def _key(text: str, name: str | None) -> str:
    return f"{name or ''}\n{text}"
