"""The command line: a door onto the driver. It parses arguments, writes results, reports diagnostics."""

from transpiler.cli.command import main

__all__ = ["main"]
