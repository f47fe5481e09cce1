"""Numbers in sentences."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many there are of what: ``1 row``, ``2 rows``; ``many`` where an s is not enough."""
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"
