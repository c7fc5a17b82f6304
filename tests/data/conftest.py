"""Tiny datasets in the published formats, and the real ones where they are present."""

import struct
from dataclasses import replace
from hashlib import sha256
from importlib import import_module

import numpy as np
import pytest

from startright.data.registry import File, registry
from startright.paths import data_root

registry_module = import_module("startright.data.registry")  # `startright.data.registry` is the function


@pytest.fixture
def real():
    """The root of the real datasets, once the named one is found there; else the test is skipped."""

    def require(name):
        missing = [f.path for f in registry()[name].files if not (data_root() / f.path).exists()]
        if missing:
            pytest.skip(f"{name} is not under STARTRIGHT_DATA ({data_root()}): no {missing[0]}")
        return data_root()

    return require


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Writes files as the content of a dataset and lists them in the registry; returns the root."""

    def place_files(name, contents):
        for path, content in contents.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        files = tuple(File(p, len(c), sha256(c).hexdigest(), "-") for p, c in contents.items())
        listed = {**registry_module.registry(), name: replace(registry_module.entry(name), files=files)}
        monkeypatch.setattr(registry_module, "registry", lambda: listed)
        return tmp_path

    return place_files


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def python2_pickle(images, labels):
    """A CIFAR-10 batch as Python 2 pickled it: uint8 images, (n, 3072), and a list of labels."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + b"".join(b"J" + struct.pack("<i", n) for n in images.shape)
        + b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + (b"\x89T" + struct.pack("<i", images.size) + images.tobytes() + b"tb")
    )
    listed = b"](" + b"".join(b"K" + bytes([y]) for y in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + listed + b"u."


@pytest.fixture
def tiny_mnist(place):
    """An MNIST of 6 training and 4 test images."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", 6), ("t10k", 4)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        contents[f"MNIST/raw/{part}-images-idx3-ubyte"] = idx(images)
        contents[f"MNIST/raw/{part}-labels-idx1-ubyte"] = idx(np.arange(n, dtype=np.uint8))
    return place("mnist", contents)


@pytest.fixture
def tiny_cifar10(place):
    """A CIFAR-10 of five training batches and a test batch, of two images each, with the names of classes."""
    rng = np.random.default_rng(0)
    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    batches = {
        f"cifar-10-batches-py/{name}": python2_pickle(
            rng.integers(0, 256, (2, 3072), dtype=np.uint8), [k, 9 - k]
        )
        for k, name in enumerate(names)
    }
    meta = b"\x80\x02}U\x0blabel_names](U\x08airplaneU\nautomobilees."
    return place("cifar10", batches | {"cifar-10-batches-py/batches.meta": meta})


@pytest.fixture
def tiny_fashion_mnist(place):
    """A Fashion-MNIST of two training and two test images."""
    contents = {}
    for part in ("train", "t10k"):
        contents[f"FashionMNIST/raw/{part}-images-idx3-ubyte"] = idx(
            np.eye(28, dtype=np.uint8)[None].repeat(2, 0)
        )
        contents[f"FashionMNIST/raw/{part}-labels-idx1-ubyte"] = idx(np.arange(2, dtype=np.uint8))
    return place("fashion_mnist", contents)


@pytest.fixture
def tiny_ptb(place):
    """A text of a few words."""
    return place("ptb", {f"ptb/ptb.{part}.txt": b" a b \n" for part in ("train", "valid", "test")})
