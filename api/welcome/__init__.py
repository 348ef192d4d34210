"""The start page: what is here, for a person who opens the address in a browser, with totals that move; and the guides.

Plain HTML, one style sheet, one script: it needs no build, and is there when GraphiQL is not.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from api.transport.assets import REVALIDATED, Assets, page_headers
from api.welcome.guides import guide_routes

HERE = Path(__file__).parent

# Nothing inline, nothing from elsewhere. `connect-src 'self'` covers the socket that the totals come over.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def welcome_routes() -> list[BaseRoute]:
    """Return where the pages and their files are."""
    page, headers = (HERE / "page.html").read_text(encoding="utf-8"), page_headers(POLICY)

    async def welcome(_: Request) -> Response:
        return HTMLResponse(page, headers=headers)

    return [
        Route("/", welcome),
        *guide_routes(headers),
        Mount("/welcome", Assets(HERE / "static", caching=REVALIDATED, policy=POLICY)),
    ]
