r"""The sentences of the chapter that report a result, printed from records.

Each function takes records and returns a :class:`startright.measured.Finding`. Its words follow from 95 %
intervals over teachers. Losses and numbers of iterations enter as ratios of two runs on the same teacher,
averaged as logarithms (:class:`startright.gauss_newton.tables.Ratio`).
"""

from collections.abc import Iterable, Sequence
from math import log10

import numpy as np
import pandas as pd

from startright.measured import (
    Contrast,
    Count,
    Finding,
    Measured,
    either,
    finding,
    indistinguishable,
    needs_records,
)
from startright.papers.gauss_newton.dual import predicted_steps
from startright.papers.gauss_newton.readings import (
    FULL,
    KERNEL_SCALE,
    MEDIUM,
    SLOW,
    SMALL_SCALES,
    at_fraction,
    below_kernel,
    metric,
    refit_curves,
    scales,
    slowing,
)
from startright.papers.gauss_newton.studies.descent import FLOORS
from startright.papers.gauss_newton.studies.mnist import DESCENT_RATE
from startright.papers.gauss_newton.tables import Ratio, conditioning_span, of_floor, over_authors
from startright.studies import Record
from startright.summary import number

Records = Sequence[Record]

SMALL, MIDDLE = SMALL_SCALES  # initial scales from which features are learnt
ALIKE = 0.02  # alignments and distances within this hardly differ
DATA = {"mnist": "On MNIST", "digits": "On the small digits"}
NO_RUN = "No run went so far that this could be said."


def _newton(records: Records, scale: float, rate: float, column: str) -> pd.Series:
    return metric(records, column, method="gauss-newton", scale=scale, rate=rate)


def _gradient(records: Records, scale: float, column: str) -> pd.Series:
    return metric(records, column, method="gradient", scale=scale)


def _arrived(records: Iterable[Record], level: int = 8) -> Count:
    """How many runs have come to this many decades below their first training loss."""
    return Count.of(f"steps_{level}" in record.metrics for record in records)


def loss_word(ratio: Ratio) -> str:
    """Of one test loss against another."""
    return ratio.word("better than", "worse than")


def _number(ratio: Ratio, near: float = 0.2) -> str:
    """Of one number of iterations against another."""
    return ratio.word("fewer than", "more than", near)


def _level(contrast: Contrast) -> str:
    """Of one alignment or distance against another."""
    near = abs(contrast.mean) + contrast.half <= ALIKE
    return "level with" if near else contrast.word("lower than", "higher than")


def _by(contrast: Contrast) -> str:
    """``"difference +0.26 ± 0.10, n = 5"``."""
    if contrast.n == 1:
        return f"difference {number(contrast.mean, '+.2f')}, one seed"
    return f"difference {contrast.text(2)}".replace(" (", ", ").replace(")", "")


def _with_n(values: pd.Series, digits: int) -> str:
    count = f"n = {len(values)}" if len(values) != 1 else "one seed"
    return f"{Measured.of(values, digits)} ({count})"


# --- Speed ----------------------------------------------------------------------------------


@needs_records
def rate(grid: Records) -> Finding:
    """C1: iterations to 10⁻⁸ against the law, which does not know the kernel; and how kernels differ."""
    slow = [record for record in grid if record.config["rate"] == SLOW]
    law, config = predicted_steps(SLOW), grid[0].config
    steps = {scale: _newton(grid, scale, SLOW, "steps_8") for scale in scales(slow)}
    kernel = steps.pop(KERNEL_SCALE)
    usual = pd.DataFrame(steps).mean(axis=1, skipna=False).dropna()
    few, many = Ratio.of(usual, law), Ratio.of(kernel, law)
    arrived, span = _arrived(slow), conditioning_span(slow)
    text = rf"""
        With $M={config["width"]}$, $N={config["points"]}$ and $\lambda/N={SLOW}$, students from $\tau_0\le1$
        take {_with_n(usual, 0)} iterations, {_number(few, 0.1)} the {law:.0f} of the law; from $\tau_0=10$
        they take {_with_n(kernel, 0)}, {_number(many, 0.1)} those of the law. At the start, the conditioning
        of the kernel, the ratio of its extreme eigenvalues, differs between these scales by
        {span.mean:.0f} orders of magnitude or more (n = {span.n}). """
    if arrived.k < arrived.n:
        text += f"Only {arrived} runs come so far."
    return finding(text, grid, usual=few.contrast, kernel=many.contrast, span=span, arrived=arrived)


@needs_records
def slowing_down(speed: Records) -> Finding:
    """C1: the rate at the end over that at the start, of Gauss-Newton and of gradient descent."""
    newton, gradient = pace(speed)
    word = gradient.word("so it slows down", "so it gains speed")
    known = {"within 20 % of": "so it keeps its pace", "not to be told from": "which shows no trend"}
    text = rf"""
        Near the end, the logarithm of the loss falls at {newton.times("its first rate")} with Gauss-Newton
        ($\lambda/N={SLOW}$). With gradient descent it falls at {gradient.times("its first rate")},
        {known.get(word, word)}."""
    return finding(text, speed, newton=newton.contrast, gradient=gradient.contrast)


def pace(speed: Records) -> tuple[Ratio, Ratio]:
    """The rate at the end over that at the start: of Gauss-Newton, of gradient descent."""
    newton = (r for r in speed if r.config["method"] != "gradient" and r.config["rate"] == SLOW)
    return Ratio.of(_slowing(newton)), Ratio.of(
        _slowing(r for r in speed if r.config["method"] == "gradient")
    )


def _slowing(records: Iterable[Record]) -> pd.Series:
    """By seed: the rate of the last stretch over that of the first decade; geometric mean over scales."""
    good = [r for r in records if r.status == "ok" and "steps_1" in r.metrics]
    logs = np.log10(slowing(good).astype(float).clip(lower=1e-6))
    return 10 ** logs.groupby([r.seed for r in good]).mean()


@needs_records
def speed_up(speed: Records) -> Finding:
    """C2: iterations of gradient descent over those of Gauss-Newton, to 10⁻¹ and 10⁻⁴."""
    gradients = [r for r in speed if r.config["method"] == "gradient"]
    budget = gradients[0].config["max_steps"]
    far = _gradient(speed, MIDDLE, "steps_4")
    late = far.reindex(_gradient(speed, MIDDLE, "steps").index).fillna(budget)
    first = Ratio.of(_gradient(speed, MIDDLE, "steps_1"), _newton(speed, MIDDLE, SLOW, "steps_1"))
    slow, fast = (Ratio.of(late, _newton(speed, MIDDLE, step, "steps_4")) for step in (SLOW, MEDIUM))
    large = _arrived((r for r in gradients if r.config["scale"] == KERNEL_SCALE), 4)
    text = rf"""
        From $\tau_0={MIDDLE}$ down to $10^{{-1}}$ of the loss, the iterations of gradient descent are
        {_number(first)} those of Gauss-Newton with $\lambda/N={SLOW}$, {first.times("as many")}. Down to
        $10^{{-4}}$ they are {_number(slow)} those, {slow.times("as many")}; and
        {fast.times("as many")} as with $\lambda/N={MEDIUM}$. """
    if len(far) < len(late):
        missing = Count(len(late) - len(far), len(late))
        text += f"({missing} runs do not arrive and count with their budget of {budget:,}.) "
    text += rf"From $\tau_0=10$, {large} runs of gradient descent arrive there within {budget:,} iterations."
    return finding(text, speed, first=first.contrast, slow=slow.contrast, fast=fast.contrast, large=large)


# --- Scale and step -------------------------------------------------------------------------


@needs_records
def kernel_regime(grid: Records) -> Finding:
    """C3: at τ₀ = 10, full steps against small ones, and these against random features."""
    small = _newton(grid, KERNEL_SCALE, SLOW, "test_loss")
    full = Ratio.of(_newton(grid, KERNEL_SCALE, FULL, "test_loss"), small)
    random = Ratio.of(small, _newton(grid, KERNEL_SCALE, SLOW, "rf_test"))
    text = rf"""
        From $\tau_0=10$ full steps are in the end {loss_word(full)} small ones ($\lambda/N={SLOW}$), at
        {full.times("their test loss")}, and small ones {loss_word(random)} random features, at
        {random.times("theirs")}. """
    if loss_word(full) == loss_word(random) == "within 20 % of":
        text += "The step hardly matters here, and little is gained over random features."
    return finding(text, grid, full=full.contrast, random=random.contrast)


@needs_records
def small_steps(grid: Records) -> Finding:
    """C4: what smaller steps are worth where features are learnt, at equal training loss."""
    losses = {step: _newton(grid, MIDDLE, step, "test_loss") for step in (FULL, MEDIUM, SLOW)}
    full, medium = Ratio.of(losses[FULL], losses[MEDIUM]), Ratio.of(losses[MEDIUM], losses[SLOW])
    ordered = Count.of(_ordered(grid, seed) for seed in sorted({r.seed for r in grid}))
    random = Ratio.of(*(below_kernel(grid, name) for name in ("rf_test", "test_loss")))
    word = random.word("worse than", "better than")
    text = rf"""
        From $\tau_0={MIDDLE}$ full steps are in the end {loss_word(full)} $\lambda/N={MEDIUM}$, at
        {full.times("its test loss")}, and $\lambda/N={MEDIUM}$ is {loss_word(medium)} ${SLOW}$, at
        {medium.times("its test loss")}. From both scales where features move, $\tau_0={SMALL}$ and
        ${MIDDLE}$, every smaller step ends lower for {ordered} teachers. With $\lambda/N={SLOW}$ students
        from $\tau_0\le1$ are {word} random features, whose test loss is {random.times("theirs")}."""
    contrasts = {"full": full.contrast, "medium": medium.contrast, "random": random.contrast}
    return finding(text, grid, **contrasts, ordered=ordered)


def _ordered(grid: Records, seed: int) -> bool:
    """Whether smaller steps end lower from both small scales; a run that diverged has no loss."""
    groups = (
        [_newton(grid, scale, step, "test_loss").get(seed, np.inf) for step in (FULL, MEDIUM, SLOW)]
        for scale in SMALL_SCALES
    )
    return all(a > b > c for a, b, c in groups)


@needs_records
def best_scales(grid: Records) -> Finding:
    """The initial scales from which small steps end lowest, as far as they can be told apart."""
    logs = {scale: np.log10(_newton(grid, scale, SLOW, "test_loss")) for scale in scales(grid)}
    best = indistinguishable(logs)
    if not best:
        return finding(NO_RUN, grid)
    names, seeds = either([rf"$\tau_0={scale:g}$" for scale in best]), len(logs[best[0]])
    told = "is the best scale" if len(best) == 1 else "may be the best scale; they cannot be told apart"
    text = rf"With $\lambda/N={SLOW}$, {names} {told} ({f'n = {seeds}' if seeds > 1 else 'one seed'})."
    return finding(text, grid, scales=Contrast.paired(logs[SMALL], logs[MIDDLE]))


@needs_records
def explosion(grid: Records) -> Finding:
    """C4: full steps from τ₀ = 0.01, against predicting 0."""
    wild = Ratio.of(*(_newton(grid, SMALL, FULL, name) for name in ("test_loss", "zero_loss")))
    fits = _arrived(r for r in grid if (r.config["scale"], r.config["rate"]) == (SMALL, FULL))
    text = rf"""
        Full steps from $\tau_0={SMALL}$ fit the training set to $10^{{-8}}$ in {fits} runs. In the end they
        are {loss_word(wild)} predicting 0, at {wild.times("its test loss")}."""
    return finding(text, grid, wild=wild.contrast, fits=fits)


# --- Features -------------------------------------------------------------------------------


@needs_records
def hidden_learning(grid: Records) -> Finding:
    """C5: the network, and its features refitted, on the way down from τ₀ = 0.01 with small steps."""
    curves = refit_curves(grid)
    if curves is None:
        return finding(NO_RUN, grid)
    first, last = curves.groupby("seed").first(), curves.groupby("seed").last()
    half, eighth = (at_fraction(curves, part).set_index("seed") for part in (1 / 2, 1 / 8))
    left, hidden = half["test_loss"] / first["test_loss"], Ratio.of(half["test_loss"], half["refit_test"])
    better, done = (Ratio.of(eighth["refit_test"], other["refit_test"]) for other in (first, last))
    lead = ("What the features know is open", "The features know better", "The features know less")
    text = rf"""
        When about half of the training loss is left, the test loss over its first is
        {_with_n(left, 2)}. {lead[hidden.contrast.sign()]}: a refit of the output layer divides it by
        {hidden.factor()}. When about an eighth is left, the refitted student is {loss_word(better)} a
        refit at the start, at {better.times("its test loss")}, and {loss_word(done)} one at the end, at
        {done.times("its test loss")}."""
    facts = {"hidden": hidden.contrast, "better": better.contrast, "done": done.contrast}
    return finding(text, grid, **facts, left=Measured.of(left, 2))


@needs_records
def alignment(grid: Records) -> Finding:
    """C6: features of the student against those of the teacher, by step, from τ₀ = 0.01."""
    slow, medium, full = (_newton(grid, SMALL, step, "weighted_cka") for step in (SLOW, MEDIUM, FULL))
    runs = (r for r in grid if (r.config["scale"], r.config["rate"], r.status) == (SMALL, SLOW, "ok"))
    began = pd.Series({r.seed: r.curves["weighted_cka"][1] for r in runs}, dtype=float)
    rise, gain, edge = (Contrast.paired(slow, other) for other in (began, full, medium))
    turned = Contrast.paired(*(_newton(grid, SMALL, step, "unit_distance") for step in (SLOW, FULL)))
    text = rf"""
        With $\lambda/N={SLOW}$ from $\tau_0={SMALL}$ the weighted alignment ends at {_with_n(slow, 2)}. That
        is {_level(rise)} it was after the first step ({_by(rise)}), {_level(gain)} that of full steps
        ({_by(gain)}) and {_level(edge)} that of $\lambda/N={MEDIUM}$ ({_by(edge)}). The distance to the
        teacher's directions ends {_level(turned)} that of full steps ({_by(turned)})."""
    return finding(text, grid, rise=rise, gain=gain, edge=edge, turned=turned)


# --- The trade-off --------------------------------------------------------------------------


@needs_records
def against_descent(speed: Records) -> Finding:
    """C7: test loss and features of the paper's step from τ₀ = 0.1 against those of gradient descent."""
    slow = Ratio.of(_newton(speed, MIDDLE, SLOW, "test_loss"), _gradient(speed, MIDDLE, "test_loss"))
    near = Contrast.paired(*_alignments(speed, SLOW))
    text = rf"""
        From $\tau_0={MIDDLE}$ Gauss-Newton with $\lambda/N={SLOW}$ is in the end {loss_word(slow)} gradient
        descent, at {slow.times("its test loss")}. The weighted alignment of its features is {_level(near)}
        that of gradient descent ({_by(near)})."""
    return finding(text, speed, slow=slow.contrast, near=near)


def _alignments(speed: Records, step: float) -> tuple[pd.Series, pd.Series]:
    return _newton(speed, MIDDLE, step, "weighted_cka"), _gradient(speed, MIDDLE, "weighted_cka")


@needs_records
def smallest_step(speed: Records) -> Finding:
    """C7: the smallest step of the study against gradient descent, teacher by teacher."""
    step = min(r.config["rate"] for r in speed if r.config["method"] == "gauss-newton")
    ours, theirs = _newton(speed, MIDDLE, step, "test_loss"), _gradient(speed, MIDDLE, "test_loss")
    features, others = _alignments(speed, step)
    ratio, near = Ratio.of(ours, theirs), Contrast.paired(features, others)
    ahead = Count.of((ours - theirs).dropna() < 0)
    finer = Count.of((features - others).dropna() > 0)
    text = rf"""
        The smallest step of the study, $\lambda/N={step:g}$, is in the end {loss_word(ratio)} gradient
        descent, at {ratio.times("its test loss")}, and has the lower loss for {ahead} teachers. The
        weighted alignment of its features is {_level(near)} that of gradient descent ({_by(near)}), and
        the higher one for {finer}."""
    return finding(text, speed, ratio=ratio.contrast, near=near, ahead=ahead, finer=finer)


@needs_records
def stopped_early(speed: Records) -> Finding:
    """C3: gradient descent at τ₀ = 10, when its budget ends."""
    runs = [r for r in speed if (r.config["method"], r.config["scale"]) == ("gradient", KERNEL_SCALE)]
    left = Ratio.of(*(_gradient(runs, KERNEL_SCALE, name) for name in ("train_loss", "start_loss")))
    random = Ratio.of(*(_gradient(runs, KERNEL_SCALE, name) for name in ("test_loss", "rf_test")))
    arrived = _arrived(runs)
    text = rf"""
        From $\tau_0=10$, {arrived} runs of gradient descent reach $10^{{-8}}$ before their budget ends;
        they stop at {left.times("their first training loss")}. There they are {loss_word(random)}
        random features that interpolate, at {random.times("their test loss")}. """
    if random.contrast.sign() < 0 and not arrived.k:
        text += "Stopping early is a regularisation of its own."
    return finding(text, speed, left=left.contrast, random=random.contrast, arrived=arrived)


# --- Damping and digits ---------------------------------------------------------------------


def _floor_name(floor: tuple[float, float]) -> str:
    name, value = (r"\rho", floor[1]) if floor[1] else (r"\varepsilon_0", floor[0])
    return rf"${name}=10^{{{round(log10(value))}}}$"


@needs_records
def stalls(damping: Records) -> Finding:
    """Which floors keep students from the end, and from which scales."""
    parts, facts = [], {}
    for place, floor in enumerate(FLOORS):
        stalled = [r for r in of_floor(damping, floor) if "steps_8" not in r.metrics]
        facts[f"floor {place}"] = count = Count(len(stalled), len(of_floor(damping, floor)))
        where = either([rf"$\tau_0={scale:g}$" for scale in scales(stalled)]) if stalled else ""
        parts.append(f"{count} with {_floor_name(floor)}" + (f" (from {where})" if where else ""))
    text = rf"""
        After {damping[0].config["max_steps"]:,} iterations, so many runs are still above $10^{{-8}}$:
        {"; ".join(parts)}."""
    return finding(text, damping, **facts)


@needs_records
def floors(damping: Records) -> Finding:
    """What the floor does to the test loss, from the scales at which every run arrives."""
    open_scales = scales([r for r in damping if "steps_8" not in r.metrics])
    ratios = {scale: over_authors(damping, scale) for scale in scales(damping)}
    names = {(s, k): f"floor {k + 1}, scale {s:g}" for s, pair in ratios.items() for k in range(len(pair))}
    facts = {name: ratios[scale][k].contrast for (scale, k), name in names.items()}
    fair = {scale: pair for scale, pair in ratios.items() if scale not in open_scales}
    if not fair:
        return finding(
            "At no scale do all runs arrive, so their losses cannot be compared.", damping, **facts
        )
    text = f"How do the relative floors end against the authors' {_floor_name(FLOORS[0])}? "
    for scale, pair in fair.items():
        one, other = (
            f"{_floor_name(floor)} is {loss_word(ratio)} it, at {ratio.times('its test loss')}"
            for floor, ratio in zip(FLOORS[1:], pair, strict=True)
        )
        text += rf"From $\tau_0={scale:g}$, {one}, and {other}. "
    words = {loss_word(ratio) for pair in fair.values() for ratio in pair}
    if words & {"better than", "worse than"}:
        text += "So part of what is called Gauss-Newton here is its floor."
    return finding(text, damping, **facts)


@needs_records
def parity(mnist: Records) -> Finding:
    """C8: what small steps are worth on digits, from τ₀ = 1, at a relative training loss of 1/100."""
    loss, where = "hundredth_test_loss", DATA[mnist[0].config["dataset"]]
    full, small = (_newton(mnist, 1.0, step, loss) for step in (FULL, SLOW))
    ratio, random = Ratio.of(full, small), Ratio.of(small, _newton(mnist, 1.0, SLOW, "start_refit_loss"))
    refit = Ratio.of(*(_newton(mnist, 1.0, SLOW, f"eighth_{name}_loss") for name in ("refit", "test")))
    text = rf"""
        {where}, from $\tau_0=1$ and at $1/100$ of the first training loss, full steps are
        {loss_word(ratio)} small ones ($\lambda/N={SLOW}$), at {ratio.times("their test loss")}, and
        these {loss_word(random)} random features, at {random.times("theirs")}. At $1/8$ of the first
        training loss, a refit of the output layer is {loss_word(refit)} the student as it is, at
        {refit.times("its test loss")}."""
    return finding(text, mnist, ratio=ratio.contrast, random=random.contrast, refit=refit.contrast)


@needs_records
def parity_of_descent(mnist: Records) -> Finding:
    """C8: gradient descent on digits, from τ₀ = 1, at a relative training loss of 1/100."""
    descent = {"method": "gradient", "scale": 1.0, "rate": DESCENT_RATE}
    loss, steps = (
        Ratio.of(metric(mnist, name, **descent), _newton(mnist, 1.0, SLOW, name))
        for name in ("hundredth_test_loss", "hundredth_steps")
    )
    text = rf"""
        The iterations of gradient descent from $\tau_0=1$ to $1/100$ are {_number(steps)} those of
        Gauss-Newton with $\lambda/N={SLOW}$, {steps.times("as many")}. There it is {loss_word(loss)}
        Gauss-Newton, at {loss.times("its test loss")}."""
    return finding(text, mnist, loss=loss.contrast, steps=steps.contrast)
