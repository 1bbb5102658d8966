"""Pictures of earlier releases lose their metadata, and nothing else."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from tests.webui.records.factory import NOON, make_record
from webui.records.database_store import DatabaseStore
from webui.records.models import Record
from webui.records.store import Filters, StoreUnavailable, store

pytestmark = pytest.mark.django_db

PLACE = b"Lange Strasse 7"


def photograph() -> bytes:
    """Return a JPEG whose EXIF tells a place."""
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()  # ImageDescription
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "white").save(file, "JPEG", exif=exif)
    return file.getvalue()


def append(*pictures: bytes) -> list[object]:
    """Append a record with each picture, the first one newest; return their ids."""
    records = [
        make_record(at=NOON - number * timedelta(hours=1)) for number in range(len(pictures))
    ]
    for record, picture in zip(records, pictures, strict=True):
        record.picture = picture
        store().append(record)
    return [record.id for record in records]


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("strip_pictures", *arguments, stdout=output)
    return output.getvalue()


def kept() -> list[bytes]:
    return [bytes(record.picture) for record in store().scan(Filters())]


def test_metadata_is_removed_and_the_pixels_stay() -> None:
    append(photograph(), b"not a picture", b"")
    output = run()
    assert "3 records read" in output
    assert "1 pictures had metadata" in output
    assert "1 cannot be read" in output
    stripped, other, none = kept()
    assert PLACE not in stripped
    with Image.open(io.BytesIO(stripped)) as after, Image.open(io.BytesIO(photograph())) as before:
        assert after.tobytes() == before.tobytes()
    assert (other, none) == (b"not a picture", b"")
    assert "0 pictures had metadata" in run()


def test_a_dry_run_only_counts() -> None:
    append(photograph())
    assert "1 pictures had metadata" in run("--dry-run")
    assert kept() == [photograph()]


def test_an_interrupted_run_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    append(photograph(), photograph(), photograph())
    replace, calls = DatabaseStore.replace_picture, []

    def fail_at_the_second(self: DatabaseStore, record: Record) -> None:
        calls.append(record.id)
        if len(calls) == 2:
            raise StoreUnavailable("down")
        replace(self, record)

    monkeypatch.setattr(DatabaseStore, "replace_picture", fail_at_the_second)
    with pytest.raises(CommandError, match=r"stopped \(down\): 1 records read") as stopped:
        run()
    before = str(stopped.value).rpartition("--before ")[2]
    assert before == NOON.isoformat()
    assert "2 records read" in run("--before", before)
    assert not any(PLACE in picture for picture in kept())


def test_a_wrong_instant_is_refused() -> None:
    with pytest.raises(CommandError, match="must be like 2026-03-01T12:00:00"):
        run("--before", "yesterday")
