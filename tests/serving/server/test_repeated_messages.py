"""A poll's message is logged once, and again after ten minutes."""

import logging

from serving.server.repeated_messages import REPEAT_SECONDS, RepeatFilter


def test_a_repeated_message_is_logged_every_ten_minutes() -> None:
    now = 0.0
    repeats = RepeatFilter(clock=lambda: now)

    def passes(message: str, *values: object) -> bool:
        return repeats.filter(logging.LogRecord("n", logging.ERROR, "f", 1, message, values, None))

    assert passes("version %d is missing", 1)
    assert not passes("version %d is missing", 1)
    assert passes("version %d is missing", 2)
    now = REPEAT_SECONDS + 1
    assert passes("version %d is missing", 1)
