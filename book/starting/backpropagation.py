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
# # Back-propagation by hand
#
# *How does a weight in the first layer learn what it did to the cost at the last?*
#
# *Before you start:* the chain rule, matrices
#
# A network of many layers is one function inside another inside another, and the chain rule takes its derivative.
# Done naively, it would pay for every path from a weight to the cost. Done in the right order, it pays once per weight:
# that is back-propagation. This chapter follows the first part of the lecture *Rien ne sert de courir, il faut partir à
# point* ({cite:t}`lopesquintas2025recent`), solves its first exercise in full, and shows what the recursion
# already says about deep networks before any of them is trained: gradients can **vanish** on the way down.
#
# ```{admonition} What the lecture claims
# :class: tip
# - A recursion from layer to layer gives the gradient of every weight and every bias (C1).
# - A layer of sigmoids lets at most a quarter of the gradient through, times what its weights amplify (C2). <!-- theory -->
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

from startright.book import pages
from startright.figures import use_style
from startright.initialisation import figures, findings, reference, schematic, studies, tables
from startright.studies import complete, live

use_style()

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "One layer and what lies above it. Forward, a signal is multiplied, shifted and bent; backward, its gradient takes the same stations in the opposite order.", "name": "fig-bp-method"}, "image": {"alt": "Four boxes in a row: the activations of the layer below, z, a and the cost C. Arrows to the right are labelled with the weights and the activation, arrows to the left with the transposed weights and the slope of the activation."}} tags=["remove-input"]
schematic.passes()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("initialisation", ["C1", "C2"])

# %% tags=["finding", "remove-input"]
findings.gradients(complete(studies.GRADIENTS))

# %% tags=["finding", "remove-input"]
findings.vanishing(complete(studies.DEPTH))

# %% tags=["finding", "remove-input"]
findings.weight_gradients(complete(studies.DEPTH))

# %% [markdown]
# **Use the recursion when** you want to know what a layer does to a gradient, with pen and paper.
#
# **Leave it when** you want the
# gradient itself: automatic differentiation does the same sums, for any network.
#
# ## The recursion
#
# A layer $l$ takes the activations $a^{l-1}$ of the one below, forms $z^l$, and bends it by an activation function $f$:
#
# $$
# z^l_j = \sum_k w^l_{jk}\, a^{l-1}_k + b^l_j, \qquad a^l_j = f(z^l_j), \qquad C = C(a^L).
# $$ (bp-layer)
#
# The quantity to follow is $\delta^l_j = \partial C/\partial z^l_j$, the change of the cost per change of a pre-activation. Three
# applications of the chain rule give all gradients (exercise 1 below):
#
# $$
# \begin{aligned}
# \delta^L &= f'(z^L) \odot \frac{\partial C}{\partial a^L}, &
# \delta^l &= f'(z^l) \odot (W^{l+1})^\top \delta^{l+1}, \\
# \frac{\partial C}{\partial W^l} &= \delta^l\, (a^{l-1})^\top, &
# \frac{\partial C}{\partial b^l} &= \delta^l .
# \end{aligned}
# $$ (bp-recursion)
#
# ($\odot$ multiplies entry by entry.) In plain tensors, for one input:

# %% tags=["remove-input"]
pages.source(reference.backpropagation)

# %% [markdown]
# ```{margin} An index to correct
# The exercise sheet prints $w_{jk}$ and a sum up to $n_l$ in the third part. It is $w^{l+1}_{kj}$, and the sum runs over the
# $N_{l+1}$ units of the layer above. With square layers the wrong index runs without an error, and is wrong.
# ```
#
# What runs is [`backprop.forward` and `backprop.backward`](../api/initialisation.md), the same for a batch. Is it what
# autograd computes? On random networks of four layers, weights and biases, in double precision:

# %% [markdown]
# (tab-bp-gradients)=

# %%
gradients_live = live(studies.GRADIENTS, PROFILE, device=DEVICE, first_seed=SEED)
tables.gradients(gradients_live)

# %% tags=["finding", "remove-input"]
findings.gradients(gradients_live)

# %% [markdown]
# ## What thirty layers leave
#
# The recursion multiplies by $f'(z)$ at every layer. For the sigmoid $f'\le\frac14$. Put absolute values *inside* the sums, and
# a bound for every entry follows, with $\gamma=\max|f'|$ and $|W|$ the matrix of absolute values:
#
# $$
# |\delta^l| \;\le\; \gamma^{\,L-l}\; |W^{l+1}|^\top \cdots |W^{L}|^\top\, |\delta^L| .
# $$ (bp-bound)
#
# ```{margin} An exponent to correct
# The slides print $\gamma^{L-l+1}$ beside $\delta^L$, which already contains $f'(z^L)$, and put the absolute value around the sum.
# ```
#
# The same multiplication, on average instead of at worst, tells how fast the gradient of a *random* network shrinks. With
# layers of $n$ units and independent centred weights of variance $\sigma_w^2/n$ the variance of $\delta$ is multiplied at every layer by
#
# $$
# \chi = \sigma_w^2\, \mathbb E\bigl[f'(z)^2\bigr] \;\le\; \gamma^2 \sigma_w^2 ,
# $$ (bp-chi)
#
# so by at most $\frac1{16}$ for sigmoids with $\sigma_w^2=1$. Three sizes of weights occur on this page, and the [next
# chapter](initialisation.ipynb) says where they come from: $\sigma_w^2=\frac13$, the *naive* one of `nn.Linear`, Glorot's 1, and He's 2.
# {numref}`fig-bp-vanishing` lets three activations run down thirty layers under Glorot's.

# %% mystnb={"figure": {"caption": "Variance of $\\delta^l$ over that of the last layer, from the last layer to the first, for random networks with Glorot's weights ($\\sigma_w^2 = 1$). Bands: one standard deviation over networks. Grey dashes: infinite width. Dots: 1/16 per layer.", "name": "fig-bp-vanishing"}, "image": {"alt": "Variance of the gradient on a logarithmic scale against the layer, from the thirtieth to the first: nearly flat for tanh, a falling line for ReLU, a much steeper one for the sigmoid, which stays just below a dotted line."}}
depth_live = live(studies.DEPTH, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.vanishing(depth_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.vanishing(depth_live)

# %% [markdown]
# In single precision nothing is left of it: numbers below $10^{-38}$ are zero there. <!-- theory --> Why tanh does so much better
# with the same weights, and which weights suit ReLU, is the subject of the [next chapter](initialisation.ipynb).
#
# ### The gradient of a weight is another matter
#
# {eq}`bp-recursion` says $\partial C/\partial W^l = \delta^l (a^{l-1})^\top$: the gradient of a *weight* holds both passes, the signal that
# comes up and the gradient that comes down. Where weights are too small both shrink, one towards the top and one
# towards the bottom, and their product can look the same at every layer:

# %% mystnb={"figure": {"caption": "Norm of $\\partial C/\\partial W^l$ over that of the last layer. Naive weights make signal and gradient vanish for tanh and ReLU: look whether this norm does.", "name": "fig-bp-weights"}, "image": {"alt": "Norm of the weights' gradient on a logarithmic scale from the thirtieth layer to the first: a line each for tanh and ReLU with naive weights, ReLU with He's, and the sigmoid with Glorot's. Compare which are level."}}
_ = figures.weight_gradient(depth_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.weight_gradients(depth_live)

# %% [markdown]
# So a flat profile of weight gradients does not show that a network is well initialised. Look at $z$ and at $\delta$.
#
# ## Paper against ours

# %% tags=["nbval-ignore-output"]
recursion_live = live(studies.RECURSION, PROFILE, device=DEVICE)
ours = (*gradients_live, *depth_live, *recursion_live)
measured = {r.study: [one for one in ours if one.study == r.study] for r in ours}
shown = ["C1", "C2"]
pages.claims_table("initialisation", shown, live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **C1** is an identity. What is tested is that our lines say it, and that the index of the sheet does not.
# - **C2.** The lecture states a bound. The factor per layer at infinite width, and the networks beside it, were computed for
#   this book.
#
# ## Try it yourself
#
# - Take the wrong index: `delta @ weight.T` in place of `delta @ weight` in `backprop.backward`. Which layers are still right?
# - Give the sigmoid weights sixteen times as large a variance. Does the gradient survive? What happens to $f'$?
#
# ## Exercises
#
# ```{exercise} Lecture, exercise 1
# :label: ex-bp-one
#
# 1. Show that $\partial C/\partial b^l_j = \delta^l_j$ and $\partial C/\partial w^l_{jk} = a^{l-1}_k\,\delta^l_j$.
# 2. Show that $\delta^L_j = f'(z^L_j)\,\partial C/\partial a^L_j$.
# 3. Show that $\delta^l_j = f'(z^l_j)\sum_{k=1}^{N_{l+1}} w^{l+1}_{kj}\,\delta^{l+1}_k$.
# ```
#
# ```{solution} ex-bp-one
# :class: dropdown
#
# 1. The cost sees $b^l_j$ and $w^l_{jk}$ through $z^l_j$ alone, and $\partial z^l_j/\partial b^l_j = 1$,
#    $\partial z^l_j/\partial w^l_{jk} = a^{l-1}_k$.
# 2. $a^L_j = f(z^L_j)$ depends on $z^L_j$ alone, so $\partial C/\partial z^L_j = \partial C/\partial a^L_j\cdot f'(z^L_j)$.
# 3. The cost sees $z^l_j$ through all $z^{l+1}_k = \sum_i w^{l+1}_{ki} f(z^l_i) + b^{l+1}_k$, so
#    $\delta^l_j = \sum_k \delta^{l+1}_k\,\partial z^{l+1}_k/\partial z^l_j = \sum_k \delta^{l+1}_k\, w^{l+1}_{kj}\, f'(z^l_j)$.
# ```
#
# ```{exercise} The steepest slope
# :label: ex-bp-slope
#
# What is $\gamma=\max|f'|$ for the sigmoid, for tanh and for ReLU? Why can tanh networks keep their gradient, and sigmoids not?
# ```
#
# ```{solution} ex-bp-slope
# :class: dropdown
#
# With $s$ the sigmoid, $s' = s(1-s)\le\frac14$, at 0. $\tanh' = 1-\tanh^2\le1$, at 0. ReLU's slope is 0 or 1. For tanh the bound does
# not shrink with depth when the weights have gain 1, and near 0 the slope is nearly 1. A sigmoid layer needs
# weights of standard deviation about four times as large to break even, and then $z$ is large and $f'$ far below its maximum.
# ```
#
# ```{exercise} The price of a gradient
# :label: ex-bp-price
#
# Count multiplications: what does the backward pass of a layer with $n$ inputs and $m$ outputs cost, beside the forward pass?
# ```
#
# ```{solution} ex-bp-price
# :class: dropdown
#
# Forward: $mn$ for $W a$. Backward: $mn$ for $W^\top\delta$ and $mn$ for $\delta a^\top$. Twice the forward pass, whatever the number
# of paths from a weight to the cost. The price is memory: all $z^l$ and $a^l$ must be kept.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
