"""Characters that a reader cannot see, made visible.

They are shown and not dropped: a transcript is evidence, and an agent that smuggles text in tag
characters, or turns the reading order of a sentence round, is a finding. What a script or an emoji
needs (joiners between letters, direction marks beside right-to-left text, a variation selector
behind its character, three flags) stays as it is.
"""

import re
from itertools import groupby

_CHARS = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls: a terminal would obey them
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff9-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_CHARS}]+")
_NEWLINE = re.compile("\r\n?|[\u2028\u2029]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_JOINERS = {"\u200c", "\u200d"}
_MARKS = {"\u200e", "\u200f", "\u061c"}
_TAG_SPACE = 0xE0000
"""Where the tag characters lie: each stands for the ASCII character so much below it."""
_TAGS = range(_TAG_SPACE + ord(" "), _TAG_SPACE + ord("~") + 1)
_FLAG = "\U0001f3f4"
_FLAGS = {"".join(chr(_TAG_SPACE + ord(char)) for char in f"{name}\x7f") for name in ("gbeng", "gbsct", "gbwls")}
_MOST = 8
"""So many kinds of hidden characters in a row are named; the rest is counted."""


def visible(text: str) -> str:
    """`text` with every hidden character shown as `⟨U+202E⟩`, and text in tag characters as `⟨hidden: ...⟩`.

    Every line end becomes a newline. The result can be encoded as UTF-8 and written to a terminal.
    """
    return _HIDDEN.sub(_shown, _NEWLINE.sub("\n", text))


def _shown(found: re.Match[str]) -> str:
    run = found[0]
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    if _belongs(run, before, after) or (run in _MARKS and _RIGHT_TO_LEFT.search(found.string)):
        return run
    groups = ["".join(same) for _, same in groupby(run, key=_kind)]
    rest = sum(map(len, groups[_MOST:]))
    return "".join(map(_named, groups[:_MOST])) + (f"⟨{rest:,} more hidden characters⟩" if rest else "")


def _belongs(run: str, before: str, after: str) -> bool:
    """Whether the characters do what they are for: they join, choose a variant, or make a flag."""
    if before == _FLAG:
        return run in _FLAGS
    if _selects(run[0], before):
        run = run[1:]
    return not run or (run in _JOINERS and _foreign(before) and _foreign(after))


def _selects(char: str, before: str) -> bool:
    if "\ufe00" <= char <= "\ufe0f":
        return before != ""
    return "\U000e0100" <= char <= "\U000e01ef" and _IDEOGRAPH.match(before) is not None


def _foreign(char: str) -> bool:
    return char != "" and not char.isascii()


def _kind(char: str) -> str:
    return "tags" if ord(char) in _TAGS else char


def _named(same: str) -> str:
    if ord(same[0]) in _TAGS:
        return "⟨hidden: " + "".join(chr(ord(tag) - _TAG_SPACE) for tag in same) + "⟩"
    return f"⟨U+{ord(same[0]):04X}{f' ×{len(same)}' if len(same) > 1 else ''}⟩"
