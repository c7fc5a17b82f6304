"""The experiments of the room as grids of runs: one study a question.

The number of draws of a run is written ``draws``; ``seeds`` are independent repetitions, so that
every number of the chapters is a mean and a standard deviation over them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from startright import data, training
from startright.models import MLP
from startright.papers.preact import chains, finite_width, ks, log_periodic, maps, schemes
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.init import init_gaussian_preact_
from startright.papers.preact.law import ks_of_product, phi
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

THETAS = (2.05, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)  # the seven values of the released objects
KINDS = ("odd", "positive")
FIVE = (0, 1, 2, 3, 4)  # seeds: fewer say too little about a spread


def _scheme(name: str, theta: float | None) -> schemes.Scheme:
    """The pair (activation, law of the weights) that a config names."""
    if name in KINDS:
        return schemes.gaussian_preact(theta, name)
    return {"relu": schemes.relu, "tanh": schemes.tanh_eoc}[name]()


def _pairs(thetas: Sequence[float]) -> list[tuple[str, float | None]]:
    """ReLU, tanh and both variants of φ_θ for every θ."""
    return [("relu", None), ("tanh", None), *((kind, theta) for kind in KINDS for theta in thetas)]


# --- the law itself (C2, C3) ----------------------------------------------------------------


@dataclass(frozen=True)
class LawConfig:
    """One φ_θ and the number of nodes of its table."""

    theta: float
    kind: str
    nodes: int


def run_law(config: LawConfig, seed: int, device: torch.device) -> Outcome:
    """How exactly W·φ_θ(Z) is N(0, 1), and the table φ_θ: everything by quadrature, nothing sampled.

    ``mirror`` is the largest distance of φ(z) from −φ(−z) for z from −8 to 8, 0 of an odd function; ``least``
    is the least φ(z) there.
    """
    table = GaussianActivation(config.theta, config.kind, nodes=config.nodes)
    z = torch.linspace(-8, 8, 137, dtype=torch.float64)  # between the nodes
    exact = phi(z.numpy(), config.theta, config.kind)
    variance = maps.variance_map(schemes.gaussian_preact(config.theta, config.kind), 1.0)
    metrics = {
        "ks": ks_of_product(config.theta, config.kind),
        "second_moment_error": abs(float(variance) - 1),
        "table_error": float(np.abs(table(z).numpy() - exact).max()),
        "mirror": float(np.abs(exact + exact[::-1]).max()),
        "least": float(exact.min()),
    }
    return Outcome(metrics)


LAW = Study(
    name="preact-law",
    version=2,
    question="Is W·φ_θ(Z) exactly N(0, 1), for both variants and every θ?",
    grid=by_profile(
        quick=[LawConfig(theta, kind, 1001) for kind in KINDS for theta in (2.05, 3.0, 5.0, 10.0)],
        full=[LawConfig(theta, kind, 1001) for kind in KINDS for theta in THETAS],
    ),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_law,
)


# --- dependence inside a layer (C4, C5) -----------------------------------------------------


@dataclass(frozen=True)
class DependenceConfig:
    """A two-step network of §3.1, layer sizes (n0, n1, 1) given by ``layout`` and ``width``."""

    scheme: str
    theta: float | None
    layout: str
    width: int
    draws: int
    independent: bool = False


def run_dependence(config: DependenceConfig, seed: int, device: torch.device) -> Outcome:
    """Distance to N(0, 1) of the output of ``draws`` independent two-step networks."""
    scheme = _scheme(config.scheme, config.theta)
    rng = generator(seed, f"dependence-{config}", device)
    out = chains.two_step(
        scheme, config.layout, config.width, config.draws, generator=rng, independent=config.independent
    )
    return Outcome(_summary(out))


def _summary(z: torch.Tensor) -> dict[str, float]:
    """KS distances, moments and thresholds of one sample of pre-activations, shape (draws,)."""
    return {
        "ks": float(ks.distance(z)),
        "ks_standardised": float(ks.distance_standardised(z)),
        "variance": float(z.var()),
        "kurtosis": float(((z - z.mean()) ** 4).mean() / z.var() ** 2),
    }


def _dependence_grid(thetas: Sequence[float], widths: Sequence[int], draws: int) -> list[DependenceConfig]:
    shared = [
        DependenceConfig(scheme, theta, layout, width, draws)
        for scheme, theta in _pairs(thetas)
        for layout in "ABC"
        for width in widths
    ]
    fresh = [replace(c, independent=True) for c in shared if c.scheme in KINDS and c.layout == "C"]
    return shared + fresh


DEPENDENCE = Study(
    name="preact-dependence",
    version=1,
    question="What does dependence between the neurons of a layer do to the Gaussian law?",
    grid=by_profile(
        quick=_dependence_grid((2.05, 10.0), (1, 2, 5, 10), 20_000),
        full=_dependence_grid((2.05, 4.0, 10.0), range(1, 11), 200_000),
    ),
    seeds=by_profile(quick=FIVE, full=FIVE),
    run=run_dependence,
)


# --- through depth (C1, C6) -----------------------------------------------------------------


@dataclass(frozen=True)
class DepthConfig:
    """``draws`` independent networks of one width, seen by one input.

    ``inputs`` is ``"unit"`` (any vector with ‖x‖² = n₀: the first layer is then sampled directly) or
    the name of a dataset, whose first image of class 0, scaled to ‖x‖² = n₀, goes through a full first layer.
    """

    scheme: str
    theta: float | None
    width: int
    depth: int
    draws: int
    inputs: str = "unit"


def run_depth(config: DepthConfig, seed: int, device: torch.device) -> Outcome:
    """KS distances and variance of one neuron, layer by layer."""
    rng = generator(seed, f"depth-{config}", device)
    z = _propagate(config, rng, device)  # (depth, draws)
    if not bool(torch.isfinite(z).all()):
        return Outcome({}, status="diverged", reason="a pre-activation is not finite")
    curves = {
        "ks": ks.distance(z).tolist(),
        "ks_standardised": [_shape_distance(layer) for layer in z],
        "variance": z.double().var(-1).tolist(),
    }
    return Outcome({name: curve[-1] for name, curve in curves.items()}, curves)


def _shape_distance(layer: torch.Tensor) -> float:
    """Standardised KS distance of one layer, (draws,)."""
    if bool((layer == layer[0]).all()):
        return 0.5  # every network is dead: a point mass is half a unit from any normal law centred on it
    return float(ks.distance_standardised(layer))


def _propagate(config: DepthConfig, rng: torch.Generator, device: torch.device) -> torch.Tensor:
    scheme = _scheme(config.scheme, config.theta)
    if config.inputs == "unit" and scheme.gaussian_weights:
        return chains.scalar_chain(scheme, config.width, config.depth, config.draws, generator=rng)
    x = None
    if config.inputs != "unit":
        x = _images(config.inputs, 1, 1, device)[0][0]
    return chains.matrix_chain(scheme, config.width, config.depth, config.draws, generator=rng, x=x)


def _depth_grid(
    thetas: Sequence[float], widths: Sequence[int], draws: int, dataset: str, classic_widths: Sequence[int]
) -> list[DepthConfig]:
    classic = [DepthConfig(s, None, w, 50, draws) for s in ("relu", "tanh") for w in classic_widths]
    ours = [DepthConfig(s, t, w, 30, draws) for s, t in _pairs(thetas)[2:] for w in widths]
    images = [DepthConfig(s, t, 10, 30, draws, dataset) for s, t in _pairs(thetas)]
    return classic + ours + images


DEPTH = Study(
    name="preact-depth",
    version=1,
    question="Do pre-activations stay N(0, 1) through depth?",
    grid=by_profile(
        quick=_depth_grid((2.05, 10.0), (10,), 4_000, "digits", (10, 100)),
        full=_depth_grid((2.05, 4.0, 10.0), (10, 30, 100), 10_000, "cifar10", (2, 10, 30, 100)),
    ),
    seeds=by_profile(quick=FIVE, full=(0, 1, 2)),
    run=run_depth,
)


# --- two inputs (C6, the Edge of Chaos) -----------------------------------------------------


@dataclass(frozen=True)
class CorrelationConfig:
    """One random network seen by ``per_class`` images of each of ``classes`` classes."""

    scheme: str
    theta: float | None
    width: int
    depth: int
    dataset: str
    classes: int = 10
    per_class: int = 10


def run_correlation(config: CorrelationConfig, seed: int, device: torch.device) -> Outcome:
    """Mean correlation within and between classes, layer by layer, beside the infinite-width map."""
    scheme = _scheme(config.scheme, config.theta)
    x, y = _images(config.dataset, config.classes, config.per_class, device)
    rng = generator(seed, f"correlation-{config}", device)
    c = chains.correlation_chain(scheme, x, config.width, config.depth, generator=rng)  # (depth, m, m)
    same = y[:, None] == y[None, :]
    pairs = {"within": same & ~torch.eye(len(y), dtype=torch.bool, device=device), "between": ~same}
    start = (x @ x.T / x.shape[1]).clamp(-1, 1)
    theory = maps.iterate_correlation(scheme, start.double().cpu().numpy(), config.depth)
    curves = {}
    for name, pair in pairs.items():
        curves[name] = c[:, pair].nanmean(1).tolist()  # of the inputs that some neuron still sees
        curves[f"{name}_theory"] = theory[:, pair.cpu().numpy()].mean(1).tolist()
    gaps = [np.abs(np.subtract(curves[n], curves[f"{n}_theory"]))[:20].max() for n in pairs]
    return Outcome({"gap": float(max(gaps)), **{n: curves[n][-1] for n in pairs}}, curves)


@lru_cache(maxsize=8)
def _images(
    dataset: str, classes: int, per_class: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``per_class`` training images of each class, scaled to ‖x‖² = n₀, and their labels."""
    train = data.load(dataset, device=device).train
    chosen = torch.cat([(train.y == k).nonzero()[:per_class, 0] for k in range(classes)])
    return data.normalised_inputs(train.x[chosen]), train.y[chosen]


def _correlation_grid(thetas: Sequence[float], widths: Sequence[int], depth: int, dataset: str) -> list:
    return [CorrelationConfig(s, t, w, depth, dataset) for s, t in _pairs(thetas) for w in widths]


CORRELATION = Study(
    name="preact-correlation",
    version=1,
    question="How does the correlation of two inputs evolve with depth?",
    grid=by_profile(
        quick=_correlation_grid((2.05, 10.0), (10, 300), 20, "digits"),
        full=_correlation_grid((2.05, 10.0), (10, 100, 1000), 50, "cifar10"),
    ),
    seeds=by_profile(quick=FIVE, full=tuple(range(20))),
    run=run_correlation,
)


# --- exact statements: maps, fixed points, principles, moments (C7, C8, C9) ------------------


@dataclass(frozen=True)
class FixedPointConfig:
    """The log-periodic activation x·exp((δ/ω) sin(ω ln|x|)) on ``periods`` periods of its variance map."""

    omega: float
    delta: float = 0.99
    periods: int = 5


def run_fixed_points(config: FixedPointConfig, seed: int, device: torch.device) -> Outcome:
    """Count the fixed points of the variance map, σ_w² in the middle of the range that has any."""
    low, high = log_periodic.ratio_range(config.delta, config.omega)
    sigma_w = (low * high) ** -0.25  # 1/σ_w² is the geometric mean of the range of V(v)/v
    points = log_periodic.fixed_points(config.delta, config.omega, sigma_w, config.periods)
    slopes = np.array([point.slope for point in points])
    stable = np.abs(slopes) < 1
    metrics = {
        "ratio_low": low,
        "ratio_high": high,
        "sigma_w": sigma_w,
        "stable_per_period": stable.sum() / config.periods,
        "unstable_per_period": (~stable).sum() / config.periods,
        "stable_slope": float(slopes[stable].mean()),
        "unstable_slope": float(slopes[~stable].mean()),
    }
    return Outcome(metrics)


FIXED_POINTS = Study(
    name="preact-fixed-points",
    version=1,
    question="Can the variance map have infinitely many stable fixed points?",
    grid=by_profile(
        quick=[FixedPointConfig(omega) for omega in (2.0, 3.0, 6.0)],
        full=[FixedPointConfig(omega, periods=20) for omega in (2.0, 3.0, 6.0)],
    ),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_fixed_points,
)


@dataclass(frozen=True)
class PrincipleConfig:
    """One initialisation principle, a key of ``startright.preact.finite_width.PRINCIPLES``."""

    principle: str


def run_principle(config: PrincipleConfig, seed: int, device: torch.device) -> Outcome:
    """How far each summary of the pre-activation law is from being a fixed point of the layer map."""
    return Outcome(finite_width.residuals(config.principle))


PRINCIPLE_GRID = [PrincipleConfig(name) for name in finite_width.PRINCIPLES]

PRINCIPLES = Study(
    name="preact-principles",
    version=1,
    question="Which summary of the pre-activation law does each initialisation preserve?",
    grid=by_profile(quick=PRINCIPLE_GRID, full=PRINCIPLE_GRID),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_principle,
)


@dataclass(frozen=True)
class MomentsConfig:
    """ReLU networks of one width, σ_w² = 2, σ_b = 0."""

    width: int
    depth: int
    draws: int


def run_moments(config: MomentsConfig, seed: int, device: torch.device) -> Outcome:
    """Second and fourth moments of a pre-activation, layer by layer, against the exact recursion."""
    rng = generator(seed, f"moments-{config}", device)
    z = chains.scalar_chain(schemes.relu(), config.width, config.depth, config.draws, generator=rng)
    second, fourth = z.double().square().mean(-1), z.double().pow(4).mean(-1)
    curves = {
        "second": (second / 2).tolist(),  # exact: 1 at every layer (in units of the first layer's variance)
        "kurtosis": (fourth / second.square()).tolist(),
        "kurtosis_exact": [
            finite_width.relu_kurtosis(config.width, layer) for layer in range(1, config.depth + 1)
        ],
    }
    metrics = {"second": curves["second"][-1]}
    metrics |= {f"kurtosis_{layer}": curves["kurtosis"][layer - 1] for layer in (1, 2, 3)}
    return Outcome(metrics, curves)


MOMENTS = Study(
    name="preact-moments",
    version=1,
    question="Are second-moment recursions exact at finite width?",
    grid=by_profile(
        quick=[MomentsConfig(width, 10, 50_000) for width in (10, 30)],
        full=[MomentsConfig(width, 10, 1_000_000) for width in (10, 30, 100)],
    ),
    seeds=by_profile(quick=FIVE, full=FIVE),
    run=run_moments,
)


# --- training (C10) -------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainingConfig:
    """One MLP of ``depth`` hidden layers of ``width`` neurons, plain SGD at one learning rate."""

    scheme: str
    theta: float | None
    width: int
    depth: int
    lr: float
    dataset: str
    epochs: int
    batch_size: int = 128


def _make_mlp(config: TrainingConfig, rng: torch.Generator, n_inputs: int, n_classes: int) -> nn.Module:
    """The network at initialisation: logits like the other pre-activations, weights over √fan-in."""
    activation = nn.ReLU if config.scheme == "relu" else nn.Tanh
    net = MLP([n_inputs, *[config.width] * config.depth, n_classes], activation)
    if config.scheme in KINDS:
        return init_gaussian_preact_(net, config.theta, config.scheme, generator=rng)
    scheme = _scheme(config.scheme, None)
    return schemes.init_gaussian_(net, scheme.sigma_w2, scheme.sigma_b2, generator=rng)


def _training_data(config: TrainingConfig, device: torch.device) -> data.Dataset:
    """The dataset with a fifth of its training images for validation, every input scaled to ‖x‖² = n₀."""
    held = {"digits": 300}.get(config.dataset, 10_000)
    loaded = data.load(config.dataset, device=device, validation=held, flatten=True)
    parts = {
        part: getattr(loaded, part)._replace(x=data.normalised_inputs(getattr(loaded, part).x))
        for part in ("train", "validation", "test")
    }
    return replace(loaded, **parts)


def run_training(config: TrainingConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network (see :func:`run_training_stacked`, which is how the study usually runs)."""
    return run_training_stacked([(config, seed)], device)[0]


def run_training_stacked(runs: Sequence[tuple[TrainingConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks of one shape, alike in all but learning rate and seed, as one program."""
    config = runs[0][0]
    images = _training_data(config, device)
    n_inputs = images.train.x.shape[1]
    models = [_make_mlp(config, generator(seed, "init"), n_inputs, images.n_classes) for _, seed in runs]
    settings = training.TrainConfig(epochs=config.epochs, batch_size=config.batch_size)
    histories = training.train_stacked(
        models, images, settings, seeds=[seed for _, seed in runs], lrs=[each.lr for each, _ in runs]
    )
    return [Outcome(h.last, h.curves, status=h.status, reason=h.reason) for h in histories]


def _training_grid(
    widths: Sequence[int], depths: Sequence[int], lrs: Sequence[float], dataset: str, epochs: int
) -> list[TrainingConfig]:
    return [
        TrainingConfig(scheme, theta, width, depth, lr, dataset, epochs)
        for width in widths
        for depth in depths
        for scheme, theta in _pairs((2.05, 10.0))
        for lr in lrs
    ]


HALF_DECADES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

TRAINING = Study(
    name="preact-training",
    version=1,
    question="Does a Gaussian initialisation help training?",
    grid=by_profile(
        quick=_training_grid((10,), (3, 10), (0.03, 0.1, 0.3), "digits", 5),
        full=_training_grid((10, 64), (3, 10, 30), HALF_DECADES, "mnist", 2),
    ),
    seeds=by_profile(quick=FIVE, full=(0, 1, 2)),
    run=run_training,
    run_stacked=run_training_stacked,
    stack_key=lambda config: replace(config, lr=0.0),
)

STUDIES = (LAW, DEPENDENCE, DEPTH, CORRELATION, FIXED_POINTS, PRINCIPLES, MOMENTS, TRAINING)
