"""The JSON API, as described in docs/api.md: parses requests, calls services, answers."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Status

from webui.access.cross_site import refuse_cross_site
from webui.access.rate_limits import charge
from webui.access.visitors import Caller, identify, remember
from webui.errors import ApiError
from webui.recognition import schemas, services
from webui.recognition.batch import recognise_batch
from webui.recognition.error_handlers import add_error_handlers
from webui.recognition.explanations import explain as explain_record
from webui.recognition.idempotency import HEADER, REPLAYED, earlier_prediction, once
from webui.recognition.listing import OPENAPI_PARAMETERS, read_query
from webui.recognition.openapi import (
    ANYONE,
    BATCH,
    COMMON,
    ERROR,
    IDEMPOTENCY_KEY,
    PICTURE,
    SUBMISSION,
    UNCOUNTED,
)
from webui.recognition.reference.document import DocumentedAPI
from webui.recognition.reference.page import ReferencePage, served_document
from webui.recognition.selectors import callers_page, callers_record
from webui.recognition.submission import malformed, read_batch, read_submission
from webui.records.drawings import picture_response
from webui.records.models import new_record_id

api = DocumentedAPI(
    title="Drawn digits",
    version="1",
    urls_namespace="api",
    description="Send a drawing of a digit; get what a model reads in it. A prediction "
    "is recorded, a reading is not.",
    docs=ReferencePage(),  # django-ninja's own viewers load scripts from other hosts
    docs_decorator=served_document,
)


def admit(request: HttpRequest, *, action: str) -> Caller:
    """Return the caller of a request that changes something, after the checks of all of these."""
    caller = identify(request)
    if caller.key is None:
        refuse_cross_site(request)
    charge(request, caller, action=action)
    return caller


@api.post(
    "/predictions",
    response={
        201: schemas.PredictionMade,
        409: ERROR,
        413: ERROR,
        415: ERROR,
        422: ERROR,
        **COMMON,
    },
    summary="Read a drawing",
    operation_id="predict",
    url_name="predictions",
    openapi_extra={
        "requestBody": SUBMISSION,
        "parameters": [IDEMPOTENCY_KEY],
        "security": ANYONE,
    },
)
def predict(request: HttpRequest, response: HttpResponse) -> Status[dict[str, object]]:
    """Recognises the digit in a picture, and records the prediction before answering."""
    caller = admit(request, action="predict")
    submission = read_submission(request)
    with once(request, caller, [submission]) as served:
        (record_id,) = served.record_ids
        if served.earlier is not None:
            prediction = earlier_prediction(record_id, served.earlier[0])
            response[REPLAYED] = "true"
        else:
            prediction = (services.resume(record_id) if served.resumed else None) or (
                services.recognise(
                    picture=submission.picture,
                    ink=submission.ink,
                    visitor=caller.visitor,
                    record_id=record_id,
                )
            )
            served.complete([prediction.recorded.value])
    remember(response, caller)
    response["Location"] = f"{request.path}/{prediction.record.id}"
    return Status(201, schemas.prediction_made(prediction.record, prediction.recorded))


@api.post(
    "/predictions:batch",
    response={200: schemas.BatchMade, 413: ERROR, 415: ERROR, **COMMON},
    summary="Read many drawings",
    operation_id="predict_batch",
    openapi_extra={"requestBody": BATCH, "security": ANYONE},
)
def predict_batch(request: HttpRequest, response: HttpResponse) -> dict[str, object]:
    """Recognises up to 64 drawings with one call to the model; each is recorded or has its error.

    Each drawing counts for the rate limit.
    """
    if HEADER in request.headers:
        raise malformed(f"{HEADER} is taken by POST /predictions only; send each drawing there.")
    caller = admit(request, action="predict")
    drawings = read_batch(request)
    if len(drawings) > 1:  # the first is counted, so that nobody sends bodies without end
        charge(request, caller, action="predict", units=len(drawings) - 1)
    record_ids = [new_record_id() for _ in drawings]
    results = recognise_batch(drawings, record_ids=record_ids, visitor=caller.visitor)
    remember(response, caller)
    return schemas.batch_made(results)


@api.post(
    "/readings",
    response={200: schemas.Reading, 413: ERROR, 415: ERROR, 422: ERROR, **COMMON},
    summary="Read a drawing without recording it",
    operation_id="read_drawing",
    openapi_extra={"requestBody": SUBMISSION, "security": ANYONE},
)
def read_drawing(request: HttpRequest, response: HttpResponse) -> dict[str, object]:
    """Recognises the digit in a picture, and keeps nothing: for a drawing that is not finished."""
    caller = admit(request, action="reading")
    submission = read_submission(request)
    record = services.predict(
        picture=submission.picture, ink=submission.ink, visitor=caller.visitor
    )
    remember(response, caller)
    return schemas.reading(record)


@api.get(
    "/predictions",
    response={200: schemas.PredictionPage, **UNCOUNTED},
    summary="List your predictions",
    operation_id="list",
    openapi_extra={"parameters": OPENAPI_PARAMETERS, "security": ANYONE},
)
def list_predictions(request: HttpRequest) -> dict[str, object]:
    """The caller's own predictions, newest first; those of a key are the ones made with it."""
    caller = identify(request)
    filters, bounds, size = read_query(request)
    return schemas.prediction_page(callers_page(caller, filters, bounds, size=size))


@api.get(
    "/predictions/{uuid:prediction_id}",
    response={200: schemas.PredictionRead, 404: ERROR, **UNCOUNTED},
    summary="Read a prediction again",
    operation_id="read",
    url_name="prediction",
    openapi_extra={"security": ANYONE},
)
def read(request: HttpRequest, prediction_id: UUID) -> dict[str, object]:
    """The prediction, for the visitor whose drawing it is or for an API key."""
    record = callers_record(prediction_id, identify(request))
    return schemas.prediction_read(record)


@api.get(
    "/predictions/{uuid:prediction_id}/picture",
    response={200: None, 404: ERROR, **UNCOUNTED},
    summary="Get the picture of a prediction",
    operation_id="picture",
    openapi_extra={"responses": PICTURE, "security": ANYONE},
)
def picture(request: HttpRequest, prediction_id: UUID) -> HttpResponse:
    """The picture without its metadata, for the visitor whose drawing it is or for an API key."""
    record = callers_record(prediction_id, identify(request))
    if not record.picture:
        raise ApiError(404, "not_found", "The picture of this prediction is no longer kept.")
    return picture_response(record)


@api.get(
    "/predictions/{uuid:prediction_id}/ink",
    response={200: schemas.Ink, 404: ERROR, **UNCOUNTED},
    summary="Get the pen's path of a prediction",
    operation_id="ink",
    openapi_extra={"security": ANYONE},
)
def ink(request: HttpRequest, prediction_id: UUID) -> dict[str, object]:
    """The ink as it was sent, for the visitor whose drawing it is or for an API key."""
    record = callers_record(prediction_id, identify(request))
    return {"ink": record.ink}


@api.get(
    "/predictions/{uuid:prediction_id}/explanation",
    response={200: schemas.Explanation, 404: ERROR, 429: ERROR, **UNCOUNTED},
    summary="Explain a prediction",
    operation_id="explain",
    openapi_extra={"security": ANYONE},
)
def explain(request: HttpRequest, prediction_id: UUID) -> dict[str, object]:
    """Covers one part of the drawing after the other and asks the model about each, in one call.

    The answer shows which ink speaks for the prediction and which for the likeliest other one.
    """
    caller = identify(request)
    charge(request, caller, action="explanation")
    record = callers_record(prediction_id, caller)
    return schemas.explained(record, explain_record(record))


@api.delete(
    "/predictions/{uuid:prediction_id}",
    response={204: None, 404: ERROR, **COMMON},
    summary="Delete a drawing and its prediction",
    operation_id="delete",
    openapi_extra={"security": ANYONE},
)
def delete(request: HttpRequest, prediction_id: UUID) -> Status[None]:
    """Removes the record and the picture for good."""
    caller = admit(request, action="change")
    services.forget(callers_record(prediction_id, caller))
    return Status(204, None)


@api.post(
    "/predictions/{uuid:prediction_id}/correction",
    response={200: schemas.PredictionRead, 404: ERROR, **COMMON},
    summary="Say what was really drawn",
    operation_id="correct",
    openapi_extra={"security": ANYONE},
)
def correct(
    request: HttpRequest,
    prediction_id: UUID,
    correction: schemas.Correction,
) -> dict[str, object]:
    """Notes the right label beside the prediction; null takes it back."""
    caller = admit(request, action="change")
    record = callers_record(prediction_id, caller)
    label = "" if correction.label is None else str(correction.label)
    return schemas.prediction_read(services.correct(record, label=label, caller=caller))


add_error_handlers(api)
