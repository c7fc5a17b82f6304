"""Which record is a run's: the one of its key, or one that a growing config left behind.

A field that is added to a config changes the keys of all runs. Their records still count, as long as the
study's ``version`` says that the code computes what it did: a record that lacks fields belongs to the run
that has the same settings otherwise and, in those fields, the default that they were added with. Two settings
never share a record:

- The default counts that a field had when :func:`startright.studies.runner.run` first met records without it.
  It is laid down beside them (:meth:`startright.studies.store.RecordStore.note`); a default that is changed
  later finds none of them.
- Where some records have a field and others lack it, and nothing was laid down, the latter are of no run.
- Fields that a class of today's grids lacks as well were not added: such records are of that class.
- A field without a default was not added either; the runs are others.
"""

from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from startright.paths import is_ours, project_of, results_root, shipped_results
from startright.profiles import PROFILES
from startright.studies.provenance import code_of
from startright.studies.record import Record, Run
from startright.studies.settings import declared, defaults
from startright.studies.store import RecordStore
from startright.studies.study import Study


class Known:
    """The records of a store by the runs of a study.

    Args:
        study: whose runs are looked for.
        store: is read, and for runs that are not there under their key asked what older records lack.
        noting: whether defaults that are met for the first time may be laid down in the store.

    Raises:
        OSError: a file of the store exists and cannot be read.
    """

    def __init__(self, study: Study, store: RecordStore, noting: bool = False):
        self.study, self.store, self.noting = study, store, noting
        self.records: dict[str, Record] = store.load()

    def find(self, run: Run) -> Record | None:
        """The record of ``run``, under its key and with all its fields; None if there is none.

        A record of an older config keeps its line as it is; what is returned says by ``recorded_as`` in its
        provenance which one it is.
        """
        found = self.records.get(run.key)
        if found is not None and found.present:
            return found
        older = self._older(run)
        if older is None:
            return found
        origin = {**older.provenance, "recorded_as": older.key}
        return replace(older, key=run.key, config=run.settings, provenance=origin)

    def of(self, runs: Iterable[Run]) -> dict[str, Record]:
        """The records of ``runs`` by key, of those that have one."""
        found = ((run.key, self.find(run)) for run in runs)
        return {key: record for key, record in found if record is not None}

    def _older(self, run: Run) -> Record | None:
        """The record of the most fields that stands for ``run``."""
        for names in self._generations:
            lacking = run.settings.keys() - names
            if len(lacking) != len(run.settings) - len(names) or (lacking and names in self._current):
                continue
            if all(self._meanings.get(name, MISSING) == run.settings[name] for name in lacking):
                had = {name: run.settings[name] for name in names}
                if (record := self._by_settings.get(_identity(had, run.seed))) is not None:
                    return record
        return None

    @cached_property
    def _own(self) -> list[Record]:
        """The records of the study as it is, those that failed left out."""
        same = (self.study.name, self.study.version)
        return [r for r in self.records.values() if (r.study, r.version) == same and r.present]

    @cached_property
    def _by_settings(self) -> dict[Hashable, Record]:
        return {_identity(record.config, record.seed): record for record in self._own}

    @cached_property
    def _generations(self) -> list[frozenset[str]]:
        """The sets of fields that records have, the largest first."""
        return sorted(
            {frozenset(record.config) for record in self._own}, key=lambda names: (-len(names), sorted(names))
        )

    @cached_property
    def _classes(self) -> list[type]:
        """The config classes of the study's grids, as far as these can be had."""
        found: dict[type, None] = {}
        for profile in PROFILES:
            try:
                found |= dict.fromkeys(type(config) for config in self.study.grid(profile))
            except Exception:  # a profile that the study has not, or cannot have here
                continue
        return list(found)

    @cached_property
    def _current(self) -> set[frozenset[str]]:
        return {frozenset(declared(owner)) for owner in self._classes}

    @cached_property
    def _meanings(self) -> dict[str, Any]:
        """What records had in the fields that they lack: laid down, or met here for the first time."""
        laid_down = self.store.meanings(self.study.name, self.study.version)
        older = [names for names in self._generations if names not in self._current]
        met: dict[str, Any] = {}
        for owner in self._classes:
            for name, default in defaults(owner).items():
                lacked = any(name not in names and names < set(declared(owner)) for names in older)
                told = any(name in names for names in self._generations)
                if lacked and not told and name not in laid_down:
                    met.setdefault(name, default)
        if met and self.noting:
            with suppress(OSError):  # where nothing can be written, no record comes that needs the note
                return self.store.note(self.study.name, self.study.version, met)
        return met | laid_down


def _identity(settings: Mapping[str, Any], seed: int) -> Hashable:
    """Equal for settings that Python holds to be equal, however they are spelled."""
    return frozenset(settings.items()), seed


def default_store(study: Study) -> RecordStore:
    """The store of the study's records in :func:`startright.paths.results_root`.

    A study of the book has them in the book's checkout, one of another project in that project, any other in
    the current folder. Beneath them it reads those that an installed package brings along.
    """
    code, name, shipped = code_of(study), f"{study.name}.jsonl", shipped_results()
    project = project_of(code) or (None if is_ours(code) else Path.cwd())
    return RecordStore(results_root(project) / name, beneath=shipped and shipped / name)


def recorded(study: Study, profile: str = "full") -> list[Record]:
    """The records of a grid that the study's store holds: all, some or none.

    Runs that ``failed`` left no result and are not among them.

    Raises:
        ValueError: an unknown profile, or one the study has not.
        OSError: the file exists and cannot be read.
    """
    found = Known(study, default_store(study)).of(study.runs(profile))
    return [record for record in found.values() if record.present]


def complete(study: Study, profile: str = "full") -> list[Record]:
    """The records of a grid if all its runs have one, else none."""
    found = recorded(study, profile)
    return found if len(found) == len(study.runs(profile)) else []
