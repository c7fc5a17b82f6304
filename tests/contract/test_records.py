"""What every committed line of records keeps: it is a run of a study that the book still has.

A module may move and a config get a field with a default. A record whose key the study no longer makes from
the same settings would be orphaned in silence: nothing reads it, and its run is due again.
"""

from pathlib import Path

import pytest

from startright.book import catalogue
from startright.paths import repository
from startright.studies import Run
from startright.studies.strict_json import loads, setting

FILES = sorted((repository() / "data" / "results").glob("*.jsonl"))


def run_of(line):
    """The run that a line says it is a record of, made anew by its study."""
    study = catalogue.STUDIES[line["study"]]
    made = {type(config) for profile in study.profiles for config in study.grid(profile)}
    (kind,) = {each for each in made if {*line["config"]} == {*each.__dataclass_fields__}}
    config = kind(**{name: setting(value) for name, value in line["config"].items()})
    return Run(study.name, study.version, config, line["seed"])


def test_there_are_records():
    assert len(FILES) >= len([s for s in catalogue.STUDIES.values() if "quick" in s.profiles])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_a_run_of_a_known_study(path: Path):
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        line = loads(text)
        assert (line["study"], line["key"]) == (path.stem, run_of(line).key), f"line {number}"
