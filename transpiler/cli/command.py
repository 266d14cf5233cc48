"""The command `transpiler`: its subcommands, and the last line of defence against every kind of failure."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click

from transpiler import __version__

EXIT_DONE: Final = 0
EXIT_ERRORS: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""What shells expect of a program that Ctrl-C ended."""

COMMANDS: Final = ("convert", "inspect", "check", "verify", "batch", "worker", "golden", "zoo", "ops")
"""The subcommands. Each stands in the module of its name, which is loaded when the command is asked for."""


class _Commands(click.Group):
    """Subcommands that are loaded one by one: a conversion must start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"transpiler.cli.{cmd_name}"), cmd_name)
        return found


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="transpiler", message="%(prog)s %(version)s")
def cli() -> None:
    """Translate neural-network descriptions between frameworks, exactly or not at all.

    Exit codes: 0 done, 1 the model has errors, 2 wrong usage.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; the arguments default to those of the process."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _pipe_closed()
        return _fault(error)
    except Exception as error:  # noqa: BLE001 - the user is owed a diagnostic and no traceback, whatever happened
        return _fault(error)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = cli.main(arguments, prog_name="transpiler", standalone_mode=False)
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code if isinstance(code, int) else EXIT_DONE


def _pipe_closed() -> int:
    """Whoever read the output has gone: stop quietly, also when the interpreter flushes its streams at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return EXIT_ERRORS


def _fault(error: Exception) -> int:
    from transpiler.cli.reporting import report
    from transpiler.driver.faults import DEBUG_VARIABLE, internal_error

    if os.environ.get(DEBUG_VARIABLE) == "1":
        raise error
    report((internal_error(error),))
    return EXIT_ERRORS
