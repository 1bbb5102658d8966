"""Limits of a request; each is checked before the part that it limits is read or decoded."""

MAX_PICTURE_BYTES = 5 * 1024 * 1024  # a phone's photo; the canvas sends a few kilobytes
MAX_BODY_BYTES = 8 * 1024 * 1024  # base64 needs four bytes for three, and there may be ink
MAX_BATCH = 64  # pictures of one request, which share its body
MAX_BATCH_PIXELS = 2_000_000  # of each: 64 are decoded in about the time of five phone photos
MAX_STROKES = 500
MAX_POINTS = 20_000  # minutes of drawing at 240 points a second
MAX_COORDINATE = 1e7
# Commas, and opening brackets, of a JSON text: 20,000 points have 80,000 and 20,500, and a batch
# has more. Of eight megabytes of empty lists, Python would make 200 MB of objects.
MAX_JSON_VALUES = 400_000
# Larger bodies are parsed one at a time: parsing takes about seven times their size.
LARGE_BODY_BYTES = 1024 * 1024
