"""The dashboard: how the site reads and what visitors draw, in the admin and as metrics."""
