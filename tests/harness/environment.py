"""Environment variables of the tests, set before Django reads its settings.

Loaded by pytest's option `-p tests.harness.environment`.
"""

import os
import tempfile

os.environ["SECRET_KEY"] = "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF"
os.environ["ENV_FILES"] = "off"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Collected static files and counters of a site that runs beside the tests are not used.
SCRATCH = tempfile.TemporaryDirectory(prefix="digits-tests-")
os.environ["STATIC_ROOT"] = os.environ["RUNTIME_DIR"] = SCRATCH.name
for name in (
    "SECRET_KEY_FALLBACKS",
    "SECRET_KEY_FALLBACKS_FILE",
    "DEBUG",
    "HTTPS",
    "FORWARDED_ALLOW_IPS",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "CASSANDRA_HOSTS",
    "MODELS_DIR",
    "SERVING_URL",
    "MODEL_NAME",
    "RATE_LIMIT",
    "READING_RATE_LIMIT",
    "PORT",
    "HOST",
    "METRICS_TOKEN",
    "WALL_CODE",
    "PRIVACY_CONTACT",
    "LAN",
):
    os.environ.pop(name, None)  # a developer's own settings do not change what is tested
# tests/postgres runs some tests in a process of their own, on another database.
if url := os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = url
