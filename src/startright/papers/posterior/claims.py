"""Claims C11 to C16."""

CLAIMS = ()
