"""Which web pages may talk to us: CORS for HTTP, the handshake's check for WebSocket.

A browser says where a page comes from in `Origin`; whatever else sends requests need not, and is not a browser.
CORS does not protect sockets, so there the server itself must look.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from api.transport.asgi import Headers

ANY = "*"

METHODS = "GET, POST, PUT, DELETE, OPTIONS"
REQUEST_HEADERS = (
    "Accept, Accept-Language, Authorization, Content-Type, Last-Event-ID, X-GraphQL-Cost, "
    "X-GraphQL-Event-Stream-Token, X-Request-Id"
)
EXPOSED_HEADERS = "Deprecation, Retry-After, Sunset, X-Request-Id"
PREFLIGHT_S = 600


class Origins:
    """An allow-list of origins, such as `https://app.example.com`."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def admits(self, headers: Headers) -> bool:
        """Tell whether a socket may be opened: by no page, by a page of this host, or by an allowed one."""
        origin = headers.get("origin")
        if origin is None or self._is_allowed(origin):
            return True
        try:
            return bool(headers.get("host")) and urlsplit(origin).netloc.lower() == headers["host"].lower()
        except ValueError:  # not a URL
            return False

    def answer(self, headers: Headers) -> dict[str, str]:
        """Return the headers that let a page read the answer."""
        origin = headers.get("origin")
        if origin is None or not self._is_allowed(origin):
            return {}
        return {"access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED_HEADERS}

    def answer_preflight(self, headers: Headers) -> dict[str, str]:
        """Return the headers that let a page send the request it asks about."""
        answer = self.answer(headers)
        if answer:
            answer |= {
                "access-control-allow-methods": METHODS,
                "access-control-allow-headers": REQUEST_HEADERS,
                "access-control-max-age": str(PREFLIGHT_S),
            }
        return answer

    def _is_allowed(self, origin: str) -> bool:
        return ANY in self._allowed or origin.lower() in self._allowed
