"""What every committed line of records keeps: it is a run of a study that the book still has.

A module may move and a config get a field with a default. A record whose key the study no longer makes from
the same settings would be orphaned in silence: nothing reads it, and its run is due again.
"""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from startright.book import catalogue
from startright.paths import repository
from startright.studies import Run
from startright.studies.record import run_key
from startright.studies.strict_json import loads, setting

FILES = sorted((repository() / "data" / "results").glob("*.jsonl"))


def keys_of(line):
    """Keys that the line's study makes of its settings; what was added since, at its default, is no part."""
    study = catalogue.STUDIES[line["study"]]
    made = {type(config) for profile in study.profiles for config in study.grid(profile)}
    given = {name: setting(value) for name, value in line["config"].items()}
    kinds = [each for each in made if _needed(each) <= {*given} <= {*each.__dataclass_fields__}]
    spelled = [Run(study.name, study.version, kind(**given), line["seed"]).settings for kind in kinds]
    alike = [{name: values[name] for name in given} for values in spelled]
    return [run_key(study.name, study.version, values, line["seed"]) for values in alike]


def _needed(kind):
    return {field.name for field in fields(kind) if field.default is field.default_factory is MISSING}


def test_there_are_records():
    assert len(FILES) >= len([s for s in catalogue.STUDIES.values() if "quick" in s.profiles])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_a_run_of_a_known_study(path: Path):
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        line = loads(text)
        assert line["study"] == path.stem
        assert line["key"] in keys_of(line), f"line {number}"
