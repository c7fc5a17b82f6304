import io
import unicodedata

import pytest

from startright.terminal import spell_out, writable


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("0.5 ± 0.1, θ ≤ 2…", "utf-8", "0.5 ± 0.1, θ ≤ 2…"),
        ("0.5 ± 0.1, θ ≤ 2…", "latin-1", "0.5 ± 0.1, theta <= 2..."),
        ("0.5 ± 0.1 − 3 × 2 → 1", "ascii", "0.5 +/- 0.1 - 3 x 2 -> 1"),
        ("descent to 10⁻⁴", "ascii", "descent to 10-4"),
        ("Σ λ₀² ḡ é ū", "ascii", "sigma lambda02 g e u"),
        ("漢 \ud800", "ascii", "? ?"),
    ],
)
def test_what_cannot_be_written_is_spelled_out(text, encoding, shown):
    assert writable(text, encoding) == shown


def test_a_combining_mark_is_dropped():
    assert writable(unicodedata.normalize("NFD", "ȳ") + "!", "ascii") == "y!"


def test_a_stream_spells_out_from_then_on():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    spell_out(stream)
    stream.write("±")
    stream.flush()
    assert stream.buffer.getvalue() == b"+/-"
    spell_out(None)  # a program without a console
    spell_out(io.StringIO())
