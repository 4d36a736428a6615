"""The word of a gate over outcomes that are known."""

import pytest

from convsim_nb.analysis.compare import Side, compare
from convsim_nb.analysis.gate import judged
from convsim_nb.domain.conversation import Conversation


def side(outcomes):
    """A run whose trials came out so: `+` reached, `-` not, `o` void, `x` agent down; a text a case."""
    stops = {"+": "goal_reached", "-": "max_turns", "o": "model_error", "x": "agent_error"}
    verdicts = {"+": "reached", "-": "not_reached", "o": "void", "x": "not_reached"}
    return Side(
        conversations=tuple(
            Conversation(
                key=f"{n}/a/{t}",
                case_id=f"case-{n}",
                agent="a",
                trial=t,
                stop=stops[sign],
                verdict=verdicts[sign],
                detail="AgentUnreachable: no connection" if sign == "x" else "",
            )
            for n, trials in enumerate(outcomes)
            for t, sign in enumerate(trials, start=1)
        )
    )


@pytest.mark.parametrize(
    ("before", "after", "outcome", "why"),
    [
        (["+"] * 40, ["+"] * 40, "passed", "fell by at most 5 points, as sure as 95 %"),
        (["+"] * 40, ["+"] * 25 + ["-"] * 15, "failed", "fell by 38 points, more than the 5 points allowed"),
        (["+"] * 20, ["+"] * 18 + ["-"] * 2, "inconclusive", "points cannot be ruled out; allowed are 5 points"),
        (["+"] * 8, ["+"] * 8, "inconclusive", "a fall of up to 19 points cannot be ruled out"),
        (["+"] * 40, ["+"] * 20 + ["o"] * 20, "inconclusive", "20 trials of the new run are void"),
        (["+"] * 40, ["x"] * 40, "inconclusive", "the agent could not be reached in 40 of 40 trials of the new run"),
        (["+"] * 40, ["+"] * 30 + ["x"] * 10, "inconclusive", "in 10 of 40 trials of the new run, and these make up"),
        (["+"] * 40, ["-"] * 20 + ["x"] + ["+"] * 19, "failed", "fell by 52 points"),
        (["x"] * 40, ["+"] * 40, "inconclusive", "in 40 of 40 trials of the baseline: play that again"),
        (["o"] * 4, ["+"] * 4, "inconclusive", "no case has trials that count in both runs"),
        (["+"], ["+"], "inconclusive", "one case tells nothing"),
        (["-"] * 40, ["+"] * 40, "passed", "fell by at most 5 points"),
    ],
)
def test_a_gate_passes_fails_or_cannot_tell(before, after, outcome, why):
    """Surely small falls pass, falls that are no accident fail; few cases and many voids are inconclusive."""
    found = judged(compare(side(before), side(after)), max_drop=0.05)

    assert (found.outcome, why in found.why) == (outcome, True), found.why
