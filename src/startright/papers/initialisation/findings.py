"""Sentences of the lecture's chapters that report a result: records in, findings out."""

from collections.abc import Sequence

import numpy as np

from startright.measured import Contrast, Finding, Measured, finding, listed, needs_records
from startright.papers.initialisation.readings import exact, networks, of
from startright.studies import Record, frame
from startright.summary import power_above

Records = Sequence[Record]


@needs_records
def gradients(records: Records) -> Finding:
    """How near the hand-written gradients come to autograd's (exact)."""
    table = frame(records)
    power, held = power_above(table["difference"].max(), -12), (table["of_bound"] <= 1 + 1e-12).all()
    near = f"1e{power}".replace("-", "−")
    bounded = "No gradient is above its bound" if held else "Some gradients are above their bounds"
    text = f"""
        In all {len(table)} random networks the recursion gives autograd's gradients, to {near}.
        {bounded}."""
    return finding(text, "full")


@needs_records
def vanishing(records: Records) -> Finding:
    """What thirty layers of a sigmoid network leave of the gradient."""
    table = networks(records)
    runs = of(table, "sigmoid", "glorot")
    factor, depth = Measured.of(runs["gradient_factor"], 4), int(runs["depth"].max())
    power = int(np.floor(np.log10(runs["gradient_ratio"]).mean()))
    text = f"""
        With sigmoids and Glorot's weights a layer leaves {factor} of the gradient's variance
        (n = {factor.n}): from layer {depth} to layer 1 it falls by some {-power} powers of ten."""
    return finding(text, records, factor=factor)


@needs_records
def laws(records: Records) -> Finding:
    """What each law does to ReLU per layer."""
    table, said, facts = networks(records), [], {}
    for law, word in (("naive", "the naive law, that of nn.Linear"), ("glorot", "Glorot's"), ("he", "He's")):
        facts[law] = Measured.of(of(table, "relu", law)["signal_factor"], 3)
        said.append(f"{facts[law]} under {word}")
    n = facts["he"].n
    return finding(f"Per layer, ReLU's variance is multiplied by {listed(said)} (n = {n}).", records, **facts)


@needs_records
def glorot(records: Records) -> Finding:
    """How Glorot's law treats tanh: sampled against the recursion."""
    runs = of(networks(records), "tanh", "glorot")
    q, _ = exact(runs.iloc[0])
    at = Measured.of(runs["signal_10"], 3)
    off = Contrast.of(np.log(runs["signal_10"] / q[9]))
    word = off.word("below", "above", "level with", margin=0.1)
    text = f"""
        Under Glorot's law tanh does not keep its variance: at layer 10 it is {at} (n = {at.n}), {word} the
        {q[9]:.3f} of infinite width."""
    return finding(text, records, at=at, off=off)


@needs_records
def shapes(records: Records) -> Finding:
    """Whether a uniform law differs from a normal one of the same variance."""
    table, words, facts = networks(records), [], {}
    for law, word in (("naive", "naive"), ("glorot", "Glorot"), ("he", "He")):
        normal, uniform = (
            of(table, "relu", law, shape=shape).set_index("seed")["signal_factor"]
            for shape in ("normal", "uniform")
        )
        facts[law] = Contrast.paired(np.log(uniform), np.log(normal))
        words.append((word, facts[law].sign(0.02)))
    differ = [word for word, sign in words if sign]
    same = "no law" if not differ else listed(differ)
    text = f"""
        Normal or uniform: for {same} does the factor per layer differ by more than 2 %
        (ReLU, n = {facts["he"].n})."""
    return finding(text, records, **facts)


@needs_records
def weight_gradients(records: Records) -> Finding:
    """The gradient of the weights at both ends of the network."""
    table, facts, said = networks(records), {}, []
    for function, law, words in (("tanh", "naive", "tanh"), ("relu", "naive", "ReLU")):
        facts[function] = Measured.of(of(table, function, law)["weight_ratio"], 2)
        said.append(f"{facts[function]} ({words})")
    text = f"""
        With weights that are too small, those of nn.Linear, the norm of the weights' gradient at the first
        layer is {listed(said)} times that at the last (n = {facts["tanh"].n}), although signals and their
        gradients differ by many powers of ten."""
    return finding(text, records, **facts)
