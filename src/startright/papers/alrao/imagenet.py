"""Training on ImageNet by many GPUs, one run at a time, into the records of the study.

.. code-block:: shell

    torchrun --nproc_per_node=8 -m startright.alrao.imagenet --data /scratch/imagenet --model resnet50
    python -m startright.alrao.imagenet --help

The folder has ``train/`` and ``val/``, each with a folder a class. The state is written after every epoch;
with ``--resume`` a run that was stopped goes on as if it had not been.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from startright.devices import describe_device
from startright.papers.alrao.imagenet_parallel import World, first_says, join
from startright.papers.alrao.imagenet_training import ImagenetConfig, Progress, train
from startright.papers.alrao.studies.imagenet import HEADS, IMAGENET, INTERVAL, checkpoints, configure
from startright.paths import data_root
from startright.studies import Record, Run, default_store
from startright.studies.provenance import code_of, provenance

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def command(
    model: Annotated[str, typer.Option(help="alexnet, densenet121 or resnet50.")],
    data: Annotated[Path | None, typer.Option(help="Folder with train/ and val/.")] = None,
    *,
    optimizer: Annotated[str, typer.Option(help="alrao, sgd or adam.")] = "alrao",
    interval: Annotated[
        tuple[float, float], typer.Option(help="Least and largest rate of Alrao.")
    ] = INTERVAL,
    heads: Annotated[int, typer.Option(help="Output layers of Alrao.")] = HEADS,
    lr: Annotated[float | None, typer.Option(help="Rate of sgd or adam; by default as in the paper.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the images.")] = ImagenetConfig.epochs,
    batch: Annotated[int, typer.Option(help="Images a step, all processes.")] = ImagenetConfig.batch_size,
    image_size: Annotated[int, typer.Option(help="Side of the crops, pixels.")] = ImagenetConfig.image_size,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(help="Loading processes of each process.", min=0)] = 8,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint if there is one.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train one network of the paper's table and record the run; under torchrun, by all its processes."""
    config = configure(
        *(model, optimizer),
        interval=interval,
        heads=heads,
        lr=lr,
        epochs=epochs,
        batch_size=batch,
        image_size=image_size,
    )
    run = Run(IMAGENET.name, IMAGENET.version, config, seed)
    with join(device) as world:
        record(run, data or data_root() / "imagenet", world, resume=resume, workers=workers)


def record(run: Run, folder: Path, world: World, *, resume: bool, workers: int) -> None:
    """Train ``run`` unless it is recorded; process 0 prints every epoch and appends the record."""
    store = default_store(IMAGENET)
    found = store.load().get(run.key) if world.rank == 0 else None
    if first_says(found is not None and found.present, world):
        say(world, f"run {run.key} is in {store.path} already")
        return
    if world.rank == 0:
        store.check_writable()
    origin = provenance(world.device, code_of(IMAGENET)) | {"processes": world.size}
    say(world, f"run {run.key}: {run.config.model}, {world.size} × {describe_device(world.device)}")

    def report(now: Progress) -> None:
        last = {name: values[-1] for name, values in now.curves.items()}
        say(
            world,
            f"epoch {now.epoch} of {run.config.epochs}: loss {last['train_loss']:.3f}, held out"
            f" {last['test_loss']:.3f}, accuracy {last['test_accuracy']:.1%}, {now.seconds:.0f} s",
        )

    kept = checkpoints(run, resume=resume)
    outcome, seconds = train(
        run.config, folder, world, seed=run.seed, checkpoints=kept, workers=workers, report=report
    )
    if world.rank == 0:
        peak = torch.cuda.max_memory_allocated(world.device) if world.device.type == "cuda" else None
        made = {"seconds": seconds, "peak_memory": peak, "provenance": origin}
        store.append(Record.of(run, outcome, profile="paper", **made))
        say(world, f"{outcome.status}: recorded in {store.path}")


def say(world: World, line: str) -> None:
    """Print a line, in process 0 only."""
    if world.rank == 0:
        print(line, flush=True)


def main() -> None:
    """Entry point: what the user got wrong is one line and exit code 2."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        if os.environ.get("RANK", "0") == "0":
            print(f"startright: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
