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
# *Before you start:* stochastic gradient descent and the cross-entropy of a classifier
#
# A learning rate that is too small learns nothing, one that is too large destroys what was learnt, and between the
# two there is often little to choose from. So one searches. {cite:t}`blier2019learning` do not: they draw the
# rate of every {term}`unit` of a network at random, once, over six decades, and train the network as it is. Most units then
# have a useless rate. Some have a good one, and these, the authors find, suffice.
#
# ```{admonition} What the paper claims
# :class: tip
# - Without any tuning, **Alrao** (*all learning rates at once*) comes within a point or two of SGD at its best
#   rate (C1, C5 to C7), follows it from the first epochs (C3), and never fails (C2).
# - The interval of the rates matters little (C4). Rates must be drawn per unit, not per weight (C8); on top of Adam
#   they are unreliable (C9); wider networks are not needed (C10).
# - The output layer, for which random rates would be unfair to some classes, becomes several copies, called
#   *heads*, of which one is soon chosen (C11); that is the only overhead (C12).
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

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
from torch import nn

from startright import alrao
from startright.alrao import figures, findings, headlines, knobs, reference, schematic, studies, tables
from startright.alrao.catch_up import catch_up, delay
from startright.book import pages
from startright.figures import use_style
from startright.models import MLP
from startright.seeds import generator
from startright.studies import complete, live, recorded

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "Alrao. Colours are learning rates, from slow (dark) to fast (light).", "name": "fig-alrao-method"}, "image": {"alt": "Three columns of units, each unit with a colour of its own, feed N heads of N colours; weights lead from the heads to one mixture, which predicts, and whose gradient goes back to the units."}} tags=["remove-input"]
schematic.method()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("alrao")

# %% tags=["finding", "remove-input"]
headlines.no_search(complete(studies.LEARNING))

# %% tags=["finding", "remove-input"]
headlines.one_head(complete(studies.SELECTION))

# %% tags=["finding", "remove-input"]
headlines.on_text(complete(studies.TEXT))

# %% [markdown]
# **Use it when** a classifier is new and nobody knows its rate: one run takes the place of a search, and the leading
# head tells which rates matter.
#
# **Leave it when** the rate is known, when the last point of accuracy counts, or when the output layer is most of the network, as
# in models of words.

# %% [markdown]
# ## One rate per unit
#
# A **unit** is a neuron of a linear layer, a filter of a convolution, a channel of a normalisation. Its
# parameters are the weights that come into it and its bias. Before training each unit draws a learning rate
# [$\eta$](#notation-alrao) between two bounds, $\eta_{\min}$ and $\eta_{\max}$, by the {term}`log-uniform law`: with $U$ uniform,
#
# $$
# \eta = e^{U}, \qquad U \sim \mathcal U\bigl(\ln\eta_{\min}, \ln\eta_{\max}\bigr),
# $$ (alrao-law)
#
# and keeps it. The step is that of SGD with this $\eta$ in place of a common one. By default
# $[\eta_{\min},\eta_{\max}] = [10^{-5}, 10]$: one unit in six has a rate above 1, and one in three a rate below
# $10^{-3}$. {numref}`fig-alrao-rates` shows a draw, and how it lies in a network.
#
# :::{margin}
# The density is $1/(\eta\ln(\eta_{\max}/\eta_{\min}))$; the constant printed in the paper is a misprint.
# :::

# %% mystnb={"figure": {"caption": "Left: 20 000 rates drawn from $[10^{-5}, 10]$. Right: the rates of a network of two hidden layers of 128 units with batch normalisation. Each stroke is a unit; the scales of the normalisation have rates of their own.", "name": "fig-alrao-rates"}, "image": {"alt": "Left: a flat histogram of the logarithm of the rate between minus five and one. Right: four rows of coloured strokes in random order, dark for slow units and light for fast ones."}}
interval = (1e-5, 10.0)
net = MLP((64, 128, 128, 10), batch_norm=True)
unit_rates = alrao.unit_rates(net, interval, generator=generator(SEED, "rates"))
draws = alrao.LogUniform(*interval).sample((20_000,), generator(SEED, "histogram"))
hidden = {name: rate for name, rate in unit_rates.items() if "layers.6" not in name}
_ = figures.rates(hidden, draws, interval)
plt.show()

# %% [markdown]
# ## Many heads
#
# The output layer is different. Its units are the classes, and a class whose unit is slow would never be predicted.
# So the layer is replaced by $N$ copies, or {term}`heads <head>`, with the rates
#
# $$
# \eta_j = \eta_{\min}\,(\eta_{\max}/\eta_{\min})^{(j-1)/(N-1)}, \qquad j = 1,\dots,N,
# $$ (alrao-heads)
#
# the same for all classes of a head. Each head learns from its own loss, as if it were alone. Call $z$ the features of
# an input $x$, which the network below the heads, the {term}`backbone`, gives to all of them, and $p_j(y\mid z)$ the probability
# of the class $y$ by head $j$. The network predicts with the mixture of its heads,
# $p(y\mid x) = \sum_j a_j\,p_j(y\mid z)$, whose weights $a_j$ add up to 1, and the backbone learns from the mixture's loss. A head
# therefore counts for the backbone by its {term}`responsibility` $r_{j} \propto a_j\,p_j(y\mid z)$.
#
# :::{margin}
# For linear heads both kinds of gradient come in closed form from one forward pass (`startright.alrao.mixture`).
# :::
#
# ## Switch
#
# The weights $a_j$ come from a Bayesian rule. Plain Bayes multiplies each weight by the likelihood of what was
# seen, and is slow to change its mind: a head that was bad for a thousand minibatches needs a thousand good ones to
# make up for it. {term}`Switch` {cite}`vanerven2007catching` puts its prior on *sequences* of heads instead, so that the best
# head may change. Such a sequence keeps to one head for a stretch of outcomes. A stretch that has lasted until outcome $t$ ends there with
# the probability [$h$](#notation-alrao), and with the probability $\theta$ it is followed by another. All sequences
# that now use head $k$ share their future, so two shares per head are enough: [$A_k$](#notation-alrao), of those that will switch
# again, and $B_k$, of those that will not. The weight is $a_k = A_k + B_k$. After outcome $t$, to which head $k$ gives the likelihood $p_k$,
#
# $$
# A_k \leftarrow (1-h)\,A_k\,p_k + \tfrac{\theta}{N}\,h\textstyle\sum_j A_j\,p_j, \qquad
# B_k \leftarrow B_k\,p_k + \tfrac{1-\theta}{N}\,h\textstyle\sum_j A_j\,p_j, \qquad h = \tfrac1{t+1},
# $$ (alrao-switch)
#
# and both are divided by their sum over all heads. In lines:

# %% tags=["remove-input"]
pages.source(reference.switch_update)

# %% [markdown]
# What runs is [`switch_update`](../api/alrao.md), which takes logarithms and many mixtures at once; the tests hold it
# equal to these lines. {numref}`fig-alrao-catch-up` sets it beside plain Bayes where the best model changes.

# %% mystnb={"figure": {"caption": "For the first thousand outcomes model 1 is better, then model 2, each time by $g = 0.2$ nat per outcome. Look how soon each rule follows.", "name": "fig-alrao-catch-up"}, "image": {"alt": "Weight of model 2 against the number of outcomes, a curve for Switch and one for plain Bayes; a dotted line marks the outcome at which model 2 becomes the better one."}}
weights = catch_up(gain=0.2, change=1000, total=2200)
_ = figures.catch_up(weights, change=1000)
plt.show()

# %% [markdown]
# How many outcomes after the change does Switch need to prefer model 2? By the gain $g$:

# %%
gains = (0.05, 0.2, 1.0)
{f"{g} nat": delay(catch_up(g, 1000, 2200)["Switch"], 1000) for g in gains}

# %% [markdown]
# In training one outcome is one minibatch, with the *mean* log-likelihood of its examples. The sum would make the weights as
# many times too sure of themselves as the batch has examples.
#
# ## On a network of your own
#
# All of this is two lines on any module, the network without its output layer and a function that makes such a layer:

# %%
backbone = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU())
model, optimizer = alrao.wrap(backbone, lambda: nn.Linear(128, 10), interval, seed=SEED)

# %% [markdown]
# `model.training_step(x, y, optimizer)` then does forward pass, gradients, parameters and Switch, in this order, so
# that a minibatch is always predicted before it is learnt from. With the heads one after another, and their
# weights $a$ from before this minibatch of $B$ examples, a step on classes descends the loss $L$ of the mixture in the backbone and
# the loss $L_j$ of each head in that head,
#
# $$
# L = -\tfrac1B\sum_i \ln\sum_j a_j\,p_j(y_i\mid z_i), \qquad
# L_j = -\tfrac1B\sum_i \ln p_j(y_i\mid z_i):
# $$ (alrao-losses)

# %% tags=["remove-input"]
pages.source(reference.training_step)

# %% [markdown]
# where `descend` is SGD with rates of their own:

# %% tags=["remove-input"]
pages.source(reference.descend)

# %% [markdown]
# The likelihoods that the step returns, as `said.exp()`, are the next outcome for Switch. What runs is
# [`Alrao.training_step`](../api/alrao.md), for all heads at once and for any likelihood; the tests hold a hundred steps
# of the two equal.
#
# (sec-alrao-identity)=
# ### Is it SGD when it should be?
#
# With one head and an {term}`interval` of a single rate nothing random is left. The study trains both, Alrao and torch's own
# optimizer, on the same batches, and keeps the largest difference of a batch loss over five epochs. What is left is
# rounding, whose size depends on the machine, so the table shows a bound that holds it.

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
# Little for a network with ten classes; a multiple of the network for one that predicts ten thousand words. The paper
# prints its counts to the thousand, and SENet18 is not in its table. Its model of words agrees to the last digit if the
# vocabulary has $9999$ words; ours has $10\,000$. For the networks of ImageNet the paper says +50 to +100 %, without the number
# of heads. The rates take as much memory as the weights, while SGD without momentum needs none.
#
# ## Against SGD at its best rate
#
# Now the main experiment, at two scales. In front of you ({numref}`fig-alrao-learning`): scikit-learn's digits, a network of 64-128-128
# units with batch normalisation, batches of 32, ten epochs. No momentum, no weight decay, no schedule, as in the paper.

# %%
learning_live = live(studies.LEARNING, PROFILE, device=DEVICE, first_seed=SEED)
learning_full = complete(studies.LEARNING)

# %% mystnb={"figure": {"caption": "Loss by epoch on digits: SGD at the seven rates from $10^{-5}$ to $10$, Adam at $10^{-3}$, and Alrao on $[10^{-5}, 10]$ with ten heads. Dotted: guessing. Look which rates of SGD the thick red line keeps up with.", "name": "fig-alrao-learning"}, "image": {"alt": "Two panels, training and test loss against the epoch: a thin line for SGD at each rate, dark for slow and light for fast ones, thick lines for Adam and Alrao, and a dotted line at the loss of guessing."}}
_ = figures.learning(learning_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.early(learning_live)

# %% [markdown]
# The first row is SGD at the rate with the least mean loss on the validation images; the column *rate* names all rates
# that the seeds cannot tell from it. The last row's training loss is a median with its range.

# %% tags=["nbval-ignore-output"]
tables.methods(learning_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.against_sgd(learning_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.window(learning_live)

# %% [markdown]
# Then CIFAR-10 with the paper's split (40 000 training images), its augmentation and its batches of 32. The paper's networks
# need a GPU, and these records were made on two processor cores: they hold a **VGG19 at a quarter of its
# width** after **one epoch**. Compare the shape of {numref}`fig-alrao-by-rate` with the paper's, not its values.

# %% mystnb={"figure": {"caption": "Test loss on CIFAR-10 after one epoch of a narrow VGG19, against the rate of SGD; lines with bands: Alrao and Adam. Look how wide the valley of SGD is, and how high above its bottom the lines lie.", "name": "fig-alrao-by-rate"}, "image": {"alt": "Test loss against the learning rate of SGD on a logarithmic axis, a valley with error bars, and two horizontal lines with bands, one for Alrao and one for Adam."}}
_ = figures.by_rate(learning_full or learning_live)
plt.show()

# %%
tables.methods(learning_full or learning_live)

# %% tags=["finding", "remove-input"]
findings.against_sgd(learning_full)

# %% tags=["finding", "remove-input"]
findings.window(learning_full)

# %% tags=["finding", "remove-input"]
findings.repeated(learning_full, complete(studies.INTERVALS))

# %% [markdown]
# This is no easy case for Alrao: a narrow network has few units in each decade of rates, and one epoch does not let
# the running statistics of the normalisations settle.
#
# (tab-alrao-main)=
# The paper's own table, for the networks it trained to the end (50 to 150 epochs on images, about 300 on the Penn
# Treebank; loss in nats, accuracy in %):

# %% tags=["hide-input"]
tables.published()

# %% [markdown]
# ### The paper's networks, as far as they are run
#
# The `paper` profile trains the paper's three networks at full width. Its grid is large, and some of its runs were made on
# one GPU, for five epochs. That is enough to lay them over the paper's curves.

# %% mystnb={"figure": {"caption": "Training loss of MobileNetV2 on CIFAR-10 by epoch: lines are our runs, crosses the paper's figure. Look whether Alrao passes through its crosses, and which rate of SGD does not.", "name": "fig-alrao-epochs"}, "image": {"alt": "Training loss against the epoch: a falling line for each of our runs of Alrao, Adam and SGD, and crosses of the same colour at the first, second and fifth epoch for the paper's values."}}
learning_paper = recorded(studies.LEARNING, "paper")
_ = figures.first_epochs(learning_paper, "MobileNetV2")
plt.show()

# %% tags=["finding", "remove-input"]
findings.first_epochs(learning_paper, "MobileNetV2")

# %% tags=["finding", "remove-input"]
findings.first_epochs(learning_paper, "GoogLeNet")

# %% [markdown]
# ## Which head wins?
#
# {numref}`fig-alrao-switch` has the weights $a_j$ over the first two hundred minibatches. In the paper's GoogLeNet the fast heads are gone
# within a few, $\eta=0.1$ leads around step 30, and from step 125 on $\eta=0.02$ has nearly everything.

# %% mystnb={"figure": {"caption": "Weights of the ten heads on digits, one run. Look which heads leave first, and whether one is left.", "name": "fig-alrao-switch"}, "image": {"alt": "Ten curves, dark for slow and light for fast heads, against the number of minibatches on a logarithmic axis. All start at the same weight."}}
selection_live = live(studies.SELECTION, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.switch(selection_live[0])
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.switch(selection_live)

# %% [markdown]
# The paper's own case, GoogLeNet on CIFAR-10, needs no more than these steps:

# %% mystnb={"figure": {"caption": "The same for GoogLeNet on CIFAR-10, one run. Look which head leads at step 125.", "name": "fig-alrao-switch-full"}, "image": {"alt": "Ten curves, dark for slow and light for fast heads, against the number of minibatches on a logarithmic axis."}}
selection_full = complete(studies.SELECTION)
_ = figures.switch((selection_full or selection_live)[0])
plt.show()

# %% tags=["finding", "remove-input"]
findings.switch(selection_full)

# %% [markdown]
# ## Which interval?
#
# A method without a learning rate that has two bounds in its place would be no progress if these had to be tuned.
# {numref}`fig-alrao-intervals` shows the training loss for every pair of bounds; the diagonal is SGD.

# %% mystnb={"figure": {"caption": "Training loss on digits in the sixth epoch by interval. Look where the dark cells end.", "name": "fig-alrao-intervals"}, "image": {"alt": "A triangle of cells, the upper bound across and the lower bound down, each with its training loss; light cells are small losses."}}
intervals_live = live(studies.INTERVALS, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.intervals(intervals_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.intervals(intervals_live, learning_live)

# %% [markdown]
# What a column of the map means for one training, from $\eta_{\min}=10^{-7}$. Turn $\eta_{\max}$:

# %% mystnb={"figure": {"caption": "Training loss by epoch on digits, mean over seeds (recorded): Alrao with rates from $10^{-7}$ to $\\eta_{\\max}$, and SGD at single rates. Below: the interval, shaded, and the rates of SGD.", "name": "fig-alrao-interval-slider"}, "image": {"alt": "Training loss against the epoch, a thick line for Alrao and a thin one for SGD at each of its rates, above an axis of rates with the interval shaded: as the interval grows to the right it takes in more of the rates of SGD, and the thick line falls. Panels by upper bound: 1e-5, 1e-3, 0.1, 10."}} tags=["slider"]
knobs.interval(recorded(studies.INTERVALS, "quick"), (1e-5, 1e-3, 0.1, 10))

# %% mystnb={"figure": {"caption": "Training loss of the first epoch on CIFAR-10 by interval: a narrow VGG19 here, GoogLeNet in the paper. Compare the shapes.", "name": "fig-alrao-intervals-full"}, "image": {"alt": "Two triangles of cells side by side, ours and the paper's, with the same bounds and the same colours."}}
intervals_full = complete(studies.INTERVALS)
_ = figures.intervals(intervals_full or intervals_live, published=bool(intervals_full))
plt.show()

# %% tags=["finding", "remove-input"]
findings.intervals(intervals_full, learning_full)

# %% [markdown]
# What should count is whether the interval *holds* a good rate. For the paper's GoogLeNet that is 0.1, and its map is
# light wherever $\eta_{\min} \le 0.1 \le \eta_{\max}$.
#
# ## A unit, or a weight?
#
# Why not one rate for each *weight*? This is the experiment that can be repeated exactly: the same text, the
# Penn Treebank by characters, and the same network, two LSTM layers of 100 units, after one epoch.

# %% mystnb={"figure": {"caption": "Test loss of the character LSTM after one epoch; every point is a seed, crosses are the means of the paper's ten runs.", "name": "fig-alrao-granularity"}, "image": {"alt": "Four rows of points, one per setting: a rate per unit and a rate per weight, each in its colour, on an interval up to 100 and on one up to 10000, with a cross in each row."}}
granularity = complete(studies.GRANULARITY)
if granularity:
    _ = figures.granularity(granularity)
    plt.show()

# %%
tables.granularity(granularity) if granularity else "not yet run"

# %% tags=["finding", "remove-input"]
findings.granularity(granularity)

# %% [markdown]
# Why should a rate per weight suffer from a very large $\eta_{\max}$? On $(10^{-3}, 10^4)$ a rate exceeds 1 with the
# probability $\ln 10^4/\ln 10^7 = 4/7$. Drawn per unit, most units may be wild, but all weights of the
# others have moderate rates, and the layers above can learn to listen to these. Drawn per weight, a unit with $m$ incoming
# weights is spared with the probability $(3/7)^m$: with $m = 100$ hardly a unit ever is.
#
# (tab-alrao-text)=
# The same network against SGD and Adam, after one epoch. (The paper trains for about 300: 1.67 bits for Alrao, 1.57 for
# SGD and 1.59 for Adam.)

# %%
text = complete(studies.TEXT)
tables.text(text) if text else "not yet run"

# %% tags=["finding", "remove-input"]
findings.text(text)

# %% [markdown]
# (tab-alrao-variants)=
# ## On Adam, and wider
#
# Two variants at small scale, with rates per weight beside them. *Alrao on Adam* gives each unit of Adam its own rate; the paper finds that
# the training loss falls while the test loss of GoogLeNet explodes. *Width × 3* asks whether the useless units have to be made
# up for. Where rates reach $10^4$ single runs go astray: the losses of these rows are medians with their range.

# %% tags=["nbval-ignore-output"]
variants_live = live(studies.VARIANTS, PROFILE, device=DEVICE, first_seed=SEED)
variants_full = complete(studies.VARIANTS)
tables.variants(variants_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.variants(variants_live)

# %% [markdown]
# The same on all of MNIST, one epoch:

# %%
tables.variants(variants_full) if variants_full else "not yet run"

# %% tags=["finding", "remove-input"]
findings.variants(variants_full)

# %% [markdown]
# These are the questions of C10, C8 and C9, the last at a scale at which it may not show: the paper's failures are those of
# deep networks over many epochs.
#
# ## How many units need to learn?
#
# All of them, one would think. In {numref}`fig-alrao-fraction` each unit learns at a good rate with a certain probability, and
# stays at its initial weights otherwise.

# %% mystnb={"figure": {"caption": "Test accuracy on digits against the fraction of units that learn at all, SGD at $\\eta = 0.1$. Look how flat the curve is on the right.", "name": "fig-alrao-fraction"}, "image": {"alt": "Test accuracy with error bars against the fraction of units that learn, from one in twenty to all, on a logarithmic axis."}}
_ = figures.fraction(variants_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.fraction(variants_live)

# %% mystnb={"figure": {"caption": "The recorded study on MNIST.", "name": "fig-alrao-fraction-full"}, "image": {"alt": "Test accuracy on MNIST with error bars against the fraction of units that learn, from one in twenty to all, on a logarithmic axis."}}
if variants_full:
    _ = figures.fraction(variants_full)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.fraction(variants_full)

# %% [markdown]
# And after training with Alrao? Take the units of one layer whose rate lies in one decade, put them back to their initial
# weights, and see what is lost ({numref}`fig-alrao-units`).

# %% mystnb={"figure": {"caption": "Accuracy lost on the test set by resetting the units of a layer whose rates lie in a decade: a narrow VGG19 after one epoch on CIFAR-10. Look whether rows or columns are alike.", "name": "fig-alrao-units"}, "image": {"alt": "A heat map with a column per layer and a row per decade of rates; dark cells are large losses of accuracy."}}
units_live = live(studies.UNITS, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.units(complete(studies.UNITS) or units_live)
plt.show()

# %% tags=["finding", "remove-input"]
findings.layers(complete(studies.UNITS))

# %% [markdown]
# After a whole training the paper finds slow units the safest to reset. After one epoch even those of the early layers may be
# useful, with filters that are still the initial ones: what lies above has learnt to read them.
#
# ## Regression
#
# Nothing above needs classes. With a Gaussian likelihood the heads regress. The task of {numref}`fig-alrao-regression` is to learn
# $\sin(\pi u)$ from the powers $u, \dots, u^{10}$ of a number $u$ with 100 hidden units, without any normalisation.

# %% mystnb={"figure": {"caption": "Squared error on fresh points by epoch, geometric mean over seeds: Alrao on two intervals, with its spread as a band, and SGD at each rate. A run that diverged is left out.", "name": "fig-alrao-regression"}, "image": {"alt": "Squared error against the epoch on a logarithmic axis for Alrao and for SGD at six rates."}}
regression = live(studies.REGRESSION, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.regression(regression)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.regression(regression)

# %% [markdown]
# The recorded study trains far longer:

# %% tags=["finding", "remove-input"]
findings.regression(complete(studies.REGRESSION))

# %% [markdown]
# (sec-alrao-rl)=
# ## Reinforcement learning
#
# The paper reports two tasks; its algorithm is not known to us. Ours is deep Q-learning {cite}`mnih2015human`, the same for every
# method, with rewards divided by ten and five torques for the pendulum, so this shows that Alrao can be used there, and
# reproduces nothing.

# %% mystnb={"figure": {"caption": "Return of the greedy policy at the end of training, by method; points are seeds, bars their means.", "name": "fig-alrao-rl"}, "image": {"alt": "One panel per environment, with a row of points for SGD at each of its rates, one for Adam and one for Alrao, and a bar at each mean."}}
rl = complete(studies.RL)
if len(rl) == len(studies.RL.runs("full")):
    _ = figures.returns(rl)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.returns(rl)

# %% [markdown]
# ## Paper against ours
#
# First the paper's table for CIFAR-10 beside our runs of its networks, as far as they are run:

# %% mystnb={"figure": {"caption": "Test accuracy on CIFAR-10: the paper's table and our runs, with the same data, networks and rates. The line between two marks is the gap; our runs are far shorter, as the note below says.", "name": "fig-alrao-beside"}, "image": {"alt": "A row for SGD at the paper's best rate, Adam and Alrao on each of three networks: a cross at the paper's accuracy, a dot at ours with its interval, and a line between the two; where one is missing, words say so."}}
figures.against_paper(learning_paper)

# %% tags=["nbval-ignore-output"]
shown = (*learning_live, *selection_live, *intervals_live, *variants_live)
shown += (*units_live, *counts, *identity)
measured = {r.study: [one for one in shown if one.study == r.study] for r in shown}
pages.claims_table("alrao", live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **C1 to C4.** The data, the split, the augmentation and the size of the batch are the paper's. The network is
#   a narrow VGG19 ($w = 1/4$ of its channels), trained for one epoch: what two processor cores allow. So these rows read
#   *other set-up*, with what the checks say there. The paper's networks at full width are the `paper` profile, which is
#   judged network by network as far as it is recorded; [the ledger](../claims.ipynb) has those rows too.
# - **C5.** One epoch of about 300.
# - **C6.** ImageNet has to be at hand: `torchrun -m startright.alrao.imagenet --help` trains the paper's three networks.
# - **C7.** Deep Q-learning is our choice, and so are the networks and the number of steps.
# - **C8.** The authors' programs, run with the paper's set-up, learn faster in the first epoch than its figure shows (the
#   released columns of the table above). Some setting of the figure is not known to us; its order is what can be compared.
# - **C9, C10, C13.** A small network on digits, and on MNIST for one epoch. The paper's failures of Alrao on Adam are those of deep
#   networks on CIFAR-10.
# - **C11.** The paper's network, its data and its batches, for the steps that its figure shows.
# - **C14.** The narrow VGG19 after one epoch, one seed, where the paper's network is trained to the end.
# - **Details the paper leaves open** are those of the authors' programs: $\theta=0.9999$ in Switch (0.999 in the text), separate
#   rates for the scale and the shift of a normalisation. An LSTM's unit has one rate for its four gates, as in
#   the text; `lstm="per_gate_row"` is the programs' reading.
#
# ## Try it yourself
#
# - Widen the interval to $[10^{-9}, 10^{7}]$ in `alrao.wrap`: when does the share of useful units become too small?
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
# Take an outcome to which all heads give the same likelihood, so that {eq}`alrao-switch` has nothing to learn from it. Show that it keeps
# $\sum_k (A_k+B_k)$, and that after it no head has a weight below $\tfrac{h}{N}\sum_j A_j$.
# ```
#
# ```{solution} ex-alrao-mass
# :class: dropdown
#
# Let the likelihood be 1. Summed over $k$, the $A$'s lose $h\sum_j A_j$ and get back $\theta h\sum_j A_j$; the $B$'s get
# $(1-\theta)h\sum_j A_j$. Together nothing is lost. Every head gets $\tfrac{\theta}{N}h\sum_j A_j$ in $A_k$ and
# $\tfrac{1-\theta}{N}h\sum_j A_j$ in $B_k$, the $N$-th part of what is switching, whatever it had before: so a head that failed once can return.
# ```
#
# ```{exercise} One gradient for two purposes
# :label: ex-alrao-responsibility
#
# Derive the gradient of the mixture's loss with respect to the features $z$ from those of the heads' losses, for one example.
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
