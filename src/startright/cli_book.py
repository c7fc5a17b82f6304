"""The command line of the book: ``startright book execute | portable | html | refresh | figures | …``."""

# ruff: noqa: PLC0415 (imports inside commands: `--help` must not wait for torch)

from pathlib import Path
from typing import Annotated

import typer

from startright.options import Device, Force, Pages, Profile, Strict, fail_on, root_of_book, stop_on

book = typer.Typer(help="Execute the pages and build the book.", invoke_without_command=True)


def _refuse_two() -> Path:
    """The repository, once it is sure that the book can be built."""
    from startright.book import site

    site.require_jupyter_book()
    return root_of_book()


@book.callback()
def book_default(
    context: typer.Context, page: Pages = None, force: Force = False, strict: Strict = False
) -> None:
    """Execute stale pages, check them, and build the HTML from what was just executed."""
    if context.invoked_subcommand:
        return
    from startright.book import contents, marks, site
    from startright.book.rerun import executed_path, rerun
    from startright.book.seal import is_fresh

    root = _refuse_two()
    result = rerun(contents.select(root, page or ()), force=force)
    stop_on([*result.problems, *(result.stopping if strict else ())])
    overlay = {
        f"{one.docname}.ipynb": marks.mark(one, executed_path(one), result.differences)
        for one in contents.pages(root)
        if is_fresh(one, executed_path(one))
    }
    first = site.build(root, overlay)
    typer.echo(result.summary(), err=True)
    typer.echo(f"open {first.as_uri()} or run `make serve`")


@book.command("execute")
def execute_pages(page: Pages = None, force: Force = False, strict: Strict = False) -> None:
    """Execute pages into _build, unless a run apart from the committed one is there, and compare."""
    from startright.book import contents
    from startright.book.rerun import rerun

    result = rerun(contents.select(root_of_book(), page or ()), force=force, apart=True)
    stop_on([*result.problems, *(result.stopping if strict else ())])
    typer.echo(result.summary())


@book.command("portable")
def portable_pages(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="ARITHMETIC…", help="Which; none: all.")
    ] = None,
    page: Pages = None,
) -> None:
    """Execute the pages with the arithmetics of other processors, and compare."""
    from startright.book import contents, portable

    root = root_of_book()
    chosen = contents.select(root, page or ())
    results = portable.run(chosen, names or list(portable.ARITHMETICS))
    report = portable.report_of(chosen, results)
    (root / "_build" / "portable.md").write_text(report + "\n", encoding="utf-8")
    typer.echo(report)
    for name, result in results.items():
        typer.echo(f"{name}: {result.summary()}", err=True)
    stop_on(portable.failures(results))
    typer.echo("every exact cell says the same and no finding the opposite, under every arithmetic")


@book.command("html")
def build_html() -> None:
    """Build the HTML from the committed outputs, executing nothing, and check it."""
    from startright.book import htmlcheck, site

    root = _refuse_two()
    first = site.build(root)
    fail_on(htmlcheck.check_html(root), f"open {first.as_uri()} or run `make serve`")


@book.command("refresh")
def refresh_pages(page: Pages = None, force: Force = False) -> None:
    """For maintainers: execute stale pages and write their outputs back into the notebooks."""
    from startright.book import contents
    from startright.book.refresh import refresh

    fail_on(refresh(contents.select(root_of_book(), page or ()), force=force), "every page is refreshed")


@book.command("full")
def full_book(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="CHAPTER…", help="Chapters; none: all.")
    ] = None,
    profile: Profile = "full",
    device: Device = "auto",
) -> None:
    """Compute and record the full study of chapters; the pages run as throw-away copies."""
    from startright.book import contents
    from startright.book.full import run_full
    from startright.devices import pick_device
    from startright.profiles import check_profile

    chosen = contents.select(root_of_book(), names or ())
    pick_device(device)
    fail_on(run_full(chosen, check_profile(profile), device), "recorded in data/results; see _build/full")


@book.command("linkcheck")
def check_links() -> None:
    """Follow every external link of the book; needs the network."""
    from startright.book import site

    site.build(_refuse_two(), builder="linkcheck")
    typer.echo("every link answers")


@book.command("screenshots")
def make_screenshots(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("_build/screenshots"),
) -> None:
    """Write a picture of every built page, wide and narrow, light and dark; needs Chromium."""
    from startright.book import browser

    root = root_of_book()
    _require_site(root)
    count = browser.screenshots(root, folder)
    typer.echo(f"{count} pictures: open {(folder / 'index.html').resolve().as_uri()}")


@book.command("figures")
def show_figures(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("_build/figures"),
) -> None:
    """Write a contact sheet of every figure in the committed notebooks: light, dark and on a phone."""
    from startright.book.contact import contact_sheet

    count = contact_sheet(root_of_book(), folder)
    typer.echo(f"{count} figures: open {(folder / 'index.html').resolve().as_uri()}")


def _require_site(root: Path) -> Path:
    """The built book.

    Raises:
        FileNotFoundError: it has not been built.
    """
    site = root / "_build" / "html"
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site} holds no book: run `make book` first")
    return site


@book.command("serve")
def serve(port: Annotated[int, typer.Option(help="On this machine.", min=1, max=65535)] = 8000) -> None:
    """Serve the built HTML on this machine."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    site = _require_site(root_of_book())
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        typer.echo(f"http://127.0.0.1:{port}/ (Ctrl-C ends)")
        server.serve_forever()
