"""Figures of the paper: records in, a matplotlib ``Figure`` out; nothing is trained or read here.

Each function works on the quick records of a live page and on the recorded full ones.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import COLOURS, Row, band, beside, panels, source_label
from startright.papers.higher_order.published import passes
from startright.papers.higher_order.readings import beside_count, best, state_frame, tensors
from startright.studies import Record, curve_frame, frame, origin_label

METHODS = {
    "grouped": ("grouped Newton", COLOURS["red"]),
    "adam": ("Adam", COLOURS["grey"]),
    "sgd": ("SGD, momentum", COLOURS["sky"]),
    "kfac": ("K-FAC", COLOURS["green"]),
}
PATHS = {
    ("gradient", 1.0): ("gradient descent", "grey"),
    ("trivial", 1.0): ("one group", "orange"),
    ("canonical", 1.0): ("two groups", "red"),
    ("canonical", 0.0): ("two groups, order 2", "blue"),
}
PLAIN_NETS = {
    "digits-mlp": "MLP, digits",
    "digits-deep": "20 layers, digits",
    "digits-encoder": "auto-encoder, digits",
    "small-mlp": "MLP, MNIST",
    "mlp": "large MLP, MNIST",
    "lenet": "LeNet, CIFAR-10",
    "vgg11": "VGG-11', CIFAR-10",
    "deep-mlp": "20 layers, MNIST",
    "encoder": "auto-encoder, MNIST",
}


def tensor_labels(count: int) -> list[str]:
    """Weights and biases by turns, as the networks of the paper have them.

    >>> tensor_labels(4)
    ['W1', 'b1', 'W2', 'b2']
    """
    return [f"{'Wb'[s % 2]}{s // 2 + 1}" for s in range(count)]


def rosenbrock(records: Sequence[Record]) -> Figure:
    """Paths on Rosenbrock's function (left) and its value after each step (right)."""
    figure, (left, right) = panels(1, 2, height=3.4, gridspec_kw={"width_ratios": (3, 2)})
    x, y = np.meshgrid(np.linspace(-1.6, 1.4, 200), np.linspace(-0.6, 2.0, 200))
    value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    left.contour(x, y, np.log10(value + 1e-3), levels=12, cmap="Greys", linewidths=0.7, alpha=0.7)
    for record in records:
        label, colour = PATHS[record.config["method"], record.config["lambda_int"]]
        look = {"color": COLOURS[colour], "label": label, "lw": 1.2}
        left.plot(record.curves["x"], record.curves["y"], marker="o", ms=2.5, **look)
        right.plot(np.maximum(record.curves["value"], 1e-20), **look)
    left.plot(1, 1, "*", color="black", ms=10)
    left.set(xlabel="x", ylabel="y", xlim=(-1.6, 1.4), ylim=(-0.6, 2.0))
    right.set(xlabel="steps", ylabel="value", yscale="log")
    right.legend(fontsize="x-small")
    source_label(figure, origin_label(records))
    return figure


def cost(records: Sequence[Record]) -> Figure:
    """Time in units of one gradient against the number of groups, a panel a network."""
    keys = ["net", "backend", "third", "groups"]
    table = frame(records).groupby(keys, as_index=False)["gradients"].mean()
    nets = list(dict.fromkeys(table["net"]))
    figure, axes = panels(1, len(nets), height=3.0, squeeze=False)
    ways = {"double_backward": ("backward passes", "blue"), "tangents": ("tangents", "red")}
    for ax, net in zip(axes[0], nets, strict=True):
        for (backend, third), part in table[table["net"] == net].groupby(["backend", "third"]):
            label, colour = ways[backend]
            line = ("o--", f"{label}, third order too") if third else ("o-", f"{label}, order 2")
            ax.plot(part["groups"], part["gradients"], line[0], color=COLOURS[colour], label=line[1])
        groups = np.array([1, table[table["net"] == net]["groups"].max()])
        ax.plot(groups, passes(groups), ":", color=COLOURS["grey"], label="S + 2")
        ax.set(title=PLAIN_NETS.get(net, net).split(",")[0], xlabel="groups S", ylim=(0, None))
    axes[0, 0].set_ylabel("time (gradients)")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", fontsize="small", ncols=3
    )
    source_label(figure, origin_label(records))
    return figure


def against_count(records: Sequence[Record]) -> Figure:
    """Time of ḡ and H̄ by backward passes, in gradients, beside the number of passes that the paper counts."""
    rows = [
        Row.of(f"S = {groups}", ours, counted, group=PLAIN_NETS.get(net, net).split(",")[0])
        for net, groups, counted, ours in beside_count(records)
    ]
    figure = beside(rows, "time of one ḡ and H̄ (gradients)", theirs="the paper's count")
    source_label(figure, origin_label(records, "mean"))
    return figure


def invariance(records: Sequence[Record]) -> Figure:
    """Distance of two trainings of one function in two parameterisations, step by step."""
    figure, ax = panels(height=3.2)
    names = {
        ("scale", "momentum", 1.0): ("one factor a group", "blue"),
        ("rotation", "momentum", 1.0): ("a rotation in each group", "green"),
        ("scale", "momentum", 10.0): ("one factor a group, λ = 10", "sky"),
        ("scale", "adam", 1.0): ("one factor a group, Adam's direction", "orange"),
        ("split", "momentum", 1.0): ("two factors within a group", "red"),
        ("rotation", "adam", 1.0): ("a rotation, Adam's direction", "purple"),
    }
    table = curve_frame(records, "error")
    for (change, direction, lam), part in table.groupby(["change", "direction", "lambda_int"], sort=False):
        label, colour = names[change, direction, lam]
        worst = part.groupby("step")["error"].max().clip(lower=1e-18)
        ax.plot(worst.index + 1, worst, "o-", ms=3, color=COLOURS[colour], label=label)
    ax.axhline(1e-8, color=COLOURS["grey"], ls=":", lw=1)
    ax.set(xlabel="steps", ylabel="distance / distance gone", yscale="log")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    source_label(figure, origin_label(records))
    return figure


def _matrix(records: Sequence[Record]) -> np.ndarray:
    """|C|, the mean over seeds, (S, S)."""
    count = sum(name.startswith("interaction_") for name in records[0].curves)
    rows = [[r.curves[f"interaction_{s}"] for s in range(count)] for r in records]
    return np.abs(np.array(rows)).mean(0)


def interactions(records: Sequence[Record]) -> Figure:
    """The size of the normalised H̄, one column a network, one row a state (or states beside each other)."""
    nets, stops = (list(dict.fromkeys(r.config[key] for r in records)) for key in ("net", "adam_steps"))
    states = [(net, steps) for steps in stops for net in nets]
    rows, columns = (len(stops), len(nets)) if len(nets) > 1 else (1, len(stops))
    figure, axes = panels(rows, columns, height=8.4 / max(columns, 2) * 0.9, squeeze=False)
    for ax, (net, steps) in zip(axes.flat, states, strict=True):
        runs = [r for r in records if (r.config["net"], r.config["adam_steps"]) == (net, steps)]
        size = _matrix(runs)
        image = ax.imshow(size, cmap="magma_r", vmin=0, vmax=1)
        every = 1 if len(size) <= 10 else 2 if len(size) <= 20 else 8
        ticks = range(0, len(size), every)
        labels = tensor_labels(len(size))[::every]
        ax.set_xticks(ticks, labels, fontsize="xx-small", rotation=90)
        ax.set_yticks(ticks, labels, fontsize="xx-small")
        when = "initialisation" if not steps else f"{steps} Adam steps"
        ax.set_title(f"{PLAIN_NETS.get(net, net)}\n{when}", fontsize="small")
        ax.grid(visible=False)
    figure.colorbar(image, ax=axes, label="|C|, cut at 1", shrink=0.8)
    source_label(figure, origin_label(records))
    return figure


def indefinite(records: Sequence[Record]) -> Figure:
    """Along a training by Adam: the least eigenvalue of H̄ (left), the change of loss by one step (right)."""
    figure, (left, right) = panels(1, 2, height=3.2)
    table = state_frame(list(records))
    nets = list(dict.fromkeys(table["net"]))
    for net, mark in zip(nets, "os^", strict=False):
        part = table[(table["net"] == net) & (table["lambda_int"] == 1)]
        left.plot(
            part["adam_step"],
            part["relative_eigenvalue"],
            mark,
            ms=3,
            label=PLAIN_NETS.get(net, net),
            alpha=0.7,
        )
        for column, label, colour in (("order2", "order 2", "blue"), ("cubic", "cubic, λ = 1", "red")):
            name = label if net == nets[0] else None
            change = part[f"change_{column}"] / part["loss"]
            right.plot(part["adam_step"], change, mark, ms=3, color=COLOURS[colour], alpha=0.6, label=name)
    left.set_yscale("symlog", linthresh=1e-4)
    left.axhline(0, color=COLOURS["grey"], lw=1)
    left.set(xlabel="steps of Adam before", ylabel="λmin / λmax of H̄")
    left.legend(fontsize="x-small")
    right.set_yscale("symlog", linthresh=0.1)
    right.axhline(0, color=COLOURS["grey"], lw=1)
    right.set(xlabel="steps of Adam before", ylabel="change of the loss / loss")
    right.legend(fontsize="x-small")
    source_label(figure, origin_label(records))
    return figure


def _by(ax: Axes, runs: pd.DataFrame, x: str, y: str, **look: object) -> None:
    """The band of a column over the seeds, against the epoch or the mean seconds."""
    epochs = runs.groupby("epoch")
    at = epochs[x].mean() if x != "epoch" else epochs["epoch"].first()
    band(ax, at, runs.pivot(index="seed", columns="epoch", values=y), marker="o", ms=3, **look)


def _best_curves(records: Sequence[Record], net: str) -> dict[str, tuple[float, pd.DataFrame]]:
    """Each method with its best rate, and the curves of its runs there."""
    table, found = frame(records), {}
    names = ["train_loss", "test_loss", "seconds"]
    chosen = [r for r in records if r.config["net"] == net and r.status == "ok"]
    names += ["test_accuracy"] if "test_accuracy" in chosen[0].curves else []
    curves = curve_frame(chosen, *names)
    curves["epoch"] = curves["step"] + 1
    for method in METHODS:
        runs = best(table, method, net)
        if len(runs):
            rate = float(runs["lr"].iloc[0])
            found[method] = (rate, curves[(curves["method"] == method) & (curves["lr"] == rate)])
    return found


def learning(records: Sequence[Record]) -> Figure:
    """Training loss by epoch and by second, test accuracy by epoch: each method at its best rate."""
    figure, axes = panels(1, 3, height=3.0)
    net = records[0].config["net"]
    places = (("epoch", "train_loss"), ("seconds", "train_loss"), ("epoch", "test_accuracy"))
    for method, (rate, runs) in _best_curves(records, net).items():
        label, colour = METHODS[method]
        for ax, (x, y) in zip(axes, places, strict=True):
            _by(ax, runs, x, y, color=colour, label=f"{label}, {rate:g}")
    axes[0].set(xlabel="epoch", ylabel="training loss (nats)", yscale="log")
    axes[1].set(xlabel="seconds (processor)", ylabel="training loss (nats)", yscale="log")
    axes[2].set(xlabel="epoch", ylabel="test accuracy", ylim=(max(0.0, axes[2].get_ylim()[1] - 0.15), None))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", fontsize="small", ncols=4)
    source_label(figure, origin_label(records))
    return figure


def networks(records: Sequence[Record]) -> Figure:
    """Training loss by epoch on several networks, each method at its best rate."""
    nets = list(dict.fromkeys(r.config["net"] for r in records))
    rows = -(-len(nets) // 2)
    figure, axes = panels(rows, 2, height=2.8, squeeze=False)
    for ax in axes.flat[len(nets) :]:
        ax.set_axis_off()
    for ax, net in zip(axes.flat, nets, strict=False):
        for method, (rate, runs) in _best_curves(records, net).items():
            label, colour = METHODS[method]
            _by(ax, runs, "epoch", "train_loss", color=colour, label=f"{label}, {rate:g}")
        ax.set(title=PLAIN_NETS.get(net, net), xlabel="epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(fontsize="x-small", loc="upper right")
    for ax in axes[:, 0]:
        ax.set_ylabel("training loss (nats)")
    source_label(figure, origin_label(records))
    return figure


def rates(record: Record) -> Figure:
    """The rate of each tensor at every update of one training; crosses are negative ones."""
    names = tensor_labels(tensors(record))
    figure, axes = panels(1, 2, height=3.2, sharey=True)
    for s, name in enumerate(names):
        ax, colour = axes[s % 2], list(COLOURS.values())[s // 2 % len(COLOURS)]
        eta = np.array(record.curves[f"eta_{s}"])
        updates = np.arange(1, len(eta) + 1)
        ax.plot(updates, np.where(eta > 0, eta, np.nan), "o", ms=3, color=colour, label=name)
        ax.plot(updates, np.where(eta < 0, -eta, np.nan), "x", ms=3, color=colour, alpha=0.5)
    for ax, title in zip(axes, ("weights", "biases"), strict=True):
        ax.set(xlabel="update", yscale="log")
        ax.set_title(title, pad=22)
        ax.legend(fontsize="x-small", ncols=5, loc="lower center", bbox_to_anchor=(0.5, 0.99))
    axes[0].set_ylabel("|η|")
    source_label(figure, origin_label([record]))
    return figure
