"""models.config is read as TensorFlow Serving reads it, and changed without losing anything."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import models_config
from serving.models_config import ConfigError, model_config, with_model, with_models_dir

TEXT = """
# everything but comments is kept
model_config_list {
  config {
    name: "digits"
    base_path: "/models/digits"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 2 versions: 1 } }
    version_labels { key: "stable" value: 1 }
    logging_config {
      log_collector_config { type: "file" filename_prefix: "/tmp/log" }
      sampling_config { sampling_rate: 0.5 }
    }
  }
  config {
    name: "other"
    base_path: "/models/other"
    model_version_policy { latest { num_versions: 2 } }
  }
}
"""


def test_reads_versions_and_labels() -> None:
    config = model_config(TEXT, "digits")
    assert config.base_path == "/models/digits"
    assert config.versions == (1, 2)
    assert config.labels == {"stable": 1}


def test_versions_of_another_policy_are_none() -> None:
    assert model_config(TEXT, "other").versions is None


def test_other_fields_are_kept() -> None:
    changed = with_model(TEXT, "digits", versions=[3, 2], labels={"stable": 2, "canary": 3})
    assert model_config(changed, "digits").versions == (2, 3)
    assert model_config(changed, "digits").labels == {"stable": 2, "canary": 3}
    assert model_config(changed, "digits").base_path == "/models/digits"
    assert "sampling_rate: 0.5" in changed
    assert model_config(changed, "other") == model_config(TEXT, "other")


def test_another_policy_becomes_specific() -> None:
    changed = with_model(TEXT, "other", versions=[7], labels={})
    assert model_config(changed, "other").versions == (7,)


versions = st.lists(st.integers(1, 2**62), min_size=1, max_size=5, unique=True)
label_names = st.from_regex(r"[a-zA-Z0-9_]{1,12}", fullmatch=True)


@given(versions=versions, data=st.data())
def test_what_is_written_is_what_is_read(versions: list[int], data: st.DataObject) -> None:
    labels = data.draw(st.dictionaries(label_names, st.sampled_from(versions), max_size=4))
    config = model_config(with_model(TEXT, "digits", versions=versions, labels=labels), "digits")
    assert config.versions == tuple(sorted(versions))
    assert config.labels == labels


def test_base_paths_move_to_another_directory() -> None:
    moved = with_models_dir(TEXT, "/srv")
    assert model_config(moved, "digits").base_path == "/srv/digits"
    assert model_config(moved, "other").base_path == "/srv/other"
    assert model_config(moved, "digits").labels == {"stable": 1}


def test_a_label_on_a_version_that_is_not_served_is_never_written() -> None:
    with pytest.raises(ValueError, match="'canary' would name version 3"):
        with_model(TEXT, "digits", versions=[1, 2], labels={"stable": 1, "canary": 3})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "no field named"),
        ("model_config_list { config { nam: 'x' } }", "nam"),
        ("model_config_list {", "ModelServerConfig"),
        ("", "no model 'digits'"),
    ],
)
def test_a_mistake_is_named(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        model_config(text, "digits")


def test_a_missing_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="MODELS_DIR"):
        models_config.read_text(tmp_path / "models.config")


def test_the_version_of_a_label_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text(TEXT)
    assert models_config.labelled_version(path, "digits", "stable") == 1
    with pytest.raises(
        ConfigError, match="no version of 'digits' has the label 'shadow'; promote one first"
    ):
        models_config.labelled_version(path, "digits", "shadow")


def test_a_missing_directory_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        models_config.write_text(tmp_path / "gone" / "models.config", "text")
