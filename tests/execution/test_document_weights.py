"""What documents keep alive, compiled code and all, stays within the bound of their memory."""

import gc
import tracemalloc
from weakref import ref

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode

from api.execution.documents import Document, Documents
from api.execution.executables import Executables

BOUND = 2 * 2**20


def compiled(documents: Documents, executables: Executables, text: str) -> Document:
    """Look at a document as the engine does, and compile its operation for either value of its condition."""
    document = documents.get(text)
    operation = document.operation(None)
    assert isinstance(operation, OperationDefinitionNode)
    executable = executables.find(document, operation)
    assert executable
    for condition in (True, False):
        variant = executable.compiled({"more": condition})
        assert variant
    return document


def text_of(number: int, width: int) -> str:
    fields = " ".join(f"a{number}_{one}: node(number: {one}) {{ name }}" for one in range(width))
    return f"query ($more: Boolean!) {{ node {{ name @include(if: $more) {fields} }} }}"


@pytest.mark.parametrize("width", [1, 8, 40])
def test_compiled_documents_weigh_about_what_they_are_said_to(schema: GraphQLSchema, width: int) -> None:
    documents = Documents(schema)
    executables = Executables(schema, 0, documents.grow)
    compiled(documents, executables, text_of(0, width))  # what the libraries keep once
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        said = sum(compiled(documents, executables, text_of(number, width)).weight for number in range(1, 21))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.5 * said <= after - before <= said


def test_however_many_documents_are_compiled_they_stay_within_the_bound(schema: GraphQLSchema) -> None:
    documents = Documents(schema, weight_max=BOUND)
    executables = Executables(schema, 0, documents.grow)
    compiled(documents, executables, text_of(0, 10))
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, 201):
            compiled(documents, executables, text_of(number, 10))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 1 < len(documents) < 200
    assert after - before <= BOUND


def test_a_document_that_is_forgotten_goes_with_its_code(schema: GraphQLSchema) -> None:
    documents = Documents(schema, capacity=1)
    executables = Executables(schema, 0, documents.grow)
    document = ref(compiled(documents, executables, text_of(1, 1)))
    assert document() is not None
    documents.get(text_of(2, 1))

    assert document() is None
