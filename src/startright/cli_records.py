"""The command line of the records: ``startright records check | seal | drop | sample``."""

# ruff: noqa: PLC0415 (imports inside commands: `--help` must not wait for torch)

from pathlib import Path
from typing import Annotated

import typer

from startright.options import fail_on

records = typer.Typer(help="The records: check, seal, tidy, run again.", no_args_is_help=True)


@records.command("check")
def check_records() -> None:
    """Is every line whole, current and as it was sealed? Names what is not, with the remedy."""
    from startright.paths import recorded_in, repository
    from startright.studies import manifest

    book, folders = repository(), recorded_in()
    committed = book and (book / "data" / "results").resolve()
    faults = [
        f"{folder / name}: {fault}"
        for folder in folders
        for name, fault in manifest.check(folder, required=folder.resolve() == committed)
    ]
    fail_on(faults, f"every record is whole: {', '.join(map(str, folders))}")


@records.command("seal")
def seal_records() -> None:
    """Write the manifest of the files as they are, and the checksums that old lines lack."""
    from startright.paths import results_root
    from startright.studies import manifest

    folder = results_root()
    for name, change in manifest.seal(folder):
        typer.echo(f"{name}: {change}")
    typer.echo(f"sealed: {folder / manifest.NAME}")


@records.command("drop")
def drop_lines(
    names: Annotated[list[str], typer.Argument(metavar="STUDY…", help="Whose files to tidy.")],
) -> None:
    """Remove the lines that hold no record or a superseded one, and say which."""
    import warnings

    from startright.errors import unknown
    from startright.paths import results_root
    from startright.studies import RecordStore

    folder = results_root()
    stores: dict[str, Path] = {path.stem: path for path in folder.glob("*.jsonl")}
    for name in names:
        if name not in stores:
            raise unknown("study with records", name, stores)
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it counts what is listed here
            dropped = RecordStore(stores[name]).rewrite()
        for line in dropped:
            typer.echo(f"{name}: dropped {line}")
        typer.echo(f"{name}: {len(dropped)} lines dropped; `startright records seal` takes that in")


@records.command("sample")
def sample_records(
    count: Annotated[int, typer.Option(help="How many runs.", min=1)] = 5,
    seconds: Annotated[float, typer.Option(help="Only runs that took at most so long.", min=0)] = 30.0,
    seed: Annotated[str | None, typer.Option(metavar="DATE", help="Of the draw; none: today.")] = None,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose records.")] = "full",
    study: Annotated[
        list[str] | None, typer.Option(help="Only of this study; may be repeated; none: all.")
    ] = None,
) -> None:
    """Run a random sample of recorded runs again, on the CPU, and compare them with their records."""
    from datetime import date

    from startright.book import catalogue
    from startright.profiles import check_profile
    from startright.studies import sample

    chosen = [catalogue.study(name) for name in study or catalogue.STUDIES]
    seed = seed or date.today().isoformat()
    typer.echo(f"at most {count} {profile} runs of {seconds:g} s or less, drawn with the seed {seed}")
    drawn = sample.draw(chosen, check_profile(profile), seconds, seed)
    repeated = sample.repeat(drawn, count, typer.echo)
    if not repeated:
        raise ValueError(f"no {profile} run of at most {seconds:g} s has a record and its data here")
    fail_on(sample.beyond_chance(repeated), f"{len(repeated)} runs made again agree with their records")
