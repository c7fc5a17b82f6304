"""Which operations of torch have right derivatives up to the third order, in which back-end.

The operations, and inputs for them in float64, are those of torch's own tests. Each input x is reached along
a curve, x = x₀ + tanh p − tanh p₀, so that its second derivatives count too; the loss is a fixed combination
of the outputs and their squares, and each input is a group. What a back-end gives is compared with
differences of the loss (``verify_derivatives``).

``right``: all samples agree. ``wrong``: one differs, silently. ``refused``: a sample raises an error, none is
wrong. ``undecided``: the loss is not smooth there. With ``--default``, only what a user gets without asking.
``--csv FILE`` writes the table, one operation a line.
"""

import argparse
import csv
import json
import signal
import sys
import types
import unittest
import warnings
from pathlib import Path

import torch

from startright.papers.higher_order import BACKENDS, WrongDerivatives, verify_derivatives

SAMPLES, LARGEST, SECONDS = 3, 200, 60
COLUMNS = ("operation", "samples", *BACKENDS, "first error")
SEVERITY = ("right", "undecided", "refused", "wrong")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only operations whose names contain one of these")
    parser.add_argument("--json", action="store_true", help="print one JSON object a row")
    parser.add_argument("--csv", type=Path, help="write the table here")
    parser.add_argument("--part", default="0/1", help="k/n: every n-th operation from the k-th on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    part, parts = map(int, options.part.split("/"))
    rows = []
    for op in operations(options.names)[part::parts]:
        row = judged(op)
        if row is None:
            continue
        rows.append(row)
        print(json.dumps(row) if options.json else row, flush=True)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def operations(names: list[str]) -> list:
    """Those of torch's database that have a derivative in float64."""
    tests = types.ModuleType("expecttest")  # which the database imports and does not use
    tests.TestCase = unittest.TestCase
    sys.modules.setdefault("expecttest", tests)
    from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415

    found = [op for op in op_db if op.supports_autograd and op.supports_dtype(torch.float64, "cpu")]
    found = [op for op in found if not names or any(part in op.name for part in names)]
    return sorted(found, key=lambda op: (op.name, op.variant_test_name))


def judged(op) -> dict | None:
    """The row of an operation, None if none of its samples has a derivative."""
    name = ".".join(filter(None, (op.name, op.variant_test_name)))
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(SECONDS)
    found, error, count = dict.fromkeys(BACKENDS, "right"), "", 0
    try:
        for sample in samples(op):
            problem = as_problem(op, sample)
            if problem is None:
                continue
            count += 1
            for backend in BACKENDS:
                verdict, why = tried(problem, backend)
                if SEVERITY.index(verdict) > SEVERITY.index(found[backend]):
                    found[backend], error = verdict, error if "is wrong" in error else why
    except TimeoutError:
        error = error or "more samples than there was time for"
    finally:
        signal.alarm(0)
    if not count:
        return None
    return {"operation": name, "samples": count} | found | {"first error": error}


def _stop(*_) -> None:
    raise TimeoutError


def samples(op) -> list:
    """Some, spread over all that are small enough."""
    torch.manual_seed(0)
    try:
        every = list(op.sample_inputs("cpu", torch.float64, requires_grad=True))
    except Exception:  # what a sample needs may be missing
        return []
    small = [
        s
        for s in every
        if all(t.numel() <= LARGEST for t in tensors((s.input, s.args, s.kwargs)) if t.numel())
    ]
    return small[:: max(1, len(small) // SAMPLES)][:SAMPLES]


def tensors(tree) -> list[torch.Tensor]:
    """The tensors in nested arguments."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def as_problem(op, sample):
    """The loss of the inputs that can be differentiated, where they are, and a direction."""
    flat, spec = torch.utils._pytree.tree_flatten((sample.input, sample.args, sample.kwargs))
    free = [
        k
        for k, leaf in enumerate(flat)
        if isinstance(leaf, torch.Tensor)
        and leaf.requires_grad
        and leaf.dtype == torch.float64
        and leaf.numel()
        and leaf.layout == torch.strided
    ]
    if not free:
        return None
    flat = [leaf.detach() if isinstance(leaf, torch.Tensor) else leaf for leaf in flat]
    rng = torch.Generator().manual_seed(1)
    params = {str(k): torch.rand(flat[k].shape, generator=rng, dtype=torch.float64) - 0.5 for k in free}
    starts = {name: p.tanh() for name, p in params.items()}

    def loss(p):
        filled = list(flat)
        for name, start in starts.items():
            filled[int(name)] = flat[int(name)] + (p[name].tanh() - start)
        first, args, kwargs = torch.utils._pytree.tree_unflatten(filled, spec)
        outputs = tensors(sample.output_process_fn_grad(op.gradcheck_wrapper(op, first, *args, **kwargs)))
        return combined([y for k, y in enumerate(outputs) if not counted or k in counted]), outputs

    counted = []
    try:
        value, outputs = loss({name: p.requires_grad_() for name, p in params.items()})
        counted += [k for k, y in enumerate(outputs) if y.requires_grad]  # the others have no derivative
        params = {name: p.detach() for name, p in params.items()}
        if not (value.requires_grad and value.isfinite()):
            return None
    except Exception:  # a sample that shows an error, or an output that has no order
        return None
    u = {name: torch.randn(p.shape, generator=rng, dtype=torch.float64) for name, p in params.items()}
    return (lambda p: loss(p)[0]), params, u


def combined(outputs) -> torch.Tensor:
    """A number that depends on all of the outputs, by coefficients that are all different."""
    total = torch.zeros((), dtype=torch.float64)
    for y in tensors(outputs):
        if not (y.is_floating_point() or y.is_complex()):
            continue
        v = torch.view_as_real(y.resolve_conj()) if y.is_complex() else y
        w = (0.7 * torch.arange(1, v.numel() + 1, dtype=v.dtype)).cos().reshape(v.shape)
        total = total + (w * (v + v * v / 2)).sum()
    return total


def tried(problem, backend: str) -> tuple[str, str]:
    """What a back-end makes of it, and why if it is not right."""
    loss, params, u = problem
    try:
        verify_derivatives(loss, params, "canonical", u, backend=backend)
    except WrongDerivatives as error:
        return "wrong", str(error).partition(";")[0]
    except TimeoutError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines() or [""]
        return "refused", f"{backend}: {type(error).__name__}: {first[0][:160]}"
    return "right", ""


if __name__ == "__main__":
    main()
