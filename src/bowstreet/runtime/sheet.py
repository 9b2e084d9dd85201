"""A report as one HTML file with its plots inside, that asks nothing of any network."""

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --paper: #fbfcfd; --faint: #d7dee6; --soft: #5b6b7b;
  --blue: #1f6fb2; --amber: #b86a00; --red: #b3261e; --green: #1c7c4a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0f161d; --faint: #2a3744; --soft: #93a3b3;
    --blue: #58a6e8; --amber: #e0a03c; --red: #f2857d; --green: #52c08a; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 820px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
p.note { color: var(--soft); } code { word-break: break-all; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 10px; margin: 1.2rem 0; }
.tile { border: 1px solid var(--faint); border-radius: 6px; padding: 10px 12px; }
.tile b { display: block; font-size: 1.4rem; } .tile span { color: var(--soft); font-size: .85rem; display: block; }
.warn, .tile span.warn { color: var(--red); font-weight: 600; } .tile span.fine { color: var(--green); font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg text.label { fill: var(--ink); } .grid { stroke: var(--faint); }
.target { stroke: var(--green); stroke-width: 1.5; stroke-dasharray: 4 3; }
.first { fill: none; stroke: var(--blue); stroke-width: 2; } .second { fill: none; stroke: var(--amber); stroke-width: 2; }
.weak { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 3 3; } .whisker { opacity: .75; }
.first.dot { fill: var(--blue); } .second.dot { fill: var(--amber); } .weak.dot { fill: var(--paper); stroke-dasharray: none; }
.key span { margin-right: 1rem; white-space: nowrap; } .key svg { width: 24px; height: 12px; vertical-align: -1px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: left; font-weight: 600; }
td, th { border-top: 1px solid var(--faint); padding: 3px 8px 3px 0; vertical-align: top; }
"""


def sheet(title: str, parts: Iterable[str], style: str = "") -> str:
    """The whole file; `parts` are HTML, `style` is for what this report alone draws."""
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
