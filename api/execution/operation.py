"""One operation of a document, with what it is executed with; and how it is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType

from api.execution.documents import Document, Documents
from api.execution.executables import Executable
from api.execution.metering import Charge
from api.execution.persisted import PersistedDocuments
from api.execution.requests import GraphQLRequest


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


class Operations:
    """Finds operations in the documents of one schema."""

    def __init__(self, documents: Documents, persisted: PersistedDocuments) -> None:
        self._documents = documents
        self._persisted = persisted

    def find(self, request: GraphQLRequest) -> Operation | list[GraphQLError]:
        """Return the operation that a request asks for, or why there is none."""
        text = self._persisted.resolve(request)
        if isinstance(text, GraphQLError):
            return [text]
        document = self._documents.get(text)
        if document.ast is None:
            return document.errors
        self._persisted.remember(request)
        node = document.operation(request.operation_name)
        if isinstance(node, GraphQLError):
            return [node]
        return Operation(document, document.ast, node, request.operation_name, request.variables)

    def known(self, request: GraphQLRequest) -> "tuple[Operation, Executable] | None":
        """Return a query or mutation that has come before, so often that it is compiled; None if it is another.

        It is asked for by its text and nothing else, so nothing has to be remembered of this request, and nothing can
        be wrong with it but its variables.
        """
        document = self._documents.known(request.query) if request.query is not None else None
        if document is None or document.ast is None or request.is_named:
            return None
        node = document.operation(request.operation_name)
        if isinstance(node, GraphQLError):
            return None
        executable = document.executables.get(node.name.value if node.name else None)
        if executable is None:  # as it is for subscriptions and introspection
            return None
        return Operation(document, document.ast, node, request.operation_name, request.variables), executable
