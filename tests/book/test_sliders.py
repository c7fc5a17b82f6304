"""A cell tagged ``slider`` tells its slider the values of the knob, one a panel."""

import re
from pathlib import Path

import pytest

from startright.book.contents import pages
from startright.book.pair import code_cells, read

ROOT = Path(__file__).parents[2]
KNOB = re.compile(r"Panels by (.+?): (.+?)\.?$")  # as book/_static/slider.js reads it


def sliders():
    return [
        pytest.param(cell, id=f"{page.docname}-{number}")
        for page in pages(ROOT)
        for number, cell in code_cells(read(page.ipynb))
        if "slider" in cell.metadata.get("tags", [])
    ]


@pytest.mark.parametrize("cell", sliders())
def test_the_alternative_text_names_as_many_values_as_there_are_panels(cell):
    _, values = KNOB.search(cell.metadata["mystnb"]["image"]["alt"]).groups()
    (output,) = cell.outputs
    assert output.data["text/plain"] == f"<Sheet of {len(values.split(', '))} panels>"
    assert re.search(rf"\({re.escape(values)}\)", cell.source)


def test_the_script_reads_the_same_text():
    script = (ROOT / "book" / "_static" / "slider.js").read_text("utf-8")
    assert f"/{KNOB.pattern}/" in script
