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
# # Scaling layers and pruning
#
# *Can the width of a layer be found by training, whatever width one begins with?*
#
# *Before you start:* stochastic gradient descent, and how variances of sums add
#
# How many neurons does a layer need? One way to find out is to take too many, to penalise them, and to remove those that
# become small. The answer should then not depend on how many too many one took, nor on the random draw of the start.
# With the usual methods nothing sees to that: all neurons are alike, and which of them are kept is an accident.
#
# {cite:t}`wolinski2019asymmetrical` put the neurons in an order. A fixed **scaling** before each linear map gives late neurons
# less freedom than early ones. One learning rate then does at every width (**ScaLa**, for *scaling layers*), and with a penalty
# the late ones are cheap to lose (**ScaLP**, with pruning). The paper is known to us from its abstract and the slides of a
# defence {cite:p}`wolinski2020structural`: its figures without their numbers. We compare shapes.
#
# ```{admonition} What the paper claims
# :class: tip
# 1. A scaling layer is nothing but a learning rate for each input of a layer (C1), and an equal penalty on what is trained is an
#    unequal one on the weights (C5).
# 2. Signals and first steps stay bounded at every width if and only if the squares of the scaling have a finite sum (C2). The first
#    step of standard SGD grows with the width; that of ScaLa does not (C3), so it trains at $\eta = 1$ at all widths (C4).
# 3. The width that ScaLP leaves does not depend on the width at the start, and is stable between runs; that of its
#    rival, network slimming, depends on it (C6).
# 4. On a large network ScaLP is level with that rival in accuracy for the parameters left (C7). For the best accuracy alone, the scaling
#    should be uniform (C8).
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
import torch
from torch import nn

from startright.book import pages
from startright.figures import use_style
from startright.scalp import (
    figures,
    findings,
    headlines,
    knobs,
    reference,
    scale_,
    schematic,
    sigma,
    studies,
    tables,
)
from startright.scalp.prune import prune_
from startright.studies import complete, live, recorded

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "Hidden neurons in an order. A fixed scaling that decreases with the index stands between each and the next weights $\\tilde w$, which are all trained and penalised alike.", "name": "fig-scalp-method"}, "image": {"alt": "Nine numbered neurons in a row, each under a bar for its scaling; the bars shrink to the right. The first four are marked as left after training, the others as cheap to lose. An arrow leads to a box with the outputs."}} tags=["remove-input"]
schematic.method()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("scalp")

# %% tags=["finding", "remove-input"]
findings.equivalence(complete(studies.EXACT))

# %% tags=["finding", "remove-input"]
headlines.evenness(complete(studies.WIDTH))

# %% tags=["finding", "remove-input"]
headlines.final_width(complete(studies.STABILITY))

# %% [markdown]
# **Use it when** one learning rate must do for networks of many widths, or a width must come out of training and not depend on
# where one began.
#
# **Leave it when** the optimizer forgets the size of the gradient, as Adam does: then it is another
# method; and when only accuracy counts.

# %% [markdown]
# (sec-scalp-step)=
# ## A layer with a scaling
#
# A layer has $N$ inputs $x_k$, the neurons of the layer before. Write its weights on them as $w_k = \sigma_k\tilde w_k$ and train
# $\tilde w$:
#
# $$
# y = \sum_{k=1}^{N} \sigma_k\,\tilde w_k\,x_k + b, \qquad \tilde w_k \sim \mathcal N(0, 1) \text{ at the start.}
# $$ (scalp-layer)
#
# The **scaling** $\sigma_1 \ge \sigma_2 \ge \dots > 0$ is fixed. All $\tilde w_k$ begin alike, and have one learning rate $\eta$.

# %% tags=["remove-input"]
pages.source(reference.layer)

# %% [markdown]
# What runs is [`ScaledLinear`](../api/scalp.md) and, with $\sigma$ by input channel over the root of the size of the filter,
# `ScaledConv2d`; the tests hold the first equal to these lines.
#
# By the chain rule the gradient in $\tilde w_k$ is $\sigma_k$ times that in $w_k$, and $w_k$ moves by $\sigma_k$ times what
# $\tilde w_k$ does. So a step of gradient descent is
#
# $$
# w_k \leftarrow w_k - \eta\,\sigma_k^2\,\frac{\partial L}{\partial w_k},
# $$ (scalp-step)
#
# a learning rate $\eta\sigma_k^2$ for the weights on input $k$. Momentum is linear in the gradients and changes nothing in this; Adam does.
# The study trains both sides from one start, on the same batches, in float64:

# %%
exact_live = live(studies.EXACT, PROFILE, device=DEVICE, first_seed=SEED)

# %% tags=["finding", "remove-input"]
findings.equivalence(exact_live)

# %% [markdown]
# ## Which scalings?
#
# Let inputs, weights and the gradient $g$ at $y$ be independent and standard normal. With $s_2 = \sum_k\sigma_k^2$ and
# $s_4 = \sum_k\sigma_k^4$, and $y'$ for the output after a step,
#
# $$
# \operatorname{Var} y = s_2, \qquad y' - y = -\eta\,g \sum_k \sigma_k^2 x_k^2, \qquad
# \operatorname{Var}(y' - y) = \eta^2\,(s_2^2 + 2 s_4).
# $$ (scalp-variances)

# %% tags=["remove-input"]
pages.source(reference.variances)

# %% [markdown]
# Since $s_4 \le s_2^2$, both stay bounded as $N$ grows if and only if $\sum_k\sigma_k^2 < \infty$. In the **standard
# parametrisation** $w_k \sim \mathcal N(0, 1/N)$ is trained itself. It begins as well, but its first step has the variance
# $\eta^2(N^2 + 2N)$.
#
# The paper has three scalings: **uniform**, $1/\sqrt N$; $1/k$; and $1/(\sqrt k\ln k)$, which decreases about as slowly as the
# condition lets it. The last has no value at $k = 1$, so we begin it at 2:

# %% tags=["remove-input"]
pages.source(reference.scaling)

# %% [markdown]
# Both decreasing ones are divided by the root of the sum over **all** $k$, so that $\sigma_k$ does not depend on $N$. The sum over
# the neurons that there are comes near 1 quickly for $1/k$, and very slowly for the other:

# %%
tables.sums()

# %% mystnb={"figure": {"caption": "Variance of one neuron at the start (left) and of its first step (right) against its inputs. Points are sampled, lines are the closed forms. Which lines level off?", "name": "fig-scalp-variance"}, "image": {"alt": "Two panels against the number of inputs, both axes logarithmic, with a line and points for each of five parametrisations: three scalings, one over root k, and the standard one. Compare, from left to right, which lines stay level and which rise."}}
variance_live = live(studies.VARIANCE, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.variances(variance_live)
plt.show()

# %% [markdown]
# ## One learning rate for all widths?
#
# A network is more than one neuron. Here are digits, 64 → N → 10 with ReLU; of the recorded study, part of CIFAR-10. ScaLa has $\eta = 1$; the
# standard parametrisation has several rates. Behind ReLU, weights have the gain $\sqrt 2$, in both; the
# first layer, whose inputs are pixels and have no order, is scaled uniformly. (Gain and first layer are our choice.)
#
# First, by how much does one step on the first batch move the outputs there?

# %% mystnb={"figure": {"caption": "Root mean square change of the outputs by one step, against the width; mean and spread over seeds.", "name": "fig-scalp-first-step"}, "image": {"alt": "Change of the outputs against the number of hidden neurons, both axes logarithmic. Three coloured lines for ScaLa with its scalings, and grey ones in several styles for the learning rates of the standard parametrisation. Compare their slopes."}}
width_live = live(studies.WIDTH, PROFILE, device=DEVICE, first_seed=SEED)
width_full = complete(studies.WIDTH)
_ = figures.first_step(width_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.first_steps(width_live)

# %% [markdown]
# And how far does training come in the same number of epochs?

# %% mystnb={"figure": {"caption": "Mean training loss of the last epoch against the width, digits.", "name": "fig-scalp-width"}, "image": {"alt": "Training loss against the number of hidden neurons, both axes logarithmic, with the same lines as before. Compare which lines are level."}}
_ = figures.widths(width_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.losses(width_live)

# %% [markdown]
# Note what is *not* said: that the level line is the lowest. On so easy a problem the gradients of the cross-entropy are bounded, and a step
# that is too large for the theory need not harm. ScaLa makes widths alike; it does not make each one fast.

# %% mystnb={"figure": {"caption": "The same on part of CIFAR-10, recorded, behind ReLU and behind the identity.", "name": "fig-scalp-width-full"}, "image": {"alt": "Two panels, for ReLU and for the identity, with the training loss against the number of hidden neurons and the lines as before."}}
if width_full:
    _ = figures.widths(width_full)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.losses(width_full)

# %% tags=["finding", "remove-input"]
findings.rates(width_full)

# %% [markdown]
# (sec-scalp-penalty)=
# ## A penalty that knows the order
#
# Now penalise. Let $\tilde w_{k\to}$ be the weights of the next layer on neuron $k$, the ones that leave it, and call
# $m_k = \lVert w_{k\to}\rVert_2$ the **usefulness** of the neuron. The same penalty on all $\tilde w$ is an
# asymmetric one on the neurons,
#
# $$
# \sum_k \lVert\tilde w_{k\to}\rVert^2 = \sum_k \frac{m_k^2}{\sigma_k^2}, \qquad
# \sum_k \lVert\tilde w_{k\to}\rVert = \sum_k \frac{m_k}{\sigma_k}.
# $$ (scalp-penalty)
#
# The first is the L2 penalty, the second the **group lasso** {cite:p}`yuan2006model`, which alone makes exact zeros. It has a corner at
# 0, and is best followed by a **proximal step** after each of the optimizer:
#
# $$
# \tilde w_{k\to} \leftarrow \max\Bigl(0,\; 1 - \frac{\eta\lambda}{\lVert\tilde w_{k\to}\rVert}\Bigr)\,\tilde w_{k\to} .
# $$ (scalp-prox)

# %% tags=["remove-input"]
pages.source(reference.shrink)

# %% [markdown]
# What runs is [`ColumnLasso`](../api/scalp.md), for many networks at once, tested equal; `in_loss=True` puts the penalty in the loss instead, as in
# the paper, and leaves small numbers for the pruning rule to find.
#
# **Why the width should settle.** A neuron at 0 stays there as long as $\lVert\partial\ell/\partial w_{k\to}\rVert \le \lambda/\sigma_k$, where $\ell$ is the loss
# without the penalty. If no useful gradient is larger than $G$, only neurons with $\sigma_k > \lambda/G$ can live: with $\sigma_k = c/k$ about the first $cG/\lambda$,
# whatever $N$ is. With the uniform scaling the bar is $\lambda\sqrt N$ for every neuron. None is preferred, and it rises with $N$.
#
# **And when.** A group that nothing needs loses $\eta\lambda$ of its norm a step, from about the root of its size. So it takes
# $\sqrt{\text{fan-out}}/(\eta\lambda)$ steps to vanish: whoever stops before finds that the width depends on where it began, with any method.
#
# A neuron is removed by its usefulness, per outgoing weight:

# %% tags=["remove-input"]
pages.source(reference.survivors)

# %% [markdown]
# With the proximal step $\varepsilon$ can be 0. Removing is surgery: the row of the neuron goes, its normalisation, its column in the
# next layer, its $\sigma_k$ and the optimizer's memory of all these. What stays keeps its $\sigma_k$; nobody moves up. On a network of your own:

# %%
net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
scale_(net, "1/(√k ln k)", example=torch.ones(2, 64))
net[2].weight.data[:, 5:] = 0  # as if training had left five
pruned = prune_(net, epsilon=0, example=torch.ones(2, 64))
kept = torch.equal(net[2].sigma, sigma("1/(√k ln k)", 5).float())
f"neurons before and after, by layer: {pruned.widths}; their scaling is kept: {kept}"

# %% [markdown]
# ## Does the final width forget the initial one?
#
# The rival is **BN-Lasso**, or network slimming {cite:p}`liu2017slimming`: a batch normalisation behind the hidden layer, an L1 penalty on its
# scales $\gamma_k$, and out with those that become small. Its paper removes a fixed share, which makes the final width proportional to the
# first by construction; so we remove those with $\lvert\gamma_k\rvert$ below a threshold, here $10^{-2}$. It keeps its own settings: learning rate 0.1, momentum and weight decay. <!-- setting -->
# ScaLP has plain SGD at $\eta = 1$, and $\lambda = 10^{-2}$ on the columns of both layers.

# %% mystnb={"figure": {"caption": "Neurons left (left) and accuracy of what is left (right) against the width at the start, digits; mean and spread over seeds.", "name": "fig-scalp-final-width"}, "image": {"alt": "Two panels against the width at the start on a logarithmic axis: neurons left, with a dotted diagonal where all are left, and test accuracy. A line with a band for each of ScaLP with three scalings, and BN-Lasso. Compare which lines are level."}}
stability_live = live(studies.STABILITY, PROFILE, device=DEVICE, first_seed=SEED)
stability_full = complete(studies.STABILITY)
_ = figures.final_width(stability_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.final_width(stability_live)

# %% mystnb={"figure": {"caption": "The same on part of MNIST, recorded.", "name": "fig-scalp-final-width-full"}, "image": {"alt": "The same two panels from the recorded runs on MNIST, to larger widths."}}
if stability_full:
    _ = figures.final_width(stability_full)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.final_width(stability_full)

# %%
tables.left(stability_full or stability_live)

# %% [markdown]
# Who dies, and when? Each panel below is a method; in it time goes upwards, and a column is a neuron.

# %% mystnb={"figure": {"caption": "Neurons alive by index (horizontal) and epoch (vertical), as a share of the runs, from 200 neurons at the start, digits.", "name": "fig-scalp-dying"}, "image": {"alt": "Four panels, one per method, with the index of the neuron against epochs; dark where the neuron is alive in most runs, white where it is gone in all. Compare whether the dark cells gather at one side."}}
_ = figures.dying(stability_live, width=200)
plt.show()

# %% mystnb={"figure": {"caption": "Indices of the neurons left, a row per run, by the width $N$ at the start (black line), digits.", "name": "fig-scalp-survivors"}, "image": {"alt": "For each width at the start, marks at the indices of the neurons that are left on a logarithmic axis, a row per run, in four groups by method, with a line at the width. Panels by N: 50, 200, 400."}} tags=["hide-input", "slider"]
knobs.survivors(stability_live, (50, 200, 400))

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.indices(stability_live)

# %% [markdown]
# ## What does it cost?
#
# A width that settles is worth little if nothing good is left. Over the strength of the penalty, each method draws a curve of
# accuracy against parameters. The paper's is that of VGG19 on CIFAR-10; it is the profile `paper`, and comes last. Here are a hundred hidden
# neurons on digits; below, as recorded, hidden neurons on MNIST and VGG19 of width ¼.

# %% mystnb={"figure": {"caption": "Test accuracy of what is left against its parameters, digits, 100 hidden neurons at the start; a point per run, a line per method over three $\\lambda$.", "name": "fig-scalp-pareto"}, "image": {"alt": "Accuracy against the number of parameters left on a logarithmic axis. Small points are runs; four lines, three scalings of ScaLP and BN-Lasso, join their means from strong to weak penalties. Compare which line is highest for equal parameters."}}
pareto_live = live(studies.PARETO, PROFILE, device=DEVICE, first_seed=SEED)
pareto_full = complete(studies.PARETO)
_ = figures.pareto(pareto_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.pareto(pareto_live)

# %% [markdown]
# VGG19 has a quarter of its channels, 1000 images of CIFAR-10 seen five times in batches of 16, and two values of $\lambda$ a method: as far as two processor
# cores go. <!-- setting --> That is some hundred steps, fewer than a group of weights needs to vanish under a $\lambda$ that lets the network learn.

# %% mystnb={"figure": {"caption": "The recorded studies: test accuracy of what is left against its parameters, a panel per network; a point per run, a line per method over $\\lambda$.", "name": "fig-scalp-pareto-full"}, "image": {"alt": "Two panels, one hidden layer on MNIST and VGG19 at width 1/4 on CIFAR-10: accuracy against the number of parameters left on a logarithmic axis, points for runs and a line per method."}}
if pareto_full:
    _ = figures.pareto(pareto_full)
    plt.show()

# %%
tables.accuracies(pareto_full or pareto_live)

# %% tags=["finding", "remove-input"]
findings.pareto(pareto_full)

# %% [markdown]
# And VGG19 as it is, with all its channels, on the 40 000 training images of CIFAR-10 seen four times, by all four methods and with
# $\lambda=0$ among the penalties; recorded on a GPU, with two seeds. <!-- setting --> It learns more, and still not what the paper's learns in a whole training.

# %% mystnb={"figure": {"caption": "VGG19 whole: test accuracy of what is left against its parameters; a point per run, a line per method over $\\lambda$.", "name": "fig-scalp-pareto-whole"}, "image": {"alt": "Accuracy against the number of parameters left. Points near all of the parameters are highest, those of the uniform scaling highest of all; accuracy falls to chance as parameters go."}}
pareto_whole = recorded(studies.PARETO, "paper")
_ = figures.pareto(pareto_whole)
plt.show()

# %%
tables.accuracies(pareto_whole)

# %% tags=["finding", "remove-input"]
findings.pareto(pareto_whole)

# %% [markdown]
# ## Paper against ours

# %% tags=["nbval-ignore-output"]
measured = {
    "scalp-exact": exact_live,
    "scalp-variance": variance_live,
    "scalp-width": width_live,
    "scalp-stability": stability_live,
    "scalp-pareto": pareto_live,
}
pages.claims_table("scalp", live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **No numbers to compare with.** The paper's figures are known to us without their numbers. The ledger judges slopes, ratios and orders; no
#   check is held against a published value.
# - **Our choices.** The shift of $1/(\sqrt k\ln k)$, the gain behind ReLU, $\lambda$, $\varepsilon$, how long one trains, and groups that are not weighted by their sizes: the
#   source does not tell.
# - **Size.** The recorded study of widths stops at 3000 neurons and sees 2000 images of CIFAR-10 three times; that of final widths sees 10 000 images of
#   MNIST ten times. <!-- setting --> The profile `paper` has 100 000 neurons and all images.
# - **C3 on CIFAR-10.** One step moves the outputs through both layers: through the second by a share that goes as $\eta N$, through the first by
#   one that goes as $\eta$ times the number of pixels, 3072, whatever $N$ is. Below that width the second share is the smaller, and the growth is hidden. <!-- theory -->
# - **BN-Lasso** has a normalisation, momentum and a decayed weight that ScaLP has not. What the two differ in is the whole recipe, not only the order of the neurons.
# - **VGG19** is run at width ¼, on few images and for few steps, and whole for four epochs. <!-- setting --> That is short for a penalty that empties a group in
#   $\sqrt{\text{fan-out}}/(\eta\lambda)$ steps: what learns keeps nearly all parameters. With two seeds C7 and C8 are undecided there.
#
# ## Try it yourself
#
# - Give `sigma` a scaling of your own, such as `lambda k: k**-0.75`. Is its sum of squares finite?
# - Halve the epochs of the study of final widths. Which method notices first?
# - Put `scale_` before training a network of yours, and `fold_` after it.
#
# ## Exercises
#
# ```{exercise} Necessary and sufficient
# :label: ex-scalp-variance
#
# Show from {eq}`scalp-variances` that both variances stay bounded as $N\to\infty$ if and only if $\sum_k\sigma_k^2<\infty$. Is the uniform scaling
# such a sequence?
# ```
#
# ```{solution} ex-scalp-variance
# :class: dropdown
#
# $\operatorname{Var} y = s_2$ is bounded only if the sum is finite. If it is, $s_4\le s_2^2$ bounds the second by $3\eta^2s_2^2$. The uniform
# scaling is no one sequence: $\sigma_k = 1/\sqrt N$ changes with $N$. For each $N$ it has $s_2 = 1$ and $s_4 = 1/N$, so it is bounded too.
# ```
#
# ```{exercise} The uniform scaling in disguise
# :label: ex-scalp-glorot
#
# Show that the uniform scaling with the learning rate $\eta$ is the standard parametrisation with weights from $\mathcal N(0, 1/N)$ and another
# learning rate. Which?
# ```
#
# ```{solution} ex-scalp-glorot
# :class: dropdown
#
# By {eq}`scalp-step` with $\sigma_k^2 = 1/N$ the rate is $\eta/N$ for all weights of the layer; biases keep $\eta$. So ScaLa at $\eta = 1$ knows
# what a user of standard SGD finds by hand: that the rate must fall with the width.
# ```
#
# ```{exercise} L2 does not prune
# :label: ex-scalp-l2
#
# Under the L2 penalty and SGD on $\tilde w$, how fast do the $w_k$ shrink where the loss has no gradient? Where then is the asymmetry?
# ```
#
# ```{solution} ex-scalp-l2
# :class: dropdown
#
# A step multiplies every $\tilde w_k$ by $1-2\eta\lambda$, and so every $w_k$: all shrink at one rate, and none comes to 0. The force on $w_k$ is
# $2\lambda w_k/\sigma_k^2$, but its learning rate is $\eta\sigma_k^2$. The asymmetry is in what opposes it: the gradient of the loss reaches $w_k$ with
# the factor $\sigma_k^2$.
# ```
#
# ```{exercise} How many survive?
# :label: ex-scalp-count
#
# Let useful gradients be at most $G$. How many neurons can live under $\sigma_k = c/k$, and how many under $c/(\sqrt k\ln k)$, as $\lambda\to0$?
# ```
#
# ```{solution} ex-scalp-count
# :class: dropdown
#
# Those with $\sigma_k>\lambda/G$. For the first $k<cG/\lambda$. For the second $\sqrt k\ln k<cG/\lambda$, so $k$ is about
# $(cG/\lambda)^2/(4\ln^2(cG/\lambda))$: more, and nearly the square. Neither knows $N$.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
