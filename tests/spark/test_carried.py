"""What becomes of the agent's traces on workers: carried home, or made from the events where they died."""

import shutil
import time
import warnings

import mlflow
import pytest

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints, and swallows what that raises
    import mlflow.pyfunc.context

import convsim_nb as cs
from convsim_nb.adapters.mlflow.again import SUPERSEDED
from convsim_nb.adapters.mlflow.carried import BringingHome
from convsim_nb.adapters.mlflow.recorded import FROM_JOURNAL
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.adapters.spool import BoxFollower, CarriedTrace, events_of
from convsim_nb.testing import ScriptedChat
from tests.spark.standin import Aside, StandIn

CASES = [{"goal": f"Know about order {n}", "case_id": f"case-{n}"} for n in range(4)]


@mlflow.trace(name="look up", span_type="TOOL")
def look(text):
    """What the agent does inside its turn."""
    return text.upper()


def agent(messages):
    """Looks up, and answers."""
    return f"It is done: {look(messages[-1]['content'])}"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store that is made once."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    uri = f"sqlite:///{path}"
    mlflow.MlflowClient(uri).search_experiments(max_results=1)
    return path


@pytest.fixture
def options(store, tmp_path):
    """What every run here is played with, into a store of its own."""
    before = mlflow.get_tracking_uri()
    shutil.copy(store, tmp_path / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    given = {"user_model": ScriptedChat.happy(turns=2), "journal": tmp_path / "runs", "progress": False}
    yield {**given, "experiment": "on spark"}
    mlflow.set_tracking_uri(before)


def traces_of(run):
    to = run.mlflow.destination
    return to.client.search_traces(locations=[to.experiment_id])


def test_traces_come_home_with_what_the_agent_traced_inside(options):
    """One trace a turn, known to the conversation, with its spans, its session and what was found."""
    run = cs.simulate(CASES, agent, on=StandIn(), **options).wait(60)
    found = traces_of(run)

    assert run.problems == ()
    assert {trace.info.trace_id for trace in found} == {id_ for c in run.conversations for id_ in c.trace_ids}
    assert len(found) == 8
    assert {tuple(span.name for span in trace.data.spans) for trace in found} == {("agent", "look up")}
    assert {trace.info.trace_metadata["mlflow.trace.session"] for trace in found} == {
        c.session_id for c in run.conversations
    }
    assert {trace.info.trace_metadata["mlflow.sourceRun"] for trace in found} == {run.mlflow_run_id}
    assert sum(a.name == "convsim/verdict" for trace in found for a in trace.info.assessments) == 4
    assert all(FROM_JOURNAL not in trace.info.trace_metadata for trace in found)


def test_traces_that_never_came_are_made_from_the_events(options, tmp_path):
    """A worker that dies takes spans with it: the turn stands in MLflow all the same, and says where it is from."""
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "other.db")
    aside = Aside(tmp_path / "runs", tmp_path / "aside")
    run = cs.simulate(CASES, agent, on=StandIn(slots=1), partitions=1, sinks=[aside], **options).wait(60)
    told = BoxFollower(aside.into / "go-1", 0).new()
    carried = [line for line in told if isinstance(line, CarriedTrace)]
    home, to = BringingHome(), pin("in part", tracking_uri=f"sqlite:///{tmp_path}/other.db").reach()
    for event in (run.planned.started, *events_of(told)):
        home.hear(event)
    home.bring(carried[:3])
    while home.write(to, run_id="", findings={}, everything=True):
        pass
    found = to.client.search_traces(locations=[to.experiment_id])
    made = [trace for trace in found if trace.info.trace_metadata.get(FROM_JOURNAL)]

    assert [len(carried), len(found), len(made)] == [8, 8, 5]
    assert {tuple(span.name for span in trace.data.spans) for trace in made} == {("agent",)}
    assert {trace.info.trace_id for trace in found} == {id_ for c in run.conversations for id_ in c.trace_ids}


def test_traces_of_an_attempt_that_was_begun_anew_leave_the_counts(options):
    """What a dead worker's half-done conversation had traced is marked, also where it is written late."""
    marker = options["journal"].parent / "died"
    run = cs.simulate(CASES[:1], Once(marker), on=StandIn(), **options).wait(60)
    found = traces_of(run)
    left = [trace for trace in found if trace.info.tags.get(SUPERSEDED)]

    assert run.conversations[0].attempt == 2
    assert {trace.info.trace_metadata["mlflow.trace.session"] for trace in found if trace not in left} == {
        run.conversations[0].session_id
    }
    assert len(left) == 1


class Once:
    """An agent in whose second turn another worker takes the box, the first time."""

    def __init__(self, marker):
        self.marker = marker

    def __call__(self, messages):
        if len(messages) > 2 and not self.marker.exists():
            self.marker.touch()
            time.sleep(1.5)  # until the first turn's trace is carried
            mine = next(self.marker.parent.glob("runs/*/spark/go-1/00000/0"))
            (mine.parent / "1").mkdir()  # as if another worker had taken the box
            time.sleep(1)
        return f"It is done: {look(messages[-1]['content'])}"
