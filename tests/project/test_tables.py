"""The tables of measured conversions: complete, without a fault, and kept when rows are measured anew."""

from __future__ import annotations

import pytest

from tools import applications_table, measured, table1

TABLES = {"README": table1.TABLE, "applications": applications_table.TABLE}


def test_the_readme_has_every_conversion_of_every_network() -> None:
    rows = table1.TABLE.read()
    assert list(rows) == table1.names()
    assert [len(cells) for cells in rows.values()] == [9] * 13


def test_the_applications_are_those_of_keras_in_its_order() -> None:
    rows, known = list(applications_table.TABLE.read()), list(applications_table.applications())
    assert rows == [name for name in known if name in rows]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_conversion_is_faulty(table: measured.Table) -> None:
    assert [name for name, cells in table.read().items() for cell in cells if cell.is_faulty] == []


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_read_is_written_again(table: measured.Table) -> None:
    text = table.document.read_text(encoding="utf-8")
    assert measured.markdown(table.heads, table.read()) in text


def test_notes_are_numbered_in_their_order_and_each_stands_once() -> None:
    rows = {
        "a": (measured.Cell("1e-07"), measured.Cell("2e-07", "one"), measured.faulty("3e-01", "two")),
        "b": (measured.Cell("refused", "two"), measured.Cell("1e-07", "one"), measured.Cell("0e+00")),
    }
    made = measured.markdown(("network", "x", "y", "z"), rows)
    assert made.splitlines()[2:] == [
        "| a | 1e-07 | 2e-07 [1] | **3e-01** [2] |",
        "| b | refused [2] | 1e-07 [1] | 0e+00 |",
        "",
        "1. one",
        "2. two",
    ]
    assert measured.parsed(made) == rows
