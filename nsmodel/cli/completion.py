"""`nsmodel completion`: completion for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from nsmodel.system.verdict import Exit

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print what SHELL has to read for completion: `eval "$(nsmodel completion bash)"` in ~/.bashrc."""
    from nsmodel.cli.main import cli

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(cli, {}, "nsmodel", "_NSMODEL_COMPLETE").source())
    return Exit.MET
