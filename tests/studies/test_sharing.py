import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass

import pytest

from startright.paths import repository
from startright.studies import Outcome, RecordStore, Study, manifest, run
from startright.studies import sharing as module
from startright.studies.sharing import Claims

pytestmark = [
    pytest.mark.skipif(module.fcntl is None, reason="no locks"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of forks in a process with threads
]

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


@dataclass(frozen=True)
class Rate:
    rate: float


def compute(diary, seconds, failing=False):
    """A run that notes its start: rate, seed and process."""

    def run_one(config, seed, device):
        with open(diary, "ab", buffering=0) as file:
            file.write(f"{config.rate}/{seed} {os.getpid()}\n".encode())
        time.sleep(seconds)
        if failing and seed == 0:
            raise ZeroDivisionError("bad luck")
        return Outcome({"loss": config.rate * seed})

    return run_one


def study_of(run_one, rates=4, seeds=5, stacks=False):
    def run_stacked(runs, device):
        return [run_one(config, seed, device) for config, seed in runs]

    return Study(
        "toy-shared",
        1,
        "?",
        lambda profile: [Rate(k / 4) for k in range(rates)],
        lambda profile: range(seeds),
        run_one,
        run_stacked=run_stacked if stacks else None,
    )


def forked(work):
    """Run ``work`` in a child; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            warnings.simplefilter("ignore")
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child):
    return os.waitpid(child, 0)[1]


def starts(diary):
    return [line.split() for line in diary.read_text().splitlines()] if diary.exists() else []


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "results" / "toy-shared.jsonl")


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary"


def sweep(study, store):
    return lambda: run(study, device="cpu", store=RecordStore(store.path), progress=False)


def keys_on_disk(store):
    return Counter(json.loads(line)["key"] for line in store.path.read_text().splitlines())


@pytest.mark.parametrize("stacks", [False, True])
def test_two_processes_make_every_run_once(store, diary, stacks):
    study = study_of(compute(diary, 0.02), stacks=stacks)
    children = [forked(sweep(study, store)) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    made = starts(diary)
    assert len({name for name, _ in made}) == len(made) == 20
    assert {pid for _, pid in made} == set(map(str, children))  # both did a part
    assert keys_on_disk(store) == Counter(r.key for r in study.runs("quick"))
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


@pytest.mark.parametrize("stacks", [False, True])
def test_the_runs_of_a_process_that_is_killed_are_taken_over(store, diary, stacks):
    study = study_of(compute(diary, 0.03), stacks=stacks)
    doomed = forked(sweep(study, store))
    wait_for(lambda: len(starts(diary)) >= 3)
    other = forked(sweep(study, store))
    wait_for(lambda: str(other) in {pid for _, pid in starts(diary)})
    os.kill(doomed, signal.SIGKILL)
    assert os.WIFSIGNALED(ended(doomed))
    assert ended(other) == 0
    assert keys_on_disk(store) == Counter(r.key for r in study.runs("quick"))
    again = {name: count for name, count in Counter(name for name, _ in starts(diary)).items() if count > 1}
    assert 0 <= len(again) <= (5 if stacks else 1)  # what the killed one had in hand
    assert set(again.values()) <= {2}
    by_doomed = {name for name, pid in starts(diary) if pid == str(doomed)}
    assert again.keys() <= by_doomed
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


def test_a_process_with_nothing_left_to_do_waits_for_the_records_of_the_other(store, diary):
    study = study_of(compute(diary, 0.5), rates=1, seeds=1)
    child = forked(sweep(study, store))
    wait_for(lambda: starts(diary))
    (record,) = run(study, device="cpu", store=store, progress=False)
    assert record.status == "ok"
    assert ended(child) == 0
    assert len(starts(diary)) == 1


def test_a_run_that_failed_elsewhere_is_not_tried_again_at_once(store, diary):
    study = study_of(compute(diary, 0.2, failing=True), rates=1, seeds=2)
    child = forked(sweep(study, store))
    wait_for(lambda: starts(diary))
    with pytest.warns(UserWarning, match="1 of 2 runs"):
        records = run(study, device="cpu", store=store, progress=False)
    ended(child)
    assert sorted(r.status for r in records) == ["failed", "ok"]
    assert len(starts(diary)) == 2


def test_a_sweep_of_some_minutes_does_not_wait(store, diary):
    study = study_of(compute(diary, 3.0), rates=1, seeds=1)
    child = forked(sweep(study, store))
    wait_for(lambda: starts(diary))
    assert run(study, device="cpu", store=store, progress=False, minutes=5) == []
    os.kill(child, signal.SIGKILL)
    ended(child)


def test_processes_that_share_no_memory_share_a_study(store, diary, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import os, sys, time\nfrom dataclasses import dataclass\nfrom pathlib import Path\n"
        "from startright.studies import Outcome, RecordStore, Study, run\n"
        "@dataclass(frozen=True)\nclass C:\n    k: int\n"
        "def compute(c, seed, device):\n"
        "    open(sys.argv[2], 'a').write(f'{c.k}/{seed} {os.getpid()}\\n')\n"
        "    while not Path(sys.argv[3]).exists():\n        time.sleep(0.01)\n"
        "    return Outcome({'x': 1.0})\n"
        "s = Study('my-study', 1, '?', lambda p: [C(k) for k in range(6)], lambda p: (0,), compute)\n"
        "run(s, device='cpu', store=RecordStore(sys.argv[1]), progress=False)\n"
    )
    go = tmp_path / "go"
    command = [sys.executable, str(script), str(store.path), str(diary), str(go)]
    both = [subprocess.Popen(command) for _ in range(2)]
    wait_for(lambda: len(starts(diary)) == 2, 120)  # each holds one run
    both[0].kill()
    both[0].wait()
    go.touch()
    assert both[1].wait(120) == 0
    assert len(keys_on_disk(store)) == sum(keys_on_disk(store).values()) == 6
    assert len(starts(diary)) == 7


# --- claims ----------------------------------------------------------------------------------------


@pytest.fixture
def claims(tmp_path):
    made = Claims(tmp_path / "toy.jsonl")
    yield made
    made.close()


def holding(path, key, told):
    """A child that claims ``key`` and holds it until it is killed."""

    def work():
        assert Claims(path).take(key)
        told.touch()
        time.sleep(60)

    child = forked(work)
    wait_for(told.exists)
    return child


def test_a_claim_ends_with_its_process_however_that_ends(claims, tmp_path):
    child = holding(tmp_path / "toy.jsonl", KEY, tmp_path / "told")
    assert not claims.take(KEY)
    assert claims.take(OTHER)
    os.kill(child, signal.SIGKILL)
    ended(child)
    assert claims.take(KEY)


def test_the_file_of_claims_stays_while_another_process_has_some(claims, tmp_path):
    child = holding(tmp_path / "toy.jsonl", KEY, tmp_path / "told")
    assert claims.take(OTHER)
    claims.close()
    assert claims.path.exists()
    os.kill(child, signal.SIGKILL)
    ended(child)
    assert claims.take(KEY)
    claims.close()
    assert not claims.path.exists()


def test_a_claim_on_a_file_that_was_removed_meanwhile_is_made_on_the_new_one(claims, tmp_path):
    assert claims.take(KEY)
    claims.leave(KEY)
    claims.path.unlink()  # as the last of other processes does
    child = holding(tmp_path / "toy.jsonl", OTHER, tmp_path / "told")
    assert not claims.take(OTHER)
    assert claims.take(KEY)
    os.kill(child, signal.SIGKILL)
    ended(child)


def test_what_is_left_can_be_taken_by_others(claims, tmp_path):
    assert claims.take(KEY)
    assert claims.take(OTHER)
    claims.leave(KEY)
    child = holding(tmp_path / "toy.jsonl", KEY, tmp_path / "told")  # which it can, and says so
    assert not claims.take(KEY)
    os.kill(child, signal.SIGKILL)
    ended(child)


@pytest.mark.parametrize("broken", ["absent", "refusing"])
def test_without_locks_one_warning_says_so_and_the_sweep_goes_on(store, diary, monkeypatch, broken):
    class Refusing:
        LOCK_EX = LOCK_NB = LOCK_UN = 0

        @staticmethod
        def lockf(*_):
            raise OSError(37, "No locks available")

    monkeypatch.setattr(module, "fcntl", None if broken == "absent" else Refusing)
    with pytest.warns(UserWarning, match="no locks at .*toy-shared") as caught:
        records = run(study_of(compute(diary, 0.0)), device="cpu", store=store, progress=False)
    assert len(records) == 20
    assert len([one for one in caught if "no locks" in str(one.message)]) == 1


def test_a_stale_file_of_claims_is_in_nobodys_way(store, diary, tmp_path):
    study = study_of(compute(diary, 0.0), rates=1)
    path = store.path.with_name(".toy-shared.jsonl.claims")
    store.path.parent.mkdir()
    path.touch()
    assert len(run(study, device="cpu", store=store, progress=False)) == 5
    assert not path.exists()
    path.touch()
    manifest.seal(store.path.parent)
    assert manifest.check(store.path.parent) == []
    assert set(manifest.read(store.path.parent)) == {"toy-shared.jsonl"}


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_ignores_claims():
    if not (repository() / ".git").exists():
        pytest.skip("no checkout")
    path = "data/results/.preact-law.jsonl.claims"
    done = subprocess.run(["git", "-C", str(repository()), "check-ignore", "-q", path], check=False)
    assert done.returncode == 0


# --- news of a store -------------------------------------------------------------------------------


def test_news_are_what_others_appended_and_no_half_line(store, diary):
    records = run(study_of(compute(diary, 0.0), rates=1), device="cpu", store=store, progress=False)
    lines = store.path.read_bytes().splitlines(keepends=True)
    reader = RecordStore(store.path)
    store.path.write_bytes(b"".join(lines[:2]))
    assert list(reader.news()) == [r.key for r in records[:2]]
    assert reader.news() == {}
    with open(store.path, "ab") as file:
        file.write(lines[2] + lines[3][:30])
    assert list(reader.news()) == [records[2].key]
    with open(store.path, "ab") as file:
        file.write(lines[3][30:])
    assert list(reader.news()) == [records[3].key]
    store.rewrite()  # another file under the same name
    assert len(reader.news()) == 4
    for record in records[:2]:  # its own are no news
        reader.append(record)
    assert reader.news() == {}
    store.append(records[1])
    reader.append(records[2])  # but it stands behind one that is
    assert list(reader.news()) == [records[1].key, records[2].key]
    assert reader.news() == {}
    store.path.unlink()
    assert reader.news() == {}
