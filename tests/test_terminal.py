import io
import unicodedata
from pathlib import Path

import pytest

import startright
from startright import claims
from startright.book import catalogue
from startright.terminal import spell_out, writable


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("0.5 ± 0.1, θ ≤ 2…", "utf-8", "0.5 ± 0.1, θ ≤ 2…"),
        ("0.5 ± 0.1, θ ≤ 2…", "latin-1", "0.5 ± 0.1, theta <= 2..."),
        ("0.5 ± 0.1 − 3 × 2 → 1", "ascii", "0.5 +/- 0.1 - 3 x 2 -> 1"),
        ("descent to 10⁻⁴", "ascii", "descent to 10^-4"),
        ("x²⁴ at 10⁻⁸", "latin-1", "x²4 at 10^-8"),
        ("Σ λ₀² ḡ é ū", "ascii", "sigma lambda0^2 g e u"),
        ("½ ‴ ∉ ⊗", "ascii", "1/2 ''' not an element of circled times"),
        ("漢 \ud800", "ascii", "? ?"),
    ],
)
def test_what_cannot_be_written_is_spelled_out(text, encoding, shown):
    assert writable(text, encoding) == shown


def test_all_that_the_package_and_its_ledger_say_can_be_spelled():
    """What is printed is made of texts of the sources, of what is registered, and of numbers of records."""
    sources = Path(startright.__file__).parent
    texts = [path.read_text("utf-8") for end in ("py", "yml") for path in sources.rglob(f"*.{end}")]
    characters = set("".join([*texts, claims.to_json(catalogue.rows())])) - {"?"}
    assert {"⁻", "∝"} <= characters
    assert [c for c in sorted(characters) if "?" in writable(c, "ascii")] == []


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
