"""Text of agents and sessions as HTML that can do nothing: Markdown without raw HTML, then an allow-list.

Two locks, for each has been broken alone in other projects: markdown-it-py escapes every tag it is
given, and nh3 keeps none that is not listed here, no attribute but a few, and no address but of the
web and of mail.
"""

import html
from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from convsim_nb.views.hidden import visible

_INLINE = {"a", "br", "code", "em", "s", "strong"}
_BLOCK = {"blockquote", "hr", "li", "ol", "p", "pre", "table", "tbody", "td", "th", "thead", "tr", "ul"}
TAGS = frozenset(_INLINE | _BLOCK)
"""The tags that `safe_html` can give."""
ATTRIBUTES: dict[str, set[str]] = {"a": {"href"}, "ol": {"start"}, "*": set()}
"""The attributes that `safe_html` can give, beside the `rel` of a link."""
SCHEMES = frozenset({"http", "https", "mailto"})
_LONGEST = 30_000
"""Characters beyond which a message is shown as it was written: a wall of text has no layout to keep."""
_CACHED = 4_000
"""Only messages up to this many characters are remembered: the memory stays under some tens of megabytes."""


def safe_html(text: str) -> str:
    """`text`, read as Markdown, as HTML with tags out of `TAGS` alone."""
    return _remembered(text) if len(text) <= _CACHED else _rendered(text)


def escaped(text: str) -> str:
    """`text` as it was written, fit to stand between tags and in a quoted attribute."""
    return html.escape(visible(text))


# The same history, script and greeting stands in many trials, and a view draws a conversation
# more than once: rendering costs 150 microseconds a message, remembering none.
@lru_cache(maxsize=4096)
def _remembered(text: str) -> str:
    return _rendered(text)


def _rendered(text: str) -> str:
    shown = visible(text)
    if len(shown) > _LONGEST:
        return "<p>" + html.escape(shown).replace("\n", "<br>") + "</p>"
    # Markdown turns `&#x202E;` into the character itself, so what comes out is looked through again.
    return visible(_CLEANER.clean(_MARKDOWN.render(shown)))


def _opens_paragraph(_r: RendererHTML, _t: Sequence[Token], _i: int, _o: OptionsDict, _e: EnvType) -> str:
    """A heading of an agent is no heading of the page it is shown on."""
    return "<p><strong>"


def _closes_paragraph(_r: RendererHTML, _t: Sequence[Token], _i: int, _o: OptionsDict, _e: EnvType) -> str:
    return "</strong></p>\n"


def _markdown() -> MarkdownIt:
    settings = {"html": False, "linkify": False, "breaks": True, "typographer": False}
    markdown = MarkdownIt("commonmark", settings).enable(["table", "strikethrough"])
    markdown.disable("image")
    markdown.add_render_rule("heading_open", _opens_paragraph)
    markdown.add_render_rule("heading_close", _closes_paragraph)
    return markdown


def _kept(_tag: str, name: str, value: str) -> str | None:
    """An address must name its scheme: a relative one would point into Jupyter's own server."""
    if name == "href" and value.partition(":")[0].lower() not in SCHEMES:
        return None
    return value


_MARKDOWN = _markdown()
_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes=ATTRIBUTES,
    url_schemes=set(SCHEMES),
    attribute_filter=_kept,
    link_rel="noopener noreferrer",
)
