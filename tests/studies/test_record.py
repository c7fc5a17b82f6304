import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.paths import repository
from startright.studies import Outcome, Record, Run
from startright.studies.record import CHECKSUM


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
    entries = {**json.loads(record.to_json()), **changes}
    with pytest.raises(ValueError, match=r"altered: its checksum is '[0-9a-f]{16}', not '"):
        Record.from_json(json.dumps(entries))
    del entries[CHECKSUM]
    with pytest.raises(ValueError, match=message):
        Record.from_json(json.dumps(entries))


def test_every_field_is_needed(record):
    entries = json.loads(record.to_json())
    del entries[CHECKSUM]
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


def test_a_line_of_an_old_store_is_read_and_gets_a_checksum(record):
    entries = json.loads(record.to_json())
    checksum = entries.pop(CHECKSUM)
    old = json.dumps(entries, indent=1)  # spacing does not matter
    assert json.loads(Record.from_json(old).to_json())[CHECKSUM] == checksum
    spaced = json.dumps({**entries, CHECKSUM: checksum}, indent=1)
    assert Record.from_json(spaced).to_json() == record.to_json()


@pytest.mark.parametrize("checksum", [None, "", 0, "0" * 16])
def test_a_checksum_of_another_kind_is_no_missing_one(record, checksum):
    with pytest.raises(ValueError, match="altered"):
        Record.from_json(json.dumps({**json.loads(record.to_json()), CHECKSUM: checksum}))


def test_an_unknown_field_needs_a_checksum(record):
    entries = json.loads(replace(record, extra={"colour": "red"}).to_json())
    assert Record.from_json(json.dumps(entries)).extra == {"colour": "red"}
    del entries[CHECKSUM]
    with pytest.raises(ValueError, match="unknown field 'colour' in a line without a checksum"):
        Record.from_json(json.dumps(entries))


def _read_as_itself_or_refused(line, record, same):
    try:
        found = Record.from_json(line)
    except ValueError:
        return True
    return same(found, record)


@given(st.data())
def test_no_change_of_a_character_is_read_as_another_record(any_record, same, data):
    record = data.draw(any_record)
    line = record.to_json()
    place = data.draw(st.integers(0, len(line) - 1))
    new = data.draw(st.characters() | st.sampled_from('0123456789.-e,:{}[]" ') | st.just(""))
    kept = data.draw(st.sampled_from([0, 1]))  # replaced, or inserted before
    mutated = line[:place] + new + line[place + 1 - kept :]
    assert _read_as_itself_or_refused(mutated, record, same)


def _real_lines():
    folder = repository() / "data" / "results"
    return [path.read_bytes().partition(b"\n")[0] for path in sorted(folder.glob("*.jsonl"))][::6]


@pytest.mark.parametrize("line", _real_lines())
def test_every_place_of_a_real_line_is_guarded(line, same):
    record = Record.from_json(line)
    text, dice = record.to_json().encode(), random.Random(0)
    for place in range(0, len(text), 1 + len(text) // 1500):
        new = dice.choice(b'0123456789.-e,:{}[]" azAZ_')
        for mutated in (text[:place] + bytes([new]) + text[place + 1 :], text[:place] + text[place + 1 :]):
            assert _read_as_itself_or_refused(mutated, record, same), (place, mutated)
