"""What a comparison could have seen, in words."""

import pytest

from convsim_nb.analysis.compare import Side, compare
from convsim_nb.domain.conversation import Conversation
from convsim_nb.views.comparison import sentences


def side(outcomes):
    """A run whose trials came out so: `+` reached, `-` not; a text a case."""
    return Side(
        conversations=tuple(
            Conversation(
                key=f"{n}/a/{t}",
                case_id=f"case-{n}",
                agent="a",
                trial=t,
                stop="goal_reached" if sign == "+" else "max_turns",
                verdict="reached" if sign == "+" else "not_reached",
            )
            for n, trials in enumerate(outcomes)
            for t, sign in enumerate(trials, start=1)
        )
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (["+"] * 60, ["+"] * 57 + ["-"] * 3, "60 cases you could have seen"),
        (["+"] * 12, ["++", *["--"] * 3, *["++"] * 8], "with 12 cases x 1 to 2 trials you could have seen"),
        (["+-"] * 12, ["++"] * 6 + ["--"] * 6, "with 12 cases x 2 trials you could have seen"),
    ],
)
def test_power_is_said_in_whole_trials_and_never_asks_for_fewer_cases(before, after, said):
    """Where the cases there are would do with more trials, those are asked for."""
    (told,) = (each for each in sentences(compare(side(before), side(after)), first="a", second="b") if "seen" in each)
    needed = told.partition("you need about ")[2]

    assert said in told
    if "of these" in needed:
        assert 1 < int(needed.split()[0]) <= 4
    else:
        assert int(needed.split()[0].replace(",", "")) > len(before)


def test_sixty_cases_of_one_trial_need_trials_and_no_fewer_cases():
    """What was said to need 39 cases of 4 trials is said of the 60 cases that there are."""
    after = ["+"] * 60
    (told,) = (
        each for each in sentences(compare(side(["+"] * 60), side(after)), first="a", second="b") if "seen" in each
    )

    assert told.endswith(" trials of these 60 cases")
