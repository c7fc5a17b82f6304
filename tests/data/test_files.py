import pytest
from torchvision import datasets

from startright.data import fetch, load, load_text, verify
from startright.data import registry as registry_function
from startright.data.files import reader

TRAIN = "MNIST/raw/train-images-idx3-ubyte"


def registry_of(name):
    """The files that are listed now: those that the fixtures have put in place."""
    from startright.data.registry import entry

    return entry(name).files


def no_download(self):
    raise AssertionError("nothing was to be downloaded")


def test_intact_files_have_no_problem_and_are_not_downloaded(tiny_mnist, monkeypatch):
    monkeypatch.setattr(datasets.MNIST, "download", no_download)
    assert verify("mnist", tiny_mnist) == []
    assert fetch("mnist", tiny_mnist)[0] == tiny_mnist / TRAIN


def test_reader_gives_the_content(tiny_mnist):
    assert reader("mnist", tiny_mnist)(TRAIN) == (tiny_mnist / TRAIN).read_bytes()


def test_truncated_file(tiny_mnist):
    path = tiny_mnist / TRAIN
    path.write_bytes(path.read_bytes()[:-7])
    (problem,) = verify("mnist", tiny_mnist)
    assert f"{path} has 4713 bytes, 4720 expected" in problem
    assert "delete it, then run `startright data fetch mnist`" in problem
    with pytest.raises(ValueError, match="has 4713 bytes, 4720 expected"):
        load("mnist", root=tiny_mnist)


def test_file_altered_by_one_bit(tiny_mnist):
    path = tiny_mnist / TRAIN
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is altered: its sha256 is [0-9a-f]{64}, [0-9a-f]{64} expected"):
        load("mnist", root=tiny_mnist)


def test_altered_again_after_it_was_found_right(tiny_mnist):
    load("mnist", root=tiny_mnist)
    test_file_altered_by_one_bit(tiny_mnist)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "ptb"])
@pytest.mark.parametrize("damage", ["altered", "truncated", "missing"])
def test_whoever_loads_is_told_what_verify_tells_of_every_file(name, damage, request):
    root = request.getfixturevalue(f"tiny_{name}")
    read_all = load_text if name == "ptb" else load
    read_all(name, root=root)
    for file in registry_of(name):
        path = root / file.path
        content = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(content[:-1] + (b"" if damage == "truncated" else bytes([content[-1] ^ 1])))
        [problem] = verify(name, root)
        assert file.path in problem
        with pytest.raises((ValueError, FileNotFoundError)) as error:
            read_all(name, root=root)
        assert str(error.value) == problem
        path.write_bytes(content)
    assert verify(name, root) == []


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "ptb"])
def test_the_tiny_datasets_have_the_files_of_the_real_ones(name, request):
    real = {file.path for file in registry_function()[name].files}
    request.getfixturevalue(f"tiny_{name}")
    assert {file.path for file in registry_of(name)} == real


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_absent_dataset_names_itself_the_folder_and_the_command(name, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        load(name, root=tmp_path)
    for part in (repr(name), str(tmp_path), f"`startright data fetch {name}`", "STARTRIGHT_DATA"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_root_is_taken_from_the_environment(tiny_mnist, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_DATA", str(tiny_mnist))
    assert len(load("mnist").train.y) == 6


def test_fetch_puts_a_good_download_in_place_of_an_altered_file(tiny_mnist, monkeypatch):
    good = (tiny_mnist / TRAIN).read_bytes()
    (tiny_mnist / TRAIN).write_bytes(b"altered")
    others = {p.name: p.read_bytes() for p in (tiny_mnist / "MNIST/raw").iterdir()} | {"extra.gz": b"archive"}
    monkeypatch.setattr(datasets.MNIST, "download", writes(others | {"train-images-idx3-ubyte": good}))
    fetch("mnist", tiny_mnist)
    assert verify("mnist", tiny_mnist) == []
    assert [p.name for p in tiny_mnist.iterdir()] == ["MNIST"]
    assert not (tiny_mnist / "MNIST/raw/extra.gz").exists()


def writes(contents, error=None):
    def download(self):
        from pathlib import Path

        Path(self.raw_folder).mkdir(parents=True)
        for name, content in contents.items():
            (Path(self.raw_folder) / name).write_bytes(content)
        if error:
            raise error

    return download


@pytest.mark.parametrize(
    ("error", "raised"), [(None, ValueError), (RuntimeError("cut\noff"), OSError), (EOFError(), OSError)]
)
def test_bad_download_leaves_nothing_behind(tiny_mnist, monkeypatch, error, raised):
    contents = {p.name: p.read_bytes() for p in (tiny_mnist / "MNIST/raw").iterdir()}
    contents["t10k-labels-idx1-ubyte"] = b"half"
    for path in (tiny_mnist / "MNIST/raw").iterdir():
        path.unlink()
    monkeypatch.setattr(datasets.MNIST, "download", writes(contents, error))
    with pytest.raises(raised) as caught:
        fetch("mnist", tiny_mnist)
    assert "\n" not in str(caught.value)
    assert [p for p in tiny_mnist.rglob("*") if p.is_file()] == []
    assert [p.name for p in tiny_mnist.iterdir()] == ["MNIST"]


@pytest.mark.parametrize(
    ("name", "place", "address"),
    [("mnist", "mirrors", ["http://127.0.0.1:9/"]), ("cifar10", "url", "http://127.0.0.1:9/x.tar.gz")],
)
def test_offline_fetch_says_so(name, place, address, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(getattr(datasets, registry_function()[name].torchvision), place, address)
    with pytest.raises(OSError, match=f"could not download dataset '{name}': .*refused"):
        fetch(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fetch_never_runs_torchvisions_own_reading(tiny_cifar10, monkeypatch):
    def no_reading(self, *args, **kwargs):
        raise AssertionError("torchvision would unpickle the files")

    monkeypatch.setattr(datasets.CIFAR10, "__init__", no_reading)
    monkeypatch.setattr(datasets.CIFAR10, "download", lambda self: None)
    (tiny_cifar10 / "cifar-10-batches-py/test_batch").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_1"):
        fetch("cifar10", tiny_cifar10)


def test_text_under_terms_is_not_fetched(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"allow no download.*place your copy as ptb/ptb\.train\.txt"):
        fetch("ptb", tmp_path)


def test_embedded_dataset_needs_no_file(tmp_path):
    assert verify("digits", tmp_path) == fetch("digits", tmp_path / "absent") == []
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("function", [verify, fetch, load, reader])
def test_unknown_dataset(function):
    with pytest.raises(ValueError, match="did you mean 'fashion_mnist'"):
        function("fashion-mnist")


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "ptb"])
def test_real_files_are_the_registered_ones(name, real):
    assert verify(name, real(name)) == []
