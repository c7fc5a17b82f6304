"""What every paper's claims must keep: a control that fails each check, and both sides of each threshold."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
import torch

from startright.checks import Check
from startright.claims import Claim
from startright.studies import Record, Study, recorded

Records = Mapping[str, list[Record]]
Controls = Mapping[str, Callable[[], Records]]


def checks_of(claim: Claim, records: Records | None = None, profile: str | None = None) -> tuple[Check, ...]:
    """The checks of a claim on the committed records, with some studies' replaced by ``records``.

    Raises:
        AssertionError: a measurement that cannot be made: a control must be measurable.
    """
    profile = profile or claim.profiles[0]
    found = {study.name: recorded(study, profile) for study in claim.studies}
    measurement = claim.measure(
        {**found, **{name: r for name, r in (records or {}).items() if name in found}}
    )
    assert measurement is not None
    return measurement.checks


def run_wrong(study: Study, when: Callable[[Any], bool], *patches: tuple[Any, str, Any]) -> Records:
    """The committed quick records of a study, those of the configs that ``when`` picks run afresh, patched.

    Args:
        study: its runs are made on the CPU.
        when: config → whether its runs are run.
        patches: (owner, name, value) each, in force while they run.
    """
    with pytest.MonkeyPatch.context() as patched:
        for owner, name, value in patches:
            patched.setattr(owner, name, value)
        wrong = {
            run.key: Record.of(run, study.run(run.config, run.seed, torch.device("cpu")), profile="quick")
            for run in study.runs("quick")
            if when(run.config)
        }
    assert wrong
    return {study.name: [wrong.get(record.key, record) for record in recorded(study, "quick")]}


def assert_controls_fail(claim: Claim, controls: Controls, profile: str | None = None) -> None:
    """Every check of the claim that counts names a control, and fails on what that wrong method leaves.

    Args:
        claim: the claim.
        controls: name → the records of a wrong method, by study; studies it leaves out keep theirs.
        profile: that the controls are run in; None: the smallest.
    """
    right = checks_of(claim, profile=profile)
    under = cache(lambda control: checks_of(claim, controls[control](), profile))  # one measurement a control
    for place, check in enumerate(right):
        if not check.counts:
            continue
        assert check.control in controls, f"{claim.id}: no control is called {check.control!r}"
        wrong = under(check.control)
        assert len(wrong) == len(right), f"{claim.id}: another number of checks under {check.control!r}"
        assert wrong[place].control == check.control
        assert wrong[place].holds is False, (
            f"{claim.id}: {check.control!r} does not fail: {wrong[place].text}"
        )


def assert_sides(check: Callable[[float], Check], *, holds: float, fails: float) -> None:
    """A check answers yes and no on the two sides of its threshold, as near to it as the values given.

    Args:
        check: a size, such as a gap in points → the check on records that have it.
        holds: a size just inside.
        fails: a size just outside.
    """
    assert check(holds).holds is True, check(holds).text
    assert check(fails).holds is False, check(fails).text


def assert_all_named(claims: Sequence[Claim], controls: Controls) -> None:
    """The controls are those that the claims' checks name, no more and no fewer.

    Args:
        claims: of a paper.
        controls: by name.
    """
    named = {check.control for claim in claims for check in checks_of(claim)}
    assert named - {""} == set(controls)


__all__ = ["assert_all_named", "assert_controls_fail", "assert_sides", "checks_of"]
