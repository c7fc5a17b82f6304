"""A paper is found by being there: a folder under ``papers/`` and a line in ``_toc.yml``, nothing else."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from startright import papers
from startright.paths import PACKAGE, repository

INIT = '''"""A paper to throw away."""

from startright.papers import Paper

PAPER = Paper(
    __name__, title="Coins", citation="blier2019learning", part=6, pages=("coins",)
)

__all__ = ["PAPER"]
'''
STUDIES = '''"""Its study."""

from dataclasses import dataclass

from startright.profiles import by_profile
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class Coin:
    """A coin."""

    p: float


def toss(config, seed, device):
    """One toss."""
    return Outcome({"p": config.p})


GRID, SEEDS = by_profile(quick=[Coin(0.5)], full=[Coin(0.5)]), by_profile(quick=(0, 1, 2), full=(0, 1, 2))
COIN = Study("throwaway-coin", 1, "Is it fair?", GRID, SEEDS, toss)
STUDIES = (COIN,)
'''
CLAIMS = '''"""Its claim."""

from startright.checks import mean_between
from startright.claims import Claim, Measurement
from startright.papers.throwaway.studies import COIN


def measure(records):
    """The mean."""
    values = [record.metrics["p"] for record in records[COIN.name]]
    check = mean_between("p above 0.4", values, above=0.4, control="a bent coin")
    return Measurement("p", 0.5, 0.0, 3, (check,))


CLAIMS = (Claim("throwaway", "C1", "Coins are fair.", "0.5", (COIN,), measure, "coins", "fig", "everywhere"),)
'''
PARTS = {"__init__.py": INIT, "studies/__init__.py": STUDIES, "claims.py": CLAIMS}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A copy of the package and of what the book is made of, with one more paper."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(PACKAGE, root / "src/startright", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(repository() / "book", root / "book", ignore=shutil.ignore_patterns("*.ipynb", "_static"))
    for name in ("_toc.yml", "README.md"):
        shutil.copy(repository() / name, root)
    folder = root / "src/startright/papers/throwaway"
    for name, text in PARTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(root / "book/chapter_template.py", root / "book/coins.py")
    toc, line = (root / "_toc.yml").read_text(), "      - file: book/claims\n"
    (root / "_toc.yml").write_text(toc.replace(line, line.replace("claims", "coins") + line))
    return root


def python(root, code):
    """What a program prints that imports the package of ``root``."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root / 'src')!r}); {code}"],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip()


def test_the_papers_come_in_the_order_of_the_book():
    found = papers.every()
    assert [paper.name for paper in found] == [
        *("initialisation", "critical", "dropout", "residual"),
        *("alrao", "priors", "scalp"),
        *("preact", "gauss_newton", "higher_order", "posterior"),
    ]
    assert sorted(paper.name for paper in found) == papers.names()
    assert all(paper.studies and paper.claims for paper in found)


def test_titles_and_pages_are_those_of_the_book():
    book = repository() / "book"
    entries = (book / "references.bib").read_text(encoding="utf-8")
    for paper in papers.every():
        text = (book / f"{paper.pages[0]}.py").read_text(encoding="utf-8")
        assert re.search(r"^# # (.+)$", text, re.MULTILINE)[1] == paper.title
        assert f"{{{paper.citation}," in entries
        assert {claim.page for claim in paper.claims} <= set(paper.pages)


def test_an_unknown_paper_is_refused():
    with pytest.raises(ValueError, match="unknown paper 'alra': did you mean 'alrao'"):
        papers.paper("alra")


def test_its_page_and_the_page_of_claims_become_stale_with_it(root):
    code = "from pathlib import Path; from startright.book import contents, stale; "
    code += "chosen = contents.select(Path(), ['claims', 'edge-of-chaos']); "
    code += "print(['startright.papers.throwaway.studies' in stale.reached(page) for page in chosen])"
    assert python(root, code) == "[True, False]"


def test_a_folder_is_enough_for_the_catalogue_the_short_name_and_the_tables(root):
    code = "from pathlib import Path; from startright.book import catalogue, sections; "
    code += "from startright import throwaway; print(throwaway.__name__); "
    code += "print('throwaway-coin' in catalogue.STUDIES, len(catalogue.claims('throwaway'))); "
    code += "print([path.name for path in sections.write(Path())])"
    name, found, changed = python(root, code).splitlines()
    assert (name, found) == ("startright.papers.throwaway", "True 1")
    assert {"README.md", "index.md", "claims.py"} <= set(re.findall(r"[\w.]+", changed)), changed
    assert "coins.ipynb" in (root / "README.md").read_text()
    assert "| Coins | full |" in (root / "book/index.md").read_text()
    assert "{grid-item-card} [A chapter in small](coins.ipynb)" in (root / "book/index.md").read_text()
    ledger = (root / "book/claims.py").read_text()
    assert "# ## Coins\n" in ledger
    assert 'claims.table(catalogue.rows("throwaway"))' in ledger
    assert (
        "- [`startright.papers.throwaway`](throwaway.md): A paper to throw"
        in (root / "book/api/index.md").read_text()
    )


def test_it_has_an_api_page_that_the_contents_take_in(root):
    code = "from pathlib import Path; from startright.book import api; "
    text = python(root, code + "print(api.generated(Path())['book/api/throwaway.md'])")
    assert text.startswith("# A paper to throw away\n")
    assert re.findall(r"automodule:: startright.papers.(\S+)", text) == [
        "throwaway",
        "throwaway.studies",
        "throwaway.claims",
    ]
    entries = yaml.safe_load((root / "_toc.yml").read_text())["parts"][-1]["chapters"]
    (globs,) = [entry["sections"] for entry in entries if "sections" in entry]
    assert any("glob" in entry and Path("book/api/throwaway").match(entry["glob"]) for entry in globs)


@pytest.mark.parametrize(
    ("part", "asked", "error"),
    [
        ("claims.py", "claims", "No module named 'startright.papers.throwaway.claims'"),
        ("studies/__init__.py", "studies", "no attribute 'STUDIES'"),
        ("__init__.py", "name", "has no PAPER"),
    ],
)
def test_a_part_that_is_missing_is_named(root, part, asked, error):
    path = root / "src/startright/papers/throwaway" / part
    text = path.read_text()
    path.write_text("") if part.endswith("__init__.py") else path.unlink()
    try:
        # what the catalogue asks of each, without the other papers
        assert error in python(root, f"from startright.papers import paper; paper('throwaway').{asked}")
    finally:
        path.write_text(text)
