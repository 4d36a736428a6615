"""HTML whose every style stands on its element: the form that saved notebooks, JupyterLab's sanitiser and GitHub keep.

Colours are half transparent over whatever the page is, and text inherits its colour, so that light and
dark read alike. Every value is one that JupyterLab's list of allowed styles knows: `0.75` and not
`.75`, `break-word` and not `anywhere`.
"""

import html
from collections.abc import Iterable
from typing import NewType

from convsim_nb.domain.conversation import Status, Verdict
from convsim_nb.views import markup
from convsim_nb.views.hidden import visible
from convsim_nb.views.words import SIGNS, TONES, Tone, word

Html = NewType("Html", str)
"""Text that may stand between tags as it is: nothing becomes one but through this module."""

LINE = "rgba(128, 128, 128, 0.3)"
SHADE = "rgba(128, 128, 128, 0.1)"
USER = "rgba(25, 118, 210, 0.75)"
AGENT = "rgba(128, 128, 128, 0.55)"
TINTS: dict[Tone, str] = {
    "good": "rgba(46, 160, 67, 0.2)",
    "bad": "rgba(229, 57, 53, 0.22)",
    "void": "rgba(191, 135, 0, 0.22)",
    "live": "rgba(25, 118, 210, 0.2)",
}
EDGES: dict[Tone, str] = {
    "good": "rgba(46, 160, 67, 0.8)",
    "bad": "rgba(229, 57, 53, 0.8)",
    "void": "rgba(191, 135, 0, 0.8)",
    "live": "rgba(25, 118, 210, 0.8)",
}
QUIET = "opacity: 0.75"
_WRAP = "overflow-wrap: break-word"
_PRE = (
    f"white-space: pre-wrap; {_WRAP}; background-color: {SHADE}; padding: 6px 8px; margin: 4px 0; "
    "max-height: 320px; overflow: auto; text-align: left"
)
_CELL = f"text-align: left; vertical-align: top; padding: 6px 10px; border: none; line-height: 1.5; {_WRAP}"
_HEAD = f"{_CELL}; border-bottom: 1px solid {LINE}; font-weight: 600; white-space: nowrap"
_INNER_TABLE = "border-collapse: collapse; table-layout: auto; margin: 4px 0; width: auto"
_INNER_CELL = f"text-align: left; border: 1px solid {LINE}; padding: 2px 8px"
_CLIP = 4_000
"""Characters of a tool's arguments or result."""


def text(value: str) -> Html:
    """Any text, as it was written."""
    return Html(markup.escaped(value))


def rich(value: str) -> Html:
    """Text of an agent or a session, read as Markdown."""
    made = markup.safe_html(value)
    # Nothing but a tag looks like `<td>` here: whatever the text held is escaped.
    made = made.replace("<pre>", f'<pre style="{_PRE}">').replace("<table>", f'<table style="{_INNER_TABLE}">')
    made = made.replace("<th>", f'<th style="{_INNER_CELL}">').replace("<td>", f'<td style="{_INNER_CELL}">')
    return Html(made.replace("<p>", '<p style="margin: 0 0 6px">'))


def el(tag: str, *children: Html, style: str = "", **attributes: str) -> Html:
    """One element; an attribute's value is escaped, and one that is empty stands alone (`open`)."""
    stands = "".join(f' {name}="{html.escape(value)}"' if value else f" {name}" for name, value in attributes.items())
    styled = f' style="{style}"' if style else ""
    return Html(f"<{tag}{stands}{styled}>{''.join(children)}</{tag}>")


def join(parts: Iterable[Html], *, by: str = "") -> Html:
    """Several pieces as one, with plain text between them."""
    return Html(html.escape(by).join(parts))


def page(*children: Html) -> Html:
    """What a view begins with: a size, and no width beyond what can be read."""
    return el("div", *children, style="font-size: 13px; line-height: 1.5; max-width: 1100px; text-align: left")


def title(value: str) -> Html:
    """The view's one heading."""
    return el("h4", text(value), style="margin: 4px 0 6px; font-size: 16px; font-weight: 600")


def line(*children: Html, style: str = "") -> Html:
    """A paragraph without much air."""
    return el("p", *children, style=f"margin: 0 0 4px; {style}".rstrip("; "))


def quiet(value: str) -> Html:
    """What is secondary."""
    return el("span", text(value), style=QUIET)


def badge(value: Verdict | Status) -> Html:
    """A verdict or a status: sign and word, with its tint behind them."""
    return chip(f"{SIGNS[value]} {word(value)}", tone=TONES.get(value, "live"))


def chip(value: str, *, tone: Tone) -> Html:
    """A short word on a tint."""
    look = f"background-color: {TINTS[tone]}; border-radius: 9px; padding: 1px 8px; white-space: nowrap"
    return el("span", text(value), style=look)


def banner(*children: Html, tone: Tone) -> Html:
    """Something that must be read first."""
    look = f"border-left: 3px solid {EDGES[tone]}; background-color: {TINTS[tone]}"
    return el("p", *children, style=f"margin: 6px 0; padding: 5px 10px; {look}")


def table(*rows: Html, head: Iterable[str] = (), width: str = "auto") -> Html:
    """A table of `row`s, with names over its columns or without."""
    names = [el("th", text(name), style=_HEAD) for name in head]
    top = el("thead", el("tr", *names)) if names else Html("")
    look = f"border-collapse: collapse; border: none; table-layout: auto; margin: 6px 0; width: {width}"
    return el("table", top, el("tbody", *rows), style=f"{look}; font-size: 13px")


def row(*cells: Html, shade: bool = False) -> Html:
    """A row of `cell`s; not striped by Jupyter, whose stripes would cut a turn in two."""
    background = SHADE if shade else "transparent"
    return el("tr", *cells, style=f"background-color: {background}; border-bottom: 1px solid {LINE}")


def cell(*children: Html, style: str = "") -> Html:
    """A cell, flush left."""
    return el("td", *children, style=f"{_CELL}; {style}".rstrip("; "))


def bullets(items: Iterable[Html]) -> Html:
    """A list; nothing where there are no items."""
    points = [el("li", item, style="margin: 0") for item in items]
    return el("ul", *points, style="margin: 0; padding-left: 16px") if points else Html("")


def fold(summary: Html, *children: Html, opened: bool = False, style: str = "margin: 2px 0") -> Html:
    """Something that opens on a click, without a script."""
    head = el("summary", summary, style="cursor: pointer")
    return el("details", head, *children, style=style, **({"open": ""} if opened else {}))


def pre(value: str) -> Html:
    """Text as it was sent, cut where it is very long."""
    shown = visible(value)
    rest = f"\n… {len(shown) - _CLIP:,} more characters" if len(shown) > _CLIP else ""
    return el("pre", Html(html.escape(shown[:_CLIP] + rest)), style=_PRE)


def code(value: str) -> Html:
    """A name out of a program."""
    return el("code", text(value), style=f"background-color: {SHADE}; padding: 1px 4px")
