import json
from dataclasses import field, make_dataclass, replace

import pytest

from startright.studies import Outcome, RecordStore, Study, frame, recorded, run
from startright.studies.known import Known


def generation(*names):
    """A config class with these (name, default) after ``rate``."""
    fields = [("rate", float), *((name, type(value), value) for name, value in names)]
    return make_dataclass("Config", fields, frozen=True)


FIRST = generation()
SECOND = generation(("decay", 0.0))
THIRD = generation(("decay", 0.0), ("norm", "none"))


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Run a grid into one store; the records and the configs that were computed."""
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    store = RecordStore(tmp_path / "toy-growth.jsonl")

    def go(*grid, version=1, store=store, seeds=2):
        calls = []

        def compute(config, seed, device):
            calls.append(config)
            return Outcome({"loss": config.rate + 10 * getattr(config, "decay", 0.0)})

        study = Study("toy-growth", version, "?", lambda profile: grid, lambda profile: range(seeds), compute)
        go.study, go.store = study, store
        return run(study, device="cpu", store=store, progress=False), calls

    return go


def test_three_generations_of_a_config_share_their_records(sweep):
    first, _ = sweep(FIRST(1.0), FIRST(2.0))
    before = sweep.store.path.read_bytes()
    for grown in (SECOND, THIRD):
        records, calls = sweep(grown(1.0), grown(2.0))
        assert calls == []
        assert [r.metrics for r in records] == [r.metrics for r in first]
        assert [r.key for r in records] == [r.key for r in sweep.study.runs("quick")]
        assert [r.provenance["recorded_as"] for r in records] == [r.key for r in first]
        assert recorded(sweep.study, "quick") == records
        assert frame(records)["decay"].tolist() == [0.0] * 4
    assert sweep.store.path.read_bytes() == before  # no line is touched, none is added


def test_a_setting_other_than_the_default_is_another_run(sweep):
    sweep(FIRST(1.0))
    records, calls = sweep(SECOND(1.0), SECOND(1.0, decay=0.1))
    assert calls == [SECOND(1.0, decay=0.1)] * 2
    assert [r.metrics["loss"] for r in records] == [1.0, 1.0, 2.0, 2.0]
    _, calls = sweep(THIRD(1.0), THIRD(1.0, decay=0.1), THIRD(1.0, norm="batch"))
    assert calls == [THIRD(1.0, norm="batch")] * 2


def test_a_default_that_was_changed_finds_no_record_of_the_old_one(sweep):
    sweep(FIRST(1.0), FIRST(2.0))
    assert sweep(SECOND(1.0))[1] == []
    changed = generation(("decay", 0.5), ("norm", "none"))
    records, calls = sweep(changed(1.0), changed(2.0), changed(1.0, decay=0.0), changed(2.0, decay=0.0))
    assert calls == [changed(1.0)] * 2 + [changed(2.0)] * 2
    assert [r.metrics["loss"] for r in records] == [6.0, 6.0, 7.0, 7.0, 1.0, 1.0, 2.0, 2.0]
    back, calls = sweep(SECOND(1.0), SECOND(2.0))
    assert calls == []
    assert [r.metrics["loss"] for r in back] == [1.0, 1.0, 2.0, 2.0]


def test_a_default_is_laid_down_even_where_the_first_sweep_finds_nothing(sweep):
    sweep(FIRST(1.0))
    assert len(sweep(SECOND(3.0))[1]) == 2
    changed = generation(("decay", 0.5))
    assert sweep(changed(1.0))[1] == [changed(1.0)] * 2
    notes = json.loads(sweep.store.path.with_suffix(".defaults.json").read_text())
    assert notes == {"toy-growth 1": {"decay": 0.0}}


def test_without_a_note_records_of_both_kinds_are_not_mixed_up(sweep):
    sweep(FIRST(1.0))
    sweep(SECOND(2.0))
    sweep.store.path.with_suffix(".defaults.json").unlink()
    changed = generation(("decay", 0.5))
    assert sweep(changed(1.0))[1] == [changed(1.0)] * 2


def test_a_changed_default_of_a_field_that_was_always_there_is_a_new_key(sweep):
    sweep(SECOND(1.0))
    changed = generation(("decay", 0.5))
    assert len(sweep(changed(1.0))[1]) == 2
    assert sweep(changed(1.0, decay=0.0))[1] == []


def test_two_classes_of_one_grid_keep_their_records_apart(sweep):
    _, calls = sweep(FIRST(1.0), SECOND(1.0))
    assert len(calls) == 4
    assert sweep(FIRST(1.0), SECOND(1.0))[1] == []
    assert not sweep.store.path.with_suffix(".defaults.json").exists()


def test_a_new_version_starts_anew(sweep):
    sweep(FIRST(1.0))
    assert len(sweep(SECOND(1.0), version=2)[1]) == 2


def test_a_field_without_a_default_is_a_setting_of_its_own(sweep):
    sweep(FIRST(1.0))
    needed = make_dataclass("Config", [("rate", float), ("decay", float)], frozen=True)
    assert len(sweep(needed(1.0, 0.0))[1]) == 2


def test_defaults_that_are_made_and_are_tuples_are_known_again(sweep):
    sweep(FIRST(1.0))
    grown = make_dataclass(
        "Config",
        [
            ("rate", float),
            ("sizes", tuple[int, ...], field(default_factory=lambda: (8, 8))),
            ("cap", float, 9e999),
        ],
        frozen=True,
    )
    assert sweep(grown(1.0))[1] == []
    assert sweep(grown(1.0))[1] == []  # from the note
    assert len(sweep(grown(1.0, sizes=(8,)))[1]) == 2


def test_a_failed_run_of_an_older_config_is_run_again(sweep, tmp_path):
    sweep(FIRST(1.0))
    lines = [replace(r, status="failed").to_json() for r in sweep.store.load().values()]
    store = RecordStore(tmp_path / "other.jsonl")
    store.path.write_text("\n".join(lines) + "\n")
    assert len(sweep(SECOND(1.0), store=store)[1]) == 2


def test_what_was_shipped_is_found_by_its_own_note(sweep, tmp_path):
    sweep(FIRST(1.0))
    sweep(SECOND(1.0))
    above = RecordStore(tmp_path / "own" / "toy-growth.jsonl", beneath=sweep.store.path)
    changed = generation(("decay", 0.5))
    assert len(sweep(changed(1.0), store=above)[1]) == 2
    assert sweep(changed(1.0, decay=0.0), store=above)[1] == []


def test_a_note_that_cannot_be_read_is_named(sweep):
    sweep(FIRST(1.0))
    path = sweep.store.path.with_suffix(".defaults.json")
    for text in ("{", "[]", '{"toy-growth 1": 3}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"toy-growth\.defaults\.json: .*restore it"):
            sweep(SECOND(1.0))


def test_looking_alone_writes_nothing(sweep):
    sweep(FIRST(1.0))
    study = replace(sweep.study, grid=lambda profile: [SECOND(1.0)])
    assert len(recorded(study, "quick")) == 2
    assert len(Known(study, sweep.store).of(study.runs("quick"))) == 2
    assert [path.name for path in sweep.store.path.parent.iterdir()] == ["toy-growth.jsonl"]
