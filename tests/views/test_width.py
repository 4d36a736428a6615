"""Text in a terminal's columns."""

from convsim_nb.views.width import columns_of, cut, one_line, pad


def test_chinese_takes_two_columns_and_a_combining_mark_none():
    """The width is the terminal's, not the number of characters."""
    assert [columns_of(text) for text in ("abc", "饺子馆", "e\u0301", "🚄")] == [3, 6, 1, 2]


def test_text_is_cut_to_its_columns_with_a_mark():
    """Nothing is longer than asked for, and what is missing is marked."""
    assert [cut("饺子馆-周六", columns=columns) for columns in (11, 8, 7, 1, 0)] == [
        "饺子馆-周六",
        "饺子馆-…",
        "饺子馆…",
        "…",
        "",
    ]


def test_columns_line_up():
    """Padding counts columns."""
    assert {columns_of(pad(text, columns=10)) for text in ("abc", "饺子馆")} == {10}


def test_one_line_does_nothing_to_a_terminal():
    """Escape sequences and line ends are shown or gone."""
    assert one_line("a\n\n  b\x1b[31m\rc") == "a b⟨U+001B⟩[31m c"
