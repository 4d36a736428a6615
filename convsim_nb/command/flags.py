"""Options that commands share, and how they print."""

import argparse

EXIT_CODES = """
exit codes:
  0    the command did what it says; for `run`: it came to its end, whatever the verdicts
  1    it failed on the way: the tracking store, a file, or a run that was cut off
  2    the call is wrong: an option, a file that is not there, a model that is not known
  130  interrupted by Ctrl-C or SIGTERM; what was done is kept
  141  nobody reads its output any more
"""


def add_limits(command: argparse.ArgumentParser, *, seconds: bool = True) -> None:
    """What a command may take."""
    limits = command.add_argument_group("what it may take")
    limits.add_argument("--max-cost", type=float, metavar="USD", help="US dollars of the models that convsim calls")
    limits.add_argument("--max-tokens", type=int, metavar="N", help="tokens of these models")
    if seconds:
        limits.add_argument("--max-seconds", type=float, metavar="S", help="seconds of the whole of it")


def add_output(command: argparse.ArgumentParser) -> None:
    """How a command prints."""
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    command.add_argument("--quiet", action="store_true", help="no progress on stderr")
