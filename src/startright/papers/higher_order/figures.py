"""Figures of the paper: records in, a matplotlib ``Figure`` out; nothing is trained or read here.

Each function works on the quick records of a live page and on the recorded full ones.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import COLOURS, Beside, band, beside, colour, key, pairs, panels, source_label
from startright.papers.higher_order.published import passes
from startright.papers.higher_order.readings import beside_count, best, state_frame, tensors
from startright.studies import Record, curve_frame, frame, origin_label

METHODS = {
    "grouped": ("grouped Newton", colour("grouped-newton")),
    "adam": ("Adam", colour("adam")),
    "sgd": ("SGD, momentum", colour("momentum")),
    "kfac": ("K-FAC", colour("kfac")),
}
PATHS = {
    ("gradient", 1.0): ("gradient descent", colour("gradient")),
    ("trivial", 1.0): ("one group", COLOURS["green"]),
    ("canonical", 1.0): ("two groups", colour("grouped-newton")),
    ("canonical", 0.0): ("two groups, order 2", COLOURS["sky"]),
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
    figure, (left, right) = pairs(2, height=3.6, gridspec_kw={"width_ratios": (3, 2)})
    x, y = np.meshgrid(np.linspace(-1.6, 1.4, 200), np.linspace(-0.6, 2.0, 200))
    value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    left.contour(x, y, np.log10(value + 1e-3), levels=12, cmap="Greys", linewidths=0.7, alpha=0.7)
    for record in records:
        label, shade = PATHS[record.config["method"], record.config["lambda_int"]]
        look = {"color": shade, "label": label, "lw": 1.2}
        left.plot(record.curves["x"], record.curves["y"], marker="o", ms=2.5, **look)
        right.plot(np.maximum(record.curves["value"], 1e-20), **look)
    left.plot(1, 1, "*", color="black", ms=10)
    left.set(xlabel="x", ylabel="y", xlim=(-1.6, 1.4), ylim=(-0.6, 2.0))
    right.set(xlabel="steps", ylabel="value of the function", yscale="log")
    key(figure, right, columns=4)
    source_label(figure, origin_label(records))
    return figure


def cost(records: Sequence[Record]) -> Figure:
    """Time in units of one gradient against the number of groups, a panel a network."""
    keys = ["net", "backend", "third", "groups"]
    table = frame(records).groupby(keys, as_index=False)["gradients"].mean()
    nets = list(dict.fromkeys(table["net"]))
    figure, axes = pairs(len(nets), height=3.4)
    ways = {"double_backward": ("backward passes", "blue"), "tangents": ("tangents", "wine")}
    for ax, net in zip(axes, nets, strict=True):
        for (backend, third), part in table[table["net"] == net].groupby(["backend", "third"]):
            label, shade = ways[backend]
            line = ("o--", f"{label}, third order too") if third else ("o-", f"{label}, order 2")
            ax.plot(part["groups"], part["gradients"], line[0], color=COLOURS[shade], label=line[1])
        groups = np.array([1, table[table["net"] == net]["groups"].max()])
        ax.plot(groups, passes(groups), ":", color=COLOURS["grey"], label="S + 2")
        ax.set(title=PLAIN_NETS.get(net, net).split(",")[0], xlabel="groups S", ylim=(0, None))
    axes[0].set_ylabel("time (gradients)")
    key(figure, axes[0], columns=2)
    source_label(figure, origin_label(records))
    return figure


def against_count(records: Sequence[Record]) -> Figure:
    """Time of ḡ and H̄ by backward passes, in gradients, beside the number of passes that the paper counts."""
    rows = [
        Beside.of(f"S = {groups}", ours, counted, group=PLAIN_NETS.get(net, net).split(",")[0])
        for net, groups, counted, ours in beside_count(records)
    ]
    figure = beside(rows, "time of one ḡ and H̄ (gradients)", theirs="the paper's count")
    source_label(figure, origin_label(records, "mean"))
    return figure


def invariance(records: Sequence[Record]) -> Figure:
    """Distance of two trainings of one function in two parameterisations, step by step."""
    figure, ax = panels(height=3.8)
    names = {
        ("scale", "momentum", 1.0): ("one factor per group", "blue"),
        ("rotation", "momentum", 1.0): ("a rotation in each group", "green"),
        ("scale", "momentum", 10.0): ("one factor per group, λ = 10", "sky"),
        ("scale", "adam", 1.0): ("one factor per group, Adam's direction", "orange"),
        ("split", "momentum", 1.0): ("two factors within a group", "red"),
        ("rotation", "adam", 1.0): ("a rotation, Adam's direction", "purple"),
    }
    table = curve_frame(records, "error")
    for (change, direction, lam), part in table.groupby(["change", "direction", "lambda_int"], sort=False):
        label, shade = names[change, direction, lam]
        worst = part.groupby("step")["error"].max().clip(lower=1e-18)
        ax.plot(worst.index + 1, worst, "o-", ms=3, color=COLOURS[shade], label=label)
    ax.axhline(1e-8, color=COLOURS["grey"], ls=":", lw=1)
    ax.set(xlabel="steps", ylabel="distance / distance gone", yscale="log")
    key(figure, ax, columns=2)
    source_label(figure, origin_label(records, "the largest"))
    return figure


def _matrix(records: Sequence[Record]) -> np.ndarray:
    """|C|, the mean over seeds, (S, S)."""
    count = sum(name.startswith("interaction_") for name in records[0].curves)
    rows = [[r.curves[f"interaction_{s}"] for s in range(count)] for r in records]
    return np.abs(np.array(rows)).mean(0)


def interactions(records: Sequence[Record]) -> Figure:
    """The size of the normalised H̄, network by network, two states of one beside each other."""
    nets, stops = (list(dict.fromkeys(r.config[key] for r in records)) for key in ("net", "adam_steps"))
    states = [(net, steps) for net in nets for steps in stops]
    figure, axes = pairs(len(states), height=3.0)
    for ax, (net, steps) in zip(axes, states, strict=True):
        size = _matrix([r for r in records if (r.config["net"], r.config["adam_steps"]) == (net, steps)])
        image = ax.imshow(size, cmap="magma_r", vmin=0, vmax=1)
        every = 1 if len(size) <= 10 else 2 if len(size) <= 20 else 8
        ticks, labels = range(0, len(size), every), tensor_labels(len(size))[::every]
        ax.set_xticks(ticks, labels, fontsize=8)
        ax.set_yticks(ticks, labels, fontsize=8)
        when = "initialisation" if not steps else f"{steps} steps of Adam"
        ax.set_title(f"{PLAIN_NETS.get(net, net)}\n{when}")
        ax.set_xlabel("tensor")
        ax.grid(visible=False)
    for ax in axes[::2]:
        ax.set_ylabel("tensor")
    figure.colorbar(image, ax=axes, label="|C|, cut at 1", shrink=0.8)
    source_label(figure, origin_label(records, "mean"))
    return figure


def indefinite(records: Sequence[Record]) -> Figure:
    """Along a training by Adam: the least eigenvalue of H̄ (left), the change of loss by one step (right)."""
    figure, (left, right) = pairs(2, height=3.6)
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
        for column, label, shade in (("order2", "order 2", "sky"), ("cubic", "cubic, λ = 1", "wine")):
            name = label if net == nets[0] else None
            change = part[f"change_{column}"] / part["loss"]
            right.plot(part["adam_step"], change, mark, ms=3, color=COLOURS[shade], alpha=0.6, label=name)
    left.set_yscale("symlog", linthresh=1e-4)
    left.axhline(0, color=COLOURS["grey"], lw=1)
    left.set(xlabel="steps of Adam before", ylabel="least / largest eigenvalue of H̄")
    left.legend(loc="lower right")
    right.set_yscale("symlog", linthresh=0.1)
    right.axhline(0, color=COLOURS["grey"], lw=1)
    right.set(xlabel="steps of Adam before", ylabel="change of the loss / loss")
    right.legend(loc="upper right")
    source_label(figure, origin_label(records, "every state"))
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
    figure, axes = pairs(3)
    net = records[0].config["net"]
    places = (("epoch", "train_loss"), ("seconds", "train_loss"), ("epoch", "test_accuracy"))
    for method, (rate, runs) in _best_curves(records, net).items():
        label, shade = METHODS[method]
        percent = runs.assign(test_accuracy=100 * runs["test_accuracy"])
        for ax, (x, y) in zip(axes, places, strict=True):
            limits = (0, 100) if y == "test_accuracy" else (0, np.inf)
            _by(ax, percent, x, y, color=shade, label=f"{label}, rate {rate:g}", limits=limits)
    axes[0].set(xlabel="epoch", ylabel="training loss (nats)", yscale="log")
    axes[1].set(xlabel="time (seconds of the processor)", ylabel="training loss (nats)", yscale="log")
    top = min(axes[2].get_ylim()[1], 100)
    axes[2].set(xlabel="epoch", ylabel="test accuracy (%)", ylim=(max(0, top - 15), top))
    key(figure, axes[0])
    source_label(figure, origin_label(records))
    return figure


def networks(records: Sequence[Record]) -> Figure:
    """Training loss by epoch on several networks, each method at its best rate."""
    nets = list(dict.fromkeys(r.config["net"] for r in records))
    figure, axes = pairs(len(nets), height=3.0)
    for ax, net in zip(axes, nets, strict=True):
        for method, (rate, runs) in _best_curves(records, net).items():
            label, shade = METHODS[method]
            _by(ax, runs, "epoch", "train_loss", color=shade, label=f"{label}, {rate:g}")
        ax.set(
            title=PLAIN_NETS.get(net, net), xlabel="epoch", ylim=(0, 1.3 * ax.get_ylim()[1])
        )  # room for the legend
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(loc="upper right")
    for ax in axes[::2]:
        ax.set_ylabel("training loss (nats)")
    source_label(figure, origin_label(records))
    return figure


def rates(record: Record) -> Figure:
    """The rate of each tensor at every update of one training; crosses are negative ones."""
    names = tensor_labels(tensors(record))
    figure, axes = pairs(2, height=3.6, sharey=True)
    for s, name in enumerate(names):
        ax, shade = axes[s % 2], list(COLOURS.values())[s // 2 % len(COLOURS)]
        eta = np.array(record.curves[f"eta_{s}"])
        updates = np.arange(1, len(eta) + 1)
        ax.plot(updates, np.where(eta > 0, eta, np.nan), "o", ms=3, color=shade, label=name)
        ax.plot(updates, np.where(eta < 0, -eta, np.nan), "x", ms=4, color=shade, alpha=0.7)
    for ax, title in zip(axes, ("weights", "biases"), strict=True):
        ax.set(xlabel="update", yscale="log")
        ax.set_title(title, pad=22)
        ax.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 0.99))
    axes[0].set_ylabel("size of the learning rate |η|")
    source_label(figure, origin_label([record]))
    return figure
