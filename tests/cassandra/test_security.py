"""Password and TLS settings, on a node that requires both."""

import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cassandra.node import Node, missing, running
from tests.harness.needs import need
from tests.harness.ports import free_port
from webui.records.store import StoreUnavailable
from webui.records_cassandra.configuration import CassandraSettings
from webui.records_cassandra.cql.session import CassandraSession

KEYSTORE_PASSWORD = "only-for-tests"


@dataclasses.dataclass(frozen=True)
class SecuredNode:
    """A node that requires a password and TLS, and another authority's certificate."""

    settings: CassandraSettings
    stranger: Path  # the certificate of an authority that signed nothing here


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredNode]:
    need(not missing(), missing())
    need(shutil.which("keytool") is not None, "keytool (it comes with Java)")
    directory = tmp_path_factory.mktemp("secured")
    certificate = make_certificate(directory, "node")
    node = Node(
        directory=directory / "data",
        port=free_port(),
        storage_port=free_port(),
        password_login=True,
        keystore=directory / "node.p12",
        keystore_password=KEYSTORE_PASSWORD,
    )
    with running([node]):
        yield SecuredNode(
            settings=CassandraSettings(
                hosts=(node.address,),
                port=node.port,
                user="cassandra",
                password="cassandra",
                tls_ca=str(certificate),
                timeout=20.0,
            ),
            stranger=make_certificate(directory, "stranger"),
        )


def make_certificate(directory: Path, name: str) -> Path:
    """A key pair in NAME.p12 for 127.0.0.1, and its certificate, signed by itself, in NAME.pem."""
    keystore, pem = directory / f"{name}.p12", directory / f"{name}.pem"
    common = ["-keystore", str(keystore), "-storetype", "PKCS12", "-alias", name]
    common += ["-storepass", KEYSTORE_PASSWORD]
    make = ["-genkeypair", "-keyalg", "RSA", "-keysize", "2048", "-validity", "30"]
    make += ["-dname", f"CN={name}", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true"]
    for arguments in (make, ["-exportcert", "-rfc", "-file", str(pem)]):
        subprocess.run(
            ["keytool", *arguments, *common], check=True, capture_output=True, timeout=120
        )
    return pem


def authenticated_user(settings: CassandraSettings, *, wait: float = 60.0) -> str:
    """Returns the user name that the node has authenticated."""
    session = CassandraSession(settings)
    try:
        driver = session.connect(timeout=wait)
        roles = session.translate_errors(lambda: driver.execute("LIST ROLES OF cassandra").all())
        return str(roles[0]["role"])
    finally:
        session.close()


def test_user_password_and_tls_reach_the_node(secured: SecuredNode) -> None:
    # Cassandra creates the first superuser a moment after it answers.
    for attempt in range(30):
        try:
            assert authenticated_user(secured.settings) == "cassandra"
            return
        except StoreUnavailable:
            if attempt == 29:
                raise


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"password": "wrong"}, "Bad credentials|incorrect"),
        ({"user": "", "password": ""}, "requires authentication|credentials"),
    ],
)
def test_a_wrong_password_is_refused(
    secured: SecuredNode, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(StoreUnavailable, match=message):
        authenticated_user(dataclasses.replace(secured.settings, **changed))  # type: ignore[arg-type]


def test_a_certificate_of_another_authority_is_refused(secured: SecuredNode) -> None:
    with pytest.raises(StoreUnavailable, match="certificate verify failed"):
        authenticated_user(dataclasses.replace(secured.settings, tls_ca=str(secured.stranger)))
