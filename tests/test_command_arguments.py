"""How a command's words are read: lists leave the positional its word, and what is wrong is one line."""

import pytest

from convsim_nb.__main__ import _parser, main

RUN = ("run", "--agent", "a:b")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((*RUN, "--tags", "a=b", "cases.yaml"), {"cases": "cases.yaml", "tags": ["a=b"]}),
        ((*RUN, "cases.yaml", "--tags", "a=b", "c=d"), {"cases": "cases.yaml", "tags": ["a=b", "c=d"]}),
        ((*RUN, "--tags", "a=b", "--tags", "c=d", "cases"), {"cases": "cases", "tags": ["a=b", "c=d"]}),
        ((*RUN, "--prompts", "user=m.md", "x.json", "--score", "y"), {"cases": "x.json", "prompts": ["user=m.md"]}),
        ((*RUN, "--score", "x", "cases.yaml"), {"cases": "cases.yaml", "score": ["x"]}),
        ((*RUN, "--score", "cases.yaml", "--quiet"), {"cases": "cases.yaml", "score": []}),
        ((*RUN, "cases.yaml", "--score"), {"cases": "cases.yaml", "score": []}),
        ((*RUN, "--sco", "x", "y", "--tags=a=b", "c.yaml"), {"cases": "c.yaml", "score": ["x", "y"], "tags": ["a=b"]}),
        ((*RUN, "cases.yaml"), {"score": None, "tags": None, "prompts": None}),
        (("resume", "--agent", "a:b", "--score", "x", "2026"), {"run": "2026", "score": ["x"]}),
        (("report", "--beside", "1", "2"), {"run": "2", "beside": ["1"]}),
        (("report", "3", "--beside", "1", "--beside", "2"), {"run": "3", "beside": ["1", "2"]}),
        (("report", "3"), {"run": "3", "beside": []}),
    ],
    ids=" ".join,
)
def test_a_list_of_values_leaves_the_command_its_word(words, wanted):
    """Wherever the list stands, once or repeated; and the forms that the help shows."""
    found = vars(_parser().parse_args(words))

    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (RUN, "convsim: the following arguments are required: CASES; see convsim run --help"),
        ((*RUN, "--tags", "a=b"), "convsim: the following arguments are required: CASES; see convsim run --help"),
        (
            (*RUN, "c.yaml", "--tags"),
            "convsim: argument --tags: expected at least one argument; see convsim run --help",
        ),
        (("report", "--beside", "1"), "convsim: the following arguments are required: RUN; see convsim report --help"),
        (
            (*RUN, "c.yaml", "--trials", "x"),
            "convsim: argument --trials: invalid int value: 'x'; see convsim run --help",
        ),
        ((*RUN, "c.yaml", "--nope"), "convsim: unrecognized arguments: --nope; see convsim --help"),
        ((), "convsim: the following arguments are required: COMMAND; see convsim --help"),
    ],
)
def test_a_wrong_call_is_one_line_without_the_usage(words, said, capsys):
    """Exit code 2; the usage is for --help."""
    with pytest.raises(SystemExit) as left:
        main(words)

    assert (left.value.code, capsys.readouterr()) == (2, ("", f"{said}\n"))
