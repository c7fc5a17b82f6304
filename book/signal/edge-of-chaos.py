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
# # The Edge of Chaos
#
# *Two inputs enter a random network. Do they become one, or strangers?*
#
# *Before you start:* [Gaussian pre-activations](gaussian-preact.ipynb), variance and correlation
#
# A deep network at initialisation is a machine that is applied to its own output again and again. If it
# pulls different inputs together, they cannot be told apart at the top. If it drives similar
# inputs apart, noise is all that arrives. {cite:t}`poole2016exponential` and {cite:t}`schoenholz2017deep`
# computed which of the two happens, in the limit of infinite width: there is an *ordered* phase, a
# *chaotic* phase, and on the line between them, the {term}`Edge of Chaos`, signals travel deepest.
#
# {cite:t}`wolinski2025gaussian` read this theory critically. This chapter rebuilds it, then
# tests their three remarks.
#
# ```{admonition} What the paper claims
# :class: tip
# - "The variance has **one** stable fixed point" is not general: for some activation function the map that takes the
#   variance of one layer to that of the next has infinitely many (C7).
# - An analysis at **finite width** is possible: recursions for second moments hold exactly there (C8).
# - Glorot's and He's initialisations, the Edge of Chaos and Gaussian pre-activations are one
#   idea: choose a summary of the law of pre-activations, and make it a **fixed point** of the layer map (C9).
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
import numpy as np
import torch

from startright.book import pages
from startright.figures import use_style
from startright.preact import (
    chaos_findings,
    figures,
    headlines,
    knobs,
    log_periodic,
    maps,
    reference,
    schematic,
    schemes,
    studies,
    tables,
)
from startright.studies import complete, live

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "Two inputs on their way through many layers (a sketch).", "name": "fig-chaos-method"}, "image": {"alt": "Three boxes with two lines each: in the ordered phase they merge, at the edge they stay as far apart as they were, in the chaotic phase they part."}} tags=["remove-input"]
schematic.phases()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("preact", ["C7", "C8", "C9"])

# %% tags=["finding", "remove-input"]
headlines.two_inputs(complete(studies.CORRELATION))

# %% tags=["finding", "remove-input"]
headlines.wide_enough(complete(studies.CORRELATION))

# %% tags=["finding", "remove-input"]
headlines.at_finite_width(complete(studies.MOMENTS))

# %% [markdown]
# **Use it when** you choose the variances of the weights and biases of a deep network without normalisation: two small functions tell
# where they lie.
#
# **Leave it when** layers are narrow, normalised or skipped: the theory is that of infinite width, and of plain layers.

# %% [markdown]
# ## Two maps
#
# In a very wide network the pre-activations of a layer are Gaussian, so two numbers say everything about two
# inputs: their common variance [$v$](#notation-depth) and their correlation $c$. One layer, with weights of variance
# $\sigma_w^2$, biases of variance $\sigma_b^2$ and the activation function $\varphi$, maps them by a {term}`variance map` $V$ and
# a {term}`correlation map` $C$,
#
# $$
# V(v) = \sigma_w^2\, \mathbb E\bigl[\varphi(\sqrt v Z)^2\bigr] + \sigma_b^2, \qquad
# C(c) = \frac{\sigma_w^2\,\mathbb E\bigl[\varphi(\sqrt{v^*} Z_1)\,\varphi(\sqrt{v^*} Z_2)\bigr]
# + \sigma_b^2}{v^*},
# $$ (chaos-maps)
#
# where $v^* = V(v^*)$ is a fixed point, and $Z$, $Z_1$, $Z_2$ are standard normal with $\operatorname{corr}(Z_1,Z_2)=c$. Equal inputs stay equal: $C(1)=1$. Whether
# *nearly* equal inputs stay so is decided by the slope there,
#
# $$
# \chi_1 = C'(1) = \sigma_w^2\,\mathbb E\bigl[\varphi'(\sqrt{v^*} Z)^2\bigr].
# $$ (chaos-chi)
#
# [$\chi_1$](#notation-depth) below 1 is ordered, above 1 chaotic, and $\chi_1 = 1$ is the edge. The expectations are integrals over one or two
# Gaussian variables, sums on a grid:

# %% tags=["remove-input"]
pages.source(reference.mean_field)

# %% tags=["remove-input"]
pages.source(reference.chi1)

# %% [markdown]
# What runs are [`variance_map`, `correlation_map` and `chi1`](../api/preact.md), by a rule that allows for a kink at 0, such as
# that of ReLU; the tests hold them equal to these lines. {numref}`fig-chaos-variance-map` draws the variance map of tanh, of ReLU and of the functions
# $\varphi_\theta$ of [the chapter before](gaussian-preact.ipynb), $\varphi^\circ$ the odd and $\varphi^p$ the positive ones.

# %% mystnb={"figure": {"caption": "The variance map for tanh at the authors' $(\\sigma_w^2, \\sigma_b^2) = (1.46, 0.013)$, for ReLU at $(2, 0)$, and for $\\varphi_\\theta$ with its Weibull weights. Crossings with the diagonal are fixed points.", "name": "fig-chaos-variance-map"}, "image": {"alt": "Variance after a layer against variance before it, for tanh, ReLU and the positive functions at two values of theta, with the diagonal in grey."}}
v = np.linspace(0.01, 2, 60)
shown = {"tanh": schemes.tanh_eoc(), "ReLU": schemes.relu()}
for theta in (2.05, 10.0):
    shown[f"φᵖ θ={theta:g}"] = schemes.gaussian_preact(theta, "positive")
curves = {name: (v, maps.variance_map(scheme, v)) for name, scheme in shown.items()}
_ = figures.maps(curves, "variance v of a layer", "variance V(v) of the next")
plt.show()

# %% [markdown]
# For tanh there is one stable fixed point, $v^*\approx0.303$, with $\chi_1\approx 0.999$. ReLU's map **is** the
# diagonal: every variance is a fixed point. For $\varphi_\theta$ the fixed point is 1 by construction.
#
# ## The phase diagram
#
# For each $(\sigma_w,\sigma_b)$ iterate $V$ to its fixed point and colour by $\chi_1$: {numref}`fig-chaos-phases`.

# %% mystnb={"figure": {"caption": "$\\chi_1$ over $(\\sigma_w, \\sigma_b)$. Black: the Edge of Chaos, $\\chi_1 = 1$, for ReLU a single point. Blank: the variance grows without bound.", "name": "fig-chaos-phases"}, "image": {"alt": "Two heat maps. tanh: an ordered phase at small sigma w and a chaotic one at large sigma w, with a line between them that bends to the right. ReLU: ordered left of sigma w equal to root two, no fixed point to the right."}}
sigma_w, sigma_b = np.linspace(0.5, 3, 30), np.linspace(0, 1, 30)
diagrams = {
    name: (sigma_w, sigma_b, maps.phase_diagram(activation, sigma_w, sigma_b))
    for name, activation in {"tanh": torch.tanh, "ReLU": torch.relu}.items()
}
_ = figures.phase_diagrams(diagrams, marks={"ReLU": (2**0.5, 0.0)})
plt.show()

# %% [markdown]
# What the phases mean for two inputs: iterate the correlation map from $c=0.6$. In the ordered phase the two become
# one, in the chaotic phase they forget each other, and on the edge both take very long. Turn $\sigma_w$:

# %% mystnb={"figure": {"caption": "The correlation map of tanh at its variance fixed point, $\\sigma_b^2 = 0.013$, with twelve layers of one orbit. Grey: the diagonal.", "name": "fig-chaos-orbit"}, "image": {"alt": "A curve above or below the diagonal and a staircase between the two that starts in the middle: for small sigma w it climbs to one, for large sigma w it descends, and in between it hardly moves. Panels by sigma w: 0.8, 1, 1.2, 1.5, 2, 3."}} tags=["hide-input", "slider"]
knobs.orbit((0.8, 1, 1.2, 1.5, 2, 3))

# %% [markdown]
# In {numref}`fig-chaos-phases` the black line of tanh is the edge. For ReLU, $\chi_1 = \sigma_w^2/2$ whatever the variance, and with a bias and
# $\sigma_w^2\ge2$ the variance grows without bound: the edge shrinks to the single point
# $(\sqrt 2, 0)$, He's initialisation.
#
# ### Where does the Gaussian family sit?
#
# The table has, at variance 1, the variance $\Gamma(1+2/\theta)$ of the weights that go with $\varphi_\theta$, and the slope $\chi_1$ of both
# variants; for the odd one the slope of $C$ at 0 as well, for the positive one the value there.

# %%
tables.chaos((2.05, 3.0, 4.0, 5.0, 10.0))

# %% [markdown]
# **Exact Gaussianity is not an Edge of Chaos condition.** The odd functions are always slightly chaotic:
# by the Gaussian Poincaré inequality $\mathbb E\varphi'^2\ge\operatorname{Var}\varphi$, with equality for
# linear functions only, so $\chi_1>1$. The positive ones have a large mean, which the inequality does not count.

# %% tags=["finding", "remove-input"]
chaos_findings.chaos((2.05, 3.0, 4.0, 5.0, 10.0))

# %% [markdown]
# ## Real networks, real inputs
#
# The maps are for infinite width. The study draws networks, feeds them images, ten of each of ten
# classes, and averages the correlation of the pre-activations within and between classes
# ({numref}`fig-chaos-correlation`).

# %%
correlation_live = live(studies.CORRELATION, PROFILE, device=DEVICE, first_seed=SEED)
correlation_full = complete(studies.CORRELATION)

# %% mystnb={"figure": {"caption": "Mean correlation of two images against depth at width 300, on scikit-learn's digits; dashed: the infinite-width map iterated from the images' own correlations.", "name": "fig-chaos-correlation"}, "image": {"alt": "Six panels, one per activation, of correlation against the layer: within classes and between classes, each with a band over networks and a dashed line for infinite width."}}
_ = figures.correlation(correlation_live, width=300)
plt.show()

# %% mystnb={"figure": {"caption": "The recorded study on CIFAR-10 at width 1000, over 20 networks.", "name": "fig-chaos-correlation-full"}, "image": {"alt": "The same six panels for CIFAR-10 images and networks of width 1000."}}
if correlation_full:
    _ = figures.correlation(correlation_full, width=1000)
    plt.show()

# %% tags=["finding", "remove-input"]
chaos_findings.correlation(correlation_full)

# %% [markdown]
# How far is a finite network from the map? The table has the largest gap between the correlations, averaged over classes, that the map predicts and
# those of one network, over its first 20 layers.

# %%
tables.gaps(correlation_full or correlation_live)

# %% tags=["finding", "remove-input"]
chaos_findings.gaps(correlation_full)

# %% [markdown]
# ## Infinitely many stable variances
#
# Much of the literature starts with "the variance converges to *the* stable fixed point". Must there
# be only one? Take an activation that repeats itself on a logarithmic scale,
#
# $$
# \varphi_{\delta,\omega}(x) = x \exp\!\Bigl(\tfrac{\delta}{\omega}\sin(\omega\ln|x|)\Bigr),\qquad 0<\delta<1 .
# $$ (chaos-log-periodic)
#
# It is smooth away from 0 and strictly increasing. Since $\varphi(e^{2\pi/\omega}x) =
# e^{2\pi/\omega}\varphi(x)$, the ratio $V(v)/v$ is periodic in $\ln v$ when $\sigma_b=0$. If it crosses 1 once, it
# does so for ever, alternately downwards (a stable fixed point) and upwards (an unstable one): {numref}`fig-chaos-fixed-points`. The
# paper's plotting code names such a family with $\delta = 0.99$; the exact formula is our reconstruction.

# %% tags=["remove-input"]
pages.source(log_periodic.log_periodic)

# %% mystnb={"figure": {"caption": "$V(v)/v$ over three periods for $\\delta = 0.99$ and three $\\omega$, $\\sigma_w$ in the middle of its admissible range. Filled: stable fixed points; open: unstable.", "name": "fig-chaos-fixed-points"}, "image": {"alt": "Three panels, one per omega: a periodic curve around a grey line at one, with filled and open markers where the two cross."}}
fixed_live = live(studies.FIXED_POINTS, PROFILE, device=DEVICE)
curves = {}
for record in fixed_live:
    omega, sigma_w = record.config["omega"], record.metrics["sigma_w"]
    curves[f"ω = {omega:g}"] = log_periodic.curve(omega, sigma_w, delta=0.99)
_ = figures.fixed_points(curves)
plt.show()

# %%
tables.fixed_points(fixed_live)

# %% tags=["finding", "remove-input"]
chaos_findings.fixed_points(fixed_live)

# %% [markdown]
# Which fixed point a network lands on depends on the scale of its input, and it stays there: such a network
# remembers how large its input was.
#
# ## Exact at finite width
#
# With Gaussian weights a layer is *conditionally* Gaussian: given the mean square of the activations below it,
# [$q_l$](#notation-depth) $= \frac1n\sum_j\varphi(Z_j^l)^2$ for a layer of $n$ neurons, its neurons are independent $\mathcal N(0,\sigma_w^2 q_l + \sigma_b^2)$. So
# a random network seen by one input is a Markov chain of one number, whatever its width:

# %% tags=["remove-input"]
pages.source(reference.scalar_chain)

# %% [markdown]
# ($g$ are the Gaussians; what runs is [`scalar_chain`](../api/preact.md), which draws them in pieces, and is tested to be equal.)
#
# For ReLU with $\sigma_w^2=2$ the chain multiplies: $q_{l+1} = q_l\cdot\frac2n\chi^2_K$, a chi-square variable with
# $K\sim\mathrm{Binomial}(n,\frac12)$ degrees of freedom. Then $\mathbb E\,q_l$ is constant **exactly**, at every width, and the kurtosis, the fourth moment over
# the squared second, which is 3 for a normal law, grows with the depth $L$ ({numref}`fig-chaos-moments`):
#
# $$
# \operatorname{kurt}(Z^L) = 3\,\bigl(1 + 5/n\bigr)^{L-1}.
# $$ (chaos-kurtosis)

# %% mystnb={"figure": {"caption": "Second moment (left) and kurtosis (right) of a ReLU network's pre-activations. Points: sampled networks. Lines: exact.", "name": "fig-chaos-moments"}, "image": {"alt": "Left: sampled second moments against the layer, with a line at one. Right: sampled kurtosis on a logarithmic scale against the layer, with the exact lines, for each width."}}
moments_live = live(studies.MOMENTS, PROFILE, device=DEVICE, first_seed=SEED)
moments_full = complete(studies.MOMENTS)
_ = figures.moments(moments_live)
plt.show()

# %% tags=["finding", "remove-input"]
chaos_findings.moments(moments_full)

# %% [markdown]
# The right panel shows why "the variance is preserved" comforts too soon. The mean is kept by rare, huge networks
# while the typical one fades. A sample that misses the rare ones misses the kurtosis, so its points must
# scatter widely in deep and narrow networks.
#
# (tab-chaos-principles)=
# ## One idea, four initialisations
#
# Each initialisation fixes one summary of the law of a pre-activation. The table measures, for the pair
# each principle proposes, how far each summary is from a fixed point of the layer map: the variance
# $|V(v^*)/v^*-1|$, the slope $|\chi_1-1|$, and the whole law (KS distance at width 1).

# %%
principles_live = live(studies.PRINCIPLES, PROFILE, device=DEVICE)
tables.principles(principles_live)

# %% tags=["finding", "remove-input"]
chaos_findings.principles(principles_live)

# %% [markdown]
# Glorot's and He's pairs were chosen for the variance and happen to have $\chi_1=1$ as well. The Gaussian pairs
# were chosen for the law, and pay for it with the slope.
#
# ## Paper against ours
#
# Here the paper has a formula where others have a table: what is sampled is set over what is exact.

# %% mystnb={"figure": {"caption": "Second moment and kurtosis of sampled ReLU networks over the exact values. Intervals that reach the cross agree with the formula.", "name": "fig-chaos-beside"}, "image": {"alt": "A row per width and layer: a cross at one, a dot at the sampled moment over the exact one, with its interval."}}
figures.against_exact(moments_full or moments_live)

# %% tags=["nbval-ignore-output"]
measured = {
    "preact-fixed-points": fixed_live,
    "preact-moments": moments_live,
    "preact-principles": principles_live,
}
shown = ["C7", "C8", "C9"]
pages.claims_table("preact", shown, live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **C7.** The formula {eq}`chaos-log-periodic` is reconstructed from the names in the paper's code; the claim is
#   about existence, and one example settles it.
# - **C8.** The recursion is ours, written down for ReLU; the paper's own exact analysis is wider.
# - **C9** is an exposition in the paper. The table turns it into numbers; the choice of the three
#   summaries is ours.
#
# ## Try it yourself
#
# - Move $(\sigma_w,\sigma_b)$ for tanh across the black line of {numref}`fig-chaos-phases`, and iterate
#   the correlation map: `maps.correlation_map`.
# - Take $\omega=20$ in {eq}`chaos-log-periodic`: how narrow does the range of $\sigma_w$ become?
#
# ## Exercises
#
# ```{exercise} ReLU has no edge, only a point
# :label: ex-chaos-relu
#
# Compute $V$ and $\chi_1$ for ReLU. For which $(\sigma_w,\sigma_b)$ is there a finite fixed point of the
# variance with $\chi_1=1$?
# ```
#
# ```{solution} ex-chaos-relu
# :class: dropdown
#
# $\mathbb E[\max(0,\sqrt v Z)^2] = v/2$, so $V(v) = \sigma_w^2 v/2+\sigma_b^2$, and $\varphi'^2$ is 1 half of the time:
# $\chi_1=\sigma_w^2/2$. With $\chi_1=1$, $V(v)=v+\sigma_b^2$ has a fixed point only for $\sigma_b=0$.
# ```
#
# ```{exercise} The kurtosis of a ReLU network
# :label: ex-chaos-kurtosis
#
# Derive {eq}`chaos-kurtosis` from $q' = q\cdot\frac1n\sum_j 2\,G_j^2\,\mathbf 1[G_j>0]$.
# ```
#
# ```{solution} ex-chaos-kurtosis
# :class: dropdown
#
# $X_j = 2G_j^2\mathbf 1[G_j>0]$ has mean 1 and second moment $4\cdot\frac12\cdot3=6$. The mean of $n$ of
# them has second moment $1+(6-1)/n = 1+5/n$. So $\mathbb E q_l^2 = (1+5/n)^l q_0^2$. Given $q$, $Z$ is
# $\mathcal N(0,2q)$ with fourth moment $3(2q)^2$: the kurtosis is $3\,\mathbb E q^2/(\mathbb E q)^2$, with $L-1$ random layers
# below layer $L$.
# ```
#
# ```{exercise} Chaotic by necessity
# :label: ex-chaos-poincare
#
# For an odd $\varphi$ and weights of variance $s^2$ with $s^2\mathbb E\varphi(Z)^2=1$, use Hermite polynomials to show $\chi_1\ge1$.
# ```
#
# ```{solution} ex-chaos-poincare
# :class: dropdown
#
# Write $\varphi=\sum_k a_k h_k$ with normalised Hermite polynomials. $\mathbb E\varphi^2=\sum a_k^2$ and, as
# $h_k'=\sqrt k\,h_{k-1}$, $\mathbb E\varphi'^2=\sum k\,a_k^2$. For odd $\varphi$ only $k\ge1$ occur, so
# $\chi_1 = s^2\sum k a_k^2\ge s^2\sum a_k^2=1$, with equality only for $\varphi=a_1h_1$, a linear
# function. A positive $\varphi$ has a large $a_0$, which the second sum does not see.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
