"""Runs the code that documentation prints, as it is printed."""

import re
import warnings

import torch

SECTION = re.compile(r"^## In two lines$(.*?)^## ", re.DOTALL | re.MULTILINE)


def blocks(text):
    """The Python blocks of a Markdown text."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def execute(codes, names, cwd, monkeypatch):
    """The names after each of the blocks, which share them; a warning is an error."""
    monkeypatch.chdir(cwd)
    after = []
    with torch.random.fork_rng(), warnings.catch_warnings():
        torch.manual_seed(0)
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)  # torchvision's
        for code in codes:
            exec(compile(code, "<documentation>", "exec"), names)
            after.append(dict(names))
    return after


def run_page(text, cwd, monkeypatch):
    """Heading of the subsection of *In two lines* → the names after each of its blocks."""
    parts = re.split(r"^### (.+)$", SECTION.search(text)[1], flags=re.MULTILINE)[1:]
    found = {heading: blocks(body) for heading, body in zip(parts[::2], parts[1::2], strict=True)}
    codes = [code for part in found.values() for code in part]
    after = iter(execute(codes, {"__name__": "page"}, cwd, monkeypatch))
    return {heading: [next(after) for _ in part] for heading, part in found.items()}
