import subprocess
import sys
import types
from dataclasses import dataclass

import pytest

from startright import errors, pages
from startright.claims import Check, Claim, Measurement
from startright.measured import read_bundle
from startright.studies import Outcome, Record, Study


@dataclass(frozen=True)
class Coin:
    p: float


def documented(x):
    """First line.

    More.
    """
    # kept
    return x + 1


class Documented:
    """A class."""

    def method(self):
        """Its method."""
        return 1


def test_source_shows_the_code_without_docstrings():
    shown = pages.source(documented)
    assert shown == "```python\ndef documented(x):\n    # kept\n    return x + 1\n```"
    assert shown._repr_markdown_() == repr(shown) == str(shown)
    assert "A class" not in pages.source(Documented)
    assert "Its method" not in pages.source(Documented)


def test_source_of_the_package_still_parses():
    text = pages.source(errors.unknown).removeprefix("```python\n").removesuffix("\n```")
    compile(text, "shown", "exec")
    assert '"""' not in text


def test_source_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="documented has 3 lines without docstrings; a page shows at most 2"):
        pages.source(documented, max_lines=2)


def test_source_needs_no_torch():
    code = "import sys; from startright import errors, pages; pages.source(errors.unknown); "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_provenance_says_what_made_the_page():
    text = pages.provenance(profile="quick", device="cpu")
    assert "on CPU, profile `quick`" in text
    assert "startright 0." in text


@pytest.mark.parametrize(("profile", "device"), [("quik", "cpu"), ("quick", "gpu")])
def test_provenance_refuses_unknown_names(profile, device):
    with pytest.raises(ValueError, match="unknown"):
        pages.provenance(profile=profile, device=device)


@pytest.fixture
def paper(monkeypatch, tmp_path):
    """A paper with two claims about one study."""
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    study = Study(
        "demo-coin",
        version=1,
        question="?",
        grid=lambda profile: [Coin(0.5)],
        seeds=lambda profile: range(2),
        run=lambda config, seed, device: Outcome({"p": config.p}),
    )

    def measure(records):
        value = records["demo-coin"][0].metrics["p"]
        return Measurement("p | q", value, None, 2, (Check("p is 0.5", value == 0.5),))

    def claim(name):
        return Claim("demo", name, "A coin | is fair.", "0.5", (study,), measure, "demo", "fig")

    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "claims.py").touch()
    monkeypatch.setattr(pages, "__file__", str(tmp_path / "pages.py"))
    room = types.ModuleType("startright.demo.claims")
    room.CLAIMS = (claim("C1"), claim("C2"))
    monkeypatch.setitem(sys.modules, "startright.demo", types.ModuleType("startright.demo"))
    monkeypatch.setitem(sys.modules, "startright.demo.claims", room)
    return study


def records(study, value, profile):
    return [
        Record.of(run, Outcome({"p": value}), profile=profile, seconds=0, peak_memory=None, provenance=ORIGIN)
        for run in study.runs(profile)
    ]


ORIGIN = {"device": "Abacus", "commit": "abc", "time": "2026-01-02T03:04:05Z"}


def test_the_table_sets_live_records_beside_recorded_ones(paper):
    text = str(pages.claims_table("demo", live={"demo-coin": records(paper, 0.5, "quick")}))
    rows = text.splitlines()
    assert len(rows) == 6
    assert rows[2].startswith("| C1 | A coin \\| is fair. | 0.5 | p \\| q: 0.5 (n = 2), **reproduced**.")
    assert "*not yet run*" in rows[2]
    assert text.endswith("Full records: none yet.")


def test_a_verdict_follows_from_the_records_given(paper):
    text = str(pages.claims_table("demo", ["C2"], live={"demo-coin": records(paper, 0.6, "quick")}))
    assert "**not reproduced**" in text
    assert "C1" not in text


def test_runs_that_are_missing_are_counted(paper):
    text = str(pages.claims_table("demo", live={"demo-coin": records(paper, 0.5, "quick")[:1]}))
    assert "*not yet run* (1 of 2 runs)" in text


def test_recorded_runs_are_shown_with_their_origin(paper):
    from startright.studies import default_store

    for record in records(paper, 0.5, "full"):
        default_store(paper).append(record)
    text = str(pages.claims_table("demo"))
    assert text.count("**reproduced**") == 4  # the grids of both profiles are the same runs
    assert "Full records: Abacus, 2026-01-02." in text


def test_unknown_papers_and_claims_are_refused(paper):
    with pytest.raises(ValueError, match="unknown claim 'C9'"):
        pages.claims_table("demo", ["C9"])
    with pytest.raises(ValueError, match="unknown paper 'demmo'"):
        pages.claims_table("demmo")


def test_live_records_leave_their_numbers_and_verdicts_for_another_machine(paper):
    table = pages.claims_table("demo", live={"demo-coin": records(paper, 0.5, "quick")})
    entries = {entry["name"]: entry for entry in read_bundle(table._repr_mimebundle_())}
    assert entries["C1"]["kind"] == "mean"
    assert entries["C1, verdict"]["kind"] == "word"
    assert not read_bundle(pages.claims_table("demo")._repr_mimebundle_())
