"""The pages of the book: run them, gate them, compare them, write them back, build the site.

One code path serves two people. The *reader* (:mod:`.rerun`) executes what is stale into ``_build``
and leaves the working tree clean; the *maintainer* (:mod:`.refresh`) executes what is stale and writes
the outputs back into the pairs of ``.py`` and ``.ipynb``.
"""
