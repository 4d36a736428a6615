"""The verb `selftest`: does the simulated user react as people do where an agent is of no use?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import fmean
from typing import TYPE_CHECKING, Any, Unpack

from convsim_nb.adapters.recorded_judge import RecordedJudge
from convsim_nb.analysis.manner import is_negative, things
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.workflow.cases import CaseSet, as_cases
from convsim_nb.workflow.llm_params import llm_params
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.options import SimulateOptions
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

Messages = Sequence[Mapping[str, Any]]
_TURNS = 6
_SAME = 0.8
_WIDTHS = (7, 8, 10, 10, 13)

USELESS = (
    "Thank you for your message. We value your opinion.",
    "Have you heard of our new newsletter?",
    "That is a good question. Many people ask it.",
    "Our offices were painted blue last spring.",
)


def useless(messages: Messages) -> str:
    """Says something friendly, and nothing of use."""
    return next(islice(cycle(USELESS), _turn(messages), None))


def silent(messages: Messages) -> str:
    """Says next to nothing: no reply at all would end the conversation before the user could react."""
    return "..." if _turn(messages) % 2 else "…"


def looping(messages: Messages) -> str:
    """Asks for the same thing again and again, whatever is said."""
    again = "again " if _turn(messages) % 2 else ""
    return f"To help you I need your number. Please give me your number {again}so that I can look."


AGENTS: dict[str, Callable[[Messages], str]] = {"useless": useless, "silent": silent, "looping": looping}
"""The agents of no use, by name."""


@dataclass(frozen=True)
class Reaction:
    """How one simulated user took one agent of no use."""

    user_model: str
    case_id: str
    agent: str
    turns: int
    stop: str
    objected: float
    """The share of the user's messages, the first left out, that object or ask again."""
    repeated: float
    """The share of them that say what was said before."""
    fault: str
    """What is wrong with it; empty where the user reacted."""


@dataclass(frozen=True)
class SelfTest:
    """Whether the simulated user can be trusted to tell a bad agent from a good one."""

    reactions: tuple[Reaction, ...]
    runs: tuple[Run, ...] = ()
    """The runs against `agent`, one for each model, where one was given."""

    @property
    def passed(self) -> bool:
        """Whether every simulated user reacted to every agent."""
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each that did not react."""
        return tuple(
            f"{r.user_model}: {r.case_id} against a {r.agent} agent: {r.fault}" for r in self.reactions if r.fault
        )

    @property
    def spread(self) -> Mapping[str, float]:
        """The reach rate against `agent`, by user model: what lies between them is the users', not the agent's."""
        rated = ((run.state.settings, run.summary.rate) for run in self.runs)
        return {settings.user_model: rate for settings, rate in rated if settings and rate is not None}

    def to_frame(self) -> "pd.DataFrame":
        """One row a reaction."""
        import pandas as pd

        return pd.DataFrame([vars(reaction) for reaction in self.reactions])

    def __repr__(self) -> str:
        lines = [
            f"{'user model':24}{'agent':10}{'turns':>7}{'ended':>8}{'objected':>10}{'repeated':>10}{'no reaction':>13}"
        ]
        lines += [
            f"{model[:23]:24}{agent:10}"
            + "".join(f"{number:>{width}}" for number, width in zip(numbers, _WIDTHS, strict=True))
            for model, agent, *numbers in self._rows()
        ]
        lines += [f"reach rate with {model}: {rate:.0%}" for model, rate in self.spread.items()]
        if len(self.spread) > 1:
            apart = max(self.spread.values()) - min(self.spread.values())
            lines.append(f"the user models are {apart * 100:.0f} points apart: say which one a result is of")
        return "\n".join([*lines, *(f"- {problem}" for problem in self.problems)])

    def _repr_html_(self) -> str:
        from convsim_nb.views.inline import bullets, cell, page, row, table, text

        head = ("user model", "agent", "turns", "ended by itself", "objected", "repeated", "no reaction")
        body = [
            row(*(cell(text(part)) for part in (model, agent, *numbers))) for model, agent, *numbers in self._rows()
        ]
        spread = [text(f"reach rate with {model}: {rate:.0%}") for model, rate in self.spread.items()]
        return str(page(table(*body, head=head), bullets([*spread, *map(text, self.problems)])))

    def _rows(self) -> Iterator[tuple[str, str, str, str, str, str, str]]:
        for model, agent in dict.fromkeys((reaction.user_model, reaction.agent) for reaction in self.reactions):
            some = [r for r in self.reactions if (r.user_model, r.agent) == (model, agent)]
            yield (
                model,
                agent,
                f"{fmean(r.turns for r in some):.1f}",
                f"{fmean(r.stop == 'user_ended' for r in some):.0%}",
                f"{fmean(r.objected for r in some):.0%}",
                f"{fmean(r.repeated for r in some):.0%}",
                str(sum(bool(r.fault) for r in some)),
            )


def selftest(
    cases: Any,
    *,
    agent: Any = None,
    user_models: Sequence[Any] | None = None,
    **options: Unpack[SimulateOptions],
) -> SelfTest:
    """Play cases against a useless, a silent and a looping agent, and see that the simulated user reacts.

    A person objects, asks again in other words, or leaves; a user that chats on, thanks or is content would pass a
    bad agent. No judge is asked. With `user_models` each of them plays the same cases; with `agent` they play
    against that one too, and `spread` shows how far its reach rate depends on who plays the user. Blocks.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    found = as_cases(cases)
    _refuse(user_models, options)
    models = user_models if user_models is not None else (options.get("user_model"),)
    reactions: list[Reaction] = []
    runs = []
    for model in models:
        chosen: SimulateOptions = {**options, "user_model": model}
        reactions += [reaction for name in AGENTS for reaction in _reactions(found, name, chosen)]
        if agent is not None:
            runs.append(simulate(found, agent, **chosen).wait())
    return SelfTest(tuple(reactions), tuple(runs))


def _refuse(user_models: Any, options: SimulateOptions) -> None:
    """Every model is looked up before the first one is paid for."""
    if isinstance(user_models, str):
        raise UsageError(f"user_models={user_models!r}: give a list, [{user_models!r}], or user_model=")
    if user_models is not None and not user_models:
        raise UsageError("user_models is empty: give at least one model, or user_model=")
    if options.get("record"):
        raise UsageError("record is given: it keeps one run, and a self-test plays several: leave it out")
    params = llm_params(options.get("user_llm_params"), name="user_llm_params")
    for model in user_models or ():
        resolve_model(model, param="user_models", params=params)


def _reactions(cases: CaseSet, name: str, options: SimulateOptions) -> Iterator[Reaction]:
    own: SimulateOptions = {
        "max_turns": _TURNS,
        "mlflow": False,
        **options,
        "agent_name": name,
        "goal_check": _never,
        "judge_model": RecordedJudge(()),
    }
    run = simulate(cases, AGENTS[name], **own).wait()
    model = run.state.settings.user_model if run.state.settings else ""
    return (_reaction(model, name, conversation) for conversation in run.conversations)


def _never(_conversation: Conversation) -> bool:
    """An agent of no use reaches no goal."""
    return False


def _reaction(model: str, agent: str, conversation: Conversation) -> Reaction:
    said = [m.content for m in conversation.messages if m.role == "user" and m.source == "simulated"]
    later = said[1:]
    objected = fmean(is_negative(text) or "?" in text or "？" in text for text in later) if later else 0.0
    repeated = fmean(_said_before(n, said) for n in range(1, len(said))) if later else 0.0
    fault = _fault(conversation, objected=objected, repeated=repeated)
    return Reaction(
        model, conversation.case_id, agent, conversation.turns, str(conversation.stop), objected, repeated, fault
    )


def _fault(conversation: Conversation, *, objected: float, repeated: float) -> str:
    """What is wrong with how the user took it, or nothing."""
    if conversation.stop in ("simulator_broke", "model_error"):
        return f"the simulation failed: {conversation.detail}"
    if conversation.stop == "looped" or repeated > _SAME:
        return "the user said the same again and again"
    if conversation.stop == "user_ended" and conversation.turns == 1:
        return "the user left after one answer, without a word"
    if conversation.stop != "user_ended" and objected == 0:
        return f"in {conversation.turns} turns the user neither objected, nor asked, nor left"
    return ""


def _said_before(place: int, said: Sequence[str]) -> bool:
    now = things(said[place])
    return any(now and len(now & things(then)) >= _SAME * len(now | things(then)) for then in said[:place])


def _turn(messages: Messages) -> int:
    said: int = sum(message["role"] == "user" for message in messages)
    return said - 1
