"""As much of HTTP/1.1 as the driver needs: where an answer ends, and whether it is a success."""

import re

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_USUAL_LENGTH = b"\r\nContent-Length: "
_FOR_THE_MOMENT = (b"429", b"503")
# Whole seconds, at least one.
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *0*[1-9][0-9]*\r\n")


class AnswerBroken(Exception):
    """What has come is no answer, or one whose end cannot be found."""


def is_success(answer: bytes) -> bool:
    """Whether the status is 2xx."""
    return answer[9:10] == b"2"


def kind_of(answer: bytes) -> str:
    """Version and status; and whether a refusal for the moment (429, 503) fails to say when to come back."""
    kind = answer[:12].decode("latin-1")
    head = answer[: answer.find(_HEAD_END) + 2].lower()
    if answer[9:12] in _FOR_THE_MOMENT and not _RETRY_AFTER.search(head):
        return f"{kind} without Retry-After"
    return kind


def is_complete(answer: bytes) -> bool:
    """Whether the answer is complete.

    :raises AnswerBroken: it is no answer, does not say its length, or goes on after its end.
    """
    head = answer.find(_HEAD_END)
    if head < 0:
        return False
    place = answer.find(_USUAL_LENGTH, 0, head)
    if place < 0:
        place = answer[:head].lower().find(_LENGTH)
    if place < 0 or not answer.startswith(b"HTTP/1."):
        raise AnswerBroken(f"not an answer with a length: {answer[:60]!r}")
    place = answer.index(b":", place) + 1
    end = answer.index(b"\r", place)
    left = head + len(_HEAD_END) + int(answer[place:end]) - len(answer)
    if left < 0:
        raise AnswerBroken("more came than was asked for")
    return left == 0
