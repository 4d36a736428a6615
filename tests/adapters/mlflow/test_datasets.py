"""Test cases in MLflow's datasets, and back: MLflow's own simulator runs ours, and nothing is lost on the way."""

import json
import sys
import types
import uuid

import mlflow
import pandas as pd
import pytest
from mlflow.genai.datasets import create_dataset, get_dataset, search_datasets
from mlflow.genai.simulators import BaseSimulatedUserAgent
from mlflow.genai.simulators import ConversationSimulator as MlflowSimulator

import convsim_nb as cs
from convsim_nb.adapters.mlflow.datasets import read_dataset, write_dataset
from convsim_nb.testing import ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")


@pytest.fixture
def name():
    return f"cases-{uuid.uuid4().hex[:8]}"


def whole_cases():
    """Cases that use every field that a case has, two of which MLflow cannot tell apart."""
    rich = cs.TestCase(
        case_id="index",
        goal="Know where the index stands",
        persona="You are in a hurry",
        simulation_guidelines=("Ask twice",),
        context={"customer_id": 7},
        expectations={"says": "that it is Friday's close", "steps": ["look", "say"]},
        proposed=("steps",),
        facts=("The index is the OMX",),
        withheld=cs.Withheld(fact="Markets are closed today", after="the agent shows prices as live"),
        style={"language": "en", "words": 6},
        history=(cs.Message(role="user", content="Hi"), cs.Message(role="assistant", content="Hello")),
        script=("Good morning",),
        source={"session_id": "s-1", "first": 2, "last": 9, "quotes": [{"field": "goal", "message": 2, "text": "x"}]},
        findings=({"field": "goal", "check": "quote", "reason": "it is not there"},),
        tags={"team": "search"},
    )
    twin = rich.edited(case_id="index-scripted", script=("Good evening",), expectations={})
    return cs.CaseSet([rich, {"goal": "Get a refund", "case_id": "refund"}, twin, {"goal": "A", "case_id": "a"}])


def test_a_round_trip_loses_nothing(name):
    """Every field, the ids and the order come back, also of two cases whose inputs are the same for MLflow."""
    cases = whole_cases()

    assert cases.save(f"mlflow:{name}") == f"mlflow:{name}"
    assert cs.load_cases(f"mlflow:{name}") == cases
    assert cs.load_cases(get_dataset(name=name)) == cases
    assert [case.digest for case in cs.load_cases(f"mlflow:{name}")] == [case.digest for case in cases]


def test_what_mlflow_reads_are_its_own_fields(name):
    """Facts, withheld ones and style are guidelines, the session is the source; proposals wait for a person."""
    row = whole_cases()[:1].to_dataset(name).to_df().iloc[0]

    assert set(row["inputs"]) == {"goal", "persona", "simulation_guidelines", "context"}
    assert row["inputs"]["simulation_guidelines"][0] == "Ask twice"
    assert any("Markets are closed today" in line for line in row["inputs"]["simulation_guidelines"])
    assert row["expectations"] == {"says": "that it is Friday's close"}
    assert (row["tags"]["team"], row["source"].source_data) == ("search", {"session_id": "s-1"})


def test_what_a_person_expects_in_mlflow_goes_before_a_proposal(name):
    """A proposal outlives a record that is edited in MLflow, unless the edit is about the same thing."""
    dataset = whole_cases()[:1].to_dataset(name)
    inputs = dataset.to_df().iloc[0]["inputs"]
    dataset.merge_records([{"inputs": inputs, "expectations": {"says": "closed"}}])
    (added,) = cs.load_cases(f"mlflow:{name}")
    dataset.merge_records([{"inputs": inputs, "expectations": {"steps": ["say"]}}])
    (rewritten,) = cs.load_cases(f"mlflow:{name}")

    assert (added.expectations, added.proposed) == ({"says": "closed", "steps": ["look", "say"]}, ("steps",))
    assert (rewritten.expected, rewritten.proposed) == ({"says": "closed", "steps": ["say"]}, ())


def test_a_dataset_of_an_earlier_version_keeps_its_proposals(name):
    """Its records hold what a model proposed beside what people expect: each case is read as it was saved."""
    cases = whole_cases()
    dataset = cases.to_dataset(name)
    inputs = next(row["inputs"] for row in dataset.to_df().to_dict("records") if row["expectations"])
    dataset.merge_records([{"inputs": inputs, "expectations": cases["index"].expectations}])

    assert cs.load_cases(f"mlflow:{name}") == cases


def recorded(session_id):
    """One short conversation, recorded as an application would."""
    with mlflow.start_span("agent", span_type="AGENT") as span:
        mlflow.update_current_trace(metadata={"mlflow.trace.session": session_id})
        span.set_inputs({"messages": [{"role": "user", "content": "I want a refund for order A-1893."}]})
        span.set_outputs("It is refunded.")


def test_a_dataset_is_listed_with_the_experiment_of_its_sessions(ambient, name):
    """Whatever is active when it is saved; cases from a file go with the active one; `experiment` goes before both."""
    recorded(f"s-{name}")
    cases = cs.distill(cs.search_sessions(experiment=ambient), model="demo:/rules", journal=False)
    home, active, named = (
        mlflow.get_experiment_by_name(ambient).experiment_id,
        mlflow.set_experiment(f"{ambient}-active").experiment_id,
        mlflow.create_experiment(f"{ambient}-named"),
    )

    def listed(dataset):
        return get_dataset(name=dataset).experiment_ids

    cases.save(f"mlflow:{name}", redact=str.strip)
    cs.CaseSet(list(cases)).save(f"mlflow:{name}-bare")
    assert (listed(name), listed(f"{name}-bare")) == ([home], [active])
    cases.save(f"mlflow:{name}-bare")
    cases.save(f"mlflow:{name}", experiment=f"{ambient}-named")
    assert (sorted(listed(name)), sorted(listed(f"{name}-bare"))) == (sorted([home, named]), sorted([home, active]))
    with pytest.raises(cs.ConvsimError, match=r"experiment='x' is for MLflow's datasets, and 'cases.yaml' is a file"):
        cases.save("cases.yaml", experiment="x")


def test_saving_again_makes_no_second_dataset_and_no_second_record(name):
    """A second dataset of a name would break it; an edited case takes its own place, and others' records stay."""
    cases = cs.CaseSet([{"goal": "A", "case_id": "a", "expectations": {"x": 1, "y": 2}}, {"goal": "B", "case_id": "b"}])
    first = cases.to_dataset(name)
    first.merge_records([{"inputs": {"goal": "Of another hand"}}])
    edited = cs.CaseSet([cases["b"], cases["a"].edited(goal="A, mended", expectations={"x": 1})])
    edited.to_dataset(name)
    edited.to_dataset(name)
    found = cs.load_cases(f"mlflow:{name}")

    assert len(search_datasets(filter_string=f"name = '{name}'")) == 1
    assert [(case.case_id, case.goal, case.expectations) for case in found[:2]] == [
        ("b", "B", {}),
        ("a", "A, mended", {"x": 1}),
    ]
    assert [case.goal for case in found[2:]] == ["Of another hand"]


def test_a_case_that_is_not_saved_again_stays(name):
    """Saving some of the cases is no order to delete the others, nor what shares a record with them."""
    cases = whole_cases()
    cases.to_dataset(name)
    cs.CaseSet([cases["index"].edited(tags={"team": "index"})]).to_dataset(name)

    assert {case.case_id: case.tags for case in cs.load_cases(f"mlflow:{name}")} == {
        "index": {"team": "index"},
        "index-scripted": {"team": "search"},
        "refund": {},
        "a": {},
    }


class Echo(BaseSimulatedUserAgent):
    """A user without a model, who tells the guidelines that it was given."""

    def generate_message(self, context):
        return f"{context.goal} | {context.simulation_guidelines}"


def test_ours_runs_in_mlflows_own_simulator(name, monkeypatch):
    """MLflow's simulator takes our dataset as it is; what it has no field for reaches its user as a guideline."""
    heard = []

    def predict_fn(messages, **kwargs):
        heard.append((messages[-1]["content"], kwargs.get("customer_id")))
        return "Yes."

    monkeypatch.setattr(MlflowSimulator, "_check_goal_achieved", lambda *_: True)  # no model can be asked here
    dataset = cs.CaseSet([case.edited(expectations={}) for case in whole_cases()[:2]]).to_dataset(name)
    traces = MlflowSimulator(test_cases=dataset, user_agent_class=Echo, user_model="openai:/none").simulate(predict_fn)
    said = dict(sorted(heard, key=str))

    assert [len(each) for each in traces] == [1, 1]
    assert {who for _, who in heard} == {7, None}
    assert any("Know where the index stands" in line and "Markets are closed today" in line for line in said)


def test_mlflows_runs_in_ours(name):
    """A dataset that MLflow wrote is played by `simulate` as it is, expectations and context included."""
    dataset = create_dataset(name=name)
    dataset.merge_records(
        [
            {
                "inputs": {"goal": "Find articles", "persona": "Student", "context": {"student_id": "U1"}},
                "expectations": {"topic": "tides"},
                "tags": {"set": "smoke"},
                "source": {"source_type": "TRACE", "source_data": {"trace_id": "tr-1", "session_id": "s-9"}},
            }
        ]
    )
    heard = []

    def agent(messages, student_id):
        heard.append(student_id)
        return "Here they are."

    quiet = {"mlflow": False, "journal": False, "progress": False}
    run = cs.simulate(dataset, agent, user_model=ScriptedChat.happy(), max_turns=2, **quiet).wait(20)
    (case,) = run.cases

    assert (heard, run.conversations[0].stop) == (["U1"], "goal_reached")
    assert (case.goal, case.persona, case.expectations) == ("Find articles", "Student", {"topic": "tides"})
    assert (case.tags, case.source.session_id) == ({"set": "smoke", "trace_id": "tr-1"}, "s-9")


def test_mlflows_records_keep_their_source_on_the_way_through_ours(name):
    """What MLflow wrote, read by us and written to another dataset, says the same there."""
    source = {"source_type": "TRACE", "source_data": {"trace_id": "tr-1", "session_id": "s-9"}}
    record = {"inputs": {"goal": "G", "simulation_guidelines": "Be brief"}, "tags": {"k": "v"}, "source": source}
    create_dataset(name=name).merge_records([record])
    again = cs.load_cases(f"mlflow:{name}").to_dataset(f"{name}-2").to_df().iloc[0]

    assert again["inputs"] == {"goal": "G", "simulation_guidelines": ["Be brief"]}
    assert (again["source"].source_data, again["tags"]["k"]) == (source["source_data"], "v")


def test_what_was_edited_in_mlflow_goes_before_our_tags(name):
    """Inputs and expectations that somebody changed there are read as changed, and the rest of the case is kept."""
    case = whole_cases()["index"]
    dataset = cs.CaseSet([case]).to_dataset(name)
    row = dataset.to_df().iloc[0]
    lines = [line for line in row["inputs"]["simulation_guidelines"] if "OMX" not in line]
    inputs = {**row["inputs"], "persona": "You are calm", "simulation_guidelines": [*lines, "Say please"]}
    dataset.delete_records([row["dataset_record_id"]])
    dataset.merge_records([{"inputs": inputs, "expectations": {"says": "sorry"}, "tags": dict(row["tags"])}])
    (edited,) = cs.load_cases(f"mlflow:{name}")

    assert (edited.case_id, edited.persona, edited.facts) == ("index", "You are calm", ())
    assert edited.simulation_guidelines == ("Ask twice", "Say please")
    assert (edited.withheld, edited.style, edited.script) == (case.withheld, case.style, case.script)
    assert edited.expected == {"says": "sorry"}


def test_a_run_is_linked_to_the_dataset_that_it_plays(name, tmp_path):
    """As by MLflow's own evaluation: name, digest and id; of a part too, after a push too, and not once edited."""
    whole_cases().to_dataset(name)
    dataset = get_dataset(name=name)
    known = cs.load_cases(f"mlflow:{name}")

    def inputs(cases, **options):
        given = {"user_model": ScriptedChat.happy(), "max_turns": 1, "progress": False, "journal": tmp_path, **options}
        run = cs.simulate(cases, lambda messages, customer_id=0: "It is done.", **given).wait(60)
        if not options.get("mlflow", True):
            cs.push(run)
        (found,) = mlflow.get_run(run.mlflow_run_id).inputs.dataset_inputs
        return found.dataset.name, found.dataset.digest, found.dataset.source_type, json.loads(found.dataset.source)

    theirs = (name, dataset.digest, "mlflow_evaluation_dataset", {"dataset_id": dataset.dataset_id})
    assert inputs(f"mlflow:{name}") == inputs(dataset) == inputs(known[:1]) == theirs
    assert inputs(f"mlflow:{name}", mlflow=False) == theirs
    assert inputs(known.with_edit("a", goal="B"))[0] == "test_cases"


def test_what_is_no_dataset_of_cases_is_said_in_a_line(name):
    """No such name, none at all, two of one name, and records without a goal: each says what to do."""
    with pytest.raises(cs.ConvsimError, match=f"no dataset '{name}' in MLflow: see "):
        cs.load_cases(f"mlflow:{name}")
    with pytest.raises(cs.ConvsimError, match="'mlflow:' names no dataset: write it like mlflow:support-cases"):
        cs.load_cases("mlflow:")
    create_dataset(name=name).merge_records([{"inputs": {"question": "Why?"}}])
    with pytest.raises(cs.ConvsimError, match=f"dataset '{name}' holds records of question: a test case needs a goal"):
        cs.load_cases(f"mlflow:{name}")
    twins = [create_dataset(name=f"{name}-twin").dataset_id for _ in range(2)]
    with pytest.raises(cs.ConvsimError, match=f"several datasets named '{name}-twin': d-") as caught:
        whole_cases().to_dataset(f"{name}-twin")
    assert all(one in str(caught.value) for one in twins)
    assert read_dataset(twins[0])[0] == []


def test_a_case_that_was_left_out_is_named_or_removed(name, capsys):
    """A smaller set leaves the dataset's other cases and says which; `replace` removes them, but no one else's."""
    cases = whole_cases()
    theirs = {"inputs": {"goal": "Theirs"}}
    cases.to_dataset(name).merge_records([theirs])
    assert capsys.readouterr().err == ""

    fewer = cases.without("refund")
    fewer.save(f"mlflow:{name}")
    assert capsys.readouterr().err == (
        f"convsim: dataset '{name}' keeps 1 case that is not in this set (refund): "
        f"to remove them, cases.to_dataset('{name}', replace=True)\n"
    )

    fewer.to_dataset(name, replace=True)
    assert capsys.readouterr().err == ""
    assert [case.goal for case in cs.load_cases(f"mlflow:{name}")] == [*(case.goal for case in fewer), "Theirs"]


class CatalogTable:
    """A Unity Catalog dataset as `databricks.agents.datasets` gives it: its frame holds JSON text."""

    def __init__(self, name):
        self.name, self.rows = name, []

    def merge_records(self, records):
        for number, record in enumerate(records, start=len(self.rows)):
            self.rows.append({"dataset_record_id": f"r{number}", "create_time": number, **record})
        return self

    def delete_records(self, ids):
        self.rows = [row for row in self.rows if row["dataset_record_id"] not in ids]

    def to_df(self):
        columns = ["dataset_record_id", "create_time", "inputs", "expectations", "tags", "source"]
        return pd.DataFrame(self.rows, columns=columns)


class TableNotFound(Exception):
    """What the catalog's client raises."""


@pytest.fixture
def tables(monkeypatch):
    """A Unity Catalog, as MLflow reaches it on Databricks."""
    tables = {}

    def get(name, **_):
        if name not in tables:
            raise TableNotFound(name)
        return tables[name]

    def create(name, experiment_ids=None):
        assert name not in tables
        return tables.setdefault(name, CatalogTable(name))

    module = types.SimpleNamespace(get_dataset=get, create_dataset=create)
    for part in ("databricks", "databricks.agents"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setitem(sys.modules, "databricks.agents.datasets", module)
    monkeypatch.setattr(mlflow.genai.datasets, "is_databricks_uri", lambda uri: True)
    return tables


def test_unity_catalog_names_are_taken(tables):
    """On Databricks the dataset is a table, found or made by its three-part name, once."""
    cases = whole_cases()
    cases.to_dataset("main.support.cases")
    cases.save("mlflow:main.support.cases")

    assert set(tables) == {"main.support.cases"}
    assert cs.load_cases("mlflow:main.support.cases") == cases
    assert write_dataset([], "main.support.cases").name == "main.support.cases"


def test_cases_that_changed_take_their_place_in_a_table(tables):
    """Where MLflow can delete a table's records, an edited case replaces itself; where it cannot, that is said."""
    cases = whole_cases()
    cases.to_dataset("main.support.cases")
    edited = cs.CaseSet([cases["refund"].edited(goal="Get the money back")])
    try:
        edited.save("mlflow:main.support.cases")
    except cs.ConvsimError as old:
        assert "this MLflow deletes no records of dataset 'main.support.cases'" in str(old)  # noqa: PT017 - one of two
    else:
        assert cs.load_cases("mlflow:main.support.cases")["refund"].goal == "Get the money back"
    assert {case.case_id for case in read_dataset("main.support.cases")[0]} == {case.case_id for case in cases}
