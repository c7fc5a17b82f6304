import pytest
import torch

from startright.data import load


@pytest.fixture(scope="session")
def digits():
    """400 training, 100 validation and 100 test digits of 64 features, in float64."""
    return load("digits", n_train=400, validation=100, n_test=100, flatten=True, dtype=torch.float64)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """On tensors this small, threads on a busy machine do little but wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
