"""The datasets by name, as ``registry.yml`` lists them: files, sizes, checksums, licences, sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import yaml

from startright.errors import unknown


@dataclass(frozen=True)
class File:
    """One file of a dataset: its path under the data root, its size in bytes and its checksums.

    ``md5`` is the published one: of the ``.gz`` member for idx files, of the file itself for the others.
    """

    path: str
    size: int
    sha256: str
    md5: str


@dataclass(frozen=True)
class Entry:
    """One dataset: what it is, the files it consists of, its terms and its origin.

    ``n_classes`` is ``None`` for text. ``torchvision`` names the class that downloads it, if one does.
    """

    name: str
    title: str
    files: tuple[File, ...]
    licence: str
    source: str
    home: str
    n_classes: int | None = None
    torchvision: str | None = None


@cache
def registry() -> Mapping[str, Entry]:
    """Every known dataset by its name.

    >>> sorted(registry())
    ['cifar10', 'digits', 'fashion_mnist', 'mnist', 'ptb']
    """
    listed = yaml.safe_load(files("startright.data").joinpath("registry.yml").read_text("utf-8"))
    return MappingProxyType({name: _entry(name, **fields) for name, fields in listed.items()})


def _entry(name: str, files: list[dict], **fields) -> Entry:
    return Entry(name, files=tuple(File(**file) for file in files), **fields)


def entry(name: str) -> Entry:
    """The dataset called ``name``.

    Raises:
        ValueError: no dataset has this name; the nearest names are suggested.

    >>> entry("mnist").licence
    'free for research, derived from NIST SD-1 and SD-3; widely listed as CC BY-SA 3.0'
    """
    known = registry()
    if name not in known:
        raise unknown("dataset", name, known)
    return known[name]
