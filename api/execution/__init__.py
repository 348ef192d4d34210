"""The half of the engine that knows GraphQL: from a document's text to a result.

Nothing here knows HTTP, sockets or the domain: a schema comes in, results go out.
Read errors, limits, documents, requests, results, persisted, caching, guard, streams, then runtime.
"""
