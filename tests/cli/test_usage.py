"""How commands are called: options, their order and values, help, and what is said of a wrong call."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from transpiler.cli import main
from transpiler.cli.command import COMMANDS

NET = """
name: "tiny"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
"""
SIZES = "--input-shape --batch"
READING = f"--from --phase --level --stage --inputs --outputs {SIZES}"
OPTIONS = {
    "convert": f"{READING} --to -o --output --weights --weights-to --data-format --print-after --stop-after --timing "
    "--quiet --strict",
    "inspect": f"{READING} --format --quiet",
    "check": f"{READING} --to --format --quiet --strict",
    "verify": f"{READING} --to --weights --seed --tolerance --data-format --format --quiet",
    "batch": f"{READING} --to --out --jobs --weights --exclude --resume --report --sort --no-sort --timeout --memory "
    "--engine --broker --window --data-format --quiet",
    "worker": "--broker --jobs --visibility-timeout --log-level",
    "golden": "",
    "golden record": f"{READING} --to --exclude --data-format",
    "golden check": "--quiet",
    "golden accept": "",
    "zoo": "",
    "zoo list": "--format",
    "zoo show": "--format",
    "zoo export": f"{SIZES} --to -o --output --data-format --quiet",
    "ops": "--format",
}
"""Every command with its options."""

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


def said_of(arguments: list[str], capsys: Captured) -> str:
    """What a wrong call is answered with: all of it on stderr, and exit code 2."""
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", OPTIONS)
def test_help_names_all_options(command: str, flag: str, capsys: Captured) -> None:
    assert main([*command.split(), flag]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(f"Usage: transpiler {command} [OPTIONS]")
    named = [line.split("  ")[1] for line in shown.out.splitlines() if line.startswith("  -")]
    flags = {word for name in named for word in name.replace(",", "").split() if word.startswith("-")}
    assert flags == {*OPTIONS[command].split(), "-h", "--help"}


def test_help_of_the_program_has_one_sentence_for_each_command(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, summary in COMMANDS.items():
        assert f" {name} {summary}" in text
        assert main([name, "--help"]) == 0
        assert summary in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("columns", ["60", "80", "400"])
def test_lines_of_help_are_of_a_readable_length(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["batch", "--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= min(100, int(columns))


def test_help_tells_choices_ranges_defaults_and_what_is_required(capsys: Captured) -> None:
    assert main(["batch", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "Usage: transpiler batch [OPTIONS] SRC…",
        "--engine [local|celery]",
        "[default: local]",
        "[default: 300; x>0]",
        "[default: 4096; x>=16]",
        "--out DIR Directory or URL for the results. [required]",
    ):
        assert part in text


def test_help_wins_over_wrong_values(capsys: Captured) -> None:
    assert main(["convert", "--to", "onnx", "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: transpiler convert")


@pytest.mark.parametrize("group", [[], ["golden"], ["zoo"]], ids=["transpiler", "golden", "zoo"])
def test_a_group_without_a_command_shows_its_commands(group: list[str], capsys: Captured) -> None:
    assert "\nCommands:\n" in said_of(group, capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["conver"], "No such command 'conver'. Did you mean 'convert'?"),
        (["golden", "reccord"], "No such command 'reccord'. Did you mean 'record'?"),
        (["qqq"], "No such command 'qqq'.\n"),
        (["--versoin"], "No such option '--versoin'. Did you mean '--version'?"),
        (["--quiet", "ops"], "No such option '--quiet'.\n"),
        (["ops", "--fromat", "json"], "No such option '--fromat'. Did you mean '--format'?"),
        (["ops", "--fromat=json"], "No such option '--fromat'. Did you mean '--format'?"),
        (["zoo", "list", "-x"], "No such option '-x'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_unknown_words_are_answered_with_near_ones(arguments: list[str], said: str, capsys: Captured) -> None:
    assert f"\n\nError: {said}" in said_of(arguments, capsys)


@pytest.mark.parametrize("abbreviation", ["--outp", "--tim", "--print", "--data"])
def test_options_have_no_abbreviations(net: Path, abbreviation: str, capsys: Captured) -> None:
    said = said_of(["convert", str(net), "--to", "keras", abbreviation, "x"], capsys)
    assert f"Error: No such option '{abbreviation}'." in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "x", "--to", "onnx"], "--to: 'onnx' is not one of 'caffe', 'keras', 'keras2'"),
        (["convert", "x", "--to", "Keras"], "--to: 'Keras' is not one of"),
        (["convert", "x", "--phase", "deploy"], "--phase: 'deploy' is not one of 'TEST', 'TRAIN'"),
        (["convert", "x", "--batch", "0"], "--batch: 0 is not in the range x>=1"),
        (["convert", "x", "--batch", "two"], "--batch: 'two' is not a whole number"),
        (["convert", "x", "--level", "1.5"], "--level: '1.5' is not a whole number"),
        (["convert", "x", "--to"], "--to: expected one argument"),
        (["convert", "x", "--to="], "--to: '' is not one of"),
        (["convert", "x", "--quiet=yes"], "--quiet: ignored explicit argument 'yes'"),
        (["convert", "x", "y"], "unrecognized arguments: y"),
        (["verify", "x"], "the following arguments are required: --to"),
        (["verify", "x", "--to", "keras", "--seed=-1"], "--seed: -1 is not in the range x>=0"),
        (["verify", "x", "--to", "keras", "--tolerance", "-0.5"], "--tolerance: -0.5 is not in the range x>=0"),
        (["verify", "x", "--to", "keras", "--tolerance", "nan"], "--tolerance: nan is not in the range x>=0"),
        (["verify", "x", "--to", "keras", "--tolerance", "few"], "--tolerance: 'few' is not a number"),
        (["batch", "x", "--to", "ir", "--out", "y", "--timeout", "0"], "--timeout: 0 is not in the range x>0"),
        (["batch", "--to", "ir", "--out", "y"], "the following arguments are required: SRC"),
        (["worker", "--broker", "x", "--log-level", "loud"], "--log-level: 'loud' is not one of 'debug'"),
        (["zoo", "show"], "the following arguments are required: NAME"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_values_are_told_with_the_usage(arguments: list[str], said: str, capsys: Captured) -> None:
    command = " ".join(word for word in arguments[:2] if word in ("zoo", "show") or word == arguments[0])
    text = said_of(arguments, capsys)
    assert text.startswith(f"Usage: transpiler {command} [OPTIONS]")
    assert f"\nTry 'transpiler {command} --help' for help.\n\nError: {said}" in text


@pytest.mark.parametrize(
    "arguments",
    [
        "{net} --to ir --phase test",
        "--to ir {net} --phase TEST",
        "--to=ir --phase=Test {net}",
        "--to keras --to ir -- {net}",
        "{net} -o- --to ir",
        "-o - {net} --to ir --level -1",
        "--stage a {net} --stage=b --to ir --inputs= --input-shape data=?,3,8,8 --input-shape data=1,3,8,8",
    ],
)
def test_options_stand_anywhere(net: Path, arguments: str, capsys: Captured) -> None:
    assert main(["convert", *arguments.format(net=net).split()]) == 0
    assert capsys.readouterr().out.startswith("module")


def test_options_stand_between_the_sources_of_a_batch(tmp_path: Path) -> None:
    one, two = tmp_path / "one.prototxt", tmp_path / "two.prototxt"
    one.write_text(NET)
    two.write_text(NET)
    out = tmp_path / "out"
    command = [
        "batch",
        str(one),
        "--to",
        "ir",
        "--no-sort",
        str(two),
        "--out",
        str(out),
        "--jobs",
        "1",
        "--sort",
    ]
    assert main([*command, "--quiet"]) == 0
    assert sorted(path.name for path in out.glob("*.ir")) == ["one.ir", "two.ir"]


def test_names_may_begin_with_a_dash(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    net.rename(tmp_path / "-net one.prototxt")
    assert main(["convert", "--to", "ir", "-o", "-out.ir", "--", "-net one.prototxt"]) == 0
    assert (tmp_path / "-out.ir").read_text().startswith("module")
    assert "No such option" in said_of(["convert", "--to", "ir", "-net one.prototxt"], capsys)


def test_an_argument_that_is_no_text_is_told(capsys: Captured) -> None:
    name = os.fsdecode(b"caf\xe9")
    assert "Error: No such command" in said_of([name], capsys)
    assert r"does not exist" in said_of(["convert", "x", "-o", f"{name}/x.ir"], capsys)


@pytest.mark.parametrize(
    ("redirection", "code"), [(">&-", 1), ("2>&-", 0), (">&- 2>&-", 1), ("-o /dev/null >&- 2>&-", 0)]
)
def test_streams_may_be_closed(net: Path, redirection: str, code: int) -> None:
    command = f"{sys.executable} -m transpiler convert {net} --to ir {redirection}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr == (
        "" if "2>" in redirection else "Error: standard output is closed; name a file with -o\n"
    )


def test_an_interruption_is_no_fault(monkeypatch: pytest.MonkeyPatch, capsys: Captured, net: Path) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("transpiler.driver.convert.convert_source", interrupted)
    assert main(["convert", str(net), "--to", "ir"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
