"""placeholder."""

CLAIMS = ()
