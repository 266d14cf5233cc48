"""The command `transpiler`: its subcommands, and the last line of defence against every kind of failure."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

from transpiler import __version__
from transpiler.cli.output import Failure, print_err, print_out
from transpiler.cli.parser import Misuse, Parser, Show, Shown

EXIT_DONE: Final = 0
EXIT_ERRORS: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""What shells expect of a program that Ctrl-C ended."""

COMMANDS: Final[Mapping[str, str]] = {
    "convert": "Convert the model SRC (a file, or - for stdin) to another framework.",
    "inspect": "Describe the model SRC (a file, or - for stdin): inputs, layers, shapes and parameters.",
    "check": "Check the model SRC (a file, or - for stdin) and, for each --to, whether that target can say it exactly.",
    "verify": "Convert the model SRC and run both sides in their real frameworks: are all tensors the same?",
    "batch": (
        "Convert every SRC (files, directories, patterns, URLs) into the directory --out, whose tree mirrors theirs."
    ),
    "worker": "Convert files for `transpiler batch --engine celery` until a signal ends it.",
    "golden": "Keep what the models of a directory are converted to, and tell what changes.",
    "zoo": "Show and export networks of the literature that come with the program.",
    "ops": "Show the reference page of the operation NAME, or the list of all (markdown, json: all pages).",
}
"""The subcommands. Each stands in the module of its name, which is loaded when the command is asked for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; the arguments default to those of the process."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print_err("interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _pipe_closed()
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _pipe_closed()
        return _fault(error)
    except Exception as error:  # noqa: BLE001 - the user is owed a diagnostic and no traceback, whatever happened
        return _fault(error)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = program().run(arguments)
    except Shown as asked:
        print_out(asked.text)
        code = EXIT_DONE
    except Misuse as wrong:
        print_err(wrong.text)
        return EXIT_USAGE
    except Failure as error:
        print_err(f"Error: {error}\n")
        return EXIT_ERRORS
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def program() -> Parser:
    """The whole command line; of its commands, nothing is loaded yet."""
    parser = Parser(
        "transpiler", "Translate neural-network descriptions between frameworks, exactly or not at all."
    )
    parser.details = "Exit codes: 0 done, 1 the model has errors, 2 wrong usage."
    parser.add_argument("--version", action=Show, render=_version, help="Show the version and exit.")
    for name, summary in COMMANDS.items():
        parser.add_command(name, summary, _declaration(name))
    return parser


def _version() -> str:
    return f"transpiler {__version__}\n"


def _declaration(name: str) -> Callable[[Parser], None]:
    def declare(parser: Parser) -> None:
        import_module(f"transpiler.cli.{name}").declare(parser)

    return declare


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
