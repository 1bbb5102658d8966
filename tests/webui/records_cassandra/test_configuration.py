"""Cassandra's settings are read from the environment; an error names the variable."""

import os
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cassandra.auth import PlainTextAuthProvider
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tests.harness import ROOT
from webui.environment import Environment
from webui.records_cassandra.configuration import CassandraSettings, cassandra_of_site
from webui.records_cassandra.tables.bucket_layout import BucketLayout
from webui.records_cassandra.tables.bucket_width import BucketWidth

HOSTS = {"CASSANDRA_HOSTS": "one.example.org, two.example.org,"}


def read(**environment: str) -> CassandraSettings:
    cassandra = CassandraSettings.read(Environment(HOSTS | environment))
    assert cassandra is not None
    return cassandra


@pytest.mark.parametrize("hosts", [{}, {"CASSANDRA_HOSTS": ""}, {"CASSANDRA_HOSTS": " , "}])
def test_without_hosts_there_is_no_cassandra(hosts: dict[str, str]) -> None:
    assert CassandraSettings.read(Environment(hosts)) is None


def test_defaults() -> None:
    cassandra = read()
    assert cassandra.hosts == ("one.example.org", "two.example.org")
    assert (cassandra.port, cassandra.keyspace, cassandra.replication) == (9042, "mnist_key", 1)
    assert cassandra.layout == BucketLayout(BucketWidth.TEN_MINUTES, shards=1)
    assert cassandra.records_ttl is None
    assert cassandra.pictures_ttl is None
    assert not cassandra.user
    assert not cassandra.password
    options = cassandra.database()["OPTIONS"]["connection"]
    assert "auth_provider" not in options
    assert "ssl_context" not in options
    assert options["lazy_connect"] is True


def test_every_setting_can_be_set() -> None:
    cassandra = read(
        CASSANDRA_PORT="19042",
        CASSANDRA_DC="fra1",
        CASSANDRA_RF="3",
        CASSANDRA_USER="digits",
        CASSANDRA_PASSWORD="a secret with spaces ",
        CASSANDRA_BUCKET="hour",
        CASSANDRA_SHARDS="16",
        CASSANDRA_RECORDS_TTL_DAYS="400",
        CASSANDRA_PICTURES_TTL_DAYS="30",
        CASSANDRA_TIMEOUT_MS="750",
    )
    assert (cassandra.port, cassandra.datacenter, cassandra.replication) == (19042, "fra1", 3)
    assert cassandra.layout == BucketLayout(BucketWidth.HOUR, shards=16)
    assert cassandra.records_ttl == timedelta(days=400)
    assert cassandra.pictures_ttl == timedelta(days=30)
    assert cassandra.timeout == 0.75
    database = cassandra.database()
    assert database["ENGINE"] == "django_cassandra_engine"
    assert database["HOST"] == "one.example.org,two.example.org"
    provider = database["OPTIONS"]["connection"]["auth_provider"]
    assert isinstance(provider, PlainTextAuthProvider)
    assert (provider.username, provider.password) == ("digits", "a secret with spaces ")
    assert "a secret" not in repr(cassandra)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CASSANDRA_PORT", "ninety"),
        ("CASSANDRA_PORT", "0"),
        ("CASSANDRA_RF", "0"),
        ("CASSANDRA_BUCKET", "week"),
        ("CASSANDRA_KEYSPACE", "mnist; DROP KEYSPACE system"),
        ("CASSANDRA_KEYSPACE", "Mnist"),
        ("CASSANDRA_RECORDS_TTL_DAYS", "forever"),
        ("CASSANDRA_PICTURES_TTL_DAYS", "-1"),
        ("CASSANDRA_TIMEOUT_MS", "2s"),
        ("CASSANDRA_TLS_CA", "/no/such/file.pem"),
        ("CASSANDRA_TLS_VERIFY_HOST", "maybe"),
        ("CASSANDRA_USER", "digits"),
        ("CASSANDRA_PASSWORD", "alone"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read(**{name: value})


def test_a_client_certificate_needs_key_and_authority(tmp_path: Path) -> None:
    file = tmp_path / "some.pem"
    file.touch()
    with pytest.raises(ImproperlyConfigured, match="CASSANDRA_TLS_KEY"):
        read(CASSANDRA_TLS_CERT=str(file))
    with pytest.raises(ImproperlyConfigured, match="CASSANDRA_TLS_CA"):
        read(CASSANDRA_TLS_CERT=str(file), CASSANDRA_TLS_KEY=str(file))


def test_tls_verifies_certificate_and_host(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(ssl.DER_cert_to_PEM_cert(a_root_certificate()))
    context = read(CASSANDRA_TLS_CA=str(authority)).ssl_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    lax = read(CASSANDRA_TLS_CA=str(authority), CASSANDRA_TLS_VERIFY_HOST="off").ssl_context()
    assert lax is not None
    assert lax.verify_mode is ssl.CERT_REQUIRED
    assert not lax.check_hostname


def a_root_certificate() -> bytes:
    context = ssl.create_default_context()
    known = context.get_ca_certs(binary_form=True)
    if not known:
        pytest.skip("this machine has no certificate authorities")
    return known[0]


def test_without_cassandra_the_app_is_not_installed() -> None:
    assert settings.CASSANDRA is None
    assert "cassandra" not in settings.DATABASES
    assert "webui.records_cassandra" not in settings.INSTALLED_APPS
    with pytest.raises(ImproperlyConfigured, match="CASSANDRA_HOSTS"):
        cassandra_of_site()


def test_the_site_with_cassandra_down_passes_its_checks(tmp_path: Path) -> None:
    """Apps, database alias and router are configured, and nothing connects."""
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.db import router\n"
        "from django.core.management import call_command\n"
        "assert settings.DATABASES['cassandra']['ENGINE'] == 'django_cassandra_engine'\n"
        "assert not router.allow_migrate('cassandra', 'auth')\n"
        "assert router.allow_migrate('default', 'auth')\n"
        "call_command('check'); call_command('migrate', verbosity=0)\n"
        "call_command('makemigrations', '--check', '--dry-run', verbosity=0)\n"
        "from webui.records.store import store\n"
        "print(type(store()).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **os.environ,
            "CASSANDRA_HOSTS": "127.0.0.1",
            "CASSANDRA_PORT": "1",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'site.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "webui.settings",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "CassandraStore"
