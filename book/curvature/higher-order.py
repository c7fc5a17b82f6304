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
# # Higher orders, a group at a time
#
# *What do layers know about each other, and is it worth the price of asking?*
#
# *Before you start:* Newton's method, gradient and Hessian of a function of several variables
#
# The Hessian of a network with a million parameters has $10^{12}$ entries. Most methods of second order therefore keep
# blocks on its diagonal, one per layer, and forget how layers interact. {cite:t}`wolinski2025gathering` does the opposite. It
# divides the parameters into [$S$](#notation-higher-order) {term}`groups <group>`, say one per tensor, and asks the loss only how it changes **along one
# direction in each group**. What is left is a gradient of $S$ numbers, a Hessian of $S\times S$, a third derivative of $S^3$: small,
# exact, and with all interactions in it. From these come learning rates, one per group.
#
# ```{admonition} What the paper claims
# :class: tip
# - The reduced derivatives are exact (C1), cost about $S$ backward passes (C2), and can be summed for coarser groups (C8).
# - The step does not depend on how the groups are parameterised (C3).
# - The interactions between layers matter (C4), and a third-order term tames the step where the Hessian is
#   indefinite (C5).
# - As an optimizer the method competes with Adam and K-FAC in some cases (C6), and it gives each tensor a learning
#   rate of its own (C7).
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
import warnings

import matplotlib.pyplot as plt
import torch
from torch.nn.functional import cross_entropy

from startright import data, higher_order
from startright.book import pages
from startright.figures import use_style
from startright.higher_order import (
    figures,
    findings,
    headlines,
    reference,
    schematic,
    studies,
    tables,
    tasks,
    training_findings,
)
from startright.higher_order.networks import make_network
from startright.studies import complete, live, recorded

use_style()
warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated")  # torch about itself

# %% tags=["parameters"]
PROFILE = "quick"  # how large: "quick" in seconds, "full" in minutes to hours
DEVICE = "auto"  # "auto" is CUDA, then MPS, then CPU
SEED = 0  # the first seed of every study

# %% mystnb={"figure": {"caption": "The derivatives of the loss along one direction per group of parameters: a small Hessian that sees the groups' interactions.", "name": "fig-higher-order-method"}, "image": {"alt": "A large matrix of five blocks of colour and grey blocks between them is reduced to a matrix of five by five cells, with which a small system is solved for one rate per group."}} tags=["remove-input"]
schematic.method()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("higher_order")

# %% tags=["finding", "remove-input"]
headlines.layers_interact(complete(studies.ONE_STEP))

# %% tags=["finding", "remove-input"]
headlines.price(complete(studies.COST))

# %% tags=["finding", "remove-input"]
training_findings.rivals([*complete(studies.LEARNING), *complete(studies.PEER)])

# %% [markdown]
# **Use it when** you want to see how groups of weights interact, or which rates they ask for, at the price of a few gradients.
#
# **Leave it when** batches are small and noisy, or when every second counts: a tuned first-order method is hard to beat there.

# %% [markdown]
# ## A function of S variables
#
# Let $u$ be a direction in the space of the parameters $\theta$: the gradient of the loss $L$, or its running mean. Cut it into the
# parts $u_1, \dots, u_S$ that belong to the groups, and give each part a learning rate [$\eta_s$](#notation-higher-order):
#
# $$
# \psi(\eta) = L\Bigl(\theta + \sum_{s=1}^{S} \eta_s u_s\Bigr), \qquad \theta \leftarrow \theta - \sum_s \eta_s u_s .
# $$ (higher-order-psi)
#
# All that the method needs are derivatives of $\psi$ at 0, an ordinary function of $S$ variables: its gradient $\bar g$, its
# Hessian, the {term}`reduced Hessian` $\bar H$, and its third derivative,
#
# $$
# \bar g_s = \langle \nabla L, u_s\rangle, \qquad
# \bar H_{st} = u_s^\top \nabla^2 L\, u_t, \qquad
# D^{(3)}_{rst} = \nabla^3 L[u_r, u_s, u_t] .
# $$ (higher-order-reduced)
#
# No entry is sampled or approximated. Two of the extremes are old friends: one group for all parameters gives the exact line search on
# a parabola, and one group for each parameter gives Newton's method.

# %%
net = make_network("digits-mlp", SEED).double()
digits = data.load("digits", flatten=True, dtype=torch.float64).train
loss = higher_order.loss_function(net, cross_entropy, digits.x[:200], digits.y[:200])
params = tasks.parameters(net)
direction = tasks.gradient(loss, params)
g, H, d3 = higher_order.grouped_derivatives(loss, params, "canonical", direction)
count = sum(p.numel() for p in params.values())
f"{count} parameters: gradient {tuple(g.shape)}, Hessian {tuple(H.shape)}"

# %% [markdown]
# Written down they are short. With $\theta$ as one vector, and a matrix $U$ whose row $s$ is $u_s$, and zero outside its
# group:

# %% tags=["remove-input"]
pages.source(reference.reduced_tensors)

# %% [markdown]
# What runs is [`grouped_derivatives`](../api/higher_order.md), for parameters by name and of $D^{(3)}$ the diagonal alone;
# the tests hold the two equal. There are three ways of computing it:
#
# - gradients of gradients, `double_backward`: each row of
#   $\bar H$ is the gradient of one entry of $\bar g$ {cite}`pearlmutter1994fast`, each $D^{(3)}_{sss}$ differentiates a
#   diagonal entry once more;
# - the derivatives above, by `torch.func`;
# - the default, `tangents`: push the
#   derivatives along all groups forward through the network, next to its values; then one backward pass is enough.
#
# (tab-higher-order-exactness)=
# ### Is it exact?
#
# A network of 64 parameters is small enough for its full Hessian and third derivative. The study contracts them with a random
# direction, and compares. All three ways must agree.

# %%
exactness = live(studies.EXACTNESS, PROFILE, device=DEVICE, first_seed=SEED)
tables.exactness(exactness)

# %% [markdown]
# (tab-higher-order-merging)=
# ### Coarser groups come for free
#
# If two groups are merged, $u_s + u_t$ replaces them, and by {eq}`higher-order-reduced` the new entries are sums of the
# old ones. So one computation for the finest partition answers for all coarser ones.

# %%
merging = live(studies.MERGING, PROFILE, device=DEVICE, first_seed=SEED)
tables.merging(merging)

# %% [markdown]
# ### What does it cost?
#
# One backward pass for each row of $\bar H$, one more for each third derivative. The unit of {numref}`fig-higher-order-cost` is one gradient on the same batch.

# %% mystnb={"figure": {"caption": "Processor time of the reduced derivatives in units of one gradient, for groups of neighbouring tensors, computed in two ways. Dotted: $S+2$.", "name": "fig-higher-order-cost"}, "image": {"alt": "Time in gradients against the number of groups, one panel per network: solid lines for order 2, dashed ones with the third order, by backward passes and by tangents, beside the dotted line S plus 2."}}
cost = live(studies.COST, PROFILE, device=DEVICE, first_seed=SEED)
cost_full = complete(studies.COST)
_ = figures.cost(cost_full or cost)
plt.show()

# %% tags=["finding", "remove-input"]
findings.costs(cost_full)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.costs(cost)

# %% [markdown]
# The paper counts $S$ backward passes. A backward pass here can be less than a whole gradient: row $s$ needs only what the groups $t \ge s$ contribute,
# and in LeNet the expensive layers come first. Tangents go forward together, so that groups share most of the work. Storage,
# $S^2$ numbers, is nothing beside the graph that has to be kept.
#
# ## A step that exists everywhere
#
# The quadratic model of the decrease has its minimum at $\eta = \bar H^{-1}\bar g$, if $\bar H$ is positive definite. Often it
# is not. The paper adds the third order, but in a form that is always minimised somewhere, {term}`cubic regularisation`
# {cite}`nesterov2006cubic`, of strength [$\lambda_{\mathrm{int}}$](#notation-higher-order). With $d_s = \lvert D^{(3)}_{sss}\rvert^{1/3}$ and $D = \operatorname{diag}(d)$, minimise
#
# $$
# T(\eta) = -\bar g^\top \eta + \tfrac12\, \eta^\top \bar H \eta + \tfrac{\lambda_{\mathrm{int}}}{6}\, \lVert D \eta\rVert^3 .
# $$ (higher-order-cubic)
#
# A group in which the loss bends much in third order gets a large $d_s$, and so a short step: the regularisation is anisotropic. At the
# minimum
#
# $$
# \bigl(\bar H + \tfrac{\lambda_{\mathrm{int}}}{2}\, r D^2\bigr)\, \eta = \bar g, \qquad r = \lVert D\eta\rVert ,
# $$ (higher-order-secular)
#
# with a positive semi-definite matrix on the left. This leaves one unknown, the number $r$, and one equation for it:

# %% tags=["remove-input"]
pages.source(reference.cubic_step)

# %% [markdown]
# What runs is [`cubic_step`](../api/higher_order.md), equal to these lines (tested; `lam` is $\lambda_{\mathrm{int}}$). It also takes groups without a third derivative, and
# gradients orthogonal to the lowest eigenvector {cite}`cartis2011adaptive`; and its answer carries its certificate:

# %%
step = higher_order.cubic_step(g, H, higher_order.anisotropy(d3), 1.0)
minimum = step.min_eigenvalue > -1e-12
f"{step.case}; solves the equation: {step.residual < 1e-12}; a minimum: {minimum}"

# %% [markdown]
# ### Two variables
#
# Rosenbrock's valley {cite}`rosenbrock1960automatic`, {numref}`fig-higher-order-rosenbrock`, shows what groups are for. With one group the gradient's direction is all there
# is, and the best step along it leads to a zigzag. With a group for each variable, $\bar H$ knows how they belong together.

# %% mystnb={"figure": {"caption": "From the usual start $(-1.2, 1)$: gradient descent, one group, two groups with $\\lambda_{\\mathrm{int}} = 1$ and with order 2 alone. The star is the minimum.", "name": "fig-higher-order-rosenbrock"}, "image": {"alt": "Left: contours of a curved valley, with the path of each method from the start towards the star. Right: the value against the steps, on a logarithmic axis."}}
rosenbrock = live(studies.ROSENBROCK, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.rosenbrock(rosenbrock)
plt.show()

# %% tags=["finding", "remove-input"]
findings.valley(rosenbrock)

# %% [markdown]
# ## The same step in other coordinates
#
# Count in other units: let $\theta_s = a_s\tilde\theta_s$ with one number $a_s$ per group, and mark what belongs to the new parameters by a tilde. Then
# $\tilde u_s = a_s u_s$, $\tilde{\bar g}_s = a_s^2 \bar g_s$, $\tilde{\bar H}_{st} = a_s^2 a_t^2 \bar H_{st}$ and $\tilde d_s = a_s^2 d_s$. By
# {eq}`higher-order-secular` $r$ stays, and $\tilde\eta_s = \eta_s / a_s^2$: **the network moves as before**. The same holds for
# rotations inside a group. The study of {numref}`fig-higher-order-invariance` trains in both parameterisations, and does what is not covered as well.

# %% mystnb={"figure": {"caption": "Distance between the trainings in two parameterisations, over the distance gone, on digits in float64. Dotted: the tolerance of C3.", "name": "fig-higher-order-invariance"}, "image": {"alt": "The distance against the step on a logarithmic axis, a curve for each kind of change and direction, and the dotted tolerance."}}
invariance = live(studies.INVARIANCE, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.invariance(invariance)
plt.show()

# %% tags=["finding", "remove-input"]
findings.same_step(invariance)

# %% [markdown]
# A weight and a bias in one group with different factors are not covered: the group has a single rate. Nor is Adam's direction under rotations. Under
# one factor per group even Adam's direction would do, as only the line along each $u_s$ counts; what is left is the small number $\varepsilon$ in its denominator.
#
# ## Do layers interact?
#
# Divide out the sizes: $C_{st} = \bar H_{st} / \sqrt{\lvert\bar H_{ss}\bar H_{tt}\rvert}$. If $\bar H$ is positive definite,
# $\lvert C_{st}\rvert < 1$. A method that treats layers one by one, such as {term}`K-FAC` {cite}`martens2015optimizing`, sees the diagonal, or blocks of two.
# {numref}`fig-higher-order-interactions` shows all of $C$.

# %% mystnb={"figure": {"caption": "Size of $C$ on digits, mean over the seeds; $u$ is the gradient of 500 images.", "name": "fig-higher-order-interactions"}, "image": {"alt": "Two heat maps of six by six tensors, at initialisation and after a training by Adam; darker is larger, cut at 1."}}
steps_live = live(studies.ONE_STEP, PROFILE, device=DEVICE, first_seed=SEED)
_ = figures.interactions(steps_live)
plt.show()

# %% mystnb={"figure": {"caption": "The same on the paper's data: two MLPs on MNIST (2000 and 1000 images), LeNet on CIFAR-10 (1000).", "name": "fig-higher-order-interactions-full"}, "image": {"alt": "Six heat maps, a row per network, at initialisation and after a training by Adam; look at the entries far from the diagonal."}}
steps_full = complete(studies.ONE_STEP)
if steps_full:
    _ = figures.interactions(steps_full)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.interactions(steps_full)

# %% [markdown]
# (tab-higher-order-step)=
# ### Does it matter?
#
# Take one step, undamped, along the gradient of these images, and look at the loss of the same images. Without the interactions there
# are two steps: the diagonal of $\bar H$ as it is, and within {eq}`higher-order-cubic`. Before the step: mean ± standard deviation over the seeds; after it:
# median and range, as an undamped step can land anywhere. First on digits, computed here:

# %% tags=["nbval-ignore-output"]
tables.steps(steps_live)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.without_interactions(steps_live) + findings.cubic_diagonal(steps_live)

# %% [markdown]
# And on the paper's data:

# %%
tables.steps(steps_full) if steps_full else "not yet run"

# %% tags=["finding", "remove-input"]
findings.without_interactions(steps_full) + findings.cubic_diagonal(steps_full)

# %% [markdown]
# One group for all parameters is among the steps that know of the interactions: it ignores that layers differ, but not that they act on each other.
# What the cubic term is for shows where $\bar H$ is indefinite:

# %% tags=["finding", "remove-input"]
findings.at_start(steps_full)

# %% tags=["finding", "remove-input"]
findings.once_definite(steps_full)

# %% [markdown]
# The cubic term cannot promise a descent, as only the diagonal of the third derivative is in it.
#
# ### Deep networks
#
# VGG-11' has 18 tensors, a network of twenty layers 42. Both at initialisation:

# %% mystnb={"figure": {"caption": "VGG-11' (100 images of CIFAR-10) and twenty layers of 64 units (1000 of MNIST) at initialisation.", "name": "fig-higher-order-deep"}, "image": {"alt": "Two heat maps, of 18 by 18 and of 42 by 42 tensors; look at the entries far from the diagonal."}}
large = complete(studies.LARGE_STEP)
if large:
    _ = figures.interactions(large)
    plt.show()

# %%
tables.steps(large) if large else "not yet run"

# %% tags=["finding", "remove-input"]
findings.deep(large)

# %% [markdown]
# The more groups there are, the more of the third derivative lies off its diagonal, out of the model's sight, and the diagonal is no bound on the rest. Hence
# the damping, the averages and the clipping of the optimizer below.
#
# ## How often is the Hessian indefinite?
#
# The same question along a whole path: train with Adam, stop now and then, compute the reduced tensors on a batch of 100, and see what one step would do to
# the loss of that batch ({numref}`fig-higher-order-indefinite`).

# %% mystnb={"figure": {"caption": "Along a training by Adam: least eigenvalue of $\\bar H$ over the largest (left), and the change of the batch's loss by one undamped step (right).", "name": "fig-higher-order-indefinite"}, "image": {"alt": "Left: the ratio of eigenvalues against the steps of Adam, with a line at zero. Right: the relative change of the loss for the cubic step and for order 2; above zero a step has raised the loss."}}
indefinite_live = live(studies.INDEFINITE, PROFILE, device=DEVICE, first_seed=SEED)
indefinite_full = complete(studies.INDEFINITE)
_ = figures.indefinite(indefinite_full or indefinite_live)
plt.show()

# %% tags=["finding", "remove-input"]
findings.indefinite(indefinite_full)

# %% tags=["finding", "remove-input"]
findings.saved(indefinite_full)

# %% [markdown]
# ## As an optimizer
#
# `GroupedNewton` does a step of momentum in each group. Every ten steps it computes the reduced tensors on **another** batch, averages them over the last
# estimates (until there are three the parameters wait, the *warm-up*), and solves {eq}`higher-order-cubic`. Rates that come out negative are set to 0 until the next update; all are multiplied by a common
# factor, $\lambda_1 = 0.1$ or $\lambda_1 = 0.3$ here. With the estimates to be averaged, a step is

# %% tags=["remove-input"]
pages.source(reference.grouped_step)

# %% [markdown]
# and the tests hold it equal to what runs, [`GroupedNewton`](../api/higher_order.md), over a training. On the network from above:

# %%
optimizer = higher_order.GroupedNewton(net, "canonical", lr=0.3)
for x, y in zip(digits.x.split(100), digits.y.split(100), strict=True):
    optimizer.zero_grad()
    cross_entropy(net(x), y).backward()
    optimizer.step(curvature=loss if optimizer.curvature_due else None)
done, needed = optimizer.estimates, optimizer.warm_up
f"{done} estimate after {optimizer.steps} steps; the parameters wait for {needed}"

# %% [markdown]
# The rivals are Adam {cite}`kingma2015adam` and SGD with momentum, each at the best of a few rates, and K-FAC on the curvature of
# `curvlinops` {cite}`dangel2025position`. Grouped Newton has two values of $\lambda_1$ to choose from. K-FAC needs the extra package
# (`pip install startright[peers]`); without it the page shows the records. {numref}`fig-higher-order-learning` is the race on digits.

# %%
learning_live = live(studies.LEARNING, PROFILE, device=DEVICE, first_seed=SEED)
if importlib.util.find_spec("curvlinops"):
    peer_live = live(studies.PEER, PROFILE, device=DEVICE)
else:
    peer_live = recorded(studies.PEER, "quick")
both_live = [*learning_live, *peer_live]

# %% mystnb={"figure": {"caption": "Digits, 64-40-20-10 units, tanh: each method at the rate with the least training loss (in the legend).", "name": "fig-higher-order-learning"}, "image": {"alt": "Three panels with a curve per method, grouped Newton, Adam, SGD and K-FAC: training loss by epoch and by second, test accuracy by epoch."}}
_ = figures.learning(both_live)
plt.show()

# %% tags=["nbval-ignore-output"]
tables.methods(both_live, digits=3)

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
training_findings.rivals(both_live)

# %% [markdown]
# Where several rates cannot be told apart, the numbers are those of the first. The flat beginning of grouped Newton is its warm-up: 30 steps, and an epoch
# has 15 here. On MNIST, below, it has 120: the network has 200 and 100 hidden units, fewer than the paper's, and sees 12 000 images for fifteen epochs.

# %% mystnb={"figure": {"caption": "MNIST, 12 000 images, 784-200-100-10 units, tanh, batches of 100.", "name": "fig-higher-order-learning-full"}, "image": {"alt": "The same three panels for MNIST."}}
learning_full, peer_full = complete(studies.LEARNING), complete(studies.PEER)
both_full = [*learning_full, *peer_full]
if learning_full:
    _ = figures.learning(both_full)
    plt.show()

# %%
tables.methods(both_full, digits=4) if learning_full else "not yet run"

# %% tags=["finding", "remove-input"]
training_findings.rivals(both_full)

# %% tags=["finding", "remove-input"]
training_findings.beginning(both_full) + training_findings.by_the_clock(both_full)

# %% [markdown]
# The seconds are those of the machine of the records, without evaluations. What grouped Newton promises to save is the search for a rate:

# %% tags=["finding", "remove-input"]
training_findings.search(both_full)

# %% [markdown]
# ### Other networks

# %% mystnb={"figure": {"caption": "Training loss of each method at the rate in the legend: LeNet on CIFAR-10 (45 000 images), the paper's MLP (54 000 images of MNIST), twenty layers of 64 units and an auto-encoder (12 000 images).", "name": "fig-higher-order-networks"}, "image": {"alt": "One panel per network, training loss against the epoch, a curve per method."}}
networks_live = live(studies.NETWORKS, PROFILE, device=DEVICE, first_seed=SEED)
networks_full = complete(studies.NETWORKS)
_ = figures.networks(networks_full or networks_live)
plt.show()

# %%
tables.methods(networks_full, digits=3) if networks_full else "not yet run"

# %% tags=["finding", "remove-input"]
training_findings.other_networks(networks_full)

# %% tags=["finding", "remove-input"]
training_findings.epochs_ahead(networks_full, "encoder")

# %% [markdown]
# Twenty layers are a case for which the paper recommends its method. Here $\bar H$ is $42\times42$, from a batch of 100.

# %% tags=["finding", "remove-input"]
training_findings.deep_training(networks_full, "deep-mlp")

# %% [markdown]
# ## One learning rate per tensor
#
# What rates does it find? {numref}`fig-higher-order-rates` has those of one training, before negative ones are set to 0.

# %% mystnb={"figure": {"caption": "Learning rates of one training at each update; crosses are negative ones, shown by their size.", "name": "fig-higher-order-rates"}, "image": {"alt": "Two panels over the updates, weights and biases, each with the sizes of three tensors' rates on one logarithmic axis; crosses are negative rates."}}
grouped = [r for r in learning_full or learning_live if r.config["method"] == "grouped"]
_ = figures.rates(grouped[-1])
plt.show()

# %% tags=["finding", "remove-input"]
training_findings.rate_sizes(learning_full)

# %% [markdown]
# A negative rate means that the model wants to go *up* the gradient in one group, given what the others do; that is what interactions mean.
# Set to 0, such groups stand still for ten steps. One may read off magnitudes from such a figure, hardly a recipe.
#
# For a look at the rates of a network of your own there is a function; here at initialisation:

# %%
batch = (digits.x[:500], digits.y[:500])
suggested = higher_order.suggest_learning_rates(net, cross_entropy, batch)  # float64
tables.suggested(suggested)

# %% [markdown]
# ## Which groups, and how much of the third order?

# %% tags=["nbval-ignore-output"]
choices_live = live(studies.CHOICES, PROFILE, device=DEVICE, first_seed=SEED)
tables.choices([*learning_live, *choices_live])

# %% [markdown]
# On MNIST there are other $\lambda_{\mathrm{int}}$ and larger batches for the curvature as well.

# %%
choices_full = complete(studies.CHOICES)
full = [*learning_full, *choices_full] if choices_full else []
tables.choices(full, digits=3) if full else "not yet run"

# %% tags=["finding", "remove-input"]
training_findings.partitions(full)

# %% tags=["finding", "remove-input"]
training_findings.cubic_weight(full)

# %% [markdown]
# One group is a line search with momentum. A larger $\lambda_{\mathrm{int}}$ means shorter steps; more images for the curvature mean less noise in $\bar H$.
#
# ## Paper against ours
#
# The paper's results are curves without numbers; what it counts is the cost. Count and measurement:

# %% mystnb={"figure": {"caption": "Time of $\\bar g$ and $\\bar H$ by backward passes, in gradients, beside the number of passes that the paper counts. The line between two marks is the gap.", "name": "fig-higher-order-beside"}, "image": {"alt": "A row per number of groups, in groups by network: a cross at the paper's count, a dot at the measured time, and a line between the two."}}
figures.against_count(cost_full or cost)

# %% tags=["nbval-ignore-output"]
shown = (*exactness, *merging, *invariance, *cost, *steps_live, *indefinite_live)
shown += (*both_live, *networks_live, *choices_live)
measured = {r.study: [one for one in shown if one.study == r.study] for r in shown}
pages.claims_table("higher_order", live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# - **C1, C3, C8** are identities: a computation in float64 settles them.
# - **C2** is a count of the paper's for order 2, and the unit is a gradient of the same batch. The third order comes on top:

# %% tags=["finding", "remove-input"]
findings.third_order(cost_full)

# %% [markdown]
# - **C4, C5** use the paper's data and two of its networks (MLP and LeNet), one step instead of a training.
# - **C6.** The paper trains for 100 to 200 epochs on GPUs and shows curves; numbers behind them are not known to us. Here it is 6 to 15 epochs on two processor cores. Adam and SGD have
#   a search over three to five rates, K-FAC over up to four, grouped Newton over two factors.
# - **C7** is read as: a rate of its own for every tensor trains better than one for all, at the same $\lambda_1$.
# - **VGG-11'** and its 9 million parameters appear for one step at initialisation only; **BigMLP** became twenty layers of 64 units on MNIST.
#   The paper's set-ups are the `paper` profile.
# - **K-FAC** has the settings of the paper's comparison, but for the weight decay, which no other method had, and exact instead of factored damping.
# - The authors' released programs of the time had an error in the averages, which multiplied $\lambda_{\mathrm{int}}$ by $W^2$ with $W$ between $3/4$ and $5/6$; here the averages are as the paper describes them.
#
# The paper's networks and settings:

# %% tags=["hide-input"]
tables.published()

# %% [markdown]
# ## Try it yourself
#
# - Put `groups="blocks"` in `GroupedNewton`. What happens to the rates of the biases?
# - Solve the step above with $\lambda_{\mathrm{int}} = 0$ and $\lambda_{\mathrm{int}} = 100$: how does $\lVert\eta\rVert$ change?
# - Take `direction = {name: p.sign() ...}` of the gradient in the cell with `grouped_derivatives`. Which entries of $\bar H$ turn negative?
#
# ## Exercises
#
# ```{exercise} Newton's method, and a line search
# :label: ex-higher-order-extremes
#
# Show that the step with order 2 is Newton's step if every parameter is a group of its own (and no $u_i$ is 0), and the exact line search on a parabola if
# all are in one group.
# ```
#
# ```{solution} ex-higher-order-extremes
# :class: dropdown
#
# With $U = \operatorname{diag}(u)$: $\bar g = U\nabla L$ and $\bar H = U\nabla^2L\,U$, so the step is
# $-U\eta = -U\,U^{-1}(\nabla^2L)^{-1}U^{-1}U\nabla L = -(\nabla^2 L)^{-1}\nabla L$, whatever $u$ is. With one group
# $\eta = \langle\nabla L, u\rangle / u^\top\nabla^2L\,u$, the minimum of the parabola along $u$. All other partitions are Newton's method
# in the space that $u_1, \dots, u_S$ span.
# ```
#
# ```{exercise} Why the cube root?
# :label: ex-higher-order-root
#
# Take one group, and $\lambda_{\mathrm{int}} = 1$. Compare the cubic term of $T$ with that of Taylor's series. What would break if $D^{(3)}_{sss}$ itself stood in
# place of $d_s$?
# ```
#
# ```{solution} ex-higher-order-root
# :class: dropdown
#
# $\tfrac16\lvert d\eta\rvert^3 = \tfrac16\lvert D^{(3)}\rvert\lvert\eta\rvert^3$ is the size of Taylor's term, with the sign that makes the model
# bounded below. $D^{(3)}_{sss}$ scales like $a_s^6$; only its cube root scales like $a_s^2$, as $1/\eta_s$ does, so only then is the step invariant.
# ```
#
# ```{exercise} A last layer without a third derivative
# :label: ex-higher-order-quadratic
#
# With the squared error, show that $D^{(3)}_{sss} = 0$ for the weights of the last layer. Why is the step still defined?
# ```
#
# ```{solution} ex-higher-order-quadratic
# :class: dropdown
#
# The outputs are linear in these weights, so the loss is quadratic in them, and a convex one: $\bar H_{ss} \ge 0$. The cubic term says nothing about $\eta_s$; the
# quadratic one does. The solver eliminates such groups first, and fails only if $\bar H$ is not positive definite on them.
# ```
#
# ```{exercise} Full batches from small ones
# :label: ex-higher-order-batches
#
# The reduced tensors of a data set are to be computed from batches of different sizes. What may be averaged, and in which order?
# ```
#
# ```{solution} ex-higher-order-batches
# :class: dropdown
#
# $\bar g$, $\bar H$ and $D^{(3)}$ are linear in the loss: average them with the sizes as weights, *then* take the cube root and solve. The mean of the
# $\eta$ of the batches is something else, and so is the mean of the $d_s$.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
