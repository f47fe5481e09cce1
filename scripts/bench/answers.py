"""As much of HTTP/1.1 as the driver needs: where an answer ends, and whether it is a yes."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_USUAL_LENGTH = b"\r\nContent-Length: "


class AnswerBroken(Exception):
    """What has come is no answer, or one whose end cannot be found."""


def is_success(answer: bytes) -> bool:
    """Whether the status is 2xx."""
    return answer[9:10] == b"2"


def is_complete(answer: bytes) -> bool:
    """Whether the answer is whole.

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
