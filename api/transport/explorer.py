"""The page on which a person tries queries: GraphiQL.

For now the one that Strawberry packages, with subscriptions over WebSocket on the same path.
"""

from strawberry.http.ides import get_graphql_ide_html


def graphiql() -> str:
    """Return the page."""
    return get_graphql_ide_html("graphiql")
