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
# # Critical learning periods
#
# *A child whose eye is covered in its first years never sees well with it. Has a network a childhood?*
#
# *Before you start:* [the first weights](initialisation.ipynb), cross-entropy, the Kullback–Leibler divergence
#
# {cite:t}`achille2019critical` treat networks as one treats kittens. They blur all images for the first epochs of a training, then show sharp ones,
# and for as long as any other network sees them. Does the network catch up? They say that it does not, if the blur lasts too long, and
# they see why in the {term}`Fisher information` of the weights: it rises in the first epochs and then falls, and with it goes the
# ability to change. The third part of the lecture *Rien ne sert de courir, il faut partir à point*
# ({cite:t}`lopesquintas2025recent`) tells it. This chapter repeats the experiment, live with small networks on digits and recorded with a narrow All-CNN on photographs, computes the
# information exactly, and adds a control that the paper lacks: a learning rate that starts anew.
#
# ```{admonition} What the paper claims
# :class: tip
# - An early blur leaves a permanent gap in accuracy (C7).
# - Images upside down, or permuted labels, leave almost none; noise in the place of images leaves a smaller one (C8).
# - A deficit in a window costs most early in training (C9).
# - The Fisher information rises sharply, then falls while accuracy still improves; after a deficit more of it is left (C10).
# - Weight decay changes what a deficit leaves (C11).
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

from startright import data
from startright.book import pages
from startright.critical import (
    deficit_schedule,
    empirical_trace,
    figures,
    findings,
    fisher_trace,
    headlines,
    knobs,
    reference,
    sampled_trace,
    schematic,
    studies,
    tables,
)
from startright.figures import use_style
from startright.models import DigitsCNN, build
from startright.seeds import generator
from startright.studies import complete, live, recorded

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "When the deficit holds. In protocol A it comes first, until the removal $t_0$; the clean part is equally long for all. In protocol B the whole training is equally long, and the deficit a window of it.", "name": "fig-critical-protocols"}, "image": {"alt": "Four bars over time. The control is clean throughout. Protocol A: a deficit, short or long, then a clean part of the length of the control. Protocol B: clean, a window of deficit, clean."}} tags=["remove-input"]
schematic.protocols()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("critical", ["C7", "C8", "C9", "C10", "C11"])

# %% tags=["finding", "remove-input"]
headlines.bump(recorded(studies.FISHER, "paper") or complete(studies.FISHER))

# %% tags=["finding", "remove-input"]
headlines.lasting(recorded(studies.REMOVAL, "paper") or complete(studies.REMOVAL))

# %% tags=["finding", "remove-input"]
headlines.reopened(recorded(studies.REMOVAL, "paper") or complete(studies.REMOVAL))

# %% [markdown]
# **Use it when** you train on poor data first and good data later, as in a curriculum or a pretraining: keep the first part short, or
# let the learning rate start anew.
#
# **Leave it when** your learning rate is constant and your training long: most of what is told here happens in the first epochs, and
# under a rate that decays.
#
# ## Deficits
#
# Four things are done to the data of the first epochs. The *blur* shrinks the sides of images by the factor $1/4$ and enlarges them
# again, both by bilinear interpolation (with a filter as wide as the step on the way down, `antialias=True`: the choice changes the blur,
# and is ours). *Upside down* reverses the rows. *Permuted labels* replaces $y$ by $(y+1) \bmod K$. *Noise* replaces
# the image by normal noise and keeps the label: the network is deprived of its senses.

# %% tags=["remove-input"]
pages.source(reference.deficit)

# %% mystnb={"figure": {"caption": "Two digits as the network gets them, with the label that it is told.", "name": "fig-critical-deficits"}, "image": {"alt": "Two rows of five small images: a digit as it is, blurred to a smear, upside down, as it is with the next label, and as noise."}}
_ = figures.examples()
plt.show()

# %% [markdown]
# A schedule says which deficit holds when. One that could not be meant, such as windows that overlap or end after the training, is
# refused with the reason. It changes the batches of `startright.training.train`, or of many networks at once, each under its
# own.

# %%
schedule = deficit_schedule([("blur", 0, 20)], epochs=60, classes=10)
[schedule.active(epoch) for epoch in (0, 19, 20)]

# %% [markdown]
# In protocol A a network with removal $t_0$ is trained for $t_0$ epochs on the deficit, and then as long on clean data as the control is in
# all. What it loses is its *gap*: accuracy of the control less its own.
#
# ```{margin} A learning rate that ages
# After $t_0$ epochs the rate is multiplied by $0.97^{t_0}$, which for $t_0 = 100$ leaves 5 %. <!-- theory -->
# ```
#
# One thing is not equal. The paper's learning rate decays with every epoch, so the network with a long deficit sees its clean data at a
# small rate. Is it the network that has lost its plasticity, or its optimizer? {cite:t}`pawlak2025occurence` restart the rate and find that the
# gap nearly closes (a ResNet-18, a cyclic schedule). So every removal is run again with the rate restarted at $t_0$.

# %% tags=["remove-input"]
pages.source(reference.learning_rate)

# %% [markdown]
# ## The information in the weights
#
# Let $p_w(y|x)$ be what the network says. How much does it change when its weights $w$ move by a small $\delta$? By
#
# $$
# \begin{aligned}
# \mathrm{KL}(p_w \,\|\, p_{w+\delta}) &= \tfrac12\, \delta^\top F \delta + o(\|\delta\|^2), \\
# F &= \mathbb E_x\, \mathbb E_{y\sim p_w(y|x)} \bigl[\nabla_w \log p_w(y|x)\, \nabla_w \log p_w(y|x)^\top\bigr] .
# \end{aligned}
# $$ (critical-fisher)
#
# (The slide drops the $\frac12$.) A weight along which $F$ is small may be forgotten; one along which it is large holds something. Its trace
#
# $$
# \operatorname{Tr} F = \mathbb E_x\, \mathbb E_{y\sim p_w(y|x)} \bigl\|\nabla_w \log p_w(y|x)\bigr\|^2
# $$ (critical-trace)
#
# is a sum over layers. The label $y$ is *drawn from the model*. With the label of the data instead, one gets the "empirical Fisher",
# another number: near 0 for every network that fits its data. And with few classes nobody has to draw: the sum over all of them is exact.

# %% tags=["remove-input"]
pages.source(reference.fisher_trace)

# %% [markdown]
# That is a backward pass for every input and class. `fisher_trace` needs one for every class: the gradient of a linear layer's weights
# is the product of what entered it and of the gradient of what left it, example by example, and a convolution is a linear layer on
# patches. It verifies that these gradients add up to autograd's, and refuses what it cannot see through: a batch normalisation in training mode,
# under which no example has a gradient of its own; shared or parametrised weights; outputs that are not logits.

# %%
net, x = build(DigitsCNN, SEED).eval(), data.load("digits").train.x[:30]
exact = fisher_trace(net, x)
f"{sum(exact.values()):.2f}, plain lines: {reference.fisher_trace(net, x):.2f}"

# %% [markdown]
# What do drawn labels give? The same on the average, with a spread that falls like the root of their number.

# %% mystnb={"figure": {"caption": "The trace with labels drawn from the model, over the exact one, against the number of labels drawn for each of thirty inputs; five repetitions each. An untrained network.", "name": "fig-critical-sampled"}, "image": {"alt": "Three columns of five circles around a dotted line at one, closer to it from left to right."}}
rng = generator(SEED, "drawn-labels")
total = torch.tensor(sum(exact.values()))
drawn = {}
for n in (1, 4, 16):
    traces = [sampled_trace(net, x, draws=n, generator=rng) for _ in range(5)]
    drawn[n] = torch.tensor([sum(trace.values()) for trace in traces])
_ = figures.sampled(total, drawn)
plt.show()

# %% [markdown]
# ## The bump
#
# Does the information rise and fall? Three networks of four convolutions learn six hundred digits of
# scikit-learn; three others see them blurred at first. The trace is exact, on 150 training images, taken before an epoch.

# %% mystnb={"figure": {"caption": "Top: the trace of the Fisher information. Bottom: test accuracy. Bands: one standard deviation over networks. Shaded: epochs in which the other networks see blurred images.", "name": "fig-critical-fisher"}, "image": {"alt": "Two panels over epochs. The traces rise steeply to a peak in the first ten epochs and fall. The blue accuracy rises quickly; the red one stays near chance while images are blurred, and then jumps up."}}
fisher_live = live(studies.FISHER, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.fisher(fisher_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
headlines.bump(fisher_live)

# %% tags=["nbval-ignore-output"]
tables.fisher(fisher_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.fisher(fisher_live)

# %% [markdown]
# Which layers hold it?

# %% mystnb={"figure": {"caption": "The trace by layer, convolutions and the linear layer, without normalisations.", "name": "fig-critical-layers"}, "image": {"alt": "Two panels of five curves over epochs on a logarithmic axis, without deficit and with a blur first. All rise steeply and then fall."}}
_ = figures.by_layer(fisher_live)
plt.show()

# %% [markdown]
# ## The gap
#
# A short run of protocol A, here and now; then the recorded one, with longer deficits of all kinds.

# %% tags=["nbval-ignore-output"]
removal_live = live(studies.REMOVAL, PROFILE, device=DEVICE, first_seed=SEED)
tables.removal(removal_live)

# %% mystnb={"figure": {"caption": "Accuracy at the end against the removal $t_0$, by deficit, after equally long clean training; recorded. Bands: one standard deviation over networks. Dashes: the learning rate starts anew at $t_0$. Dots: the control.", "name": "fig-critical-removal"}, "image": {"alt": "Five curves with markers from the accuracy of the control at removal zero on, and a dotted line at the control; noise falls far below the others at the latest removal."}}
removal_full = complete(studies.REMOVAL) or removal_live
_ = figures.removal(removal_full)
plt.show()

# %% tags=["finding", "remove-input"]
findings.removal(complete(studies.REMOVAL))

# %% tags=["finding", "remove-input"]
findings.restarted(complete(studies.REMOVAL))

# %% [markdown]
# Turn the epoch at which the blur ends. While it lasts the network is tested on sharp images, which it has never seen.

# %% mystnb={"figure": {"caption": "Test accuracy over a training whose blur ends at $t_0$ (shaded until then). Dots: the control at its end.", "name": "fig-critical-knob"}, "image": {"alt": "A curve that is low while images are blurred and rises to the dotted line of the control afterwards. Panels by the removal t0: 20, 40, 60, 80, 100."}} tags=["hide-input", "slider"]
knobs.removal(removal_full, (20, 40, 60, 80, 100))

# %% [markdown]
# ## When it matters, and with how much decay
#
# Protocol B moves a window of blur through a training of fixed length. A late window meets a small learning rate: the network hardly
# changes in it, for better or worse.

# %% mystnb={"figure": {"caption": "Points of accuracy lost to a window of blur, against its first epoch; recorded. Band: one standard deviation over networks.", "name": "fig-critical-window"}, "image": {"alt": "A curve with a band, around or above a dotted line at zero."}}
window = complete(studies.WINDOW) or complete(studies.WINDOW, "quick")
_ = figures.window(window)
plt.show()

# %% tags=["finding", "remove-input"]
findings.window(window)

# %% [markdown]
# Weight decay forgets; does it lengthen the critical period or shorten it? The lecture says that it changes it. The sign is measured.

# %% mystnb={"figure": {"caption": "Points of accuracy lost to the longest blur, against weight decay; recorded. Circles: single networks; line: their mean.", "name": "fig-critical-decay"}, "image": {"alt": "Three columns of circles joined by a line through their means, over the weight decays."}}
decays = complete(studies.DECAY), complete(studies.REMOVAL)
_ = figures.decay(*decays)
plt.show()

# %% tags=["finding", "remove-input"]
findings.decay(*decays)

# %% [markdown]
# ## On photographs
#
# Digits of 8 × 8 pixels are easy, blurred or not. The same protocols on CIFAR-10: the paper's All-CNN with a quarter of its channels, on
# a tenth of the images, recorded on a GPU. As there, the network is trained for $t_0$ epochs on the deficit and then as long on clean
# images as the control is in all.

# %% mystnb={"figure": {"caption": "As the figure of digits above, for photographs: accuracy at the end against the removal $t_0$, by deficit. Bands: one standard deviation over networks. Dashes: the learning rate starts anew at $t_0$. Dots: the control.", "name": "fig-critical-photographs"}, "image": {"alt": "Accuracy falls steadily with the removal of a blur, less where the learning rate starts anew; single lines from the control at zero to the other deficits at the latest removal."}}
photographs = {study.name: recorded(study, "paper") for study in studies.STUDIES}
_ = figures.removal(photographs["critical-removal"])
plt.show()

# %%
tables.removal(photographs["critical-removal"])

# %% tags=["finding", "remove-input"]
findings.removal(photographs["critical-removal"])

# %% tags=["finding", "remove-input"]
findings.restarted(photographs["critical-removal"])

# %% [markdown]
# And the information in the weights? The last row of the table trains on clean images for as long as the blurred networks train in all.

# %% mystnb={"figure": {"caption": "Top: the trace of the Fisher information on photographs. Bottom: test accuracy. Bands: one standard deviation over networks. Shaded: epochs in which the other networks see blurred images.", "name": "fig-critical-fisher-photographs"}, "image": {"alt": "Two panels over epochs. Both traces rise by three orders of magnitude in some twenty epochs; that of clean training then falls. Accuracy rises noisily, that of the blurred networks mostly after the shaded epochs."}}
_ = figures.fisher(photographs["critical-fisher"])
plt.show()

# %%
tables.fisher(photographs["critical-fisher"])

# %% tags=["finding", "remove-input"]
findings.fisher(photographs["critical-fisher"])

# %% [markdown]
# Windows and weight decay, as far as they were run:

# %% tags=["finding", "remove-input"]
findings.window(photographs["critical-window"])

# %% tags=["finding", "remove-input"]
findings.decay(photographs["critical-decay"], photographs["critical-removal"])

# %% [markdown]
# ## Paper against ours
#
# The paper prints curves; what is known of them is approximate, and of noise an order alone. Errors are set over that of the
# control, which makes a large network and a narrow one comparable, as far as they can be.

# %% mystnb={"figure": {"caption": "Test error after a deficit over that of the control: the paper's (crosses, approximate: All-CNN, CIFAR-10), and ours.", "name": "fig-critical-against"}, "image": {"alt": "Four rows: crosses at three for the blur and at one for images upside down and permuted labels, none for noise; dots of ours with their intervals."}}
figures.against(photographs["critical-removal"] or complete(studies.REMOVAL) or removal_live)

# %% tags=["nbval-ignore-output"]
measured = {"critical-fisher": fisher_live, "critical-removal": removal_live}
claims = ["C7", "C8", "C9", "C10", "C11"]
pages.claims_table("critical", claims, live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **Network and data.** The paper trains All-CNN and ResNet-18 on all of CIFAR-10 for hundreds of epochs. Several networks under every
#   deficit are worth more than one large one without: ours on photographs has ¼ of the channels and sees 5000 images. <!-- setting --> The
#   published networks follow it in the `paper` profile, and are not yet run.
# - **Length.** The control sees 40 clean epochs, not 160. <!-- setting -->
# - **Windows.** On photographs one more window was run, which ends with the training. No clean epoch follows it, so it measures the deficit
#   itself and not what is left of it; it is not judged.
# - **Seeds.** Weight decay on photographs has fewer seeds than a verdict asks for.
# - **The schedule.** Momentum, the blur's filter and the law of the noise are our choice. The restart of the learning rate is
#   not the paper's.
# - **C8.** Our noise is drawn anew at every step, so that nothing can be learned by heart; whether the paper's is, is not known to us. What
#   it costs on digits is the learning rate's doing, not the network's: with a rate that starts anew next to nothing is left of it.
# - **C7** is held against the restart as well, which the paper does not do: "permanent" is its word.
# - **C11.** The claim is held against either sign.
#
# ## Try it yourself
#
# - Replace the blur by noise in `studies.FISHER`. Does the information rise when there is nothing to learn?
# - Two deficits, one after the other: `deficit_schedule` takes several windows.
# - Run the `paper` profile on a GPU: `startright run critical-removal --profile paper`.
#
# ## Exercises
#
# ```{exercise} The half that the slide drops
# :label: ex-critical-kl
#
# Show that $\mathrm{KL}(p_w\|p_{w+\delta}) = \frac12\delta^\top F\delta + o(\|\delta\|^2)$, with $F$ as in {eq}`critical-fisher`. Where is it used that $y$ is drawn from $p_w$?
# ```
#
# ```{solution} ex-critical-kl
# :class: dropdown
#
# Fix $x$ and write $\ell(w)=\log p_w(y)$. Then $\mathrm{KL} = \mathbb E_{y\sim p_w}[\ell(w)-\ell(w+\delta)] = -\mathbb E[\nabla\ell]^\top\delta - \frac12\delta^\top\mathbb E[\nabla^2\ell]\,\delta + o(\|\delta\|^2)$.
# As $\sum_y p_w(y)=1$ for every $w$, $\mathbb E[\nabla\ell]=\sum_y\nabla p_w(y)=0$, and differentiating once more
# $\mathbb E[\nabla^2\ell]=-\mathbb E[\nabla\ell\nabla\ell^\top]$. So $\mathrm{KL}=\frac12\delta^\top F\delta+o(\|\delta\|^2)$. Both identities need the law of $y$ to be that
# which is differentiated: with labels of the data neither holds.
# ```
#
# ```{exercise} One softmax layer
# :label: ex-critical-softmax
#
# Let $p=\mathrm{softmax}(Wx+b)$. Show that the trace for $W$ is $\mathbb E_x[(1-\|p\|^2)\,\|x\|^2]$, and for $b$ $\mathbb E_x[1-\|p\|^2]$. When is it 0, and
# when largest?
# ```
#
# ```{solution} ex-critical-softmax
# :class: dropdown
#
# $\nabla_z\log p_y=e_y-p$ with $z=Wx+b$, so $\|\nabla_W\|^2=\|e_y-p\|^2\|x\|^2$ and $\|e_y-p\|^2=1-2p_y+\|p\|^2$. The mean over $y\sim p$ is
# $1-2\|p\|^2+\|p\|^2=1-\|p\|^2$. It is 0 if the network is certain, and $1-1/K$ if it knows nothing: in this layer the information *falls*
# as the network becomes sure of itself. The rise in {numref}`fig-critical-fisher` comes from the weights and features that grow.
# ```
#
# ```{exercise} Two Fishers
# :label: ex-critical-empirical
#
# A network fits its training data: $p_w(y|x)\to1$ for the label of the data. What do the exact trace and the empirical one tend to? Compare
# `fisher_trace` and `empirical_trace` on an untrained network.
# ```
#
# ```{solution} ex-critical-empirical
# :class: dropdown
#
# Both to 0, but not together: if $p=1-\epsilon$ on the label, the empirical one is of the order $\epsilon^2$, as its gradient is proportional to $1-p$; the exact one is of the
# order $\epsilon$, since the other classes, of probability $\epsilon$, have gradients of order 1. So the empirical one vanishes first, and would show a steeper fall.
# ```
#
# ```{exercise} A clock, or a childhood?
# :label: ex-critical-rate
#
# The rate of epoch $e$ is $0.05\cdot0.97^e$. How much *rate in all* is left after $t_0$ epochs of deficit, as a share of a training without end? Why does this make a
# restart the control one wants?
# ```
#
# ```{solution} ex-critical-rate
# :class: dropdown
#
# $\sum_{e\ge t_0}0.97^e\big/\sum_{e\ge0}0.97^e=0.97^{t_0}$: for $t_0=40$ it is 0.30, for $t_0=100$ it is 0.05. A network that has a twentieth of the steps left
# may well fail to unlearn, whatever its plasticity. With the rate restarted at $t_0$ clean data get the same rates as in the control; what
# gap is then left is the network's.
# ```

# %%
y = data.load("digits").train.y[:30]
both = sum(exact.values()), sum(empirical_trace(net, x, y).values())
f"exact {both[0]:.1f}, at the labels {both[1]:.1f}"

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
