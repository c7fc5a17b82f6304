"""Wrong methods, run as the studies run the right ones: each fails the checks that name it."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from contract.verdicts import assert_controls_fail

from startright.papers.residual import claims, studies
from startright.papers.residual.claims import CLAIMS
from startright.studies import recorded

SHATTERING, ALIGNMENT, INITS = (s.name for s in (studies.SHATTERING, studies.ALIGNMENT, studies.INITS))


def instead(study, swaps):
    """The records of a study, those of some networks with the metrics of other networks, seed by seed.

    Args:
        study: the study.
        swaps: a config's fields → those of the network that is run in its place.
    """
    records = recorded(study, "quick")

    def like(record, fields):
        return all(record.config[name] == value for name, value in fields.items())

    def wrong(record):
        for fields, others in swaps:
            if like(record, fields):
                (other,) = (r for r in records if r.seed == record.seed and like(r, others))
                return replace(record, metrics=record.metrics | other.metrics)
        return record

    return {study.name: [wrong(record) for record in records]}


PLAIN, RAW = {"kind": "plain", "norm": True}, {"kind": "plain", "norm": False}
SKIPS, SMALL = ({"kind": "residual", "beta": beta} for beta in (1.0, 0.1))


@cache
def skips_left_out():
    """White slopes where skips were: at fifty layers no better than at twenty-four."""
    found = instead(studies.SHATTERING, [(SKIPS, PLAIN), (SMALL, PLAIN)])
    fifty = []
    for r in found[SHATTERING]:
        if r.config["kind"] == "residual":
            moved = {f"lag_{k}_at_50": r.metrics[f"lag_{k}_at_24"] for k in (1, 5, 15)}
            r = replace(r, metrics=r.metrics | moved)  # noqa: PLW2901
        fifty.append(r)
    return {SHATTERING: fifty}


def normalised():
    found = instead(studies.SHATTERING, [(RAW, PLAIN)])[SHATTERING]
    white = [
        replace(r, metrics=r.metrics | {"lag_1_at_50": r.metrics["lag_1_at_24"]})
        if not r.config["norm"]
        else r
        for r in found
    ]
    return {SHATTERING: white}


@cache
def by_chance():
    """Units are active by chance, independently for the two inputs: what is assumed."""
    made = []
    for record in recorded(studies.ALIGNMENT, "quick"):
        rng, width = torch.Generator().manual_seed(record.seed), 200
        t, found = torch.randn(width, 20, generator=rng).expand(2, -1, -1), {}
        for layer in range(1, 11):
            weight = torch.randn(width, width, generator=rng) * (2 / width) ** 0.5
            slope = weight @ ((torch.rand(2, width, 1, generator=rng) > 0.5) * t)
            t = slope if record.config["kind"] == "plain" else (t + slope) / 2**0.5
            found[f"correlation_{layer}"] = float(torch.cosine_similarity(*t.flatten(1), dim=0))
        made.append(replace(record, metrics={name: found[name] for name in record.metrics}))
    return {ALIGNMENT: made}


LINEAR, CRELU, RELU = ({"network": name} for name in ("looks-linear", "crelu", "relu"))

CONTROLS = {
    claims.NO_SKIPS: skips_left_out,
    claims.SKIPS: lambda: instead(studies.SHATTERING, [(PLAIN, SKIPS)]),
    claims.SAME_BETA: lambda: instead(studies.SHATTERING, [(SMALL, SKIPS)]),
    claims.NORMALISED: normalised,
    claims.BY_CHANCE: by_chance,
    claims.HE: lambda: instead(studies.INITS, [(LINEAR, CRELU)]),
    claims.EXCHANGED: lambda: instead(studies.INITS, [(LINEAR, RELU), (RELU, LINEAR)]),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_control_fails(claim):
    assert_controls_fail(claim, CONTROLS)
