"""Wrong methods, run as the studies run the right ones, or put in their place: each fails its checks."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from contract.verdicts import assert_all_named, assert_controls_fail, assert_sides, checks_of

from startright.papers.scalp import hidden, layers
from startright.papers.scalp.claims import CLAIMS
from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.papers.scalp.readings import FIXED
from startright.papers.scalp.scalings import ASYMMETRIC, NAMED
from startright.papers.scalp.studies import EXACT, PARETO, STABILITY, VARIANCE, WIDTH, exact, variance, width
from startright.papers.scalp.studies.variance import DIVERGENT
from startright.papers.scalp.studies.width import ETA
from startright.studies import Record, recorded

CPU = torch.device("cpu")
BY_ID = {claim.id: claim for claim in CLAIMS}


def quick(study):
    return recorded(study, "quick")


def instead(study, partner):
    """The quick records of a study, each with what another run left.

    Args:
        study: the study.
        partner: record → settings of the run that stands in its place; None to keep it. ``seed`` is its own.
    """

    def other(record):
        wanted = partner(record)
        if wanted is None:
            return record
        settings = record.config | wanted
        twin = next(r for r in quick(study) if r.seed == record.seed and dict(r.config) == settings)
        return replace(record, metrics=twin.metrics, curves=twin.curves, status=twin.status)

    return {study.name: [other(record) for record in quick(study)]}


def method_for(study, wrong, right, **rest):
    return instead(study, lambda r: {"method": wrong} | rest if r.config["method"] in right else None)


def rerun(study, when, *patches):
    """The quick records, those of the configs that ``when`` picks run afresh with the patches."""
    with pytest.MonkeyPatch.context() as patched:
        for owner, name, value in patches:
            patched.setattr(owner, name, value)
        wrong = {
            run.key: Record.of(run, study.run(run.config, run.seed, CPU), profile="quick")
            for run in study.runs("quick")
            if when(run.config)
        }
    assert wrong
    return {study.name: [wrong.get(record.key, record) for record in quick(study)]}


def rate_without_square():
    right = exact._rates
    wrong = (exact, "_rates", lambda layer, identity: right(layer, identity).sqrt())
    return rerun(EXACT, lambda c: c.identity in ("plain", "momentum", "glorot"), wrong)


def sgd_for_adam():
    return instead(EXACT, lambda r: {"identity": "plain"} if r.config["identity"] == "adam" else None)


def no_scaling():
    ones = (layers._Scaled, "factors", lambda self: torch.ones_like(self.sigma))
    return rerun(EXACT, lambda c: c.identity in exact.PENALTIES, ones)


def larger_gain():
    right = variance.coefficients

    def wrong(kind, n):
        start, step = right(kind, n)
        return 1.2 * start, 1.44 * step

    def closed(kind, n):
        start, step = right(kind, n)
        return float((start**2).sum()), float(step.sum() ** 2 + 2 * (step**2).sum())

    patches = (variance, "coefficients", wrong), (variance, "closed_forms", closed)
    return rerun(VARIANCE, lambda c: c.width == 100, *patches)


def kind_for(wrong, right):
    return instead(VARIANCE, lambda r: {"kind": wrong} if r.config["kind"] in right else None)


def standard_for_scala():
    return {**kind_for(STANDARD, NAMED), **method_for(WIDTH, STANDARD, NAMED, lr=FIXED)}


def scala_for_standard():
    return {**kind_for("uniform", (STANDARD,)), **method_for(WIDTH, "uniform", (STANDARD,), lr=ETA)}


def uniform_for_scalp():
    return method_for(STABILITY, "uniform", ASYMMETRIC)


def runs_of_two_methods():
    def partner(record):
        odd = record.seed % 2 and record.config["method"] in ASYMMETRIC
        return {"method": BN_LASSO} if odd else None

    return instead(STABILITY, partner)


def weak():
    most = max(r.config["strength"] for r in quick(PARETO) if r.config["method"] == "uniform")
    return method_for(PARETO, "uniform", ("1/(√k ln k)",), strength=most)


def largest_alone():
    return method_for(PARETO, "uniform", ("uniform",), strength=2e-2)


def widths_exchanged():
    widths = sorted({r.config["width"] for r in quick(STABILITY)})
    other = dict(zip(widths, reversed(widths), strict=True))
    slim = lambda r: {"width": other[r.config["width"]]} if r.config["method"] == BN_LASSO else None  # noqa: E731
    return instead(STABILITY, slim)


def as_measured(measure):
    """The quick records of ScaLa on digits with metrics of the network as it begins."""
    images = hidden.images("digits", None, CPU)

    def other(record):
        c = record.config
        if c["method"] not in NAMED:
            return record
        model = hidden.network(c["method"], (64, c["width"], 10), seed=record.seed)
        return replace(record, metrics=record.metrics | measure(model, images, c))

    return {WIDTH.name: [other(record) for record in quick(WIDTH)]}


def no_training():
    @torch.no_grad()
    def loss(model, images, config):
        return {"train_loss": float(torch.nn.functional.cross_entropy(model(images.train.x), images.train.y))}

    return as_measured(loss)


def rate_that_grows():
    def change(model, images, config):
        return {"first_change": width.first_change(model, images, config["width"] / 100)}

    return as_measured(change)


CONTROLS = {
    "a learning rate ησ": rate_without_square,
    "SGD in place of Adam": sgd_for_adam,
    "no scaling": no_scaling,
    "a gain of 1.2": larger_gain,
    DIVERGENT: lambda: kind_for(DIVERGENT, NAMED),
    STANDARD: standard_for_scala,
    "ScaLa": scala_for_standard,
    f"standard SGD at η = {FIXED:g}": standard_for_scala,
    "no training": no_training,
    "η that grows as N": rate_that_grows,
    "widths exchanged": widths_exchanged,
    "the uniform scaling": lambda: method_for(PARETO, "uniform", ("1/(√k ln k)",)),
    "uniform": uniform_for_scalp,
    "runs of two methods": runs_of_two_methods,
    "the uniform scaling at its largest λ": weak,
    "its largest λ alone": largest_alone,
}
CONTROLS["1/k"] = lambda: kind_for("1/k", (DIVERGENT,))


@cache
def made(name):
    return CONTROLS[name]()


@pytest.mark.parametrize("id", sorted(BY_ID))
def test_every_check_fails_for_its_control(id):
    assert_controls_fail(BY_ID[id], {name: lambda name=name: made(name) for name in CONTROLS})


def test_every_control_is_of_a_check():
    assert_all_named(CLAIMS, CONTROLS)


# --- both sides of the thresholds -------------------------------------------------------------


def scaled(study, factor, *columns, **where):
    """Quick records with metrics multiplied by a function of the record."""
    return {
        study.name: [
            replace(r, metrics=r.metrics | {c: factor(r) for c in columns})
            if all(r.config[k] == v for k, v in where.items())
            else r
            for r in quick(study)
        ]
    }


def check(id, place, records):
    return checks_of(BY_ID[id], records)[place]


def left(ratio):
    """Neurons left at the largest width over those at the smallest, in every run and method."""
    widths = sorted({r.config["width"] for r in quick(STABILITY)})
    counts = dict(zip(widths, (100, 100, 100 * ratio), strict=True))
    return scaled(STABILITY, lambda r: counts[r.config["width"]], "left")


def test_sides_of_the_width_that_stays():
    assert_sides(lambda x: check("C6", 0, left(x)), holds=1.49, fails=1.51)
    assert_sides(lambda x: check("C6", 0, left(x)), holds=0.68, fails=0.66)
    assert_sides(lambda x: check("C6", 3, left(x)), holds=1.51, fails=1.49)


def test_sides_of_the_largest_index():
    def largest(share):
        return scaled(STABILITY, lambda r: share * r.config["width"], "largest")

    assert_sides(lambda x: check("C6", 1, largest(x)), holds=0.249, fails=0.251)


def loss(exponent):
    return scaled(WIDTH, lambda r: 0.01 * r.config["width"] ** exponent, "train_loss")


def test_sides_of_the_losses():
    widest = np.log(30)  # from 100 to 3000 neurons
    assert_sides(lambda x: check("C4", 1, loss(np.log(x) / widest)), holds=1.29, fails=1.31)
    assert_sides(lambda x: check("C4", 2, loss(x)), holds=0.099, fails=0.101)
    assert_sides(lambda x: check("C4", 3, loss(np.log(x) / widest)), holds=5.1, fails=4.9)


def test_sides_of_the_first_change():
    def change(exponent):
        return scaled(WIDTH, lambda r: r.config["width"] ** exponent, "first_change")

    assert_sides(lambda x: check("C3", 2, change(x)), holds=0.51, fails=0.49)
    assert_sides(lambda x: check("C3", 3, change(x)), holds=0.49, fails=0.51)


def accuracy(gap):
    """ScaLP with 1/(√k ln k) so many points above BN-Lasso, all with a tenth of the parameters."""

    def value(record):
        return 0.8 + (gap / 100 if record.config["method"] in ASYMMETRIC else 0)

    records = scaled(PARETO, value, "pruned_accuracy")[PARETO.name]
    return {PARETO.name: [replace(r, metrics=r.metrics | {"share": 0.1}) for r in records]}


def test_sides_of_the_accuracies():
    assert_sides(lambda x: check("C7", 0, accuracy(x)), holds=-0.99, fails=-1.01)
    assert_sides(lambda x: check("C8", 0, accuracy(x)), holds=-0.01, fails=0.01)


def test_an_equality_that_is_lost_is_seen():
    assert check("C1", 0, scaled(EXACT, lambda r: 1e-11, "distance", identity="plain")).holds
    assert not check("C1", 0, scaled(EXACT, lambda r: 1e-9, "distance", identity="plain")).holds
