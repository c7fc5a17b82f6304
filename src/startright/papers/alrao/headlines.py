"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

import numpy as np

from startright.measured import Contrast, Count, Finding, Measured, finding, needs_records
from startright.papers.alrao import wording
from startright.papers.alrao.findings import DEAD, EARLY, POINT, WINS
from startright.papers.alrao.readings import NAMES, by_method, good_rates, head_rates, trace, weights_at
from startright.studies import Record, frame

DATA = {"cifar10": "CIFAR-10", "digits": "scikit-learn's digits"}


def _where(record: Record) -> str:
    """``"with a narrow VGG19 after one epoch of CIFAR-10"``."""
    config = record.config
    epochs = "one epoch" if config["epochs"] == 1 else f"{config['epochs']} epochs"
    article = "a narrow" if config["width"] < 1 else "an" if config["net"] == "mlp" else "a"
    return f"with {article} {NAMES[config['net']]} after {epochs} of {DATA[config['dataset']]}"


@needs_records
def no_search(records: Sequence[Record]) -> Finding:
    """C1: the test accuracy of Alrao beside SGD at its best rate, and Adam."""
    runs = by_method(frame(records))
    best = runs["sgd"][runs["sgd"]["lo"] == good_rates(runs["sgd"])[0]]
    ours, sgd, adam = (
        100 * part.set_index("seed")["best_test_accuracy"] for part in (runs["alrao"], best, runs["adam"])
    )
    gaps = [Contrast.paired(ours, theirs) for theirs in (sgd, adam)]
    words = [gap.word("behind", "ahead of", margin=POINT) for gap in gaps]
    text = f"""Without a search for a learning rate, Alrao is **{words[0]}** SGD at its best rate by test
        accuracy, {gaps[0].text(1, " points")}, and **{words[1]}** Adam at its usual one,
        {gaps[1].text(1, " points")}, {_where(records[0])}."""
    return finding(text, records, sgd=gaps[0], adam=gaps[1])


@needs_records
def one_head(records: Sequence[Record]) -> Finding:
    """C11: how soon one copy of the output layer leads."""
    ours = [r for r in records if r.config["heads"] > 1 and r.status == "ok"]
    if not ours:
        return finding("", [])
    rates, paths = head_rates(ours[0]), [trace(record) for record in ours]
    gone = Count.of(weights_at(*path, EARLY)[rates > 1].sum() < DEAD for path in paths)
    final = np.array([weights[-1].max() for _, weights in paths])
    chosen, held = Count.of(final > WINS), Measured.of(final)
    text = f"""
        Of the copies of the output layer, called *heads*, each with a rate of its own, those with rates
        above 1 have lost their say after {EARLY} minibatches in {wording.runs(gone)}; after
        {int(paths[0][0][-1])} the leading head has {held} of the weight (n = {held.n}), more than
        {WINS:g} in {wording.runs(chosen)}."""
    return finding(text, records, gone=gone, chosen=chosen, held=held)


@needs_records
def on_text(records: Sequence[Record]) -> Finding:
    """C5: the character model beside SGD and Adam."""
    runs = by_method(frame(records))
    ours, sgd, adam = (runs[name].set_index("seed")["test_bits"] for name in ("alrao", "sgd", "adam"))
    gaps = [Contrast.paired(ours, theirs) for theirs in (sgd, adam)]
    words = [gap.word("ahead of", "behind") for gap in gaps]
    epochs = records[0].config["epochs"]
    text = f"""
        As a model of text, by characters, Alrao is **{words[0]}** SGD at the paper's best rate
        after {"one epoch" if epochs == 1 else f"{epochs} epochs"},
        {gaps[0].text(2, " bits per character")}, and **{words[1]}** Adam,
        {gaps[1].text(2, " bits per character")}."""
    return finding(text, records, sgd=gaps[0], adam=gaps[1])
