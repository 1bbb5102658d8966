"""The writer id: which drawings are by the same person, without saying who that is.

It is a hash of the visitor of a record, which is itself a keyed hash of a random name in a signed
cookie (`webui.access.visitors`). So it depends on the secret key, survives a change of that key as
the visitor does, is the same in every store, and opens nothing.
"""

import hashlib

WRITER_LENGTH = 32  # hex digits: 128 bits, enough that no two writers collide


def writer_of(visitor: str, *, turn: int = 0) -> str:
    """Return the writer id of a visitor's drawings.

    Args:
        visitor: as stored with a record.
        turn: of the people who shared the browser in prompted collection, from 0 on; 0 has the
            drawings that were made without prompts, too.
    """
    text = f"writer {visitor} {turn}" if turn else f"writer {visitor}"
    return hashlib.sha256(text.encode()).hexdigest()[:WRITER_LENGTH]
