"""C12 and C15: what needs no training to be settled: counts, and the identity with SGD."""

from startright.checks import Check
from startright.claims import Measurement
from startright.papers.alrao.published import PARAMETERS, PUBLISHED_MILLIONS
from startright.papers.alrao.readings import Records
from startright.papers.alrao.studies.exact import COUNTS, IDENTITY
from startright.studies import frame

ONE_MORE, NONE, OTHER_RATE = "one head more", "no heads added", "another rate in the head"


def to_a_thousand(ours: tuple[int, int], millions: tuple[float, float]) -> bool:
    """Whether counts differ by less than the last digit of the printed ones, cut or rounded."""
    return all(abs(count - 1e6 * shown) < 1000 for count, shown in zip(ours, millions, strict=True))


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
    checks = (
        Check(
            f"the {len(printed)} networks of the paper's table have its counts, to a thousand",
            all(printed),
            "number",
            ONE_MORE,
        ),
        Check(
            f"{len(derived)} networks have the derived counts to the digit", all(derived), "theorem", ONE_MORE
        ),
        Check(
            f"the heads add 50 to 100 % to the networks on ImageNet (with 10: {shown})",
            all(50 <= value <= 100 for value in large.values()),
            "number",
            NONE,
        ),
    )
    return Measurement(
        "parameters that 10 heads add to GoogLeNet, %",
        float(table.loc[("googlenet", 10), "overhead"]),
        None,
        1,
        checks,
        note="how many heads the paper used on ImageNet is not known to us",
    )


def measure_identity(records: Records) -> Measurement:
    """C15: one head, one rate."""
    table = frame(records[IDENTITY.name])
    double = float(table[table["double"]]["loss_difference"].max())
    single = table[~table["double"].astype(bool)].groupby("optimizer")["loss_difference"].max()
    shown = ", ".join(f"{name} {value:.0e}" for name, value in single.items())
    checks = (
        Check(
            f"float64: batch losses differ by less than 1e-10 over the training: {double:.0e}",
            double < 1e-10,
            "theorem",
            OTHER_RATE,
        ),
        Check(f"float32: by less than 1e-4 ({shown})", single.max() < 1e-4, "theorem", OTHER_RATE),
    )
    return Measurement(
        "largest difference of a batch loss from torch's optimizer, float64, nats",
        max(double, 1e-15),
        None,
        int(table["seed"].nunique()),
        checks,
    )
