"""The model server's answer to one instance, as a verdict."""

from django.conf import settings

from serving.client import Answer, ServingError
from serving.verdict import Reading, read_verdict
from webui.recognition.selectors import thresholds_of

SUM_TOLERANCE = 0.01  # rounding to float32 stays far below it


class UnusableAnswer(ServingError):
    """The model server answered, but not with the probabilities of one instance."""


def read_answer(answer: Answer) -> Reading:
    """Check that the answer is one row of probabilities, and return the verdict on it.

    Raises:
        UnusableAnswer: it is not one row that adds up to 1. (The client has checked that there
            are 10 or 11 probabilities and that they are finite.)
    """
    if len(answer.probabilities) != 1:
        raise UnusableAnswer(
            f"version {answer.version} gave {len(answer.probabilities)} answers to 1 instance"
        )
    check_sums(answer)
    probabilities: list[float] = answer.probabilities[0].tolist()
    thresholds = thresholds_of(model_name=settings.MODEL_NAME, version=answer.version)
    return read_verdict(probabilities, thresholds)


def check_sums(answer: Answer) -> None:
    """Check that each row of an answer adds up to 1.

    Raises:
        UnusableAnswer
    """
    for total in answer.probabilities.sum(axis=1).tolist():
        if not abs(total - 1) <= SUM_TOLERANCE:
            raise UnusableAnswer(
                f"version {answer.version} gave probabilities that add up to {total:.3f}"
            )
