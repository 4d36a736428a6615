"""Plots as SVG that take their colours from the page: legible in light and dark, each with its words beside it.

They need matplotlib (`pip install convsim-nb[plots]`); without it there are none.
"""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from convsim_nb.analysis.summary import summarise
from convsim_nb.domain.conversation import Conversation
from convsim_nb.views.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _QUIET, _LINE = "#010203", "#040506", "#070809"
_SERIES = ("#0a0b0c", "#0d0e0f", "#101112", "#131415")
_FROM_PAGE = {
    _INK: "var(--ink)",
    _QUIET: "var(--quiet)",
    _LINE: "var(--line)",
    _SERIES[0]: "var(--accent)",
    _SERIES[1]: "var(--void)",
    _SERIES[2]: "var(--good)",
    _SERIES[3]: "var(--bad)",
}
"""Colours that stand for others while matplotlib draws: it knows no names of a page."""
_WIDE = 5.2
"""Inches; the page scales it."""


@dataclass(frozen=True)
class Plot:
    """A picture and what it says."""

    title: str
    svg: str
    """Safe to be put into a page as it is: drawn from numbers and escaped names."""
    said: str
    """The text alternative."""


def plots(runs: Mapping[str, Sequence[Conversation]]) -> tuple[Plot, ...]:
    """Reach rates, turns and seconds a reply of one run or several, by name; none without matplotlib."""
    if find_spec("matplotlib") is None:
        return ()
    counted = {name: [one for one in every if one.counts] for name, every in runs.items()}
    found = (_rates(runs), _turns(counted), _seconds(counted))
    return tuple(plot for plot in found if plot is not None)


def _rates(runs: Mapping[str, Sequence[Conversation]]) -> Plot | None:
    summaries = {name: summary for name, every in runs.items() if (summary := summarise(every)).rate is not None}
    if not summaries:
        return None
    said = "; ".join(
        f"{name} {percent(one.rate)} (95 % {percent(one.low)} to {percent(one.high)})"
        for name, one in summaries.items()
    )
    with _axes(0.5 + 0.42 * len(summaries)) as (axes, drawn):
        for place, summary in enumerate(summaries.values()):
            colour = _SERIES[place % len(_SERIES)]
            low, rate, high = (100 * (each or 0.0) for each in (summary.low, summary.rate, summary.high))
            axes.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
            axes.plot([rate], [place], marker="o", markersize=8, color=colour)
        axes.set_yticks(range(len(summaries)), [_short(name) for name in summaries])
        axes.set_ylim(len(summaries) - 0.5, -0.5)
        axes.set_xlim(-1, 101)
        axes.set_xlabel("reached the goal, % (bar: 95 % interval)")
    return Plot("Reach rate", drawn.getvalue(), said)


def _turns(counted: Mapping[str, Sequence[Conversation]]) -> Plot | None:
    from matplotlib.ticker import MaxNLocator

    turns = {name: [one.turns for one in every] for name, every in counted.items() if every}
    if not turns:
        return None
    most = max(map(max, turns.values()))
    with _axes(2.2) as (axes, drawn):
        width = 0.8 / len(turns)
        for place, (name, each) in enumerate(turns.items()):
            places = [turn + (place - (len(turns) - 1) / 2) * width for turn in range(1, most + 1)]
            heights = [each.count(turn) for turn in range(1, most + 1)]
            axes.bar(places, heights, width=width * 0.92, color=_SERIES[place % len(_SERIES)], label=_short(name))
        axes.set_xlabel("turns")
        axes.set_ylabel("conversations")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(axes, len(turns), place="best")
    said = "; ".join(
        f"{name}: {sum(each) / len(each):.1f} turns on average, {max(each)} at most" for name, each in turns.items()
    )
    return Plot("Turns of a conversation", drawn.getvalue(), said)


def _seconds(counted: Mapping[str, Sequence[Conversation]]) -> Plot | None:
    import numpy as np

    told = {
        name: [m.seconds for one in every for m in one.messages if m.source == "agent" and m.seconds is not None]
        for name, every in counted.items()
    }
    seconds = {name: sorted(each) for name, each in told.items() if each}
    if not seconds:
        return None
    with _axes(2.2) as (axes, drawn):
        for place, (name, each) in enumerate(seconds.items()):
            shares = 100 * np.arange(1, len(each) + 1) / len(each)
            axes.step(each, shares, where="post", linewidth=2, color=_SERIES[place % len(_SERIES)], label=_short(name))
        axes.set_xlabel("seconds")
        axes.set_ylabel("replies within, %")
        axes.set_xlim(left=0)
        axes.set_ylim(0, 102)
        _legend(axes, len(seconds), place="lower right")
    said = "; ".join(
        f"{name}: half within {np.percentile(each, 50):.2g} s, 95 % within {np.percentile(each, 95):.2g} s"
        for name, each in seconds.items()
    )
    return Plot("The agent's replies", drawn.getvalue(), said)


# --- drawing -------------------------------------------------------------------------


@contextmanager
def _axes(height: float) -> Iterator[tuple["Axes", io.StringIO]]:
    """Axes to draw on; the picture is in the second afterwards."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": str(height)}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the browser has the fonts
        figure = Figure(figsize=(_WIDE, height), layout="constrained")  # not pyplot's: nothing global is touched
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        yield axes, drawn
        whole = io.StringIO()
        figure.savefig(whole, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        drawn.write(_inline(whole.getvalue()))


_STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 9,
    "font.family": "sans-serif",
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _QUIET,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _QUIET,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
}


def _inline(svg: str) -> str:
    """Without what only a file of its own needs; with the page's colours and fonts."""
    text = re.sub(r"^.*?(?=<svg)", "", svg, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px system-ui, sans-serif", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    for colour, name in _FROM_PAGE.items():
        text = text.replace(colour, name)
    return text


def _legend(axes: "Axes", series: int, *, place: Literal["best", "lower right"]) -> None:
    if series > 1:
        axes.legend(loc=place)


def _short(name: str) -> str:
    """A name for an axis; a dollar would begin mathematics."""
    cut = name if len(name) <= 24 else f"{name[:23]}…"  # noqa: PLR2004 - as many fit
    return cut.replace("$", r"\$")


def labelled(plot: Plot) -> str:
    """The picture with its words, for who cannot see it."""
    return plot.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(plot.title)}: {escape(plot.said)}" ', 1)
