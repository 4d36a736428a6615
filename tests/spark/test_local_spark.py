"""Runs on a real Spark of this machine: its own Java, its own Python workers."""

import json
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections import Counter

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.adapters.spool import BoxFollower, Header, boxes_in
from convsim_nb.domain.events import ConversationEnded
from tests.servers import OpenAIServer, Say

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(600),
    # PySpark's own, of a pandas that it does not know yet.
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]
MANY = 1000


@pytest.fixture(scope="module")
def spark():
    """A session with two slots, whose tasks may fail three times."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable  # or the workers would be whatever python3 is
    session = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


class Desk:
    """Agent, user and judge on one server of this machine, which counts who was asked what."""

    def __init__(self):
        self.asked = Counter()
        self._lock = threading.Lock()

    def __call__(self, body):
        said = json.dumps(body["messages"])
        order, who = re.search(r"order (\d+)", said)[1], body["model"]
        turn = said.count("on its way")
        with self._lock:
            self.asked[who, order, turn] += 1
        if who == "agent":
            return Say(f"Order {order} is on its way.")
        if who == "user":
            return Say(
                json.dumps({"action": "say", "text": f"And when does order {order} come?", "because": "wants it"})
            )
        quote = f"Order {order} is on its way."
        return Say(json.dumps({"reached": turn > 1, "evidence": quote if turn > 1 else "", "why": "told", "fired": []}))


@pytest.fixture
def desk():
    """The server, and what it counts."""
    counting = Desk()
    with OpenAIServer(by=counting) as server:
        counting.url = server.url
        yield counting


def cases(many):
    return [
        {"goal": f"Know when order {n} comes", "case_id": f"c{n:04}", "script": [f"Where is order {n}?"]}
        for n in range(many)
    ]


def options(desk, folder):
    model = f"{desk.url}#judge"
    return {
        "user_model": f"{desk.url}#user",
        "judge_model": model,
        "judge_check": "off",
        "journal": folder,
        "mlflow": False,
        "progress": False,
        "max_turns": 4,
        "concurrency": 40,
    }


def test_a_killed_worker_loses_nothing_and_repeats_nothing_that_had_ended(spark, desk, tmp_path):
    """A thousand conversations, `kill -9` on one Python worker among them.

    All end; each that had ended when the worker died was asked once for every turn, and none more than twice.
    """
    run = cs.simulate(cases(MANY), f"{desk.url}#agent", on=spark, **options(desk, tmp_path))
    go = run.folder / "spark" / "go-1"
    killed, done = kill_one(run, go)
    run.wait(400)

    assert Counter(c.stop for c in run.conversations) == {"goal_reached": MANY}
    assert Counter(c.attempt for c in run.conversations)[1] < MANY
    again = [c.key for c in run.conversations if c.attempt > 1]
    assert not set(again) & done, f"worker {killed} was killed, and what had ended began again"
    asked = Counter()
    for (who, order, turn), times in desk.asked.items():
        if who == "agent":
            asked[f"c{int(order):04}/{run.state.agent.name}/1", turn] = times
    assert {asked[key, turn] for key in done for turn in (0, 1)} == {1}
    once = [key for c in run.conversations if (key := c.key) not in again]
    assert {asked[key, turn] for key in once for turn in (0, 1)} == {1}
    assert max(asked.values()) <= 2


def kill_one(run, go):
    """Kill a worker in the middle of its box, and give its id and the keys of what had ended there."""
    while True:
        time.sleep(0.05)
        for box in range(boxes_in(go)):
            told = BoxFollower(go, box).new()
            ended = {line.key for line in told if isinstance(line, ConversationEnded)}
            if len(ended) >= 20 and isinstance(told[0], Header):
                os.kill(told[0].pid, signal.SIGKILL)
                told = BoxFollower(go, box).new()
                return told[0].pid, {line.key for line in told if isinstance(line, ConversationEnded)}


def test_what_the_agent_traced_on_a_worker_stands_in_mlflow(spark, tmp_path):
    """A function of a notebook, sent whole: its own spans are carried home, in the trace of their turn."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("on spark")

    @mlflow.trace(name="look up", span_type="TOOL")
    def look(text):
        return text.upper()

    def agent(messages):
        return f"It is done: {look(messages[-1]['content'])}"

    run = cs.simulate(
        cases(6), agent, on=spark, user_model="demo:/rules", max_turns=2, journal=tmp_path / "runs", progress=False
    ).wait(200)

    assert run.problems == ()
    to = run.mlflow.destination
    found = to.client.search_traces(locations=[to.experiment_id])
    assert len(found) == sum(c.turns for c in run.conversations)
    assert {tuple(span.name for span in trace.data.spans) for trace in found} == {("agent", "look up")}
    assert {trace.info.trace_id for trace in found} == {id_ for c in run.conversations for id_ in c.trace_ids}
    assert {"convsim/verdict"} <= {a.name for trace in found for a in trace.info.assessments}


def test_a_logged_model_is_loaded_where_it_is_asked(spark, tmp_path):
    """`models:/` on workers: from the registry of the driver's store, with its own name in the results."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("models", artifact_location=(tmp_path / "models").as_uri())
    mlflow.set_experiment("models")
    (tmp_path / "logged.py").write_text(LOGGED)
    with mlflow.start_run(), warnings.catch_warnings(action="ignore"):
        mlflow.pyfunc.log_model(name="agent", python_model=tmp_path / "logged.py", registered_model_name="support")
    run = cs.simulate(
        cases(4), "models:/support/1", on=spark, user_model="demo:/rules", max_turns=2, journal=tmp_path, progress=False
    ).wait(200)

    assert run.problems == ()
    assert run.summary.void == 0
    assert run.state.agent.name == "support/1"
    assert [c.messages[1].content for c in run.conversations] == [f"It is done: Where is order {n}?" for n in range(4)]


LOGGED = """
import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentResponse


class Agent(ResponsesAgent):
    def predict(self, request):
        text = "It is done: " + str(request.input[-1].content)
        return ResponsesAgentResponse(output=[self.create_text_output_item(text=text, id="1")])


mlflow.models.set_model(Agent())
"""


def test_a_stop_reaches_the_workers(spark, desk, tmp_path):
    """Within seconds, from Python alone: what had ended stays, the rest is cancelled, and resume plays only that."""
    run = cs.simulate(cases(400), f"{desk.url}#agent", on=spark, **options(desk, tmp_path))
    while sum(c.stop is not None for c in run.conversations) < 20:
        time.sleep(0.05)
    begun = time.monotonic()
    run.stop()
    run.wait(60)

    assert time.monotonic() - begun < 10
    done = {c.key for c in run.conversations if c.stop == "goal_reached"}
    assert 20 <= len(done) < 400
    again = cs.resume(run.run_id, agent=f"{desk.url}#agent", on=spark, **options(desk, tmp_path)).wait(200)
    assert Counter(c.stop for c in again.conversations) == {"goal_reached": 400}
    assert {c.key for c in again.conversations if c.attempt == 1} >= done
