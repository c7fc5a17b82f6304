"""From the bytes of a file to arrays, running none of them as code."""

import io
import pickle
import struct

import numpy as np

# What numpy pickles an array with: private, and moved between numpy 1 and 2, so asked of numpy itself.
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def idx_array(content: bytes) -> np.ndarray:
    """The uint8 array of an idx file.

    Args:
        content: two zero bytes, the type (8: unsigned byte), the number of axes, the length of each axis as
            a big-endian 32-bit integer, then the values in C order.

    Returns:
        The array, read-only, of the shape that the file states.

    Raises:
        ValueError: not an idx file of unsigned bytes, or its length differs from its stated shape.

    Source: Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST database of handwritten digits*, file formats.

    >>> idx_array(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    array([7, 9], dtype=uint8)
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"not an idx file of unsigned bytes: it begins with {content[:4]!r}")
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape))
    if values.size != int(np.prod(shape, dtype=object)):
        raise ValueError(f"idx file states the shape {shape} but holds {values.size} values")
    return values.reshape(shape)


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"refused to unpickle {module}.{name}: only numpy arrays are read")
        return _ALLOWED[module, name]


def cifar_batch(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a CIFAR-10 batch file, a pickle of which only plain values and arrays are read.

    Args:
        content: the file, a pickled dictionary with ``data``, uint8 (n, 3072), and ``labels``.

    Returns:
        Images, uint8 (n, 3, 32, 32), and labels, int64 (n,).

    Raises:
        ValueError: the pickle is broken, asks for anything but arrays, or holds something else.

    Source: A. Krizhevsky, *Learning multiple layers of features from tiny images*, 2009.
    """
    try:
        # the files were written by Python 2: their byte strings are text
        batch = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
        images, labels = batch["data"], np.array(batch["labels"], np.int64)
        return images.reshape(len(labels), 3, 32, 32), labels
    except Exception as error:  # a broken pickle can raise nearly anything
        raise ValueError(f"not a CIFAR-10 batch: {error}") from error
