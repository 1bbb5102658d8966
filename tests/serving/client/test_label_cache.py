"""A label's version is cached only while it is valid."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving import models_config
from serving.client.label_cache import LabelCache

TEXT = """model_config_list { config { name: "digits" base_path: "/m"
  model_version_policy { specific { versions: 1 versions: 2 } }
  version_labels { key: "stable" value: 1 } } }"""


class Server:
    """A stand-in for the model server: resolves labels and counts the requests."""

    def __init__(self, **labels: int) -> None:
        self.labels = labels
        self.asked = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.waits, self.answers = threading.Event(), threading.Event()

    def pause(self) -> None:
        """Let requests wait until `answers` is set; `waits` is set by the first of them."""

        def wait() -> None:
            self.waits.set()
            assert self.answers.wait(10)

        self.meanwhile = wait

    def ask(self, label: str) -> int:
        self.asked += 1
        version = self.labels[label]
        self.meanwhile()
        return version


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "models.config"
    path.write_text(TEXT)
    return path


def move(config_file: Path, version: int) -> None:
    models_config.write_text(
        config_file,
        models_config.with_model(TEXT, "digits", versions=[1, 2], labels={"stable": version}),
    )


def cache(server: Server, config_file: Path | None, *, seconds: float = 60.0) -> LabelCache:
    return LabelCache(server.ask, model_name="digits", config_file=config_file, seconds=seconds)


def test_asked_once_while_file_and_server_agree(config_file: Path) -> None:
    server = Server(stable=1)
    labels = cache(server, config_file)
    assert [labels.version_of("stable") for _ in range(5)] == [1] * 5
    assert server.asked == 1


def test_asked_every_time_from_the_files_change_until_the_server_follows(config_file: Path) -> None:
    server = Server(stable=1)
    labels = cache(server, config_file)
    labels.version_of("stable")
    move(config_file, 2)
    assert [labels.version_of("stable") for _ in range(3)] == [1] * 3
    assert server.asked == 4
    server.labels["stable"] = 2  # the server has polled the file
    assert [labels.version_of("stable") for _ in range(3)] == [2] * 3
    assert server.asked == 5


def test_an_answer_is_not_cached_if_the_file_changes_meanwhile(config_file: Path) -> None:
    server = Server(stable=1)
    labels = cache(server, config_file)
    server.meanwhile = lambda: move(config_file, 2)
    assert labels.version_of("stable") == 1
    server.meanwhile = lambda: None
    server.labels["stable"] = 2
    assert labels.version_of("stable") == 2


def test_without_a_file_an_answer_is_cached_for_a_fixed_time(tmp_path: Path) -> None:
    server = Server(stable=1)
    labels = cache(server, None)
    labels.version_of("stable")
    labels.version_of("stable")
    assert server.asked == 1
    brief = cache(server, tmp_path / "not there", seconds=0.0)
    brief.version_of("stable")
    brief.version_of("stable")
    assert server.asked == 3


def test_a_forgotten_label_is_asked_for_again(config_file: Path) -> None:
    server = Server(stable=1)
    labels = cache(server, config_file)
    labels.version_of("stable")
    labels.forget("stable")
    labels.version_of("stable")
    assert server.asked == 2


def test_an_unreadable_file_is_ignored(config_file: Path) -> None:
    config_file.write_text("half a fi")
    server = Server(stable=1)
    labels = cache(server, config_file)
    assert labels.version_of("stable") == 1


def test_threads_share_one_request(config_file: Path) -> None:
    server = Server(stable=1)
    labels = cache(server, config_file)
    server.pause()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(labels.version_of, "stable") for _ in range(8)]
        assert server.waits.wait(10)
        server.answers.set()
        assert [each.result(10) for each in answers] == [1] * 8
    assert server.asked == 1


def test_a_call_after_a_label_moved_gets_no_answer_from_before(config_file: Path) -> None:
    """The request was sent before the label moved, and the second call came after it."""
    server = Server(stable=1)
    labels = cache(server, config_file)
    server.pause()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(labels.version_of, "stable")
        assert server.waits.wait(10)
        move(config_file, 2)
        server.labels["stable"] = 2
        server.meanwhile = lambda: None
        second = pool.submit(labels.version_of, "stable")
        server.answers.set()
        assert first.result(10) == 1
        assert second.result(10) == 2


def test_an_error_is_not_cached(config_file: Path) -> None:
    server = Server()
    labels = cache(server, config_file)
    with pytest.raises(KeyError):
        labels.version_of("stable")
    server.labels["stable"] = 1
    assert labels.version_of("stable") == 1
