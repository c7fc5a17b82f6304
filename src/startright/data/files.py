"""The files of a dataset under the data root: read only when verified, checked, fetched.

The bytes that are hashed are the bytes that are parsed: nothing can change in between, and no note of an
earlier check has to be trusted. Hashing CIFAR-10's 186 MB takes less than a second.
"""

import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from startright.data.registry import Entry, File, entry
from startright.paths import data_root


def read_verified(dataset: Entry, file: File, root: Path) -> bytes:
    """The content of one file, once its size and checksum have been found right.

    Args:
        dataset: the dataset the file belongs to.
        file: the file.
        root: the folder of the datasets.

    Raises:
        FileNotFoundError: the file is absent; the message says how to get it.
        ValueError: the file is truncated or altered; the message says by how much and what to do.
    """
    path = root / file.path
    if not path.is_file():
        raise FileNotFoundError(
            f"dataset {dataset.name!r} is not in {root}: no file {file.path}; {_remedy(dataset)}"
        )
    remedy = f"delete it, then {_remedy(dataset)}"
    if (size := path.stat().st_size) != file.size:
        raise ValueError(f"{path} has {size} bytes, {file.size} expected (truncated or altered?); {remedy}")
    content = path.read_bytes()
    if (digest := sha256(content).hexdigest()) != file.sha256:
        raise ValueError(f"{path} is altered: its sha256 is {digest}, {file.sha256} expected; {remedy}")
    return content


def _remedy(dataset: Entry) -> str:
    if dataset.torchvision:
        return f"run `startright data fetch {dataset.name}`, or set STARTRIGHT_DATA to the folder that has it"
    return (
        f"its terms ({dataset.licence}) allow no download from here: place your copy as "
        f"{', '.join(file.path for file in dataset.files)} under the folder STARTRIGHT_DATA "
        f"(`startright data fetch {dataset.name}` then checks it)"
    )


def reader(name: str, root: str | Path | None = None) -> Callable[[str], bytes]:
    """A function from a file's path, as the registry has it, to its verified content.

    Args:
        name: the dataset.
        root: the folder of the datasets; by default :func:`startright.paths.data_root`.

    Raises:
        ValueError: an unknown dataset.
    """
    dataset, folder = entry(name), _folder(root)
    by_path = {file.path: file for file in dataset.files}
    return lambda path: read_verified(dataset, by_path[path], folder)


def verify(name: str, root: str | Path | None = None) -> list[str]:
    """What is wrong with the dataset's files under ``root``: one sentence a file, empty if all is well.

    Args:
        name: the dataset.
        root: the folder of the datasets; by default :func:`startright.paths.data_root`.

    Raises:
        ValueError: an unknown dataset.

    >>> verify("digits")  # comes with scikit-learn
    []
    """
    dataset, folder = entry(name), _folder(root)
    problems = []
    for file in dataset.files:
        try:
            read_verified(dataset, file, folder)
        except (OSError, ValueError) as problem:
            problems.append(str(problem))
    return problems


def fetch(name: str, root: str | Path | None = None) -> list[Path]:
    """Download a dataset unless it is there, intact; only verified files reach their place.

    Args:
        name: the dataset.
        root: the folder of the datasets; by default :func:`startright.paths.data_root`.

    Returns:
        The dataset's files, all verified.

    Raises:
        ValueError: an unknown dataset, or the download differs from the registry.
        FileNotFoundError: the dataset's terms allow no download, and it is not there.
        OSError: the download failed, or the folder cannot be written.
    """
    dataset, folder = entry(name), _folder(root)
    problems = verify(name, folder)
    if problems and not dataset.torchvision:
        raise FileNotFoundError(problems[0])
    if problems:
        folder.mkdir(parents=True, exist_ok=True)
        # beside its place, so that the move is a rename: no half file is ever left there
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
            _download(dataset, Path(scratch))
            _place(dataset, Path(scratch), folder)
    return [folder / file.path for file in dataset.files]


def _download(dataset: Entry, folder: Path) -> None:
    """Let torchvision download and unpack, and do no more.

    Its constructors would also read what came: unpickling it for CIFAR-10, after an md5 at best.
    """
    from torchvision import datasets  # noqa: PLC0415 -- slow to import, and only a download needs it

    kind = getattr(datasets, dataset.torchvision)
    bare = kind.__new__(kind)
    bare.root = str(folder)
    try:
        bare.download()
    except (OSError, RuntimeError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise OSError(
            f"could not download dataset {dataset.name!r}: {reason}; with no network, copy its files "
            f"to the folder STARTRIGHT_DATA from a machine that has them"
        ) from error


def _place(dataset: Entry, source: Path, target: Path) -> None:
    for file in dataset.files:
        read_verified(dataset, file, source)
    for file in dataset.files:
        (target / file.path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(source / file.path, target / file.path)


def _folder(root: str | Path | None) -> Path:
    return data_root() if root is None else Path(root).expanduser()
