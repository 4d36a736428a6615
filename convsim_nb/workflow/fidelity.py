"""The verb `fidelity`: how alike the simulated users of a run were to the people they play."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from convsim_nb.adapters.agents import RecordedAgent
from convsim_nb.adapters.recorded_judge import RecordedJudge
from convsim_nb.analysis.fidelity import ABOUT, Pair, Row, advice, as_mappings, compare_pairs, measured
from convsim_nb.analysis.manner import Talk
from convsim_nb.domain.case import Source, TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.language import language_of
from convsim_nb.domain.session import Message, Session
from convsim_nb.workflow.cases import CaseSet, as_cases
from convsim_nb.workflow.options import SimulateOptions
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.sessions import as_sessions
from convsim_nb.workflow.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

_MORE_TURNS = 2
_HEAD = ("", "person", "simulated", "difference", "95 % interval", "people differ by up to")


@dataclass(frozen=True)
class Fidelity:
    """Person and simulated user beside each other, measure by measure. There is no one score: it would say nothing."""

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...] = ()
    """Conversations that were not compared, and why."""

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change, for each measure in which the two are further apart than people are among themselves."""
        return advice(self.rows)

    def to_frame(self, *, by_case: bool = False) -> "pd.DataFrame":
        """One row a measure; with `by_case` one row a measure and conversation, without intervals."""
        import pandas as pd

        return pd.DataFrame(list(self._by_case()) if by_case else as_mappings(self.rows))

    def __repr__(self) -> str:
        head = f"{'':22}{'person':>8}{'simulated':>11}{'difference':>12}{'95 % interval':>17}{'people differ':>15}"
        lines = [f"{len(self.pairs)} conversations beside the sessions they came from", head, *map(_line, self.rows)]
        return "\n".join([*lines, *(f"- {told}" for told in self._told())])

    def as_rows(self) -> list[tuple[str, ...]]:
        """The measures as rows of text, under a head."""
        return [_HEAD, *((ABOUT[one.measure], *_cells(one)) for one in self.rows)]

    @property
    def said(self) -> tuple[str, ...]:
        """What to change, and what could not be compared."""
        return self._told()

    def _repr_html_(self) -> str:
        from convsim_nb.views.inline import bullets, cell, page, row, table, text, title

        body = [
            row(cell(text(ABOUT[one.measure])), *(cell(text(value)) for value in _cells(one)), shade=one.apart)
            for one in self.rows
        ]
        heading = title(f"{len(self.pairs)} conversations beside the sessions they came from")
        return str(page(heading, table(*body, head=_HEAD), bullets(map(text, self._told()))))

    def _told(self) -> tuple[str, ...]:
        few = (
            [] if any(row.control is not None for row in self.rows) else ["Too few sessions to say how people differ."]
        )
        return (*(self.advice or ("Nothing is further apart than people are among themselves.",)), *few, *self.left_out)

    def _by_case(self) -> Iterator[Mapping[str, object]]:
        for pair in self.pairs:
            for name, (person, player) in measured(pair).items():
                yield {"case_id": pair.case_id, "measure": name, "person": person, "simulated": player}


def fidelity(run: Any, *, sessions: Any = None, **options: Unpack[SimulateOptions]) -> Fidelity:
    """Compare the simulated users of a run with the people of the sessions that its cases came from.

    `run` is a run; or test cases, which are then played against the *recorded* agent's replies, with no agent and
    no judge of one's own: all that differs is the user. `sessions` are taken from the cases where they hold them.
    Always beside a control: how far two halves of the people are apart.

    Raises:
        UsageError: no sessions are at hand, or no conversation can be compared.
    """
    if isinstance(run, Run):
        found = _sessions(sessions, run.planned.cases if run.planned else run.cases)
        return compared(run.conversations, run.state.cases, found)
    cases = as_cases(run)
    found = _sessions(sessions, cases)
    played = _round_trip(cases, found, options)
    return compared(played.conversations, played.state.cases, found)


def compared(
    conversations: Sequence[Conversation], cases: Mapping[str, TestCase], sessions: Mapping[str, Session]
) -> Fidelity:
    """The report on conversations whose cases say where they came from.

    Raises:
        UsageError: there is none that can be compared.
    """
    pairs, left_out = [], []
    for conversation in conversations:
        case = cases[conversation.case_id]
        why = _cannot(conversation, case, sessions)
        if why or case.source is None:
            left_out.append(f"{conversation.key} is left out: {why}")
            continue
        person = _person(case, case.source, sessions[case.source.session_id])
        pairs.append(Pair(case.case_id, person, _player(conversation, person.language)))
    if not pairs:
        reasons = "; ".join(left_out[:2]) or "the run has no conversations"
        raise UsageError(f"nothing can be compared: {reasons}")
    return Fidelity(compare_pairs(pairs), tuple(pairs), tuple(left_out))


def _round_trip(cases: CaseSet, sessions: Mapping[str, Session], options: SimulateOptions) -> Run:
    longest = max(len(session.user_messages) for session in sessions.values())
    chosen: SimulateOptions = {
        "max_turns": longest + _MORE_TURNS,
        "goal_check": _never,
        "judge_model": RecordedJudge(tuple(cases)),
        "mlflow": False,
        **options,
    }
    return simulate(cases, RecordedAgent(sessions.values()), **chosen).wait()


def _never(_conversation: Conversation) -> bool:
    """No goal ends a round trip: the recording does, or the user."""
    return False


def _sessions(given: Any, cases: CaseSet) -> dict[str, Session]:
    found = as_sessions(given) if given is not None else cases.sessions
    if not found:
        raise UsageError("the sessions that the cases came from are not at hand: give sessions=")
    return {session.id: session for session in found}


def _cannot(conversation: Conversation, case: TestCase, sessions: Mapping[str, Session]) -> str:
    """Why a conversation cannot be compared, or nothing."""
    if case.source is None:
        return "its case has no source"
    if case.source.session_id not in sessions:
        return f"session {case.source.session_id} is not at hand"
    if conversation.origin is not None or conversation.assisted or conversation.verdict == "void":
        return "it is forked, assisted or void"
    return "" if any(m.source == "simulated" for m in conversation.messages) else "the user said nothing of its own"


def _person(case: TestCase, source: Source, session: Session) -> Talk:
    messages = session.messages[source.first : source.last + 1]
    said, heard, places = _sides(messages)
    corrected = {f"withheld[{n}].fact" for n, withheld in enumerate(case.withheld) if withheld.kind == "correction"}
    numbers = [quote.message - source.first for quote in source.quotes if quote.field in corrected]
    return Talk(
        said=said,
        heard=heard,
        after_faults=tuple(places[number] for number in numbers if number in places),
        language=language_of("\n".join(said)),
    )


def _player(conversation: Conversation, language: str) -> Talk:
    played = [message for message in conversation.messages if message.source != "recorded"]
    said, heard, _ = _sides(played)
    faults = (release.turn for release in conversation.released if release.kind == "correction" and release.quote)
    return Talk(said=said, heard=heard, after_faults=tuple(faults), language=language)


def _sides(messages: Sequence[Message]) -> tuple[tuple[str, ...], tuple[str, ...], dict[int, int]]:
    """What the user said, what was answered to each, and each user message's place by its number."""
    said: list[str] = []
    heard: list[str] = []
    places: dict[int, int] = {}
    for number, message in enumerate(messages):
        if message.role == "user":
            places[number] = len(said)
            said.append(message.content)
            heard.append("")
        elif heard:
            heard[-1] = f"{heard[-1]}\n{message.content}".strip()
    return tuple(said), tuple(heard), places


def _line(row: Row) -> str:
    person, player, difference, interval, control = _cells(row)
    mark = " *" if row.apart else ""
    return f"{row.measure:22}{person:>8}{player:>11}{difference:>12}{interval:>17}{control:>15}{mark}"


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    control = "?" if row.control is None else f"{row.control:.2f}"
    interval = f"{row.low:+.2f} to {row.high:+.2f}"
    return f"{row.person:.2f}", f"{row.player:.2f}", f"{row.difference:+.2f}", interval, control
