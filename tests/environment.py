"""Loaded by pytest before Django reads its settings (`-p tests.environment`)."""

import os
import tempfile

os.environ["SECRET_KEY"] = "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF"
os.environ["ENV_FILES"] = "off"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# No collected static files and no counters of a site that runs beside the tests.
SCRATCH = tempfile.TemporaryDirectory(prefix="digits-tests-")
os.environ["STATIC_ROOT"] = os.environ["RUNTIME_DIR"] = SCRATCH.name
for name in (
    "DEBUG",
    "HTTPS",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "CASSANDRA_HOSTS",
    "MODELS_DIR",
    "SERVING_URL",
    "MODEL_NAME",
    "RATE_LIMIT",
    "PORT",
    "HOST",
):
    os.environ.pop(name, None)  # a developer's own environment does not change what is tested
# The tests' own choice of database, for those that run on PostgreSQL, too (tests/postgres).
if url := os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = url
