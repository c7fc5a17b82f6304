import re
import subprocess
import sys
import types
from dataclasses import dataclass

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from startright import claims, errors, escape, papers
from startright.book import pages
from startright.bundle import read_bundle
from startright.claims import Check, Claim, Measurement, Row
from startright.paths import repository
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
    text = pages.source(errors.unknown).removeprefix("```python\n").partition("\n```")[0]
    compile(text, "shown", "exec")
    assert '"""' not in text


def test_source_says_where_in_the_package_it_is():
    assert pages.source(errors.unknown).endswith("\n```\n\n*`unknown` of `startright/errors.py`*")
    assert pages.source(documented).endswith("\n```")


def test_source_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="documented has 3 lines without docstrings; a page shows at most 2"):
        pages.source(documented, max_lines=2)


def test_source_needs_no_torch():
    code = "import sys; from startright import errors; from startright.book import pages; "
    code += "pages.source(errors.unknown); print('torch' in sys.modules)"
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
        return Measurement("p | q", value, None, 2, (Check("p is 0.5", value == 0.5, control="a bent coin"),))

    def claim(name):
        return Claim("demo", name, "A coin | is fair.", "0.5", (study,), measure, "demo", "fig")

    name = "startright.papers.demo"
    folder = tmp_path / "papers" / "demo"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.setattr(papers, "__path__", [*papers.__path__, str(folder.parent)])
    package, ledger, experiments = (types.ModuleType(name + part) for part in ("", ".claims", ".studies"))
    package.PAPER = papers.Paper(name, "A demonstration", "demo2026", 1, ("demo",))
    ledger.CLAIMS, experiments.STUDIES = (claim("C1"), claim("C2")), (study,)
    for module in (package, ledger, experiments):
        monkeypatch.setitem(sys.modules, module.__name__, module)
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
    assert text.count("**reproduced**") == 6  # the grids of all profiles are the same runs
    assert text.count("*Profile paper:*") == 2
    assert "Full records: Abacus, 2026-01-02." in text


def test_a_device_is_named_once_with_its_days_in_order():
    rows = [
        types.SimpleNamespace(device=device, date=date, records=[1])
        for device, date in (
            ("Abacus", "2026-01-03T01:00"),
            ("Abacus", "2026-01-02T01:00"),
            ("Slide rule", "2026-01-02T05:00"),
        )
    ]
    assert pages._origins([None, *rows]) == "Abacus, 2026-01-02, 2026-01-03; Slide rule, 2026-01-02"


def test_unknown_papers_and_claims_are_refused(paper):
    with pytest.raises(ValueError, match="unknown claim 'C9'"):
        pages.claims_table("demo", ["C9"])
    with pytest.raises(ValueError, match="unknown paper 'demmo'"):
        pages.claims_table("demmo")


def test_records_of_no_study_of_the_paper_are_refused(paper):
    with pytest.raises(ValueError, match="unknown study 'demo-coins': did you mean 'demo-coin'"):
        pages.claims_table("demo", live={"demo-coins": records(paper, 0.5, "quick")})


def test_live_records_leave_their_numbers_and_verdicts_for_another_machine(paper):
    table = pages.claims_table("demo", live={"demo-coin": records(paper, 0.5, "quick")})
    entries = {entry["name"]: entry for entry in read_bundle(table._repr_mimebundle_())}
    assert entries["C1"]["kind"] == "mean"
    assert entries["C1, verdict"]["kind"] == "word"
    assert not read_bundle(pages.claims_table("demo")._repr_mimebundle_())


def test_verdicts_come_from_the_records_and_lead_to_the_place(paper):
    from startright.studies import default_store

    assert "C1" in str(pages.verdicts("demo", ["C1"]))
    for name, value, word in (
        ("not-yet-run", None, "not yet run"),
        ("not-reproduced", 0.6, "not reproduced"),
    ):
        for record in records(paper, value, "full") if value else ():
            default_store(paper).append(record)
        (line,) = str(pages.verdicts("demo", ["C1"])).splitlines()
        assert line.startswith(f'- <span class="verdict verdict-{name}">{word}</span> [C1](#fig)')
    assert line.endswith("(trend)")
    assert str(pages.verdicts("demo")).count("\n") == 0  # claims of one verdict stand in one item


@pytest.mark.parametrize(
    ("full", "shown"),
    [("not reproduced", "not reproduced"), ("undecided", "reproduced"), ("not yet run", "reproduced")],
)
def test_the_largest_profile_that_decides_gives_the_verdict(paper, monkeypatch, full, shown):
    words = {"quick": "reproduced", "full": full, "paper": "not yet run"}
    monkeypatch.setattr(
        "startright.claims.evaluate",
        lambda claim, profile: types.SimpleNamespace(outcome=words[profile], kind="trend"),
    )
    assert f">{shown}</span>" in str(pages.verdicts("demo", ["C1"]))


def test_verdicts_of_unknown_claims_are_refused(paper):
    with pytest.raises(ValueError, match="unknown claim 'C9'"):
        pages.verdicts("demo", ["C9"])


# --- what records and claims say does nothing -------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b |\n\n| c",
    "](javascript:alert(1))",
    "[a](javascript:alert(1)) ![b](https://x.example/c.png)",
    "`code`",
    "{raw}`<b>` {download}`x`",
    "```{raw} html\n<b>1</b>\n```",
    ":::{raw} html\n:::",
    "{{ x.__init__ }} {% x %}",
    "$\\href{javascript:alert(1)}{x}$ \\begin{align}x\\end{align}",
    "**bold** _it_ ~~no~~ \\",
    "% comment",
    "&lt;b&gt; <!-- x --> <javascript:f>",
    "a\u202eb\x00c\u2028d",
]
PLAIN = {"text", "softbreak", "inline", "paragraph_open", "paragraph_close", "strong_open", "strong_close"}
PLAIN |= {
    "em_open",
    "em_close",
    *(
        f"{part}_{side}"
        for part in ("table", "thead", "tbody", "tr", "th", "td")
        for side in ("open", "close")
    ),
}


@pytest.fixture(scope="module")
def myst():
    """The parser of the book, with the extensions that it switches on."""
    config = pytest.importorskip("myst_parser.config.main")
    mdit = pytest.importorskip("myst_parser.parsers.mdit")
    from markdown_it.renderer import RendererHTML

    settings = yaml.safe_load((repository() / "_config.yml").read_text())
    extensions = set(settings["parse"]["myst_enable_extensions"])
    return mdit.create_md_parser(config.MdParserConfig(enable_extensions=extensions), RendererHTML)


def tokens(myst, text):
    return [each for token in myst.parse(text) for each in (token, *(token.children or ()))]


def words(myst, text):
    """What a reader sees."""
    return " ".join(token.content for token in tokens(myst, text) if token.type == "text")


hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(
        st.sampled_from([*"<>|`[](){}$\\*_~#!:%&;\n ", "script", "a", "javascript:", "raw"]), max_size=12
    ).map("".join),
)


def row(texts):
    """A claim and its row, every field of which says what others wrote."""
    *fields, device, commit, date, reason, quantity, note, check, control = texts
    study = Study("demo-row", 1, "?", grid=lambda p: [Coin(0.5)], seeds=lambda p: [0], run=None)
    claim = Claim("demo", *fields[:3], (study,), None, *fields[3:6])
    measurement = Measurement(quantity, 0.5, 0.1, 2, (Check(check, True, control=control or "x"),), note=note)
    if reason:
        return Row(claim, "quick", None, 2, 0, device, commit, date, reason)
    return Row(claim, "quick", measurement, 2, 0, device, commit, date)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(hostile, min_size=14, max_size=14))
def test_no_field_of_a_record_or_claim_does_anything_in_a_table(myst, texts):
    found = row(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "_claims", lambda paper, ids: [found.claim])
        patch.setattr(pages, "_row", lambda *_: found)
        shown = str(pages.claims_table("demo"))
    seen = tokens(myst, shown)
    assert {token.type for token in seen} <= PLAIN, shown
    assert [sum(token.type == kind for token in seen) for kind in ("tr_open", "td_open")] == [2, 5]
    for table in (claims.table([found]), claims.checks_table([found])):
        assert _tags(table._repr_html_()) <= {"table", "thead", "tbody", "tr", "th", "td", "a"}


def _tags(text):
    return set(re.findall(r"<([^\s/>]*)", text.replace("</", "")))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(hostile)
def test_escaped_text_is_read_as_it_stands(myst, text):
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    for around in ("- x {} y", "| a |\n| --- |\n| x {} y |", "x {} y", "> *x {} y*"):
        shown = around.format(escape.markdown(text))
        allowed = PLAIN | {
            f"{kind}_{side}"
            for kind in ("bullet_list", "list_item", "blockquote")
            for side in ("open", "close")
        }
        assert {token.type for token in tokens(myst, shown)} <= allowed
        assert f"x {line} y".replace("  ", " ") in words(myst, shown).replace("  ", " ")


def test_a_device_of_a_record_reaches_the_footer_as_text(paper, myst):
    from startright.studies import default_store

    origin = ORIGIN | {"device": "</p><script>alert(1)</script> | [a](javascript:f)"}
    for run in paper.runs("full"):
        outcome = Outcome({"p": 0.5})
        made = Record.of(run, outcome, profile="full", seconds=0, peak_memory=None, provenance=origin)
        default_store(paper).append(made)
    text = str(pages.claims_table("demo"))
    footer = text.rpartition("\n\n")[2]
    assert footer.startswith(
        "Full records: &lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt; \\| \\[a\\](javascript:f), 2026"
    )
    assert words(myst, footer).startswith(
        "Full records: </p><script>alert(1)</script> | [a](javascript:f), 2026"
    )
