"""The package as others get it: from a wheel, from an sdist, in place, far from the repository."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from startright import claims
from startright.book import catalogue
from startright.paths import repository
from startright.profiles import PROFILES

pytestmark = pytest.mark.slow

PARTS = ("src", "data/results", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")


def build(what, source, target):
    """One artefact of the project in ``source`` by the build backend, as pip would call it."""
    target.mkdir(exist_ok=True)
    code = f"import sys; from setuptools import build_meta; build_meta.build_{what}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(target)], cwd=source, check=True, capture_output=True)
    (made,) = target.iterdir()
    return made


def records(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.jsonl")}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """What a build needs of the repository, in a folder of its own: a build leaves files behind."""
    folder = tmp_path_factory.mktemp("project")
    for name in PARTS:
        source, target = repository() / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        ignore = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    return folder


@pytest.fixture(scope="module")
def installed(project, tmp_path_factory):
    """The folder of site-packages that the wheel unpacks to."""
    folder = tmp_path_factory.mktemp("wheel")
    target = folder / "site-packages"
    with zipfile.ZipFile(build("wheel", project, folder / "built")) as wheel:
        wheel.extractall(target)
    return target


@pytest.fixture
def call(installed, tmp_path):
    """Calls the installed command in an empty folder; returns the finished process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STARTRIGHT_")}

    def run(*arguments, check=True, package=installed):
        return subprocess.run(
            [sys.executable, "-m", "startright", *arguments],
            env={**inherited, "PYTHONPATH": str(package)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=check,
        )

    return run


def test_the_wheel_brings_every_record_once(installed):
    shipped, committed = records(installed / "startright" / "results"), repository() / "data" / "results"
    assert shipped == records(committed) != {}
    (listing,) = installed.glob("*.dist-info/RECORD")
    assert listing.read_text(encoding="utf-8").count(".jsonl,sha256=") == len(shipped)  # pip removes them
    assert not list((repository() / "src").rglob("*.jsonl"))


def test_a_wheel_from_the_sdist_is_the_same(project, installed, tmp_path):
    with tarfile.open(build("sdist", project, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("startright-*")
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path / "wheel")) as wheel:
        assert {name for name in wheel.namelist() if "dist-info" not in name} == {
            path.relative_to(installed).as_posix()
            for path in installed.rglob("*")
            if path.is_file() and "dist-info" not in str(path) and path.suffix != ".pyc"
        }


def test_an_editable_install_copies_nothing(project, tmp_path):
    with zipfile.ZipFile(build("editable", project, tmp_path / "editable")) as wheel:
        assert not [name for name in wheel.namelist() if name.endswith(".jsonl")]
        (link,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        assert Path(wheel.read(link).decode().strip()) == project / "src"


def test_claims_says_the_same_as_in_the_repository(call, tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(repository() / "data" / "results"))
    inside = claims.to_json([row for profile in PROFILES for row in catalogue.rows(profile=profile)])
    outside = call("claims", "--json")
    assert json.loads(outside.stdout) == json.loads(inside)
    assert (outside.stderr, list(tmp_path.iterdir())) == ("", [])


def test_runs_go_to_a_folder_that_is_named_and_shipped_ones_are_not_repeated(call, installed, tmp_path):
    before = records(installed / "startright" / "results")
    done = call("run", "preact-fixed-points", "--profile", "full", "--device", "cpu")
    assert done.stderr.startswith(f"records: {tmp_path / 'data' / 'results'}\n")
    assert not (tmp_path / "data").exists()  # all of them were shipped
    call("run", "preact-fixed-points", "--device", "cpu", "--seed", "90")
    (own,) = (tmp_path / "data" / "results").iterdir()
    assert all(json.loads(line)["seed"] >= 90 for line in own.read_text().splitlines())
    assert records(installed / "startright" / "results") == before


def test_without_records_claims_says_where_it_looked(call, installed, tmp_path):
    bare = tmp_path / "bare" / "startright"
    shutil.copytree(installed / "startright", bare, ignore=shutil.ignore_patterns("results"))
    done = call("claims", check=False, package=bare.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"startright: no records in {bare / 'results'} or {tmp_path / 'data'}")
