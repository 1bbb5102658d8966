"""deploy/nginx.conf in front of the site."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.harness import ROOT
from tests.harness.needs import need
from tests.harness.ports import free_port, is_listening
from tests.harness.site import SiteProcess
from tests.harness.slow_clients import BODIES, HEADERS, SlowClients
from tests.harness.waiting import wait_until
from webui.request_limits import MAX_BODY_BYTES

MAIN = """
daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/site.conf;
}}
"""
SLOW_CLIENTS = 90  # below the limit of one address


@pytest.fixture
def proxy_port(live_site: SiteProcess, tmp_path: Path) -> Iterator[int]:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    need(nginx is not None, "nginx (apt-get install nginx-light)")
    port = free_port()
    config = (ROOT / "deploy" / "nginx.conf").read_text()
    config = config.replace("listen 80;", f"listen 127.0.0.1:{port};")
    config = config.replace("http://127.0.0.1:8000", live_site.url)
    (tmp_path / "site.conf").write_text(config)
    (tmp_path / "nginx.conf").write_text(MAIN.format(directory=tmp_path))
    process = subprocess.Popen([str(nginx), "-c", str(tmp_path / "nginx.conf"), "-p", tmp_path])
    try:
        wait_until(lambda: is_listening(port), seconds=30, message="nginx listens")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.usefixtures("live_site")
def test_slow_clients_end_at_the_proxy(proxy_port: int) -> None:
    url = f"http://127.0.0.1:{proxy_port}"
    with SlowClients(proxy_port, count=SLOW_CLIENTS, kinds=(HEADERS, BODIES)) as slow:
        wait_until(lambda: slow.connected == SLOW_CLIENTS, seconds=30)
        assert all(requests.get(url, timeout=5).ok for _ in range(10))
    assert requests.get(f"{url}/metrics", timeout=5).status_code == 404


def test_the_limit_of_a_body_is_the_sites() -> None:
    config = (ROOT / "deploy" / "nginx.conf").read_text()
    megabytes = re.search(r"client_max_body_size (\d+)m;", config)
    assert megabytes
    assert int(megabytes[1]) * 2**20 == MAX_BODY_BYTES
