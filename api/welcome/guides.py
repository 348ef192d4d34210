"""What partners read, as pages: the guide, how costs are worked out, what changed.

The files are those of the repository (`guides/` holds links to them, and the wheel copies), so what is read there and
here is the same. They are our own, so the HTML in them is let through.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

FOLDER = Path(__file__).parent / "guides"

#: The pages, and what they are called in the navigation.
GUIDES: Mapping[str, str] = {"partners": "For partners", "cost": "Cost", "changelog": "Changes"}

#: Where a link of the repository leads here, by the last part of its path.
PLACES: Mapping[str, str] = {
    "partners.md": "/docs/partners",
    "cost.md": "/docs/cost",
    "CHANGELOG.md": "/docs/changelog",
    "schema.graphql": "/schema.graphql",
}

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title} · Lucid</title>
  <link rel="icon" href="/welcome/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/welcome/style.css">
  <link rel="stylesheet" href="/welcome/guide.css">
</head>
<body class="guide">
<nav aria-label="Places">
  <strong><a href="/">Lucid</a></strong>
  {links}
  <a href="/graphql">Explorer</a>
  <a href="/schema.graphql">Schema</a>
</nav>
<main>
{content}
</main>
</body>
</html>
"""


def guide_routes(headers: Mapping[str, str]) -> list[BaseRoute]:
    """Return where the pages are."""

    async def guide(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in GUIDES:
            return Response(status_code=404)
        return HTMLResponse(page(name), headers=headers)

    return [Route("/docs/{name}", guide)]


@cache
def page(name: str) -> str:
    """Return a guide as a page."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = markdown.parse((FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    _name_headings(tokens)
    for token in tokens:
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrSet("href", place(str(inner.attrGet("href"))))
    links = "\n  ".join(
        f'<a href="/docs/{one}"{" aria-current=page" if one == name else ""}>{title}</a>'
        for one, title in GUIDES.items()
    )
    content = markdown.renderer.render(tokens, markdown.options, {})
    return PAGE.format(title=GUIDES[name], links=links, content=content)


def place(link: str) -> str:
    """Return where a link of the repository leads here.

    Raises: KeyError for a file that is not here.
    """
    if urlsplit(link).scheme or link.startswith("#"):
        return link
    path, mark, fragment = link.partition("#")
    return PLACES[path.rpartition("/")[2]] + mark + fragment


def _name_headings(tokens: list[Token]) -> None:
    """Let headings be linked to, by the names that GitHub gives them."""
    for heading, text in pairwise(tokens):
        if heading.type == "heading_open":
            words = re.sub(r"[^\w\- ]", "", text.content.lower())
            heading.attrSet("id", words.replace(" ", "-"))
