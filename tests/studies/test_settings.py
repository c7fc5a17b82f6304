import enum
import math
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NewType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.book import catalogue
from startright.studies import Outcome, RecordStore, Run, Study, frame, run
from startright.studies.lines import read_lines
from startright.studies.settings import declared, defaults, settings

Rate = NewType("Rate", float)


class Activation(enum.StrEnum):
    RELU = "relu"


class Size(enum.IntEnum):
    SMALL = 8


class Plain(enum.Enum):
    ONE = 1


def config(kind, value):
    return make_dataclass("Config", [("value", kind)], frozen=True)(value)


def key(kind, value):
    return Run("toy-study", 1, config(kind, value), 0).key


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        (float, [1.0, 1, True, np.float64(1), np.float32(1), np.int64(1)]),
        (float, [0.0, -0.0, 0, False]),
        (float, [math.inf, np.float32("inf")]),
        (int, [64, 64.0, np.int32(64), np.float64(64)]),
        (int, [8, Size.SMALL]),
        (bool, [True, 1, 1.0, np.True_]),
        (bool, [2, 2.0]),
        (str, ["relu", Activation.RELU, np.str_("relu")]),
        (float | None, [2.0, 2]),
        (int | None, [2, 2.0]),
        (int | float, [3, 3.0]),
        (bool | int, [1, True, 1.0]),
        (Literal[1, 2, "a"], [2, 2.0]),
        (Literal[0.5, 1.0], [1, 1.0]),
        (Annotated[float, "per second"], [5, 5.0]),
        (Rate, [5, 5.0]),
        ("float", [7, 7.0]),
        (tuple[float, ...], [(1, 2), (1.0, 2.0), (True, np.int8(2))]),
        (tuple[int, float], [(1.0, 1), (1, 1.0)]),
        (tuple[tuple[float, float], ...], [((0, 1),), ((-0.0, 1.0),)]),
        (object, [0.0, -0.0]),
    ],
)
def test_equal_settings_have_one_key_and_one_spelling(kind, spellings):
    assert len({key(kind, value) for value in spellings}) == 1
    assert len({repr(settings(config(kind, value))) for value in spellings}) == 1
    assert len({type(settings(config(kind, value))["value"]) for value in spellings}) == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (float, [0.1, float(np.float32(0.1)), "0.1", None, (0.1,), math.inf, -math.inf, 0.0, 10**400]),
        (int, [1, 2, "1", None, 1.5, 2**53, 2**53 + 1]),
        (bool, [True, False, "True", None]),
        (float, [2**53 + 1, float(2**53), 10**23, 1e23]),
        (tuple[float, ...], [(), (1.0,), (1.0, 1.0), ((1.0,),), 1.0]),
    ],
)
def test_different_settings_have_different_keys(kind, values):
    assert len({key(kind, value) for value in values}) == len(values)


@pytest.mark.parametrize(
    "value", [math.nan, np.float32("nan"), Path("a"), Plain.ONE, [1.0], np.arange(2), np.complex64(1), {1: 2}]
)
@pytest.mark.parametrize("kind", [float, object, list[float], Path])
def test_what_has_no_one_spelling_is_refused_by_name(kind, value):
    with pytest.raises(ValueError, match=r"Config\.value"):
        key(kind, value)


@given(st.one_of(st.integers(), st.floats(allow_nan=False)), st.sampled_from([float, int, bool, int | float]))
def test_a_number_keeps_its_value_and_equals_share_a_spelling(number, kind):
    spelled = settings(config(kind, number))["value"]
    assert spelled == number
    for other in (int, float):
        try:
            twin = other(number)
        except (OverflowError, ValueError):
            continue
        if twin == number:
            assert key(kind, twin) == key(kind, number)


def test_an_annotation_that_cannot_be_resolved_says_nothing():
    kind = make_dataclass("Config", [("value", "Nowhere"), ("other", "float")], frozen=True)
    assert declared(kind) == {"value": object, "other": float}
    assert settings(kind(1, 1)) == {"value": 1, "other": 1.0}


def test_defaults_are_spelled_as_settings_are():
    fields = [
        ("rate", float),
        ("decay", float, 0),
        ("sizes", tuple[int, ...], field(default_factory=lambda: (1, 2.0))),
        ("odd", Any, field(default_factory=list)),
    ]
    found = defaults(make_dataclass("Config", fields, frozen=True))
    assert repr(found) == "{'decay': 0.0, 'sizes': (1, 2)}"


@dataclass(frozen=True)
class Rated:
    rate: float


@dataclass(frozen=True)
class Anything:
    value: object


def sweep(store, *grid):
    calls = []

    def compute(config, seed, device):
        calls.append((config, seed))
        return Outcome({"loss": 1.0})

    made = Study("toy-study", 1, "?", lambda profile: grid, lambda profile: range(2), compute)
    return run(made, device="cpu", store=store, progress=False), calls


def test_a_table_does_not_count_a_setting_twice(tmp_path):
    store = RecordStore(tmp_path / "toy.jsonl")
    sweep(store, Rated(1.0))
    again, calls = sweep(store, Rated(1), Rated(0.5))
    assert [c.rate for c, _ in calls] == [0.5, 0.5]
    counts = frame(list(store.load().values())).groupby("rate").seed.count()
    pd.testing.assert_series_equal(counts, counts * 0 + 2)
    assert {type(record.config["rate"]) for record in again} == {float}


@pytest.mark.parametrize(("first", "second"), [(1, 1.0), (True, 1), ((1, 2), (1.0, 2.0))])
def test_equal_values_of_a_field_of_any_type_are_not_computed_twice(tmp_path, first, second):
    store = RecordStore(tmp_path / "toy.jsonl")
    before, _ = sweep(store, Anything(first))
    again, calls = sweep(store, Anything(second))
    assert calls == []
    assert [record.metrics for record in again] == [record.metrics for record in before]
    with pytest.raises(ValueError, match=r"twice.*equal to"):
        sweep(store, Anything(first), Anything(second))


def test_records_of_an_older_spelling_still_count(tmp_path):
    store = RecordStore(tmp_path / "toy.jsonl")
    sweep(store, Anything(1))
    old = make_dataclass("Config", [("value", float)], frozen=True)
    again, calls = sweep(store, old(1))
    assert calls == []
    assert repr(again[0].config) == "{'value': 1.0}"


def test_no_key_of_a_committed_record_has_changed():
    """Every record of a config of today's grids is found under the key that its line has."""
    from startright.paths import repository

    found = 0
    for study in catalogue.STUDIES.values():
        runs = [run for profile in study.profiles for run in study.runs(profile)]
        lines = read_lines(repository() / "data" / "results" / f"{study.name}.jsonl")
        keys = {line.record.key: line.record for line in lines if line.record}
        names = {frozenset(run.settings) for run in runs}
        for fields_then in {frozenset(record.config) for record in keys.values()}:
            assert any(fields_then <= today for today in names)  # less what was added since
        matched = {run.same: run.key for run in runs}
        for record in keys.values():
            known = matched.get((frozenset(record.config.items()), record.seed))
            found += known == record.key
            assert known in (None, record.key) or record.version != study.version
    assert found > 4000
