"""Partitions of the parameters of a network into groups, by name.

A group is what gets one learning rate. Names, and not positions, say what belongs where: two dictionaries in
different orders cannot be confused.

Source: P. Wolinski, *Gathering and exploiting higher-order information when training large structured
models*, 2025.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from startright.errors import unknown

Named = nn.Module | Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Partition:
    r"""Disjoint groups :math:`T_1, \dots, T_S` of parameters.

    Args:
        groups: the names of the parameters of each group.
        names: of the groups; by default that of the only parameter, or of the module that all of the group
            are in, or that of the first parameter and how many there are.

    Raises:
        ValueError: no group, an empty one, a parameter in two of them, or names that do not fit.

    >>> net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    >>> Partition.canonical(net).names
    ('0.weight', '0.bias', '2.weight', '2.bias')
    >>> Partition.blocks(net).groups
    (('0.weight', '0.bias'), ('2.weight', '2.bias'))
    """

    groups: tuple[tuple[str, ...], ...]
    names: tuple[str, ...] = ()
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        if isinstance(self.groups, str) or any(isinstance(group, str) for group in self.groups):
            raise ValueError(f"groups must be sequences of names, got {self.groups!r}")
        groups = tuple(tuple(group) for group in self.groups)
        if not groups or not all(groups):
            raise ValueError(f"a partition has one group or more, none of them empty, got {groups}")
        counts = Counter(name for group in groups for name in group)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise ValueError(f"groups overlap: {', '.join(twice)} named more than once")
        names = tuple(self.names) or tuple(map(_label, groups))
        if len(names) != len(groups) or len(set(names)) != len(names):
            raise ValueError(f"{len(groups)} groups need as many names, all different, got {names}")
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "_index", {name: s for s, group in enumerate(groups) for name in group})

    def __len__(self) -> int:
        return len(self.groups)

    def __hash__(self) -> int:
        return hash((self.groups, self.names))

    def index(self, name: str) -> int:
        """The number of the group that a parameter is in.

        Raises:
            ValueError: a parameter in no group.
        """
        if name not in self._index:
            raise unknown("parameter", name, self._index)
        return self._index[name]

    def check(self, params: Named) -> "Partition":
        """Itself, if it covers exactly the trainable parameters of ``params``.

        Raises:
            ValueError: parameters that are unknown, missing or frozen; the message names them.
        """
        trainable, frozen = _trainable(params)
        if stopped := [name for name in self._index if name in frozen]:
            raise ValueError(
                f"frozen parameters have no rate: leave out {', '.join(stopped)}, or set requires_grad"
            )
        if strange := [name for name in self._index if name not in trainable]:
            raise unknown("parameter", strange[0], trainable)
        if missing := [name for name in trainable if name not in self._index]:
            raise ValueError(f"parameters in no group: {', '.join(missing)}")
        return self

    def block_sums(self, coarser: "Partition") -> torch.Tensor:
        r"""The 0/1 matrix B, (C, S), with :math:`\bar g' = B\bar g` and :math:`\bar H' = B\bar H B^\top`.

        The primed tensors are those of ``coarser``, whose groups are unions of groups of this partition.

        Raises:
            ValueError: the partitions have other parameters, or a group would be split.
        """
        if set(self._index) != set(coarser._index):
            odd = sorted(set(self._index) ^ set(coarser._index))
            raise ValueError(f"the partitions differ in their parameters: {', '.join(odd)}")
        matrix = torch.zeros(len(coarser), len(self), dtype=torch.float64)
        for s, group in enumerate(self.groups):
            into = {coarser.index(name) for name in group}
            if len(into) > 1:
                raise ValueError(f"{self.names[s]} would be split: {coarser.names} are not unions of groups")
            matrix[into.pop(), s] = 1
        return matrix

    @classmethod
    def canonical(cls, params: Named) -> "Partition":
        """One group a tensor."""
        return cls(tuple((name,) for name in _trainable(params)[0]))

    @classmethod
    def trivial(cls, params: Named) -> "Partition":
        """All in one group, ``"all"``."""
        return cls((tuple(_trainable(params)[0]),), ("all",))

    @classmethod
    def weights_biases(cls, params: Named) -> "Partition":
        """Two groups, biases and all others.

        A bias is called so, ``…bias…`` as in ``in_proj_bias``, or has any name and the shape of one, a vector
        or a number; but vectors that multiply are weights: what is called ``w…``, or a weight, gain, scale,
        gamma, slope or norm, as in normalisations.
        """
        shapes = _trainable(params)[0]
        return cls._by(params, lambda name: "biases" if _is_bias(name, shapes[name]) else "weights")

    @classmethod
    def blocks(cls, params: Named, by: int | Callable[[str], str] | None = None) -> "Partition":
        """One group a module.

        Args:
            params: a module, or parameters by name.
            by: how many parts of the dotted name, at most, name the module (1 for the children of the
                network); or a function from the parameter's name to the group's; by default the module that
                the parameter belongs to.

        Raises:
            ValueError: a depth below 1.
        """
        if callable(by):
            return cls._by(params, by)
        if by is not None and by < 1:
            raise ValueError(f"the depth of the blocks must be 1 or more, got {by}")
        return cls._by(params, lambda name: ".".join(_owner(name).split(".")[:by]) or name)

    @classmethod
    def alternate(cls, params: Named) -> "Partition":
        """Two groups, ``"even"`` and ``"odd"``: modules with parameters go to one and the other by turns."""
        owners = list(dict.fromkeys(map(_owner, _trainable(params)[0])))
        return cls._by(params, lambda name: ("even", "odd")[owners.index(_owner(name)) % 2])

    @classmethod
    def custom(
        cls, params: Named, groups: Mapping[str, Iterable[str]] | Iterable[Iterable[str]]
    ) -> "Partition":
        """Groups of one's own, as sequences of names, or these by the name of the group; checked.

        Raises:
            ValueError: see :meth:`check`.
        """
        names = tuple(groups) if isinstance(groups, Mapping) else ()
        return cls(tuple(groups.values() if names else groups), names).check(params)

    @classmethod
    def _by(cls, params: Named, key: Callable[[str], str]) -> "Partition":
        """One group for each value of ``key``, in the order in which they appear."""
        found: dict[str, list[str]] = {}
        for name in _trainable(params)[0]:
            found.setdefault(key(name), []).append(name)
        return cls(tuple(map(tuple, found.values())), tuple(map(str, found)))


GAINS = ("weight", "gain", "scale", "gamma", "slope", "norm")
PARTITIONS = ("canonical", "trivial", "weights_biases", "blocks", "alternate")
Groups = str | Partition | Mapping[str, Iterable[str]] | Sequence[Iterable[str]]


def as_partition(groups: Groups, params: Named) -> Partition:
    """A partition from its name, from lists of names, or from itself, checked against ``params``.

    Raises:
        ValueError: an unknown name, or groups that do not fit.
    """
    if isinstance(groups, Partition):
        return groups.check(params)
    if isinstance(groups, str):
        if groups not in PARTITIONS:
            raise unknown("partition", groups, PARTITIONS)
        return getattr(Partition, groups)(params)
    return Partition.custom(params, groups)


def _trainable(params: Named) -> tuple[dict[str, torch.Tensor], set[str]]:
    """The parameters that train by name, and the names of those that do not.

    In a dictionary, plain tensors all count as trainable: they are values to differentiate at.
    """
    named = dict(params.named_parameters() if isinstance(params, nn.Module) else params)
    frozen = {name for name, p in named.items() if isinstance(p, nn.Parameter) and not p.requires_grad}
    trainable = {name: p for name, p in named.items() if name not in frozen}
    if not trainable:
        raise ValueError("there are no trainable parameters to put into groups")
    return trainable, frozen


def _is_bias(name: str, p: torch.Tensor) -> bool:
    """By the name, without what a parametrization adds to it, and by the shape."""
    own = name.lower().replace("parametrizations.", "").rpartition(".original")[0] or name.lower()
    if "bias" in _leaf(own):
        return True
    is_vector = sum(size > 1 for size in p.shape) < 2
    return is_vector and not _leaf(own).startswith("w") and not any(gain in _leaf(own) for gain in GAINS)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _label(group: tuple[str, ...]) -> str:
    """A short name for a group."""
    if len(group) == 1:
        return group[0]
    owners = {_owner(name) for name in group}
    return owners.pop() if len(owners) == 1 and owners != {""} else f"{group[0]} + {len(group) - 1}"
