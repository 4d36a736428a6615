"""What guards have against messages that were sent all the same, wherever a conversation is shown."""

from convsim_nb.domain.state import RunState
from convsim_nb.views.report import report_html
from convsim_nb.views.static_html import conversation_html
from convsim_nb.views.text import transcript
from tests.notebook import run_events

REASON = "4410 is a number that the case does not give"


def test_a_doubt_stands_under_the_message_it_is_about():
    """In the notebook's HTML, in the terminal and in the report: once, after the words, before the agent's reply."""
    state = RunState.replay(run_events.run([run_events.kettle()]))
    (conversation,) = state.conversations
    for shown in (conversation_html(conversation), transcript(conversation), report_html(state)):
        said, doubted, answered = (shown.find(each) for each in ("it ends in 4410", REASON, "went back to the card"))
        assert shown.count(REASON) == 1
        assert said < doubted < answered
