"""Starting Right: executable papers on how neural networks start, learn and shrink.

Imports flow one way: data, models → training → studies → claims, figures → papers (one package a paper, such
as :mod:`startright.papers.preact`, in short ``startright.preact``) → the book.
"""

from startright.aliases import install

__version__ = "0.1.0"

install()
