"""A sweep over λ, stacked, against one training after another: seven strengths and five seeds on digits.

Both train the same networks to the same losses (checked here). To reach: 3 times faster.
"""

import torch
from timing import CPU, alternate, arguments, longest, row, show

from startright.papers.priors.studies import TRAINING
from startright.studies import Run


def main() -> None:
    options = arguments(__doc__, blocks=3).parse_args()
    torch.set_num_threads(options.threads)
    show((compare(kind, options.blocks) for kind in ("l2", "rows")), options)


def compare(kind: str, blocks: int) -> dict:
    """Least seconds of both ways, and their ratio."""
    chosen = [(run.config, run.seed) for run in TRAINING.runs("quick") if wanted(run, kind)]
    ends: dict[str, list] = {}

    def together() -> None:
        ends["stacked"] = TRAINING.run_stacked(chosen, CPU)

    def alone() -> None:
        ends["one by one"] = [TRAINING.run(*run, CPU) for run in chosen]

    seconds = alternate({"stacked": together, "one by one": alone}, blocks)
    for one, other in zip(*ends.values(), strict=True):
        torch.testing.assert_close(
            one.metrics["train_loss"], other.metrics["train_loss"], rtol=1e-2, atol=1e-3
        )
    return row(
        "priors_sweep",
        f"{len(chosen)} runs, {kind}",
        seconds,
        "stacked",
        "one by one",
        goal=">= 3",
        profile=lambda: longest(together),
        runs=len(chosen),
    )


def wanted(run: Run, kind: str) -> bool:
    return (run.config.kind, run.config.setup) == (kind, "bayesian")


if __name__ == "__main__":
    main()
