"""Names, devices, seeds and paths: small promises that everything else relies on."""

import ast

import pytest
import torch

from startright import paths
from startright.devices import describe_device, pick_device
from startright.errors import unknown
from startright.profiles import check_profile
from startright.seeds import derive, generator


def test_an_unknown_name_is_answered_with_the_nearest():
    assert "did you mean 'full'" in str(unknown("profile", "ful", ["quick", "full"]))
    with pytest.raises(ValueError, match="unknown profile 'fast'"):
        check_profile("fast")


def test_a_device_that_is_absent_is_refused_and_never_replaced():
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not present"):
            pick_device("cuda")
        assert pick_device("auto").type in ("cpu", "mps")
    with pytest.raises(ValueError, match="did you mean 'cuda'"):
        pick_device("cudda")
    with pytest.raises(ValueError, match="unknown device 'cpu:x'"):
        pick_device("cpu:x")


def test_a_device_is_described_in_words():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert describe_device(torch.device("cpu")) == "CPU, 1 thread"
        torch.set_num_threads(2)
        assert describe_device(torch.device("cpu")) == "CPU, 2 threads"
    finally:
        torch.set_num_threads(threads)


def test_streams_depend_on_seed_and_role_alone():
    first = torch.rand(3, generator=generator(1, "init"))
    torch.manual_seed(99)
    assert torch.equal(first, torch.rand(3, generator=generator(1, "init")))
    others = [generator(2, "init"), generator(1, "order")]
    assert not any(torch.equal(first, torch.rand(3, generator=other)) for other in others)


@pytest.mark.parametrize("seed", [-1, 1.0, True, "0", None])
def test_a_seed_that_is_no_natural_number_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be"):
        derive(seed, "init")


def test_the_environment_decides_where_data_and_records_live(monkeypatch, tmp_path):
    monkeypatch.setenv("STARTRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "results"))
    assert (paths.data_root(), paths.results_root()) == (tmp_path / "data", tmp_path / "results")
    monkeypatch.delenv("STARTRIGHT_DATA")
    assert paths.data_root() == paths.repository() / "data" / "raw"


def test_records_that_were_shipped_are_read_where_there_are_no_others(monkeypatch, tmp_path):
    monkeypatch.delenv("STARTRIGHT_RESULTS", raising=False)
    assert paths.shipped_results() is None  # in a checkout
    monkeypatch.setattr(paths, "repository", lambda: None)
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    shipped, own = tmp_path / "package" / "results", tmp_path / "data" / "results"
    assert (paths.shipped_results(), paths.results_root()) == (shipped, own)
    with pytest.raises(FileNotFoundError, match=f"no records in {shipped} or {own}: set STARTRIGHT_RESULTS"):
        paths.recorded_in()
    shipped.mkdir(parents=True)
    (shipped / "toy-dice.jsonl").touch()
    assert paths.recorded_in() == [shipped, own]
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "elsewhere"))
    assert paths.shipped_results() is None
    with pytest.raises(FileNotFoundError, match=f"no records in {tmp_path / 'elsewhere'}: "):
        paths.recorded_in()


def _reads_by_locale(call):
    """Whether a call reads a text file in the encoding of whoever runs it."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name == "open" and isinstance(call.func, ast.Name):
        modes = [arg.value for arg in call.args[1:2] if isinstance(arg, ast.Constant)]
        return not modes or not set("bwax") & set(modes[0])
    return name == "read_text" and not call.args


def test_the_check_of_encodings_sees_what_it_should():
    def offends(source):
        return _reads_by_locale(ast.parse(source).body[0].value)

    assert all(map(offends, ("path.read_text()", "open(path)", "open(path, 'r')", "files(p).read_text()")))
    fine = ("path.read_text('utf-8')", "open(path, 'rb')", "open(path, encoding='utf-8')", "os.open(path, 0)")
    assert not any(map(offends, fine))


def test_text_is_read_in_one_encoding_everywhere():
    offences = [
        f"{path.relative_to(paths.PACKAGE)}:{node.lineno}"
        for path in sorted(paths.PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _reads_by_locale(node)
    ]
    assert offences == []
