"""The manifests of deploy/kubernetes as Kustomize renders them, and the schemas they must meet."""

import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import yaml

from tests.harness import ROOT
from tests.harness.needs import need

OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
VERSIONS = ("1.30", "1.37")  # the oldest that is supported, and the newest that is known
OPERATORS = {  # Go modules that hold the operators' CRDs
    "postgresql.cnpg.io": "github.com/cloudnative-pg/cloudnative-pg@v1.27.1",
}
OWN_SCHEMAS = {
    # The operator's module is not in Go's module proxy; see the file.
    "k8ssandra.io": ROOT / "tests" / "deploy" / "kubernetes" / "k8ssandracluster.schema.yml",
}
INT_OR_STRING = "x-kubernetes-int-or-string"
ANY_FIELD = "x-kubernetes-preserve-unknown-fields"

Manifest = dict[str, Any]


@functools.cache
def render(overlay: str) -> tuple[Manifest, ...]:
    """Return an overlay's objects, by `kubectl kustomize` or `kustomize build`."""
    commands = {"kubectl": ["kubectl", "kustomize"], "kustomize": ["kustomize", "build"]}
    found = [command for name, command in commands.items() if shutil.which(name)]
    need(bool(found), "kubectl or kustomize (go install sigs.k8s.io/kustomize/kustomize/v5@v5.0.3)")
    finished = subprocess.run(
        [*found[0], str(OVERLAYS / overlay)], capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return tuple(yaml.safe_load_all(finished.stdout))


def named(overlay: str, kind: str, name: str) -> Manifest:
    (found,) = [one for one in of_kind(overlay, kind) if one["metadata"]["name"] == name]
    return found


def of_kind(overlay: str, kind: str) -> list[Manifest]:
    return [one for one in render(overlay) if one["kind"] == kind]


def pods(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """Yield the name and the pod template of each workload."""
    for one in render(overlay):
        spec = one.get("spec", {})
        if one["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if one["kind"] in ("Deployment", "Job", "CronJob"):
            yield one["metadata"]["name"], spec["template"]


def containers(template: Manifest) -> list[Manifest]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def validate(manifest: Manifest) -> None:
    """Check a manifest against the schema of its kind; a field that is not there is an error."""
    group = manifest["apiVersion"].partition("/")[0]
    if group in OPERATORS or group in OWN_SCHEMAS:
        jsonschema_rs.validator_for(strict(crd_schema(group, manifest))).validate(manifest)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def crd_schema(group: str, manifest: Manifest) -> dict[str, Any]:
    """Return `openAPIV3Schema` of the manifest's kind and version."""
    if group in OWN_SCHEMAS:
        own: dict[str, Any] = yaml.safe_load(OWN_SCHEMAS[group].read_text())
        return own
    for path in sorted((module_directory(OPERATORS[group]) / "config/crd/bases").glob("*.yaml")):
        definition = yaml.safe_load(path.read_text())["spec"]
        if definition["names"]["kind"] == manifest["kind"]:
            for version in definition["versions"]:
                if manifest["apiVersion"] == f"{group}/{version['name']}":
                    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
                    return schema
    raise AssertionError(f"{group} defines no {manifest['kind']} of {manifest['apiVersion']}")


@functools.cache
def module_directory(module: str) -> Path:
    """Return where Go keeps a module, which it fetches the first time (13 MB)."""
    need(shutil.which("go") is not None, "go (apt-get install golang-go), to fetch CRDs")
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "go.mod").write_text("module crds\n")
        finished = subprocess.run(
            ["go", "mod", "download", "-json", module],
            cwd=empty,
            env={**os.environ, "GOFLAGS": "-mod=mod"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return Path(json.loads(finished.stdout)["Dir"])


def strict(schema: Any) -> Any:
    """Return a CRD's schema as JSON Schema in which an unknown field is an error.

    The API server drops unknown fields, so that a misspelt one would have no effect.
    """
    if not isinstance(schema, dict):
        return schema
    if schema.get(INT_OR_STRING):
        return {"type": ["integer", "string"]}
    done = {
        key: {name: strict(value) for name, value in found.items()}
        if key == "properties"
        else strict(found)
        for key, found in schema.items()
        if key not in ("format", "description", "x-kubernetes-validations")
    }
    closed = "properties" in done and not schema.get(ANY_FIELD)
    if closed and "additionalProperties" not in done:
        done["additionalProperties"] = False
    return done
