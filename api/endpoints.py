"""The small HTTP endpoints beside GraphQL: the start page, the contract, health, metrics, and OAuth tokens."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from api.access import Authenticator, OAuthError, Unauthenticated, exchange
from api.welcome import welcome_routes

# The text format of Prometheus.
METRICS_TYPE = "text/plain; version=0.0.4"

FORM_MAX_BYTES = 8_192
FORM_FIELDS_MAX = 20
# RFC 6749, section 5.1: an answer that holds a token is not kept by anybody on its way.
UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def endpoints(
    sdl: str, is_ready: Callable[[], bool], authenticator: Authenticator, count: Callable[[], Mapping[str, int]]
) -> list[BaseRoute]:
    """Return the routes. `count` gives the process's counters: for operators' keys alone."""

    async def contract(_: Request) -> Response:
        return PlainTextResponse(sdl)

    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": is_ready()}, status_code=200 if is_ready() else 503)

    async def metrics(request: Request) -> Response:
        try:
            caller = await authenticator(request.headers)
        except Unauthenticated:
            return PlainTextResponse("The key or token is not valid.", 401, {"WWW-Authenticate": "Bearer"})
        if not caller.is_operator:
            return PlainTextResponse("Needs the scope `admin`.", 403)
        lines = "".join(f"{name} {value}\n" for name, value in count().items())
        return PlainTextResponse(lines, media_type=METRICS_TYPE, headers=UNCACHED)

    async def token(request: Request) -> Response:
        try:
            form = await _read_form(request)
            access_token = await exchange(authenticator.signer, form, request.headers.get("authorization"))
        except OAuthError as refused:
            headers = UNCACHED | ({"WWW-Authenticate": 'Basic realm="lucid"'} if refused.status == 401 else {})
            content = {"error": refused.error, "error_description": refused.description}
            return JSONResponse(content, status_code=refused.status, headers=headers)
        answer: dict[str, str | int] = {
            "access_token": access_token.text,
            "token_type": "Bearer",
            "expires_in": access_token.life_s,
            "scope": " ".join(access_token.scopes),
        }
        return JSONResponse(answer, headers=UNCACHED)

    return [
        *welcome_routes(),
        Route("/schema.graphql", contract),
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
        Route("/oauth/token", token, methods=["POST"]),
    ]


async def _read_form(request: Request) -> dict[str, str]:
    """Read a form of a few short fields, each at most once.

    Raises: OAuthError.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send application/x-www-form-urlencoded.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_BYTES:
            raise OAuthError("invalid_request", "The form is too long.", 413)
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=FORM_FIELDS_MAX
        )
    except ValueError:
        raise OAuthError("invalid_request", "The form cannot be read.") from None
    if any(len(values) > 1 or "\x00" in values[0] for values in fields.values()):
        raise OAuthError("invalid_request", "Each field is sent once, without NUL.")
    return {name: values[0] for name, values in fields.items()}
