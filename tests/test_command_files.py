"""Files that `convsim` writes: tried before anything is played, and never worth more than the result."""

import json

import pytest

from tests.command_line import command, here, played  # noqa: F401 - a fixture
from tests.test_command import SESSIONS, folder, start  # noqa: F401 - a fixture
from tests.test_command_results import ids

DISTILL = ("distill", "chats.jsonl", "--model", "demo:/rules", "--quiet", "--out")


@pytest.mark.parametrize(
    ("flag", "path", "said"),
    [
        ("--report", "cases.yaml/r.html", "convsim: --report cases.yaml/r.html cannot be written: "),
        ("--report", "/proc/x/r.html", "convsim: --report /proc/x/r.html cannot be written: "),
        ("--report", "r.pdf", "convsim: --report r.pdf: it can end in .html, .htm, .md, not in '.pdf'"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_played(here, flag, path, said):  # noqa: F811
    """Exit code 2, one line, no run in the list."""
    code, out, err = played("--quiet", flag, path)

    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert len(err.splitlines()) == 1
    assert not (here / ".convsim").exists()


@pytest.mark.parametrize("flag", ["--junit", "--summary", "--report"])
def test_the_files_of_a_gate_are_tried_first_too(here, flag):  # noqa: F811
    """Nothing is played where one cannot be written; where they can, trying leaves nothing behind."""
    played("--quiet")
    (baseline,) = ids(here)
    given = ("gate", "cases.yaml", "--agent", "agents:answers", "--baseline", baseline, "--no-mlflow", "--quiet")
    code, out, err = command(*given, flag, "cases.yaml/x/g.html", "--json")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert ids(here) == [baseline]

    code, _, _ = command(*given, flag, "new/folder/g.html", "--max-turns", "1", "--baseline", "nix")
    assert (code, (here / "new").exists()) == (2, False)


def test_a_full_disk_costs_no_result(here):  # noqa: F811
    """The run is printed, one line names the file, and the exit code is 1; a gate that failed keeps its own."""
    (here / "full.html").symlink_to("/dev/full")
    code, out, err = played("--quiet", "--json", "--report", "full.html")
    told = json.loads(out)

    assert (code, told["summary"]["reached"], told["report"]) == (1, 2, None)
    assert err == "convsim: the report cannot be written to full.html: [Errno 28] No space left on device\n"

    (baseline,) = ids(here)
    given = ("gate", "cases.yaml", "--agent", "agents:answers", "--baseline", baseline, "--no-mlflow", "--quiet")
    code, out, err = command(*given, "--junit", "/dev/full", "--max-drop", "100", "--json")
    assert (code, json.loads(out)["outcome"]) == (1, "passed")
    code, out, err = command(*given, "--junit", "/dev/full", "--max-drop", "1", "--json")
    assert (code, json.loads(out)["outcome"]) == (4, "inconclusive")
    assert err == "convsim: /dev/full cannot be written: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("printed", [("--json",)])
def test_a_result_that_stdout_does_not_take_is_one_line(folder, printed):  # noqa: F811
    """`> /dev/full` ends with 1, no stack, and the place of what was played."""
    asked = ["run", "cases.yaml", "--agent", "agents:answers", "--user-model", "demo:/rules", "--no-mlflow"]
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a descriptor for the process
        process = start(folder, *asked, "--quiet", *printed, stdout=full)
        _, err = process.communicate(timeout=60)
    (known,) = ids(folder)

    assert process.returncode == 1
    assert err == (
        "convsim: the result cannot be written to stdout: [Errno 28] No space left on device; "
        f"run {known} is kept in .convsim/runs/{known}\n"
    )


def test_distilled_cases_outlive_a_full_disk(here):  # noqa: F811
    """An ending that is not known is refused at once; cases whose file takes nothing are put aside, and named."""
    (here / "chats.jsonl").write_text(SESSIONS.splitlines()[0])
    (here / "full.yaml").symlink_to("/dev/full")
    for out in ("d.txt", "cases.yaml/d.yaml"):
        code, _, err = command(*DISTILL, out)
        assert (code, err.startswith(f"convsim: --out {out}")) == (2, True)

    code, out, err = command(*DISTILL, "full.yaml")
    (aside,) = (here / ".convsim" / "cases").iterdir()
    assert (code, out.splitlines()[0]) == (1, "CaseSet of 1 test cases")
    assert err.endswith(f"No space left on device; the cases are in .convsim/cases/{aside.name}\n")
    assert aside.read_text().startswith("- case_id: tyres\n")
