"""How large a study is run.

``quick`` is what two CPU cores do in seconds, on embedded data; ``full`` what they do in minutes to hours, on
real data; ``paper`` the paper's networks and protocol, for a GPU or a cluster.
"""

from collections.abc import Callable
from typing import Any

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


def by_profile(**values: Any) -> Callable[[str], Any]:
    """A function profile → value that refuses the profiles it has no value for.

    >>> by_profile(quick=(0,), full=(0, 1, 2))("full")
    (0, 1, 2)
    """

    def choose(profile: str) -> Any:
        if profile not in values:
            raise unknown("profile of this study", profile, values)
        return values[profile]

    return choose
