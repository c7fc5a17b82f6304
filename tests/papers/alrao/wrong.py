"""Wrong methods, and the records that they leave: each fails the checks that name it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from startright.papers.alrao import (
    exact_claims,
    images,
    learning_claims,
    model,
    selection_claims,
    studies,
    switch,
    task_claims,
    variant_claims,
)
from startright.papers.alrao.studies.images import sgd
from startright.studies import Record, Study, live, recorded

UNIGRAM_BITS = 4.32  # a character of the test text, by the frequency of characters


def is_alrao(config) -> bool:
    return config["lo"] < config["hi"]


def made(study: Study, keep: Callable[[object], bool] = lambda config: True, change=lambda config: config):
    """The quick records of some configs of a study, each made now by a run of what ``change`` makes of it."""
    wrong = replace(
        study,
        grid=lambda profile: [config for config in study.grid("quick") if keep(config)],
        run=lambda config, seed, device: study.run(change(config), seed, device),
        run_stacked=None,
    )
    return live(wrong, device="cpu")


def with_rates(value: float, study: Study, keep=lambda config: config.lo < config.hi) -> list[Record]:
    """Runs of Alrao whose backbone has one rate, whatever was drawn."""
    real = model.unit_rates
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            model,
            "unit_rates",
            lambda *args, **options: {
                n: torch.full_like(r, value) for n, r in real(*args, **options).items()
            },
        )
        return made(study, keep)


def instead(records: list[Record], wrong: list[Record]) -> list[Record]:
    """The records with those of the same config and seed replaced."""
    name = lambda record: (tuple(sorted(record.config.items(), key=str)), record.seed)  # noqa: E731
    by_name = {name(record): record for record in wrong}
    assert by_name.keys() <= {name(record) for record in records}
    return [by_name.get(name(record), record) for record in records]


def as_if(records: list[Record], source, target) -> list[Record]:
    """The records, those for which ``target`` holds with the results of the ``source`` of their seed."""
    found = {record.seed: record for record in records if source(record.config)}
    return [
        replace(found[r.seed], config=r.config) if target(r.config) and r.seed in found else r
        for r in records
    ]


def quick(study: Study) -> list[Record]:
    return recorded(study, "quick")


# --- on the images --------------------------------------------------------------------------

LEARNING, INTERVALS, VARIANTS = studies.LEARNING, studies.INTERVALS, studies.VARIANTS


def frozen():
    """With twelve seeds: on digits, fewer leave it open whether random features are as good."""
    more = replace(LEARNING, seeds=lambda profile: range(12))
    good = lambda config: config.optimizer == "sgd" and config.lo == config.hi in (0.1, 1.0)  # noqa: E731
    right = live(replace(more, grid=lambda profile: list(filter(good, LEARNING.grid("quick")))), device="cpu")
    keys = {record.key for record in right}
    others = [r for r in quick(LEARNING) if r.key not in keys and not is_alrao(r.config)]
    return {LEARNING.name: others + right + with_rates(0.0, more)}


def wild():
    wide = lambda config: (config.lo, config.hi) == (1e-5, 10.0)  # noqa: E731
    return {
        study.name: instead(quick(study), with_rates(1e30, study, wide)) for study in (LEARNING, INTERVALS)
    }


def blind():
    one = lambda c: c["optimizer"] == "sgd" and not is_alrao(c)  # noqa: E731
    return {LEARNING.name: as_if(quick(LEARNING), lambda c: one(c) and c["lo"] == 0.1, one)}


def no_adam():
    source = lambda c: c["optimizer"] == "sgd" and c["lo"] == c["hi"] == 0.1  # noqa: E731
    return {LEARNING.name: as_if(quick(LEARNING), source, lambda c: c["optimizer"] == "adam")}


def largest():
    everything = lambda config: config.lo < config.hi  # noqa: E731
    rates = sorted({config.hi for config in INTERVALS.grid("quick") if everything(config)})
    small = {**vars(INTERVALS.grid("quick")[0])}
    options = {name: small[name] for name in ("dataset", "net", "epochs")}
    single = replace(INTERVALS, grid=lambda profile: [sgd(rate, **options) for rate in rates])
    at = {(record.config["lo"], record.seed): record for record in live(single, device="cpu")}
    records = [
        replace(at[r.config["hi"], r.seed], config=r.config) if is_alrao(r.config) else r
        for r in quick(INTERVALS)
    ]
    return {INTERVALS.name: records}


def same_interval():
    source = lambda c: (c["lo"], c["hi"]) == (1e-5, 10.0)  # noqa: E731
    return {INTERVALS.name: as_if(quick(INTERVALS), source, is_alrao)}


def uniform():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(switch.Switch, "update", lambda self, *args, **options: None)
        return {studies.SELECTION.name: made(studies.SELECTION)}


def idle():
    def wrong(config) -> bool:
        on_adam = config.optimizer == "adam" and config.lo < config.hi
        wide = config.width == 3 and config.lo < config.hi
        return on_adam or wide or config.fraction in (0.2, 0.5)

    def look(self, inputs, targets, optimizer):
        return -self(inputs)[torch.arange(len(targets)), targets].mean()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images.Alrao, "training_step", look)
        return {VARIANTS.name: instead(quick(VARIANTS), made(VARIANTS, wrong))}


def plain_adam():
    on = lambda c, alrao: c["optimizer"] == "adam" and c["width"] == 1 and is_alrao(c) == alrao  # noqa: E731
    return {VARIANTS.name: as_if(quick(VARIANTS), lambda c: on(c, False), lambda c: on(c, True))}


def resets(change):
    """The units' records with the drops, (bin, layer), changed."""

    def wrong(record: Record) -> Record:
        bins = range(sum(name.startswith("drop_") for name in record.curves))
        drops = change(np.array([record.curves[f"drop_{k}"] for k in bins]))
        return replace(record, curves=record.curves | {f"drop_{k}": list(drops[k]) for k in bins})

    return {studies.UNITS.name: [wrong(record) for record in quick(studies.UNITS)]}


# --- texts and tasks ------------------------------------------------------------------------


def full(study: Study) -> list[Record]:
    return recorded(study, "full")


def with_metric(records, name, value, when=lambda config: True):
    return [
        replace(r, metrics=r.metrics | {name: value(r) if callable(value) else value})
        if when(r.config)
        else r
        for r in records
    ]


def letters():
    return {
        study.name: with_metric(full(study), "test_bits", UNIGRAM_BITS) for study in (studies.GRANULARITY,)
    } | {studies.TEXT.name: with_metric(full(studies.TEXT), "test_bits", UNIGRAM_BITS, is_alrao)}


def same_rates():
    records = full(studies.GRANULARITY)
    for lo in (1e-4, 1e-3):
        at = lambda c, per, lo=lo: c["lo"] == lo and c["per"] == per  # noqa: E731
        records = as_if(records, lambda c, at=at: at(c, "unit"), lambda c, at=at: at(c, "weight"))
    return {studies.GRANULARITY.name: records}


def wide_interval():
    records = full(studies.GRANULARITY)
    for per in ("unit", "weight"):
        at = lambda c, lo, per=per: c["lo"] == lo and c["per"] == per  # noqa: E731
        records = as_if(records, lambda c, at=at: at(c, 1e-3), lambda c, at=at: at(c, 1e-4))
    return {studies.GRANULARITY.name: records}


def untrained():
    records = full(studies.RL)

    def first(record: Record) -> float:
        same = [r for r in records if r.config == record.config]
        return float(np.mean([r.curves["return"][0] for r in same]))

    return {studies.RL.name: with_metric(records, "return", first, is_alrao)}


# --- exact ----------------------------------------------------------------------------------


def heads(change):
    return {studies.COUNTS.name: made(studies.COUNTS, change=lambda c: replace(c, heads=change(c.heads)))}


def other_head_rate():
    real = images.wrap_classifier
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            images,
            "wrap_classifier",
            lambda net, rates, *args, **options: real(
                net, rates, *args, **{**options, "head_rate": 1.01 * rates[0]}
            ),
        )
        return {studies.IDENTITY.name: made(studies.IDENTITY)}


CONTROLS = {
    learning_claims.FROZEN: cache(frozen),
    learning_claims.BLIND: cache(blind),
    learning_claims.WILD: cache(wild),
    learning_claims.NO_FAILURE: cache(no_adam),
    selection_claims.LARGEST: cache(largest),
    selection_claims.BLIND: cache(same_interval),
    selection_claims.UNIFORM: cache(uniform),
    variant_claims.IDLE: cache(idle),
    variant_claims.PLAIN: cache(plain_adam),
    variant_claims.SWAPPED: lambda: resets(lambda drops: drops[::-1]),
    variant_claims.SPREAD_OUT: lambda: resets(lambda drops: np.broadcast_to(drops.mean(), drops.shape)),
    variant_claims.HARMFUL: lambda: resets(lambda drops: np.full_like(drops, 50.0)),
    variant_claims.HARMLESS: lambda: resets(np.zeros_like),
    task_claims.LETTERS: letters,
    task_claims.SAME: same_rates,
    task_claims.NARROW: wide_interval,
    task_claims.UNTRAINED: untrained,
    exact_claims.ONE_MORE: cache(lambda: heads(lambda count: count + 1)),
    exact_claims.NONE: cache(lambda: heads(lambda count: 1)),
    exact_claims.OTHER_RATE: cache(other_head_rate),
}
