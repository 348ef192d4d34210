"""A chart of ratios as SVG, drawn by hand: it follows the reader's light or dark mode and needs no library."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.lanes import Lane
from bench.report import LUCID, best_peer

WIDTH, LEFT, RIGHT = 840, 250, 120
BAR, GAP, BLOCK = 16, 4, 20
TOP, BOTTOM = 56, 26

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .note { fill: #59636e; font-size: 12px }
  .work { font-weight: 600 }
  .value { font-variant-numeric: tabular-nums; paint-order: stroke; stroke: #fff; stroke-width: 5px }
  .peer { fill: #afb8c1 }
  .best { fill: #818b98 }
  .lucid { fill: #1a7f37 }
  .one { stroke: #59636e; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .value { stroke: #0d1117 }
    .note { fill: #9198a1 }
    .peer { fill: #3d444d }
    .best { fill: #656c76 }
    .lucid { fill: #3fb950 }
    .one { stroke: #9198a1 }
  }
"""


def draw(results: Mapping[str, Mapping[str, Lane]], title: str, note: str) -> str:
    """Return the chart: for each workload a bar for each server, as a multiple of the best peer."""
    blocks = [block for item, lanes in results.items() if (block := _block(item, lanes))]
    longest = max((ratio for _, bars in blocks for _, ratio, _, _ in bars), default=1)
    scale = (WIDTH - LEFT - RIGHT) / max(longest, 1)
    parts, y = [], TOP
    for item, bars in blocks:
        parts.append(f'<text class="work" x="16" y="{y + 13}">{escape(item)}</text>')
        for name, ratio, per_s, kind in bars:
            parts += [
                f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
                f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" height="{BAR}" rx="2"/>',
                f'<text class="value" x="{LEFT + ratio * scale + 6:.1f}" y="{y + 13}">'
                f"{ratio:.2f}× <tspan class='note'>{per_s:,.0f}/s</tspan></text>",
            ]
            y += BAR + GAP
        y += BLOCK
    one = LEFT + scale
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + BOTTOM}" role="img" '
        f'aria-label="{escape(title)}">\n<style>{STYLE}</style>\n'
        f'<text class="title" x="16" y="26">{escape(title)}</text>\n'
        f'<text class="note" x="16" y="44">{escape(note)}</text>\n'
        f'<line class="one" x1="{one:.1f}" x2="{one:.1f}" y1="{TOP - 4}" y2="{y - BLOCK + 4}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _block(item: str, lanes: Mapping[str, Lane]) -> tuple[str, Sequence[tuple[str, float, float, str]]] | None:
    best = best_peer(lanes)
    if best is None:
        return None
    bars = []
    for name, lane in sorted(lanes.items(), key=lambda one: -one[1].per_s):
        kind = "lucid" if name == LUCID else "best" if name == best[0] else "peer"
        bars.append((name, lane.times(best[1]), lane.per_s, kind))
    return item, bars
