"""Takes a subscription up again where a client lost it.

A browser's `EventSource` repeats its request as it was and adds `Last-Event-ID`, the cursor of the last event that
it saw. Whatever the document says, that is where the subscription must go on, so the cursor takes the place of the
root field's argument `after`.
"""

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
)

ARGUMENT = "after"


def resume(
    document: DocumentNode, operation: OperationDefinitionNode, schema: GraphQLSchema, cursor: str
) -> tuple[DocumentNode, OperationDefinitionNode]:
    """Return the document and its operation with the cursor in place; as they are if there is no place for it."""
    selections = operation.selection_set.selections
    root = selections[0]
    if schema.subscription_type is None or len(selections) != 1 or not isinstance(root, FieldNode):
        return document, operation
    field = schema.subscription_type.fields.get(root.name.value)
    if field is None or ARGUMENT not in field.args:
        return document, operation
    after = ArgumentNode(name=NameNode(value=ARGUMENT), value=StringValueNode(value=cursor, block=False))
    others = [argument for argument in root.arguments or () if argument.name.value != ARGUMENT]
    resumed_root = FieldNode(
        alias=root.alias,
        name=root.name,
        arguments=(*others, after),
        directives=root.directives,
        selection_set=root.selection_set,
        loc=root.loc,
    )
    resumed = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        directives=operation.directives,
        selection_set=SelectionSetNode(selections=(resumed_root,)),
        loc=operation.loc,
    )
    definitions = tuple(resumed if node is operation else node for node in document.definitions)
    return DocumentNode(definitions=definitions, loc=document.loc), resumed
