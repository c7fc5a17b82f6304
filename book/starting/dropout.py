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
# # Dropout, early and late
#
# *Dropout is noise. When, in the course of a training, is that noise of use?*
#
# *Before you start:* [back-propagation](backpropagation.ipynb), stochastic gradients, residual connections
#
# Dropout sets units to zero at random while a network is trained ({cite:t}`srivastava2014dropout`, after
# {cite:t}`hinton2012improving`), and is known as a remedy against over-fitting. {cite:t}`liu2023dropout` found that it can also help a
# network that *under*-fits, if it stops early. {term}`Stochastic depth` drops whole branches of a residual network
# ({cite:t}`huang2016deep`), and can be scheduled in the same way. The third part of the lecture *Rien ne sert de courir, il faut
# partir à point* ({cite:t}`lopesquintas2025recent`) tells of both; this chapter builds them, measures what they do to gradients, and solves
# the lecture's exercise 6.
#
# ```{admonition} What the papers claim
# :class: tip
# - Early in training dropout makes gradients shorter and their directions less variable, and the network goes farther from where it
#   started (C12).
# - *Early* dropout helps networks that under-fit, *late* stochastic depth helps networks that over-fit (C13).
# - With stochastic depth under the linear rule, the expected number of blocks has a simple closed form (C14).
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

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from torch import nn

from startright.book import pages
from startright.dropout import (
    Dropout,
    RateSchedule,
    figures,
    headlines,
    knobs,
    reference,
    schematic,
    studies,
    tables,
)
from startright.figures import use_style
from startright.studies import complete, live

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "Above, the rate of dropout over a training under three schedules. Below, a residual network with stochastic depth at one step: a branch is dropped, its skip is not.", "name": "fig-dropout-method"}, "image": {"alt": "Three boxes with a rate over time: constant, falling to zero and staying there, zero and then constant. Below them a long arrow with four boxes above it, three of which are connected to it by arrows; the third stands apart and is called dropped."}} tags=["remove-input"]
schematic.schedules()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("dropout")

# %% tags=["finding", "remove-input"]
headlines.gradients(complete(studies.METRICS))

# %% tags=["finding", "remove-input"]
headlines.schedules(complete(studies.SCHEDULES))

# %% tags=["finding", "remove-input"]
headlines.depth(complete(studies.DEPTH))

# %% [markdown]
# **Use a schedule when** noise all along costs you accuracy, and held-out data tell you on which side of the cutoff it pays; stochastic depth also
# when residual networks are deep and their time is short.
#
# **Leave it when** the network is small and the data are few: there the paper promises nothing. Whatever you do, hold it against no noise at all,
# seed by seed, before you keep it.
#
# ## Noise at a rate
#
# A unit, or a branch, is **dropped** with the *rate* [$r$](#notation-dropout), and survives with probability [$p$](#notation-dropout) $=1-r$. While training, it is
# multiplied by $b\sim\text{Bernoulli}(p)$. In evaluation there is no noise, and the mean must be kept. The first papers multiply by $p$ in
# *evaluation*; modern code divides by $p$ while *training*. Both give the same expectation, and a rate that changes during the training is
# safe under either. Stochastic depth, in the paper's convention:
#
# $$
# x_l = x_{l-1} + b_l\, f_l(x_{l-1}), \qquad b_l\sim\text{Bernoulli}(p_l), \qquad p_l = 1-\frac lL\,(1-p_L),
# $$ (sd-block)
#
# with $f_l$ the branch of block $l$ of $L$. Under this *linear rule* early blocks, whose outputs all others need, are dropped least.

# %% tags=["remove-input"]
pages.source(reference.stochastic_depth)

# %% [markdown]
# What runs is `StochasticDepth`. It has the inverted convention by default, `scaling="evaluation"` for that of the paper, and two modes. In `"row"`,
# every example has a draw of its own, as in modern code. That saves no time, since each branch is computed for some row. In `"batch"` one draw
# decides for all, and `drop.residual(x, branch)` does not compute a branch that is dropped: this is what saves time. In a network of your own it
# takes two lines:
#
# ```python
# self.drop = StochasticDepth(0.1)       # in __init__
# x = x + self.drop(self.branch(x))      # in forward
# ```
#
# ## When
#
# Let $t$ be the step, $c$ the **cutoff** and $r$ the full rate:
#
# $$
# r_{\text{standard}}(t) = r, \qquad
# r_{\text{early}}(t) = r\,\max\Bigl(0,\,1-\frac tc\Bigr), \qquad
# r_{\text{late}}(t) = r\,\mathbb 1[t\ge c].
# $$ (dropout-schedules)

# %% tags=["remove-input"]
pages.source(reference.rate)

# %% [markdown]
# One object drives the rates of all such modules of a network, as a hook of the training. A rate is a *buffer* of its module: it is saved in
# checkpoints, and a compiled network is not compiled again when it changes.

# %%
net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), Dropout(0.1), nn.Linear(32, 10))
early = RateSchedule(net, "early", total=300, cutoff=50)
early(25)  # what train(..., on_epoch=early) does before epoch 25
{name: round(rate, 3) for name, rate in early.rates().items()}

# %% [markdown]
# It refuses a network that has no such module, a cutoff outside the training, and a network other than its own.

# %% mystnb={"figure": {"caption": "The rate over a training of 100 steps, as a part of the full rate, for several cutoffs.", "name": "fig-dropout-cutoff"}, "image": {"alt": "Two curves over a hundred steps: early, falling in a line to zero at the cutoff; late, zero until the cutoff and one from there on. Panels by c: 5, 10, 17, 25, 50, 75."}} tags=["hide-input", "slider"]
knobs.cutoff((5, 10, 17, 25, 50, 75))

# %% [markdown]
# ## What noise does to a gradient
#
# Why should noise help a network that has not yet fitted anything? The paper's answer lies in the **directions** of minibatch
# gradients. Take $n$ minibatches at one point of the training, with gradients [$g_i$](#notation-dropout), each with its own noise of dropout. Their variance of direction is
#
# $$
# \mathrm{GDV} = \frac2{n(n-1)}\sum_{i<j}\frac{1-\cos(g_i,g_j)}2 ,
# $$ (dropout-gdv)
#
# which is 0 if all point the same way and $\frac12$ if they are orthogonal. Their error is measured against [$\hat g$](#notation-dropout), the gradient of the
# whole training set without dropout:
#
# $$
# \mathrm{GDE} = \frac1n\sum_i\frac{1-\cos(g_i,\hat g)}2 .
# $$ (dropout-gde)
#
# Two more numbers go with them: the mean norm of the $g_i$, and the distance $\lVert\theta_t-\theta_0\rVert$ from the first weights. The paper's picture
# is that early on dropout makes gradients shorter but agree more, so that the network gets farther.

# %% tags=["remove-input"]
pages.source(reference.metrics)

# %% [markdown]
# (What runs needs no loop over pairs: see {ref}`ex-dropout-gdv`.) A residual network of fully connected blocks, trained by Adam, with dropout inside each block,
# is measured at fifteen evenly spaced steps. What is *early* was laid down beforehand, as the first fifth of the training: our choice. <!-- setting -->

# %%
metrics_live = live(studies.METRICS, PROFILE, device=DEVICE, first_seed=SEED)
metrics_full = complete(studies.METRICS)

# %% mystnb={"figure": {"caption": "Four metrics of gradients over a training, with and without dropout. Bands: one standard deviation over seeds. Shaded: what is called early.", "name": "fig-dropout-metrics"}, "image": {"alt": "Four panels against the step: gradient norm, distance from the start, variance and error of directions, in grey without noise and in blue with dropout, with bands; the first fifth is shaded."}}
_ = figures.metrics(metrics_full or metrics_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
headlines.gradients(metrics_live)

# %% [markdown]
# At the very first step the answer is plain: the weights are the same with and without dropout, so noise can only spread the directions. A
# variance below that without dropout must come from *where* the noise has led the network.
#
# ## Early or late, under or over
#
# Two networks are trained under each schedule. One is narrow and sees many images once or a few times: it **under-fits**. The other is wide, and sees few images many times: it
# **over-fits**. As in the paper, the cutoff is at a sixth of the training, the rate 0.1 where the network under-fits and 0.4 where it over-fits. <!-- setting -->

# %%
schedules_live = live(studies.SCHEDULES, PROFILE, device=DEVICE, first_seed=SEED)
schedules_full = complete(studies.SCHEDULES)

# %% tags=["finding", "remove-input"]
headlines.fitting(schedules_full)

# %% mystnb={"figure": {"caption": "Points of test accuracy over the same network without noise, seed by seed (small dots), with the 95 % interval of their mean.", "name": "fig-dropout-schedules"}, "image": {"alt": "Two panels, for the under-fitting and the over-fitting network, with six rows each: standard, early and late dropout in blue, and stochastic depth in orange, as points with error bars beside a vertical line at zero."}}
_ = figures.schedules(schedules_full or schedules_live)
plt.show()

# %% tags=["nbval-ignore-output"]
tables.accuracies(schedules_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
headlines.schedules(schedules_live)

# %% [markdown]
# And noise from beginning to end, in the recorded study?

# %% tags=["finding", "remove-input"]
headlines.standard(schedules_full)

# %% [markdown]
# ## How deep is a network of random depth?
#
# With stochastic depth the number of blocks that are computed is itself random, $\tilde L=\sum_l b_l$. Its mean is the sum of the $p_l$, an arithmetic
# series: <!-- theory -->
#
# $$
# \mathbb E\tilde L = \sum_{l=1}^L p_l = L-(1-p_L)\,\frac{L+1}2, \qquad
# V\tilde L = \sum_{l=1}^L p_l(1-p_l).
# $$ (sd-depth)
#
# To sample it, let every branch be 1 and start at 0: the network then counts its own blocks. In evaluation, in the convention of the paper, the
# same network returns $\sum_l p_l$, the expected depth itself.

# %% mystnb={"figure": {"caption": "Blocks that survive, of 54, against the survival of the last one: exact mean (lines) and standard deviation (bands), and means of sampled networks (circles).", "name": "fig-dropout-depth"}, "image": {"alt": "Two rising lines with bands that meet at the upper right corner: the linear rule above, equal rates below; circles lie on both."}}
depth_live = live(studies.DEPTH, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.depth(depth_live)
plt.show()

# %%
tables.depth(depth_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
headlines.depth(depth_live)

# %% mystnb={"figure": {"caption": "Survival of each of 54 blocks under the linear rule; above it the expected depth and its standard deviation.", "name": "fig-dropout-survival"}, "image": {"alt": "Bars that fall in a line from one at the first block to the survival of the last one. Panels by p_L: 0.1, 0.3, 0.5, 0.7, 0.9, 1."}} tags=["hide-input", "slider"]
knobs.depth((0.1, 0.3, 0.5, 0.7, 0.9, 1))

# %% [markdown]
# ## Paper against ours
#
# The gains of ViT-T and ViT-B on ImageNet, beside those of our networks of a few thousand weights.

# %% mystnb={"figure": {"caption": "Points of accuracy gained over no noise: the paper on ImageNet, and our networks on small images. The paper's late stochastic depth is held against a baseline that is not known to us.", "name": "fig-dropout-against"}, "image": {"alt": "Five rows with a cross for the paper and a dot with an interval for ours: standard and early dropout, standard and early stochastic depth of the under-fitting network, and late stochastic depth of the over-fitting one."}}
figures.against(schedules_full or schedules_live)

# %%
tables.beside_paper(schedules_full or schedules_live)

# %% tags=["nbval-ignore-output"]
measured = {
    "dropout-metrics": metrics_live,
    "dropout-schedules": schedules_live,
    "dropout-depth": depth_live,
}
pages.claims_table("dropout", live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **The scale.** The paper trains vision transformers and their kin on ImageNet for hundreds of epochs, on many GPUs. Its gain from early dropout is about half a point. Ours
#   are small networks on small images; seeds are paired, so that small differences can be seen at all. What is recorded here are intervals, not a
#   verdict on the paper.
# - **What under-fits.** In the paper a transformer under-fits ImageNet. Ours under-fits because it is narrow and stops soon; that need not be the same thing.
# - **Early.** The paper's variance of directions is below that without dropout for about the first thousand iterations of very many. Our whole training is of that length.
# - **Late.** Our stochastic depth is held against no noise. Which noise the paper's baseline of late stochastic depth has is not known to us.
# - **Not run.** The published networks and recipes are not among our studies: a residual network of 1202 layers, or a transformer on ImageNet, is beyond the machines of
#   this book.
#
# ## Try it yourself
#
# - Give `RateSchedule` `decay="constant"`: early dropout that stays until the cutoff.
# - Put `kind=StochasticDepth` in a network that has both kinds of noise, and drive each by a schedule of its own.
# - Measure the time of a step in the mode `"batch"` with `drop.residual`, and compare it with the expected depth.
#
# ## Exercises
#
# ```{exercise} Lecture, exercise 6: expected depth
# :label: ex-dropout-depth
#
# Let $b_l\sim\text{Bernoulli}(p_l)$ be independent, with $p_l=1-\frac lL(1-p_L)$. Compute the expectation and the variance of the depth $\tilde L=\sum_l b_l$. What
# are they for $p_L=\frac12$, and which part of the computation is saved in ResNet-110, where $L=54$? Compare with equal rates, $p_l=p$.
# ```
#
# ```{solution} ex-dropout-depth
# :class: dropdown
#
# $\mathbb E\tilde L=\sum_l p_l = L-\frac{1-p_L}L\sum_{l=1}^L l = L-\frac{1-p_L}L\cdot\frac{L(L+1)}2 = L-(1-p_L)\frac{L+1}2$. For $p_L=\frac12$ it is $\frac{3L-1}4$, and
# $40.25$ for $L=54$: about a quarter of the blocks is saved, if blocks that are dropped are not computed. By independence $V\tilde L=\sum_l p_l(1-p_l)$. With equal rates
# $\mathbb E\tilde L=Lp$ and $V\tilde L=Lp(1-p)$; among all rules of one mean it has the largest variance, since $p\mapsto p(1-p)$ is concave.
# ```
#
# ```{exercise} No loop over pairs
# :label: ex-dropout-gdv
#
# Let $u_i=g_i/\lVert g_i\rVert$. Show that $\sum_{i<j}\cos(g_i,g_j)$ is $\frac12\bigl(\lVert\sum_iu_i\rVert^2-n\bigr)$, and write {eq}`dropout-gdv` without a sum over pairs. What does it cost? Which
# values can it take for $n=2$, and for large $n$?
# ```
#
# ```{solution} ex-dropout-gdv
# :class: dropdown
#
# $\lVert\sum_iu_i\rVert^2=\sum_i\lVert u_i\rVert^2+2\sum_{i<j}u_i\cdot u_j=n+2\sum_{i<j}\cos(g_i,g_j)$. So
# $\mathrm{GDV}=\frac12\Bigl(1-\frac{\lVert\sum_iu_i\rVert^2-n}{n(n-1)}\Bigr)$, in $O(nD)$ for $D$ parameters in place of $O(n^2D)$. Since $\lVert\sum_iu_i\rVert^2\ge0$ it is at most
# $\frac12\bigl(1+\frac1{n-1}\bigr)$: up to 1 for $n=2$ (opposite gradients), and hardly above $\frac12$ for large $n$.
# ```
#
# ```{exercise} Noise around one direction
# :label: ex-dropout-noise
#
# Let $g_i=\mu+\sigma\varepsilon_i$ with $\lVert\mu\rVert=1$, $\varepsilon_i\sim\mathcal N(0,I_D)$ independent and $D$ large. Show that
# $\mathrm{GDV}\approx\frac12\bigl(1-\frac1{1+\sigma^2D}\bigr)$ and $\mathrm{GDE}\approx\frac12\bigl(1-\frac1{\sqrt{1+\sigma^2D}}\bigr)$ with $\hat g=\mu$. Which is larger?
# ```
#
# ```{solution} ex-dropout-noise
# :class: dropdown
#
# For large $D$, $\lVert g_i\rVert^2\approx1+\sigma^2D$, $g_i\cdot g_j\approx1$ and $g_i\cdot\mu\approx1$, each up to terms of lower order. So $\cos(g_i,g_j)\approx\frac1{1+\sigma^2D}$ and
# $\cos(g_i,\mu)\approx\frac1{\sqrt{1+\sigma^2D}}$. The first cosine is the square of the second and thus smaller: directions vary more among each other than they err.
# ```
#
# ```{exercise} Two conventions, one expectation
# :label: ex-dropout-scaling
#
# A late schedule switches the rate from 0 to $r$ at step $c$. Under which of the two conventions does what evaluation computes jump at that step, with the weights as they are? Does it matter for an early
# schedule at its end?
# ```
#
# ```{solution} ex-dropout-scaling
# :class: dropdown
#
# In the inverted convention evaluation never sees the rate: nothing jumps. In the paper's, evaluation multiplies branches by $p=1-r$, so the network that is evaluated changes at step $c$ although no weight has. An early
# linear schedule ends at rate 0, which it reaches continuously; one that is constant until the cutoff jumps back to 1 there.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
