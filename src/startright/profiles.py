"""How large a study is run: ``quick`` (2 CPU cores), ``full`` (one GPU), ``paper`` (a cluster)."""

from startright.errors import unknown

PROFILES = ("quick", "full", "paper")


def check_profile(name: str) -> str:
    """``name`` itself if it is a profile.

    Raises:
        ValueError: ``name`` is none of :data:`PROFILES`.

    >>> check_profile("quick")
    'quick'
    """
    if name not in PROFILES:
        raise unknown("profile", name, PROFILES)
    return name
