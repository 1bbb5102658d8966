"""Large pictures wait for one another, small ones for nobody."""

import threading

import pytest

from serving.preprocessing.memory import Budget, DecodingBusy


def budget(**more: float) -> Budget:
    return Budget(
        total=100, free=10, most_waiting=int(more.get("most", 1)), seconds=more.get("s", 30)
    )


def test_what_does_not_fit_waits() -> None:
    memory, order = budget(), []

    def other() -> None:
        with memory.reserved(60):
            order.append("other")

    with memory.reserved(60):
        waiting = threading.Thread(target=other)
        waiting.start()
        with memory.reserved(40), memory.reserved(10):
            order.append("small")
    waiting.join()
    assert order == ["small", "other"]


def test_few_wait_and_not_for_long() -> None:
    memory = budget(s=0.01)
    with memory.reserved(100):
        with pytest.raises(DecodingBusy):  # its time is over
            memory._take(50)
        memory.most_waiting = 0
        memory.seconds = 30
        with pytest.raises(DecodingBusy):  # others wait already
            memory._take(50)
    with memory.reserved(100):
        pass


def test_an_error_gives_the_memory_back() -> None:
    memory = budget()
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), memory.reserved(100):
            raise ValueError("damaged")
