"""Starting Right: executable papers on how neural networks start, learn and shrink.

Imports flow one way: data, models → training → studies → claims, figures → rooms
(one package a paper, such as :mod:`startright.preact`) → the pages of the book.
"""

__version__ = "0.1.0"
