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
# # A chapter in small
#
# *How large must the weights be for a layer to keep the size of its input?*
#
# *Before you start:* variance, and the sum of independent variables
#
# A first paragraph says what the paper asks and what the reader will see in a minute.
#
# ```{admonition} The claim
# :class: tip
# Weights of variance $1/n$ keep the second moment of a linear layer with $n$ inputs
# ({cite:t}`glorot2010understanding`, equation 1): $\operatorname{Var}(y_i) = \operatorname{Var}(x_j)$.
# ```

# %% tags=["hide-input"]
# On Colab: fetch the book and its package. Anywhere else this does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("startright") is None:
    url = "https://github.com/starting-right/starting-right"
    subprocess.run(["git", "clone", "--depth", "1", url], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-e", "starting-right"], check=True)
    sys.path.insert(0, "starting-right/src")

# %%
import matplotlib.pyplot as plt
import torch

from startright import measured, seeds
from startright.book import pages
from startright.devices import pick_device

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% [markdown]
# ## The least theory
#
# With independent weights of mean 0 and standard deviation [$\sigma_w$](#notation-networks), and $n$ inputs $x_j$, an output $y_i$ has
#
# $$
# \operatorname{Var}(y_i) = n \, \sigma_w^2 \, \mathbb{E}[x_j^2],
# $$ (template-variance)
#
# so {eq}`template-variance` fixes $\sigma_w = 1/\sqrt{n}$.
#
# ## The core of the method
#
# The lines below are printed from the package, so they are those that run. A word such as {term}`pre-activation` is a link to the glossary.

# %% tags=["remove-input"]
pages.source(seeds.generator)

# %% [markdown]
# ## What happens
#
# {numref}`fig-template-variance` asks whether the variance stays at 1 for every width.

# %% mystnb={"figure": {"caption": "Variance of the output against the number of inputs $n$. The dashed line is the prediction.", "name": "fig-template-variance"}, "image": {"alt": "Variance of a linear layer's output against its number of inputs: flat at one."}}
device, widths, draws = pick_device(DEVICE), (10, 100, 1000), range(SEED, SEED + 5)
variances = {n: [] for n in widths}
for n in widths:
    for seed in draws:
        stream = seeds.generator(seed, "init", device)
        weights = torch.randn(100, n, generator=stream, device=device) / n**0.5
        inputs = torch.randn(n, 100, generator=stream, device=device)
        variances[n].append((weights @ inputs).var().item())
_ = plt.figure(figsize=(5, 3))
_ = plt.semilogx(widths, [variances[n] for n in widths], "o", color="C0")
_ = plt.axhline(1, color="0.5", linestyle="--")
_ = plt.gca().set(xlabel="number of inputs n", ylabel="Var(y)", ylim=(0, 1.5))
plt.show()

# %% [markdown]
# What was trained or sampled is another draw on another processor. Its table carries mean, spread and n, so two
# runs can be compared, and the cell is tagged for it. An exact result is printed to the digits that are the same everywhere.

# %% tags=["nbval-ignore-output"]
rows = {f"n = {n}": {"Var(y)": measured.Measured.of(variances[n], 3)} for n in widths}
measured.table(rows, PROFILE)

# %% [markdown]
# A sentence that reports a result is printed too. Its words follow from the uncertainty:

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
off = measured.Contrast.of(v - 1 for values in variances.values() for v in values)
word = off.word("below", "above", margin=0.05)
measured.finding(f"The variance is {word} 1: it differs by {off.text(3)} over all widths.", PROFILE, off=off)

# %% [markdown]
# ## Paper against ours
#
# `pages.claims_table("preact")` sets the paper's numbers beside ours, from the ledger.
# A sentence says what differs, and why.
#
# ## Try it yourself
#
# Change `widths` above, or put `PROFILE = "full"` and run the page again.
#
# ## Exercises
#
# ```{exercise} Another law
# :label: ex-template-law
#
# Does the law of the weights matter for {eq}`template-variance`?
# ```
#
# ```{solution} ex-template-law
# :class: dropdown
#
# No. Only the mean and the variance of $W$ enter.
# ```
#
# ```{exercise} Biases
# :label: ex-template-bias
#
# Add biases of variance $\sigma_b^2$.
# ```
#
# ```{solution} ex-template-bias
# :class: dropdown
#
# $\operatorname{Var}(y_i) = n \sigma_w^2 \mathbb{E}[x_j^2] + \sigma_b^2$.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
