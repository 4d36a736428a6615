"""All commands of `convsim`, one after the other: help that teaches, exit codes, stdout for results alone."""

import argparse
import json
import re
import subprocess

import pytest

from convsim_nb.__main__ import _parser
from convsim_nb.command.completion import subcommands
from convsim_nb.command.flags import EXIT_CODES
from tests.docs.blocks import ROOT
from tests.test_command import convsim, folder  # noqa: F401 - a fixture

COMMANDS = sorted(subcommands(_parser()))
RULES = ("--user-model", "demo:/rules", "--max-turns", "3", "--no-mlflow")
SAID = [("user", "I want a refund for the broken kettle."), ("assistant", "It is on its way.")]
CHATS = json.dumps({"id": "s1", "messages": [{"role": role, "content": text} for role, text in SAID]})


def ids(folder):  # noqa: F811
    return sorted(path.name for path in (folder / ".convsim/runs").iterdir())


def one_document(out):
    """What stdout holds, which must be JSON from its first to its last letter."""
    return json.loads(out)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(name):
    """What it does, an example that can be typed, every option explained, and the exit codes."""
    command = subcommands(_parser())[name]
    about = command.format_help()

    assert re.search(rf"^  .*\bconvsim {name}\b", command.description, re.MULTILINE), "an example"
    assert len(command.description.split("\n")[0]) > 20
    assert "exit codes:" in about
    for action in command._actions:
        assert action.help or isinstance(action, argparse._HelpAction), action.dest


def test_the_exit_codes_stand_in_one_table():
    """Every code that a command's help names is in the table of docs/jobs.md, and no other."""
    helps = "".join(each.format_help() for each in subcommands(_parser()).values())
    named = set(re.findall(r"^  (\d+) ", "".join(re.findall(r"exit codes:\n(?:  .*\n)+", helps)), re.MULTILINE))
    table = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "jobs.md").read_text(), re.MULTILINE)

    assert sorted(map(int, table)) == sorted(map(int, named)) == [0, 1, 2, 3, 4, 130, 141]
    assert EXIT_CODES in subcommands(_parser())["run"].format_help()


def test_the_docs_name_every_command():
    """In the table of docs/jobs.md, and in `convsim --help`."""
    table = set(re.findall(r"^\| `convsim (\w+)", (ROOT / "docs" / "jobs.md").read_text(), re.MULTILINE))

    assert table == set(COMMANDS)
    assert set(re.findall(r"^  convsim (\w+)", _parser().description, re.MULTILINE)) == set(COMMANDS)


def test_a_walk_over_all_commands(folder):  # noqa: F811
    """Each prints one JSON document and nothing beside it, though the agent prints; progress is on stderr."""
    (folder / "chats.jsonl").write_text(CHATS)
    (folder / "masks.py").write_text("def mask(text):\n    return text.replace('kettle', '<thing>')\n")
    code, out, err = convsim(folder, "distill", "chats.jsonl", "--model", "demo:/rules", "--out", "d.yaml", "--json")
    assert (code, len(one_document(out)["cases"]), "1/1 sessions distilled" in err) == (0, 1, True), err

    played = ("--agent", "agents:prints", *RULES, "--json")
    code, out, err = convsim(folder, "run", "cases.yaml", *played, "--redact", "masks:mask", "--score", "turns_to_goal")
    found = one_document(out)
    assert (code, found["summary"]["total"], "the agent's own words" in err) == (0, 2, True), err
    assert "kettle" not in (folder / found["folder"] / "events.jsonl").read_text().replace(
        '"case_id":"kettle', ""
    ).replace("kettle/", "")
    code, out, _ = convsim(folder, "run", "cases.yaml", *played, "--run-key", "night")
    assert one_document(convsim(folder, "run", "cases.yaml", *played, "--run-key", "night")[1]) == one_document(out)

    first, second = ids(folder)
    code, out, _ = convsim(folder, "runs", "--json")
    assert (code, [run["run_id"] for run in one_document(out)]) == (0, [second, first])
    code, out, _ = convsim(folder, "compare", first, second, "--force", "--json")
    assert (code, one_document(out)["metrics"][0]["metric"]) == (0, "reach rate")
    code, out, _ = convsim(folder, "report", second, "--out", "r.md", "--json")
    assert (code, one_document(out)) == (0, {"report": "r.md"})
    code, out, err = convsim(folder, "gate", "cases.yaml", "--baseline", second, *played, "--summary", "")
    assert (code, one_document(out)["outcome"]) == (4, "inconclusive"), err
    code, out, err = convsim(folder, "resume", second, "--agent", "agents:prints", "--json")
    assert (code, one_document(out)["summary"]["reached"], "is finished: all 2 conv" in err) == (0, 2, True), err
    code, out, err = convsim(folder, "push", second, "--json")
    assert (code, one_document(out)["traces_made"] > 0) == (0, True), err


@pytest.mark.full
def test_the_demo_prints_one_document(folder):  # noqa: F811
    """The whole way, for a job that reads it."""
    code, out, err = convsim(folder, "demo", "--json")

    assert (code, len(one_document(out)["runs"]), "conversations" in err) == (0, 2, True), err


def complete(line, folder):  # noqa: F811
    """What bash offers after a line."""
    words = line.split(" ")
    told = f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}"
    script = f"source <(cat comp.bash); {told}; _convsim; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout.split()


def test_tab_completes_in_bash(folder):  # noqa: F811
    """Commands, options, their values, runs, and files."""
    (folder / ".convsim/runs/20261121-101500-abcdef").mkdir(parents=True)
    code, out, _ = convsim(folder, "completion", "bash")
    (folder / "comp.bash").write_text(out)

    assert code == 0
    assert complete("convsim re", folder) == ["resume", "report"]
    assert complete("convsim run --max-t", folder) == ["--max-turns", "--max-tokens"]
    assert complete("convsim run --guards ", folder) == ["stop", "record", "off"]
    assert complete("convsim push 2026", folder) == ["20261121-101500-abcdef"]
    assert complete("convsim gate --baseline ", folder) == ["20261121-101500-abcdef"]
    assert complete("convsim run ca", folder) == ["cases.yaml"]


def test_other_shells_are_told_the_same(folder):  # noqa: F811
    """zsh takes bash's by its own bridge; fish has a line for each option."""
    zsh, fish = (convsim(folder, "completion", shell)[1] for shell in ("zsh", "fish"))

    assert zsh.startswith("autoload -U +X bashcompinit")
    assert "complete -c convsim -n '__fish_seen_subcommand_from run' -l guards -xa 'stop record off' -d" in fish
    assert fish.count("-n __fish_use_subcommand -a") == len(COMMANDS)
