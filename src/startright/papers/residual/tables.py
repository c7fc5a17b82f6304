"""Tables of the chapter: records in, a small table out."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Measured, Table, table
from startright.papers.residual import readings
from startright.papers.residual.published import ACCURACY, AUTOCORRELATION, TEST_ERROR
from startright.papers.residual.readings import STARTS, described
from startright.papers.residual.studies.shattering import LAGS
from startright.studies import Record


def autocorrelations(records: Sequence[Record]) -> Table:
    """Autocorrelation of df/dx at three lags, ours and the reference, by network and depth."""
    rows = {}
    for (*net, depth), values in AUTOCORRELATION.items():
        runs, row = readings.likeness(records, *net), {}
        for lag, value in zip(LAGS, values, strict=True):
            row[f"lag {lag}"] = Measured.of(runs[f"lag_{lag}_at_{depth}"], 2)
            row[f"lag {lag}, reference"] = f"{value:.2f}".replace("-", "−")
        rows[f"{described(*net)}, {depth} layers"] = row
    return table(rows, records, index="network")


def accuracies(records: Sequence[Record]) -> Table:
    """Test accuracy in percent by start and learning rate; the reference where there is one, on digits."""
    rows: dict[str, dict[str, object]] = {}
    rates = sorted({record.config["lr"] for record in records})
    digits = {record.config["dataset"] for record in records} == {"digits"}
    for lr in rates:
        for name, values in readings.accuracies(records, lr).items():
            row = rows.setdefault(STARTS[name], {f"learning rate {rate:g}": "–" for rate in rates})
            row[f"learning rate {lr:g}"] = Measured.of(values, 1)
            if digits and name in ACCURACY:
                row["reference"] = f"{ACCURACY[name][0]:.1f}"
    return table(rows, records, index="start")


def published_errors() -> pd.DataFrame:
    """Test errors of residual networks on CIFAR-10 in percent, as published."""
    rows = {f"ResNet-{n}": {"with skips": a, "without": b} for n, (a, b) in TEST_ERROR.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")
