"""Imports go one way: data, models → training → studies → claims → papers → book → commands."""

import json
import subprocess
import sys

import pytest

from startright import papers
from startright.aliases import full_name
from startright.book.stale import imports
from startright.paths import PACKAGE

BASICS = {"aliases", "devices", "errors", "escape", "paths", "profiles", "seeds", "summary", "terminal"}
BASICS |= {"uncertainty"}
ENGINE = [{"data", "models"}, {"training"}, {"studies"}, {"measured"}, {"checks"}, {"claims"}]
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


def needed(name):
    """The other parts that a module imports from, lazily or not."""
    path = FILES[name]
    found = {full_name(other) for other in imports(path.read_bytes(), name, path.name == "__init__.py")}
    return {part(other) for other in found if other in FILES} - {"", part(name)}


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
