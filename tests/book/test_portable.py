import os

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from startright.book import portable
from startright.book.compare import Difference
from startright.book.contents import Page, Problem
from startright.book.pair import write
from startright.book.rerun import Rerun, executed_path
from startright.measured import Measured, bundle

TAG = {"tags": ["nbval-ignore-output"]}


def test_an_arithmetic_is_set_inside_and_gone_afterwards(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_CBWR", raising=False)
    with portable.arithmetic("compatible"):
        assert os.environ["MKL_CBWR"] == "COMPATIBLE"
        assert "OMP_NUM_THREADS" not in os.environ
    assert "MKL_CBWR" not in os.environ
    assert os.environ["OMP_NUM_THREADS"] == "7"
    with portable.arithmetic("default"):
        assert os.environ["OMP_NUM_THREADS"] == "7"


def test_an_unknown_arithmetic_is_refused():
    with pytest.raises(ValueError, match="unknown arithmetic 'avx3': did you mean 'avx2'"):
        portable.run([], ["avx3"])


def test_there_are_five_arithmetics_and_the_default_is_the_readers():
    assert len(portable.ARITHMETICS) >= 5
    page = Page(os.curdir and portable.Path("x"), "book/page")
    assert portable.place(page, "default") == executed_path(page)
    assert portable.place(page, "avx2") != executed_path(page)


def run_with(page, name, *means):
    facts = [(str(k), "loss", Measured(mean, 0.2, 4, "")) for k, mean in enumerate(means)]
    output = new_output("display_data", data={"text/plain": "", **bundle(facts)})
    write(
        new_notebook(cells=[new_code_cell("t", outputs=[output], metadata=TAG)]), portable.place(page, name)
    )


def test_the_spread_over_arithmetics_stands_beside_that_over_seeds(tmp_path):
    page = Page(tmp_path, "book/page")
    run_with(page, "default", 1.0, 2.0)
    run_with(page, "avx2", 1.0, 2.2)
    [spread] = portable.spreads(page, ["default", "avx2"])
    assert (spread.quantity, spread.numbers) == ("loss", 2)
    errors, over = [0.1 / 1.0, 0.1 / 2.1], [0.0, (0.2 / 2**0.5) / 2.1]
    assert spread.seeds == pytest.approx(sum(errors) / 2)
    assert spread.arithmetics == pytest.approx(sum(over) / 2)
    assert spread.worst == pytest.approx(over[1] / errors[1])
    report = portable.report_of([page], {"default": Rerun(), "avx2": Rerun([], [], 2)})
    assert "| book/page | loss | 2 |" in report
    assert "| avx2 | 0 | 0 | 0 | 0 of 2 | 0 |" in report


def test_exact_cells_and_opposite_findings_fail_and_draws_do_not():
    exact = Difference("book/page", 1, None, "exact", "printed", "1", "2")
    opposite = Difference("book/page", 2, None, "sign", "gap", "1", "-1", 5.0)
    draw = Difference("book/page", 3, None, "measured", "a, loss", "1", "2", 4.0, 1e-3)
    results = {"avx2": Rerun([], [exact, opposite, draw], 50)}
    assert len(portable.failures(results)) == 2
    problem = Problem("book/page", "did not run")
    assert portable.failures({"avx2": Rerun([problem], [], 0)}) == [f"avx2: {problem}"]
