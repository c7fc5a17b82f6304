import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from startright.data import load
from startright.data.decode import cifar_batch, idx_array


@given(arrays(np.uint8, array_shapes(max_dims=3)))
def test_idx_array_is_what_was_written(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    np.testing.assert_array_equal(idx_array(header + array.tobytes()), array)


@given(st.binary(max_size=40))
def test_idx_array_reads_or_refuses_whatever_comes(content):
    try:
        array = idx_array(content)
    except ValueError:
        return
    assert array.size == len(content) - 4 - 4 * array.ndim


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x00\x0d\x01\x00\x00\x00\x00", b"\x00\x00\x08\x01\x00\x00\x00\x03ab"]
)
def test_not_an_idx_file(content):
    with pytest.raises(ValueError, match="idx file"):
        idx_array(content)


def test_cifar_batch(tiny_cifar10):
    content = (tiny_cifar10 / "cifar-10-batches-py/test_batch").read_bytes()
    images, labels = cifar_batch(content)
    assert images.shape == (2, 3, 32, 32)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert labels.tolist() == [5, 4]
    assert images.tobytes() in content


class Evil:
    """Creates a file when unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_malicious_pickle_is_not_run(tmp_path, protocol):
    with pytest.raises(ValueError, match=r"refused to unpickle .*open: only numpy arrays are read"):
        cifar_batch(pickle.dumps({"data": Evil(tmp_path / "run")}, protocol))
    assert list(tmp_path.iterdir()) == []


def test_malicious_pickle_is_not_run_even_if_its_checksum_were_listed(place, tmp_path):
    names = [f"cifar-10-batches-py/data_batch_{k}" for k in range(1, 6)] + ["cifar-10-batches-py/test_batch"]
    names.append("cifar-10-batches-py/batches.meta")
    evil = pickle.dumps({"data": Evil(tmp_path / "run"), "labels": []}, 2)
    root = place("cifar10", dict.fromkeys(names, evil))
    with pytest.raises(ValueError, match="refused to unpickle"):
        load("cifar10", root=root)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("reference", [b"cos\nsystem\n.", b"cnumpy\nload\n.", b"cnumpy\nndarray.tofile\n."])
def test_only_what_rebuilds_arrays_can_be_referred_to(reference):
    with pytest.raises(ValueError, match="refused to unpickle"):
        cifar_batch(reference)


@given(st.binary(max_size=60))
def test_garbage_is_refused(content):
    with pytest.raises(ValueError, match=r"not a CIFAR-10 batch"):
        cifar_batch(content)
