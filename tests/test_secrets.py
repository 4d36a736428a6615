"""No key is written anywhere: every way out of the package is walked, with keys planted wherever they come from."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from convsim_nb.domain.secrets import known_secrets, masked

KEYS = {
    "OPENAI_API_KEY": "sk-planted-ENV-0123456789",
    "SUPPORT_API_TOKEN": "agent.token.PLANTED.4711",
    "BOT_PASSWORD": "correct-horse-PLANTED",
    "OTHER_KEY": "other-key-PLANTED-99",
    "AGENT_ADDRESS": "http://bot:address-PLANTED-3@127.0.0.1:9/v1#m",
}
PLANTED = (
    *(value for name, value in KEYS.items() if name != "AGENT_ADDRESS"),
    "address-PLANTED-3",
    "hdr-PLANTED-5",  # in a header that a model was given
    "url-PLANTED-77",  # in the address of a model
    "sk-own-AGENT-0123456789abcdef",  # an agent's own: it stands in no variable
    "dapi0123456789abcdef0123456789abcdef",  # a provider's
)


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The folder of a day's work, and what it printed."""
    folder = tmp_path_factory.mktemp("worked")
    (folder / "tmp").mkdir()
    done = python(folder, "-m", "tests.secret_work")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done


def environment(folder):
    """With all keys in it, and a store and a place for temporary files in the folder."""
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "TMPDIR": str(folder / "tmp")}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, **KEYS, **store, **quiet, "PYTHONPATH": path}


def python(folder, *arguments):
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)


def leaks(text: bytes) -> list[str]:
    return [key for key in PLANTED if key.encode() in text]


def test_no_key_is_in_any_file_that_was_written(worked):
    """Journals, recordings, reports, tests, cases, JUnit, Markdown, MLflow's store and artifacts: none holds one."""
    folder, _ = worked
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {str(path.relative_to(folder)): leaks(path.read_bytes()) for path in files}

    names = {path.name for path in files}
    assert {"events.jsonl", "record.jsonl", "report.html", "report.md", "test_lamp.py", "kept.yaml"} <= names
    assert {"cases.yaml", "gate.xml", "gate.md", "transcripts.jsonl", "mlflow.db"} <= names
    assert {name: keys for name, keys in found.items() if keys} == {}


def test_no_key_is_in_what_was_printed(worked):
    """Nor in summaries, frames, progress, and the tracebacks of calls that failed."""
    _, done = worked

    assert "***" in done.stdout
    assert done.stderr.count("convsim_nb.domain.errors.") >= 4
    assert leaks(done.stdout.encode()) == []
    assert leaks(done.stderr.encode()) == []


def test_only_their_owner_can_read_the_files(worked):
    """What holds conversations: journals and what lies beside them, recordings, reports, exported tests."""
    folder, _ = worked
    kept = [*folder.glob(".convsim/runs/*/*"), *folder.glob("re*.*"), *folder.glob("test_*.py")]
    open_to_others = {path.name for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077}

    assert len(kept) > 10
    assert open_to_others - {"writer.pid"} == set()
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob(".convsim/runs/*")} == {0o700}


AGENT = """
import os
def agent(messages):
    raise RuntimeError("refused: " + os.environ["SUPPORT_API_TOKEN"])
"""
CELLS = (
    "%load_ext convsim_nb",
    f"{AGENT}\ncases = [dict(goal='Get a refund for the kettle')]",
    "%convsim run cases --agent agent --user-model demo:/rules --max-turns 2 -o v1 --no-mlflow",
    "v1",
    "v1.failures()",
    "import convsim_nb as cs; cs.load_cases(os.environ['OTHER_KEY'] + '.yaml')",
    "%convsim sessions --experiment sk-planted-ENV-0123456789 -o sessions",
)


@pytest.mark.full
def test_no_key_is_in_a_saved_notebook(tmp_path):
    """Run, views, and cells that failed."""
    (tmp_path / "tmp").mkdir()
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(book, timeout=120, allow_errors=True, resources={"metadata": {"path": tmp_path}}).execute(
        env=environment(tmp_path)
    )
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]

    assert [output.ename for output in outputs if output.output_type == "error"] == ["NotFoundError", "NotFoundError"]
    assert "refused: ***" in str(outputs)
    assert leaks(str(outputs).encode()) == []


@pytest.mark.full
def test_no_key_is_in_what_the_command_prints(tmp_path):
    """Results, progress, errors, and the line that says how to go on, for addresses with passwords in them."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "agents.py").write_text(AGENT)
    (tmp_path / "cases.yaml").write_text("- goal: Get a refund for the kettle\n")
    run = ("-m", "convsim_nb", "run", "cases.yaml", "--no-mlflow", "--max-turns", "2")
    nobody = "http://bot:url-PLANTED-77@127.0.0.1:9/v1#m"
    done = [
        python(tmp_path, *run, "--agent", "agents:agent", "--user-model", "demo:/rules", *more)
        for more in ((), ("--json",), ("--report", "r.html", "--tags", f"by={KEYS['BOT_PASSWORD']}"))
    ]
    done.append(python(tmp_path, *run, "--agent", nobody, "--user-model", "demo:/rules", "--agent-timeout", "1"))
    done.append(python(tmp_path, *run, "--agent", "agents:agent", "--user-model", "http://b:url-PLANTED-77@h/v1"))
    done.append(python(tmp_path, "-m", "convsim_nb", "runs", "--json"))
    done.append(python(tmp_path, "-m", "convsim_nb", "push", KEYS["OTHER_KEY"]))

    assert [one.returncode for one in done] == [0, 0, 0, 0, 2, 0, 2]
    assert "refused: ***" in done[1].stdout
    assert leaks("".join(one.stdout + one.stderr for one in done).encode()) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("401 for Bearer abcdefgh12345", "401 for Bearer ***"),
        ("GET https://me:pa55@host/x?api_key=123&b=2", "GET https://***@host/x?api_key=***&b=2"),
        ('{"api_key": "abcdefgh123"}', '{"api_key": "***"}'),
        ("password=hunter2hunter2, again", "password=***, again"),
        ("sk-proj-abcdef123456 and ghp_abcdefghij1234567890", "*** and ***"),
        # Words are left as they are.
        ("cut off at the token limit: raise max_tokens", "cut off at the token limit: raise max_tokens"),
        ("run_key='nightly-2026-11-21'", "run_key='nightly-2026-11-21'"),
        ("the key is in the drawer", "the key is in the drawer"),
        ("mail me@example.com about task-42", "mail me@example.com about task-42"),
    ],
)
def test_what_looks_like_a_key_is_taken_out_of_errors(said, shown):
    """By its place or by its shape; ordinary words stay."""
    assert masked(said) == shown


def test_secrets_of_the_environment_are_known_by_the_names_of_their_variables():
    """Paths, numbers, short words and texts with spaces are none; a password in an address is one."""
    environ = {
        "OPENAI_API_KEY": "sk-0123456789",
        "PGPASSWORD": "abcdefgh1",
        "MLFLOW_TRACKING_URI": "https://me:in%2Faddress1@host",
        "MAX_TOKEN": "100000000000",
        "SSH_KEY": "/home/me/.ssh/id_rsa",
        "DB_PASSWORD": "postgres",
        "GREETING_TOKEN": "good morning to you",
        "PWD": "a/long/working/folder",
        "HOME_TOWN": "a-long-name-of-a-town",
    }

    told = set(known_secrets({}))
    assert set(known_secrets(environ)) - told == {"sk-0123456789", "abcdefgh1", "in%2Faddress1", "in/address1"}
