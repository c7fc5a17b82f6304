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
# paper's set-up is unknown or out of reach, so our numbers stand on their own; how many of the checks hold in ours
# is said beside it. *Not yet run*: records are missing. Ours is mean ± standard deviation over n repetitions, for the
# largest profile that has been run.

# %%
from startright import catalogue, claims

# %% [markdown]
# ## Structure: learning with random learning rates
#
# {cite:t}`blier2019learning`; chapter [Learning with random learning rates](structure/alrao.ipynb).

# %%
claims.table(catalogue.rows("alrao"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("alrao"))

# %% [markdown]
# ## Signal: Gaussian pre-activations
#
# {cite:t}`wolinski2025gaussian`; chapters [Gaussian pre-activations](signal/gaussian-preact.ipynb) and
# [The Edge of Chaos](signal/edge-of-chaos.ipynb).

# %%
claims.table(catalogue.rows("preact"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("preact"))

# %% [markdown]
# ## Curvature: Gauss-Newton
#
# {cite:t}`arbel2023rethinking`; chapter [Gauss-Newton learns fast, and learns something else](curvature/gauss-newton.ipynb).

# %%
claims.table(catalogue.rows("gauss_newton"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("gauss_newton"))

# %% [markdown]
# ## Curvature: higher-order information by group
#
# {cite:t}`wolinski2025gathering`; chapter [Higher orders, a group at a time](curvature/higher-order.ipynb).

# %%
claims.table(catalogue.rows("higher_order"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("higher_order"))

# %% [markdown]
# The folded tables are the checks behind the verdicts. The same as data: `startright claims --json`.
