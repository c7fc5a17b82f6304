"""Trainings as grids of runs: grouped Newton against Adam, SGD and K-FAC (C6, C7)."""

from startright.papers.higher_order.training import RunConfig, run_training
from startright.profiles import by_profile
from startright.studies import Study

DIGITS = {"dataset": "digits", "net": "digits-mlp", "epochs": 10}
ENCODER = {"dataset": "digits", "net": "digits-encoder", "epochs": 8}
SMALL = {"dataset": "mnist", "net": "small-mlp", "epochs": 15, "n_train": 12_000}
MLP = {"dataset": "mnist", "net": "mlp", "epochs": 6, "validation": 6000}
LENET = {"dataset": "cifar10", "net": "lenet", "epochs": 8, "validation": 5000}
VGG = {"dataset": "cifar10", "net": "vgg11", "epochs": 100, "validation": 5000}
DEEP = {"dataset": "mnist", "net": "deep-mlp", "epochs": 6, "n_train": 12_000}
BIG = {"dataset": "cifar10", "net": "big-mlp", "epochs": 100, "validation": 5000}
LONG_LENET, LONG_MLP = {**LENET, "epochs": 100}, {**MLP, "epochs": 100}

FACTORS = (0.1, 0.3)  # λ₁
CHOICE_FACTOR = 0.3
ADAM = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
SGD = (0.01, 0.03, 0.1)
KFAC = (1e-3, 3e-3, 1e-2, 3e-2)
SEEDS = tuple(range(5))  # of the quick trainings


def runs(method: str, rates: tuple[float, ...], **options) -> list[RunConfig]:
    """One config a rate."""
    return [RunConfig(method=method, lr=rate, **options) for rate in rates]


def _few(**options) -> list[RunConfig]:
    """Two or three rates a method around the best ones, with time for more seeds."""
    return [
        *runs("grouped", FACTORS, **options),
        *runs("adam", ADAM[2:], **options),
        *runs("sgd", SGD[1:], **options),
    ]


def _rivals(**options) -> list[RunConfig]:
    return [
        *runs("grouped", FACTORS, **options),
        *runs("adam", ADAM, **options),
        *runs("sgd", SGD, **options),
    ]


LEARNING = Study(
    name="higher-order-learning",
    version=1,
    question="How does grouped Newton train, next to Adam and SGD with a small search for their rates?",
    grid=by_profile(quick=_few(**DIGITS), full=_rivals(**SMALL), paper=_rivals(**LONG_MLP)),
    seeds=by_profile(quick=SEEDS, full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_training,
)

PEER = Study(
    name="higher-order-kfac",
    version=1,
    question="And next to K-FAC, which keeps the curvature within layers and drops that between them?",
    grid=by_profile(
        quick=runs("kfac", KFAC[:2], **DIGITS),
        full=runs("kfac", KFAC, **SMALL),
        paper=runs("kfac", KFAC, **LONG_MLP),
    ),
    seeds=by_profile(quick=SEEDS, full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_training,
)


def _coarser(*partitions: str, **options) -> list[RunConfig]:
    return [RunConfig(method="grouped", lr=CHOICE_FACTOR, groups=groups, **options) for groups in partitions]


def _choices(**options) -> list[RunConfig]:
    """Other partitions, a larger cubic term, ten times the images for the curvature."""
    coarser = _coarser("trivial", "weights_biases", "blocks", "alternate", **options)
    others = ({"lambda_int": 10.0}, {"curvature_batch": 1000})
    return [
        *coarser,
        *(RunConfig(method="grouped", lr=CHOICE_FACTOR, **choice, **options) for choice in others),
    ]


CHOICES = Study(
    name="higher-order-choices",
    version=1,
    question="What do the partition, the cubic term and the images of the curvature change?",
    grid=by_profile(
        quick=_coarser("trivial", "weights_biases", "blocks", **DIGITS),
        full=_choices(**SMALL),
        paper=_choices(**VGG),
    ),
    seeds=by_profile(quick=SEEDS[:3], full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_training,
)


def _some(**options) -> list[RunConfig]:
    """A shorter search, for networks that take minutes."""
    return [
        *runs("grouped", FACTORS, **options),
        *runs("adam", ADAM[1:4], **options),
        *runs("kfac", KFAC[1:2], **options),
    ]


def _deep(**options) -> list[RunConfig]:
    return [*runs("grouped", FACTORS, **options), *runs("adam", (1e-5, *ADAM[:4]), **options)]


def _encoder(**options) -> list[RunConfig]:
    return [*runs("grouped", FACTORS, **options), *runs("adam", ADAM[1:], **options)]


NETWORKS = Study(
    name="higher-order-networks",
    version=1,
    question="And on LeNet, on the paper's MLP, on twenty layers, on an auto-encoder?",
    grid=by_profile(
        quick=[*runs("grouped", FACTORS, **ENCODER), *runs("adam", ADAM[3:], **ENCODER)],
        full=[
            *_some(**LENET),
            *_some(**MLP),
            *_deep(**DEEP),
            *_encoder(dataset="mnist", net="encoder", epochs=8, n_train=12_000),
        ],
        paper=[*_rivals(**LONG_LENET), *_rivals(**VGG), *runs("kfac", KFAC, **LONG_LENET), *_deep(**BIG)],
    ),
    seeds=by_profile(quick=SEEDS[:3], full=(0,), paper=(0, 1, 2)),
    run=run_training,
)
