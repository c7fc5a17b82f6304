import inspect
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from startright.papers.alrao import imagenet, imagenet_training
from startright.papers.alrao.imagenet_data import held_out_batches, load_folders, train_batches
from startright.papers.alrao.imagenet_parallel import World
from startright.papers.alrao.imagenet_training import Checkpoints, ImagenetConfig, train
from startright.papers.alrao.studies import imagenet as imagenet_study
from startright.studies import RecordStore, default_store

ALONE = World(torch.device("cpu"))
TINY = {"epochs": 2, "batch_size": 4, "image_size": 12}
OPTIONS = "--model tiny --epochs 2 --batch 4 --image-size 12 --workers 0 --device cpu"


def tiny(n_classes, dropout=0.0):
    """A network whose layers see every image by itself; what its normalisation sees changes nothing."""

    class Seen(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(3, affine=False)

        def forward(self, x):
            self.norm(x)
            return x

    features = (nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    return nn.Sequential(Seen(), *features, nn.Dropout(dropout), nn.Linear(24, n_classes))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes, one brighter: 9 images of each to train on, 5 held out."""
    rng = np.random.default_rng(0)
    root = tmp_path / "data" / "imagenet"
    for part, n in (("train", 9), ("val", 5)):
        for k, name in enumerate(("dark", "light")):
            (root / part / name).mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(60 * k, 190 + 60 * k, (20, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{i}.png")
    monkeypatch.setenv("STARTRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "results"))
    monkeypatch.setitem(imagenet_training.MODELS, "tiny", tiny)
    return root


@pytest.fixture
def call(monkeypatch, capsys):
    """Calls the entry point; returns exit code, stdout and stderr."""

    def run(options):
        monkeypatch.setattr(sys, "argv", ["imagenet", *map(str, options.split())])
        with pytest.raises(SystemExit) as end:
            imagenet.main()
        return end.value.code, *capsys.readouterr()

    return run


def config(optimizer="sgd", lo=1e-3, hi=1.0, heads=3, **changes):
    return ImagenetConfig("tiny", optimizer, lo, hi, heads, **(TINY | changes))


def state_of(path):
    return torch.load(path, weights_only=True)


def assert_same(one, other, **tolerance):
    """Nested states; to the bit unless there is a tolerance."""
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, other, **(tolerance or {"rtol": 0, "atol": 0}))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name], **tolerance)
    else:
        assert one == other


# --- many processes ---------------------------------------------------------------------------

WORKER = """
import sys
import torch
from torch import nn
from startright.papers.alrao import imagenet, imagenet_training

{tiny}

evaluate = imagenet_training.evaluate

def spy(model, batches, world):
    torch.save(model.state_dict(), f"rank{{world.rank}}.pt")
    return evaluate(model, batches, world)

imagenet_training.evaluate = spy
imagenet_training.MODELS["tiny"] = tiny
imagenet.main()
"""


@pytest.mark.slow
def test_two_processes_train_like_one(folder, tmp_path, call):
    (tmp_path / "worker.py").write_text(WORKER.format(tiny=textwrap.dedent(inspect.getsource(tiny))))
    elsewhere = {"STARTRIGHT_DATA": str(tmp_path / "two"), "STARTRIGHT_RESULTS": str(tmp_path / "two")}
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "torch.distributed.run",
                "--standalone",
                "--nproc_per_node=2",
                "worker.py",
            ),
            *(*OPTIONS.split(), "--data", str(folder), "--heads", "3"),
        ],
        cwd=tmp_path,
        env=os.environ | elsewhere | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 2 of 2") == done.stdout.count("recorded in") == 1  # one process prints
    code, *_ = call(f"{OPTIONS} --heads 3")
    assert code == 0
    (one,) = (tmp_path / "data" / "checkpoints").iterdir()
    (two,) = (tmp_path / "two" / "checkpoints").iterdir()
    assert one.name == two.name
    alone, shared = state_of(one), state_of(two)
    assert alone["model"]["switch.t"] == 9
    variance = (
        alone["model"].pop("backbone.0.norm.running_var"),
        shared["model"].pop("backbone.0.norm.running_var"),
    )
    torch.testing.assert_close(*variance, rtol=0.3, atol=0)  # within shares, so a little less
    assert_same(alone["model"], shared["model"], rtol=1e-4, atol=1e-6)
    assert_same(state_of(tmp_path / "rank0.pt"), state_of(tmp_path / "rank1.pt"))  # and both hold the same
    stores = [tmp_path / name / "alrao-imagenet.jsonl" for name in ("results", "two")]
    first, second = (next(iter(RecordStore(path).load().values())) for path in stores)
    assert first.metrics == pytest.approx(second.metrics, rel=1e-4)
    assert (first.provenance["processes"], second.provenance["processes"]) == (1, 2)


def test_shares_make_up_the_batches_whatever_the_number_of_processes(folder):
    images, held_out = load_folders(folder, 12, seed=3)

    def epoch(number, size):
        worlds = [World(ALONE.device, rank, size) for rank in range(size)]
        shares = [list(train_batches(images, number, 4, world, workers=0)) for world in worlds]
        return [torch.stack([x for share in step for x in share[0]]) for step in zip(*shares, strict=True)]

    def images_of(steps):
        return sorted(image.numpy().tobytes() for image in torch.cat(steps))

    alone, shared = epoch(1, 1), epoch(1, 2)
    assert len(alone) == len(shared) == 4  # 18 images, two left out
    for one, two in zip(alone, shared, strict=True):
        assert images_of([one]) == images_of([two])
    assert not set(images_of(alone)) & set(images_of(epoch(2, 1)))  # an epoch has crops of its own
    labels = [torch.cat([y for _, y in train_batches(images, n, 4, ALONE, 0)]).tolist() for n in (1, 2)]
    assert labels[0] != labels[1]  # and an order of its own
    assert_same(dict(enumerate(alone)), dict(enumerate(epoch(1, 1))))  # crops too
    tests = [held_out_batches(held_out, 4, World(ALONE.device, rank, 3), 0) for rank in range(3)]
    assert [sum(len(y) for _, y in share) for share in tests] == [4, 3, 3]


def test_batch_that_processes_cannot_share(folder):
    with pytest.raises(ValueError, match="batches of 4 images cannot be shared equally by 3 processes"):
        train(config(), folder, World(ALONE.device, 0, 3))


# --- checkpoints ------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_killed_run_goes_on_as_if_it_had_not_been(optimizer, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(imagenet_training.MODELS, "tiny", lambda n_classes: tiny(n_classes, dropout=0.5))
    settings = config(optimizer, epochs=3)

    def run(name, kill_after=None, resume=False):
        def report(progress):
            if progress.epoch == kill_after:
                raise KeyboardInterrupt

        kept = Checkpoints(tmp_path / name, "key", resume)
        return train(settings, folder, ALONE, checkpoints=kept, workers=0, report=report)[0]

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("killed", kill_after=2)
    assert state_of(tmp_path / "killed")["epoch"] == 2
    assert run("killed", resume=True) == whole
    states = [state_of(tmp_path / name) for name in ("whole", "killed")]
    for state in states:
        state.pop("seconds")
    assert_same(*states)
    assert run("killed", resume=True) == whole  # nothing left to do
    with pytest.raises(FileExistsError, match="--resume goes on from it"):
        run("whole")


def test_full_disk_leaves_the_old_checkpoint(folder, tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path / "run.pt", "key", resume=True)
    train(config(epochs=1), folder, ALONE, checkpoints=kept, workers=0)
    before = kept.path.read_bytes()

    def half(state, file):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="no space left"):
        train(config(epochs=2), folder, ALONE, checkpoints=kept, workers=0)
    assert kept.path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "run.pt"]


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a checkpoint was executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no checkpoint at all", "is no checkpoint .*: delete it to start again"),
        ({"key": "other"}, "is the checkpoint of run other, not of key"),
        ({"key": Evil()}, "is no checkpoint"),
        ([1], "is no checkpoint"),
    ],
)
def test_bad_checkpoints(content, message, folder, tmp_path):
    path = tmp_path / "run.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ValueError, match=message) as error:
        train(config(), folder, ALONE, checkpoints=Checkpoints(path, "key", True), workers=0)
    assert "\n" not in str(error.value)


def test_checkpoint_that_not_all_processes_see(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(imagenet_training, "average_", lambda tensors, world: tensors[0].fill_(2.5))
    with pytest.raises(OSError, match="not every process finds"):
        train(config(), folder, ALONE, checkpoints=Checkpoints(tmp_path / "run.pt", "key"), workers=0)


# --- runs, records, the command ---------------------------------------------------------------


def test_learns_and_says_how_large_the_data_were(folder):
    outcome, seconds = train(config(lo=1e-2, epochs=12), folder, ALONE, workers=0)
    assert outcome.status == "ok"
    assert outcome.metrics["test_accuracy"] >= 0.9
    assert outcome.metrics["test_loss"] < 0.5
    assert (outcome.metrics["train_images"], outcome.metrics["classes"]) == (18, 2)
    assert outcome.metrics["best_head_rate"] in (pytest.approx(0.1), pytest.approx(1.0))
    assert [len(curve) for curve in outcome.curves.values()] == [12] * 3
    assert seconds > 0


def test_divergence_ends_a_run(folder):
    outcome, _ = train(config(lo=1e30, hi=1e30, heads=1, epochs=5), folder, ALONE, workers=0)
    assert outcome.status == "diverged"
    assert len(outcome.curves["train_loss"]) < 5


def test_command_records_once(folder, call):
    code, out, _ = call(OPTIONS)
    assert code == 0
    (record,) = default_store(imagenet_study.IMAGENET).load().values()
    assert "epoch 2 of 2" in out
    assert record.key in out
    assert (record.status, record.profile, record.provenance["processes"]) == ("ok", "paper", 1)
    assert record.config["heads"] == imagenet_study.HEADS
    assert record.seconds > 0
    code, out, _ = call(OPTIONS)
    assert code == 0
    assert "already" in out
    assert len(default_store(imagenet_study.IMAGENET).path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--model resnet5", "unknown model 'resnet5': did you mean 'resnet50'"),
        ("--model tiny --optimizer adm", "unknown optimizer 'adm': did you mean 'adam'"),
        ("--model tiny --interval 10 1e-5", "must be 0 < ηmin ≤ ηmax < ∞, got [10, 1e-05]"),
        ("--model tiny --heads 1", "one head has no rate in [1e-05, 10]"),
        ("--model tiny --lr 0.1", "leave out lr = 0.1"),
        ("--model tiny --optimizer sgd --lr -1", "must be 0 < ηmin"),
        ("--model tiny --epochs 0", "epochs must be positive, got 0"),
        ("--model tiny --device tpu", "unknown device 'tpu'"),
        ("--model tiny --batch 19", "no batch of 19 in 18 training images"),
        ("--model tiny --data nowhere", "no folder nowhere: expected train/ and val/"),
        ("--model tiny --data FOLDER/train", "no folder FOLDER/train/train"),
    ],
)
def test_bad_input_is_one_line(options, message, folder, call):
    code, _, err = call(options.replace("FOLDER", str(folder)))
    assert code == 2
    assert message.replace("FOLDER", str(folder)) in err
    assert err.count("\n") == 1
    assert not default_store(imagenet_study.IMAGENET).load()


def test_folders_with_other_classes_or_none(folder):
    (folder / "val" / "light").rename(folder / "val" / "bright")
    with pytest.raises(ValueError, match="the same classes; only one has bright, light"):
        load_folders(folder, 12, 0)
    for part in (folder / "train").iterdir():
        for image in part.iterdir():
            image.unlink()
    with pytest.raises(FileNotFoundError, match="no valid file"):
        load_folders(folder, 12, 0)


def test_study_is_the_table_of_the_paper(folder, monkeypatch):
    runs = imagenet_study.IMAGENET.runs("paper")
    assert imagenet_study.IMAGENET.profiles == ("paper",)
    rows = {(r.config.model, r.config.optimizer, r.config.lo, r.config.hi, r.config.heads) for r in runs}
    nets = {"alexnet": 1e-2, "densenet121": 1.0, "resnet50": 1.0}
    expected = {(net, "sgd", 1e-5, 10.0, 10) for net in nets}
    expected |= {(net, "sgd", rate, rate, 1) for net, rate in nets.items()}
    assert rows == expected | {(net, "adam", 1e-3, 1e-3, 1) for net in nets}
    settings = config(lo=0.1, hi=0.1, heads=1, epochs=1)
    monkeypatch.setattr(imagenet_study, "train", lambda *a, **k: train(*a, **k, workers=0))
    assert imagenet_study.IMAGENET.run(settings, 0, ALONE.device).metrics["train_images"] == 18


def test_network_of_the_paper_is_split_at_its_last_layer():
    settings = imagenet_study.configure("densenet121", "alrao")
    model, _ = imagenet_training.make_model(settings, 1000, 0, ALONE.device)
    heads = sum(p.numel() for p in model.heads.parameters())
    backbone = sum(p.numel() for p in model.backbone.parameters())
    assert (backbone + heads // 10, heads) == (7_978_856, 10 * 1000 * 1025)
    assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
