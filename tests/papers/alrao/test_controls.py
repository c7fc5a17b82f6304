"""Every check of the paper fails for the wrong method that it names, and beyond its threshold."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract.verdicts import assert_controls_fail, assert_sides, checks_of

from startright.papers.alrao import studies
from startright.papers.alrao.claims import CLAIMS
from startright.papers.alrao.published import FIRST_EPOCH_MAP, MOBILENET_TRAIN
from startright.studies import Outcome, Record, recorded

sys.path.insert(0, str(Path(__file__).parent))
from wrong import CONTROLS, is_alrao

BY_ID = {claim.id: claim for claim in CLAIMS}
IN_FULL = ("C5", "C7", "C8")  # without quick records, or with one seed


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.id != "C6"], ids=lambda claim: claim.id)
def test_every_check_fails_for_its_wrong_method(claim):
    assert_controls_fail(claim, CONTROLS, "full" if claim.id in IN_FULL else "quick")


# --- ImageNet, of which there are no records ------------------------------------------------

TABLE = {"resnet50": (67.5, 67.4), "densenet121": (67.3, 69.7), "alexnet": (43.2, 53.2)}


def imagenet(accuracy=lambda model, alrao: TABLE[model][not alrao]):
    """Records of the paper's networks with these accuracies in %, three seeds."""
    return [
        Record.of(
            run,
            Outcome({"test_accuracy": (accuracy(run.config.model, is_alrao(vars(run.config)))) / 100}),
            profile="paper",
        )
        for run in studies.IMAGENET.runs("paper")
    ]


def test_imagenet_is_judged_by_the_papers_table():
    right = BY_ID["C6"].measure({"alrao-imagenet": imagenet()}).checks
    wrong = BY_ID["C6"].measure({"alrao-imagenet": imagenet(lambda model, alrao: 0.1)}).checks
    assert [check.holds for check in right] == [True] * 3
    assert [check.holds for check in wrong] == [False] * 3


# --- both sides of every threshold ----------------------------------------------------------


def at(claim_id, place, edit, profile="quick"):
    """size → the check at this place on records edited to have it."""
    claim = BY_ID[claim_id]
    names = {study.name for study in claim.studies}

    def check(size):
        found = {name: recorded(studies_by_name(name), profile) for name in names}
        return checks_of(claim, {name: edit(records, size) for name, records in found.items()}, profile)[
            place
        ]

    return check


def studies_by_name(name):
    return next(study for study in studies.STUDIES if study.name == name)


def written(record, **metrics):
    """The record with values in the place of metrics, and of the curves of that name."""
    return replace(record, status="ok", metrics=record.metrics | metrics)


def alrao_like_sgd(column, sign, rate=0.1):
    """Alrao's column set to that of SGD at its best rate, ``size`` apart, the seeds alike."""

    def edit(records, size):
        best = [
            r for r in records if r.config["lo"] == r.config["hi"] == rate and r.config["optimizer"] == "sgd"
        ]
        base = {r.seed: r.metrics.get(column, 0.0) for r in best}
        return [
            written(r, **{column: base[r.seed] + sign * size + 1e-6 * (r.seed % 2)})
            if is_alrao(r.config)
            else r
            for r in records
        ]

    return edit


def test_accuracy_and_loss_of_c1():
    best = alrao_like_sgd("best_test_accuracy", -0.01)
    assert_sides(at("C1", 0, lambda r, size: only(best, r, size)), holds=1.4, fails=1.6)
    loss = alrao_like_sgd("best_test_loss", 1.0)
    assert_sides(at("C1", 1, lambda r, size: only(loss, r, size)), holds=0.045, fails=0.055)


def only(edit, records, size):
    """An edit of the study of learning, where the best rate of SGD is made to be 0.1 alone."""
    if records[0].study != "alrao-learning":
        return records
    worse = [
        written(r, validation_loss=5.0)
        if r.config["lo"] == r.config["hi"] != 0.1 and r.config["optimizer"] == "sgd"
        else r
        for r in records
    ]
    return edit(worse, size)


def test_the_paper_scale_loses_three_points_at_most():
    def edit(records, size):
        wide = [replace(r, config=r.config | {"dataset": "cifar10", "net": "vgg19"}) for r in records]
        return only(alrao_like_sgd("best_test_accuracy", -0.01), wide, size)

    assert_sides(at("C1", 0, edit), holds=2.9, fails=3.1)


def one_run(column, value, kind):
    """One run of a kind with a value relative to the mean of SGD's best."""

    def edit(records, size):
        best = np.mean([r.metrics[column] for r in records if r.config["lo"] == r.config["hi"] == 0.1])
        return [
            written(r, **{column: best + value(size)}) if kind(r.config) and r.seed == 2 else r
            for r in records
        ]

    return edit


def test_a_run_six_points_down_has_failed():
    adam = lambda config: config["optimizer"] == "adam"  # noqa: E731
    for place, kind, holds, fails in ((1, is_alrao, 2.9, 3.1), (2, adam, 3.1, 2.9)):
        edit = one_run("best_test_accuracy", lambda size: -size / 100, kind)
        assert_sides(at("C2", place, lambda r, size, e=edit: only(e, r, size)), holds=holds, fails=fails)


def sgd_losses(change):
    """The validation losses of SGD: 0.1 nat at 0.1, and what ``change(rate, size)`` says elsewhere."""

    def edit(records, size):
        return [
            written(r, validation_loss=change(r.config["lo"], size))
            if r.config["lo"] == r.config["hi"] and r.config["optimizer"] == "sgd"
            else r
            for r in records
        ]

    return edit


def test_the_window_of_sgd():
    near = lambda rate, size: 0.1 if rate == 0.1 else 0.1 + size if rate > 1e-4 else 3.0  # noqa: E731
    assert_sides(at("C2", 3, sgd_losses(near)), holds=0.26, fails=0.24)
    far = lambda rate, size: 0.1 if rate == 0.1 else 0.1 + size if rate in (1e-5, 10.0) else 3.0  # noqa: E731
    assert_sides(at("C2", 4, sgd_losses(far)), holds=0.51, fails=0.49)


def test_the_first_epochs_of_c3():
    def edit(records, size):
        best = {r.seed: r for r in records if r.config["lo"] == r.config["hi"] == 1.0}
        flat = {seed: [0.1] * len(r.curves["train_loss"]) for seed, r in best.items()}
        sgd = lambda r: r.config["lo"] == r.config["hi"] and r.config["optimizer"] == "sgd"  # noqa: E731
        curve = lambda r, value: replace(r, curves=r.curves | {"train_loss": value})  # noqa: E731
        records = [
            curve(r, flat[r.seed] if r.config["lo"] == 1.0 else [3.0] * 10) if sgd(r) else r for r in records
        ]
        return [curve(r, [x + size for x in flat[r.seed]]) if is_alrao(r.config) else r for r in records]

    assert_sides(at("C3", 0, edit), holds=0.045, fails=0.055)

    def useless(records, size):
        def first(r, value):
            return replace(r, curves=r.curves | {"train_loss": [value, *r.curves["train_loss"][1:]]})

        values = dict.fromkeys((1e-5, 1e-4, 1e-3), 1.0 + size)
        return [first(r, 1.0 if is_alrao(r.config) else values.get(r.config["lo"], 0.9)) for r in records]

    assert_sides(at("C3", 1, useless), holds=0.31, fails=0.29)


# --- on the paper's networks, as far as records reach ---------------------------------------


def mobilenet(off=0.0, later=0.0, seeds=3):
    """Three seeds of MobileNetV2 with the paper's curves, ``off`` by so much in the first epoch and later."""
    runs = [
        run
        for run in studies.LEARNING.runs("paper")
        if run.config.net == "mobilenet" and run.config.epochs == 5 and run.seed < seeds
    ]
    records = []
    for run in runs:
        name = (
            "Alrao"
            if is_alrao(vars(run.config))
            else "Adam"
            if run.config.optimizer == "adam"
            else run.config.lo
        )
        values = MOBILENET_TRAIN.get(name, (3.0, 3.0, 3.0))
        curve = [values[0] + off, values[1] + later, 1.0, 1.0, values[2] + later]
        metrics = {"best_test_accuracy": 0.7, "validation_loss": values[2], "best_test_loss": values[2]}
        records.append(Record.of(run, Outcome(metrics, {"train_loss": curve}), profile="paper"))
    return {"alrao-learning": records}


def numbers(records):
    return [check for check in BY_ID["C3"].measure(records).checks if check.kind == "number"]


def test_the_papers_curves_are_met_to_their_tolerances():
    assert_sides(lambda size: numbers(mobilenet(off=size))[0], holds=0.09, fails=0.11)
    assert_sides(lambda size: numbers(mobilenet(later=size))[0], holds=0.07, fails=0.09)
    assert_sides(lambda size: numbers(mobilenet(later=-size))[1], holds=0.07, fails=0.09)


def test_one_run_of_the_papers_network_decides_nothing():
    assert [check.holds for check in numbers(mobilenet(seeds=1))] == [None, None]


def test_a_grid_that_is_not_whole_has_no_best_rate():
    records = [r for r in mobilenet()["alrao-learning"] if r.config["lo"] != 1.0]
    checks = BY_ID["C3"].measure({"alrao-learning": records}).checks
    assert [check.holds for check in checks[:2]] == [None, None]
    assert checks[0].text.endswith("not yet run")


# --- intervals and heads --------------------------------------------------------------------


def interval_losses(inside, outside):
    def edit(records, size):
        if records[0].study != "alrao-intervals":
            return only(lambda r, _: r, records, size)

        def loss(config):
            holds = config["lo"] <= 0.1 <= config["hi"]
            return (inside(size) if config["hi"] == 10.0 else 1.0) if holds else outside(size)

        return [written(r, train_loss=loss(r.config)) if is_alrao(r.config) else r for r in records]

    return edit


def test_the_intervals_of_c4():
    assert_sides(at("C4", 0, interval_losses(lambda s: 1 + s, lambda s: 9.0)), holds=0.29, fails=0.31)
    assert_sides(at("C4", 1, interval_losses(lambda s: 1.0, lambda s: 1 + s)), holds=0.31, fails=0.29)


def test_the_map_of_the_paper():
    def check(size):
        runs = [
            run
            for run in studies.INTERVALS.runs("paper")
            if run.config.epochs == 1 and (run.config.lo, run.config.hi) in FIRST_EPOCH_MAP
        ]
        losses = [FIRST_EPOCH_MAP[run.config.lo, run.config.hi] + size for run in runs]
        records = [
            Record.of(run, Outcome({"train_loss": loss}), profile="paper")
            for run, loss in zip(runs, losses, strict=True)
        ]
        return next(
            c
            for c in BY_ID["C4"].measure({"alrao-intervals": records, "alrao-learning": []}).checks
            if c.kind == "number"
        )

    assert_sides(check, holds=0.09, fails=0.11)
    assert_sides(check, holds=-0.09, fails=-0.11)


def weights(change, net="mlp"):
    """The heads' weights of the first steps, (200, 10), made by ``change(size)``; the paper's head wins."""

    def edit(records, size):
        if records[0].study != "alrao-selection":
            return only(lambda r, _: r, records, size)
        table = change(size)
        curves = {f"weight_{j}": list(table[:, j]) for j in range(10)}
        extra = {"net": net} | ({"dataset": "cifar10"} if net != "mlp" else {})
        return [replace(r, config=r.config | extra, curves=r.curves | curves) for r in records]

    return edit


def path(winner=5, *, fast=0.0, final=0.97, leader=7):
    """A fast head leads up to step 29, then the winner."""
    table = np.full((200, 10), 1e-6)
    table[:29, leader] = 0.9
    table[29:, winner], table[29:, 9] = final, fast
    return table


def test_the_heads_of_c11():
    assert_sides(at("C11", 0, weights(lambda s: path(fast=s))), holds=0.049, fails=0.051)
    assert_sides(at("C11", 1, weights(lambda s: path(final=s))), holds=0.51, fails=0.49)
    assert_sides(at("C11", 1, weights(lambda s: path(final=s), "googlenet")), holds=0.96, fails=0.94)
    assert_sides(at("C11", 2, weights(lambda s: path(leader=int(s)))), holds=6, fails=4)
    assert_sides(at("C11", 3, weights(lambda s: path(winner=int(s)))), holds=5, fails=4)
    assert_sides(at("C11", 3, weights(lambda s: path(winner=int(s)), "googlenet")), holds=5, fails=6)


# --- texts and variants ---------------------------------------------------------------------


def bits(setting, size_of):
    def edit(records, size):
        return [written(r, test_bits=size_of(size)) if setting(r.config) else r for r in records]

    return edit


def test_the_texts_of_c5_and_c8():
    base = {r.seed: r.metrics["test_bits"] for r in recorded(studies.TEXT, "full") if r.config["lo"] == 1.0}

    def gap(records, size):
        return [written(r, test_bits=base[r.seed] + size) if is_alrao(r.config) else r for r in records]

    assert_sides(at("C5", 0, gap, "full"), holds=0.19, fails=0.21)
    assert_sides(at("C5", 1, bits(is_alrao, lambda s: s), "full"), holds=3.30, fails=3.32)

    def granular(**values):
        def edit(records, size):
            def value(c):
                return values.get(f"{'narrow' if c['lo'] == 1e-4 else 'wide'}_{c['per']}", lambda s: 2.6)(
                    size
                )

            return [written(r, test_bits=value(r.config)) for r in records]

        return edit

    assert_sides(at("C8", 0, granular(wide_weight=lambda s: 2.6 + s), "full"), holds=0.41, fails=0.39)
    for sign in (-1, 1):
        edit = granular(narrow_weight=lambda s, sign=sign: 2.6 + sign * s)
        assert_sides(at("C8", 1, edit, "full"), holds=0.14, fails=0.16)
        edit = granular(narrow_unit=lambda s, sign=sign: 2.6 + sign * s)
        assert_sides(at("C8", 3, edit, "full"), holds=0.07, fails=0.09)
    ordered = granular(
        narrow_weight=lambda s: 2.2,
        narrow_unit=lambda s: 2.6,
        wide_unit=lambda s: 2.6 + s,
        wide_weight=lambda s: 3.9,
    )
    assert_sides(at("C8", 2, ordered, "full"), holds=0.01, fails=-0.01)


def variant(column, values):
    """A column of the study of variants: ``values(config)(size)``, where it is not None."""

    def edit(records, size):
        found = [(r, values(r.config)) for r in records]
        return [r if make is None else written(r, **{column: make(size)}) for r, make in found]

    return edit


def test_the_variants():
    on_adam = lambda c: c["optimizer"] == "adam" and is_alrao(c)  # noqa: E731
    adam = lambda c: c["optimizer"] == "adam" and not is_alrao(c)  # noqa: E731
    edit = variant("train_loss", lambda c: (lambda s: s) if on_adam(c) else None)
    assert_sides(at("C9", 0, edit), holds=0.49, fails=0.51)
    edit = variant(
        "test_loss", lambda c: (lambda s: s) if on_adam(c) else (lambda s: 0.0) if adam(c) else None
    )
    assert_sides(at("C9", 1, edit), holds=0.51, fails=0.49)
    wide = lambda c: c["width"] == 3 and is_alrao(c)  # noqa: E731
    for sign in (-1, 1):
        edit = variant("test_loss", lambda c, sign=sign: lambda s: 1 + (sign * s if wide(c) else 0))
        assert_sides(at("C10", 0, edit), holds=0.049, fails=0.051)
    for place, share, points in ((0, 0.5, 1.0), (1, 0.2, 3.0)):
        edit = variant(
            "test_accuracy",
            lambda c, share=share: (lambda s: 0.9 - s / 100) if c["fraction"] == share else lambda s: 0.9,
        )
        assert_sides(at("C13", place, edit), holds=points - 0.1, fails=points + 0.1)


def test_the_units_of_c14():
    def drops(table):
        def edit(records, size):
            values = table(size, len(records[0].curves["drop_0"]))
            return [
                replace(r, curves=r.curves | {f"drop_{k}": list(values[k]) for k in range(6)})
                for r in records
            ]

        return edit

    def fast(size, layers):
        table = np.full((6, layers), 1.0)
        table[3:] += size
        return table

    assert_sides(at("C14", 0, drops(fast)), holds=0.01, fails=-0.01)

    def uneven(size, layers):
        table = np.full((6, layers), 1.0)
        table[:, -1] = size
        return table

    assert_sides(at("C14", 1, drops(uneven)), holds=3.1, fails=2.9)
    assert_sides(at("C14", 2, drops(lambda s, n: np.full((6, n), s))), holds=0.9, fails=1.1)
    assert_sides(at("C14", 3, drops(lambda s, n: np.full((6, n), s))), holds=1.1, fails=0.9)


# --- exact ----------------------------------------------------------------------------------


def test_counts_and_identity():
    def one_off(records, size):
        return [
            written(r, all_heads=r.metrics["all_heads"] + size) if r.config["net"] == "vgg19" else r
            for r in records
        ]

    assert_sides(at("C12", 0, one_off), holds=1, fails=2000)
    assert_sides(at("C12", 1, one_off), holds=0, fails=1)

    def overhead(records, size):
        return [written(r, overhead=size) for r in records]

    assert_sides(at("C12", 2, overhead), holds=51, fails=49)
    assert_sides(at("C12", 2, overhead), holds=99, fails=101)
    for place, double, limit in ((0, True, 1e-10), (1, False, 1e-4)):
        edit = lambda records, size, d=double: [  # noqa: E731
            written(r, loss_difference=size) if r.config["double"] == d else r for r in records
        ]
        assert_sides(at("C15", place, edit), holds=0.9 * limit, fails=1.1 * limit)


def test_adam_is_part_of_the_identity():
    records = [
        written(r, loss_difference=1.0 if r.config["optimizer"] == "adam" else 0.0)
        for r in recorded(studies.IDENTITY, "full")
    ]
    assert checks_of(BY_ID["C15"], {"alrao-identity": records}, "full")[1].holds is False


# --- reinforcement learning -----------------------------------------------------------------


def test_a_quarter_of_the_range_of_sgd():
    def edit(records, size):
        def value(config):
            if config["optimizer"] == "adam":
                return 0.0
            return -size if is_alrao(config) else {1e-3: -100.0, 1e-2: -50.0, 1e-1: 0.0}[config["lo"]]

        return [replace(r, metrics=r.metrics | {"return": value(r.config)}) for r in records]

    assert_sides(at("C7", 0, edit, "full"), holds=24.0, fails=26.0)
    assert_sides(at("C7", 1, edit, "full"), holds=24.0, fails=26.0)
