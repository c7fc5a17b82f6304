"""What the chapter says first, in words: the page explains its symbols below."""

from collections.abc import Sequence

from startright.measured import Contrast, Finding, Measured, finding, listed, needs_records
from startright.papers.residual import readings
from startright.studies import Record

Records = Sequence[Record]
WORDS = {
    "residual": "a network with skips",
    "crelu": "the same network with He's weights",
    "relu": "ReLU with He's weights",
}


@needs_records
def shattering(records: Records) -> Finding:
    """C15: how alike slopes at neighbouring points are, without skips and with them."""
    plain = Measured.of(readings.likeness(records, "plain", True)["lag_1_at_24"], 2)
    skips = Measured.of(readings.likeness(records, "residual", True)["lag_1_at_24"], 2)
    raw = Measured.of(readings.likeness(records, "plain", False)["lag_1_at_50"], 2)
    text = f"""
        At two neighbouring inputs the slopes of a random network of 24 normalised layers have a correlation
        of {plain} without skips and {skips} with them (n = {plain.n}); without normalisation, even fifty
        layers without skips keep {raw}."""
    return finding(text, records, plain=plain, skips=skips, raw=raw)


@needs_records
def starts(records: Records) -> Finding:
    """C16: fifty layers after a few hundred steps, by their start."""
    found = readings.accuracies(records)
    linear, facts = found["looks-linear"], {}
    said = []
    for name in ("residual", "crelu", "relu"):
        facts[name] = Contrast.paired(linear, found[name])
        word = facts[name].word("behind", "ahead of", margin=0.5)
        said.append(f"{word} {WORDS[name]} ({Measured.of(found[name], 1)} %)")
    facts["linear"] = Measured.of(linear, 1)
    text = f"""
        Fifty layers without skips that start linear reach {facts["linear"]} % on test images after a few
        hundred steps (n = {facts["linear"].n}), {listed(said)}."""
    return finding(text, records, **facts)


@needs_records
def surfaces(records: Records) -> Finding:
    """How much faster the loss rises around networks without skips, by depth."""
    said, facts = [], {}
    for depth, logs in readings.steeper(records).items():
        contrast = facts[f"{depth} layers"] = Contrast.of(logs)
        word = contrast.word("less than", "more than", "as much as")
        said.append(f"{10**contrast.mean:.2g} times as much at {depth} layers, {word} with skips")
    n = min(contrast.n for contrast in facts.values())
    text = f"""
        On a circle of radius one half around trained weights, the loss rises without skips
        {listed(said)} (n = {n})."""
    return finding(text, records, **facts)
