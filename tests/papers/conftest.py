import pytest
from contract.documented import run_page

from startright.paths import repository


@pytest.fixture(scope="module")
def page(request, tmp_path_factory):
    """Of the API page of the paper: heading of the subsection → the names after each of its blocks."""
    text = (repository() / "book/api" / f"{request.path.parent.name}.md").read_text(encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        return run_page(text, tmp_path_factory.mktemp("page"), monkeypatch)
