"""Names out of sessions and files become no paths: what a case or a session is called is anybody's to say."""

import ast

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import CaseError, NotFoundError
from convsim_nb.testing import ScriptedAgent, ScriptedChat

NAMES = [
    "../../x",
    "/etc/passwd",
    "CON",
    "a\x00b",
    '"""\\',
    "x" * 300,
    "..",
    "退款",
    "a'; DROP TABLE runs; --",
    "%",
    "~root",
    "é/ü",
]


def files(folder):
    return {path for path in folder.parent.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_a_case_of_any_name_stays_in_its_folders(name, tmp_path, monkeypatch):
    """Run, journal, report, exported test, kept case: nothing is written beside the folder that was given."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    source = {"session_id": name, "first": 0, "last": 0}
    cases = [{"case_id": name, "goal": "Get a refund", "source": source}]
    options = {"user_model": ScriptedChat.happy(), "mlflow": False, "progress": False, "run_key": name}
    run = cs.simulate(cases, ScriptedAgent(), **options, agent_name=name).wait()
    (one,) = run.conversations
    written = [run.report(), run.export_test(one.key, agent="module:name")]
    run.keep_case(one.key)

    assert one.stop == "goal_reached"
    assert all(work in path.resolve().parents for path in written)
    assert {path.relative_to(work).parts[0] for path in files(work)} == {".convsim", written[1].name}
    assert {path.parent for path in files(work / "x") if path.suffix == ".jsonl"} == {work / run.folder}
    assert ast.parse(written[1].read_text())
    assert cs.load_run(run.run_id).conversations[0].case_id == name
    assert cs.simulate(cases, ScriptedAgent(), **options, agent_name=name).run_id == run.run_id


@pytest.mark.parametrize("name", ["../../x", "a'; DROP TABLE runs; --", "%", "x" * 300, "*", "nothing/../.."])
def test_a_run_is_looked_up_by_its_id_alone(name, tmp_path, monkeypatch):
    """What is no run's id finds none, neither on the way up the folders nor by a filter of MLflow's."""
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        with pytest.raises(NotFoundError):
            cs.load_run(name)
    finally:
        mlflow.set_tracking_uri(before)


def test_yaml_makes_no_objects(tmp_path):
    """A file of cases is data: a tag that names a Python object is refused, and nothing is called."""
    path = tmp_path / "cases.yaml"
    path.write_text(f"- goal: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n")

    with pytest.raises(CaseError, match="python/object"):
        cs.load_cases(path)
    assert not (tmp_path / "made").exists()
