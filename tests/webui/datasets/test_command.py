"""`manage.py snapshot_dataset`, with prompted drawings that people made and deleted."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.webui.collection.participants import PATH, draw, join, open_session
from tests.webui.datasets.snapshot_files import contents, lines

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]


def write(path: Path) -> str:
    out = StringIO()
    call_command("snapshot_dataset", output=path, stdout=out)
    return out.getvalue()


def all_lines(path: Path) -> list[dict[str, object]]:
    return lines(path / "train.jsonl") + lines(path / "test.jsonl")


def test_prompted_drawings_with_what_was_asked_for(browser_client: Client, tmp_path: Path) -> None:
    open_session()
    prompt = join(browser_client).json()["prompt"]
    writer = draw(browser_client, 0).json()["writer"]
    assert "1 drawings" in write(tmp_path / "s")
    (line,) = all_lines(tmp_path / "s")
    assert line["label"] == prompt["digit"]
    assert (line["source"], line["session"], line["writer"]) == ("prompt", "class-4b", writer)
    assert line["ink"] == [[[1.5, 2, 0], [30, 40, 16]]]


def test_who_leaves_is_absent_from_the_next_snapshot(tmp_path: Path) -> None:
    open_session()
    clients = [Client(), Client()]
    for client in clients:
        join(client)
        draw(client, 0)
    write(tmp_path / "before")
    before = contents(tmp_path / "before")
    writer = clients[0].get(PATH).json()["writer"]
    clients[0].delete(PATH)
    write(tmp_path / "after")
    assert writer in str(before)
    assert writer not in str(contents(tmp_path / "after"))
    assert len(all_lines(tmp_path / "after")) == 1
    assert contents(tmp_path / "before") == before


@pytest.mark.usefixtures("browser_client")
@pytest.mark.parametrize(
    ("name", "said"),
    [("exists", "never changed"), ("no/where", "no folder"), ("new", "no drawing is reviewed")],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "exists").mkdir()
    with pytest.raises(CommandError, match=said):
        write(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["exists"]
