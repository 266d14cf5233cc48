"""Bring the table of supported layers in README.md up to date: `python tools/support_table.py [--check]`.

The table is made from the dialects' rows: native types by the category of the op that they stand for. TensorFlow has
ops, not layers, several to a layer; those that are understood are listed below the table.
"""

from __future__ import annotations

import sys
from pathlib import Path

from transpiler.driver.reference import OpPage, all_pages
from transpiler.passes.lower.tensorflow_graph import RULES

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- support: made by tools/support_table.py -->", "<!-- /support -->"
TITLES = {"caffe": "Caffe", "keras": "Keras"}


def table() -> str:
    """The table as Markdown."""
    pages = all_pages()
    spoken = {spelling.framework for page in pages for spelling in page.spellings}
    frameworks = [framework for framework in TITLES if framework in spoken]
    lines = [f"| | {' | '.join(TITLES[name] for name in frameworks)} |", f"|---|{'---|' * len(frameworks)}"]
    for category in dict.fromkeys(page.category for page in pages):
        cells = [_cell([page for page in pages if page.category == category], name) for name in frameworks]
        if any(cells):
            lines.append(f"| {category} | {' | '.join(cells)} |")
    ops = ", ".join(sorted(RULES, key=str.lower))
    return "\n".join((*lines, "", f"TensorFlow's op types, of which layers are made again: {ops}."))


def _cell(pages: list[OpPage], framework: str) -> str:
    natives = {s.native for page in pages for s in page.spellings if s.framework == framework and s.is_read}
    layers = sorted((native for native in natives if "." not in native), key=str.lower)
    operations = len(natives) - len(layers)
    return ", ".join([*layers, *([f"and {operations} operations"] if operations else [])])


def updated(readme: str) -> str:
    """The text of the README with the table as it should be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    readme = README.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(updated(readme) != readme)
    README.write_text(updated(readme), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
