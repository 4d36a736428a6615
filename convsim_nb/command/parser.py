"""Reading a command's arguments: one line for what is wrong, and lists that leave the positional its word."""

import argparse
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

_MANY = ("+", "*")
_FILES = (".yaml", ".yml", ".json", ".jsonl", ".csv")


class Parser(argparse.ArgumentParser):
    """As argparse's; `--tags a=b cases.yaml` is one tag and the file, and an error does not print the usage."""

    def __init__(self, **settings: Any) -> None:
        self._words: list[str] = []
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The options, and what was not understood."""
        self._words = [] if args is None else list(args)
        return super().parse_known_args(None if args is None else self._placed(list(args)), namespace)

    def error(self, message: str) -> NoReturn:
        """Say in a line what is wrong, and where the options stand; what was misspelt before what is missing."""
        message = next(self._misspelt(), message)
        self.exit(2, f"convsim: {' '.join(message.split())}; see {self.prog} --help\n")

    def _misspelt(self) -> Iterator[str]:
        for flag in (word.partition("=")[0] for word in self._words if word.startswith("--") and len(word) > len("--")):
            close = get_close_matches(flag, self._option_string_actions, n=1)
            if self._action(flag) is None and self._subparsers is None:
                yield f"no option {flag}" + (f": did you mean {close[0]}?" if close else "")

    def _placed(self, words: list[str]) -> list[str]:
        """The words; where a list of values has taken the one that the command cannot do without, it stands first."""
        positionals = [one for one in self._get_positional_actions() if one.nargs != argparse.PARSER]
        if "--" in words or not any(one.required for one in positionals):
            return words
        own, taken = self._read(words)
        # A tag has an equals sign, and what a command is for has none: else nothing is taken back.
        free = [at for at in taken if "=" not in words[at] or words[at].endswith(_FILES)]
        if own or not free:
            return words
        at = next((at for at in free if words[at].endswith(_FILES)), free[-1])
        return [words[at], *words[:at], *words[at + 1 :]]

    def _read(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """The places of the words that belong to no option, and of those that a list can do without."""
        own: list[int] = []
        spare: list[int] = []
        many, needed = False, 0
        for at, word in enumerate(words):
            if word.startswith("-") and len(word) > 1:
                action = None if "=" in word else self._action(word)
                nargs = action.nargs if action is not None else 0
                many, needed = nargs in _MANY, int(nargs in (None, "+"))
            elif needed:
                needed = 0
            else:
                (spare if many else own).append(at)
        return own, spare

    def _action(self, flag: str) -> argparse.Action | None:
        known = self._option_string_actions
        meant = flag if flag in known else next((each for each in known if each.startswith(flag)), "")
        return known.get(meant)
