"""What a model made of the failures that no rule explains: each kind in words, with whose part it is and what to do."""

from collections.abc import Mapping

from convsim_nb.analysis.failures import Failure, Reason

UNCLEAR = "unclear"
KINDS: Mapping[str, Reason] = {
    "agent_misunderstood": Reason(
        whose="agent",
        why="it did something else than it was asked for",
        next="see what it made of the words before the quote",
    ),
    "agent_wrong": Reason(
        whose="agent", why="it said something wrong", next="hold the quote against what it knows and what its tools say"
    ),
    "agent_incomplete": Reason(
        whose="agent", why="it did a part, and left the rest", next="have it check the whole request before it closes"
    ),
    "agent_refused": Reason(
        whose="agent",
        why="it refused what it could have done",
        next="decide whether it should; if not, say so in the case's goal",
    ),
    "agent_stuck": Reason(
        whose="agent", why="it never came to the point", next="see whether it needs what it asks for in the quote"
    ),
    "turns_short": Reason(whose="case", why="it was on the way when the turns were over", next="raise max_turns"),
    "user_kept_back": Reason(
        whose="user",
        why="it kept back what it was asked for and knew",
        next="take a stronger user_model, or state the fact more plainly in the case",
    ),
    "user_strayed": Reason(
        whose="user", why="it strayed from its goal", next="take a stronger user_model, or reword the goal"
    ),
    "user_gave_up": Reason(
        whose="user",
        why="it gave up while the agent was on the way",
        next="say in the case what it should insist on",
    ),
    "case_missing": Reason(
        whose="case", why="the agent needed what the case does not say", next="add it to the case's facts"
    ),
    "case_unclear": Reason(whose="case", why="its goal can be read in several ways", next="reword the goal"),
    "case_impossible": Reason(
        whose="case",
        why="what it asks for cannot be done",
        next="change the goal to the answer that is right, or drop it",
    ),
    "judge_missed": Reason(
        whose="infrastructure",
        why="the goal was reached, and the judge did not see it",
        next="read it, label it, and hold the judge against your labels: cs.calibrate(run)",
    ),
}
"""By the kind that the model chose; what is `unclear` stays as the rules left it."""


def blamed(failure: Failure, *, kind: str, note: str, quote: str, by: str) -> Failure:
    """The failure as the model `by` sorts it; its reason stays where the model could not tell either."""
    update = {"note": note, "quote": quote, "by": by}
    return failure.model_copy(update=update if kind == UNCLEAR else {**update, "reason": KINDS[kind]})
