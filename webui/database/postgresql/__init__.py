"""Django's PostgreSQL backend, which waits for an answer no longer than it is told."""
