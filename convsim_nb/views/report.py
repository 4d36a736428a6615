"""A run as one HTML file that needs nothing else: no script, no font, no picture, no network; and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from convsim_nb.analysis.failures import FailureGroup, Reason
from convsim_nb.analysis.summary import summarise
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Usage
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState
from convsim_nb.views import words
from convsim_nb.views.beside import Beside
from convsim_nb.views.failures import failures_by_rule
from convsim_nb.views.faults import faults_of
from convsim_nb.views.hidden import visible
from convsim_nb.views.markdown import report_markdown
from convsim_nb.views.markup import SCHEMES, safe_html
from convsim_nb.views.plots import Plot, labelled
from convsim_nb.views.scores import by_key, every_by_key, of_turns, score_tone, score_totals, score_words
from convsim_nb.views.sentences import (
    run_title,
    sentences,
    stand_in_sentence,
    trouble_sentences,
    unended_sentences,
)
from convsim_nb.views.turns import Round, rounds

__all__ = ["report_html", "report_markdown"]

_ORDER = ("not_reached", "void", None, "reached")
_STRIP = 500
"""With more conversations than this, numbered squares are no overview."""
_CLIP = 20_000
"""Characters of a tool's arguments or result."""


@dataclass(frozen=True)
class Entry:
    """One conversation, with all that is shown of it."""

    number: int
    """Its place in the run, from 1; the report's anchors are made of it."""
    conversation: Conversation
    case: TestCase | None
    scores: Sequence[Score]
    """Of the whole conversation; those of single turns as their mean."""
    by_turn: Mapping[int, Sequence[Score]]

    @property
    def rounds(self) -> tuple[Round, ...]:
        """Its turns."""
        return rounds(self.conversation)


@dataclass(frozen=True)
class Fallen:
    """A reason, with the conversations that did not reach their goal for it."""

    reason: Reason
    entries: tuple[Entry, ...]
    quotes: Sequence[str]


def report_html(
    state: RunState,
    *,
    scores: Iterable[Score] | None = None,
    links: Mapping[str, str] | None = None,
    title: str | None = None,
    beside: Beside | None = None,
    plots: Sequence[Plot] = (),
    failures: Sequence[FailureGroup] | None = None,
) -> str:
    """The report of a run. `links` are addresses by their text, such as the run's page in MLflow.

    `beside` are other runs and measures; `plots` are drawn by `views.plots`; `failures` are by rules alone where
    they are not given.
    """
    every = tuple(scores or ())
    scored, entries = by_key(every), _entries(state, every)
    groups = failures_by_rule(state) if failures is None else failures
    lead, *said = [each for each in sentences(state, failures=groups) if each not in trouble_sentences(state)]
    return (
        _environment()
        .get_template("report.html")
        .render(
            state=state,
            title=title or run_title(state),
            summary=summarise(state.conversations),
            lead=lead,
            said=[each for each in said if each != stand_in_sentence(state)],
            stand_in=stand_in_sentence(state),
            dropped=[*unended_sentences(state), *trouble_sentences(state)],
            entries=entries,
            strip=entries if len(entries) <= _STRIP else [],
            ranked=sorted(entries, key=lambda entry: _ORDER.index(entry.conversation.verdict)),
            faults=faults_of(state),
            failures=_failures(groups, entries),
            beside=beside or Beside(),
            plots=plots,
            totals=score_totals(scored),
            spenders=_spenders(state),
            links=dict(links or {}),
        )
    )


def _entries(state: RunState, scores: Sequence[Score]) -> list[Entry]:
    whole, every = by_key(scores), every_by_key(scores)
    return [
        Entry(
            number,
            each,
            state.cases.get(each.case_id),
            whole.get(each.key, ()),
            of_turns(every.get(each.key, ())),
        )
        for number, each in enumerate(state.conversations, start=1)
    ]


def _failures(groups: Sequence[FailureGroup], entries: Sequence[Entry]) -> list[Fallen]:
    """The conversations that did not reach their goal, by reason."""
    by_key = {entry.conversation.key: entry for entry in entries}
    return [Fallen(group.reason, tuple(by_key[key] for key in group.keys), group.quotes) for group in groups]


def _spenders(state: RunState) -> list[tuple[str, str, Usage]]:
    """Who called models, by what name, and what it took."""
    settings = state.settings
    models = {"user": settings.user_model, "judge": settings.judge_model} if settings else {}
    if state.agent:
        models["agent"] = f"{state.agent.name}'s own"
    return [(words.SPENDERS[name], models.get(name, ""), usage) for name, usage in state.usage.items()]


# --- the template --------------------------------------------------------------------


_FUNCTIONS = (
    words.count,
    words.label,
    words.money,
    words.percent,
    words.pretty_json,
    words.check_word,
    words.role_words,
    words.seconds_words,
    words.standing,
    words.stop_words,
    words.word,
)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("convsim_nb.views"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_finalized,
    )
    environment.filters |= {
        "rich": lambda text: Markup(safe_html(text)),  # noqa: S704 - sanitised there
        "clip": _clipped,
        "made": Markup,  # an `Html` of ours
        "drawn": lambda plot: Markup(labelled(plot)),  # noqa: S704 - made there, its words escaped
        "score_words": score_words,
        "score_tone": score_tone,
        "setting": _setting,
        "web": lambda address: address.partition(":")[0].lower() in SCHEMES,
    }
    environment.globals |= {each.__name__: each for each in _FUNCTIONS}
    environment.globals |= {"SIGNS": words.SIGNS, "TONES": words.TONES, "STOPS": words.STOPS}
    return environment


def _finalized(value: Any) -> Any:
    """Every text that is put in is escaped by Jinja, and before that rid of what a reader cannot see."""
    return visible(value) if type(value) is str else value


def _setting(value: object) -> object:
    """As people say it: `no` for False, `300` for 300.0."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else value


def _clipped(text: str) -> str:
    return text if len(text) <= _CLIP else f"{text[:_CLIP]}\n… {len(text) - _CLIP:,} more characters"
