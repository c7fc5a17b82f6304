"""Claims C1 to C15 of Blier, Wolinski and Ollivier, each with the measurement that settles it.

On another data set, network or length of training than the paper's the checks say what holds *here* and
are no verdict on the paper (``comparable=False``). Every check names the wrong method that fails it; the
tests run these.
"""

from startright.claims import Change, Claim
from startright.papers.alrao.exact_claims import measure_identity, measure_parameters
from startright.papers.alrao.learning_claims import measure_accuracy, measure_early, measure_reliability
from startright.papers.alrao.selection_claims import measure_intervals, measure_switch
from startright.papers.alrao.studies.exact import COUNTS, IDENTITY
from startright.papers.alrao.studies.imagenet import IMAGENET
from startright.papers.alrao.studies.images import INTERVALS, LEARNING, VARIANTS
from startright.papers.alrao.studies.rl import RL
from startright.papers.alrao.studies.selection import SELECTION
from startright.papers.alrao.studies.text import GRANULARITY, TEXT
from startright.papers.alrao.studies.units import UNITS
from startright.papers.alrao.task_claims import (
    measure_granularity,
    measure_imagenet,
    measure_rl,
    measure_text,
)
from startright.papers.alrao.variant_claims import (
    measure_fraction,
    measure_on_adam,
    measure_units,
    measure_width,
)

PAGE = "structure/alrao"


def _claim(number: int, statement: str, published: str, **rest) -> Claim:
    return Claim("alrao", f"C{number}", statement, published, page=PAGE, **rest)


def _change(check: str, before: str, after: str, why: str, date: str = "2026-11-26") -> Change:
    return Change(check, before, after, why, date)


CLUSTER = ("paper",)  # a grid for a cluster, judged network by network as far as it is recorded
ON_DIGITS = "with all rates 0 the digits lose less than that: the check could not fail"

CLAIMS = (
    _claim(
        1,
        "On CIFAR-10, Alrao on [1e-5, 10] with 10 heads is within one or two points of SGD at its best rate.",
        "accuracy −2.1 (MobileNetV2), −0.7 (GoogLeNet), −2.0 (VGG19) points",
        studies=(LEARNING,),
        measure=measure_accuracy,
        anchor="fig-alrao-learning",
        locator="main table, rows of CIFAR-10",
        changes=(_change("accuracy on digits", "3 points", "1.5 points, by its interval", ON_DIGITS),),
    ),
    _claim(
        2,
        "Alrao is reliable: no run fails, where SGD learns well in two or three decades of rates only.",
        "standard deviation of accuracy ≤ 0.8 points; SGD at 1e-5 and 10 stays at 1.6 to 2.3 nats",
        studies=(LEARNING,),
        measure=measure_reliability,
        anchor="fig-alrao-learning",
        locator="main table, column of Adam; figure of the learning curves",
        changes=(
            _change(
                "how a run fails",
                "nearer to guessing than to the best rate",
                "twice C1's points below it",
                ON_DIGITS,
            ),
            _change("rates within 0.25 nat", "4 of 7", "3 of 7", "the paper says two or three decades"),
            _change(
                "loss of a rate that fails",
                "as it is",
                "that of guessing at most",
                "one run at 1e10 made its mean meaningless",
            ),
        ),
        partial=CLUSTER,
    ),
    _claim(
        3,
        "Early in training Alrao follows the best one or two rates, though most of its are useless alone.",
        "training loss of the first epoch: GoogLeNet 1.38 (best SGD 1.35), MobileNetV2 1.58 (1.63)",
        studies=(LEARNING,),
        measure=measure_early,
        anchor="fig-alrao-learning",
        locator="figure of the learning curves on CIFAR-10",
        changes=(_change("training loss on digits", "0.1 nat", "0.05 nat", ON_DIGITS),),
        partial=CLUSTER,
    ),
    _claim(
        4,
        "The interval matters little as long as it contains a good rate.",
        "first epoch: 1.27 to 1.50 where ηmin ≤ 0.1 ≤ ηmax; ≥ 2.2 where ηmax ≤ 1e-3",
        studies=(INTERVALS, LEARNING),
        measure=measure_intervals,
        anchor="fig-alrao-intervals",
        locator="heat map of the intervals, GoogLeNet",
        changes=(
            _change(
                "which intervals are good",
                "those from 0.1 or less to 0.1 or more",
                "those that hold a best rate of SGD",
                "the best rate of the paper's network need not be that of another",
            ),
        ),
        partial=CLUSTER,
    ),
    _claim(
        5,
        "Alrao trains a character LSTM on the Penn Treebank nearly as well as SGD at its best rate.",
        "1.67 ± 0.01 bits, SGD 1.566 ± 0.003, after about 300 epochs",
        studies=(TEXT,),
        measure=measure_text,
        anchor="tab-alrao-text",
        locator="main table, row of PTB",
        changes=(
            _change(
                "distance to SGD",
                "above it, by less than 0.4 bit",
                "less than 0.2 bit above it",
                "the first would have failed Alrao for being better",
                "2026-11-25",
            ),
        ),
    ),
    _claim(
        6,
        "The same on ImageNet; AlexNet is the weakest case.",
        "accuracy: AlexNet 43.2 (SGD 53.2), DenseNet121 67.3 (69.7), ResNet50 67.5 (67.4) %",
        studies=(IMAGENET,),
        measure=measure_imagenet,
        anchor="tab-alrao-main",
        locator="main table, rows of ImageNet",
        changes=(
            _change("runs", "1 of each, as the paper", "3 of each", "one run decides nothing"),
            _change(
                "DenseNet121",
                "4 points from SGD",
                "2 points from the paper's accuracies",
                "the brief's tolerance",
            ),
        ),
    ),
    _claim(
        7,
        "The same on two tasks of reinforcement learning.",
        "return: Pendulum −371 (SGD −372), LunarLander 186 (188)",
        studies=(RL,),
        measure=measure_rl,
        anchor="sec-alrao-rl",
        locator="main table, rows of reinforcement learning",
    ),
    _claim(
        8,
        "Rates must be drawn per unit: drawn per weight they collapse where ηmax is very large.",
        "first epoch, (1e-3, 1e4): 3.17 bits per unit, 3.91 per weight",
        studies=(GRANULARITY,),
        measure=measure_granularity,
        anchor="fig-alrao-granularity",
        locator="figure: losses of a rate a unit and a rate a weight on PTB",
        changes=(
            _change(
                "the narrow interval",
                "better, or within 0.15 bit",
                "within 0.15 bit on both sides",
                "the brief's",
            ),
        ),
    ),
    _claim(
        9,
        "On top of Adam, Alrao lowers the training loss but is unreliable on the test loss.",
        "GoogLeNet: test loss leaves the plot after 5 epochs; VGG19: 1 run of 10 oscillates",
        studies=(VARIANTS,),
        measure=measure_on_adam,
        anchor="tab-alrao-variants",
        locator="appendix on Alrao-Adam, figures",
    ),
    _claim(
        10,
        "Alrao needs no wider network: three times the width helps it about as much as it helps SGD.",
        "GoogLeNet 0.47 → 0.37, MobileNetV2 0.42 → 0.35 nats",
        studies=(VARIANTS,),
        measure=measure_width,
        anchor="tab-alrao-variants",
        locator="main table, rows × 3; figure of the wide networks",
        changes=(
            _change(
                "same change as SGD",
                "within twice the spread",
                "within 0.05 nat",
                "noise made the old one pass",
            ),
        ),
    ),
    _claim(
        11,
        "Switch selects: heads with the largest rates die at once, one head soon takes all the weight.",
        "GoogLeNet: η = 0.1 leads at step 30, η = 0.02 passes 0.95 by step 125",
        studies=(SELECTION, LEARNING),
        measure=measure_switch,
        anchor="fig-alrao-switch",
        locator="figure of the heads' weights, GoogLeNet",
        changes=(
            _change(
                "where", "the end of a training", "step 125, on the first 200 steps", "the paper's moment"
            ),
            _change("the winner's weight", "0.9", "0.95; 0.5 on digits", "the paper's and the brief's"),
            _change("distance of its rate from SGD's best", "1.5 decades", "1 decade", "the brief's"),
        ),
        partial=CLUSTER,
    ),
    _claim(
        12,
        "The only overhead is the additional output layers.",
        "+1.5 % GoogLeNet, +5.0 % MobileNetV2, +0.2 % VGG19, +14.7 % LSTM",
        studies=(COUNTS,),
        measure=measure_parameters,
        anchor="tab-alrao-parameters",
        locator="table of parameter counts; text on ImageNet",
        changes=(_change("ImageNet", "30 to 120 %", "50 to 100 %", "the paper's own figure"),),
    ),
    _claim(
        13,
        "Networks bear that many units do not learn.",
        "none available (a figure)",
        studies=(VARIANTS,),
        measure=measure_fraction,
        anchor="fig-alrao-fraction",
        locator="figure of the fraction of trained units",
        changes=(
            _change(
                "shape",
                "falls, if slowly, with the fraction",
                "half of the units cost less than a point",
                "no wrong method failed the first",
            ),
        ),
    ),
    _claim(
        14,
        "No rate is wrong everywhere: which units are dispensable depends on the layer; mostly slow ones.",
        "none available (a figure)",
        studies=(UNITS,),
        measure=measure_units,
        anchor="fig-alrao-units",
        locator="thesis of P. Wolinski, figure of the least useful units",
        changes=(
            _change(
                "the worst layer",
                "3 times the median",
                "3 times the mean of the others",
                "of two layers, as on digits, none has 3 times the median",
            ),
        ),
    ),
    _claim(
        15,
        "With one head and one rate Alrao is SGD.",
        "test losses of the authors' programs agree to 4e-8",
        studies=(IDENTITY,),
        measure=measure_identity,
        anchor="sec-alrao-identity",
        locator="log of the authors' programs",
        changes=(_change("float32", "1e-3, SGD alone", "1e-4, Adam too", "the first tolerance, restored"),),
    ),
)
