"""Loaded by pytest before Django reads its settings (`-p tests.environment`)."""

import os

os.environ["SECRET_KEY"] = "only-for-tests-" + "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF"
os.environ["ENV_FILES"] = "off"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for name in (
    "DEBUG",
    "HTTPS",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "CASSANDRA_HOSTS",
    "MODELS_DIR",
    "SERVING_URL",
    "MODEL_NAME",
):
    os.environ.pop(name, None)  # a developer's own environment does not change what is tested
