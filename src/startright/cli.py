"""The command line: ``startright run | claims | data | book | check | status``."""

# ruff: noqa: PLC0415 (imports inside commands: `--help` and `status` must not wait for torch)

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from startright.claims import Row

app = typer.Typer(
    name="startright",
    help="Executable papers: run studies, check claims, build the book.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
book = typer.Typer(help="Execute the pages and build the book.", invoke_without_command=True)
data = typer.Typer(help="The datasets: list, verify, fetch.", no_args_is_help=True)
app.add_typer(book, name="book")
app.add_typer(data, name="data")


def _complete_profile() -> tuple[str, ...]:
    from startright.profiles import PROFILES

    return PROFILES


def _complete_page() -> list[str]:
    from startright.notebooks.pages import pages

    return [page.docname.removeprefix("book/") for page in pages(_root())]


Profile = Annotated[
    str,
    typer.Option(
        "--profile", "-p", help="How large: quick, full or paper.", autocompletion=_complete_profile
    ),
]
Device = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:1 or mps.")]
Pages = Annotated[
    list[str] | None,
    typer.Option("--page", help="Only this page; may be repeated.", autocompletion=_complete_page),
]
Force = Annotated[bool, typer.Option("--force", help="Execute fresh pages as well.")]


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


def _root() -> Path:
    from startright.paths import repository

    root = repository()
    if root is None:
        raise FileNotFoundError(
            "this command needs the book's repository (_toc.yml and src/startright): run it there"
        )
    return root


def _stop_on(problems: Sequence) -> None:
    """Lists the problems and ends with exit code 1, if there are any."""
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        typer.echo(f"{len(problems)} problem{'s' * (len(problems) > 1)}", err=True)
        raise typer.Exit(1)


def _fail_on(problems: Sequence, done: str) -> None:
    """Ends with the problems listed, or says what was ``done``."""
    _stop_on(problems)
    typer.echo(done)


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
    show: Annotated[bool, typer.Option("--list", help="List the studies and end.")] = False,
) -> None:
    """Run the missing runs of studies and record them, in data/results unless STARTRIGHT_RESULTS is set."""
    from startright import catalogue, studies
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
    for study in chosen:
        studies.pick_engine(study, computes)
    print(f"records: {results_root()}", file=sys.stderr)
    for study in chosen:
        typer.echo(f"{study.name}: {profile}, {where}", err=True)
        records = studies.run(study, profile, device=device, engine=computes, first_seed=seed, progress=True)
        odd = sum(record.status != "ok" for record in records)
        typer.echo(f"{study.name}: {len(records)} records, {odd} of them diverged or failed")


@app.command("claims")
def show_claims(
    paper: Annotated[str | None, typer.Option(help="Only this paper's.")] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Only this profile's records.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print strict JSON, every profile a row.")] = False,
) -> None:
    """Every claim: the paper's number, ours, the verdict computed from the records."""
    from startright import catalogue, claims
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
    shared = max((console.width - 70) // 2, 8)
    widths = {"the paper says": shared, "published": shared}
    for name in ("claim", "the paper says", "published", "ours", "profile", "verdict"):
        table.add_column(name, no_wrap=True, overflow=cut, max_width=widths.get(name))
    for row in rows:
        claim = row.claim
        cells = [f"{claim.paper} {claim.id}", claim.statement, claim.published]
        cells += [row.ours if row.reason is None else "see below", row.profile, row.verdict]
        table.add_row(*(writable(cell, console.encoding) for cell in cells))
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
    _fail_on([problem for name in chosen for problem in verify(name)], f"intact: {', '.join(chosen)}")


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
    from startright.notebooks import checks

    root = _root()
    for page in checks.stale_pages(root):
        typer.echo(f"{page.docname}: stale; `make refresh` executes it", err=True)
    _fail_on(checks.check(root), "every page ran in order, pairs and seals are intact")


@app.command()
def status() -> None:
    """Which pages are stale here, and which versions are in use."""
    from importlib.metadata import version

    from startright.notebooks import checks, pages
    from startright.notebooks.rerun import executed_path
    from startright.notebooks.seal import is_fresh

    root = _root()
    due = checks.stale_pages(root)
    for page in pages.pages(root):
        committed = "stale" if page in due else "fresh"
        here = "executed" if is_fresh(page, executed_path(page)) else "due"
        typer.echo(f"{page.docname:40} committed: {committed:8} here: {here}")
    names = ("startright", "torch", "jupyter-book")
    typer.echo(", ".join(f"{name} {version(name)}" for name in names))


def _refuse_two() -> Path:
    """The repository, once it is sure that the book can be built."""
    from startright.notebooks import site

    site.require_jupyter_book()
    return _root()


Strict = Annotated[
    bool,
    typer.Option("--strict", help="Stop on exact cells that differ and on numbers beyond chance; for CI."),
]


@book.callback()
def book_default(
    context: typer.Context, page: Pages = None, force: Force = False, strict: Strict = False
) -> None:
    """Execute stale pages, check them, and build the HTML from what was just executed."""
    if context.invoked_subcommand:
        return
    from startright.notebooks import marks, pages, site
    from startright.notebooks.rerun import executed_path, rerun
    from startright.notebooks.seal import is_fresh

    root = _refuse_two()
    result = rerun(pages.select(root, page or ()), force=force)
    _stop_on([*result.problems, *(result.stopping if strict else ())])
    overlay = {
        f"{one.docname}.ipynb": marks.mark(one, executed_path(one), result.differences)
        for one in pages.pages(root)
        if is_fresh(one, executed_path(one))
    }
    first = site.build(root, overlay)
    typer.echo(result.summary(), err=True)
    typer.echo(f"open {first.as_uri()} or run `make serve`")


@book.command("execute")
def execute_pages(page: Pages = None, force: Force = False, strict: Strict = False) -> None:
    """Execute stale pages into _build and compare them with the committed ones; build nothing."""
    from startright.notebooks import pages
    from startright.notebooks.rerun import rerun

    result = rerun(pages.select(_root(), page or ()), force=force)
    _stop_on([*result.problems, *(result.stopping if strict else ())])
    typer.echo(result.summary())


@book.command("portable")
def portable_pages(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="ARITHMETIC…", help="Which; none: all.")
    ] = None,
    page: Pages = None,
) -> None:
    """Execute the pages with the arithmetics of other processors, and compare."""
    from startright.notebooks import pages, portable

    root = _root()
    chosen = pages.select(root, page or ())
    results = portable.run(chosen, names or list(portable.ARITHMETICS))
    report = portable.report_of(chosen, results)
    (root / "_build" / "portable.md").write_text(report + "\n", encoding="utf-8")
    typer.echo(report)
    for name, result in results.items():
        typer.echo(f"{name}: {result.summary()}", err=True)
    _stop_on(portable.failures(results))
    typer.echo("every exact cell says the same and no finding the opposite, under every arithmetic")


@book.command("html")
def build_html() -> None:
    """Build the HTML from the committed outputs, executing nothing, and check it."""
    from startright.notebooks import htmlcheck, site

    root = _refuse_two()
    first = site.build(root)
    _fail_on(htmlcheck.check_html(root), f"open {first.as_uri()} or run `make serve`")


@book.command("refresh")
def refresh_pages(page: Pages = None, force: Force = False) -> None:
    """For maintainers: execute stale pages and write their outputs back into the notebooks."""
    from startright.notebooks import pages
    from startright.notebooks.refresh import refresh

    _fail_on(refresh(pages.select(_root(), page or ()), force=force), "every page is refreshed")


@book.command("full")
def full_book(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="CHAPTER…", help="Chapters; none: all.")
    ] = None,
    profile: Profile = "full",
    device: Device = "auto",
) -> None:
    """Compute and record the full study of chapters; the pages run as throw-away copies."""
    from startright.devices import pick_device
    from startright.notebooks import pages
    from startright.notebooks.full import run_full
    from startright.profiles import check_profile

    chosen = pages.select(_root(), names or ())
    pick_device(device)
    _fail_on(run_full(chosen, check_profile(profile), device), "recorded in data/results; see _build/full")


@book.command("linkcheck")
def check_links() -> None:
    """Follow every external link of the book; needs the network."""
    from startright.notebooks import site

    site.build(_refuse_two(), builder="linkcheck")
    typer.echo("every link answers")


@book.command("serve")
def serve(port: Annotated[int, typer.Option(help="On this machine.", min=1, max=65535)] = 8000) -> None:
    """Serve the built HTML on this machine."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    site = _root() / "_build" / "html"
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site} holds no book: run `make book` first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        typer.echo(f"http://127.0.0.1:{port}/ (Ctrl-C ends)")
        server.serve_forever()


def main() -> None:
    """Entry point: what the user got wrong is one line and exit code 2."""
    from startright.terminal import spell_out

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
