"""Loading, unloading and labelling versions: contract, section 7."""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from serving.server.status import Code, StatusError
from tests.harness import ROOT
from tests.harness.model_server import config_text, model_server_thread
from tests.harness.ports import free_port, is_listening
from tests.harness.rest_client import Client, Reply
from tests.harness.waiting import wait_until
from tests.serving.server import models

FAST: dict[str, Any] = {
    "file_system_poll_wait_seconds": 1,
    "max_num_load_retries": 0,
    "load_retry_interval_micros": 0,
    "num_load_threads": 2,
}
BODY = {"instances": [1.0]}


def publish(base: Path, version: int, make: Callable[[], models.Ends] | None = None) -> Path:
    """Publish a complete version by a rename."""
    draft = base.parent / f".draft-{base.name}-{version}"
    models.write_model(draft, {"serving_default": make or models.constant(version)})
    base.mkdir(exist_ok=True, parents=True)
    return draft.rename(base / str(version))


def serving(base: Path, **flags: Any) -> AbstractContextManager[Client]:
    """Run a server for model `m` that polls often and does not retry."""
    return model_server_thread(model_name="m", model_base_path=str(base), **FAST | flags)


def status(client: Client, version: int) -> dict[str, str]:
    """Return the error in the status of a version."""
    document = client.get(f"/v1/models/m/versions/{version}").json
    error: dict[str, str] = document["model_version_status"][0]["status"]
    return error


def answer(client: Client, path: str = "/v1/models/m:predict") -> int | str:
    reply = client.post(path, BODY)
    return int(reply.json["predictions"][0]) if reply.status == 200 else reply.error


def test_versions_are_swapped_without_a_gap(tmp_path: Path) -> None:
    base = tmp_path / "m"
    publish(base, 1)
    (base / "not-a-version").mkdir()
    failures: list[Reply] = []
    stop = threading.Event()

    def hammer(client: Client) -> None:
        while not stop.is_set():
            reply = client.post("/v1/models/m:predict", BODY)
            if reply.status != 200:
                failures.append(reply)

    with serving(base) as client:
        threads = [threading.Thread(target=hammer, args=[client]) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            assert answer(client) == 1
            publish(base, 3)
            wait_until(lambda: client.states("m") == {3: "AVAILABLE", 1: "END"})
            assert answer(client) == 3
            publish(base, 2)  # lower: ignored
            # A damaged version is loaded once, and the old version keeps serving.
            (base / "4").mkdir()
            (base / "4" / "saved_model.pb").write_bytes(b"garbage")
            wait_until(lambda: client.states("m").get(4) == "END")
            assert 2 not in client.states("m")
            assert status(client, 4) == {
                "error_code": "OUT_OF_RANGE",
                "error_message": "Read less bytes than requested",
            }
            assert answer(client) == 3
            assert client.states("m") == {4: "END", 3: "AVAILABLE", 1: "END"}
            # A failed version that is repaired is not loaded again; a new number is.
            shutil.rmtree(base / "4")
            publish(base, 4)
            publish(base, 6)
            wait_until(lambda: client.states("m").get(6) == "AVAILABLE")
            wait_until(lambda: client.states("m").get(3) == "END")
            assert client.states("m")[4] == "END"
            # When the highest is removed, the next lower is loaded before it is unloaded.
            shutil.rmtree(base / "4")
            shutil.rmtree(base / "6")
            wait_until(lambda: answer(client) == 3)
            wait_until(lambda: client.states("m").get(6) == "END")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failures, failures[0].body
        # A missing base path unloads nothing, an empty base path everything.
        base.rename(tmp_path / "moved")
        assert answer(client) == 3
        base.mkdir()
        wait_until(lambda: answer(client) == "Servable not found for request: Latest(m)")
        assert set(client.states("m").values()) == {"END"}


def test_directory_names(tmp_path: Path) -> None:
    base = tmp_path / "m"
    publish(base, 1)
    (base / "1").rename(base / "0001")
    with serving(base) as client:
        assert answer(client) == 1
        (base / "7").write_text("a plain file")
        wait_until(lambda: client.states("m").get(7) == "END")
        error = status(client, 7)
        assert error["error_code"] == "FAILED_PRECONDITION"
        assert error["error_message"].startswith("Error while attempting to reserve resources")
        (base / "9").mkdir()  # incomplete: no saved_model.pb
        wait_until(lambda: client.states("m").get(9) == "END")
        error = status(client, 9)
        assert error["error_code"] == "NOT_FOUND"
        assert error["error_message"].startswith(
            "Specified file path does not appear to contain a SavedModel bundle (should have a "
            "file called `saved_model.pb`)"
        )


def test_incomplete_version_is_loaded_at_a_retry(tmp_path: Path) -> None:
    base = tmp_path / "m"
    publish(base, 1)
    with serving(base, max_num_load_retries=600, load_retry_interval_micros=100_000) as client:
        (base / "2").mkdir()
        wait_until(lambda: client.states("m").get(2) == "LOADING")
        assert status(client, 2) == {"error_code": "OK", "error_message": ""}
        complete = models.write_model(tmp_path / "draft", {"serving_default": models.constant(2)})
        (complete / "saved_model.pb").rename(base / "2" / "saved_model.pb")
        wait_until(lambda: client.states("m") == {2: "AVAILABLE", 1: "END"})


def test_without_load_threads_retries_block_other_loads(tmp_path: Path) -> None:
    base = tmp_path / "m"
    publish(base, 1)
    flags = {"max_num_load_retries": 1, "load_retry_interval_micros": 2_000_000}
    with serving(base, num_load_threads=0, **flags) as client:
        (base / "2").mkdir()
        wait_until(lambda: client.states("m").get(2) == "LOADING")
        publish(base, 3)
        wait_until(lambda: client.states("m").get(2) == "END")
        wait_until(lambda: answer(client) == 3)


def test_running_requests_finish_on_the_old_version(tmp_path: Path) -> None:
    base = tmp_path / "m"
    publish(base, 1, models.counting)
    with serving(base) as client:
        slow: list[Reply] = []
        thread = threading.Thread(
            target=lambda: slow.append(client.predict("m", {"instances": [60_000]}))
        )
        thread.start()
        publish(base, 2)
        wait_until(lambda: 2 in client.states("m"))
        thread.join()
        assert slow[0].json == {"predictions": [60000.0]}
        wait_until(lambda: client.states("m") == {2: "AVAILABLE", 1: "END"})


def test_warm_up(tmp_path: Path) -> None:
    base = tmp_path / "m"
    models.write_warmup(publish(base, 1), [1.0, 2.0], count=3)
    with serving(base) as client:
        assert answer(client) == 1
        draft = models.write_model(tmp_path / "d", {"serving_default": models.reshaped})
        models.write_warmup(draft, [1.0])  # one value cannot be reshaped to 2x2
        draft.rename(base / "2")
        wait_until(lambda: client.states("m").get(2) == "END")
        error = status(client, 2)
        assert error["error_code"] == "INVALID_ARGUMENT"
        assert answer(client) == 1


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"values": [1.0]}, r"Input tensor x has shape \[1\], which does not fit \[-1,2,2\]"),
        ({"values": [[[1.0, 2.0]]]}, r"has shape \[1,1,2\], which does not fit"),
        ({"values": [[[1.0, 2.0]] * 2], "dtype": tf.float64}, "Input tensor x is double, .* float"),
        ({"values": [1.0], "shape": [1 << 40, 2, 2]}, "declares 17592186044416 bytes"),
        ({"values": [1.0], "shape": [-1, 2, 2]}, "negative"),
    ],
)
def test_warm_up_records_that_do_not_fit_the_signature(
    tmp_path: Path, record: dict[str, Any], reason: str
) -> None:
    """Refused before they run: a wrong rank can end the process, a huge shape its memory."""
    models.write_warmup(publish(tmp_path / "m", 1, models.matrix), **record)
    with pytest.raises(StatusError, match=reason), serving(tmp_path / "m"):
        pass


def test_warm_up_runs_in_batches(tmp_path: Path) -> None:
    """As in TensorFlow Serving: a record larger than a batch makes the load fail."""
    base = tmp_path / "m"
    models.write_warmup(publish(base, 1), [1.0, 2.0])
    parameters = tmp_path / "batching.config"
    parameters.write_text("max_batch_size { value: 2 }")
    with serving(base, enable_batching=True, batching_parameters_file=str(parameters)) as client:
        assert answer(client) == 1
        draft = models.write_model(tmp_path / "d", {"serving_default": models.constant(2)})
        models.write_warmup(draft, [1.0, 2.0, 3.0])
        draft.rename(base / "2")
        wait_until(lambda: client.states("m").get(2) == "END")
        assert status(client, 2) == {
            "error_code": "INVALID_ARGUMENT",
            "error_message": "Task size 3 is larger than maximum input batch size 2",
        }


def test_bundled_versions_load_with_the_bundled_batching_parameters(tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    policy = "model_version_policy { all {} }"
    bundled = ROOT / "serving/models/digits"
    config.write_text(config_text({"m": (bundled, policy)}))
    with model_server_thread(
        **FAST,
        model_config_file=str(config),
        enable_batching=True,
        batching_parameters_file=str(ROOT / "serving/batching.config"),
    ) as client:
        expected = {int(path.name): "AVAILABLE" for path in bundled.iterdir()}
        wait_until(lambda: client.states("m") == expected)


def test_warm_up_can_be_disabled(tmp_path: Path) -> None:
    models.write_model(tmp_path / "m" / "1", {"serving_default": models.reshaped})
    models.write_warmup(tmp_path / "m" / "1", [1.0])
    with serving(tmp_path / "m", enable_model_warmup=False) as client:
        assert client.states("m") == {1: "AVAILABLE"}


@pytest.mark.parametrize("missing", ["names", "too_many"])
def test_invalid_warm_up_records(tmp_path: Path, missing: str) -> None:
    directory = publish(tmp_path / "m", 1)
    if missing == "names":
        models.write_warmup(directory, [1.0], name="other")
    else:
        models.write_warmup(directory, [1.0], count=1001)
    with (
        pytest.raises(StatusError, match=r"1 servable\(s\) did not become available"),
        serving(tmp_path / "m"),
    ):
        pass


def test_failed_load_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    with (
        pytest.raises(StatusError, match=r"did not become available: .*name: m version: 1"),
        serving(tmp_path / "m"),
    ):
        pass


def test_server_waits_for_a_version_before_it_listens(tmp_path: Path) -> None:
    base = tmp_path / "m"
    base.mkdir()
    port = free_port()
    with serving(base, wait=False, rest_api_port=port):
        for _ in range(20):  # during several polls of the file system
            assert not is_listening(port)
            time.sleep(0.1)
        publish(base, 1)
        wait_until(lambda: is_listening(port))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", {3}),
        ("model_version_policy { latest { num_versions: 2 } }", {2, 3}),
        ("model_version_policy { all {} }", {1, 2, 3}),
        ("model_version_policy { specific { versions: 1 versions: 3 versions: 9 } }", {1, 3}),
    ],
)
def test_policies(tmp_path: Path, policy: str, expected: set[int]) -> None:
    for version in (1, 2, 3):
        publish(tmp_path / "m", version)
    config = tmp_path / "models.config"
    config.write_text(config_text({"m": (tmp_path / "m", policy)}))
    with model_server_thread(model_config_file=str(config), **FAST) as client:
        wait_until(lambda: client.states("m") == dict.fromkeys(expected, "AVAILABLE"))
        for version in (1, 2, 3):
            result = answer(client, f"/v1/models/m/versions/{version}:predict")
            if version in expected:
                assert result == version
            else:
                assert result == f"Servable not found for request: Specific(m, {version})"
        assert answer(client) == max(expected)


class Configured:
    """A configuration file that a server polls."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "models.config"
        self.directory = directory

    def write(self, **model_lines: str) -> None:
        text = config_text({name: (self.directory / name, it) for name, it in model_lines.items()})
        draft = self.file.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self.file)


def lines(*versions: int, **labels: int) -> str:
    wanted = " ".join(f"versions: {each}" for each in versions)
    named = " ".join(
        f'version_labels {{ key: "{label}" value: {version} }}' for label, version in labels.items()
    )
    return f"model_version_policy {{ specific {{ {wanted} }} }} {named}"


def test_config_reload(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for version in (1, 2):
        publish(tmp_path / "m", version)
    publish(tmp_path / "n", 8)
    config = Configured(tmp_path)
    config.write(m=lines(1, stable=1))
    with (
        pytest.raises(StatusError, match="Request to assign label to version 1 of model m, which"),
        model_server_thread(model_config_file=str(config.file), **FAST),
    ):
        pass
    config.write(m=lines(1))
    stable = "/v1/models/m/labels/stable:predict"
    with model_server_thread(
        model_config_file=str(config.file), model_config_file_poll_wait_seconds=1, **FAST
    ) as client:
        assert answer(client, stable) == "Unrecognized servable version label: stable"
        config.write(m=lines(1, stable=1))
        wait_until(lambda: answer(client, stable) == 1)
        # A label on a missing version: every poll refuses the whole configuration.
        caplog.clear()
        config.write(m=lines(1, 2, stable=1, canary=2), n="")
        wait_until(lambda: caplog.text.count("version 2 of model m, which is not currently") > 1)
        assert client.states("m") == {1: "AVAILABLE"}
        assert client.get("/v1/models/n").status == 404
        # First the version, then its label.
        config.write(m=lines(1, 2, stable=1), n="")
        wait_until(lambda: client.states("m") == {2: "AVAILABLE", 1: "AVAILABLE"})
        wait_until(lambda: client.states("n") == {8: "AVAILABLE"})
        config.write(m=lines(1, 2, stable=2, canary=1))
        wait_until(lambda: answer(client, stable) == 2)
        assert answer(client, "/v1/models/m/labels/canary:predict") == 1
        wait_until(lambda: client.states("n") == {8: "END"})
        spec = client.get("/v1/models/m/labels/stable/metadata").json["model_spec"]
        assert spec["version"] == "2"
        # The label of an unloaded version remains, and requests for it fail.
        config.write(m=lines(2, stable=2, canary=1))
        wait_until(lambda: client.states("m")[1] == "END")
        result = answer(client, "/v1/models/m/labels/canary:predict")
        assert result == "Servable not found for request: Specific(m, 1)"
        # A file that does not parse changes nothing.
        caplog.clear()
        config.file.write_text("model_config_list { nonsense")
        wait_until(lambda: "Failed to read ModelServerConfig file" in caplog.text)
        assert answer(client, stable) == 2
        # A label that is left out is removed; a model that was removed is loaded again.
        config.write(m=lines(2), n="")
        wait_until(lambda: answer(client, stable) == "Unrecognized servable version label: stable")
        wait_until(lambda: client.states("n") == {8: "AVAILABLE"})


def test_labels_for_unavailable_versions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for version in (1, 2):
        publish(tmp_path / "m", version)
    config = Configured(tmp_path)
    config.write(m=lines(1, stable=1, next=9))
    with model_server_thread(
        model_config_file=str(config.file),
        model_config_file_poll_wait_seconds=1,
        allow_version_labels_for_unavailable_models=True,
        **FAST,
    ) as client:
        assert answer(client, "/v1/models/m/labels/stable:predict") == 1
        result = answer(client, "/v1/models/m/labels/next:predict")
        assert result == "Servable not found for request: Specific(m, 9)"
        config.write(m=lines(1, 2, stable=2))  # a label in use needs a loaded version
        wait_until(lambda: "version 2 of model m, which is not currently" in caplog.text)
        assert answer(client, "/v1/models/m/labels/stable:predict") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('config { name: "m" base_path: "/x" }', "Illegal setting neither"),
        (
            'config { name: "m" base_path: "x" model_platform: "tensorflow" }',
            "Expected model m to have an absolute path",
        ),
        (
            'config { name: "m" base_path: "/x" model_platform: "tensorflow" } ' * 2,
            "Illegal to list model m multiple times in config list",
        ),
        ('config { name: "m" base_path: "/x" model_platform: "other" }', "unsupported platform"),
        ("config { nonsense", "Invalid protobuf file"),
    ],
)
def test_invalid_configs(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "models.config"
    file.write_text(f"model_config_list {{ {text} }}")
    with (
        pytest.raises(StatusError, match=message),
        model_server_thread(model_config_file=str(file), **FAST),
    ):
        pass


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_bytes(b"")
    with (
        pytest.raises(StatusError, match="Invalid argument") as raised,
        model_server_thread(model_config_file=str(file)),
    ):
        pass
    assert raised.value.code is Code.INVALID_ARGUMENT


def test_config_without_models(tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_text("# no model yet\n")
    with model_server_thread(model_config_file=str(file)) as client:
        assert client.get("/v1/models/m").status == 404
