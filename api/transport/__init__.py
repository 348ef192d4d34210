"""The half of the engine that knows bytes: GraphQL over HTTP, WebSocket and server-sent events.

Each is a plain ASGI application after its written specification; what they share stands in the small modules
beside them. Read asgi, negotiation, origins, bodies, responses, http; then operations, protocol, session, websocket;
then event_stream, sse.
"""
