"""The words of a magic's line, and what they stand for."""

import pytest

from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.magics.words import Names, split


class Agent:
    """Anything with an attribute."""

    model = "m-1"


AGENT = Agent()
NAMES = Names({"cases": [1, 2, 3], "agents": {"v 2": AGENT}, "n": 8, "empty": None}, {"local": "here", "n": 9})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run cases[:3] --agent a", ["run", "cases[:3]", "--agent", "a"]),
        ("""run --agent agents["v 2"] -o v1""", ["run", "--agent", """agents["v 2"]""", "-o", "v1"]),
        ("run --run-name 'a b' --tags {'a': 'b c'}", ["run", "--run-name", "'a b'", "--tags", "{'a': 'b c'}"]),
        ("run f(a, (b, c))  # all of it", ["run", "f(a, (b, c))"]),
        ("run http://host/v1#model", ["run", "http://host/v1#model"]),
        ("run --run-name don't", ["run", "--run-name", "don't"]),
        (r"""run "a \" b" c""", ["run", r'''"a \" b"''', "c"]),
        ("run [a, ']'] b", ["run", "[a, ']']", "b"]),
        ("", []),
        ("# nothing", []),
    ],
)
def test_a_line_is_split_where_python_would_not_need_the_space(line, words):
    """Quotes and brackets keep spaces; a hash begins a comment only at the start of a word."""
    assert split(line) == words


@pytest.mark.parametrize(("line", "missing"), [("run cases[:3", "]"), ("run 'a b", "'"), ("run f(a, [b)", "]")])
def test_what_is_not_closed_is_named(line, missing):
    """The error shows the line and the sign that is missing."""
    with pytest.raises(UsageError) as caught:
        split(line)

    assert str(caught.value) == f"{line}: a closing {missing} is missing"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("cases", [1, 2, 3]),
        ("cases[:2]", [1, 2]),
        ("agents['v 2']", AGENT),
        ("agents['v 2'].model", "m-1"),
        ("agents.get('v 3')", None),
        ("local", "here"),
        ("$local", "here"),
        ("$n", 9),
        ("{n + 1}", 10),
        ("{'a': n}", {"a": 9}),
        ("{}", {}),
        ("[n, 1]", [9, 1]),
        ("-1", -1),
        ("None", None),
        ("'cases'", "cases"),
        ("nobody", "nobody"),
        ("nobody.jsonl", "nobody.jsonl"),
        ("support-agent", "support-agent"),
        ("cases-old", "cases-old"),
        ("openai:/gpt-5-mini", "openai:/gpt-5-mini"),
        ("http://host/v1#model", "http://host/v1#model"),
        ("module:agent", "module:agent"),
        ("models:/support@champion", "models:/support@champion"),
        ("7d", "7d"),
        ("openai:/{agents['v 2'].model}-$n", "openai:/m-1-9"),
        ("US$$5 {{x}}", "US$5 {x}"),
        ("$5", "$5"),
        ("""'{"a": "$n"}'""", '{"a": "9"}'),
    ],
)
def test_a_word_is_looked_up_or_text(word, value):
    """Names, attributes, items, calls and literals are looked up; everything else is text, filled in."""
    assert NAMES.object(word) == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("cases", "cases"),
        ("local", "local"),
        ("$empty", None),
        ("{local}", "here"),
        ("run-$n", "run-9"),
        ("'a b'", "a b"),
    ],
)
def test_where_text_is_wanted_only_signs_are_looked_up(word, value):
    """`--run-name v1` means the text, whatever else is called v1; `$v1` means the value."""
    assert NAMES.text(word) == value


def test_a_file_outranks_an_attribute_that_is_not_there(tmp_path, monkeypatch):
    """`cases.yaml` is the file, also where a name `cases` is known."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.yaml").write_text("- goal: x")

    assert NAMES.object("cases.yaml") == "cases.yaml"
    with pytest.raises(UsageError, match=r"cases.json: AttributeError: 'list' .*, and there is no file cases.json"):
        NAMES.object("cases.json")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("agents['v3']", "agents['v3']: KeyError: 'v3'"),
        ("$model", "$model: name 'model' is not defined: give it a value in a cell before this one"),
        ("openai:/{model}", "openai:/{model}: name 'model' is not defined: give it a value in a cell before this one"),
        ("[model]", "[model]: name 'model' is not defined: give it a value in a cell before this one"),
        ("cases[9]", "cases[9]: IndexError: list index out of range"),
        ("{1 / 0}", "{1 / 0}: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_looked_up_is_one_line(word, message):
    """The word stands before what Python says of it."""
    with pytest.raises(UsageError) as caught:
        NAMES.object(word)

    assert str(caught.value) == message
