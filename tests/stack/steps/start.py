"""Building and starting the stack, and what its containers may do."""

import subprocess

from tests.stack.compose import StackError, docker
from tests.stack.run import Run, expect

FORBIDDEN = ("touch /site/x", "python -c 'import tensorflow'", "python -m pip --version")


def build(run: Run) -> None:
    run.project.build("models", "prepare", "web", "proxy", *(["serving"] if run.embedded else []))


def refuse_without_key(run: Run) -> None:
    """The image alone refuses to start; compose gives every installation a key of its own."""
    name = run.project.project
    images = docker("images", "--format", "{{.Repository}}").split()
    built = {f"{name}_web", f"{name}-web"} & set(images)  # of compose v1 and v2
    expect(len(built) == 1, "no image was built for web")
    finished = subprocess.run(
        ["docker", "run", "--rm", built.pop()], capture_output=True, text=True, timeout=60
    )
    output = (finished.stdout + finished.stderr).strip()
    expect(finished.returncode != 0, "the site starts without a SECRET_KEY")
    helps = "SECRET_KEY is not set" in output and "secrets.token_urlsafe" in output
    expect(helps, f"without a SECRET_KEY the site does not print how to make one, but: {output}")
    expect("Traceback" not in output, f"a traceback instead of a sentence: {output}")
    run.print(output)


def start(run: Run) -> None:
    run.project.up()
    run.wait_started()


def check_restrictions(run: Run) -> None:
    """Users, capabilities, file systems, memory and ports of the containers are restricted."""
    for service in ("web", "serving", "proxy"):
        found = run.project.inspect(service)
        host = found["HostConfig"]
        expect(found["Config"]["User"] not in ("", "0", "root"), f"{service} runs as root")
        expect(host["ReadonlyRootfs"], f"{service} can write to its root file system")
        expect(host["CapDrop"] == ["ALL"], f"{service} keeps capabilities: {host['CapDrop']}")
        expect("no-new-privileges:true" in host["SecurityOpt"], f"{service} can gain privileges")
        expect(host["Memory"] > 0, f"{service} has no memory limit")
    for command in FORBIDDEN:
        try:
            run.project.execute("web", "sh", "-c", command)
        except StackError:
            continue
        raise StackError(f"{command!r} succeeded in the web container")
    published = [
        (service, inside)
        for service in ("web", "serving", "cassandra", "proxy")
        for inside, outside in run.project.inspect(service)["NetworkSettings"]["Ports"].items()
        if outside
    ]
    expect(published == [("proxy", "8080/tcp")], f"published ports: {published}")
    run.print("not root, read-only, no capability, nothing published but the proxy")
