"""Answers that others may keep: what they are known by, and when they need not be sent again.

Source: RFC 9110, sections 8.8.3 and 13.1.2 (entity tags, If-None-Match), RFC 9111 (caching).
"""

from base64 import urlsafe_b64encode
from hashlib import blake2b

from api.transport.asgi import Headers
from api.transport.responses import Response

# An answer may depend on the caller, and a cache cannot tell.
UNCACHED = {"cache-control": "private, no-store"}

#: What any answer of the endpoint may depend on. The words of an error come in the caller's language.
VARY = "Accept, Accept-Encoding, Accept-Language, Authorization"
#: A shared answer has no errors, and so no words of ours.
SHARED_VARY = "Accept, Accept-Encoding, Authorization"


def shared(body: bytes, media_type: str, max_age_s: int, request_headers: Headers, headers: dict[str, str]) -> Response:
    """Return an answer that anybody may keep, or 304 if the client has it already."""
    tag = etag(body)
    headers = {**headers, "cache-control": f"public, max-age={max_age_s}", "etag": tag}
    if has_tag(request_headers.get("if-none-match", ""), tag):
        return Response(304, headers=headers)
    return Response(200, body, media_type, headers)


def etag(body: bytes) -> str:
    """Return what a body is known by: weakly, because its bytes depend on how they are compressed."""
    return f'W/"{urlsafe_b64encode(blake2b(body, digest_size=15).digest()).decode()}"'


def has_tag(if_none_match: str, tag: str) -> bool:
    """Tell whether a client has what goes by this tag. Weak and strong tags are compared alike."""
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known
