"""The start page: what is here, for a person who opens the address in a browser."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lucid</title>
<style>
  :root { color-scheme: light dark; --ink: #12332b; --paper: #f6f9f6; --leaf: #1f7a5c; --line: #cfe0d8; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e3f1ea; --paper: #0e1f1a; --leaf: #6fd3ac; --line: #2a4a40; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif; }
  main { max-width: 46rem; margin: 0 auto; padding: 12vh 1.5rem 4rem; }
  h1 { font-size: 3rem; line-height: 1; letter-spacing: -.03em; margin: 0 0 .6rem; }
  p { margin: .4rem 0; }
  .lead { font-size: 1.2rem; max-width: 38rem; }
  ul { list-style: none; padding: 0; margin: 2.5rem 0 0; border-top: 1px solid var(--line); }
  li { display: grid; grid-template-columns: 12rem 1fr; gap: 1rem; padding: .8rem 0; }
  li { border-bottom: 1px solid var(--line); }
  a { color: var(--leaf); text-decoration-thickness: 1px; text-underline-offset: .2em; }
  @media (max-width: 36rem) { li { grid-template-columns: 1fr; gap: 0; } }
</style>
<main>
  <h1>Lucid</h1>
  <p class="lead">Green actions become low-carbon energy, gram by gram; energy becomes donations to waters, forests
  and rare animals; and those who protect them hear of every one.</p>
  <p lang="zh">绿水青山就是金山银山</p>
  <ul>
    <li><a href="/graphql">/graphql</a><span>The API. In a browser, GraphiQL; for programs, GraphQL over HTTP and over
      WebSocket (<code>graphql-transport-ws</code>).</span></li>
    <li><a href="/schema.graphql">/schema.graphql</a><span>The contract, with a description of every name.</span></li>
    <li><a href="/health/ready">/health/ready</a><span>Whether the service takes calls.</span></li>
  </ul>
</main>
</html>
"""


def welcome_page() -> str:
    """Return the page."""
    return PAGE
