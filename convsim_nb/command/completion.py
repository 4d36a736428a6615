"""`convsim completion`: what a shell is told, so that Tab completes commands, options, their values and runs."""

import argparse
from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

from convsim_nb.command.flags import EXIT_CODES
from convsim_nb.command.printing import out

_RUNS = ("RUN",)
"""Metavars of what is a run's id."""
_ABOUT = """\
Print what makes Tab complete commands, options, their values and the ids of runs.

  source <(convsim completion bash)          # or put this line into ~/.bashrc
  source <(convsim completion zsh)           # ~/.zshrc, after compinit
  convsim completion fish | source           # ~/.config/fish/config.fish"""

_BASH = Template("""\
_convsim() {
  local cur=$${COMP_WORDS[COMP_CWORD]} prev=$${COMP_WORDS[COMP_CWORD-1]} command=$${COMP_WORDS[1]} words=
  if [ "$$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($$(compgen -W "$commands --help --version" -- "$$cur")); return
  fi
  case "$$command $$prev" in
$values  esac
  case "$$command" in
$options  esac
  if [[ "$$cur" == -* ]]; then COMPREPLY=($$(compgen -W "$$words" -- "$$cur")); return; fi
  case "$$command" in
    $of_runs) COMPREPLY=($$(compgen -W "$$(_convsim_runs)" -- "$$cur")); return;;
  esac
  COMPREPLY=($$(compgen -f -- "$$cur"))
}
_convsim_runs() {
  local at=.convsim/runs i
  for ((i = 1; i < $${#COMP_WORDS[@]} - 1; i++)); do
    [ "$${COMP_WORDS[i]}" = --journal ] && at=$${COMP_WORDS[i+1]}
  done
  ls -1 "$$at" 2>/dev/null
}
complete -o filenames -F _convsim convsim
""")
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def add(commands: Any, parser: argparse.ArgumentParser) -> None:
    """Add the command to the parser, which it describes."""
    completion = commands.add_parser("completion", help="for Tab in your shell", description=_ABOUT, epilog=EXIT_CODES)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="whose Tab it is")
    completion.set_defaults(command=lambda options: _print(options.shell, parser), json=False)


def _print(shell: str, parser: argparse.ArgumentParser) -> int:
    commands = subcommands(parser)
    out({"bash": _bash(commands), "zsh": _ZSH + _bash(commands), "fish": _fish(commands)}[shell].rstrip())
    return 0


def subcommands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The commands of a parser, by their names."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            found |= action.choices
    return found


def _actions(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    yield from command._actions  # noqa: SLF001 - the same


# --- bash and zsh --------------------------------------------------------------------


def _bash(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    return _BASH.substitute(
        commands=" ".join(commands),
        values="".join(line for name, each in commands.items() for line in _bash_values(name, each)),
        options="".join(f'    {name}) words="{" ".join(_flags(each))}";;\n' for name, each in commands.items()),
        of_runs="|".join(name for name, each in commands.items() if _takes_runs(each)),
    )


def _bash_values(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    for action in _actions(command):
        words = f'"{" ".join(map(str, action.choices))}"' if action.choices else ""
        if action.metavar in _RUNS and action.option_strings:
            words = '"$(_convsim_runs)"'
        if words and not action.option_strings:
            yield f'    "{name} {name}") COMPREPLY=($(compgen -W {words} -- "$cur")); return;;\n'
        for flag in action.option_strings if words else ():
            yield f'    "{name} {flag}") COMPREPLY=($(compgen -W {words} -- "$cur")); return;;\n'


def _flags(command: argparse.ArgumentParser) -> list[str]:
    return [flag for action in _actions(command) for flag in action.option_strings if flag.startswith("--")]


def _takes_runs(command: argparse.ArgumentParser) -> bool:
    return any(action.metavar in _RUNS and not action.option_strings for action in _actions(command))


# --- fish ----------------------------------------------------------------------------


def _fish(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    return "\n".join(["complete -c convsim -f", *(line for name, each in commands.items() for line in _of(name, each))])


def _of(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    about = _quoted((command.description or "").split("\n")[0])
    yield f"complete -c convsim -n __fish_use_subcommand -a {name} -d {about}"
    within = f"complete -c convsim -n '__fish_seen_subcommand_from {name}'"
    for action in _actions(command):
        values = " ".join(map(str, action.choices or ()))
        runs = "(ls .convsim/runs 2>/dev/null)" if action.metavar in _RUNS else ""
        wanted = f" -xa {_quoted(values or runs)}" if values or runs else " -rF" if action.nargs != 0 else ""
        for flag in action.option_strings:
            if flag.startswith("--"):
                yield f"{within} -l {flag[2:]}{wanted} -d {_quoted(_help(action))}"
        if not action.option_strings:
            yield f"{within}{wanted.replace(' -xa', ' -a').replace(' -rF', ' -F')}"


def _help(action: argparse.Action) -> str:
    """Its help as `--help` has it, with its default in it."""
    return (action.help or "") % {"default": action.default, "prog": "convsim"}


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
