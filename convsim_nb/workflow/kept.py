"""Conversations made into test cases, and kept beside the run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import Source, TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.fork import case_of, place_of
from convsim_nb.workflow.cases import CaseSet, load_cases

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run

KEPT = "kept.yaml"


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


def keep(run: "Run", case: TestCase) -> TestCase:
    """Keep a case with the run; the same one again changes nothing."""
    if case.case_id not in {one.case_id for one in run.kept}:
        run.kept = run.kept.with_case(case)
        if run.folder is not None:
            run.kept.save(run.folder / KEPT)
    return case


def drop(run: "Run", case_id: str) -> None:
    """Keep a case no more.

    Raises:
        UsageError: none of that id is kept.
    """
    if case_id not in {one.case_id for one in run.kept}:
        raise UsageError(f"run {run.run_id} keeps no case {case_id!r}: it keeps {len(run.kept)}, see run.kept")
    run.kept = run.kept.without(case_id)
    if run.folder is None:
        return
    if run.kept:
        run.kept.save(run.folder / KEPT)
    else:  # a file without cases is none
        (run.folder / KEPT).unlink(missing_ok=True)


def read_kept(folder: Path | None) -> CaseSet:
    """The cases that were kept in a run's folder."""
    path = folder / KEPT if folder else None
    return load_cases(path) if path and path.exists() else CaseSet(())
