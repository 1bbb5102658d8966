"""HTTP for gunicorn: requests are read whole, and answers sent, without holding a thread."""
