"""One operation of a document, with what it is executed with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, OperationDefinitionNode, OperationType

from api.execution.documents import Document
from api.execution.metering import Charge


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class Operation:
    """An operation that may be executed, once its variables are found to be right."""

    source: Document
    document: DocumentNode
    node: OperationDefinitionNode
    name: str | None
    variables: Mapping[str, Any]
    charge: Charge | None = None

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation
