"""Whether a quote is there: what a model may change in copying, and what it may not."""

import pytest

from convsim_nb.domain.quotes import is_quoted, quoted_at

SAID = "The **DAX** closed at 18,305 on Friday — down 0.3 %.\nIt’s closed today."


@pytest.mark.parametrize(
    "quote",
    ["closed at 18,305 on friday", '"The DAX closed at 18,305"', "It's closed today", "...on Friday - down 0.3 %..."],
)
def test_typography_and_case_do_not_matter(quote):
    """Quotes survive what models do to them: case, dashes, quotation marks, emphasis, an ellipsis at the ends."""
    assert is_quoted(quote, SAID)


@pytest.mark.parametrize("quote", ["", "...", "**", "closed at 18,306", "The DAX on Friday", "DAX ... Friday"])
def test_other_words_are_no_quote(quote):
    """Nothing, punctuation alone, another number, or words with a gap prove nothing."""
    assert not is_quoted(quote, SAID)


def test_chinese_is_quoted_too():
    """Languages without spaces are compared as they stand."""
    assert is_quoted("周一至周日 10:00", "营业时间是周一至周日 10:00-21:00。")


def test_an_emoji_is_a_word():
    """A message of emoji alone can be quoted, with or without the mark that makes it coloured; another cannot."""
    assert is_quoted("\N{THUMBS UP SIGN}", "\N{THUMBS UP SIGN}\N{THUMBS UP SIGN}")
    assert is_quoted("\u2764\ufe0f", "\u2764")
    assert not is_quoted("\N{THUMBS UP SIGN}", "\N{THUMBS DOWN SIGN}")


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("closed at 18,305 on friday", "closed at 18,305 on Friday"),
        ('"The DAX closed at 18,305"', "The **DAX** closed at 18,305"),
        ("...0.3 %. it's CLOSED today...", "0.3 %.\nIt’s closed today"),
        ("closed at 18,306", None),
        ("...", None),
    ],
)
def test_where_a_quote_stands_is_told_in_the_text_as_it_is(quote, found):
    """Marks, line ends and case of the text are inside the place, and nothing beside it."""
    place = quoted_at(quote, SAID)
    assert (None if place is None else SAID[slice(*place)]) == found


def test_characters_that_grow_when_they_are_compared_are_placed_too():
    """A ligature and an ß are two letters where texts are compared."""
    text = "Die ﬁrma in der Straße, heute"
    assert text[slice(*quoted_at("strasse, heute", text))] == "Straße, heute"
    assert text[slice(*quoted_at("firma", text))] == "ﬁrma"
