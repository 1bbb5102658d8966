"""Settings of the site, read once from the environment, typed, and refused by name when wrong.

Every variable is listed in `docs/configuration.md`. It comes from the environment, else from
`.env`, else from what a running `make run` noted for commands beside it (the development key,
the models directory, the model server's address). Nothing secret stands here, and no password
has a default.
"""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from webui.secret_files import read_secret_files

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"  # what a running site writes: database, development key, logs

env = environ.Env()
if os.environ.get("ENV_FILES") != "off":  # the tests' environment is the whole environment
    environ.Env.read_env(BASE_DIR / ".env")
    environ.Env.read_env(VAR_DIR / "development.env")
read_secret_files(os.environ)

DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=False)

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. `make run` makes one for development; for production make one "
        "with: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS is '*', which lets anybody choose the host name that the site believes; "
        "name the hosts, separated by commas, like ALLOWED_HOSTS=digits.example.org"
    )

# --- where the parts are -----------------------------------------------------------------
SERVING_URL = env.str("SERVING_URL", default="http://127.0.0.1:8501")
MODEL_NAME = env.str("MODEL_NAME", default="digits")
MODELS_DIR = Path(env.str("MODELS_DIR", default=str(BASE_DIR / "serving" / "models")))

CASSANDRA_HOSTS = env.list("CASSANDRA_HOSTS", default=[])
RECORD_STORE = (
    "webui.records_cassandra.store.CassandraStore"
    if CASSANDRA_HOSTS
    else "webui.records.embedded.EmbeddedStore"
)

# --- Django ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "webui.recognition",
    "webui.records",
    "webui.rollout",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "webui.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'site.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several processes write: a write-ahead log lets readers go on meanwhile, and taking the
    # write lock at BEGIN makes a waiting writer wait instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,  # seconds that a writer waits for the lock
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"  # time buckets, the day filter and the dates shown agree

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
