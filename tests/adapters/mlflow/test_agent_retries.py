"""A call of the agent that is made again is told of wherever the run is looked at."""

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import UsageError
from tests.servers import OpenAIServer, Say, Status

CASES = [{"goal": "Know the opening hours", "case_id": "hours"}]


def play(agent, folder, **options):
    given = {"user_model": "demo:/rules", "max_turns": 2, "journal": folder, "mlflow": False, "progress": False}
    return cs.simulate(CASES, agent, **{**given, **options}).wait(60)


class Flaky:
    """Does something, and then fails, at the first call of each turn."""

    def __init__(self):
        self.calls = []

    def __call__(self, messages):
        again = len(messages) in self.calls
        self.calls.append(len(messages))
        if not again:
            raise ConnectionError("reset")
        return f"Answer {len(messages)}."


def test_a_function_is_called_once_a_turn(tmp_path):
    """What it did before it failed is not done twice: the conversation ends, and nothing was called again."""
    agent = Flaky()
    run = play(agent, tmp_path)
    (conversation,) = run.conversations

    assert agent.calls == [1]
    assert (conversation.stop, conversation.retries) == ("agent_error", ())
    assert "called again" not in str(run)


@pytest.mark.usefixtures("ambient")
def test_retries_that_were_asked_for_are_counted_and_told(tmp_path):
    """In the conversation, `print(run)`, the transcript, the report, the journal, and the turn's trace."""
    agent = Flaky()
    run = play(agent, tmp_path, agent_retries=2, mlflow=True)
    (conversation,) = run.conversations
    line = "The agent was called again twice, in 1 conversation, most often after ConnectionError: reset."

    assert agent.calls == [1, 1, 3, 3]
    assert [(one.turn, one.error) for one in conversation.retries] == [
        (1, "ConnectionError: reset"),
        (2, "ConnectionError: reset"),
    ]
    assert line in str(run)
    assert run.report(tmp_path / "report.html").read_text().count("The agent was called again") == 3
    assert cs.load_run(run.run_id, journal=tmp_path).conversations == run.conversations
    for trace_id in conversation.trace_ids:
        trace = mlflow.get_trace(trace_id)
        assert trace.info.trace_metadata["convsim.agent_retries"] == "1"
        events = [(event.name, event.attributes["error"]) for event in trace.data.spans[0].events]
        assert events == [("agent_retried", "ConnectionError: reset")]


def test_an_endpoint_that_took_no_request_is_asked_again_and_that_is_told(tmp_path):
    """By default; and the settings that a resumed run goes on with say what was asked for."""
    with OpenAIServer(Status(503), Say("At nine.")) as server:
        run = play(f"{server.url}#support", tmp_path, max_turns=1)

    assert [one.error for one in run.conversations[0].retries] == ["the endpoint answered 503: as scripted"]
    assert "The agent was called again once, in 1 conversation, after the endpoint answered 503" in str(run)
    assert run.state.settings.agent_retries is None


@pytest.mark.parametrize("value", [-1, 1.5, True, "2"])
def test_a_number_that_is_none_is_refused(value):
    """Before anything is called."""
    with pytest.raises(UsageError, match=r"^agent_retries=.*: give a whole number, 0 for never, or leave it out"):
        cs.simulate(CASES, Flaky(), user_model="demo:/rules", agent_retries=value)
