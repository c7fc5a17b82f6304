"""What the records of the paper say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Sequence

import pandas as pd

from startright.studies import Record, curve_frame, frame

DECAY = 1e-3  # the usual weight decay
FALLEN = 3  # the peak of the trace over its end, beyond which it is said to fall
WORDS = {
    "none": "no deficit",
    "blur": "blur",
    "flip": "upside down",
    "labels": "labels permuted",
    "noise": "noise",
}
#: The networks from the farthest from the paper's on, in words.
NETWORKS = {
    "digits": "a small network on 8 × 8 digits",
    "allcnn-quarter": "All-CNN of a quarter of its channels on a tenth of CIFAR-10",
    "resnet18": "ResNet-18 on CIFAR-10",
    "allcnn": "All-CNN on CIFAR-10",
}
RANK = tuple(NETWORKS)


def chief(records: Sequence[Record]) -> list[Record]:
    """Those of the network that is nearest to the paper's, where a grid has several."""
    nearest = max((RANK.index(record.config["network"]) for record in records), default=0)
    return [record for record in records if record.config["network"] == RANK[nearest]]


def alike(records: Sequence[Record], like: Sequence[Record]) -> list[Record]:
    """Those of the networks that the others are of."""
    networks = {record.config["network"] for record in like}
    return [record for record in records if record.config["network"] in networks]


def network(records: Sequence[Record]) -> str:
    """What was trained on what, in words."""
    return NETWORKS[chief(records)[0].config["network"]]


def runs(
    records: Sequence[Record], deficit: str, *, restart: bool = False, decay: float = DECAY
) -> pd.DataFrame:
    """One row per run of one deficit; ``"none"`` is the control. Of several networks, of the chief one."""
    table = frame(chief(records))
    if table.empty:
        return table
    chosen = (table["deficit"] == deficit) & (table["restart"] == restart) & (table["weight_decay"] == decay)
    return table[chosen]


def control(records: Sequence[Record], decay: float = DECAY) -> pd.Series:
    """Accuracy in per cent by seed of the shortest training without deficit."""
    found = runs(records, "none", decay=decay)
    if found.empty:
        return pd.Series(dtype=float)
    return found[found["epochs"] == found["epochs"].min()].set_index("seed")["accuracy"]


def gaps(
    records: Sequence[Record], deficit: str = "blur", *, restart: bool = False, decay: float = DECAY
) -> dict[int, pd.Series]:
    """t₀ → points of accuracy lost to a deficit until then, by seed: the control's less the run's."""
    table = runs(records, deficit, restart=restart, decay=decay)
    if table.empty:
        return {}
    base = control(records, decay)
    return {
        int(stop): (base - part.set_index("seed")["accuracy"]).dropna()
        for stop, part in table.groupby("stop")
    }


def longest(records: Sequence[Record]) -> int:
    """The latest removal t₀ of a grid."""
    return int(frame(chief(records))["stop"].max())


def sensitivities(records: Sequence[Record]) -> dict[int, pd.Series]:
    """Onset → points of accuracy lost to a window from then on, by seed.

    A window that ends with the training is left out: no clean data follow, and the network is tested on what
    it has just been kept from.
    """
    table = runs(records, "blur")
    table = table if table.empty else table[table["stop"] < table["epochs"]]
    if table.empty:
        return {}
    base = control(records)
    return {
        int(start): (base - part.set_index("seed")["accuracy"]).dropna()
        for start, part in table.groupby("start")
    }


def by_decay(decays: Sequence[Record], removals: Sequence[Record]) -> dict[float, pd.Series]:
    """Weight decay → the gap after the longest blur, by seed; the usual decay's from the removal study."""
    if not decays or not removals:
        return {}
    last = longest(decays)
    found = {
        float(decay): gaps(decays, decay=decay).get(last)
        for decay in sorted(frame(decays)["weight_decay"].unique())
    }
    found[DECAY] = gaps(removals).get(last)
    return {decay: values for decay, values in found.items() if values is not None and len(values)}


def courses(records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """Name → rows of the runs of the Fisher study: clean for the shorter and the longer time, and blurred."""
    table = frame(chief(records))
    clean, blurred = table[table["deficit"] == "none"], table[table["deficit"] == "blur"]
    found = {"clean": clean[clean["epochs"] == clean["epochs"].min()], "blur": blurred}
    if clean["epochs"].nunique() > 1:
        found["clean, longer"] = clean[clean["epochs"] == clean["epochs"].max()]
    return found


def course(records: Sequence[Record], kind: str, *curves: str) -> pd.DataFrame:
    """Curves of the Fisher information of the shorter clean runs, or of the blurred ones, by epoch."""
    table = curve_frame(chief(records), "fisher_epoch", *curves)
    table = table[table["deficit"] == {"clean": "none", "blur": "blur"}[kind]]
    return table[table["epochs"] == table["epochs"].min()].rename(columns={"fisher_epoch": "epoch"})


def layers(records: Sequence[Record]) -> dict[str, str]:
    """The curve of each convolution and of the output layer → its name in words, from the first layer on."""
    names = [name for name in records[0].curves if name.startswith("fisher_") and name != "fisher_epoch"]
    found, weighted = {}, [name for name in names if not _is_norm(name)]
    for number, name in enumerate(weighted, 1):
        found[name] = f"layer {number}"
    return found


def _is_norm(name: str) -> bool:
    """Whether the layer of a curve is a normalisation: convolution, normalisation and ReLU take turns."""
    head, _, number = name.rpartition(".")
    return bool(head) and number.isdigit() and int(number) % 3 == 1
