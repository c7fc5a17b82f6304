"""C4 and C5: single steps, with and without the interactions of the tensors, and where H̄ is indefinite."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, every, mean_between
from startright.claims import Change, Measurement
from startright.papers.higher_order import readings, studies
from startright.papers.higher_order.readings import Records
from startright.statements import Claims
from startright.studies import frame

REFERENCE_NET = "small-mlp"  # of the reference run, with its 2000 images
REFERENCE = {"cubic": (1.1, 1.25), "one_group": (1.2, 1.5), "diagonal": (1.5, 2.5)}  # losses after one step
NO_STEP, APART = "an infinitesimal step", "H̄ without interactions"
ALL, SECOND = "all of H̄ in both steps", "order 2 alone"

claim = Claims("higher_order", page="curvature/higher-order")
NOW = "2026-11-26"


# --- C4: interactions -----------------------------------------------------------------------


def _reference_losses(start: pd.DataFrame) -> Iterator[Check]:
    """Whether the losses after one step are those of the reference run, where the network is its own."""
    same = start[start["net"] == REFERENCE_NET]
    labels = {"cubic": "all of H̄", "one_group": "one rate for all", "diagonal": "no interactions"}
    for step, (low, high) in REFERENCE.items() if len(same) else ():
        text = f"at initialisation the small MLP ends between {low} and {high} with {labels[step]}"
        control = ALL if step == "diagonal" else NO_STEP
        yield mean_between(text, same[step], above=low, below=high, control=control)


@claim(
    "C4",
    "H̄ holds interactions between distant layers, which block-diagonal methods drop; they matter.",
    "none available (heat maps)",
    studies.ONE_STEP,
    anchor="fig-higher-order-interactions",
    locator="abstract; heat maps: figures, numbers not known to us",
    changes=(
        Change(
            "size of interactions",
            "|C| between any two tensors above 0.5",
            "between tensors of two layers",
            "block-diagonal methods keep the interactions of a weight with its own bias",
            NOW,
        ),
        Change(
            "order of the steps at initialisation; losses of the reference run",
            "first coded: not checked",
            "all of H̄ < one rate < no interactions in every run; means within 1.1 to 1.25, 1.2 to 1.5 and"
            " 1.5 to 2.5 on the small MLP",
            "laid down before the first run and left out of the first version",
            NOW,
        ),
    ),
)
def measure_interactions(records: Records) -> Measurement:
    """C4: what a step without the interactions of the tensors does."""
    found = records[studies.ONE_STEP.name]
    table = frame(found)
    start, trained = (table[(table["adam_steps"] > 0) == later] for later in (False, True))
    smaller = table["cubic"] < table[["diagonal", "diagonal_cubic"]].min(axis=1)
    raises = trained["diagonal"] > trained["before"]
    near, far = (np.array([readings.between_layers(run, apart) for run in found]) for apart in (1, 2))
    in_order = (start["cubic"] < start["one_group"]) & (start["one_group"] < start["diagonal"])
    layers = f"|C| between tensors of two layers exceeds 0.5, in every run (least {near.min():.2f})"
    lower = "with all of H̄ the loss after the step is smaller, in every run"
    order = (
        "at initialisation all of H̄ ends below one rate for all, and this below no interactions, in every run"
    )
    worse = "on a trained network the step without interactions raises the loss, in every run"
    checks = (
        every(layers, near > 0.5, control="block-diagonal H̄"),
        every(lower, smaller, control=APART),
        every(order, in_order, control=APART),
        every(worse, raises, control=ALL),
        *_reference_losses(start),
        # no size was laid down for layers that are no neighbours: it describes
        every(f"|C| likewise between layers that are no neighbours (least {far.min():.2f})", far > 0.5),
    )
    gap = (trained["diagonal"] - trained["cubic"]) / trained["before"]
    quantity = (
        "loss after the step without interactions minus with them, over the loss before, trained networks"
    )
    return Measurement.of(quantity, gap, checks, **readings.judged_on_data(table))


# --- C5: regularisation ---------------------------------------------------------------------


@claim(
    "C5",
    "The third order regularises the step where H̄ is not positive definite.",
    "none available",
    studies.INDEFINITE,
    studies.ONE_STEP,
    anchor="tab-higher-order-step",
    locator="abstract (orders 2 and 3); the regularisation: place not known to us",
    changes=(
        Change(
            "decrease of the cubic step",
            "first coded: not checked",
            "at least half of the largest decrease of all steps, in the median indefinite state",
            "an infinitesimal step passed all checks",
            NOW,
        ),
        Change(
            "cubic step where order 2 fails",
            "first coded: not checked",
            "lower loss wherever order 2 raises it",
            "what regularising means",
            NOW,
        ),
        Change(
            "indefinite H̄",
            "in one state at least",
            "in one state at least of every training",
            "one state of one training says little",
            NOW,
        ),
        Change(
            "below order 2 in 3 of 4 states",
            "share of all states together at least 0.75",
            "mean over trainings above 0.75 by its interval, on every network",
            "states of one training are no repetitions",
            NOW,
        ),
    ),
)
def measure_regularisation(records: Records) -> Measurement:
    """C5: states where H̄ is not positive definite."""
    table = readings.state_frame(records[studies.INDEFINITE.name])
    table = table[table["lambda_int"] == 1]
    indefinite = table["relative_eigenvalue"] <= 0
    bad = table[indefinite]
    start = frame(records[studies.ONE_STEP.name]).query("adam_steps == 0")
    somewhere = indefinite.groupby([table["net"], table["seed"]]).any()
    changes = [f"change_{step}" for step in readings.STEPS]
    of_best = bad["change_cubic"] / bad[changes].min(axis=1)  # of the largest decrease; below 0 if it rises
    of_best = readings.by_net(of_best, bad, "median")
    below = readings.by_net((bad["change_order2"] > bad["change_cubic"]).astype(float), bad, "mean")
    raised = bad[bad["change_order2"] > 0]
    trainings, lowers = len(raised[["net", "seed"]].drop_duplicates()), raised["change_cubic"] < 0
    fails, worst = (start["order2"] > start["before"]).any(), (start["cubic"] - start["before"]).max()
    states = f"H̄ is indefinite somewhere in every training ({len(bad)} of {len(table)} states)"
    half = "there the cubic step lowers the loss by at least half of the most that any step does,"
    half += " in the median state of a training"
    text = "there the cubic step ends below order 2 in 3 of 4 states"
    everywhere = "the cubic step lowers the loss wherever order 2 raises it there"
    above = "at initialisation, where H̄ is indefinite, order 2 can end above the loss it started from"
    never = f"the cubic step (λ = 1, undamped) does so in no run (worst {worst:+.2f} nat)"
    checks = (
        every(states, somewhere, control="H̄ made positive definite"),
        each_between(half, of_best, above=0.5, control=NO_STEP),
        each_between(text, below, above=0.75, control=SECOND),
        every(everywhere, lowers, control=SECOND, n=trainings),
        Check(above, fails, control="a cubic term in order 2"),  # one example is enough
        every(never, start["cubic"] < start["before"], control=SECOND),
    )
    share = indefinite.groupby(table["seed"]).mean()
    quantity = "share of states along Adam's path with λmin(H̄) ≤ 0, on batches of 100"
    return Measurement.of(quantity, share, checks, **readings.judged_on_data(table))
