"""Every check of the paper that counts is failed by a wrong method, which is run here."""

from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch
from contract.verdicts import assert_controls_fail, checks_of

from startright.papers.higher_order import optim, studies, training
from startright.papers.higher_order.claims import CLAIMS
from startright.papers.higher_order.cubic import cubic_step
from startright.papers.higher_order.partition import Partition, as_partition
from startright.papers.higher_order.reduced import Derivatives, grouped_derivatives
from startright.papers.higher_order.studies import cost as cost_study
from startright.papers.higher_order.studies import exact as exact_study
from startright.papers.higher_order.studies import step as step_study
from startright.studies import recorded

CPU = torch.device("cpu")
BY_ID = {claim.id: claim for claim in CLAIMS}


@contextmanager
def patched(module, name, value):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, value)
        yield


def ran(study, run, when, *, alone=False):
    """The quick records of a study, some done anew by a wrong ``run``; these alone, or with the others."""
    records = {record.key: record for record in recorded(study, "quick")}
    wrong = {}
    for each in filter(when, study.runs("quick")):
        out = run(each.config, each.seed, CPU)
        wrong[each.key] = replace(
            records[each.key], metrics=out.metrics, curves=out.curves, status=out.status
        )
    return list((wrong if alone else records | wrong).values())


def renamed(study, profile="quick", **names):
    """The records where a step bears the result of another: that step is what was tried in its place."""

    def swap(values):
        given = {n: values[o] for n, o in names.items() if o in values}
        changes = {f"change_{n}": values[f"change_{o}"] for n, o in names.items() if f"change_{o}" in values}
        return values | given | changes

    return [
        replace(r, metrics=swap(r.metrics), curves=swap(r.curves)) if r.curves else r
        for r in recorded(study, profile)
    ]


# --- identities -----------------------------------------------------------------------------


def finite_differences(of_params, params, groups, direction, *, third=True, backend="", h=1e-3):
    """The derivatives of ψ estimated from its values."""

    def psi(eta):
        eta = torch.as_tensor(eta, dtype=torch.float64)
        return float(of_params({n: p + eta[groups.index(n)] * direction[n] for n, p in params.items()}))

    e = h * torch.eye(len(groups), dtype=torch.float64)
    g = [(psi(a) - psi(-a)) / (2 * h) for a in e]
    H = [[(psi(a + b) - psi(a - b) - psi(b - a) + psi(-a - b)) / (4 * h * h) for b in e] for a in e]
    d3 = [(psi(2 * a) - 2 * psi(a) + 2 * psi(-a) - psi(-2 * a)) / (2 * h**3) for a in e]
    return Derivatives(*(torch.tensor(values, dtype=torch.float64) for values in (g, H, d3)))


@cache
def estimates():
    def exact(*arguments):
        return grouped_derivatives(*arguments, backend="double_backward")  # as exact as all derivatives

    with (
        patched(exact_study, "brute_force", exact),
        patched(exact_study, "grouped_derivatives", finite_differences),
    ):
        return {studies.EXACTNESS.name: ran(studies.EXACTNESS, exact_study.run_exact, is_canonical)}


def is_canonical(run):
    return run.config.groups == "canonical"


@cache
def means_for_sums():
    sums = Partition.block_sums

    def means(self, coarser):
        J = sums(self, coarser)
        return J / J.sum(1, keepdim=True)

    with patched(Partition, "block_sums", means):
        return {studies.MERGING.name: ran(studies.MERGING, exact_study.run_merge, lambda run: True)}


def constant_rate(g, H, d, lambda_int):
    """One rate whatever the derivatives say: the plain gradient."""
    return replace(cubic_step(g, torch.eye(len(g)), None, 0.0), eta=torch.ones_like(g))


def courses(changes):
    """The study of invariance with two of its changes of parameters."""
    when = lambda run: (run.config.change, run.config.direction) in changes  # noqa: E731
    return {studies.INVARIANCE.name: ran(studies.INVARIANCE, exact_study.run_invariance, when)}


@cache
def plain_gradient():
    with patched(exact_study, "cubic_step", constant_rate):
        return courses([("scale", "momentum")])


@cache
def infinitesimal_courses():
    def small(*arguments):
        step = cubic_step(*arguments)
        return replace(step, eta=1e-6 * step.eta)

    with patched(exact_study, "cubic_step", small):
        return courses([("scale", "momentum")])


@cache
def same_parameters():
    with patched(exact_study, "_change", lambda kind, params, rng: (dict, dict)):
        return courses([("split", "momentum"), ("rotation", "adam")])


# --- cost -----------------------------------------------------------------------------------


def costs(wrong, *, third, batch, repeats, groups=(1, 5, 10)):
    """The study of the cost by backward passes; few images and the most groups where these are many."""

    def when(run):
        c = run.config
        return c.backend == "double_backward" and c.third == third and c.groups in groups

    run = lambda config, seed, device: cost_study.run_cost(  # noqa: E731
        replace(config, batch=batch, repeats=repeats), seed, device
    )
    with patched(cost_study, "grouped_derivatives", wrong):
        return {studies.COST.name: ran(studies.COST, run, when)}


@cache
def entry_by_entry():
    """S² passes: the Hessian of each pair of groups anew."""

    def wrong(of_params, params, groups, direction, **how):
        for a, b in product(groups.groups, repeat=2):
            pair = {*a, *b}
            rest = tuple(name for name in params if name not in pair)
            parts = [tuple(pair), rest] if rest else [tuple(pair)]
            grouped_derivatives(of_params, params, Partition.custom(params, parts), direction, **how)

    return costs(wrong, third=False, batch=8, repeats=1, groups=(10,))


@cache
def one_product():
    """One Hessian-vector product, with the whole direction at once."""

    def wrong(of_params, params, groups, direction, **how):
        grouped_derivatives(of_params, params, as_partition("trivial", params), direction, **how)

    return costs(wrong, third=False, batch=50, repeats=5)


@cache
def nothing_shared():
    """The third derivative along each group from passes of its own."""

    def wrong(of_params, params, groups, direction, **how):
        for group in groups.groups:
            alone = {n: u if n in group else torch.zeros_like(u) for n, u in direction.items()}
            grouped_derivatives(of_params, params, as_partition("trivial", params), alone, **how)

    return costs(wrong, third=True, batch=8, repeats=1, groups=(10,))


# --- one step -------------------------------------------------------------------------------


def wrong_hessian(change, study, run, when):
    """A study of single steps with H̄ replaced by ``change(H̄, groups)``."""

    def wrong(of_params, params, groups, direction):
        d = grouped_derivatives(of_params, params, groups, direction)
        return d._replace(H=change(d.H, groups))

    with patched(step_study, "grouped_derivatives", wrong):
        return {study.name: ran(study, run, when)}


def is_first(run):
    return run.seed == 0


@cache
def block_diagonal():
    def blocks(H, groups):
        layer = [names[0].rpartition(".")[0] for names in groups.groups]
        return H * torch.tensor([[a == b for b in layer] for a in layer])

    return wrong_hessian(blocks, studies.ONE_STEP, step_study.run_step, is_first)


@cache
def made_definite():
    def definite(H, groups):
        values, vectors = torch.linalg.eigh(H)
        return vectors @ torch.diag(values.abs().clamp(min=1e-3 * values.abs().max())) @ vectors.T

    return wrong_hessian(definite, studies.INDEFINITE, step_study.run_indefinite, is_first)


@cache
def infinitesimal():
    right = step_study.etas

    def wrong(d, lambda_int):
        rates = right(d, lambda_int)
        return rates | {"cubic": 1e-6 * rates["cubic"]}

    with patched(step_study, "etas", wrong):
        study, three = studies.INDEFINITE, lambda run: run.seed < 3
        return {study.name: ran(study, step_study.run_indefinite, three, alone=True)}


def instead(**names):
    return lambda: {study.name: renamed(study, **names) for study in (studies.ONE_STEP, studies.INDEFINITE)}


# --- trainings ------------------------------------------------------------------------------


def is_grouped(run):
    return run.config.method == "grouped"


def is_main(run):
    return is_grouped(run) and run.config.lr == 0.3


@cache
def rates_of_zero():
    @cache
    def still(config, seed):
        return training.run_training(replace(config, method="sgd", lr=1e-12, epochs=1), seed, CPU)

    run = lambda config, seed, device: still(replace(config, lr=0.0), seed)  # noqa: E731
    return {study.name: ran(study, run, is_grouped) for study in (studies.LEARNING, studies.NETWORKS)}


@cache
def other_tensors():
    def step(*arguments):
        right = cubic_step(*arguments)
        return replace(right, eta=right.eta.roll(1))

    with patched(optim, "cubic_step", step):
        return {studies.LEARNING.name: ran(studies.LEARNING, training.run_training, is_main, alone=True)}


@cache
def one_rate():
    def run(config, seed, device):
        out = training.run_training(replace(config, groups="trivial"), seed, device)
        return replace(out, curves={f"eta_{s}": out.curves["eta_0"] for s in range(6)})

    return {
        studies.LEARNING.name: ran(studies.LEARNING, run, lambda r: is_main(r) and is_first(r), alone=True)
    }


CONTROLS = {
    "finite differences": estimates,
    "means for sums": means_for_sums,
    "the plain gradient": plain_gradient,
    "the same parameters twice": same_parameters,
    "a pass for each entry of H̄": entry_by_entry,
    "one Hessian-vector product for all groups": one_product,
    "nothing shared between groups": nothing_shared,
    "block-diagonal H̄": block_diagonal,
    "H̄ without interactions": instead(cubic="diagonal_cubic"),
    "all of H̄ in both steps": instead(diagonal="cubic"),
    "H̄ made positive definite": made_definite,
    "an infinitesimal step": infinitesimal,
    "order 2 alone": instead(cubic="order2"),
    "a cubic term in order 2": instead(order2="cubic"),
    "rates of 0": rates_of_zero,
    "the rates of other tensors": other_tensors,
    "one rate for all": one_rate,
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_check_that_counts_is_failed_by_its_control(claim):
    assert_controls_fail(claim, CONTROLS)


def without_interactions_of_layers(record):
    """H̄ set to zero between layers, in the curves of C: a tensor and its neighbour share a layer."""
    C = {name: curve for name, curve in record.curves.items() if name.startswith("interaction_")}
    kept = {
        name: [value * (int(name.rpartition("_")[2]) // 2 == k // 2) for k, value in enumerate(curve)]
        for name, curve in C.items()
    }
    return replace(record, curves=record.curves | kept)


FULL = {
    "block-diagonal H̄": lambda: [
        without_interactions_of_layers(r) for r in recorded(studies.ONE_STEP, "full")
    ],
    "H̄ without interactions": lambda: renamed(studies.ONE_STEP, "full", cubic="diagonal_cubic"),
    "all of H̄ in both steps": lambda: renamed(studies.ONE_STEP, "full", diagonal="cubic"),
    "an infinitesimal step": lambda: renamed(studies.ONE_STEP, "full", cubic="before", one_group="before"),
}


def test_the_losses_of_the_reference_run_are_failed_as_well():
    full = {name: lambda make=make: {studies.ONE_STEP.name: make()} for name, make in FULL.items()}
    assert_controls_fail(BY_ID["C4"], full, "full")


def test_an_infinitesimal_step_is_invariant_by_no_merit():
    assert checks_of(BY_ID["C3"], infinitesimal_courses())[0].holds is False
