"""Settings of the site, read once from the environment.

`docs/configuration.md` lists the variables. Each comes from the environment, else from `.env`,
else from the file that a running `make run` writes for `manage.py` (the development key, the
models directory, the model server's address). No secret and no password has a default.
"""

import logging
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from webui.access.rate import DEFAULT_RATE, DEFAULT_READING_RATE, VALID_RATE, parse_rate
from webui.access.secret_keys import MAKE_ONE
from webui.database.options import with_options
from webui.environment import Environment, parse_allowed_host
from webui.operations.logs import configure_structlog, logging_config
from webui.operations.metrics_access import read_token
from webui.privacy.contact import read_contact
from webui.records.retention import Retention
from webui.records_cassandra.configuration import ALIAS, CassandraSettings
from webui.request_limits import MAX_BODY_BYTES
from webui.wall.codes import read_code

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"  # what a running site writes: database, development key, logs

environment = Environment.of_process(BASE_DIR / ".env", VAR_DIR / "development.env")

DEBUG = environment.switch("DEBUG")
HTTPS = environment.switch("HTTPS")  # behind a proxy that ends TLS
# Whose X-Forwarded-For, and with HTTPS X-Forwarded-Proto, are believed. HTTPS means that there is
# a proxy, by default on this machine; without it a peer on this machine may be a visitor.
TRUSTED_PROXIES = environment.networks(
    "FORWARDED_ALLOW_IPS", default=("127.0.0.1", "::1") if HTTPS else ()
)

# manage.py takes any key; webui.wsgi refuses a weak one.
SECRET_KEY = environment.secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. `make run` makes one for development; for production " + MAKE_ONE
    )
SECRET_KEY_FALLBACKS = environment.secrets("SECRET_KEY_FALLBACKS")  # earlier keys, after a rotation

# '*' is refused: it would let anybody choose the host name that the site believes.
ALLOWED_HOSTS = list(
    environment.several(
        "ALLOWED_HOSTS",
        parse_allowed_host,
        default=("localhost", "127.0.0.1", "[::1]"),
        valid="host names separated by commas, without scheme, port and '*', like "
        "ALLOWED_HOSTS=digits.example.org",
    )
)

# --- model server, models, record store --------------------------------------------------
SERVING_URLS = environment.http_urls("SERVING_URL", default="http://127.0.0.1:8501")
TRACES_COLLECTOR = environment.http_url("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
MODEL_NAME = environment.matching(  # part of URLs and of paths
    "MODEL_NAME",
    r"\w[\w.-]*",
    default="digits",
    valid="a name of letters, digits, '.', '_' and '-'",
)
MODELS_DIR = environment.directory("MODELS_DIR", default=BASE_DIR / "serving" / "models")

CASSANDRA = CassandraSettings.read(environment)  # None without CASSANDRA_HOSTS
CASSANDRA_HOSTS = list(CASSANDRA.hosts) if CASSANDRA else []
RECORD_STORE = (
    "webui.records_cassandra.store.CassandraStore"
    if CASSANDRA
    else "webui.records.database_store.DatabaseStore"
)
RETENTION = Retention.read(environment)

# Counts of the rate limit and the metrics, which the processes share and which need not survive
# a restart: deploy/gunicorn.conf.py creates a directory at each start.
RUNTIME_DIR = environment.directory("RUNTIME_DIR", default=VAR_DIR / "run")

# Whether people may take part in prompted collection without the code of a session.
COLLECT_WITHOUT_CODE = environment.switch("COLLECT_WITHOUT_CODE")

# Whether a canary that is corrected more often than the stable version is withdrawn by the site.
CANARY_ROLLBACK = environment.switch("CANARY_ROLLBACK")

METRICS_TOKEN = read_token(environment)  # "": /metrics is off

WALL_CODE = read_code(environment)  # "": the wall is for staff alone
PRIVACY_CONTACT = read_contact(environment)  # "": the privacy page names nobody

# --- limits ------------------------------------------------------------------------------
RATE_LIMIT = environment.parsed(  # None: off
    "RATE_LIMIT", parse_rate, default=DEFAULT_RATE, valid=VALID_RATE
)
READING_RATE_LIMIT = environment.parsed(
    "READING_RATE_LIMIT", parse_rate, default=DEFAULT_READING_RATE, valid=VALID_RATE
)
LIMITS_URL = environment.valkey_url("LIMITS_URL")  # where several web machines count together
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES  # no upload is written to disk

# --- logins (webui/access/logins.py) -----------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in {
        "MinimumLengthValidator": {"min_length": 10},
        "UserAttributeSimilarityValidator": {},
        "CommonPasswordValidator": {},
        "NumericPasswordValidator": {},
    }.items()
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 5  # people forget which password it was
AXES_COOLOFF_TIME = timedelta(minutes=15)  # 480 guesses a day at one name from one address
# Not the name alone, or anybody could lock out its owner.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # nor keep the owner out for ever
AXES_CLIENT_IP_CALLABLE = "webui.access.logins.login_address"
AXES_LOCKOUT_CALLABLE = "webui.access.logins.locked_response"
AXES_DISABLE_ACCESS_LOG = True  # addresses are kept until the cool-off is over, no longer
AXES_ENABLE_ADMIN = False  # webui.access.admin shows the failed logins
AXES_VERBOSE = False

# --- Django ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "webui.database",  # its migrate
    "axes",
    "webui.access",  # before Django's auth, whose createsuperuser it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_structlog",
    "webui.recognition",
    "webui.records",
    "webui.rollout",
    "webui.review",
    "webui.dashboard",
    "webui.collection",
    "webui.datasets",
    "webui.wall",
    "webui.privacy",
]
if CASSANDRA:
    INSTALLED_APPS += ["django_cassandra_engine", "webui.records_cassandra"]

MIDDLEWARE = [
    "webui.operations.middleware.SecurityHeadersMiddleware",  # first: for what any other answers
    "webui.access.addresses.TrustedProxiesMiddleware",
    # Before the others: orchestrators use IP addresses, which the check of the host would refuse.
    "webui.operations.probes.ProbesMiddleware",
    "webui.operations.middleware.RequestIdMiddleware",
    "webui.operations.middleware.ApiErrorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "webui.operations.middleware.BodyLimitMiddleware",
    "webui.operations.middleware.HeadMiddleware",
    "webui.access.rate_limits.RateLimitHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "webui.operations.languages.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webui.access.logins.LoginRateMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it replaces the answer to a locked login
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

DATABASES = {
    "default": with_options(environment.database("DATABASE_URL", default=VAR_DIR / "site.sqlite3"))
}
if CASSANDRA:
    # For django-cassandra-engine's table models and commands. The store uses a session of its own
    # (webui/records_cassandra/cql/session.py has the reason).
    DATABASES[ALIAS] = CASSANDRA.database()
    DATABASE_ROUTERS = ["webui.records_cassandra.router.CassandraRouter"]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # of the pages; API and admin are English
LOCALE_PATHS = [BASE_DIR / "webui" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"  # as the time buckets and the admin's day filter

# --- static files ------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = environment.directory("STATIC_ROOT", default=BASE_DIR / "staticfiles")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "webui.static_files.StaticFiles"},
}
# Before `collectstatic` has run (tests, runserver) files are served from their packages.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- security headers and cookies --------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],  # thumbnails and instances
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
PERMISSIONS_POLICY = (
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"  # read by the page's script, so not HttpOnly
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

# --- logs --------------------------------------------------------------------------------
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # RequestIdMiddleware checks it
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # the line at the end is enough
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # an address is personal data
configure_structlog()
LOGGING = logging_config()
