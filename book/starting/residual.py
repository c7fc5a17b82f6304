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
# # Skips, and what replaces them
#
# *Why can a network of fifty layers not be trained without skips, and must it have them?*
#
# *Before you start:* [the first weights](initialisation.ipynb), orthogonal matrices, batch normalisation
#
# He's weights keep the size of a signal through any depth. Deep networks without {term}`skips <skip>` still learn badly. {cite:t}`balduzzi2017shattered`
# found what else is lost: the *likeness* of gradients at neighbouring inputs. This chapter measures it, looks at the loss around trained
# networks ({cite:t}`li2018visualizing`), and then does without skips: three ways to start, in their place. It belongs to the annex on
# residual networks ({cite:t}`he2016deep`) of the lecture *Rien ne sert de courir, il faut partir à point* ({cite:t}`lopesquintas2025recent`).
#
# ```{admonition} What the papers claim
# :class: tip
# - Gradients *shatter* with depth without skips, and far less with them (C15).
# - Skips can be replaced by an initialisation: a network of rectifiers that starts linear learns (C16).
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

from startright import data
from startright.book import pages
from startright.figures import use_style
from startright.models import CIFARResNet, build
from startright.seeds import generator
from startright.studies import complete, live

use_style()

# %% tags=["hide-input"]
from startright.residual import (
    CReLU,
    figures,
    findings,
    headlines,
    knobs,
    looks_linear_,
    loss_surface,
    reference,
    schematic,
    slopes,
    studies,
    tables,
    tailored_slope,
)

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "One layer, three ways: without a skip, with one, and with mirrored weights behind a pair of rectifiers.", "name": "fig-residual-method"}, "image": {"alt": "Three sketches. Plain: the input passes a ReLU, then weights W. With a skip: an arrow leads past both. Looks-linear: the input passes a ReLU and the ReLU of its negative, and both go into the weights V and minus V."}} tags=["remove-input"]
schematic.blocks()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("residual", ["C15", "C16"])

# %% tags=["finding", "remove-input"]
headlines.shattering(complete(studies.SHATTERING))

# %% tags=["finding", "remove-input"]
headlines.starts(complete(studies.INITS))

# %% tags=["finding", "remove-input"]
headlines.surfaces(complete(studies.SURFACES))

# %% [markdown]
# **Use such a start when** a network must be deep and cannot have skips: where its layers have to be folded together, or activations
# stored once.
#
# **Leave it when** skips are at hand. They cost next to nothing, and they protect the gradient after the first step as well, where a start
# has no say.
#
# ## Gradients that shatter
#
# Take a random network of scalar inputs $x$, two hundred units per layer, and look at its slope $df/dx$ on a grid. Let $B$ be batch
# normalisation over the grid, whose statistics count as constants in the derivative:
#
# $$
# h_{l+1} = W_l\,\mathrm{ReLU}(B(h_l)) \quad\text{(no skips)}, \qquad
# h_{l+1} = h_l + \beta\,W_l\,\mathrm{ReLU}(B(h_l)) \quad\text{(skips)},
# $$ (residual-slope)
#
# with He's weights and a factor [$\beta$](#notation-residual) of the branches. The slope follows by the chain rule, layer by layer, from below:

# %% tags=["remove-input"]
pages.source(reference.slope)

# %% [markdown]
# How does the slope of one network look, at three depths without skips and at fifty layers with them?

# %% mystnb={"figure": {"caption": "Slope $df/dx$ of one random network against its input, over its largest size.", "name": "fig-residual-slopes"}, "image": {"alt": "Four panels. Two layers: a few steps. Ten layers without skips: a ragged line. Twenty-four layers without skips: noise. Fifty layers with skips: a ragged line again, with long stretches of one sign."}}
plain = slopes("plain", [generator(SEED, "shown")], depth=24)
skips = slopes("residual", [generator(SEED, "shown")], depth=50)
shown = {f"no skips, {depth} layers": plain.slopes[0, depth - 1] for depth in (2, 10, 24)}
_ = figures.slopes(plain.x, shown | {"skips, 50 layers": skips.slopes[0, -1]})
plt.show()

# %% [markdown]
# ```{margin} Which noise?
# White noise has no memory. The slopes of a shallow network change in steps, like a random walk.
# ```
#
# {term}`Shattered gradients` are as unlike at neighbouring points as white noise. The autocorrelation of $df/dx$ says how far a
# network's slope remembers: twenty networks of each kind, against reference values.

# %% mystnb={"figure": {"caption": "Autocorrelation of $df/dx$ by lag, in points of a grid of 256 from $-2$ to $2$: mean and standard deviation over networks. Crosses: reference values, computed beforehand by another program.", "name": "fig-residual-autocorrelation"}, "image": {"alt": "Four panels of curves that fall from one. Without skips, normalised, the curve of four layers falls slowly, that of ten layers within a few points, that of twenty-four at once. With skips, and without normalisation, all fall slowly, the deeper the faster. Crosses lie on the curves."}}
shattering_live = live(studies.SHATTERING, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.autocorrelation(shattering_live)
plt.show()

# %% tags=["nbval-ignore-output"]
tables.autocorrelations(shattering_live)

# %% mystnb={"figure": {"caption": "Autocorrelation of $df/dx$ at the nearest point of the grid, by depth.", "name": "fig-residual-depth"}, "image": {"alt": "Four curves against the number of layers. Without skips it falls from one to zero within about fifteen layers. The other three stay above one half up to fifty layers."}}
_ = figures.by_depth(shattering_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
headlines.shattering(shattering_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.branches(shattering_live)

# %% [markdown]
# ## What is assumed, and what is exact
#
# The paper argues with one assumption: at any two inputs, half the units are active, and a quarter at both. Then each layer without skips
# multiplies the correlation of two gradients by $\frac12$, and a block with a skip by $\frac34$. With normalised branches the block of layer $l$
# adds $\beta^2$ to a variance of $v_l = 1+\beta^2(l-1)$, so
#
# $$
# 2^{-L}, \qquad \left(\tfrac34\right)^L, \qquad
# \prod_{l=1}^{L}\frac{1+\beta^2/(2v_l)}{1+\beta^2/v_l} \approx \frac1{\beta\sqrt L}.
# $$ (residual-assumed)
#
# The last product has a closed form. Its denominators telescope to $1+\beta^2L$, and its numerators are a ratio of Gamma functions.
#
# Is the assumption right? It is exact for inputs at a right angle, in the first layer. But rectifiers *align* inputs: the angle
# [$\theta_l$](#notation-residual) shrinks, and with it the share of units that are active for one input alone. At infinite width, without normalisation,
#
# $$
# \cos\theta_{l+1} = \frac{\sin\theta_l + (\pi-\theta_l)\cos\theta_l}{\pi}, \qquad
# \text{correlation} = \prod_{l=1}^{L}\left(1-\frac{\theta_l}{\pi}\right),
# $$ (residual-angle)
#
# and since $\theta_l\approx3\pi/l$, the product decays like $l^{-3}$: a power of the depth, not exponentially.

# %% tags=["remove-input"]
pages.source(reference.correlation)

# %% mystnb={"figure": {"caption": "Correlation of the gradients of two inputs by depth, for angles of 90 degrees and 10 degrees, without normalisation: sampled (mean and standard deviation over networks), exact at infinite width (dashes), and as assumed (dots).", "name": "fig-residual-alignment"}, "image": {"alt": "Two panels, without skips and with them. In each the curves of ten degrees fall slowly and those of ninety degrees fast; sampled and dashed curves lie on each other; the dotted curve falls below both."}}
alignment_live = live(studies.ALIGNMENT, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.alignment(alignment_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.assumption(alignment_live)

# %% [markdown]
# So it is normalisation that makes networks without skips shatter: it pulls the inputs apart again that the rectifiers have aligned, and
# keeps the assumption true in every layer. Without it gradients stay alike because everything becomes alike, which helps no more.
#
# ## The loss around trained weights
#
# A {term}`loss surface` is the loss on a plane through trained weights $\vartheta^*$. A direction must be measured in the weights' own
# units, or a rescaled network, which computes the same, would look sharper. So every filter of a random direction is made as long as
# the filter of the weights:
#
# $$
# f(a,b) = L(\vartheta^* + a\,\delta + b\,\epsilon), \qquad
# \delta_i \leftarrow \frac{\delta_i}{\lVert\delta_i\rVert}\,\lVert\vartheta^*_i\rVert .
# $$ (residual-filter)
#
# Biases and normalisations are not moved.

# %% tags=["remove-input"]
pages.source(reference.filter_normalised)

# %% [markdown]
# On a network of your own it takes two lines. Many points of the plane run as one program, and the model is left as it was; what cannot
# be done rightly, such as layers that share a weight, is refused.

# %%
model = build(lambda: CIFARResNet(10, 0.25, in_channels=1, depth=8, side=8), SEED).eval()
digits = data.load("digits").train
surface = loss_surface(model, data.Split(digits.x[:50], digits.y[:50]), points=5)
surface.losses.shape

# %% [markdown]
# Batch normalisation needs a choice. By default the statistics are those that the model has kept; in the study below they are those of
# the data at every point (`recalibrate=True`), so that the picture shows the weights, and not statistics that no longer fit them. Residual
# networks for digits, with their skips and without, all trained for as many steps:

# %% mystnb={"figure": {"caption": "Loss on a plane around trained weights (cross in the middle), on a logarithmic scale, first seed; directions in lengths of a filter.", "name": "fig-residual-surfaces"}, "image": {"alt": "Two contour maps beside each other, with skips and without, each of a basin around a cross, with one scale of colours."}}
surfaces_live = live(studies.SURFACES, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.surfaces(surfaces_live)
plt.show()

# %% [markdown]
# And the recorded networks, some of them deeper: the mean loss on circles around the weights.

# %% mystnb={"figure": {"caption": "Mean loss on circles around trained weights, by radius in lengths of a filter and by depth; mean and standard deviation, on a logarithmic scale, over seeds.", "name": "fig-residual-rise"}, "image": {"alt": "A panel per depth, each with a rising curve of networks with skips and one of networks without."}}
_ = figures.rise(complete(studies.SURFACES) or surfaces_live)
plt.show()

# %% tags=["finding", "remove-input"]
findings.bends(complete(studies.SURFACES))

# %% [markdown]
# What {cite:t}`li2018visualizing` print of CIFAR-10, test errors in percent (approximate), goes the same way:

# %%
tables.published_errors()

# %% [markdown]
# ## A start in the place of skips
#
# Let each rectifier come in a pair, one for either sign, and mirror the weights behind it:
#
# $$
# \begin{aligned}
# \varphi(z) &= [\mathrm{ReLU}(z), \mathrm{ReLU}(-z)], \qquad W = [V, -V], \\
# W\varphi(z) &= V\bigl(\mathrm{ReLU}(z)-\mathrm{ReLU}(-z)\bigr) = Vz .
# \end{aligned}
# $$ (residual-mirror)
#
# With $V$ orthogonal the network is linear and keeps every norm, before the first step. It {term}`looks linear <looks-linear>`; once
# trained, the two halves of $W$ part, and it is a network of rectifiers like any other.

# %% tags=["remove-input"]
pages.source(reference.looks_linear)

# %%
layers = [part for _ in range(9) for part in (nn.Linear(32, 16), CReLU())]
net = nn.Sequential(nn.Linear(16, 16), CReLU(), *layers, nn.Linear(32, 16)).double()
x = torch.randn(16, dtype=torch.float64, generator=torch.Generator().manual_seed(SEED))
_ = looks_linear_(net, x[None], generator=torch.Generator().manual_seed(SEED))
jacobian = torch.func.jacrev(net.eval())(x[None]).view(16, 16)
[f"{value:.6f}" for value in torch.linalg.svdvals(jacobian)[[0, -1]]]

# %% [markdown]
# (The largest and the smallest singular value of the whole network.) Fifty dense layers, Adam, three hundred steps: which start learns?

# %% mystnb={"figure": {"caption": "Test accuracy by step of networks of fifty layers, by their start; mean over seeds, and bars of one standard deviation at the end.", "name": "fig-residual-training"}, "image": {"alt": "Accuracy in percent against steps. Looks-linear rises first, then the network with skips; CReLU and ReLU with He's weights rise late."}}
inits_live = live(studies.INITS, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.training(inits_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
headlines.starts(inits_live)

# %% [markdown]
# ## Two more starts
#
# **A slope made for the depth** ({cite:t}`zhang2022deep`). Leaky ReLU of slope $\alpha$, with orthogonal weights times $\sqrt{2/(1+\alpha^2)}$, makes of a correlation $c$
#
# $$
# C(c) = c + \frac{(1-\alpha)^2}{\pi(1+\alpha^2)}\left(\sqrt{1-c^2} - c\arccos c\right).
# $$ (residual-map)
#
# Choose $\alpha$ so that all $L$ layers together take 0 to $\eta=0.9$: the deeper the network, the more linear each layer.

# %%
[f"{depth} layers: {tailored_slope(depth):.4f}" for depth in (20, 50, 200)]

# %% mystnb={"figure": {"caption": "What Leaky ReLU makes of a correlation: one layer, and fifty.", "name": "fig-residual-map"}, "image": {"alt": "Two curves above the diagonal: that of a single layer just above it, that of all layers far above it for small alpha, and on it at the end. Panels by alpha: 0, 0.2, 0.43, 0.6, 0.8, 1."}} tags=["hide-input", "slider"]
knobs.leaky((0, 0.2, 0.43, 0.6, 0.8, 1))

# %% [markdown]
# **A convolution that keeps every norm** ({cite:t}`xiao2018dynamical`). All of a kernel is 0 but its centre, which is orthogonal. With tanh and without
# biases, at the weights' critical variance, each image's norm passes nearly unchanged. The recorded study on MNIST has both, beside the networks above:

# %% mystnb={"figure": {"caption": "Test accuracy by step on MNIST: dense networks of fifty layers by their start, and fifty convolutions of tanh on images averaged to 7 by 7; mean over seeds, and bars of one standard deviation at the end.", "name": "fig-residual-mnist"}, "image": {"alt": "Two panels of accuracy against steps. Dense: looks-linear, skips and tailored Leaky ReLU rise fast; CReLU and ReLU with He's weights slowly. Convolutional: delta-orthogonal above Gaussian."}}
_ = figures.training(complete(studies.INITS) or inits_live)
plt.show()

# %%
tables.accuracies(complete(studies.INITS))

# %% tags=["finding", "remove-input"]
findings.convolutional(complete(studies.INITS))

# %% [markdown]
# ## Paper against ours
#
# The papers print curves; the numbers beside ours are reference values, computed beforehand by another program. Where the cross lies
# beside the dot, settings may differ that are not stated.

# %% mystnb={"figure": {"caption": "Autocorrelation of $df/dx$, and test accuracy of fifty layers on digits: reference values (crosses), and ours.", "name": "fig-residual-against"}, "image": {"alt": "Rows with a cross and a dot each, in two groups, autocorrelations and accuracies. Crosses and dots lie close to each other, least so for the two networks with He's weights."}}
figures.against(shattering_live, inits_live)

# %% tags=["nbval-ignore-output"]
measured = {"residual-shattering": shattering_live, "residual-alignment": alignment_live}
measured["residual-inits"] = inits_live
pages.claims_table("residual", ["C15", "C16"], live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **C15.** Width, grid and number of networks are those of the reference values. The first layer, with its bias, and the linear output are our choice; which
#   ones the paper has is not known to us.
# - **C16.** The paper's networks are convolutional and see CIFAR-10; ours are dense. The size of a batch is our choice, and so is the
#   branch of the network with skips, one layer times $\beta=0.1$.
# - **Loss surfaces.** Networks with and without skips are trained for as many steps, not to the same loss. Where deep networks without skips are
#   higher on every circle, a part of it is that they have learnt less. Published surfaces are of ResNet-56 on CIFAR-10.
# - *DiracNets* also do without skips. They are a parametrisation, not a start alone, and left out here.
#
# ## Try it yourself
#
# - Set $\beta=0.01$ in `slopes`. How long does the network remember, and what does it still learn from its branches?
# - Give `loss_surface` another seed. How much of a picture is the network, and how much the plane?
#
# ## Exercises
#
# ```{exercise} Where the square root comes from
# :label: ex-residual-root
#
# Let $\beta=1$ in {eq}`residual-assumed`. Show that the product is $\frac{1}{L+1}\prod_{l=1}^L\left(1+\frac1{2l}\right)$, and that it decays like $\frac{2}{\sqrt{\pi L}}$.
# ```
#
# ```{solution} ex-residual-root
# :class: dropdown
#
# $v_l=l$, so the denominators are $\prod(1+1/l)=L+1$ by telescoping. $\prod(1+\frac1{2l})=\frac{\Gamma(L+3/2)}{\Gamma(3/2)\,\Gamma(L+1)}\sim\frac{\sqrt L}{\Gamma(3/2)}=\frac{2\sqrt L}{\sqrt\pi}$.
# Divide: $\frac{2}{\sqrt{\pi L}}$. So $1/(\beta\sqrt L)$ is right up to the factor $2/\sqrt\pi$; as $\beta\to0$, with $\beta^2L$ large, that factor tends to 1.
# ```
#
# ```{exercise} Angles that shrink
# :label: ex-residual-angle
#
# Expand {eq}`residual-angle` for small angles, and show that $\theta_l\sim3\pi/l$ and that the correlation decays like $l^{-3}$.
# ```
#
# ```{solution} ex-residual-angle
# :class: dropdown
#
# $\sin\theta-\theta\cos\theta=\frac{\theta^3}3+O(\theta^5)$, so $\cos\theta_{l+1}=\cos\theta_l+\frac{\theta_l^3}{3\pi}+\dots$ and $\theta_{l+1}^2=\theta_l^2-\frac{2\theta_l^3}{3\pi}$:
# $\theta_{l+1}\approx\theta_l-\frac{\theta_l^2}{3\pi}$. With $u=1/\theta$: $u_{l+1}\approx u_l+\frac1{3\pi}$, so $\theta_l\sim3\pi/l$. Then $\log\prod(1-\theta_l/\pi)\approx-\sum3/l\approx-3\log L$.
# ```
#
# ```{exercise} Mirrored, and then?
# :label: ex-residual-mirror
#
# In a looks-linear layer $W=[W_+,W_-]$, with $W_+=V$ and $W_-=-V$ at the start. Write the gradients of the two halves for one example. When do they stay mirrored?
# ```
#
# ```{solution} ex-residual-mirror
# :class: dropdown
#
# $\partial L/\partial W_+=g\,\mathrm{ReLU}(z)^\top$ and $\partial L/\partial W_-=g\,\mathrm{ReLU}(-z)^\top$, with $g$ the gradient of the output. A unit is positive or negative for an example, so
# only one of its two columns moves. They stay mirrored only if $\sum g\,\mathrm{ReLU}(z)^\top=-\sum g\,\mathrm{ReLU}(-z)^\top$ over the batch, that is $\sum g\lvert z\rvert^\top=0$: never exactly in practice. So
# the network leaves the linear ones with the first step.
# ```
#
# ```{exercise} Why filters?
# :label: ex-residual-filter
#
# Multiply a filter by $s>0$ in front of a batch normalisation, and the network computes the same. What do a plain random direction and a filter-normalised one make of
# the two networks?
# ```
#
# ```{solution} ex-residual-filter
# :class: dropdown
#
# The loss of the scaled network at $sw+ad$ is that of the first at $w+\frac as d$. With a plain direction it looks $s$ times as wide, though it is the same function. With filter normalisation $d$ is
# scaled by $s$ as well, and both pictures are the same.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
