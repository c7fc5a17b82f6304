"""What the commands share: their options, where the book is, and how problems end a command."""

# ruff: noqa: PLC0415 (imports inside functions: `--help` and `status` must not wait for torch)

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer


def complete_profile() -> tuple[str, ...]:
    """The profiles, for the shell."""
    from startright.profiles import PROFILES

    return PROFILES


def complete_page() -> list[str]:
    """The pages, for the shell."""
    from startright.book.contents import pages

    return [page.docname.removeprefix("book/") for page in pages(root_of_book())]


Profile = Annotated[
    str,
    typer.Option("--profile", "-p", help="How large: quick, full or paper.", autocompletion=complete_profile),
]
Device = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:1 or mps.")]
Pages = Annotated[
    list[str] | None,
    typer.Option("--page", help="Only this page; may be repeated.", autocompletion=complete_page),
]
Force = Annotated[bool, typer.Option("--force", help="Execute fresh pages as well.")]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Stop on exact cells that differ and on numbers beyond chance; for CI."),
]


def root_of_book() -> Path:
    """The book's checkout.

    Raises:
        FileNotFoundError: there is none here.
    """
    from startright.paths import repository

    root = repository()
    if root is None:
        raise FileNotFoundError(
            "this command needs the book's repository (_toc.yml and src/startright): run it there"
        )
    return root


def stop_on(problems: Sequence) -> None:
    """Lists the problems and ends with exit code 1, if there are any."""
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        typer.echo(f"{len(problems)} problem{'s' * (len(problems) > 1)}", err=True)
        raise typer.Exit(1)


def fail_on(problems: Sequence, done: str) -> None:
    """Ends with the problems listed, or says what was ``done``."""
    stop_on(problems)
    typer.echo(done)
