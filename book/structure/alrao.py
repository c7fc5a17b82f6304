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
# # Learning with random learning rates
#
# *Which learning rate? All of them, one for each unit.*
#
# A learning rate that is too small learns nothing, one that is too large destroys what was learnt, and between the
# two there are often only two decades. So one searches. {cite:t}`blier2019learning` do not: they draw the
# rate of **every unit** at random, once, over six decades, and train the network as it is. Most units then have a
# useless rate. Some have a good one, and it turns out that these suffice.
#
# ```{admonition} What the paper claims
# :class: tip
# - Without any tuning, **Alrao** (*all learning rates at once*) comes within a point or two of SGD at its best
#   rate (C1, C5 to C7), follows it from the first epochs (C3), and never fails (C2).
# - The interval of the rates matters little (C4). Rates must be drawn per unit, not per weight (C8); on top of Adam
#   they are unreliable (C9); wider networks are not needed (C10).
# - The output layer, for which random rates would be unfair to some classes, becomes several copies, of which one
#   is soon chosen (C11); that is the only overhead (C12).
# - Networks bear that many units do not learn (C13), and which units are dispensable depends on the layer (C14).
# - With one copy and one rate Alrao is SGD (C15).
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
from torch import nn

from startright import alrao, pages
from startright.alrao import figures, studies, tables
from startright.alrao.catch_up import catch_up, delay
from startright.alrao.switch import switch_update
from startright.figures import use_style
from startright.models import MLP
from startright.seeds import generator
from startright.studies import live, recorded

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds on a laptop, "full" on one GPU
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% [markdown]
# ## One rate a unit
#
# A **unit** is a neuron of a linear layer, a filter of a convolution, a channel of a normalisation. Its
# parameters are the weights that come into it and its bias. Each unit draws
#
# $$
# \eta = e^{U}, \qquad U \sim \mathcal U\bigl(\ln\eta_{\min}, \ln\eta_{\max}\bigr),
# $$ (alrao-law)
#
# before training, and keeps it. The step is that of SGD with this $\eta$ in place of a common one. By default
# $[\eta_{\min},\eta_{\max}] = [10^{-5}, 10]$: one unit in six has a rate above 1, and one in three a rate below
# $10^{-3}$. (The density is $1/(\eta\ln(\eta_{\max}/\eta_{\min}))$; the constant printed in the paper is a misprint.)

# %% mystnb={"figure": {"caption": "Left: 20 000 rates drawn from $[10^{-5}, 10]$. Right: the rates of a network of two hidden layers of 128 units with batch normalisation. Each stroke is a unit; the scales of the normalisation have rates of their own.", "name": "fig-alrao-rates"}, "image": {"alt": "Left: a flat histogram of the logarithm of the rate between minus five and one. Right: four rows of coloured strokes in random order, dark for slow units and light for fast ones."}}
interval = (1e-5, 10.0)
net = MLP((64, 128, 128, 10), batch_norm=True)
unit_rates = alrao.unit_rates(net, interval, generator=generator(SEED, "rates"))
draws = alrao.LogUniform(*interval).sample((20_000,), generator(SEED, "histogram"))
hidden = {name: rate for name, rate in unit_rates.items() if not name.startswith("layers.6")}
_ = figures.rates(hidden, draws, interval)
plt.show()

# %% [markdown]
# ## Many heads
#
# The output layer is different. Its units are the classes, and a class whose unit is slow would never be predicted.
# So the layer is replaced by $N$ copies, or **heads**, with the rates
#
# $$
# \eta_j = \eta_{\min}\,(\eta_{\max}/\eta_{\min})^{(j-1)/(N-1)}, \qquad j = 1,\dots,N,
# $$ (alrao-heads)
#
# the same for all classes of a head. Each head learns from its own loss, as if it were alone. The network predicts
# with their mixture, $p(y\mid x) = \sum_j a_j\,p_j(y\mid z)$, where $z$ are the features below the heads, and
# everything below learns from the mixture's loss. A head therefore counts for the backbone by its *responsibility*
# $r_{j} \propto a_j\,p_j(y\mid z)$. For linear heads both kinds of gradient come in closed form from one forward
# pass (`startright.alrao.mixture`).
#
# ## Switch
#
# The weights $a_j$ come from a Bayesian rule. Plain Bayes multiplies each weight by the likelihood of what was
# seen, and is slow to change its mind: a head that was bad for a thousand minibatches needs a thousand good ones to
# make up for it. **Switch** {cite}`vanerven2007catching` puts its prior on *sequences* of heads instead, so that the best
# head may change. All sequences that now use head $k$ share their future, and two masses a head are enough:
# $A_k$, of those that will switch again, and $B_k$, of those that will not.

# %%
pages.source(switch_update)

# %% mystnb={"figure": {"caption": "Model 1 is better by 0.2 nat an outcome for 1000 outcomes, then model 2. Switch follows within 27 outcomes; plain Bayes first has to unlearn a thousand.", "name": "fig-alrao-catch-up"}, "image": {"alt": "Weight of model 2 against the number of outcomes. Switch rises to one just after outcome 1000; Bayes stays at zero until outcome 2000."}}
weights = catch_up(gain=0.2, change=1000, total=2200)
_ = figures.catch_up(weights, change=1000)
plt.show()

# %%
{f"{gain} nat": delay(catch_up(gain, 1000, 2200)["Switch"], 1000) for gain in (0.05, 0.2, 1.0)}

# %% [markdown]
# One outcome is one minibatch, with the *mean* log-likelihood of its examples. The sum would make the weights as
# many times too sure of themselves as the batch has examples.
#
# ## Two lines
#
# All of this is two lines on any module:

# %%
backbone = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU())
model, optimizer = alrao.wrap(backbone, lambda: nn.Linear(128, 10), interval=(1e-5, 10.0), seed=SEED)

# %% [markdown]
# `model.training_step(x, y, optimizer)` then does forward pass, gradients, parameters and Switch, in this order, so
# that a minibatch is always predicted before it is learnt from:

# %%
pages.source(alrao.Alrao.fit_features)

# %% [markdown]
# (sec-alrao-identity)=
# ### Is it SGD when it should be?
#
# With one head and an interval of a single rate nothing random is left. The study trains both, Alrao and torch's own
# optimizer, on the same batches, and keeps the largest difference of a batch loss over five epochs.

# %%
identity = live(studies.IDENTITY, PROFILE, device=DEVICE, first_seed=SEED)
tables.identity(identity)

# %% [markdown]
# So the grid of SGD below is computed by the same code, and with it in one program: every run of the grid is a model
# with one head and an interval of one rate.
#
# (tab-alrao-parameters)=
# ### What do the heads cost?

# %%
counts = live(studies.COUNTS, PROFILE)
tables.parameters(counts)

# %% [markdown]
# Little for a network with ten classes; a multiple of the network for one that predicts ten thousand words. The rates
# take as much memory as the weights, while SGD without momentum needs none.
#
# ## Against SGD at its best rate
#
# Now the main experiment, at two scales. In front of you: scikit-learn's digits, a network of 64-128-128 units with batch
# normalisation, batches of 32, ten epochs. No momentum, no weight decay, no schedule, as in the paper.

# %%
learning_live = live(studies.LEARNING, PROFILE, device=DEVICE, first_seed=SEED)
learning_full = recorded(studies.LEARNING, "full")

# %% mystnb={"figure": {"caption": "Loss by epoch on digits: SGD at seven rates, Adam at $10^{-3}$, and Alrao on $[10^{-5}, 10]$ with ten heads. Dotted: guessing.", "name": "fig-alrao-learning"}, "image": {"alt": "Training and test loss against the epoch. Alrao falls together with SGD at 0.1 and 1; SGD at 1e-5 and 1e-4 hardly moves, SGD at 10 stays above guessing."}}
_ = figures.learning(learning_live)
plt.show()

# %%
tables.methods(learning_live)

# %% [markdown]
# Then CIFAR-10 with the paper's split (40 000 training images), its augmentation and its batches of 32. The paper's networks
# need a GPU, and these records were made on two processor cores: they hold a **VGG19 at a quarter of its
# width** after **one epoch**. Compare shapes with the paper, not values.

# %% mystnb={"figure": {"caption": "Test loss on CIFAR-10 after one epoch of a narrow VGG19, against the rate of SGD; lines: Alrao and Adam.", "name": "fig-alrao-by-rate"}, "image": {"alt": "A valley: SGD's test loss is near guessing at 1e-5, lowest at 1e-2 and rises again to 10; the lines of Alrao and Adam lie a fifth of a nat above the bottom, as low as SGD at 1e-3."}}
_ = figures.by_rate(learning_full or learning_live)
plt.show()

# %%
tables.methods(learning_full or learning_live)

# %% [markdown]
# In training loss Alrao is beside the best rate from the first epoch; on the test set it is seven points behind, and before
# Adam. A narrow network has few units in each decade of rates, and one epoch does not let the running statistics of the
# normalisations settle.
#
# (tab-alrao-main)=
# The paper's own table, for the networks it trained to the end (50 to 150 epochs; loss in nats, accuracy in %):

# %% tags=["hide-input"]
tables.published()

# %% [markdown]
# ## Which head wins?
#
# The weights $a_j$ over a training, on a logarithmic axis. In the paper's GoogLeNet the fast heads are gone within a few
# minibatches, $\eta=0.1$ leads around step 30, and from step 125 on $\eta=0.02$ has nearly everything.

# %% mystnb={"figure": {"caption": "Weights of the ten heads on digits, one run.", "name": "fig-alrao-switch"}, "image": {"alt": "Ten curves against the number of minibatches. All start at one tenth; the fastest heads fall at once, a middle one rises to nearly one."}}
_ = figures.switch(next(r for r in learning_live if r.config["heads"] > 1))
plt.show()

# %% mystnb={"figure": {"caption": "The same for the narrow VGG19 on CIFAR-10.", "name": "fig-alrao-switch-full"}, "image": {"alt": "The heads with the largest rates fall within a few minibatches; one head after another leads, and the last one takes nearly all the weight."}}
_ = figures.switch(next(r for r in learning_full or learning_live if r.config["heads"] > 1))
plt.show()

# %% [markdown]
# ## Which interval?
#
# A method without a learning rate that has two bounds in its place would be no progress if these had to be tuned.
# The map shows the training loss for every pair of bounds; the diagonal is SGD.

# %% mystnb={"figure": {"caption": "Training loss on digits in the sixth epoch by interval.", "name": "fig-alrao-intervals"}, "image": {"alt": "A triangle of cells. Cells whose upper bound is 0.1 or more are light, with a small loss; cells below 1e-3 are dark."}}
intervals_live = live(studies.INTERVALS, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.intervals(intervals_live)
plt.show()

# %% mystnb={"figure": {"caption": "Training loss of the first epoch on CIFAR-10 by interval: a narrow VGG19 here, GoogLeNet in the paper.", "name": "fig-alrao-intervals-full"}, "image": {"alt": "Two triangles of the same shape, ours and the paper's: a large loss where the upper bound is 1e-3, a small one in all cells whose interval holds 0.1."}}
intervals_full = recorded(studies.INTERVALS, "full")
_ = figures.intervals(intervals_full or intervals_live, published=bool(intervals_full))
plt.show()

# %% [markdown]
# What counts is whether the interval *holds* a good rate. On digits that is anything from 0.1 to 1, for the paper's
# GoogLeNet 0.1. The narrow VGG19 has its best rate at 0.01: the four intervals around it lie within 0.1 nat of one
# another, those that end below it or begin above it do not reach them.
#
# ## A unit, or a weight?
#
# Why not one rate for each *weight*? This is the experiment that can be repeated exactly: the same text, the
# Penn Treebank by characters, and the same network, two LSTM layers of 100 units. One epoch separates the settings.

# %% mystnb={"figure": {"caption": "Test loss of the character LSTM after one epoch; every point is a seed, crosses are the means of the paper's ten runs.", "name": "fig-alrao-granularity"}, "image": {"alt": "Four rows of points. With the interval up to 100 a rate a unit and a rate a weight are close together; with the interval up to 10000 a rate a weight is far worse."}}
granularity = recorded(studies.GRANULARITY, "full")
if granularity:
    _ = figures.granularity(granularity)
    plt.show()

# %%
tables.granularity(granularity) if granularity else "not yet run"

# %% [markdown]
# With a very large $\eta_{\max}$ a rate a weight fails: nearly every unit then has *some* weight that moves wildly. With a
# rate a unit the wild units are few, and the layers above can learn to ignore them.
#
# (tab-alrao-text)=
# The same network against SGD and Adam, after one epoch. (The paper trains for about 300: 1.67 bits for Alrao, 1.57 for SGD.)

# %%
text = recorded(studies.TEXT, "full")
tables.text(text) if text else "not yet run"

# %% [markdown]
# After one epoch Alrao and SGD at the paper's best rate cannot be told apart, and Adam is ahead of both: its lead is one of speed, as the
# paper has it behind SGD after 300.
#
# (tab-alrao-variants)=
# ## On Adam, and wider
#
# Two variants at small scale, with rates a weight beside them. *Alrao on Adam* gives each unit of Adam its own rate; the paper finds that
# the training loss falls while the test loss of GoogLeNet explodes. *Width × 3* asks whether the useless units have to be made
# up for.

# %%
variants_live = live(studies.VARIANTS, PROFILE, device=DEVICE, first_seed=SEED)
variants_full = recorded(studies.VARIANTS, "full")
tables.variants(variants_live)

# %% [markdown]
# The same on all of MNIST, one epoch:

# %%
tables.variants(variants_full) if variants_full else "not yet run"

# %% [markdown]
# Three times the width helps Alrao and SGD by about as much (C10). On $(10^{-3}, 10^{4})$ a rate a weight is behind a rate a unit
# on images too (C8). Alrao on Adam is a little worse than Adam and does not fail: the failures of C9 are those of
# deep networks over many epochs.
#
# ## How many units need to learn?
#
# All of them, one would think. Let each unit learn at a good rate with probability $p$, and
# stay at its initial weights otherwise.

# %% mystnb={"figure": {"caption": "Test accuracy on digits against the fraction of units that learn at all, SGD at 0.1.", "name": "fig-alrao-fraction"}, "image": {"alt": "Accuracy falls by about two points from all units learning to one unit in twenty."}}
_ = figures.fraction(variants_live)
plt.show()

# %% mystnb={"figure": {"caption": "The recorded study on MNIST.", "name": "fig-alrao-fraction-full"}, "image": {"alt": "On MNIST accuracy falls from 97 percent to 95 at one unit in five and 90 at one in twenty."}}
if variants_full:
    _ = figures.fraction(variants_full)
    plt.show()

# %% [markdown]
# A fifth of the units is enough for all but two points. And after training with Alrao: take the units of one layer whose
# rate lies in one decade, put them back to their initial weights, and see what is lost.

# %% mystnb={"figure": {"caption": "Accuracy lost on the test set by resetting the units of a layer whose rates lie in a decade: a narrow VGG19 after one epoch on CIFAR-10.", "name": "fig-alrao-units"}, "image": {"alt": "A heat map with a layer a column and a decade of rates a row. In the first four layers a decade costs up to thirty points; from the ninth layer on hardly any costs more than two, whatever its rate."}}
units_live = live(studies.UNITS, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.units(recorded(studies.UNITS, "full") or units_live)
plt.show()

# %% [markdown]
# It is the layer that decides: in the first four no decade is safe to reset in all of them, in the last eight nearly all are. The
# rate decides less than the paper finds after a whole training: after one epoch slow units of the early layers, which
# still have their initial filters, are as useful as fast ones.
#
# ## Regression
#
# Nothing above needs classes. With a Gaussian likelihood the heads regress. The task is to learn $\sin(\pi u)$ from the
# powers $u, \dots, u^{10}$ with 100 hidden units, without any normalisation.

# %% mystnb={"figure": {"caption": "Squared error on fresh points: Alrao on two intervals and SGD at each rate.", "name": "fig-alrao-regression"}, "image": {"alt": "Squared error against the epoch on a logarithmic axis for Alrao and for SGD at six rates."}}
regression = live(studies.REGRESSION, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.regression(regression)
plt.show()

# %% [markdown]
# (sec-alrao-rl)=
# ## Reinforcement learning
#
# The paper reports two tasks but not the algorithm. Ours is deep Q-learning {cite}`mnih2015human`, the same for every
# method, with rewards divided by ten and five torques for the pendulum, so this shows that Alrao can be used there, and
# reproduces nothing.

# %% mystnb={"figure": {"caption": "Return of the greedy policy at the end of training, by method; points are seeds, bars their means.", "name": "fig-alrao-rl"}, "image": {"alt": "One panel an environment, with a row for SGD at each of three rates, Adam and Alrao. On the pendulum SGD fails below 0.1 and Alrao is near the best; on the lunar lander Alrao lies between SGD at 0.01 and at 0.1, its three seeds far apart."}}
rl = recorded(studies.RL, "full")
if len(rl) == len(studies.RL.runs("full")):
    _ = figures.returns(rl)
    plt.show()

# %% [markdown]
# On the pendulum Alrao swings up as SGD does at its best rate and at no other of the three. On the lunar lander it learns,
# but after ten thousand decisions it is behind SGD at 0.1, with a spread over seeds as large as that distance. Here the
# paper's finding, no difference, is not ours.

# %% [markdown]
# ## Paper against ours

# %%
measured = {
    "alrao-learning": learning_live,
    "alrao-intervals": intervals_live,
    "alrao-variants": variants_live,
}
measured |= {"alrao-units": units_live, "alrao-counts": counts, "alrao-identity": identity}
pages.claims_table("alrao", live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **C1 to C4, C11.** The data, the split, the augmentation and the size of the batch are the paper's. The network is
#   VGG19 at a quarter of its width, and it is trained for one epoch: what two processor cores allow. So these rows read
#   *other set-up*, with the number of checks that hold in it. The paper's networks at full width are the `paper` profile.
# - **C5.** One epoch of about 300.
# - **C6.** ImageNet has to be at hand: `torchrun -m startright.alrao.imagenet --help` trains the paper's three networks.
# - **C8.** The released programs, run with the paper's set-up, learn faster in the first epoch than its figure shows, and so do
#   we. Some setting of the figure is not published; its order is what can be compared.
# - **C7.** Deep Q-learning is our choice, and so are the networks and the number of steps.
# - **C9, C10, C13.** A small network on digits, and on MNIST for one epoch. The paper's failures of Alrao on Adam are those of deep
#   networks on CIFAR-10.
# - **C14.** The narrow VGG19 after one epoch, where the paper's network is trained to the end. One seed.
# - **Details the paper leaves open** are those of the authors' programs: $\theta=0.9999$ in Switch (0.999 in the text), separate
#   rates for the scale and the shift of a normalisation. An LSTM's unit has one rate for its four gates, as in
#   the text; `lstm="per_gate_row"` is the programs' reading.
#
# ## Try it yourself
#
# - Widen the interval to $[10^{-9}, 10^{7}]$ in `alrao.wrap`. When does the share of useful units become too small?
# - Set `norm="tied"`, so that the scale and the shift of a channel share a rate. Does anything change?
# - Give the model a scheduler of torch: `optimizer` has a common factor `lr` for all rates.
#
# ## Exercises
#
# ```{exercise} Why draw the rates once?
# :label: ex-alrao-once
#
# Suppose each unit drew a fresh rate at every step. To which algorithm is this close, and what is the effective rate for
# $[10^{-5}, 10]$?
# ```
#
# ```{solution} ex-alrao-once
# :class: dropdown
#
# On average a step moves the unit by $-\mathbb E[\eta]\,g$: SGD at $\mathbb E[\eta]$ with noise. Here
# $\mathbb E[\eta] = (\eta_{\max}-\eta_{\min})/\ln(\eta_{\max}/\eta_{\min}) = 10/13.8 \approx 0.72$. The large rates
# dominate the mean, so all units would be fast; with rates drawn once, half of the units have $\eta<10^{-2}$.
# ```
#
# ```{exercise} No mass is lost
# :label: ex-alrao-mass
#
# Show that the update of Switch keeps $\sum_k (A_k+B_k)$, and that after it no head has less than
# $h(1-\theta)/N\cdot\sum_j A_j$.
# ```
#
# ```{solution} ex-alrao-mass
# :class: dropdown
#
# Summed over $k$, the $A$'s lose $h\sum A$ and get back $h\theta\sum A$; the $B$'s get $h(1-\theta)\sum A$.
# Together nothing is lost. Every head gets its $N$-th part of what the pool gives, whatever its likelihood, so a head that
# failed once can return.
# ```
#
# ```{exercise} One gradient for two purposes
# :label: ex-alrao-responsibility
#
# Derive the gradient of the mixture's loss with respect to $z$ from those of the heads' losses.
# ```
#
# ```{solution} ex-alrao-responsibility
# :class: dropdown
#
# $-\nabla\log\sum_j a_jp_j = -\sum_j \frac{a_jp_j}{\sum_k a_kp_k}\nabla\log p_j = \sum_j r_j\,\nabla(-\log p_j)$.
# The responsibilities need nothing but the log-probabilities that the heads' own losses need anyway.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
