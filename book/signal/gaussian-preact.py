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
# # Gaussian pre-activations
#
# *Is what enters a neuron Gaussian at the start of training, and can it be made so exactly?*
#
# *Before you start:* the normal law, its density and distribution function
#
# Before training, the weights of a network are random. So is the number that enters each neuron, its
# {term}`pre-activation`. Nearly every theory of initialisation assumes that this number follows a normal
# law. For a very wide network the central limit theorem says so. For the narrow networks one
# actually draws on a whiteboard, nobody promised anything.
#
# {cite:t}`wolinski2025gaussian` test the assumption, find that it mostly fails, and then turn the question
# round: *which activation function and which law of the weights would make it true at every width?*
#
# ```{admonition} What the paper claims
# :class: tip
# 1. With tanh or ReLU and Gaussian weights, pre-activations are mostly **not** Gaussian; depth makes it
#    worse, width makes it better (C1).
# 2. There is a family of pairs, an activation function $\varphi_\theta$ and a weight $W$ with a symmetric
#    Weibull law, one pair for each number $\theta > 2$, such that $W\varphi_\theta(Z) \sim \mathcal N(0,1)$ **exactly** whenever
#    $Z \sim \mathcal N(0,1)$ (C2). The function comes in an odd and a positive variant (C3).
# 3. These pairs keep pre-activations Gaussian through depth in narrow networks, exactly if the neurons of a
#    layer are independent (C4), approximately if they are not (C5, C6).
# 4. Whether one *wants* such a start for training is an open question (C10).
# ```
#
# The paper computes $\varphi_\theta$ by fitting a density, then a formula. This chapter uses a closed description
# of the law instead, and measures what the fit had cost: that is the main thing it adds.
# The claims on the Edge of Chaos (C7 to C9) have [their own chapter](edge-of-chaos.ipynb).

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
import numpy as np

from startright.book import pages
from startright.figures import use_style
from startright.preact import (
    figures,
    findings,
    headlines,
    knobs,
    ks_of_product,
    phi,
    reference,
    schematic,
    studies,
    tables,
)
from startright.studies import complete, live

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "One product of a layer: a Gaussian number, its activation, a weight, and the product, for $\\theta = 4$. A neuron is a sum of such products.", "name": "fig-preact-method"}, "image": {"alt": "Four small densities in a row: a bell, a broader flat bump after the activation, the two humps of a Weibull weight, and the same bell again."}} tags=["remove-input"]
schematic.layer()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("preact", ["C1", "C2", "C3", "C4", "C5", "C6", "C10"])

# %% tags=["finding", "remove-input"]
headlines.exact(complete(studies.LAW))

# %% tags=["finding", "remove-input"]
headlines.through_depth(complete(studies.DEPTH))

# %% tags=["finding", "remove-input"]
headlines.training(complete(studies.TRAINING))

# %% [markdown]
# **Use it when** pre-activations must have one law at every width and depth, to study what that alone does; and, the odd
# function with a large $\theta$, when a deep and narrow network without normalisation must start learning.
#
# **Leave it when** layers are normalised or skipped: the pair then keeps nothing that they do not.

# %% [markdown]
# ## The hypothesis, put to the test
#
# Write [$Z^l_i$](#notation-networks) for the pre-activation of neuron $i$ in layer $l$ (all symbols are in the
# [notation](../notation.md)). With weights $W_{ij}$, biases $B_i$, the activation function [$\varphi$](#notation-networks) and
# $n_l$ neurons in layer $l$, one layer maps
#
# $$
# Z_i^{l+1} = \frac{1}{\sqrt{n_l}} \sum_{j=1}^{n_l} W_{ij}\, \varphi(Z_j^l) + B_i .
# $$ (preact-layer)
#
# We draw thousands of **independent** networks, feed each the same input $x$ of $n_0$ numbers with $\lVert x\rVert^2 = n_0$,
# and look at one fixed neuron per layer. (Neurons of one network share their inputs, so pooling them
# would be cheating.) The distance to a normal law is that of Kolmogorov and Smirnov
# ({term}`KS <Kolmogorov–Smirnov distance>`): the largest
# gap between two distribution functions. It is shown in two ways, against $\mathcal N(0,1)$ and after
# standardising: the second sees only the *shape* of the law, the first its variance as well.
#
# Write $\sigma_w^2$ and $\sigma_b^2$ for the variances of weights and biases.
# tanh starts with the near-critical $\sigma_w^2 = 1.46$, $\sigma_b^2 = 0.013$ of the authors, ReLU with
# He's $\sigma_w^2 = 2$ and no bias. The grey band of {numref}`fig-preact-depth-classic` is the 95 % noise level: of exactly Gaussian samples
# of this size only one in twenty leaves it.

# %%
depth_live = live(studies.DEPTH, PROFILE, device=DEVICE, first_seed=SEED)
depth_full = complete(studies.DEPTH)
classic = [("relu", None), ("tanh", None)]

# %% mystnb={"figure": {"caption": "Networks of width 10 with Gaussian weights: KS distance to $\\mathcal{N}(0,1)$, the same after standardising, and variance. Bands are one standard deviation over seeds; grey is the 95 % noise level.", "name": "fig-preact-depth-classic"}, "image": {"alt": "Three panels against the layer, for ReLU and tanh at width 10: raw KS distance and standardised KS distance on logarithmic scales above a grey noise band, and the variance with a line at one."}}
_ = figures.depth(depth_live, classic, width=10)
plt.show()

# %% [markdown]
# Theory says to expect two different things. **ReLU** multiplies the scale of the signal by a fresh random factor at
# every layer, so its tails should grow heavier for ever. **tanh** has a variance that is drawn back to a
# fixed point, so it should settle: at a variance far from 1 and at a shape of its own. This is what was sampled:

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.classic(depth_live)

# %% [markdown]
# Does width help? At layer 50, in units of the noise level (a value above 1 is rejected at the 5 % level):

# %%
tables.shape_by_width(depth_full or depth_live)

# %% tags=["finding", "remove-input"]
findings.width(depth_full)

# %% [markdown]
# So the claim needs its two halves kept apart. For ReLU what counts is the ratio of depth to width: depth can undo
# any width, as the [kurtosis](edge-of-chaos.ipynb) shows exactly. For tanh, theory lets depth do no
# more harm once the variance has arrived, and width decides. "Mostly false" is a statement on narrow and
# deep networks.

# %% [markdown]
# ## Which pair would make it true?
#
# Suppose the inputs of a layer are independent and $\mathcal N(0,1)$. We want
# {eq}`preact-layer` to give $\mathcal N(0,1)$ back *for every width*, without bias. Take width 1: then
#
# $$
# W \varphi(Z) \sim \mathcal N(0,1), \qquad Z \sim \mathcal N(0,1),
# $$ (preact-equation)
#
# is necessary. It is also sufficient, since a sum of independent Gaussians is Gaussian. (By Cramér's
# theorem even one single width would force it; see [the exercises](preact-exercises).) Two things follow
# at once.
#
# *Gaussian weights are out.* If $W$ has positive density at 0 and $\varphi(Z)$ does too, their product has
# infinite density there. The density of $W$ must vanish at 0.
#
# *Tails must match.* Write [$\theta$](#notation-preact) for how fast the tail of $W$ falls. If $P(|W|>t)\approx e^{-t^\theta}$ and $P(|\varphi(Z)|>t)\approx e^{-ct^{\theta'}}$, the
# product has tail exponent $\beta$ with $1/\beta = 1/\theta + 1/\theta'$. A Gaussian has $\beta=2$: so
# $\theta > 2$.
#
# The simplest law with both properties is the {term}`symmetric Weibull law` $\mathcal W(\theta, 1)$, with
# $P(|W|>t) = e^{-t^\theta}$ and a random sign. From a uniform $u$ of $(-1, 1)$ it is drawn by

# %% tags=["remove-input"]
pages.source(reference.weibull)

# %% [markdown]
# (in place: [`symmetric_weibull_`](../api/preact.md)). Then $A = |\varphi_\theta(Z)|$ must follow the law that turns
# a Weibull variable into a half-normal one by multiplication: a {term}`quotient law`. Any function with
# $|\varphi(Z)| \sim A$ solves {eq}`preact-equation`. Two monotone ones are natural, an odd and a positive one. With the distribution
# functions $F_A$ of $A$ and $\Phi$ of $\mathcal N(0,1)$ they are
#
# $$
# \varphi^{\circ}_\theta(z) = \operatorname{sgn}(z)\, F_A^{-1}\!\bigl(2\Phi(|z|)-1\bigr), \qquad
# \varphi^{p}_\theta(z) = F_A^{-1}\bigl(\Phi(z)\bigr).
# $$ (preact-variants)
#
# ## The law in closed form
#
# The authors approximate the density of $A$ with four trained parameters. None is needed. The idea is Box
# and Muller's: a Gaussian is a radius $\sqrt{2E}$, with $E$ exponential, times the cosine of a random
# angle. If $S$ is a positive stable variable of index $\nu = 2/\theta$, then $(E/S)^\nu$ is again
# exponential {cite:p}`shanbhag1977certain`, while $|W| = E^{1/\theta}$. Divide one by the other: with $U$ uniform on $(0, 1)$,
#
# $$
# A = \sqrt 2 \,\bigl|\cos 2\pi U\bigr|\, S^{-\nu/2}.
# $$ (preact-sampler)
#
# So the law **exists for every** $\theta \ge 2$, and can be sampled without knowing $\varphi_\theta$ at
# all. Its moments divide too (with the gamma function $\Gamma$): $\mathbb E A^r = 2^{r/2}\,\Gamma(\tfrac{r+1}2)\,/\,(\sqrt\pi\,
# \Gamma(1+r/\theta))$. Inverting that Mellin transform gives a series, good in the body of the law,
#
# $$
# F_A(x) = \sqrt{\tfrac2\pi}\,\sum_{k\ge0} \frac{(-1)^k\, x^{2k+1}}{2^k\,k!\,(2k+1)\,\Gamma(1-(2k+1)/\theta)} ;
# $$ (preact-series)
#
# an integral along a path of steepest descent, `survival` below, is good in its tail.

# %% tags=["remove-input"]
pages.source(reference.distribution)

# %% [markdown]
# And the activation function {eq}`preact-variants` is one quantile away:

# %% tags=["remove-input"]
pages.source(reference.phi)

# %% [markdown]
# What runs is [`phi`](../api/preact.md), for arrays and with digits left far out in the tails, and in networks
# [`GaussianActivation`](../api/preact.md), a table of it; the tests hold `phi` equal to these lines.
# {numref}`fig-preact-phi` draws both variants.

# %% mystnb={"figure": {"caption": "The functions $\\varphi_\\theta$. Dashed grey: the limits $\\theta = 2$ (bounded, an arcsine law) and $\\theta = \\infty$ (the identity, respectively the half-normal quantile).", "name": "fig-preact-phi"}, "image": {"alt": "Left, odd functions through the origin, from a bounded sigmoid at theta 2 to the identity at infinity. Right, positive increasing functions that resemble softplus or a sigmoid."}}
_ = figures.activations()
plt.show()

# %% [markdown]
# The parameter $\theta$ runs from a bounded sigmoid ($\theta = 2$) to the identity ($\theta=\infty$, where
# the weights become $\pm 1$). The positive variant resembles softplus. In between
# $\varphi_\theta$ grows like $z^{1-2/\theta}$. {numref}`fig-preact-density` has the law of its values.

# %% mystnb={"figure": {"caption": "The quotient law: density (left) and survival function on a logarithmic scale (right), far into the tail.", "name": "fig-preact-density"}, "image": {"alt": "Left, one density of A for each theta, with the half-normal density dashed in grey; right, the logarithm of their tails."}}
_ = figures.densities()
plt.show()

# %% [markdown]
# Each $\theta$ has its own pair. Turn it: as the activation loses its bound, the weights gather at $\pm 1$, and
# the product stays Gaussian.

# %% mystnb={"figure": {"caption": "The pair by $\\theta$. Left: $\\varphi_\\theta$, odd. Right: the density of a weight; dashed, that of their product, $\\mathcal{N}(0,1)$ for every $\\theta$.", "name": "fig-preact-pair"}, "image": {"alt": "For each theta a sigmoid that straightens as theta grows, beside a density with two humps that become two peaks at minus one and one; a dashed bell curve stays the same. Panels by theta: 2.05, 2.5, 3, 4, 6, 10."}} tags=["hide-input", "slider"]
knobs.pair((2.05, 2.5, 3, 4, 6, 10))

# %% [markdown]
# ### How exact?
#
# Nothing here is sampled: the law of $W\varphi_\theta(Z)$ is integrated numerically and compared with
# $\mathcal N(0,1)$. Beside it stand the objects released with the paper, measured in the same way.

# %%
law_live = live(studies.LAW, PROFILE, device=DEVICE)
tables.exactness(law_live)

# %% tags=["finding", "remove-input"]
findings.exactness(law_live)

# %% [markdown]
# Law and function are not to be confused: a function can be far off where $Z$ rarely goes, and leave the law almost
# alone. Yet a law that is off by as much as the noise of a large sample shows up in what is sampled. We shall look
# for it below, where the paper plots the effect of dependence.

# %% [markdown]
# ## What dependence does
#
# Equation {eq}`preact-equation` assumes that the inputs of a layer are **independent**. In a network they
# are not: two neurons of a layer read the same neurons below. Given that layer they are independent, but
# they share its random scale. The smallest network where this can matter has two steps, from $n_0$ inputs through $n_1$ neurons to one output.
# The paper tries three layouts, in which a width $n$ grows: **A** widens only the current layer, $(n_0, n_1) = (1, n)$; **B** only the
# previous one, $(n, 2)$; **C** both, $(n, n)$.

# %% tags=["remove-input"]
pages.source(reference.layer)

# %% [markdown]
# Two such layers are all; what runs is [`two_step`](../api/preact.md), the same for many networks at once (tested).

# %%
dependence_live = live(studies.DEPENDENCE, PROFILE, device=DEVICE, first_seed=SEED)
dependence_full = complete(studies.DEPENDENCE)

# %% mystnb={"figure": {"caption": "KS distance of the output of a two-step network to $\\mathcal{N}(0,1)$ against width, no standardising. Grey: 95 % noise level.", "name": "fig-preact-dependence"}, "image": {"alt": "Three panels, one per layout, with the KS distance on a logarithmic scale against the width, for ReLU, tanh and the odd and positive functions at two values of theta, above a grey noise band."}}
_ = figures.dependence(dependence_live)
plt.show()

# %% [markdown]
# Three things to look for in {numref}`fig-preact-dependence`: the left end of A and C, what width does in each layout, and the two variants. The
# recorded study has larger samples, and answers one after the other.

# %% tags=["finding", "remove-input"]
findings.alone(dependence_full)

# %% tags=["finding", "remove-input"]
findings.widening(dependence_full)

# %% [markdown]
# And the variants? How many times as far from Gaussian the odd one is as the positive one:

# %%
tables.variants(dependence_full or dependence_live)

# %% tags=["finding", "remove-input"]
findings.variants(dependence_full)

# %% [markdown]
# The plateau of A has a limit that can be computed: as $n_1\to\infty$ the output is a Gaussian whose
# variance is random. The table sets it beside the distance sampled at $n = 10$, and the value stored by the authors.

# %%
tables.limits(dependence_full or dependence_live)

# %% tags=["finding", "remove-input"]
findings.limit(dependence_full)

# %% tags=["finding", "remove-input"]
findings.authors_gap(dependence_full)

# %% [markdown]
# Where nothing can depend, at $n = 1$ in A and C, a distance beyond the noise can only be an error of the
# function. The fit of the authors has one there; we take it to be the reason for the excess elsewhere too.
#
# With **fresh, independent inputs** for every neuron the theorem applies, and the distance should be noise at
# every width. In units of the {term}`noise floor` (1 is what exact Gaussians give on average):

# %% tags=["nbval-ignore-output"]
tables.independent(dependence_live)

# %% tags=["finding", "remove-input"]
findings.independent(dependence_full)

# %% [markdown]
# ## Through depth
#
# Now the full network ({numref}`fig-preact-depth`), 30 layers of 10 neurons, weights drawn in full: Weibull weights do not allow
# the shortcut that Gaussian ones do.

# %% mystnb={"figure": {"caption": "Networks of width 10 with $\\varphi_\\theta$ and symmetric Weibull weights, beside ReLU and tanh with Gaussian weights.", "name": "fig-preact-depth"}, "image": {"alt": "KS distance, standardised KS distance and variance against the layer, for ReLU, tanh and the odd and positive functions; grey bands mark the noise, a grey line the variance one."}}
gaussian = [(kind, t) for kind in ("odd", "positive") for t in (2.05, 4.0, 10.0)]
everything = [*classic, *gaussian]
_ = figures.depth(depth_live, everything, width=10)
plt.show()

# %% [markdown]
# What should happen? The neurons of a layer share a random scale, and the slope $V'(1)$ of the
# {term}`variance map` $V$ of [the next chapter](edge-of-chaos.ipynb) says how much of a deviation the next layer passes on. ReLU has $V'(1) = 1$: nothing
# is forgotten, and the scale drifts like a log-normal variable. The odd function with $\theta = 10$ is nearly
# linear and close to that disease, at $V'(1) \approx 0.96$. Near $\theta = 2$, and for the positive
# functions, the slope is at most $\tfrac12$, and a deviation fades within a few layers.
#
# The recorded study repeats this on three widths, with 10 000 networks each, and with an image of
# CIFAR-10 as the input of a full first layer.

# %% mystnb={"figure": {"caption": "The recorded study, width 10 and 10 000 networks per seed.", "name": "fig-preact-depth-full"}, "image": {"alt": "The same three panels as before, from the recorded study with 10 000 networks per seed."}}
if depth_full:
    _ = figures.depth(depth_full, everything, width=10)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.through_depth(depth_full)

# %% [markdown]
# With Gaussian first weights the law of $Z^1$ depends on the input only through its norm, so an image and any other
# vector must agree. The distances at layer 30:

# %%
tables.by_input(depth_full or depth_live)

# %% tags=["finding", "remove-input"]
findings.by_input(depth_full)

# %% [markdown]
# ## Does it train better?
#
# The paper asks and does not settle it; its exact training set-up is not known to us. What follows is
# therefore **our own exploration**, {numref}`fig-preact-training`: MLPs on images, plain SGD without momentum, batch 128, cross-entropy,
# the initial weights stored in the usual scaling (divided by the square root of the number of inputs). Every function gets
# the same grid of learning rates. To plug the method into a network of your own takes two lines:
#
# ```python
# from startright.preact import init_gaussian_preact_
# init_gaussian_preact_(net, theta=2.05)
# ```
#
# It is the odd function that these lines give, although the positive one is nearer to Gaussian: the table of the best rates below shows in its columns
# beyond three layers why. The network must be a chain of linear or convolutional layers and
# activations. One forward pass shows whether it is; what breaks the law is named, and nothing is changed.

# %%
training_live = live(studies.TRAINING, PROFILE, device=DEVICE, first_seed=SEED)
training_full = complete(studies.TRAINING)

# %% mystnb={"figure": {"caption": "Test accuracy after training on scikit-learn's digits against learning rate, at width 10 and two depths.", "name": "fig-preact-training"}, "image": {"alt": "Two panels, one per depth, of test accuracy against learning rate, one line per function, with bands over seeds; crosses at the foot mark rates at which a run diverged."}}
_ = figures.training(training_live)
plt.show()

# %% mystnb={"figure": {"caption": "The recorded study: MNIST, two epochs, widths 10 and 64, depths 3, 10 and 30.", "name": "fig-preact-training-full"}, "image": {"alt": "Six panels, a row per depth and a column per width, of test accuracy on MNIST against learning rate, one line per function, with bands over seeds; crosses at the foot mark rates at which a run diverged."}}
if training_full:
    _ = figures.training(training_full)
    plt.show()

# %% [markdown]
# The test accuracy in percent of each function at the rate that the validation images chose. The columns are the width, then the
# depth; a cell with runs that diverged says so.

# %%
tables.best_rates(training_full or training_live)

# %% [markdown]
# That choice is rarely sharp. These are the rates that the validation images cannot tell from the best:

# %%
tables.rates(training_full or training_live)

# %% tags=["finding", "remove-input"]
findings.shallow(training_full)

# %% tags=["finding", "remove-input"]
findings.deep(training_full)

# %% tags=["finding", "remove-input"]
findings.linear_cost(training_full)

# %% tags=["finding", "remove-input"]
findings.gaussian_start(training_full)

# %% [markdown]
# How two *different* inputs fare is something that the law of one pre-activation does not see. With
# $\varphi^p$ their correlation tends to 1 from layer to layer, and a deep network that has lost the difference
# between its inputs cannot be trained to tell them apart. [The next chapter](edge-of-chaos.ipynb) computes by
# how much.

# %% [markdown]
# ## Paper against ours
#
# First the distances that the authors stored with their code beside those of the recorded study:

# %% mystnb={"figure": {"caption": "KS distance of two-step networks at $n = 10$: stored by the authors, and ours with the exact functions. The line between two marks is the gap.", "name": "fig-preact-beside"}, "image": {"alt": "A row per function and layout, on a logarithmic axis: a cross at the authors' value, a dot at ours with its interval, and a line between the two."}}
figures.against_paper(dependence_full or dependence_live)

# %% tags=["nbval-ignore-output"]
ours = (*law_live, *dependence_live, *depth_live, *training_live)
measured = {r.study: [one for one in ours if one.study == r.study] for r in ours}
shown = ["C1", "C2", "C3", "C4", "C5", "C6", "C10"]
pages.claims_table("preact", shown, live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# **The functions.** Ours are exact, the paper's are fitted; the comparison stands below the table of limits.
#
# **C1** has the deviation grow with depth, and shrink with width, for both functions. This is what depth does to each at width
# 10 in the recorded study, with larger samples than the live one above:

# %% tags=["finding", "remove-input"]
findings.classic(depth_full)

# %% [markdown]
# **Sample sizes.** The dependence study uses the paper's 200 000 networks per point in the full profile, with five
# seeds; the depth study's 10 000 networks are our choice, as the paper's number is not known to us.
#
# **Training** is ours altogether and carries no verdict.
#
# ## Try it yourself
#
# - Put `PROFILE = "full"` and run the page again; the runs that are recorded already are not repeated.
# - Draw $\varphi_\theta$ for your own $\theta$: `phi(z, theta=3.3)`. What happens at $\theta = 2.0001$?
# - `ks_of_product(theta, kind)` integrates the law of $W\varphi_\theta(Z)$. Try a wrong pair: $\varphi_3$
#   with the Weibull weights of $\theta = 4$.

# %%
distance = max(ks_of_product(3.3, "odd"), 1e-9)
f"KS distance of W·φ(Z) to N(0, 1) at θ = 3.3: at most {distance:.0e}"

# %% [markdown]
# (preact-exercises)=
# ## Exercises
#
# ```{exercise} From one width to one equation
# :label: ex-preact-cramer
#
# Cramér's theorem says that if a sum of independent variables is Gaussian, each of them is. Suppose
# {eq}`preact-layer` gives a Gaussian $Z^{l+1}_i$ for **one** width $n$, with independent $Z^l_j$ and no bias.
# Show that {eq}`preact-equation` holds up to scale.
# ```
#
# ```{solution} ex-preact-cramer
# :class: dropdown
#
# The $n$ summands $W_{ij}\varphi(Z_j)$ are independent and identically distributed. Their sum
# is Gaussian, so by Cramér each summand is. All have the same law, with mean 0 by the symmetry of $W$, and
# variance $n/n = 1$ if $Z^{l+1}_i$ has variance 1. So one width is enough to force the equation for all.
# ```
#
# ```{exercise} The tail exponent
# :label: ex-preact-tails
#
# Let $P(|W|>t) = e^{-t^\theta}$ and $P(A>t)\approx e^{-ct^{\theta'}}$. Find the exponent $\beta$ of the tail of
# $|W|A$, and the $\theta'$ for which $\beta = 2$.
# ```
#
# ```{solution} ex-preact-tails
# :class: dropdown
#
# $P(|W|A>t) \approx \max_a \exp(-c a^{\theta'} - (t/a)^\theta)$. At the best $a$ both terms are of one order:
# $a^{\theta'}\propto (t/a)^{\theta}$, so $a \propto t^{\theta/(\theta+\theta')}$, and the exponent is
# $\beta = \theta\theta'/(\theta+\theta')$, that is $1/\beta = 1/\theta+1/\theta'$. With $\beta=2$:
# $\theta' = 2\theta/(\theta-2)$, which needs $\theta>2$. Since $Z^2$ has exponent 2 in the same sense,
# $\varphi_\theta(z)$ grows like $z^{2/\theta'} = z^{1-2/\theta}$.
# ```
#
# ```{exercise} The second moment
# :label: ex-preact-moment
#
# Show $\mathbb E[A^2] = 1/\Gamma(1+2/\theta)$ without integrating the density of $A$. Why must one
# *not* rescale the Weibull weights to variance 1?
# ```
#
# ```{solution} ex-preact-moment
# :class: dropdown
#
# $|G| = |W|A$ with independent factors, so $1 = \mathbb E G^2 = \mathbb E W^2\,\mathbb E A^2$, and $\mathbb E W^2 =
# \mathbb E[E^{2/\theta}] = \Gamma(1+2/\theta)$ for an exponential $E$. Rescaling $W$ alone would
# break the product: the variance that is missing in $W$ is in $\varphi_\theta$ already.
# ```
#
# ```{exercise} The slope at zero
# :label: ex-preact-slope
#
# From the series of the density, $f_A(0) = \sqrt{2/\pi}\,/\,\Gamma(1-1/\theta)$. Deduce the slope of
# $\varphi^\circ_\theta$ at 0, and check it numerically.
# ```
#
# ```{solution} ex-preact-slope
# :class: dropdown
#
# Near 0, $F_A(x)\approx f_A(0)x$ and $2\Phi(z)-1\approx\sqrt{2/\pi}\,z$, so
# $\varphi^\circ_\theta(z)\approx \Gamma(1-1/\theta)\,z$. Numerically `phi(1e-4, 3.0) / 1e-4` gives 1.3541.
# ```

# %%
print(f"slope at 0 for θ = 3: {phi(np.array(1e-4), 3.0) / 1e-4:.4f}")

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
