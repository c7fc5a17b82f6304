import math
from dataclasses import replace

import pandas as pd
import pytest

from startright.studies import Outcome, Record, Run, compare, curve_frame, frame, origin, stamp


@pytest.fixture
def record(config):
    """A function (rate, seed, metrics, curves, provenance) → record."""

    def make(rate=0.5, seed=0, metrics=None, curves=None, **provenance):
        outcome = Outcome(metrics if metrics is not None else {"loss": 1.0}, curves or {})
        run = Run("toy-descent", 1, config(rate), seed)
        return Record.of(run, outcome, profile="quick", seconds=0.5, provenance=provenance)

    return make


def test_a_frame_has_a_row_a_record(record):
    table = frame([record(0.1, 0), record(0.2, 1, {"loss": 2.0, "error": math.nan})])
    head = ["rate", "steps", "width", "seed", "profile", "status"]
    assert list(table) == [*head, "loss", "seconds", "error"]
    assert table.rate.tolist() == [0.1, 0.2]
    assert table.seed.tolist() == [0, 1]
    assert table.status.tolist() == ["ok", "diverged"]
    assert table.loss.tolist() == [1.0, 2.0]
    assert frame([]).empty


def test_a_metric_called_like_a_setting_is_refused(record):
    with pytest.raises(ValueError, match=r"\['rate'\] names both"):
        frame([record(metrics={"rate": 1.0})])


def test_curves_in_long_form(record):
    records = [
        record(0.1, 0, curves={"loss": [3, 2, 1], "norm": [5, 4]}),
        record(0.2, 1, curves={"loss": [7]}),
        record(0.3, 2),
    ]
    table = curve_frame(records, "loss", "norm")
    assert list(table) == ["rate", "steps", "width", "seed", "step", "loss", "norm"]
    expected = pd.DataFrame(
        {
            "rate": [0.1, 0.1, 0.1, 0.2],
            "steps": 20,
            "width": 3,
            "seed": [0, 0, 0, 1],
            "step": [0, 1, 2, 0],
            "loss": [3.0, 2.0, 1.0, 7.0],
            "norm": [5.0, 4.0, math.nan, math.nan],
        }
    )
    pd.testing.assert_frame_equal(table, expected)
    assert list(curve_frame(records, "norm")) == ["rate", "steps", "width", "seed", "step", "norm"]
    pd.testing.assert_frame_equal(curve_frame(records), expected)


def test_a_recorded_step_takes_the_place_of_the_count(record):
    table = curve_frame([record(curves={"loss": [2, 1], "step": [0, 100]})], "step", "loss")
    assert list(table) == ["rate", "steps", "width", "seed", "step", "loss"]
    assert table.step.tolist() == [0, 100]


def test_unknown_curves_are_refused(record):
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        curve_frame([record(curves={"loss": [1]})], "los")
    assert list(curve_frame([], "loss")) == ["seed", "step", "loss"]


def test_the_stamp(record):
    gpu = {"device": "NVIDIA H200", "commit": "1a2b3c4d5e", "dirty": False}
    one = record(**gpu, time="2026-11-20T23:59:59+00:00")
    two = record(seed=1, **gpu, time="2026-11-21T00:00:00+00:00")
    assert stamp([one, two]) == "NVIDIA H200, commit 1a2b3c4, 2026-11-21"
    other = record(device="CPU, 2 threads", commit="9f8e7d6c5b", dirty=True, time="2026-01-01T00:00:00+00:00")
    assert stamp([one, other]) == "NVIDIA H200 and CPU, 2 threads, commits 1a2b3c4 and 9f8e7d6+, 2026-11-20"
    assert stamp([record(device="CPU", commit=None, time="2026-01-01")]) == "CPU, no commit, 2026-01-01"
    assert stamp([record()]) == "unknown device, no commit"
    assert stamp([]) == "not yet run"
    assert origin([]) == (None, None, None)


def test_an_odd_provenance_is_told_as_far_as_it_goes(record):
    beside = record(device="CPU", commit=None, package_commit="5e4d3c2b1a", package_dirty=False)
    assert stamp([beside]) == "CPU, commit 5e4d3c2"
    number = record(device="CPU", commit=1234567890, dirty=1, time=20261121)
    assert stamp([number]) == "CPU, commit 1234567+"
    assert origin([number]) == ("CPU", "1234567+", None)
    odd = record(device=["CPU"], commit={"hash": "1"}, dirty=[], time=17.5)
    assert stamp([odd]) == "unknown device, no commit"
    assert stamp([number, odd, record(commit=True, time=None, dirty=None)]) == "CPU, commit 1234567+"
    whole = record(device="CPU", commit="abcdefghij", time="2026-11-20T00:00:00+00:00")
    assert origin([number, whole]) == ("CPU", "1234567+ and abcdefg", "2026-11-20")
    threads = [record(device=f"CPU, {said}") for said in ("1 threads", "1 thread", "11 threads")]
    assert origin(threads)[0] == "CPU, 1 thread and CPU, 11 threads"  # old records have the plural


def test_equal_records_do_not_differ(record):
    assert compare([record(), record(seed=1)], [record(seed=1), record()]) == []
    nan = record(metrics={"loss": math.nan, "up": math.inf})
    assert compare([nan], [nan]) == []


@pytest.mark.parametrize(
    ("value", "tolerances", "agrees"),
    [
        (1.01, {"rel": 0.02}, True),
        (1.01, {"rel": 0.005}, False),
        (1.01, {"rel": 0, "abs": 0.02}, True),
        (1.01, {"rel": 0, "abs": 0.005}, False),
        (-1.0, {"rel": 0.5}, False),
    ],
)
def test_the_tolerances(record, value, tolerances, agrees):
    found = compare([record(metrics={"loss": value})], [record()], **tolerances)
    assert (found == []) == agrees
    assert agrees or f"seed=0): loss = {value:.6g}, reference 1" in found[0]


def test_every_kind_of_difference_is_named(record):
    ours = [record(seed=s) for s in range(4)]
    theirs = [
        record(seed=1, metrics={"loss": 1.0, "error": 2.0}),
        replace(record(seed=2), status="failed"),
        record(seed=3, metrics={}),
        record(seed=4),
    ]
    found = compare(ours, theirs)
    assert [text.partition("seed=")[2] for text in found] == [
        "0): no reference",
        "4): not run",
        "1): error is no longer measured",
        "2): status ok, reference failed",
        "3): loss is newly measured",
    ]
    assert found[0].startswith("toy-descent(rate=0.5, steps=20, width=3, seed=")
