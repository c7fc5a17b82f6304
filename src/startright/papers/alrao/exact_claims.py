"""C12 and C15: what needs no training to be settled: counts, and the identity with SGD."""

from startright.checks import Check
from startright.claims import Change, Measurement
from startright.papers.alrao.published import PARAMETERS, PUBLISHED_MILLIONS
from startright.papers.alrao.readings import Records, to_a_thousand
from startright.papers.alrao.studies.exact import COUNTS, IDENTITY
from startright.statements import Claims
from startright.studies import frame

ONE_MORE, NONE, OTHER_RATE = "one head more", "no heads added", "another rate in the head"


claim = Claims("alrao", page="structure/alrao")


@claim(
    "C12",
    "The only overhead is the additional output layers.",
    "+1.5 % GoogLeNet, +5.0 % MobileNetV2, +0.2 % VGG19, +14.7 % LSTM",
    COUNTS,
    anchor="tab-alrao-parameters",
    locator="table of parameter counts; text on ImageNet",
    changes=(Change("ImageNet", "30 to 120 %", "50 to 100 %", "the paper's own figure", "2026-11-26"),),
)
def measure_parameters(records: Records) -> Measurement:
    """C12: counts."""
    table = frame(records[COUNTS.name]).set_index(["net", "heads"])
    counts = {
        key: tuple(int(row[name]) for name in ("one_head", "all_heads")) for key, row in table.iterrows()
    }
    printed = [
        to_a_thousand(ours, PUBLISHED_MILLIONS[net])
        for (net, _), ours in counts.items()
        if net in PUBLISHED_MILLIONS
    ]
    derived = [counts[key] == expected[1:] for key, expected in PARAMETERS.items()]
    large = {net: float(table.loc[(net, 10), "overhead"]) for net in ("alexnet", "resnet50", "densenet121")}
    shown = ", ".join(f"{net} {value:.0f} %" for net, value in large.items())
    text = f"the {len(printed)} networks of the paper's table have its counts, to a thousand"
    exact = f"{len(derived)} networks have the derived counts to the digit"
    added = f"the heads add 50 to 100 % to the networks on ImageNet (with 10: {shown})"
    checks = (
        Check(text, all(printed), "number", ONE_MORE),
        Check(exact, all(derived), "theorem", ONE_MORE),
        Check(added, all(50 <= value <= 100 for value in large.values()), "number", NONE),
    )
    quantity = "parameters that 10 heads add to GoogLeNet, %"
    note = "how many heads the paper used on ImageNet is not known to us"
    return Measurement.of(quantity, [table.loc[("googlenet", 10), "overhead"]], checks, note=note)


@claim(
    "C15",
    "With one head and one rate Alrao is SGD.",
    "test losses of the authors' programs agree to 4e-8",
    IDENTITY,
    anchor="sec-alrao-identity",
    locator="log of the authors' programs",
    changes=(
        Change("float32", "1e-3, SGD alone", "1e-4, Adam too", "the first tolerance, restored", "2026-11-26"),
    ),
)
def measure_identity(records: Records) -> Measurement:
    """C15: one head, one rate."""
    table = frame(records[IDENTITY.name])
    double = float(table[table["double"]]["loss_difference"].max())
    single = table[~table["double"].astype(bool)].groupby("optimizer")["loss_difference"].max()
    shown = ", ".join(f"{name} {value:.0e}" for name, value in single.items())
    text = f"float64: batch losses differ by less than 1e-10 over the training: {double:.0e}"
    checks = (
        Check(text, double < 1e-10, "theorem", OTHER_RATE),
        Check(f"float32: by less than 1e-4 ({shown})", single.max() < 1e-4, "theorem", OTHER_RATE),
    )
    quantity = "largest difference of a batch loss from torch's optimizer, float64, nats"
    return Measurement(quantity, max(double, 1e-15), None, int(table["seed"].nunique()), checks)
