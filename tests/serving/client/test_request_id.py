"""The id of the site's request, in the log of the model server."""

import numpy as np
import pytest

from serving.client import REQUEST_ID, VersionNotLoaded
from tests.harness.served_model import ServedModel


def test_a_failed_request_is_logged_with_the_id_that_came_with_it(
    served_model: ServedModel,
) -> None:
    log = served_model.server.log
    before = len(log.read_text())
    with_id = REQUEST_ID.set("e1-made-by-the-site")
    try:
        with pytest.raises(VersionNotLoaded):
            served_model.client.predict_by_version(np.zeros((1, 28, 28)), version=99)
    finally:
        REQUEST_ID.reset(with_id)
    served_model.client.predict(np.zeros((1, 28, 28)))  # is answered, and no line
    lines = [line for line in log.read_text()[before:].splitlines() if "request_id" in line]
    assert len(lines) == 1
    assert "/versions/99:predict' answered 404, request_id='e1-made-by-the-site'" in lines[0]
