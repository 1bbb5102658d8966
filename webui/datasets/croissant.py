"""Croissant metadata of a snapshot, which data set tools read.

The format is MLCommons' Croissant 1.0: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from collections.abc import Mapping
from typing import Any

from webui.collection.consent import CURRENT
from webui.datasets.drawings import TEST, TRAIN

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
FIELDS = {
    "id": ("sc:Text", "A hash of writer, ink and instance"),
    "label": ("sc:Integer", "0 to 9; 10 is not a digit"),
    "writer": ("sc:Text", "The same for all drawings of a person; says not who that is"),
    "session": ("sc:Text", "The code of the session in which it was collected; empty outside"),
    "source": ("sc:Text", "prompt: the digit was asked for; review: somebody looked at it"),
    "ink": ("sc:Text", "Strokes of points [x, y, milliseconds], 0 to 1000; null if unknown"),
}
FORMATS = {".jsonl": "application/jsonlines", ".json": "application/json"}


def metadata(*, sha256: str, files: Mapping[str, str], newest_day: str) -> dict[str, Any]:
    """Return the JSON-LD document.

    Args:
        sha256: the snapshot's hash.
        files: SHA-256 of each file by its name.
        newest_day: of the drawings; the document must not depend on when it is written.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": f"drawn-digits-{sha256[:12]}",
        "description": "Digits drawn with mouse, finger or pen on a web page, with the pen's path "
        "and a 28x28 picture of each, split by writer. Labels were asked for, or reviewed.",
        "conformsTo": CONFORMS_TO,
        "citeAs": f"Drawn digits, snapshot {sha256}",
        "license": CURRENT.licence_url,
        "url": f"urn:sha256:{sha256}",
        "version": f"1.0.0+{sha256[:12]}",
        "datePublished": newest_day,
        "distribution": [_file(name, digest) for name, digest in sorted(files.items())],
        "recordSet": [_records(split) for split in (TRAIN, TEST)],
    }


def _file(name: str, digest: str) -> dict[str, Any]:
    suffix = name[name.rfind(".") :] if "." in name else ""
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": FORMATS.get(suffix, "application/octet-stream"),
        "sha256": digest,
    }


def _records(split: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"A drawing a row, in the order of the images of the {split} part",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{split}/{name}",
                "name": f"{split}/{name}",
                "description": description,
                "dataType": kind,
                "source": {"fileObject": {"@id": f"{split}.jsonl"}, "extract": {"column": name}},
            }
            for name, (kind, description) in FIELDS.items()
        ],
    }
