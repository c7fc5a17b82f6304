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
# # The cold posterior
#
# *How strongly should a network hold to its prior, and why does practice not do what theory says?*
#
# *Before you start:* Bayes' rule, the normal law, and [penalties as priors](../structure/penalty-prior.ipynb)
#
# A Bayesian network has no weights but a law of weights. One trains it by weighing two wishes against each other: to fit
# the data, and to stay near the prior. Bayes' rule leaves no freedom in the weighing. The penalty for leaving the prior
# has the factor $\lambda = 1/N$, with $N$ the number of data. In practice smaller factors predict better, as if
# the posterior had been cooled. {cite:t}`wenzel2020how` called this the **cold posterior effect** and asked what it says about
# Bayes, about priors, or about our approximations.
#
# ```{admonition} What the papers claim
# :class: tip
# - Where the model is right, Bayes' factor is the best one (C11). Labels that are cleaner than the model believes call for a
#   colder posterior (C12), data that are counted too often for a warmer one (C13).
# - Deep networks predict worse at temperature 1 than far below it (C14).
# - Augmentation moves the optimum towards cold (C15); whether it is *the* cause is in dispute.
# - How the optimum depends on the number of data is not known (C16). The best factor, and what of data and augmentation
#   decides it, is an open programme.
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
from startright.models import variational
from startright.posterior import (
    deconvolved,
    figures,
    findings,
    headlines,
    knobs,
    published,
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

# %% mystnb={"figure": {"caption": "One weight. Cold, its posterior is all data and nearly a point; at $\\tau = 1$ it is that of Bayes; warm, it returns to the prior.", "name": "fig-posterior-method"}, "image": {"alt": "Three pairs of bell curves, a posterior and a dashed prior, from left to right: a narrow peak at the best fit, a broader bell, and one almost as wide as the prior."}} tags=["remove-input"]
schematic.balance()

# %% [markdown]
# ## What we found
#
# The claims by {term}`verdict`, each from the largest study that settles it; then what the recorded studies say.

# %% tags=["finding", "remove-input"]
pages.verdicts("posterior")

# %% tags=["finding", "remove-input"]
findings.conjugate(complete(studies.CONJUGATE))

# %% tags=["finding", "remove-input"]
findings.below_one(complete(studies.TEMPERATURE))

# %% tags=["finding", "remove-input"]
headlines.shifts(complete(studies.TEMPERATURE))

# %% [markdown]
# **Use a cold factor when** only the prediction counts, and choose it on held-out data as one chooses a learning rate.
#
# **Keep
# $\lambda = 1/N$ when** the posterior itself is what you want to know; then look at model, labels and approximation first.

# %% [markdown]
# ## One number, two temperatures
#
# Let every weight have a normal law of its own, $q(w) = \prod_j \mathcal N(\mu_j, s_j^2)$. With $N$ data, a prior $p$ and a
# factor $\lambda$ the objective per datum is
#
# $$
# \frac1N\sum_{i=1}^N \mathbb E_q\bigl[-\log p(y_i\mid x_i, w)\bigr] + \lambda\, \mathrm{KL}(q\,\|\,p), \qquad \tau = \lambda N .
# $$ (posterior-objective)
#
# Bayes' rule is $\tau = 1$. This is *$\lambda$-tempering*: the factor stands before the divergence alone.
# {cite:t}`wenzel2020how` temper *everything*, $\exp(-U/T)$ with the energy $U = -\sum_i\log p(y_i\mid x_i,w) - \log p(w)$, and so the
# prior as well. For a prior $\mathcal N(0, a^2)$ and a loss of curvature $h$ per datum both are closed forms:
#
# $$
# s^2_\lambda = \frac{1}{h/\lambda + 1/a^2}, \qquad s^2_T = \frac{T}{Nh + 1/a^2} .
# $$ (posterior-two)
#
# The second is the first at $\lambda = T/N$ **with the prior variance $a^2$ replaced by $T a^2$**. A cold posterior in the one sense has
# the old prior, in the other a narrower one too. Most apparent disagreement between papers begins
# here; all that follows is $\lambda$-tempering, and the package has
# [`full_as_factor`](../api/posterior.md) to go from one to the other.
#
# ```{admonition} A tempered divergence has no prior
# :class: note
# Could $T\cdot\mathrm{KL}$ be the divergence from *another* prior? The theorem in the chapter on [penalties as priors](../structure/penalty-prior.ipynb) says what
# its log-density would have to be, for posteriors of standard deviation $s$. Its part in $s$ is $\frac{T-1}{2}\log s^2$: it is the same for every $s$
# only if $T = 1$. A cold posterior with learned variances is therefore no Bayesian posterior in disguise.
# ```

# %%
at_zero, widths = torch.zeros(1, dtype=torch.float64), (0.1, 0.3, 1.0)
{f"T = {t:g}": [round(float(deconvolved(at_zero, s, t, 1.0)), 3) for s in widths] for t in (0.1, 1.0)}

# %% [markdown]
# Each list holds the log-density that a prior would need at $w = 0$ for three widths $s$. A prior exists where all entries agree.

# %% [markdown]
# ## Where the answer is known
#
# Take linear regression: $w\sim\mathcal N(0, I)$, $y = x^\top w + \varepsilon$. The model believes in noise of variance $\sigma^2$; the labels
# have $\sigma^2/S$, as if someone had **curated** them and thrown out what was doubtful; and every point is counted $K$ times. Then

# %% tags=["remove-input"]
pages.source(reference.tempered_regression)

# %% [markdown]
# and the prediction at $x$ is $\mathcal N(m^\top x,\; x^\top P^{-1}x + \sigma^2/S)$. The posterior depends on $K$, $\tau$ and $\sigma^2$ only
# through $K/(\tau\sigma^2)$. At $\tau = K/S$ it is the posterior of someone who knows all the truth, and no prediction has a smaller expected loss than that of
# Bayes: the minimum lies **exactly** at $\tau = K/S$, for every set of inputs. Turn the knob on a regression in one dimension:

# %% mystnb={"figure": {"caption": "A regression on thirteen bumps: the mean of the prediction and two standard deviations, by $\\tau$. Dots: labels. Dashed: the function behind them.", "name": "fig-posterior-fit"}, "image": {"alt": "A curve through two clouds of points with a gap between them, in a green band that widens in the gap as the temperature grows. Panels by temperature: 0.01, 0.1, 0.3, 1, 3, 10."}} tags=["hide-input", "slider"]
knobs.fit((0.01, 0.1, 0.3, 1, 3, 10))

# %% [markdown]
# Cold, the band ignores what it does not know in the gap; warm, the curve no longer follows its data. In
# {numref}`fig-posterior-conjugate` the expected loss is computed, not sampled: labels, weights and new labels are integrated in
# closed form, and only the inputs are drawn.

# %%
conjugate_live = live(studies.CONJUGATE, PROFILE, device=DEVICE, first_seed=SEED)

# %% mystnb={"figure": {"caption": "Expected negative log-likelihood (NLL) of a new label against temperature; $N = 20$, $d = 10$, $\\sigma^2 = 1$. The dots are at $\\tau = K/S$.", "name": "fig-posterior-conjugate"}, "image": {"alt": "Two panels of curves with one minimum each against the temperature on a logarithmic scale: for labels less noisy than modelled, and for points counted more than once, with a dot on every curve where theory puts the minimum."}}
_ = figures.conjugate(conjugate_live)
plt.show()

# %%
tables.conjugate(conjugate_live)

# %% tags=["finding", "remove-input"]
findings.conjugate(conjugate_live)

# %% [markdown]
# A table of the same losses was computed once for this book, by other code on other draws; no paper prints it. It stands beside
# the closed form (rows), by $\tau$ (columns):

# %%
tables.beside_reference(SEED)

# %% [markdown]
# Two honest reasons for a temperature other than 1 are now in hand, and they point in opposite directions. Image data sets are
# curated: annotators agree on them more than the likelihood believes {cite:p}`aitchison2021statistical`. And augmentation counts images that are not
# independent.
#
# ## An artefact first
#
# One reason more has nothing to do with data. Independent weights are an *approximation*, and it has a best temperature of its own. In the
# conjugate case the best $q$ of independent weights is known too, $s_j^2 = 1/P_{jj}$ with the same means, so what the approximation
# does alone can be seen: the model is right, the data are its own, and features are more and more correlated.

# %% mystnb={"figure": {"caption": "A right model: expected loss of the exact posterior and of the best one with independent weights, by the correlation of two features. Dots mark the lowest points; the grey line is $\\tau = 1$.", "name": "fig-posterior-mean-field"}, "image": {"alt": "Four panels, one per correlation, each with two curves against the temperature: that of the exact posterior and that of independent weights, with their lowest points marked."}}
_ = figures.mean_field(conjugate_live)
plt.show()

# %% tags=["finding", "remove-input"]
findings.mean_field(conjugate_live)

# %% [markdown]
# So an optimum off 1 in a variational network proves nothing about Bayes. With that in mind:

# %% [markdown]
# ## Variational networks
#
# Sampling weights is noisy. For a linear layer one may sample its *outputs* instead, which are Gaussian given the input: the
# **local reparametrisation** of {cite:t}`kingma2015variational`.

# %% tags=["remove-input"]
pages.source(reference.local_reparametrisation)

# %% tags=["remove-input"]
pages.source(reference.variational_loss)

# %% [markdown]
# In a network of your own these are two lines and a loss:
#
# ```python
# from startright.models.variational import GaussianPrior, kl, predict, variational_
# variational_(net, GaussianPrior("glorot"), example=x[:2])
# loss = cross_entropy(net(x), y) + kl(net).value / n_train
# ```
#
# and `predict(net, x, samples=32)` averages the probabilities of sampled networks. The conversion keeps the weights as means, tries
# itself on the example, and refuses what it does not know. The prior is the law of initialisation,
# $\mathcal N(0, 1/\text{fan-in})$; under $\mathcal N(0, 1)$ a bad prior would be mistaken for a cold posterior.

# %%
net = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
variational.variational_(net, variational.GaussianPrior("glorot"), std=0.02)
f"the divergence is exact: {variational.kl(net).exact}"

# %% [markdown]
# That of Gaussians has a formula; under another prior it would be sampled, and say so. In a convolution, noise of the outputs
# would forget that all positions of a map share one kernel. There the kernel itself is sampled.
#
# Every run below is one network at one temperature, with $N$ training images, as they are or **shifted** at random in every
# batch. In the last kind every image stands beside a **copy** of itself in the training set, and the two count as one. Its loss is the mean over both, so
# the objective {eq}`posterior-objective` is the same to the last digit. It is there to see whether the measurement invents shifts.

# %%
temperature_live = live(studies.TEMPERATURE, PROFILE, device=DEVICE, first_seed=SEED)
temperature_full = complete(studies.TEMPERATURE)

# %% mystnb={"figure": {"caption": "Test NLL of predictions averaged over 32 sampled networks against $\\tau$: MLPs on scikit-learn's digits. Bands are one standard deviation over seeds; the grey line is Bayes' $\\tau = 1$.", "name": "fig-posterior-sweep"}, "image": {"alt": "Three panels, one per number of training images, with the test loss against the temperature on logarithmic scales, for images as they are, shifted, and doubled."}}
_ = figures.sweep(temperature_live)
plt.show()

# %% tags=["finding", "nbval-ignore-output", "remove-input"]
findings.cold(temperature_live)

# %% [markdown]
# The recorded study repeats this with a small convolutional network on MNIST.

# %% mystnb={"figure": {"caption": "The recorded study: a network with two convolutions on MNIST, three seeds.", "name": "fig-posterior-sweep-full"}, "image": {"alt": "The same three panels from the recorded study on MNIST, with larger numbers of training images."}}
if temperature_full:
    _ = figures.sweep(temperature_full)
    plt.show()

# %% tags=["finding", "remove-input"]
findings.cold(temperature_full)

# %% tags=["finding", "remove-input"]
findings.means(temperature_full)

# %% [markdown]
# ## What moves the optimum?
#
# For every seed a parabola through the best temperature of the grid and its two neighbours gives $\tau^*$. One seed proves
# little, so {numref}`fig-posterior-best` has all of them, and the interval of their mean.

# %% mystnb={"figure": {"caption": "The best temperature of every seed (small dots) against the number of training images, with the 95 % interval of the mean of $\\log\\tau^*$. Open symbols: some seed has it at an end of the grid, where it is a bound.", "name": "fig-posterior-best"}, "image": {"alt": "Best temperature against the number of images on logarithmic scales, in three colours for images as they are, shifted, and doubled, with error bars, below or around a grey line at one."}}
_ = figures.best(temperature_full or temperature_live)
plt.show()

# %%
tables.best(temperature_full or temperature_live)

# %% [markdown]
# **Augmentation.** Counting an orbit of $K$ correlated copies as one datum leaves out what the copies add. If their gradients have
# correlation $\rho$, they are worth $K_{\text{eff}} = K/(1+(K-1)\rho)$ data, and a loss *averaged* over them at $\lambda = 1/N$ would want
# $\tau^* \approx 1/K_{\text{eff}}$, which tends to $\rho$ for many copies. Exact copies have $\rho = 1$ and move nothing.

# %% tags=["finding", "remove-input"]
findings.augmentation(temperature_full)

# %% tags=["finding", "remove-input"]
findings.duplicates(temperature_full)

# %% tags=["finding", "remove-input"]
findings.heuristic(temperature_full)

# %% [markdown]
# The literature disagrees on the role of augmentation: {cite:t}`noci2021disentangling` find it *sufficient but not necessary* for the effect;
# {cite:t}`izmailov2021what`, with Hamiltonian Monte Carlo in place of approximations, call the effect *largely an artefact* of it;
# {cite:t}`nabarro2022data` give augmentation a likelihood of its own, and the effect stays. A small study like ours can say which way
# its own optimum moves, and no more.
#
# **The number of data.**

# %% tags=["finding", "remove-input"]
findings.drift(temperature_full)

# %% [markdown]
# ## Paper against ours
#
# {cite:t}`wenzel2020how` sample ResNet-20 on CIFAR-10 by stochastic-gradient Monte Carlo; what is known to us of their figures is
# a range. That experiment takes days, and is not among our studies: the ledger therefore calls ours another set-up, whatever it finds.

# %% mystnb={"figure": {"caption": "Test accuracy at temperature 1 and cold, with augmentation: the paper's approximate range, and our runs by the number of training images.", "name": "fig-posterior-against"}, "image": {"alt": "At temperature one and cold, two grey bars for the paper's range of accuracies and coloured squares for ours, on a scale from 0 to 100 percent."}}
_ = figures.against(temperature_full or temperature_live, published.WENZEL_ACCURACY)
plt.show()

# %% tags=["nbval-ignore-output"]
measured = {
    "posterior-conjugate": conjugate_live,
    "posterior-temperature": temperature_live,
}
pages.claims_table("posterior", live=measured, profile=PROFILE, seed=SEED)

# %% [markdown]
# ### What differs, and why
#
# **The posterior.** Ours has independent weights, theirs is sampled. {numref}`fig-posterior-mean-field` shows that independence alone
# moves the optimum. A cold optimum in a wide variational network need therefore not be Wenzel's effect; telling them apart takes an exact posterior, of
# the last layer at least, or a sampler.
#
# **The temperature.** Ours tempers the divergence, theirs everything; by {eq}`posterior-two` theirs at $T$ is ours at $\tau = T$ with a prior
# narrower by the factor $\sqrt T$.
#
# **The scale.** Small networks, small data, one prior. The range of temperatures ends at $\tau = 1$ above, since what is asked is the cold side.
#
# ## Try it yourself
#
# - Put `PROFILE = "full"` and run the page again; the runs that are recorded already are not repeated.
# - Give `variational_` a prior of your own: any object with `log_density(w)`.
# - In the table of the conjugate cases, what would $S = 5$ with $K = 5$ give? Try `Regression(curation=5, copies=5)`.
#
# ## Exercises
#
# ```{exercise} Two errors that cancel
# :label: ex-posterior-cancel
#
# Labels are $S$ times cleaner than modelled, and every point is counted $K$ times. For which $K$ does Bayes' factor predict best?
# ```
#
# ```{solution} ex-posterior-cancel
# :class: dropdown
#
# The optimum is at $\tau = K/S$, so $K = S$. Nothing in the curve betrays that two things are wrong.
# ```
#
# ```{exercise} The best independent weights
# :label: ex-posterior-mean-field
#
# The exact posterior is $\mathcal N(m, P^{-1})$. Show that the $q$ of independent weights that minimises {eq}`posterior-objective` has mean $m$ and
# variances $1/P_{jj}$, and that these are at most the exact ones, $(P^{-1})_{jj}$.
# ```
#
# ```{solution} ex-posterior-mean-field
# :class: dropdown
#
# Up to constants the objective is $\mathrm{KL}(q\,\|\,\mathcal N(m, P^{-1})) = \frac12\sum_j (P_{jj}s_j^2 - \log s_j^2) + \frac12(\mu-m)^\top P(\mu-m)$.
# Its minimum is $\mu = m$, $s_j^2 = 1/P_{jj}$. By the formula for the inverse of a block matrix, $(P^{-1})_{jj} = 1/(P_{jj} - c)$ with
# $c\ge 0$. The *prediction* may still be too wide: along a direction that correlated data pin down, $\sum_j x_j^2/P_{jj}$ can be far larger than
# $x^\top P^{-1}x$.
# ```
#
# ```{exercise} Averages do not count
# :label: ex-posterior-average
#
# Replace every datum by $K$ exact copies, and *average* the loss over all of them, with $\lambda = \tau/N$ and $N$ the number of
# distinct data. What happens to the optimum? And with $\lambda = \tau/(KN)$?
# ```
#
# ```{solution} ex-posterior-average
# :class: dropdown
#
# Nothing: the average over copies is the average over data, and $\lambda$ is the same. With $\lambda = \tau/(KN)$ the divergence counts $K$ times less, as if there
# were $K$ times as many data, and the optimum moves to $\tau = K$: the over-counting of C13.
# ```
#
# ```{exercise} Cold in whose sense?
# :label: ex-posterior-sense
#
# A paper reports that $T = 0.01$ is best under the prior $\mathcal N(0, 1)$, with everything tempered. Which $\lambda$-tempered
# posterior is it? Name a reason for the finding that has nothing to do with temperature.
# ```
#
# ```{solution} ex-posterior-sense
# :class: dropdown
#
# $\tau = 0.01$ with the prior $\mathcal N(0, 0.01)$. The weights of a layer with a hundred inputs start at about that variance, so the narrower prior
# alone, at $\tau = 1$, may explain part of the gain.
# ```

# %%
pages.provenance(profile=PROFILE, device=DEVICE)
