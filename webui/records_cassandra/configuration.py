"""The settings of Cassandra, read from the environment.

`webui.settings` imports this module, so it must not need configured settings, nor the driver,
which is imported only if Cassandra is configured.
"""

import socket
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from webui.environment import Environment, parse_host
from webui.records.retention import Retention
from webui.records_cassandra.tables.bucket_layout import MOST_SHARDS, BucketLayout
from webui.records_cassandra.tables.bucket_width import BucketWidth

ALIAS = "cassandra"  # in DATABASES and in the driver's registry
CONNECT_SECONDS = 2.0
COMMAND_CONNECT_SECONDS = 20.0  # of commands, which no visitor waits for
RECONNECT_SECONDS = 10.0  # the driver's own default backs off to ten minutes
HEARTBEAT_SECONDS = 5.0  # after which a host that does not answer is noticed


@dataclass(frozen=True, kw_only=True)
class CassandraSettings:
    """Address, credentials and timeouts of Cassandra, and the layout of records in it."""

    hosts: tuple[str, ...]
    port: int = 9042
    keyspace: str = "mnist_key"
    datacenter: str = ""  # empty: that of the first host reached
    replication: int = 1
    user: str = ""
    password: str = field(default="", repr=False)
    tls_ca: str = ""  # PEM file of the authority that signed the nodes' certificates: TLS on
    tls_cert: str = ""  # PEM files of the client certificate, where nodes require one
    tls_key: str = ""
    tls_verify_host: bool = True
    layout: BucketLayout = field(default_factory=BucketLayout)
    records_ttl: timedelta | None = None
    pictures_ttl: timedelta | None = None
    timeout: float = 2.0  # of a request, in seconds

    @classmethod
    def read(cls, environment: Environment) -> "CassandraSettings | None":
        """Returns the settings in the environment; None without CASSANDRA_HOSTS.

        Raises:
            ImproperlyConfigured: naming the variable that is wrong, and what would be right.
        """
        hosts = environment.several(
            "CASSANDRA_HOSTS",
            parse_host,
            valid="host names or addresses separated by commas, without ports",
        )
        if not hosts:
            return None
        retention = Retention.read_for_cassandra(environment)
        settings = cls(
            hosts=hosts,
            port=environment.integer("CASSANDRA_PORT", default=9042, least=1, most=65535),
            # Part of statements, where it cannot be a parameter.
            keyspace=environment.matching(
                "CASSANDRA_KEYSPACE",
                r"[a-z_][a-z0-9_]*",
                default="mnist_key",
                valid="lower-case letters, digits and underscores, like mnist_key",
            ),
            datacenter=environment.text("CASSANDRA_DC"),
            replication=environment.integer("CASSANDRA_RF", default=1, least=1, most=100),
            user=environment.text("CASSANDRA_USER"),
            password=environment.secret("CASSANDRA_PASSWORD"),
            tls_ca=environment.file("CASSANDRA_TLS_CA"),
            tls_cert=environment.file("CASSANDRA_TLS_CERT"),
            tls_key=environment.file("CASSANDRA_TLS_KEY"),
            tls_verify_host=environment.switch("CASSANDRA_TLS_VERIFY_HOST", default=True),
            layout=BucketLayout(
                environment.choice(
                    "CASSANDRA_BUCKET", BucketWidth, default=BucketWidth.TEN_MINUTES
                ),
                shards=environment.integer(
                    "CASSANDRA_SHARDS", default=1, least=1, most=MOST_SHARDS
                ),
            ),
            records_ttl=retention.records,
            pictures_ttl=retention.pictures,
            timeout=environment.integer("CASSANDRA_TIMEOUT_MS", default=2000, least=50, most=60000)
            / 1000,
        )
        settings.check()
        return settings

    def check(self) -> None:
        """Raises ImproperlyConfigured where two variables contradict each other."""
        if bool(self.user) != bool(self.password):
            raise ImproperlyConfigured(
                "CASSANDRA_USER and CASSANDRA_PASSWORD go together; only one of them is set"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ImproperlyConfigured(
                "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY go together; only one of them is set"
            )
        if self.tls_cert and not self.tls_ca:
            raise ImproperlyConfigured("CASSANDRA_TLS_CERT is set, but CASSANDRA_TLS_CA is not")
        try:
            self.ssl_context()
        except (ssl.SSLError, OSError) as problem:
            raise ImproperlyConfigured(
                f"CASSANDRA_TLS_CA is {self.tls_ca!r}, CASSANDRA_TLS_CERT is {self.tls_cert!r} and "
                f"CASSANDRA_TLS_KEY is {self.tls_key!r}; they must be PEM files that belong "
                f"together: {problem}"
            ) from problem

    def ssl_context(self) -> ssl.SSLContext | None:
        """Returns the context that verifies the nodes' certificates; None without TLS."""
        if not self.tls_ca:
            return None
        context = ssl.create_default_context(cafile=self.tls_ca)
        context.check_hostname = self.tls_verify_host
        if self.tls_cert:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        return context

    def database(self) -> dict[str, Any]:
        """Returns the entry of DATABASES, with the options of the driver's Cluster."""
        from cassandra import ConsistencyLevel
        from cassandra.auth import PlainTextAuthProvider
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile
        from cassandra.policies import (
            DCAwareRoundRobinPolicy,
            ExponentialReconnectionPolicy,
            TokenAwarePolicy,
        )

        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(
                DCAwareRoundRobinPolicy(local_dc=self.datacenter)
            ),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            request_timeout=self.timeout,
        )
        connect_timeout = max(CONNECT_SECONDS, self.timeout)
        options: dict[str, Any] = {
            "lazy_connect": True,  # or the site would not start while Cassandra is down
            "port": self.port,
            "execution_profiles": {EXEC_PROFILE_DEFAULT: profile},
            "connect_timeout": connect_timeout,
            "control_connection_timeout": connect_timeout,
            "reconnection_policy": ExponentialReconnectionPolicy(0.5, RECONNECT_SECONDS),
            "idle_heartbeat_interval": HEARTBEAT_SECONDS,
            "idle_heartbeat_timeout": max(HEARTBEAT_SECONDS, self.timeout),
            # For nodes to agree on a changed schema, in `sync_records`.
            "max_schema_agreement_wait": max(self.timeout, 10.0),
            "protocol_version": 4,  # negotiation fails while a node starts
            # The driver sends a message over 4 kB in several writes. With Nagle's algorithm the
            # last one waits for the node's delayed acknowledgement, 40 ms for every picture.
            "sockopts": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        }
        if self.user:
            options["auth_provider"] = PlainTextAuthProvider(self.user, self.password)
        if context := self.ssl_context():
            options["ssl_context"] = context
        return {
            "ENGINE": "django_cassandra_engine",
            "NAME": self.keyspace,
            "HOST": ",".join(self.hosts),
            "OPTIONS": {"connection": options},
        }


def cassandra_of_site() -> CassandraSettings:
    """Returns the settings of the site.

    Raises:
        ImproperlyConfigured: no Cassandra is configured.
    """
    from django.conf import settings  # settings.py imports this module

    configured: CassandraSettings | None = settings.CASSANDRA
    if configured is None:
        raise ImproperlyConfigured(
            "no Cassandra is configured: set CASSANDRA_HOSTS, like CASSANDRA_HOSTS=127.0.0.1"
        )
    return configured
