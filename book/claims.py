# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext.formats,jupytext.notebook_metadata_filter
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The ledger of claims
#
# Every claim of every paper, with its published number, ours, and a verdict. Nobody types a verdict: each
# follows from checks on the recorded runs, and the checks are written beside the method they test.
#
# *Reproduced*: all checks hold. *Partly*: some do. *Not reproduced*: none does. *Other set-up*: the
# paper's set-up is unknown or out of reach, so our numbers stand on their own. *Not yet run*: records are missing.

# %%
from startright import catalogue, claims

# %% [markdown]
# ## Gaussian pre-activations
#
# {cite:t}`wolinski2025gaussian`; chapters [Gaussian pre-activations](signal/gaussian-preact.ipynb) and
# [The Edge of Chaos](signal/edge-of-chaos.ipynb). Ours is mean ± standard deviation over n repetitions.

# %%
rows = catalogue.rows("preact")
claims.table(rows)

# %% [markdown]
# The checks behind the verdicts, for the largest profile that has been run:

# %%
claims.checks_table(rows)

# %% [markdown]
# The same as data: `startright claims --json`.
