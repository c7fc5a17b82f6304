import importlib
import importlib.util
import pickle
import subprocess
import sys

import pytest

import startright.alrao.optim
import startright.papers.alrao.optim
from startright import aliases, alrao, papers


def test_a_short_name_is_the_module_itself():
    assert startright.alrao.optim is startright.papers.alrao.optim
    assert alrao is importlib.import_module("startright.papers.alrao")
    assert alrao.Alrao.__module__ == "startright.papers.alrao.model"


@pytest.mark.parametrize("name", papers.names())
def test_every_paper_has_one(name):
    short, full = (importlib.import_module(f"{root}.{name}") for root in ("startright", "startright.papers"))
    assert short is full
    assert all(hasattr(short, public) for public in short.__all__)


def test_the_order_of_imports_does_not_matter():
    code = """
import sys
for one, other in (("preact", "papers.preact"), ("papers.preact", "preact")):
    names = {}
    exec(f"import startright.{one}.law as a, startright.{other}.law as b", names)
    print(names["a"] is names["b"], names["a"].QuotientLaw is names["b"].QuotientLaw)
    for name in [name for name in sys.modules if name.partition(".")[0] == "startright"]:
        del sys.modules[name]  # and once more the other way round, with torch as it is
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "ShortNames"]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True"] * 2


def test_what_is_not_there_is_not_found():
    assert importlib.util.find_spec("startright.alrao.nothing") is None
    assert importlib.util.find_spec("startright.nothing") is None
    with pytest.raises(ModuleNotFoundError, match=r"startright\.alrao\.nothing"):
        importlib.import_module("startright.alrao.nothing")


def test_an_error_within_a_paper_is_its_own(monkeypatch):
    def broken(name):
        raise RuntimeError("broken inside")

    monkeypatch.setattr(aliases, "import_module", broken)
    monkeypatch.delitem(sys.modules, "startright.preact.ks", raising=False)
    with pytest.raises(RuntimeError, match="broken inside"):
        importlib.import_module("startright.preact.ks")


def test_objects_travel_under_the_long_name():
    assert b"startright.papers.alrao" in pickle.dumps(startright.alrao.LogUniform)


def test_names_are_installed_once():
    count = sum(isinstance(finder, aliases.ShortNames) for finder in sys.meta_path)
    aliases.install()
    assert sum(isinstance(finder, aliases.ShortNames) for finder in sys.meta_path) == count == 1
