"""`make cassandra`: one Cassandra node on this machine until Ctrl-C, without Docker.

The node runs from Maven's jars and keeps its data under `var/cassandra/`. Needs Java 17 and, the
first time, Maven. The tests start nodes by the same class, on other ports and directories.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import Template

from django.core.exceptions import ImproperlyConfigured

from serving.atomic_files import creating_directory
from webui.environment import Environment
from webui.parent_process import end_with_parent

HERE = Path(__file__).resolve().parent
VAR = HERE.parent.parent / "var" / "cassandra"
OPTIONS_FRAME = bytes.fromhex("040000000500000000")  # CQL v4; only a node that is ready answers
START_SECONDS = 300  # a node takes 5 s on two idle cores, minutes on very busy ones
STOP_SECONDS = 20


class NodeFailed(Exception):
    """A node did not start; the message ends with what its log says."""


def missing() -> str:
    """Return what must be installed before a node can run, or "" when nothing is missing."""
    if shutil.which("java") is None:
        return "java (apt-get install openjdk-17-jre-headless)"
    if shutil.which("mvn") is None and not jar_directory().exists():
        return "mvn (apt-get install maven), to fetch Cassandra's jars once"
    return ""


def version() -> str:
    """The Cassandra version that pom.xml pins."""
    found = re.search(
        r"<artifactId>cassandra-all</artifactId>\s*<version>([^<]+)<",
        (HERE / "pom.xml").read_text(),
    )
    if found is None:
        raise NodeFailed(f"{HERE / 'pom.xml'} names no version of cassandra-all")
    return found[1]


def jar_directory() -> Path:
    return VAR / f"lib-{version()}"


def fetch_jars() -> Path:
    """Return the directory of the jars; the first time Maven fetches them (72 MB, 30 s)."""
    lib = jar_directory()
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test runs may start at once
        if lib.exists():
            return lib
        with creating_directory(lib) as draft:
            finished = subprocess.run(
                [
                    "mvn", "-B", "-q", "-f", str(HERE / "pom.xml"),
                    "dependency:copy-dependencies",
                    f"-DoutputDirectory={draft}", "-DincludeScope=runtime",
                ],
                capture_output=True,
                text=True,
                timeout=600,
            )  # fmt: skip
            if finished.returncode:
                raise NodeFailed(f"Maven could not fetch Cassandra's jars:\n{finished.stdout}")
    return lib


@dataclass(kw_only=True)
class Node:
    """A Cassandra process and its directory."""

    directory: Path
    address: str = "127.0.0.1"
    port: int = 9042
    storage_port: int = 7000
    seeds: Sequence[str] = ()
    token: int | None = None  # one token for a ring of several, else 16 random ones
    ring_delay_ms: int = 0
    heap: str = "256M"
    flags: Sequence[str] = ()  # of the JVM, after those of jvm.options
    password_login: bool = False  # users and rights; starts with cassandra / cassandra
    keystore: Path | None = None  # PKCS12: clients must speak TLS
    keystore_password: str = ""
    jmx_port: int | None = None  # on 127.0.0.1, for `nodetool`
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.directory / "node.log"

    def start(self) -> None:
        """Start the process; `wait` returns when it accepts clients."""
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "cassandra.yaml"
        configuration.write_text(self._configuration())
        lib = fetch_jars()
        jmx = [f"-Dcassandra.jmx.local.port={self.jmx_port}"] if self.jmx_port else []
        command = [
            "java", f"@{HERE / 'jvm.options'}", f"-Xms{self.heap}", f"-Xmx{self.heap}",
            *self.flags, *jmx,
            f"-javaagent:{next(lib.glob('jamm-*.jar'))}",
            f"-Dcassandra.config={configuration.as_uri()}",
            f"-Dlogback.configurationFile={HERE / 'logback.xml'}",
            f"-Dcassandra.storagedir={self.directory}",
            f"-Dcassandra.logdir={self.directory}",
            f"-Dcassandra.ring_delay_ms={self.ring_delay_ms}",
            "-cp", f"{lib}/*", "org.apache.cassandra.service.CassandraDaemon",
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only this process, which stops it
                preexec_fn=partial(end_with_parent, signal.SIGKILL),
            )

    def _configuration(self) -> str:
        encryption = ""
        if self.keystore is not None:
            encryption = (
                "client_encryption_options:\n"
                "  enabled: true\n"
                "  optional: false\n"
                f"  keystore: {self.keystore}\n"
                f"  keystore_password: {self.keystore_password}\n"
                "  store_type: PKCS12\n"
            )
        return Template((HERE / "cassandra.yaml").read_text()).substitute(
            num_tokens=16 if self.token is None else 1,
            initial_token="" if self.token is None else self.token,
            seeds=",".join(
                f"{seed}:{self.storage_port}" for seed in (self.seeds or (self.address,))
            ),
            address=self.address,
            storage_port=self.storage_port,
            port=self.port,
            directory=self.directory,
            authenticator="PasswordAuthenticator"
            if self.password_login
            else "AllowAllAuthenticator",
            authorizer="CassandraAuthorizer" if self.password_login else "AllowAllAuthorizer",
            client_encryption=encryption,
        )

    def nodetool(self, *arguments: str) -> str:
        """Return the output of Cassandra's nodetool for this node, which needs a `jmx_port`.

        Raises:
            NodeFailed: nodetool failed.
        """
        finished = subprocess.run(
            [
                "java", f"@{HERE / 'jvm.options'}", "-Xmx128M",
                f"-Dcassandra.config={(self.directory / 'cassandra.yaml').as_uri()}",
                f"-Dcassandra.storagedir={self.directory}",
                f"-Dlogback.configurationFile={HERE / 'logback.xml'}",
                "-cp", f"{fetch_jars()}/*", "org.apache.cassandra.tools.NodeTool",
                "-p", str(self.jmx_port), *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )  # fmt: skip
        if finished.returncode:
            raise NodeFailed(f"nodetool {' '.join(arguments)}: {finished.stderr}")
        return finished.stdout

    def answers(self) -> bool:
        """Return whether the node answers a CQL client (with TLS: whether its port is open)."""
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as client:
                if self.keystore is not None:
                    return True
                client.sendall(OPTIONS_FRAME)
                client.settimeout(2)
                return len(client.recv(9)) == 9
        except OSError:
            return False

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until the node answers.

        Raises:
            NodeFailed: it stopped, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                raise NodeFailed(f"Cassandra stopped while starting:\n{self._end_of_log()}")
            if self.answers():
                return
            time.sleep(0.2)
        raise NodeFailed(f"Cassandra does not answer after {seconds:.0f} s:\n{self._end_of_log()}")

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """Send SIGKILL, so that nothing is flushed."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def running(nodes: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Start the nodes together, wait until they answer, and stop them after the block."""
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait()
        yield nodes
    finally:
        for node in nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.terminate()  # all at once; below they are waited for
        for node in nodes:
            node.stop()


def main() -> int:
    if lacking := missing():
        print(f"Cannot start Cassandra: this machine lacks {lacking}")
        return 1
    environment = Environment(os.environ)
    try:
        node = Node(
            directory=environment.directory("CASSANDRA_DIRECTORY", default=VAR / "data"),
            port=environment.integer("CASSANDRA_PORT", default=9042, least=1, most=65535),
            storage_port=environment.integer(
                "CASSANDRA_STORAGE_PORT", default=7000, least=1, most=65535
            ),
            heap=environment.matching(
                "CASSANDRA_HEAP", r"[0-9]+[kKmMgG]", default="512M", valid="a size like 512M"
            ),
            jmx_port=environment.integer("CASSANDRA_JMX_PORT", default=0, least=0, most=65535)
            or None,
        )
    except ImproperlyConfigured as problem:
        print(f"Cannot start Cassandra: {problem}")
        return 1
    if node.answers():
        print(f"A Cassandra answers on {node.address}:{node.port} already")
        return 1
    stop_asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: stop_asked.append(number))
    print(f"Starting Cassandra {version()}; data in {node.directory}", flush=True)
    try:
        with running([node]):
            print(f"Ready: make run CASSANDRA_HOSTS={node.address}   (Ctrl-C stops)", flush=True)
            while not stop_asked and node.process is not None and node.process.poll() is None:
                time.sleep(0.2)
    except NodeFailed as problem:
        print(problem)
        return 1
    return 0 if stop_asked else 1


if __name__ == "__main__":
    sys.exit(main())
