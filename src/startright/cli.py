"""The command line: ``startright run | claims | records | data | book | check | status``."""

# ruff: noqa: PLC0415 (imports inside commands: `--help` and `status` must not wait for torch)

import gc
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from startright.cli_book import book
from startright.cli_records import records
from startright.options import Device, Profile, fail_on, root_of_book

if TYPE_CHECKING:
    from startright.claims import Row

app = typer.Typer(
    name="startright",
    help="Executable papers: run studies, check claims, build the book.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="The datasets: list, verify, fetch.", no_args_is_help=True)
app.add_typer(book, name="book")
app.add_typer(data, name="data")
app.add_typer(records, name="records")


def _show_version(wanted: bool) -> None:
    if wanted:
        from startright import __version__

        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug/--no-debug", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Executable papers: run studies, check claims, build the book."""


def _engine(name: str, options: list[str], **cluster: str | int | None):
    """The engine that the options of ``run`` describe; values are read as JSON where they are JSON."""
    import json

    from startright.studies import Dask

    given = {key: value for key, value in cluster.items() if value is not None}
    for option in options:
        key, equals, value = option.partition("=")
        if not (equals and key.isidentifier()):
            raise ValueError(f"--option {option!r}: write NAME=VALUE, such as walltime=02:00:00")
        try:
            given[key] = json.loads(value)
        except ValueError:
            given[key] = value
    if name == "dask":
        return Dask(**given)
    if given:
        raise ValueError(f"--scheduler, --cluster, --workers and --option need --engine dask, not {name!r}")
    return name


@app.command("run")
def run_studies(
    names: Annotated[list[str] | None, typer.Argument(metavar="STUDY…", help="The studies to run.")] = None,
    *,
    profile: Profile = "quick",
    device: Device = "auto",
    engine: Annotated[str, typer.Option(help="auto, serial, stacked or dask.")] = "auto",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="dask: a running scheduler, tcp://HOST:PORT.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="dask: start workers here (local), or as jobs (slurm, oar).")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="dask: how many workers to start; 2 if not given.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="dask: an option of the cluster; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The first seed.", min=0)] = 0,
    minutes: Annotated[
        float | None,
        typer.Option(help="End in so many minutes; a run that would not end in time is not started."),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List the studies and end.")] = False,
) -> None:
    """Run the missing runs of studies and record them, in data/results unless STARTRIGHT_RESULTS is set."""
    import time

    from startright import studies
    from startright.book import catalogue
    from startright.devices import describe_device, pick_device
    from startright.paths import results_root
    from startright.profiles import check_profile

    if show or not names:
        for study in catalogue.STUDIES.values():
            print(f"{study.name:28} {study.question}")
        return
    chosen = [catalogue.study(name) for name in names]
    computes = _engine(engine, option or [], scheduler=scheduler, cluster=cluster, workers=workers)
    where = str(computes) if engine == "dask" else describe_device(pick_device(device))
    check_profile(profile)
    if minutes is not None and not 0 < minutes < float("inf"):
        raise ValueError(f"--minutes {minutes:g}: give a positive number")
    for study in chosen:
        studies.pick_engine(study, computes)
    print(f"records: {results_root()}", file=sys.stderr)
    end = time.monotonic() + 60 * (minutes or 0)
    for study in chosen:
        typer.echo(f"{study.name}: {profile}, {where}", err=True)
        left = None if minutes is None else max((end - time.monotonic()) / 60, 1e-9)
        records = studies.run(
            study, profile, device=device, engine=computes, first_seed=seed, progress=True, minutes=left
        )
        odd = sum(record.status != "ok" for record in records)
        missing = len(study.runs(profile, seed)) - len(records)
        more = f"; {missing} runs are still to be made" if missing else ""
        typer.echo(f"{study.name}: {len(records)} records, {odd} of them diverged or failed{more}")


@app.command("claims")
def show_claims(
    paper: Annotated[str | None, typer.Option(help="Only this paper's.")] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Only this profile's records.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print strict JSON, every profile a row.")] = False,
) -> None:
    """Every claim: the paper's number, ours, the verdict computed from the records."""
    from startright import claims
    from startright.book import catalogue
    from startright.paths import recorded_in
    from startright.profiles import PROFILES

    recorded_in()
    if json:
        profiles = [profile] if profile else PROFILES
        rows = [row for name in profiles for row in catalogue.rows(paper, name)]
        typer.echo(claims.to_json(rows))  # JSON is UTF-8, also where the terminal has ASCII
    else:
        rows = catalogue.rows(paper, profile)
        _print_claims(rows)
    for row in rows:
        if row.reason is not None:
            print(f"cannot be measured: {row.reason}, profile {row.profile}", file=sys.stderr)


def _print_claims(rows: list["Row"]) -> None:
    from rich.console import Console
    from rich.table import Table

    from startright.terminal import writable

    console, table = Console(), Table()
    cut = "ellipsis" if console.encoding.startswith("utf") else "crop"  # no ellipsis in ASCII
    # the long columns share what is left of the line, and are cut there; the ledger page has all of it
    names = ["claim", "the paper says", "published", "ours", "profile", "verdict"]
    if console.width < 100:
        names.remove("the paper says")
    longest = max((len(f"{row.claim.paper} {row.claim.id}") for row in rows), default=0)
    shared = max((console.width - longest - 64) // (len(names) - 4), 6)
    for name in names:
        least = longest if name == "claim" else None  # by which a line is found: never cut
        most = shared if name in ("the paper says", "published") else None
        table.add_column(name, no_wrap=True, overflow=cut, max_width=most, min_width=least)
    for row in rows:
        claim = row.claim
        cells = {
            "claim": f"{claim.paper} {claim.id}",
            "the paper says": claim.statement,
            "published": claim.published,
            "ours": row.ours if row.reason is None else "see below",
            "profile": row.profile,
            "verdict": row.verdict,
        }
        table.add_row(*(writable(cells[name], console.encoding) for name in names))
    console.print(table)


Names = Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="The datasets; none: all.")]


@data.command("list")
def list_data() -> None:
    """Name, size and licence of every dataset, and where they are looked for."""
    from startright.data import registry
    from startright.paths import data_root

    for entry in registry().values():
        size = sum(file.size for file in entry.files) / 1e6
        print(f"{entry.name:14} {size:8.1f} MB  {entry.title}; {entry.licence}")
    print(f"looked for in {data_root()}")


@data.command("verify")
def verify_data(names: Names = None) -> None:
    """Compare every file with its recorded size and checksum."""
    from startright.data import entry, registry, verify

    chosen = [entry(name).name for name in names or registry()]
    fail_on([problem for name in chosen for problem in verify(name)], f"intact: {', '.join(chosen)}")


@data.command("fetch")
def fetch_data(names: Names = None) -> None:
    """Download datasets from their own sites; only verified files reach their place."""
    from startright.data import entry, fetch, registry

    for name in [entry(name).name for name in names or registry()]:
        if names or registry()[name].torchvision or not registry()[name].files:
            typer.echo(f"{name}: {len(fetch(name))} files, verified")


@app.command()
def check() -> None:
    """In seconds, without running anything: are the committed pages complete, in step and untouched?"""
    from startright.book import checks

    root = root_of_book()
    for page in checks.stale_pages(root):
        typer.echo(f"{page.docname}: stale; `make refresh` executes it", err=True)
    fail_on(checks.check(root), "every page ran in order, pairs and seals are intact")


@app.command()
def status() -> None:
    """Which pages are stale here, and which versions are in use."""
    from importlib.metadata import version

    from startright.book import checks, contents
    from startright.book.rerun import executed_path
    from startright.book.seal import is_fresh

    root = root_of_book()
    due = checks.stale_pages(root)
    for page in contents.pages(root):
        committed = "stale" if page in due else "fresh"
        here = "executed" if is_fresh(page, executed_path(page)) else "due"
        typer.echo(f"{page.docname:40} committed: {committed:8} here: {here}")
    names = ("startright", "torch", "jupyter-book")
    typer.echo(", ".join(f"{name} {version(name)}" for name in names))


def main() -> None:
    """Entry point: what the user got wrong is one line and exit code 2."""
    from startright.terminal import spell_out

    gc.set_threshold(20_000)  # imports and records make many objects, of which hardly any are refuse
    spell_out(sys.stdout)
    spell_out(sys.stderr)
    try:
        app(prog_name="startright")
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        if "--debug" in sys.argv:
            raise
        print(f"startright: {error}", file=sys.stderr)
        sys.exit(2)
