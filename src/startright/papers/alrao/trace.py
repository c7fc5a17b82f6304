"""The heads' weights over a training, looked at ever more rarely."""

import torch


def log_steps(total: int, points: int = 60) -> list[int]:
    """At most ``points`` step numbers from 1 to ``total``, evenly spaced on a logarithmic axis.

    Raises:
        ValueError: fewer than one step, or than two points.

    >>> log_steps(1000, 7)
    [1, 3, 10, 32, 100, 316, 1000]
    """
    if total < 1 or points < 2:
        raise ValueError(f"expected a step or more and two points or more, got {total} and {points}")
    exponents = torch.linspace(0, 1, points, dtype=torch.float64)
    return sorted({round(float(total**e)) for e in exponents})


class WeightTrace:
    """Keeps the heads' weights after the steps asked for; call it after every step.

    Nothing waits for the device until the weights are read.

    Args:
        steps: numbers of the steps to keep, from 1.
    """

    def __init__(self, steps: list[int]):
        self.steps = list(steps)
        self._wanted, self._count, self._kept = set(steps), 0, []

    def __call__(self, weights: torch.Tensor) -> None:
        """Count a step, given the weights after it, (..., N)."""
        self._count += 1
        if self._count in self._wanted:
            self._kept.append(weights.clone())

    @property
    def weights(self) -> torch.Tensor:
        """The weights at the steps that were reached, (steps, ..., N), on the CPU."""
        return torch.stack(self._kept).cpu() if self._kept else torch.empty(0)

    def curves(self) -> dict[str, list[float]]:
        """For a record of one run: ``trace_step`` and ``weight_0``, ``weight_1``, …, one curve a head."""
        columns = self.weights.T.tolist()
        steps = [float(step) for step in self.steps[: len(self._kept)]]
        return {"trace_step": steps, **{f"weight_{j}": column for j, column in enumerate(columns)}}
