"""A conversation made into a test case."""

from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import Source, TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.fork import case_of, place_of

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def case_from(run: "Run", key: str, *, turn: int, fields: dict[str, Any]) -> TestCase:
    """The test case of a conversation: see `Run.to_case`."""
    conversation = run.conversation(key)
    if not 1 <= turn <= conversation.turns:
        raise UsageError(f"{key} has no turn {turn}: it has {conversation.turns}")
    given = case_of(conversation, run.state)
    begins = place_of(conversation, given, turn)
    history = tuple(one.model_copy(update={"source": "recorded"}) for one in conversation.messages[:begins])
    known = {release.index for release in conversation.released if release.turn < turn}
    own: dict[str, Any] = {
        "history": history,
        "script": tuple(
            one.content for one in conversation.messages[begins:] if one.role == "user" and one.content.strip()
        ),
        # What the user had come to know by then is no secret in this case.
        "facts": (*given.facts, *(one.fact for n, one in enumerate(given.withheld) if n in known)),
        "withheld": tuple(one for n, one in enumerate(given.withheld) if n not in known),
        "source": Source(
            session_id=conversation.session_id, first=begins, last=max(begins, len(conversation.messages) - 1)
        ),
        "tags": {**given.tags, "from_run": run.run_id, "from_conversation": key},
    }
    names = ("goal", "persona", "style", "simulation_guidelines", "context", "expectations", "proposed")
    kept = {name: getattr(given, name) for name in names}
    return TestCase(**{**kept, **own, **fields})
