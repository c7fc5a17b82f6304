"""Imports go one way: data, models → training → studies → claims → papers → book → commands."""

import json
import subprocess
import sys

import pytest

from startright import papers
from startright.aliases import full_name
from startright.book.stale import imports
from startright.paths import PACKAGE

BASICS = {
    "aliases",
    "bundle",
    "devices",
    "errors",
    "escape",
    "paths",
    "profiles",
    "seeds",
    "summary",
    "terminal",
}
BASICS |= {"uncertainty"}
ENGINE = [
    {"meanfield", "quadrature"},
    {"data", "models"},
    {"training"},
    {"studies"},
    {"measured"},
    {"checks"},
    {"claims"},
]
ENGINE += [{"statements"}, {"figures"}, {"schematic"}]
# a second or more each, and needed by few: whoever imports a method, or asks for the ledger, does without
HEAVY = ("dask", "distributed", "matplotlib", "scipy.stats", "seaborn", "sklearn", "torchvision")
COMMANDS = {"cli", "cli_book", "cli_records", "options", "__main__"}


def modules():
    """Name → file of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("startright", *path.relative_to(PACKAGE).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


FILES = dict(modules())


def part(name):
    """The part of the package that a module belongs to; of the papers each is one."""
    parts = name.split(".")
    return ".".join(parts[1:3]) if parts[1:2] == ["papers"] else ".".join(parts[1:2])


def imported(name):
    """The modules of the package that a module imports, lazily or not."""
    path = FILES[name]
    found = {full_name(other) for other in imports(path.read_bytes(), name, path.name == "__init__.py")}
    return found & set(FILES)


def needed(name):
    """The other parts that a module imports from."""
    return {part(other) for other in imported(name)} - {"", part(name)}


def judges(name):
    """Whether a module of a paper states claims and measures them."""
    return part(name).startswith("papers.") and name.endswith("claims")


def shows(name):
    """Whether a module of a paper says what the records show, without a verdict."""
    return part(name).startswith("papers.") and name.endswith(("readings", "tables", "figures", "findings"))


def allowed(name):
    """The parts that a module may import from."""
    if part(name) in COMMANDS:
        return {part(other) for other in FILES}
    engine = set().union(*ENGINE)
    if part(name) == "book":
        return BASICS | engine | {"papers"}
    if part(name).startswith("papers."):
        return BASICS | engine | {"papers"}
    if part(name) == "papers":
        return BASICS | engine
    if part(name) in engine:
        (level,) = [k for k, parts in enumerate(ENGINE) if part(name) in parts]
        return BASICS.union(*ENGINE[: level + 1])
    return BASICS


# `measured` names the type of a record and `studies` is where it is defined: an import for annotations only
@pytest.mark.parametrize("name", FILES)
def test_no_module_imports_from_above(name):
    assert needed(name) <= allowed(name)


@pytest.mark.parametrize("name", list(filter(shows, FILES)))
def test_what_shows_the_records_does_not_read_the_verdicts(name):
    """Claims, tables, figures and findings all read the paper's readings, and these read the records."""
    assert not {other for other in imported(name) if judges(other)}


@pytest.mark.parametrize("paper", ["alrao", "gauss_newton", "higher_order", "preact"])
def test_the_rule_finds_the_modules_of_every_paper(paper):
    inside = [name for name in FILES if part(name) == f"papers.{paper}"]
    assert f"startright.papers.{paper}.readings" in filter(shows, inside)
    assert f"startright.papers.{paper}.claims" in filter(judges, inside)
    assert any(imported(name) >= {f"startright.papers.{paper}.readings"} for name in filter(judges, inside))


def test_the_rule_tells_papers_apart():
    assert part("startright.papers.alrao.optim") == "papers.alrao"
    assert "papers.preact" not in allowed("startright.papers.alrao.optim")
    assert not {"book", "papers.alrao", "claims"} & allowed("startright.studies.runner")


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        ([f"startright.{name}" for name in papers.names()], (*HEAVY, "pandas")),
        (["startright.studies", "startright.book.catalogue"], HEAVY),
    ],
    ids=["papers", "catalogue"],
)
def test_an_import_brings_along_nothing_heavy(modules, without):
    code = f"import {', '.join(modules)}; import sys, json; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(without) & set(json.loads(done.stdout))
