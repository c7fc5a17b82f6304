"""The experiments on images as grids of runs (C1 to C4, C9 to C11, C13)."""

from itertools import product

from startright.papers.alrao.images import ImageConfig, run_images, run_images_stacked, stack_key
from startright.profiles import by_profile
from startright.studies import Study

DECADES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
INTERVAL = (1e-5, 10.0)  # the paper's, over the same decades as the grid of SGD
HEADS = 10

DIGITS = {"dataset": "digits", "net": "mlp", "epochs": 10}
NARROW = {"dataset": "cifar10", "net": "vgg19", "width": 0.25}  # what two processor cores can train
NETS = ("mobilenet", "googlenet", "vgg19")
EARLY_EPOCHS = 5  # of the paper's networks: its first epochs tell the rates apart and take minutes on a GPU


def alrao(interval=INTERVAL, *, heads: int = HEADS, optimizer: str = "sgd", **options) -> ImageConfig:
    """Alrao on ``interval``."""
    return ImageConfig(optimizer=optimizer, lo=interval[0], hi=interval[1], heads=heads, **options)


def sgd(rate: float, **options) -> ImageConfig:
    """SGD at one rate."""
    return alrao((rate, rate), heads=1, **options)


def adam(rate: float = 1e-3, **options) -> ImageConfig:
    """Adam at one rate."""
    return alrao((rate, rate), heads=1, optimizer="adam", **options)


def _methods(**options) -> list[ImageConfig]:
    return [alrao(**options), *(sgd(rate, **options) for rate in DECADES), adam(**options)]


LEARNING = Study(
    name="alrao-learning",
    version=1,
    question="How near does Alrao come to SGD at its best rate?",
    grid=by_profile(
        quick=_methods(**DIGITS),
        full=_methods(**NARROW, epochs=1),
        paper=[
            config
            for epochs in (EARLY_EPOCHS, 60)
            for net in NETS
            for config in _methods(dataset="cifar10", net=net, epochs=epochs)
        ],
    ),
    seeds=by_profile(quick=tuple(range(5)), full=tuple(range(5)), paper=tuple(range(10))),
    run=run_images,
    run_stacked=run_images_stacked,
    stack_key=stack_key,
)


def _triangle(lows, highs, **options) -> list[ImageConfig]:
    """All intervals with bounds among these; SGD where both are one."""
    pairs = [(lo, hi) for lo, hi in product(lows, highs) if lo <= hi]
    return [sgd(lo, **options) if lo == hi else alrao((lo, hi), **options) for lo, hi in pairs]


MAP = tuple(10.0**k for k in range(-7, 3))  # of the paper
QUICK_BOUNDS = (1e-7, 1e-5, 1e-3, 1e-1, 10.0)

INTERVALS = Study(
    name="alrao-intervals",
    version=1,
    question="How much does the interval of the rates matter?",
    grid=by_profile(
        quick=_triangle(QUICK_BOUNDS[:4], QUICK_BOUNDS[1:], dataset="digits", net="mlp", epochs=6),
        full=_triangle((1e-5, 1e-3, 1e-1), (1e-3, 1e-1, 10.0), **NARROW, epochs=1),
        paper=[
            config
            for epochs in (1, 30)
            for config in _triangle(MAP, MAP, dataset="cifar10", net="googlenet", epochs=epochs)
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0,), paper=(0, 1, 2)),
    run=run_images,
    run_stacked=run_images_stacked,
    stack_key=stack_key,
)

FRACTIONS = (1.0, 0.5, 0.2, 0.1, 0.05)
GOOD_RATE = 0.1  # of SGD on the small networks below


def _variants(**options) -> list[ImageConfig]:
    """What else the paper asks: rates a weight, Adam, width, how many units need to learn."""
    granularity = [
        alrao(interval, per=per, **options)
        for interval in (INTERVAL, (1e-3, 1e4))
        for per in ("unit", "weight")
    ]
    on_adam = [alrao((1e-6, 1.0), optimizer="adam", **options), adam(**options)]
    wide = [alrao(width=3.0, **options), sgd(GOOD_RATE, width=3.0, **options)]
    fractions = [sgd(GOOD_RATE, fraction=p, **options) for p in FRACTIONS]
    return [*granularity, *on_adam, *wide, sgd(GOOD_RATE, **options), *fractions]


VARIANTS = Study(
    name="alrao-variants",
    version=1,
    question="Rates a weight, Alrao on Adam, wider networks, frozen units: what changes?",
    grid=by_profile(
        quick=_variants(dataset="digits", net="mlp", epochs=6),
        full=_variants(dataset="mnist", net="mlp", epochs=1),
        paper=_variants(dataset="cifar10", net="googlenet", epochs=20),
    ),
    seeds=by_profile(quick=tuple(range(5)), full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_images,
    run_stacked=run_images_stacked,
    stack_key=stack_key,
)
