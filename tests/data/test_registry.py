from pathlib import PurePosixPath

import pytest
from torchvision import datasets

from startright.data import entry, registry


@pytest.mark.parametrize("name", sorted(registry()))
def test_entry_is_complete_and_stays_below_the_root(name):
    dataset = entry(name)
    assert dataset.title
    assert dataset.licence
    assert dataset.source
    assert len({file.path for file in dataset.files}) == len(dataset.files)
    for file in dataset.files:
        path = PurePosixPath(file.path)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert file.size > 0
        assert (len(file.sha256), len(file.md5)) == (64, 32)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_md5_of_idx_files_are_torchvisions(name):
    published = dict(getattr(datasets, entry(name).torchvision).resources)
    listed = {PurePosixPath(file.path).name + ".gz": file.md5 for file in entry(name).files}
    assert listed == published


def test_md5_of_cifar_files_are_torchvisions():
    kind = datasets.CIFAR10
    published = dict([*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])])
    assert {PurePosixPath(f.path).name: f.md5 for f in entry("cifar10").files} == published


def test_unknown_dataset_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown dataset 'cifar': did you mean 'cifar10'\?"):
        entry("cifar")


def test_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        registry()["mine"] = entry("mnist")
