"""The experiments of the paper as grids of runs, one study a question."""

STUDIES = ()
