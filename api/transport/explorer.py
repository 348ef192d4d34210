"""The page on which a person tries queries: GraphiQL, built from `explorer/` into `static/` beside this file.

The build is looked for at each request for the page, so the start waits for nothing, and a build that comes later
is there with the next reload. Until then a small page says how to make it.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from api.transport.assets import IMMUTABLE, Assets, page_headers
from api.transport.negotiation import HTML
from api.transport.responses import Response

STATIC = Path(__file__).parent / "static"

#: Where the assets of the page are; its build (explorer/vite.config.js) writes it into the page.
ASSETS_PATH = "/static/assets"

# Scripts are ours alone, and nothing is asked of another host. Styles may be inline because the editor (Monaco) makes
# its style sheets while it runs, one for each theme and each pane, and takes no nonce for them. The line that it draws
# under a mistake is a picture in such a sheet, so pictures may be `data:`. `connect-src 'self'` covers WebSockets of
# the same host too.
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

STYLE = """
  :root { color-scheme: light dark; }
  body { margin: 18vh auto; padding: 0 1.5rem; max-width: 36rem; font: 1.05rem/1.6 system-ui, sans-serif;
    background: light-dark(#f3f8f5, #0b1714); color: light-dark(#12332b, #d9e8e1); }
  h1 { font-weight: 500; }
  pre { padding: 1rem 1.25rem; border-radius: .6rem; background: light-dark(#e3eee8, #172b25); overflow: auto; }
  a { color: inherit; }
"""

NOT_BUILT = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>GraphiQL is not built</title>
<style>{STYLE}</style>
<h1>GraphiQL is not built yet</h1>
<p>The API is here and takes calls; only the page for trying them must be built once. With Node 20.19 or newer:</p>
<pre>make explorer</pre>
<p>Then reload. Meanwhile the <a href="/schema.graphql">schema</a> says what can be asked.</p>
</html>
"""

NOT_BUILT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Explorer:
    """GraphiQL's page, or the one that says how to get it."""

    def __init__(self, static: Path = STATIC) -> None:
        self._page = static / "index.html"

    def __call__(self) -> Response:
        """Answer with the page as it is now."""
        try:
            page, policy = self._page.read_bytes(), POLICY
        except FileNotFoundError:
            page, policy = NOT_BUILT.encode(), NOT_BUILT_POLICY
        return Response(200, page, HTML, page_headers(policy))


def graphiql() -> Explorer:
    """Return what answers a person with a browser."""
    return Explorer()


def graphiql_assets() -> Assets:
    """Return what serves the files of the page, under `ASSETS_PATH`."""
    return Assets(STATIC / "assets", caching=IMMUTABLE, policy=POLICY)
