"""A resumed run in MLflow: one run there too, and no attempt counts twice."""

import time

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.adapters.mlflow.find import traces_by_session
from convsim_nb.testing import ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")
CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(4)]


async def agent(messages):
    """Answers at once, but hangs in the second turn of the last two cases while `agent.hangs`."""
    import asyncio

    if agent.hangs and len(messages) > 1 and messages[0]["content"] in ("Goal 2", "Goal 3"):
        await asyncio.sleep(600)
    return f"It is done {len(messages)}."


def test_a_resumed_run_goes_on_in_its_own_mlflow_run(tmp_path):
    """The MLflow run is finished in the end, the old attempts' traces are marked and leave every count."""
    agent.hangs = True
    options = {"user_model": ScriptedChat.happy(turns=2), "progress": False}
    run = cs.simulate(CASES, agent, journal=tmp_path, **options)
    patience = time.monotonic() + 60
    while [c.turn for c in run.conversations] != [2, 2, 2, 2] or sum(c.stop is not None for c in run.conversations) < 2:
        assert time.monotonic() < patience
        time.sleep(0.01)
    run.stop()
    run.wait(30)
    client, first = mlflow.MlflowClient(), run.mlflow_run_id
    assert client.get_run(first).info.status == "KILLED"
    old = {c.session_id for c in run.conversations if c.stop == "cancelled"}
    assert len(old) == 2

    agent.hangs = False
    again = cs.resume(run, agent=agent, **options).wait(60)
    assert again.problems == ()
    assert (again.mlflow_run_id, client.get_run(first).info.status) == (first, "FINISHED")
    assert client.get_run(first).data.metrics["reached"] == 4

    by_session = traces_by_session(again.mlflow.destination, again.run_id)
    assert set(by_session) == {c.session_id for c in again.conversations}
    assert {session: tuple(ids) for session, ids in by_session.items()} == {
        c.session_id: c.trace_ids for c in again.conversations
    }
    marked = mlflow.search_traces(
        filter_string="tags.`convsim.superseded` = 'true'", include_spans=False, return_type="list"
    )
    assert {trace.info.trace_metadata["mlflow.trace.session"] for trace in marked} == old
