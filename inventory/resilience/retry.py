"""Retry with exponential backoff and jitter, on tenacity."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and the pauses: ``base_ms``, doubled each time, plus up to ``base_ms`` of jitter.

    :ivar times: tries in total, including the first one.
    :ivar sleep: waits so many seconds; tests pass one that does not.
    :ivar on_retry: called before each try after the first.
    """

    times: int = 3
    base_ms: int = 50
    sleep: Callable[[float], None] = time.sleep
    on_retry: Callable[[], None] = field(default=lambda: None)

    def call(self, action: Callable[[], T], *, on: type[Exception] | tuple[type[Exception], ...]) -> T:
        """Run ``action`` until it returns, or raise the error of the last try. Only errors ``on`` are retried.

        Never around an append or an fdatasync: a repeated flush may falsely report success.
        """
        base = self.base_ms / 1000

        def before_sleep(_: RetryCallState) -> None:
            self.on_retry()

        # One object for each call: tenacity's shared decorator raised KeyError across threads.
        retrying = Retrying(
            retry=retry_if_exception_type(on),
            stop=stop_after_attempt(self.times),
            wait=wait_exponential(multiplier=base) + wait_random(0, base),
            sleep=self.sleep,
            before_sleep=before_sleep,
            reraise=True,
        )
        return retrying(action)
