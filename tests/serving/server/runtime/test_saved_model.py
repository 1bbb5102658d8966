"""A loaded SavedModel, and what is left of it."""

import weakref
from pathlib import Path

import numpy as np

from serving.server.runtime.saved_model import SavedModel, SessionOptions
from tests.serving.server import models


def test_a_closed_model_frees_its_graph(tmp_path: Path) -> None:
    """Else a server keeps some megabytes of each version that it has ever loaded."""
    directory = models.write_model(tmp_path / "1", {"serving_default": models.half_plus_two})
    model = SavedModel(directory, SessionOptions())
    signature = model.signatures["serving_default"]
    assert model.run(signature, {"x": np.array([2.0], np.float32)})["y"].tolist() == [3.0]
    graph = weakref.ref(model._session.graph)
    model.close()
    assert graph() is None
