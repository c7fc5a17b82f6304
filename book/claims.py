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
# Every claim of every paper, with its place there, its published number, ours, and a verdict. Nobody types a
# verdict: each follows from checks on the recorded runs.

# %%
from startright import claims
from startright.book import catalogue

# %% [markdown]
# **A {term}`check`** is of one kind. A *number* is the paper's value in the paper's set-up, met within a tolerance. A *trend* is an
# order, a sign or a size. A *theorem* is exact. What varies from run to run is held against its threshold by the
# confidence interval of its mean: the check holds where the whole interval does, fails where none of it does, and is
# *undecided* between, with the number of repetitions that would settle it. One run, or two, decide nothing.
#
# **A check can fail.** Each names a *wrong* method, such as rates that are all zero, a frozen layer or another activation. The tests
# run these methods and see the check fail. What no wrong method fails is shown as a *description* and counts for nothing.
#
# **A {term}`verdict`** follows. *Reproduced*: all checks hold. *Partly*: some hold and some fail. *Not reproduced*: all fail.
# *Undecided*: what is decided does not settle it. *Other set-up*: the paper's is unknown or out of reach; then the checks
# *hold*, *are mixed*, *fail* or *are undecided here*, and that is no verdict on the paper. *Not yet run*: records are missing.
# Ours is mean ± standard deviation over n repetitions, for the largest profile that can be measured; grids for a cluster are
# judged as far as they are recorded.
#
# **A threshold** was laid down before the data. Where it is another one now, the table *changed thresholds* says from what, to
# what, when and why.
#
# <!-- generated:ledger -->

# %% [markdown]
# ## The first weights
#
# {cite:t}`lopesquintas2025recent`; chapters [The first weights](starting/initialisation.ipynb) and [Back-propagation by hand](starting/backpropagation.ipynb).

# %%
claims.table(catalogue.rows("initialisation"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("initialisation"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("initialisation"))

# %% [markdown]
# ## Critical learning periods
#
# {cite:t}`achille2019critical`; chapter [Critical learning periods](starting/critical-periods.ipynb).

# %%
claims.table(catalogue.rows("critical"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("critical"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("critical"))

# %% [markdown]
# ## Dropout, early and late
#
# {cite:t}`liu2023dropout`; chapter [Dropout, early and late](starting/dropout.ipynb).

# %%
claims.table(catalogue.rows("dropout"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("dropout"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("dropout"))

# %% [markdown]
# ## Skips, and what replaces them
#
# {cite:t}`balduzzi2017shattered`; chapter [Skips, and what replaces them](starting/residual.ipynb).

# %%
claims.table(catalogue.rows("residual"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("residual"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("residual"))

# %% [markdown]
# ## Learning with random learning rates
#
# {cite:t}`blier2019learning`; chapter [Learning with random learning rates](structure/alrao.ipynb).

# %%
claims.table(catalogue.rows("alrao"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("alrao"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("alrao"))

# %% [markdown]
# ## Penalties as priors
#
# {cite:t}`wolinski2020interpreting`; chapter [Penalties as priors](structure/penalty-prior.ipynb).

# %%
claims.table(catalogue.rows("priors"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("priors"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("priors"))

# %% [markdown]
# ## Scaling layers and pruning
#
# {cite:t}`wolinski2019asymmetrical`; chapter [Scaling layers and pruning](structure/scalp.ipynb).

# %%
claims.table(catalogue.rows("scalp"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("scalp"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("scalp"))

# %% [markdown]
# ## Gaussian pre-activations
#
# {cite:t}`wolinski2025gaussian`; chapters [Gaussian pre-activations](signal/gaussian-preact.ipynb) and [The Edge of Chaos](signal/edge-of-chaos.ipynb).

# %%
claims.table(catalogue.rows("preact"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("preact"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("preact"))

# %% [markdown]
# ## Gauss-Newton learns fast, and learns something else
#
# {cite:t}`arbel2023rethinking`; chapter [Gauss-Newton learns fast, and learns something else](curvature/gauss-newton.ipynb).

# %%
claims.table(catalogue.rows("gauss_newton"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("gauss_newton"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("gauss_newton"))

# %% [markdown]
# ## Higher orders, a group at a time
#
# {cite:t}`wolinski2025gathering`; chapter [Higher orders, a group at a time](curvature/higher-order.ipynb).

# %%
claims.table(catalogue.rows("higher_order"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("higher_order"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("higher_order"))

# %% [markdown]
# ## The cold posterior
#
# {cite:t}`wenzel2020how`; chapter [The cold posterior](depth/cold-posterior.ipynb).

# %%
claims.table(catalogue.rows("posterior"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("posterior"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("posterior"))

# %% [markdown]
# <!-- /generated:ledger -->
#
# The folded tables are the checks behind the verdicts, and the thresholds that were changed. The same as data:
# `startright claims --json`.
