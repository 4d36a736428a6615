"""Which store and experiment a run is written to, and what is said when they can't be had."""

import os
import socket
import subprocess
import sys
import time

import mlflow
import pytest

from convsim_nb.adapters.mlflow.store import Pin, pin, shown
from convsim_nb.domain.errors import NotFoundError, StoreError


def test_what_is_given_goes_before_what_is_active(ambient, store, monkeypatch):
    """A named experiment wins over the active run's, that over the one that was set, that over the environment's."""
    active = mlflow.get_experiment_by_name(ambient).experiment_id
    other = mlflow.create_experiment(f"{ambient}-other")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from the environment")

    assert pin("named") == Pin(store, "named")
    assert pin() == Pin(store, active, by_id=True)
    with mlflow.start_run(experiment_id=other):
        assert pin() == Pin(store, other, by_id=True)
    mlflow.tracking.fluent._active_experiment_id = None
    assert pin() == Pin(store, "from the environment")


@pytest.mark.usefixtures("ambient")
def test_the_active_experiment_of_another_store_means_nothing(tmp_path):
    """With a tracking URI of its own, a run goes to that store's default experiment, not to a number from here."""
    uri = f"sqlite:///{tmp_path}/other.db"
    reached = pin(tracking_uri=uri).reach()

    assert (reached.tracking_uri, reached.experiment_id, reached.experiment_name) == (uri, "0", "Default")


def test_a_relative_file_is_pinned_where_it_is_now(monkeypatch, tmp_path):
    """Changing the working folder later does not move the store."""
    monkeypatch.chdir(tmp_path)

    assert pin("x", tracking_uri="sqlite:///mlflow.db").tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.usefixtures("ambient")
def test_an_experiment_that_is_named_is_made_and_found_again(store):
    """A name that is not there is made once; a number that is not there is an error that names it."""
    name = f"new-{os.getpid()}-{time.time_ns()}"
    made, again = pin(name).reach(), pin(name).reach()

    assert made == again
    assert pin(made.experiment_id).reach().experiment_name == name
    with pytest.raises(NotFoundError, match=r"No Experiment with id=987654 exists \(in sqlite:///.*mlflow.db\)"):
        pin("987654").reach()


@pytest.mark.usefixtures("ambient")
def test_a_deleted_experiment_is_named():
    """An experiment in the bin is not written to."""
    gone = mlflow.create_experiment(f"gone-{time.time_ns()}")
    mlflow.MlflowClient().delete_experiment(gone)

    with pytest.raises(NotFoundError, match=r"experiment 'gone-\d+' was deleted: restore it, or name another"):
        Pin(mlflow.get_tracking_uri(), gone, by_id=True).reach()


def test_a_server_that_is_not_there_is_said_at_once_in_a_line():
    """No retries for minutes: the line names the server and the next step."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()

    with pytest.raises(StoreError) as failed:
        pin("x", tracking_uri=f"http://user:secret@127.0.0.1:{port}").reach()
    assert time.monotonic() - start < 2
    assert str(failed.value) == (
        f"the tracking store http://127.0.0.1:{port} failed: [Errno 111] Connection refused; "
        "see that it runs, or set MLFLOW_TRACKING_URI to another"
    )


@pytest.mark.parametrize("uri", ["bogus://x", "postgresql://me:secret@127.0.0.1:9/db"])
def test_a_store_that_cannot_be_opened_is_one_line_without_its_password(uri):
    """A scheme that MLflow does not know, or whose driver is missing, is an error of ours."""
    with pytest.raises(StoreError) as failed:
        pin("x", tracking_uri=uri).reach()

    assert shown(uri) in str(failed.value)
    assert "secret" not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_two_first_runs_at_once_in_a_fresh_folder(tmp_path):
    """MLflow makes a new SQLite store's tables unguarded; processes of ours wait for each other, and all get it."""
    reach = "print(pin('x', tracking_uri=sys.argv[1]).reach().experiment_name)"
    code = f"import sys; from convsim_nb.adapters.mlflow.store import pin; {reach}"
    command = [sys.executable, "-W", "ignore", "-c", code, f"sqlite:///{tmp_path}/new.db"]
    begun = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [each.communicate(timeout=100) for each in begun]

    assert [(each.returncode, out.strip()) for each, (out, _) in zip(begun, ended, strict=True)] == [(0, "x")] * 3, (
        ended
    )


def test_a_new_store_is_made_without_a_word(tmp_path):
    """The first line that a new user sees is ours, not MLflow's tables; its own words come back afterwards."""
    code = (
        "import logging, mlflow, convsim_nb as cs\n"
        f"mlflow.set_tracking_uri('sqlite:///{tmp_path}/mlflow.db')\n"
        "try:\n    cs.search_sessions(experiment='support')\n"
        "except cs.ConvsimError as error:\n    print(error)\n"
        "logging.getLogger('mlflow.store.db.utils').info('heard')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("no experiment 'support' in sqlite:")
    assert [line.rpartition(": ")[2] for line in done.stderr.splitlines() if "mlflow.store" in line] == ["heard"]
