"""What an error code says: whether the change may have happened, whether, when and how to repeat it."""

from typing import NamedTuple

NO, NOT_BY_THIS, BEFORE, OUTCOME = "no", "not by this request", "yes, by an earlier request", "see `outcome`"
CORRECTED, YES, NEVER = "corrected", "yes", "no"
AT_ONCE, LATER = "at once", "after `Retry-After`"
NONE, SAME, ANY, NEW = "–", "the same", "the same or another", "another"


class Code(NamedTuple):
    """One code.

    :ivar statuses: the HTTP statuses that it comes with. :ivar title: in a few words; the same for every request.
    :ivar cause: when it is the answer.
    :ivar happened: whether the change may have happened. ``no``: neither by this request nor, under its key, by an
        earlier one; ``not by this request``: the key was not looked up, because the request itself is invalid;
        ``yes, by an earlier request``: it was done, under this key or completely, and is not done again.
    :ivar repeat: whether a retry makes sense. :ivar when: from when on. :ivar key: with which Idempotency-Key.
    :ivar next_step: what a client does next: the member ``nextStep``, unless the error has a better one.
    """

    statuses: tuple[int, ...]
    title: str
    cause: str
    happened: str
    repeat: str
    when: str
    key: str
    next_step: str


def wrong(status: int, title: str, cause: str, next_step: str) -> Code:
    """The request itself is invalid: it changed nothing, and the key was not looked up."""
    return Code((status,), title, cause, NOT_BY_THIS, CORRECTED, AT_ONCE, ANY, next_step)


def refused(status: int, title: str, cause: str, when: str, next_step: str, repeat: str = CORRECTED) -> Code:
    """The change was refused, and has not happened."""
    return Code((status,), title, cause, NO, repeat, when, NONE if repeat == NEVER else ANY, next_step)


def later(status: int, title: str, cause: str, next_step: str, when: str = LATER) -> Code:
    """The same request may succeed later; ``outcome`` says whether the change may have happened."""
    return Code((status,), title, cause, OUTCOME, YES, when, SAME, next_step)
