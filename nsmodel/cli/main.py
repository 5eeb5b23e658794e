"""The command line: `nsmodel COMMAND …`. Each command is a module of this folder with a click command `command`."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from nsmodel import __version__
from nsmodel.system.problem import LINES, Problem
from nsmodel.system.verdict import Exit

COMMANDS = (
    "check", "prove", "simulate", "replay", "conform", "validate", "tests", "mutants", "score", "why", "show",
    "propagation", "growth", "theorem", "report", "export", "bench", "completion",
)  # fmt: skip
"""Commands in the order of `--help`; one whose module is not there does not exist."""


class Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands that there are."""
        return [name for name in COMMANDS if importlib.util.find_spec(f"nsmodel.cli.{name}") is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = importlib.import_module(f"nsmodel.cli.{cmd_name}").command
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands that begin so: names alone, for what each does it would have to be imported."""
        named = [CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nsmodel")
def cli() -> None:
    """A formal model checker of Linux namespace semantics.

    Exit status: 0 every expectation met, 1 not met, 2 bad input, 3 unknown or interrupted, 4 vacuous, 70 engines
    disagree.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give back its exit status; errors go to standard error, at most 15 lines each."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # arrows and lines of a tree, where the locale has none
    try:
        status = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="nsmodel", standalone_mode=False
        )
        sys.stdout.flush()
        return int(status or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        return _say(error.format_message(), Exit.USAGE, 60)
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx is not None else "nsmodel"
        return _say(f"error: {error.format_message()}\n  place: {place}\n  fix: see {place} --help", Exit.USAGE)
    except click.ClickException as error:
        return _say(f"error: {error.format_message()}", Exit.USAGE)
    except Problem as problem:
        return _say(f"error: {problem}", Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", Exit.UNKNOWN)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our output is gone: nothing is left to say
        return int(Exit.UNKNOWN)
    except Exception as error:
        if os.environ.get("NSMODEL_DEBUG"):
            raise
        return _say(_unexpected(error), Exit.USAGE)


def _unexpected(error: Exception) -> str:
    """An error that no command foresaw: of the machine (no memory, no disk), of an oracle, or a defect of nsmodel."""
    if isinstance(error, OSError):
        return f"error: {error.strerror or error}" + (f"\n  place: {error.filename}" if error.filename else "")
    if all(hasattr(error, part) for part in ("what", "cause", "fix")):
        return f"error: {error}"
    text = f"{type(error).__name__}: {error}"
    return (
        f"error: this should not have happened\n  cause: {text}\n  fix: NSMODEL_DEBUG=1 shows where; please report it"
    )


def _say(message: str, status: Exit, most: int = LINES) -> int:
    lines = message.splitlines()
    print("\n".join(lines[:most]), file=sys.stderr)
    return int(status)


def main() -> None:
    """The entry point."""
    sys.exit(run())
