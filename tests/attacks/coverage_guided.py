"""Coverage-guided fuzzing, by `make fuzz`: a loop of libFuzzer's, in a process of its own.

    python -m tests.attacks.coverage_guided preprocessing|json [options of libFuzzer]

It starts from good inputs, keeps what reaches new code in var/fuzz, and stops with a traceback at
the first exception that is not a documented refusal.
"""

import contextlib
import sys
from collections.abc import Callable, Sequence

import atheris

from tests.harness import ROOT

CORPUS = ROOT / "var" / "fuzz"
# A wrong rank is refused, not crashed on; 25 million pixels take 0.9 seconds.
LIMITS = ["-timeout=20", "-rss_limit_mb=2048"]


def preprocessing() -> tuple[Callable[[bytes], None], Sequence[bytes]]:
    """Returns the reading of a picture, and good pictures."""
    with atheris.instrument_imports(include=["serving", "PIL"]):
        from serving.picture_files import read_picture_file
        from serving.preprocessing import PictureError, decode_file, to_instance

    def read(data: bytes) -> None:
        with contextlib.suppress(PictureError):
            file = read_picture_file(data)
            assert read_picture_file(file.content).content == file.content
            to_instance(decode_file(file, max_pixels=1_000_000))

    from tests.attacks.mutations import good_pictures

    return read, [picture for pictures in good_pictures().values() for picture in pictures]


def json() -> tuple[Callable[[bytes], None], Sequence[bytes]]:
    """Returns the reading of a predict request, on both paths, and good requests."""
    with atheris.instrument_imports(include=["serving.server.json"]):
        from serving.server.json.predict_request import read_predict
        from serving.server.status import StatusError
        from tests.serving.server.json.test_fast_path import SIGNATURES, check

    def read(data: bytes) -> None:
        found = SIGNATURES[len(data) % len(SIGNATURES)]
        with contextlib.suppress(StatusError):
            read_predict(data, lambda _: found)
        with contextlib.suppress(StatusError):
            check(data, found)  # both paths agree

    return read, [
        b'{"instances": [1, 2.5, -3e2]}',
        b'{"signature_name": "s", "instances": [[[[1], [0]], [[0.5], [1]]]]}',
        b'{"inputs": {"a": [1, 2], "b": [[1, 2], [3, 4]]}}',
        b'{"instances": [{"a": 1, "b": [1, 2]}, {"a": NaN, "b": [-Infinity, 1e-300]}]}',
        '{"inputs": ["\\u00e9\\ud83d\\ude00é", {"b64": "aGk="}, true, null]}'.encode(),
    ]


def main() -> None:
    name, *options = sys.argv[1:]
    read, good = {"preprocessing": preprocessing, "json": json}[name]()
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(good):
        (corpus / f"good-{number}").write_bytes(data)
    artifacts = f"-artifact_prefix={corpus.parent}/{name}-"  # the input of a failure
    atheris.Setup([sys.argv[0], str(corpus), artifacts, *LIMITS, *options], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
