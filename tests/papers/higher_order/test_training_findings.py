"""The sentences on trainings: every branch on made-up records, and the numbers of the committed ones."""

from dataclasses import replace

import numpy as np
import pytest

from startright.measured import Count
from startright.papers.higher_order import studies
from startright.papers.higher_order import training_findings as findings
from startright.studies import frame, recorded


def full(*chosen):
    return [r for study in chosen for r in recorded(study, "full")]


RACE = full(studies.LEARNING, studies.PEER)
SAYS = [
    (findings.rivals, RACE, ()),
    (findings.beginning, RACE, ()),
    (findings.by_the_clock, RACE, ()),
    (findings.search, RACE, ()),
    (findings.other_networks, full(studies.NETWORKS), ()),
    (findings.epochs_ahead, full(studies.NETWORKS), ("encoder",)),
    (findings.deep_training, full(studies.NETWORKS), ("deep-mlp",)),
    (findings.rate_sizes, full(studies.LEARNING), ()),
    (findings.partitions, full(studies.LEARNING, studies.CHOICES), ()),
    (findings.cubic_weight, full(studies.LEARNING, studies.CHOICES), ()),
]


def race(**losses):
    """The race with the final training loss of each method a function of the seed, the same at every rate."""

    def loss(r):
        return losses.get(r.config["method"], lambda seed: 0.01 * 1.01**seed)(r.seed)

    return [
        replace(
            r,
            metrics={**r.metrics, "train_loss": loss(r), "test_accuracy": 0.9 - loss(r) / 10},
            curves={**r.curves, "train_loss": [loss(r)] * len(r.curves["train_loss"])},
        )
        for r in RACE
    ]


@pytest.mark.parametrize(("say", "records", "options"), SAYS, ids=[say.__name__ for say, *_ in SAYS])
def test_every_sentence_is_printed_from_the_full_records(say, records, options):
    said = say(records, *options)
    assert str(said).endswith((".", ")."))
    assert "nan" not in str(said)
    assert said.facts
    assert not said.live
    assert str(say([], *options)) == "*Not yet run.*"


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (lambda seed: 0.1 * 1.01**seed, "above those of Adam, SGD and K-FAC"),
        (lambda seed: 0.001 * 1.01**seed, "below those of Adam, SGD and K-FAC"),
        (lambda seed: 0.01 * 1.012**seed, "level with those of Adam, SGD and K-FAC"),
        (lambda seed: 0.01 * 100.0 ** (seed - 1), "not to be told from those of Adam, SGD and K-FAC"),
    ],
)
def test_the_rivals_win_only_where_the_seeds_say_so(ours, words):
    said = str(findings.rivals(race(grouped=ours)))
    assert words in said
    assert said.startswith("**The rivals win.**") == words.startswith("above")


def test_accuracy_has_its_own_word():
    assert "Its test accuracy is behind that of" in str(
        findings.rivals(
            [r for r in race(grouped=lambda seed: 0.5) if r.config["method"] in ("grouped", "adam")]
        )
    )
    assert "ahead of those of Adam" in str(
        findings.rivals(
            race(
                grouped=lambda seed: 0.0001 * 1.01**seed,
                **{name: lambda seed: 0.5 for name in ("adam", "sgd", "kfac")},
            )
        )
    )


def test_one_seed_decides_nothing():
    one = [r for r in race(grouped=lambda seed: 1.0) if r.seed == 0]
    said = str(findings.rivals(one))
    assert "not to be told from those of Adam, SGD and K-FAC" in said
    assert "one seed" in said
    assert "The rivals win" not in said


def test_a_method_that_always_diverged_is_left_out():
    gone = [replace(r, status="diverged") if r.config["method"] == "sgd" else r for r in RACE]
    assert "SGD" not in str(findings.rivals(gone))
    gone = [replace(r, status="diverged") if r.config["method"] == "grouped" else r for r in RACE]
    assert "goes through at no rate" in str(findings.rivals(gone))


def test_the_first_fifth_of_the_epochs_has_a_leader_or_several():
    assert "least training loss is that of K-FAC (n = 3)" in str(findings.beginning(RACE))
    equal = race()
    assert "that of grouped Newton, Adam, SGD or K-FAC" in str(findings.beginning(equal))


def test_times_belong_to_the_machine():
    said = findings.by_the_clock(RACE)
    assert all(fact.machine for fact in said.facts.values())
    table = {m: [r for r in RACE if r.config["method"] == m] for m in ("grouped", "adam")}
    last = {
        (m, r.seed): r.curves["seconds"][-1]
        for m, runs in table.items()
        for r in runs
        if r.config["lr"] == {"grouped": 0.3, "adam": 1e-3}[m]
    }
    ratio = np.mean([last["grouped", seed] / last["adam", seed] for seed in range(3)])
    assert f"{ratio:.2f} ± " in str(said).split("times that of Adam")[0]
    assert "below that of K-FAC after a quarter" in str(said)
    slow = race(grouped=lambda seed: 1.0)
    assert "above that of K-FAC after a quarter" in str(findings.by_the_clock(slow))
    without = [r for r in RACE if r.config["method"] != "kfac"]
    assert "K-FAC" not in str(findings.by_the_clock(without))


def test_the_search_is_spared_only_where_neighbours_are_as_good():
    assert "does not spare the search" in str(findings.search(RACE))
    assert "hardly needs the search" in str(findings.search(race()))


def test_other_networks_with_one_seed_and_with_more():
    records = full(studies.NETWORKS)
    assert "With one seed each, this decides nothing." in str(findings.other_networks(records))
    more = [replace(r, seed=seed) for r in records for seed in range(3)]
    said = findings.other_networks(more)
    above = sum(fact.sign(findings.LEVEL) > 0 for fact in said.facts.values())
    assert f"It is above the rival in {above}, below in 0 of {len(said.facts)} comparisons." in str(said)


def test_epochs_ahead_are_counted():
    records = [r for r in full(studies.NETWORKS) if r.config["net"] == "encoder"]
    curve = {(r.config["method"], r.config["lr"]): np.array(r.curves["train_loss"]) for r in records}
    ahead = int((curve["grouped", 0.1] < curve["adam", 3e-3]).sum())
    assert findings.epochs_ahead(records, "encoder").facts["epochs ahead"] == Count(ahead, 8)
    assert str(findings.epochs_ahead(records, "lenet")) == findings.NOT_RUN
    assert str(findings.deep_training(records, "deep-mlp")) == findings.NOT_RUN


def test_rates_of_adam_that_a_deep_training_beats():
    records = [r for r in full(studies.NETWORKS) if r.config["net"] == "deep-mlp"]
    said = findings.deep_training(records, "deep-mlp")
    assert said.facts["rates of Adam behind"] == Count(1, 5)
    worse = [
        replace(r, metrics={**r.metrics, "train_loss": 9.0}) if r.config["method"] == "grouped" else r
        for r in records
    ]
    assert "below Adam at 0 of 5 rates (one seed)" in str(findings.deep_training(worse, "deep-mlp"))


def test_sizes_of_rates_are_medians_over_the_updates():
    records = full(studies.LEARNING)
    runs = [r for r in records if r.config["method"] == "grouped"]
    sizes = [[np.median(np.abs(r.curves[f"eta_{s}"])) for s in range(6)] for r in runs]
    ratios = [size[s + 1] / size[s] for size in sizes for s in (0, 2, 4)]
    said = findings.rate_sizes(records)
    assert f"biases get rates {min(ratios):.2g} to " in str(said)
    assert said.facts["log bias over weights"].mean == pytest.approx(np.mean(np.log10(ratios)))
    assert "no single rate fits all" in str(said)
    same = [
        replace(r, curves={n: [1.0] * len(c) if n.startswith("eta") else c for n, c in r.curves.items()})
        for r in records
    ]
    assert "a single rate would nearly do" in str(findings.rate_sizes(same))


def test_partitions_that_cannot_be_told_apart_are_named_together():
    records = full(studies.LEARNING, studies.CHOICES)
    assert "the highest that of *one group*." in str(findings.partitions(records))
    equal = [replace(r, metrics={**r.metrics, "train_loss": 0.1 + r.seed}) for r in records]
    assert "the highest that of *one group per tensor*, *one group*" in str(findings.partitions(equal))


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (lambda seed: 4.0 + 0.01 * seed, "raises the loss (4.0 times"),
        (lambda seed: 0.25 + 0.001 * seed, "lowers the loss (0.3 times"),
        (lambda seed: 1.0, "leaves the loss (1.0 times"),
        (lambda seed: 10.0 ** (seed - 1), "moves the loss by no more than the seeds do (1.0 times"),
    ],
)
def test_a_larger_weight_of_the_cubic_term(factor, said):
    records = full(studies.LEARNING, studies.CHOICES)
    table = frame(records).query("method == 'grouped' and lr == 0.3 and groups == 'canonical'")
    plain = table.query("lambda_int == 1 and curvature_batch == 100").set_index("seed")["train_loss"]
    made = [
        replace(r, metrics={**r.metrics, "train_loss": factor(r.seed) * plain[r.seed]})
        if r.config["lambda_int"] == 10
        else r
        for r in records
    ]
    assert f"A tenfold $\\lambda_{{\\mathrm{{int}}}}$ {said}" in str(findings.cubic_weight(made))
    assert "Not yet run" in str(findings.cubic_weight(full(studies.LEARNING)))
