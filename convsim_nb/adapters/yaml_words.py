"""What YAML's reader has against a text, in the words of who typed it."""

import re

_PLAIN = (
    (r"but (?:got|found) '<stream end>'|unexpected end of stream", "it ends too soon: close the bracket or the quote"),
    (
        r"mapping values are not allowed",
        "a ':' that does not fit: put a text with a colon in quotes, or mend the indent",
    ),
    (r"found character '\\t'", "a tab: indent with spaces"),
    (r"found character (.+) that cannot start", r"no text begins with \1: put it in quotes"),
    (r"could not find expected ':'", "a name without a ':' after it"),
    (r"expected ',' or '[\]}]', but got (.+)", r"\1 where a comma or the closing bracket belongs"),
    (r"expected <block end>, but found (.+)", "it does not fit what stands above it: mend the indent"),
    (r"found undefined alias (.+)", r"\1 is named nowhere: put a text that begins with * in quotes"),
    (r"found unknown escape character (.+)", r"\1 after a backslash: write two backslashes, or use single quotes"),
)


def plain_words(problem: str) -> str:
    """The reader's complaint in plain words; one that is not known stays as it is."""
    for pattern, words in _PLAIN:
        if found := re.search(pattern, problem):
            return found.expand(words)
    return problem.replace("'<stream end>'", "the end")
