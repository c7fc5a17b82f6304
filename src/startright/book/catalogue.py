"""Every study and every claim of the book, over all papers."""

from collections.abc import Callable

from startright.claims import Claim, Row, evaluate
from startright.errors import unknown
from startright.papers import Paper, every
from startright.profiles import PROFILES, check_profile
from startright.studies import Study

PAPERS: list[Paper] = every()
STUDIES: dict[str, Study] = {study.name: study for paper in PAPERS for study in paper.studies}
CLAIMS: list[Claim] = [claim for paper in PAPERS for claim in paper.claims]


def study(name: str) -> Study:
    """The study called ``name``.

    Raises:
        ValueError: there is none; the message has the nearest names.
    """
    if name not in STUDIES:
        raise unknown("study", name, STUDIES)
    return STUDIES[name]


def claims(paper: str | None = None) -> list[Claim]:
    """The claims of ``paper``, or of all papers.

    Raises:
        ValueError: no claim is of that paper.
    """
    papers = {claim.paper for claim in CLAIMS}
    if paper is not None and paper not in papers:
        raise unknown("paper", paper, papers)
    return [claim for claim in CLAIMS if paper in (None, claim.paper)]


Judge = Callable[[Claim, str], Row]


def rows(paper: str | None = None, profile: str | None = None, judge: Judge = evaluate) -> list[Row]:
    """The ledger, one row a claim.

    Args:
        paper: short name of a paper; None: all papers.
        profile: which records to hold the claims against; claims that have no such profile are left out.
            None: for each claim the largest profile that is recorded, wholly or as far as the claim is judged
            in part, else the one with most records.
        judge: holds a claim against a profile; who asks more than once passes one that remembers.

    Raises:
        ValueError: an unknown paper or profile.
    """
    chosen = claims(paper)
    if profile is not None:
        check_profile(profile)
        return [judge(claim, profile) for claim in chosen if profile in claim.profiles]
    return [_best(claim, judge) for claim in chosen]


def _best(claim: Claim, judge: Judge) -> Row:
    """The row of the largest profile that is recorded, wholly or as far as the claim is judged in part, else
    of the one with most records.

    One that cannot be measured is shown all the same: a smaller profile must not hide it.
    """
    parts: list[Row] = []
    for profile in reversed(claim.profiles or PROFILES[:1]):
        row = judge(claim, profile)
        if row.records and (not row.missing or row.measurement is not None):
            return row
        parts.insert(0, row)
    return max(parts, key=lambda row: row.records)
