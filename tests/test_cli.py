import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import yaml
from typer.testing import CliRunner

from startright import cli
from startright.book.contents import Problem
from startright.book.rerun import Rerun
from startright.paths import repository


@pytest.fixture
def call(monkeypatch, capsys):
    """Calls the entry point; returns exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["startright", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["book", "--page", "gausian-preact"],
            "unknown page 'gausian-preact': did you mean 'signal/ga",
        ),
        (["book", "refresh", "--page", "nowhere"], "unknown page 'nowhere'"),
        (
            ["book", "full", "edge-of-caos"],
            "unknown page 'edge-of-caos': did you mean 'signal/edge",
        ),
        (["book", "full", "--profile", "ful"], "unknown profile 'ful': did you mean 'full'"),
        (["data", "verify", "mnits"], "unknown dataset 'mnits': did you mean 'mnist'"),
        (["data", "fetch", "mnits"], "unknown dataset 'mnits': did you mean 'mnist'"),
        (["book", "full", "--device", "gpu"], "unknown device 'gpu'"),
        (["run", "preact-depht"], "unknown study 'preact-depht': did you mean 'preact-depth"),
        (["run", "preact-law", "--workers", "2"], "--scheduler, --cluster, --workers and --option need"),
        (["run", "preact-law", "--engine", "dask", "--cluster", "slrum"], "unknown cluster 'slrum'"),
        (
            ["run", "preact-law", "--engine", "dask", "--option", "queue"],
            "--option 'queue': write NAME=VALUE",
        ),
        (["claims", "--paper", "preactt"], "unknown paper 'preactt': did you mean 'preact'"),
        (["claims", "--profile", "quik"], "unknown profile 'quik': did you mean 'quick'"),
    ],
)
def test_what_the_user_got_wrong_is_one_line_and_exit_code_two(call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"startright: {message}")
    assert err.count("\n") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_an_absent_gpu_is_refused(call):
    from startright.book import catalogue

    for arguments in (["run", next(iter(catalogue.STUDIES))], ["book", "full"]):
        code, _, err = call(*arguments, "--device", "cuda")
        assert code == 2
        assert err == "startright: device 'cuda' is not present on this machine; use 'auto' or 'cpu'\n"


def test_an_engine_on_dask_is_described_by_options(call, monkeypatch):
    engines = []
    monkeypatch.setattr(
        "startright.studies.run", lambda study, profile, engine, **_: engines.append(engine) or []
    )
    options = ("queue=gpu", "walltime=12:00:00", "cores=1", 'job_extra_directives=["--gres=gpu:1"]', "x=a=b")
    given = [word for option in options for word in ("--option", option)]
    code, out, err = call(
        "run", "preact-law", "--engine", "dask", "--cluster", "slurm", "--workers", "8", *given
    )
    said = "preact-law: 0 records, 0 of them diverged or failed; 8 runs are still to be made\n"
    assert (code, out) == (0, said)
    assert err.splitlines()[1:] == ["preact-law: quick, Dask, slurm, 8 workers"]
    assert engines[0].options == {
        "queue": "gpu",
        "walltime": "12:00:00",
        "cores": 1,
        "job_extra_directives": ["--gres=gpu:1"],
        "x": "a=b",
    }
    assert call("run", "preact-law", "--engine", "dask", "--scheduler", "tcp://h:1")[0] == 0
    assert engines[1].scheduler == "tcp://h:1"


def test_a_scheduler_that_does_not_answer_is_one_line(call, monkeypatch, tmp_path):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    code, out, err = call("run", "preact-law", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("startright: no Dask scheduler answers at 'tcp://127.0.0.1:9'")
    assert "Traceback" not in err


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["startright", "--debug", "data", "verify", "mnits"])
    with pytest.raises(ValueError, match="unknown dataset"):
        cli.main()


def test_outside_of_the_repository_the_remedy_is_said(call, monkeypatch):
    monkeypatch.setattr("startright.paths.repository", lambda: None)
    assert call("status")[2].startswith("startright: this command needs the book's repository")


def test_jupyter_book_two_is_refused_before_anything_runs(call, monkeypatch):
    monkeypatch.setattr("startright.book.site.version", lambda name: "2.1.0")
    monkeypatch.setattr("startright.book.rerun.rerun", lambda *a, **k: pytest.fail("a page was executed"))
    for arguments in (["book"], ["book", "html"], ["book", "linkcheck"]):
        code, _, err = call(*arguments)
        assert code == 2
        assert 'uv pip install "jupyter-book>=1.0.4.post1,<2"' in err


def test_problems_are_listed_and_exit_code_is_one(call, monkeypatch):
    found = [Problem("book/page", "was not executed", 2, "ab")]
    monkeypatch.setattr("startright.book.checks.check", lambda root: found)
    monkeypatch.setattr("startright.book.checks.stale_pages", lambda root: [])
    code, out, err = call("check")
    assert (code, out) == (1, "")
    assert err == "book/page: code cell 2 [ab]: was not executed\n1 problem\n"
    found.clear()
    assert call("check")[0] == 0


def test_the_book_stops_before_building_when_a_page_has_a_problem(call, monkeypatch):
    result = Rerun([Problem("book/page", "was not executed")], [])
    monkeypatch.setattr("startright.book.rerun.rerun", lambda *a, **k: result)
    monkeypatch.setattr("startright.book.site.build", lambda *a, **k: pytest.fail("was built"))
    code, _, err = call("book")
    assert code == 1
    assert "book/page: was not executed" in err


def test_data_that_is_absent_is_named(call, monkeypatch, tmp_path):
    monkeypatch.setenv("STARTRIGHT_DATA", str(tmp_path))
    code, _, err = call("data", "verify", "mnist")
    assert code == 1
    assert str(tmp_path) in err
    assert call("data", "verify", "digits")[0] == 0


def test_lists_of_data_and_studies(call):
    from startright.book import catalogue

    assert all(name in call("data", "list")[1] for name in ("digits", "mnist", "cifar10", "ptb"))
    assert all(name in call("run", "--list")[1] for name in catalogue.STUDIES)


def test_claims_as_json_and_as_a_table(call):
    rows = json.loads(call("claims", "--paper", "preact", "--json")[1])
    assert {row["id"] for row in rows} >= {f"C{n}" for n in range(1, 11)}
    assert {row["profile"] for row in rows} >= {"quick", "full"}
    code, out, _ = call("claims", "--paper", "preact")
    assert code == 0
    assert "verdict" in out


def test_the_folder_of_the_records_is_named(call, monkeypatch, tmp_path):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "mine"))
    monkeypatch.setattr("startright.studies.run", lambda *a, **k: [])
    assert call("run", "preact-law")[2].splitlines()[0] == f"records: {tmp_path / 'mine'}"


def test_without_any_record_the_folders_are_named(call, monkeypatch, tmp_path):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "none"))
    for arguments in (["claims"], ["claims", "--json"]):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"startright: no records in {tmp_path / 'none'}: set STARTRIGHT_RESULTS")


@pytest.fixture
def one_broken_claim(monkeypatch):
    """The first two claims of a paper; the measure of the first raises an error."""
    from startright.book import catalogue

    def broken(records):
        raise KeyError("loss")

    first, second = (catalogue.claims("preact")[k] for k in (0, 3))
    monkeypatch.setattr(catalogue, "CLAIMS", [replace(first, measure=broken), second])


def test_a_claim_that_cannot_be_measured_is_shown_with_the_reason_and_stops_no_other(call, one_broken_claim):
    code, out, err = call("claims", "--profile", "full")
    assert code == 0
    assert "cannot be" in out
    assert "preact C4" in out
    (line,) = err.splitlines()
    assert line.startswith("cannot be measured: preact C1: KeyError: 'loss' (0 of ")
    assert line.endswith("profile full")
    broken, whole = json.loads(call("claims", "--json", "--profile", "full")[1])
    assert (broken["verdict"], broken["value"]) == ("cannot be measured", None)
    assert broken["reason"].startswith("preact C1: KeyError: 'loss'")
    assert (whole["verdict"], whole["reason"]) == ("reproduced", None)


def test_the_package_can_be_run_as_a_module():
    command = [sys.executable, "-m", "startright"]
    shown = subprocess.run([*command, "claims", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: startright claims" in shown.stdout
    wrong = subprocess.run([*command, "data", "verify", "mnits"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("startright: unknown dataset 'mnits'")


ONE_AFTER_THE_OTHER = """
import sys
from startright.cli import main
for arguments in (["claims"], ["run", "--list"], ["--help"], ["claims", "--json"]):
    sys.argv = ["startright", *arguments]
    try:
        main()
    except SystemExit as end:
        assert not end.code, arguments
    sys.stdout.flush()
    sys.stdout.buffer.write(bytes(1))
"""


@pytest.mark.slow
def test_a_terminal_of_ascii_is_served():
    """One process for all: what takes its time is the import of torch and the reading of the records."""
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", ONE_AFTER_THE_OTHER]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **ascii_only})
    assert (done.returncode, done.stderr) == (0, b"")
    claims, studies, usage, as_json, rest = done.stdout.split(bytes(1))
    assert rest == b""
    table = claims.decode("ascii")
    assert "+/-" in table
    assert "?" not in table
    assert len({len(line) for line in table.splitlines()}) == 1  # the table is straight
    assert any("≤" in check["text"] for row in json.loads(as_json.decode()) for check in row["checks"])
    assert "preact-law" in studies.decode("ascii")
    assert "Usage: startright" in usage.decode("ascii")


def test_serving_needs_a_book(call, monkeypatch, tmp_path):
    monkeypatch.setattr("startright.paths.repository", lambda: tmp_path)
    assert "run `make book` first" in call("book", "serve")[2]


@pytest.mark.parametrize("arguments", [["--help"], ["status"]])
def test_help_and_status_do_not_wait_for_torch(arguments):
    code = (
        "import sys; from startright.cli import app\n"
        "try:\n    app()\nexcept SystemExit:\n    print('torch' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=repository())
    assert done.stderr.strip().endswith("False")


def test_every_command_has_help():
    runner = CliRunner()
    for command in (
        ["run"],
        ["claims"],
        ["data"],
        ["book"],
        ["check"],
        ["status"],
        ["book", "full"],
        ["book", "html"],
    ):
        result = runner.invoke(cli.app, [*command, "--help"])
        assert result.exit_code == 0
        assert "Usage" in result.output
    assert runner.invoke(cli.app, ["--version"]).output.strip().startswith("0.")


@pytest.mark.parametrize("name", ["ci", "publish", "weekly"])
def test_the_workflows_are_well_formed(name):
    flow = yaml.safe_load((repository() / f".github/workflows/{name}.yml").read_text())
    assert flow["name"] == name
    assert flow[True]  # `on`, which YAML reads as a boolean
    for job in flow["jobs"].values():
        assert "runs-on" in job
        assert set(job.get("needs", "").split()) <= set(flow["jobs"])
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert "@" in step.get("uses", "@")


def test_every_environment_comes_from_the_one_lock():
    root = repository()
    environment = yaml.safe_load((root / "environment.yml").read_text())
    assert environment["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}
    lock = (root / "requirements.lock").read_text()
    assert "index-url" not in lock
    assert "jupyter-book==1." in lock


def test_make_refuses_an_old_python(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.1 && exit\nexit 1\n')
    old.chmod(0o755)
    command = ["make", "-C", str(repository()), "-W", "requirements.lock", "setup", f"PYTHON={old}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"Starting Right needs Python 3.11 or newer; {old} is Python 3.10.1" in done.stdout
