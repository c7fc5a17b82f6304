import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.studies import Outcome, Record, Run


@given(st.data())
def test_any_record_survives_json(any_record, same, data):
    record = data.draw(any_record)
    line = record.to_json()
    assert "\n" not in line
    json.loads(line, parse_constant=pytest.fail)
    assert same(Record.from_json(line), record)
    assert same(Record.from_json(line.encode()), record)


@pytest.fixture
def record(config):
    outcome = Outcome({"loss": math.inf}, {"loss": [1.0, math.nan]})
    return Record.of(Run("toy-descent", 1, config(0.5), 7), outcome, profile="quick", seconds=0.25)


def test_a_record_says_what_was_run_and_what_came_out(record, config):
    assert record.key == Run("toy-descent", 1, config(0.5), 7).key
    assert record.config == {"rate": 0.5, "steps": 20, "width": 3}
    assert (record.seed, record.status, record.reason) == (7, "diverged", "not finite: loss = inf")
    assert record.present
    assert not replace(record, status="failed").present


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 8}, "key does not belong"),
        ({"config": {"rate": 0.25}}, "key does not belong"),
        ({"key": "0" * 16}, "key does not belong"),
        ({"version": True}, "'version'.*True"),
        ({"status": "fine"}, "unknown status 'fine'"),
        ({"status": ["ok"]}, "unknown status"),
        ({"metrics": [1]}, "'metrics'"),
        ({"metrics": {"loss": "small"}}, "'metrics'.*'small'"),
        ({"metrics": {"loss": None}}, "'metrics'"),
        ({"curves": {"loss": 1}}, "'curves'"),
        ({"curves": {"loss": [True]}}, "'curves'"),
        ({"reason": 3}, "'reason'"),
        ({"seconds": 10**400}, "too large"),
        ({"provenance": None}, "'provenance'"),
    ],
)
def test_altered_records_are_refused(record, changes, message):
    line = json.dumps({**json.loads(record.to_json()), **changes})
    with pytest.raises(ValueError, match=message):
        Record.from_json(line)


def test_every_field_is_needed(record):
    entries = json.loads(record.to_json())
    for name in entries:
        with pytest.raises(ValueError, match=f"'{name}' is missing"):
            Record.from_json(json.dumps({k: v for k, v in entries.items() if k != name}))


@given(st.data())
def test_unknown_fields_are_kept_and_shadow_nothing(any_record, data):
    record = data.draw(any_record)
    stowaway = replace(record, extra={**record.extra, "key": "another"})
    assert Record.from_json(stowaway.to_json()).key == record.key
    assert Record.from_json(stowaway.to_json()).extra.keys() == record.extra.keys()


@given(st.text() | st.binary())
def test_garbage_is_a_value_error(garbage):
    with pytest.raises(ValueError, match=r"."):
        Record.from_json(garbage)
