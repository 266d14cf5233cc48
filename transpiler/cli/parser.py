"""What all commands share: arguments in any order, wrong usage told in a sentence, commands loaded when asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NoReturn

from transpiler.driver.options import UsageError

WIDTH: Final = 100
"""Lines of help are no longer, however wide the terminal is."""


class Shown(Exception):
    """An option asked for a text, and for nothing else."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Misuse(Exception):
    """The command was called wrongly; the text says how, and how it is called."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Show(argparse.Action):
    """The action of an option that shows a text and does nothing else. Raises Shown."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, render: Callable[[], str], help: str | None = None
    ) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)
        self.render = render

    def __call__(self, *given: Any) -> NoReturn:
        raise Shown(self.render())


class Choice:
    """The type of an argument that is one of some names."""

    def __init__(self, names: Sequence[str], *, any_case: bool = False) -> None:
        self.names = names
        self.any_case = any_case

    def __call__(self, text: str) -> str:
        for name in self.names:
            if name == text or (self.any_case and name.lower() == text.lower()):
                return name
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(map(repr, self.names))}")


class Whole:
    """The type of an argument that is a whole number, not less than `least`."""

    def __init__(self, least: int | None = None) -> None:
        self.least = least

    @property
    def range(self) -> str:
        return "" if self.least is None else f"x>={self.least}"

    def __call__(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if self.least is not None and number < self.least:
            raise argparse.ArgumentTypeError(f"{number} is not in the range {self.range}")
        return number


class Real:
    """The type of an argument that is a number: not less than `least`, or, if that is open, greater than it."""

    def __init__(self, least: float, *, is_open: bool = False) -> None:
        self.least = least
        self.is_open = is_open

    @property
    def range(self) -> str:
        return f"x>{'' if self.is_open else '='}{self.least:g}"

    def __call__(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (number > self.least if self.is_open else number >= self.least):
            raise argparse.ArgumentTypeError(f"{number:g} is not in the range {self.range}")
        return number


class Parser(argparse.ArgumentParser):
    """The arguments of one command, or of a group of commands.

    A command's `declare` adds its arguments and sets the default `run`: the function that takes their values by name
    and returns the exit code. What a repeatable argument gathers comes as a tuple.
    """

    def __init__(self, prog: str, summary: str) -> None:
        self.summary = summary
        self.details = ""
        """What help says after the summary; an empty line begins a paragraph."""
        self.positionals: list[argparse.Action] = []
        self.flags: dict[str, argparse.Action] = {}
        self.commands: dict[str, tuple[str, Callable[[Parser], None]]] = {}
        super().__init__(
            prog,
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
            # With a width of its own argparse does not load what asks the terminal.
            formatter_class=lambda prog: argparse.HelpFormatter(prog, width=WIDTH),
        )
        self.add_argument("-h", "--help", action=Show, render=self.format_help, help="Show this and exit.")

    def add_argument(self, *names: str, **settings: Any) -> argparse.Action:
        action = super().add_argument(*names, **settings)
        if action.option_strings:
            self.flags.update(dict.fromkeys(action.option_strings, action))
        else:
            self.positionals.append(action)
        return action

    def add_command(self, name: str, summary: str, declare: Callable[[Parser], None]) -> None:
        """Add a command to a group; `declare` is called when the command is asked for."""
        self.commands[name] = summary, declare

    def run(self, arguments: Sequence[str]) -> int:
        """Run the command and return its exit code. Raises Shown and Misuse."""
        try:
            options, rest = self._arranged(arguments)
            if self.commands:
                self._values(options)
                return self._command(rest).run(rest[1:])
            values = self._values([*options, "--", *rest] if rest else options)
            run: Callable[..., int] = values.pop("run")
            return run(**values)
        except UsageError as error:
            raise Misuse(
                f"{self.format_usage()}Try '{self.prog} --help' for help.\n\nError: {error}\n"
            ) from error

    def _arranged(self, arguments: Iterable[str]) -> tuple[list[str], list[str]]:
        """Options, each one word with its value, and everything else; what follows a group's command is left alone.

        By itself argparse takes a value that begins with a dash for an option, and where arguments stand between
        options it loses sight of `--`.
        """
        shows: list[str] = []
        options: list[str] = []
        rest: list[str] = []
        words = iter(arguments)
        for word in words:
            if word == "--":
                rest.extend(words)
            elif word == "-" or not word.startswith("-"):
                rest.append(word)
                rest.extend(words if self.commands else ())
            else:
                action, value = self._option(word)
                if value is None and action.nargs != 0:
                    value = next(words, None)
                name = action.option_strings[-1]
                kind = shows if isinstance(action, Show) else options
                kind.append(name if value is None else f"{name}={value}")
        return shows + options, rest

    def _option(self, word: str) -> tuple[argparse.Action, str | None]:
        """What a word like `--to`, `--to=keras`, `-o` or `-ofile` asks for, and the value that is in it."""
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            found = value if equals else None
        else:
            flag, found = word[:2], word[2:] or None
        if flag not in self.flags:
            asked = word.partition("=")[0]
            raise UsageError(f"No such option {asked!r}.{_suggestion(asked, self.flags)}")
        return self.flags[flag], found

    def _values(self, arguments: list[str]) -> dict[str, Any]:
        try:
            values = vars(self.parse_args(arguments))
        except argparse.ArgumentError as error:
            name = f"{error.argument_name}: " if error.argument_name else ""
            raise UsageError(f"{name}{error.message}") from error
        return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}

    def _command(self, rest: Sequence[str]) -> Parser:
        if not rest:
            raise Misuse(self.format_help())
        if rest[0] not in self.commands:
            raise UsageError(f"No such command {rest[0]!r}.{_suggestion(rest[0], self.commands)}")
        summary, declare = self.commands[rest[0]]
        parser = Parser(f"{self.prog} {rest[0]}", summary)
        declare(parser)
        return parser

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)

    def format_usage(self) -> str:
        from transpiler.cli.help import render_usage

        return render_usage(self)

    def format_help(self) -> str:
        from transpiler.cli.help import render_help

        return render_help(self)


def _suggestion(asked: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(asked, known)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
