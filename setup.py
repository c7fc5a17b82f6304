"""Adds the records to the built package; all else is in pyproject.toml.

They stay where they are in the repository, ``data/results``, and are copied to ``startright/results`` of a
wheel as it is built. An editable install reads them in the checkout.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecords(build_py):
    """``build_py`` that also copies the records."""

    def _records(self) -> dict[str, str]:
        """Target → source."""
        target = Path(self.build_lib, "startright", "results")
        files = [*Path("data/results").glob("*.jsonl"), *Path("data/results").glob("*.defaults.json")]
        return {str(target / file.name): str(file) for file in sorted(files)}

    def run(self) -> None:
        """Build as ever, then copy the records; an editable install takes nothing of what is built."""
        super().run()
        for target, source in self._records().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What is built, the records among it."""
        return [*super().get_outputs(include_bytecode), *self._records()]


setup(cmdclass={"build_py": BuildWithRecords})
