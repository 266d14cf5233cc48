"""Tables of results: how they are written, and what the page of results says."""

from __future__ import annotations

import re

import pytest

from tests.verify.pages import Cell, Line, Table, Verdict, rows, updated
from tests.verify.recorded import kit, nets
from tests.verify.tables import PAGE, RECORDED, TABLES, old_keras

PLACE = "before\n<!-- made: by a program -->\nold\n<!-- /made -->\nafter\n"
LINES = (
    Line((Cell("a"), Cell("0"))),
    Line((Cell("b"), Cell("refused", "it has no form", Verdict.REFUSED))),
    Line((Cell("c"), Cell("refused", "it has no form", Verdict.REFUSED))),
    Line((Cell("d"), Cell("3.0e-01", "", Verdict.WRONG))),
)


@pytest.fixture
def table() -> Table:
    made = Table("made", ("net", "Keras"))
    for _ in made.text(LINES):
        pass
    return made


def test_notes_stand_below_the_table_once(table: Table) -> None:
    assert table.made == [
        "| net | Keras |",
        "|---|---|",
        "| a | 0 |",
        "| b | refused [1] |",
        "| c | refused [1] |",
        "| d | 3.0e-01 |",
        "",
        "1. it has no form",
        "",
        "4 lines: 1 same, 2 refused, 1 wrong.",
    ]


def test_a_table_takes_the_place_of_the_older_one(table: Table) -> None:
    page = updated(PLACE, table)
    assert page.startswith("before\n<!-- made: by a program -->\n| net | Keras |\n")
    assert page.endswith("1 wrong.\n<!-- /made -->\nafter\n")
    assert "old" not in page
    assert updated(page, table) == page


def test_a_page_without_a_place_for_it_stays_as_it_is(table: Table) -> None:
    with pytest.raises(ValueError, match="no place for the table made"):
        updated("before\nafter\n", table)


def test_rows_are_found_by_their_first_cell(table: Table) -> None:
    assert rows(updated(PLACE, table), "made") == {
        "a": ["0"],
        "b": ["refused [1]"],
        "c": ["refused [1]"],
        "d": ["3.0e-01"],
    }


class TestVerification:
    """docs/verification.md as it stands, made by a run that is too long for a test."""

    @pytest.fixture(scope="class")
    def page(self) -> str:
        return PAGE.read_text(encoding="utf-8")

    def test_each_net_of_the_kit_is_equal_through_every_target(self, page: str) -> None:
        found = rows(page, "kit")
        assert list(found) == [recording.name for recording in kit()]
        tolerance = RECORDED["kit"].tolerance
        assert [
            name for name, cells in found.items() if not all(near(cell, tolerance) for cell in cells[1:])
        ] == []

    def test_each_whole_net_is_equal_through_every_target(self, page: str) -> None:
        found = rows(page, "nets")
        if nets():
            assert list(found) == [recording.name for recording in nets()]
        tolerance = RECORDED["nets"].tolerance
        assert [
            name for name, cells in found.items() if not all(near(cell, tolerance) for cell in cells[::2])
        ] == []

    def test_each_old_file_of_keras_is_equal_or_refused_with_its_reason(self, page: str) -> None:
        found = rows(page, "old-keras")
        if old_keras():
            assert list(found) == [path.stem for path in old_keras()]
        assert [
            name for name, cells in found.items() if not (near(cells[2], 1e-3) or is_refusal(cells[2]))
        ] == []

    @pytest.mark.parametrize("name", TABLES)
    def test_each_number_of_a_note_has_one(self, page: str, name: str) -> None:
        section = page.partition(f"<!-- {name}:")[2].partition(f"<!-- /{name} -->")[0]
        numbers = {int(found) for found in re.findall(r" \[(\d+)\] \|", section)}
        assert numbers == {int(found) for found in re.findall(r"^(\d+)\. \S", section, re.MULTILINE)}


def near(cell: str, tolerance: float) -> bool:
    """Whether a cell is a difference, and a small one."""
    found = re.fullmatch(r"(0|\d\.\de-\d\d)( \[\d+\])?", cell)
    return found is not None and float(found[1]) <= tolerance


def is_refusal(cell: str) -> bool:
    """Whether a cell says that a conversion was refused, and where the reason stands."""
    return re.fullmatch(r"refused \[\d+\]", cell) is not None
