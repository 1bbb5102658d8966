"""Answers that the reference shows: to `tests/data/seven.png`, shortened nowhere."""

from typing import Any

RECORD_ID = "1e2538d7-e78e-11f1-b4de-b79d5bb442a2"
OLDER_ID = "0a9c11d0-e78e-11f1-b4de-b79d5bb442a2"
INSTANCE = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAArklEQVR4nGNgGDaAEcHkE+fiE+Dh5BS8uBlVDfv6"
    "W1/+w8AdmCgLhOJ15f5x/9XHj5++fPU03IFuvIgwlMH67L8BTkeE/j8JZzOhS8YxLMWpUfznb0mckhX/1+KUY7z1"
    "3wWnpNP/W4w4JZf/L8YpJ/zjuzASF9Urgewb3+KWZFiP01TBn995kfkoOr3Z9nzGKRmAx1TmN//EcUpa/b+BKoBs"
    "rCXDIZwaGfiL0SIEAN3aNzWymwL/AAAAAElFTkSuQmCC"
)
READING: dict[str, Any] = {
    "predicted_at": "2026-11-23T22:35:00.232Z",
    "verdict": "digit",
    "digit": 7,
    "confidence": 0.997414,
    "probabilities": [
        0.000318739, 0.000385193387, 0.000268969103, 0.000206599172, 0.00029322051,
        0.000274492282, 0.000283746253, 0.997414, 0.000353742449, 0.000178268063, 2.30213682e-05,
    ],
    "model": {"name": "digits", "version": 2, "label": "stable"},
    "instance": INSTANCE,
}  # fmt: skip
PREDICTION = {"id": RECORD_ID, **READING}
MADE = {**PREDICTION, "recorded": "stored"}
READ = {**PREDICTION, "correction": None}
# Of the map, only where the ink of a stroke is covered; it is shown with 28 rows.
EMPTY_ROW = [0.0] * 28
INKED_ROW = [0.0] * 9 + [0.00214, 0.03362, 0.18051, 0.18051, 0.03362, 0.00214] + [0.0] * 13
EXPLAINED = {
    "label": 7, "probability": 0.997414, "lowest": 0.113207, "highest": 0.998117,
    "map": [EMPTY_ROW] * 12 + [INKED_ROW] * 4 + [EMPTY_ROW] * 12,
}  # fmt: skip
BLANK = {
    "code": "blank_picture",
    "message": "The picture is blank: there is no ink on it. Draw a digit from 0 to 9.",
}

# By the name of a schema in the OpenAPI document.
EXAMPLES: dict[str, Any] = {
    "PredictionMade": MADE,
    "Reading": READING,
    "BatchMade": {
        "results": [
            {"status": 201, "prediction": MADE, "error": None},
            {"status": 422, "prediction": None, "error": BLANK},
        ]
    },
    "PredictionPage": {"predictions": [READ], "older": OLDER_ID, "newer": None},
    "PredictionRead": {**READ, "correction": 7},
    "Correction": {"label": 7},
    "Explanation": {
        "id": RECORD_ID,
        "model": {"name": "digits", "version": 2, "label": "stable"},
        "same_version": True,
        "window": 7,
        "stride": 3,
        "answer": EXPLAINED,
        "runner_up": {
            **EXPLAINED,
            "label": 1,
            "probability": 0.000385,
            "lowest": 0.000201,
            "highest": 0.041902,
            "map": [EMPTY_ROW] * 28,
        },
    },
    "Ink": {"ink": [[[92.5, 71.0, 0], [168.0, 70.5, 120], [121.0, 190.0, 310]]]},
}
