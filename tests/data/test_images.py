from hashlib import sha256

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from startright.data import load, normalised_inputs


def as_rows(*splits):
    """The set of (pixels, label) rows of some splits, with their number."""
    rows = [(*x.tolist(), y) for s in splits for x, y in zip(s.x.flatten(1), s.y.tolist(), strict=True)]
    return sorted(rows)


def test_digits_are_scikit_learns_split_in_a_fixed_way():
    digits = load("digits", normalize=False)
    pixels, labels = load_digits(return_X_y=True)
    assert (digits.train.x.shape, digits.test.x.shape) == ((1500, 1, 8, 8), (297, 1, 8, 8))
    whole = sorted((*(x / 16).tolist(), y) for x, y in zip(pixels, labels.tolist(), strict=True))
    assert as_rows(digits.train, digits.test) == whole
    # pinned: the split must stay the same over versions of torch and scikit-learn
    assert sha256(bytes(digits.test.y.tolist())).hexdigest()[:16] == "8ff82ca6421acb50"
    assert digits.n_classes == 10
    assert digits.validation is None


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_training_part_is_normalised(flatten, dtype):
    digits = load("digits", flatten=flatten, dtype=dtype, validation=200)
    assert digits.train.x.dtype == dtype
    torch.testing.assert_close(digits.train.x.mean().item(), 0.0, atol=1e-5, rtol=0)
    torch.testing.assert_close(digits.train.x.std(correction=0).item(), 1.0, atol=1e-5, rtol=0)
    # the other parts are shifted by the training part's mean, not by their own
    raw = load("digits", flatten=flatten, dtype=dtype, validation=200, normalize=False)
    for part in ("validation", "test"):
        expected = (getattr(raw, part).x - digits.mean) / digits.std
        torch.testing.assert_close(getattr(digits, part).x, expected)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 1000), st.integers(0, 500), st.integers(1, 297), st.integers(0, 5))
def test_drawn_parts_are_disjoint_parts_of_the_whole(n_train, held, n_test, seed):
    whole = load("digits", normalize=False)
    drawn = load(
        "digits", n_train=n_train, validation=held, n_test=n_test, seed=seed, normalize=False, flatten=True
    )
    assert (len(drawn.train.y), len(drawn.test.y)) == (n_train, n_test)
    parts = [drawn.train] + ([drawn.validation] if held else [])
    rows = as_rows(*parts)
    assert len(rows) == n_train + held
    assert len(set(rows)) == len(rows)  # digits has no two equal images
    assert set(rows) <= set(as_rows(whole.train))
    assert set(as_rows(drawn.test)) <= set(as_rows(whole.test))


def test_draws_depend_on_the_seed_alone():
    a, b, c = (load("digits", n_train=100, validation=50, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(a.train.x, b.train.x)
    assert torch.equal(a.validation.y, b.validation.y)
    assert not torch.equal(a.train.y, c.train.y)


@pytest.mark.parametrize(
    "sizes",
    [
        {"n_train": 0},
        {"n_train": 1501},
        {"n_test": 298},
        {"validation": -1},
        {"validation": 1500},
        {"n_train": 1400, "validation": 101},
    ],
)
def test_sizes_the_dataset_does_not_have(sizes):
    with pytest.raises(ValueError, match="asked for"):
        load("digits", **sizes)


def test_text_is_no_image_dataset():
    with pytest.raises(ValueError, match="unknown image dataset 'ptb'"):
        load("ptb")


def test_tiny_mnist_is_read_as_it_is(tiny_mnist):
    mnist = load("mnist", root=tiny_mnist, normalize=False)
    content = (tiny_mnist / "MNIST/raw/train-images-idx3-ubyte").read_bytes()
    assert mnist.train.x.shape == (6, 1, 28, 28)
    assert mnist.train.x.mul(255).round().to(torch.uint8).numpy().tobytes() == content[16:]
    assert mnist.test.y.tolist() == [0, 1, 2, 3]


def test_tiny_cifar10_is_normalised_by_channel(tiny_cifar10):
    cifar = load("cifar10", root=tiny_cifar10)
    assert cifar.train.x.shape == (10, 3, 32, 32)
    assert cifar.train.y.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    torch.testing.assert_close(cifar.train.x.mean((0, 2, 3)), torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(cifar.train.x.std((0, 2, 3), correction=0), torch.ones(3))
    assert cifar.mean.shape == cifar.std.shape == (3,)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape", "mean", "std"),
    [
        ("mnist", (60000, 1, 28, 28), [0.1307], [0.3081]),
        ("fashion_mnist", (60000, 1, 28, 28), [0.2860], [0.3530]),
        ("cifar10", (50000, 3, 32, 32), [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
    ],
)
def test_real_images_have_the_published_statistics(name, shape, mean, std, real):
    data = load(name, root=real(name))
    assert data.train.x.shape == shape
    assert len(data.test.y) == 10000
    np.testing.assert_allclose(data.mean, mean, atol=6e-5)
    np.testing.assert_allclose(data.std, std, atol=6e-5)
    assert set(data.train.y.tolist()) == set(range(10))


@given(
    st.integers(1, 4), st.integers(1, 9), st.floats(-37, 37), st.sampled_from([torch.float32, torch.float64])
)
def test_normalised_inputs_have_mean_square_one_at_any_scale(n, n0, exponent, dtype):
    x = torch.randn(n, 2, n0, generator=torch.Generator().manual_seed(n0), dtype=dtype)
    scaled = normalised_inputs(x * 10.0**exponent)
    assert scaled.shape == (n, 2 * n0)
    torch.testing.assert_close(scaled.square().mean(1), torch.ones(n, dtype=dtype))
    torch.testing.assert_close(scaled, normalised_inputs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_input_without_direction_is_named(value):
    x = torch.ones(3, 4)
    x[1, :] = value
    with pytest.raises(ValueError, match=f"input 1 has the largest entry {value}"):
        normalised_inputs(x)


@pytest.mark.parametrize("x", [torch.ones(3), torch.ones(3, 2, dtype=torch.int64)])
def test_not_a_batch_of_inputs(x):
    with pytest.raises(ValueError, match="must be floating-point"):
        normalised_inputs(x)
