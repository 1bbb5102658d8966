"""The digits that a writer is asked for: every digit equally often, in an order of the writer's."""

import random

DIGITS = 10


def prompts_of(writer: str, count: int) -> list[int]:
    """Return the digits that a writer is asked for, in order; always the same for a writer.

    They come in rounds of all ten, each shuffled, so that whoever stops early has drawn every
    digit about equally often. No digit is asked for twice in a row.
    """
    order = random.Random(writer)  # noqa: S311 - an order, not a secret
    prompts: list[int] = []
    while len(prompts) < count:
        round_ = order.sample(range(DIGITS), DIGITS)
        if prompts and round_[0] == prompts[-1]:
            round_.append(round_.pop(0))
        prompts += round_
    return prompts[:count]
