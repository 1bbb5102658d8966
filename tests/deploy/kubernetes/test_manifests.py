"""The manifests are valid, hold their pods down, and agree with the site and the compose files."""

import copy
import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands
from django.test import Client

from tests.harness import ROOT
from tests.harness.kubernetes import (
    Manifest,
    containers,
    named,
    of_kind,
    pods,
    render,
    validate,
)
from training.network.workers import worker_index

OVERLAY_NAMES = ("one-node", "many")
overlays = pytest.mark.parametrize("overlay", OVERLAY_NAMES)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SCALING = (ROOT / "docs" / "scaling.md").read_text()
SETTINGS = (ROOT / "docs" / "configuration.md").read_text()
MADE_BY_OPERATORS = {"postgres-app"}


def default_image(text: str) -> str:
    """Return the image of a compose file's `${NAME:-image}`."""
    return re.sub(r"\$\{\w+:-(.+)\}", r"\1", text)


@overlays
def test_every_object_meets_its_schema(overlay: str) -> None:
    for manifest in render(overlay):
        validate(manifest)


def test_an_unknown_field_and_a_wrong_value_are_found() -> None:
    wrong = [
        ("Deployment", "replica", 2),
        ("Cluster", "instance", 3),
        ("Cluster", "instances", "3"),
    ]
    for kind, field, value in wrong:
        manifest = copy.deepcopy(of_kind("many", kind)[0])
        manifest["spec"][field] = value
        with pytest.raises((kubernetes_validate.ValidationError, ValueError)):
            validate(manifest)


@overlays
def test_every_pod_meets_the_restricted_standard(overlay: str) -> None:
    templates = dict(pods(overlay))
    assert set(templates) == {"web", "serving", "prepare", "retention", "training", "retraining"}
    assert named(overlay, "Namespace", "digits")["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"
    ] == "restricted"  # fmt: skip
    for name, template in templates.items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] == 10001, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(template):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"], name
            assert container["resources"]["requests"]["cpu"], name


@overlays
def test_no_secret_is_in_the_manifests_and_the_docs_say_how_to_make_each(overlay: str) -> None:
    assert not of_kind(overlay, "Secret")
    for settings in of_kind(overlay, "ConfigMap"):
        secret = [name for name in settings["data"] if re.search("KEY|PASSWORD|TOKEN|_URL", name)]
        assert {name for name in secret if not name.endswith("_FILE")} == {"SERVING_URL"}
    used = {
        source["secret"]["name"]
        for _, template in pods(overlay)
        for volume in template["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
    }
    for ingress in of_kind(overlay, "Ingress"):
        used |= {entry["secretName"] for entry in ingress["spec"]["tls"]}
    (cassandra,) = of_kind(overlay, "K8ssandraCluster")
    used.add(cassandra["spec"]["cassandra"]["superuserSecretRef"]["name"])
    documented = set(re.findall(r"create secret \w+ ([\w-]+)", SCALING))
    assert used - MADE_BY_OPERATORS <= documented


@overlays
def test_every_setting_is_documented_and_every_secret_s_file_is_mounted(overlay: str) -> None:
    (settings,) = [one for one in of_kind(overlay, "ConfigMap") if "SERVING_URL" in one["data"]]
    known = set(re.findall(r"`([A-Z_]+)`", SETTINGS))
    assert set(settings["data"]) <= known
    files = {value for name, value in settings["data"].items() if name.endswith("_FILE")}
    for name in ("web", "prepare", "retention", "training", "retraining"):
        template = dict(pods(overlay))[name]
        assert {
            f"/secrets/{item['path']}"
            for volume in template["spec"]["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            for item in source["secret"]["items"]
        } == files
        assert template["spec"]["containers"][0]["envFrom"] == [
            {"configMapRef": {"name": settings["metadata"]["name"]}}
        ]


@overlays
@pytest.mark.django_db
def test_probes_ask_addresses_that_exist(overlay: str, client: Client) -> None:
    (web,) = dict(pods(overlay))["web"]["spec"]["containers"]
    paths = {probe["httpGet"]["path"] for name, probe in web.items() if name.endswith("Probe")}
    assert paths == {"/readyz", "/healthz"}
    assert {client.get(path)["Content-Type"] for path in paths} == {"application/json"}
    (serving,) = dict(pods(overlay))["serving"]["spec"]["containers"]
    path = serving["readinessProbe"]["httpGet"]["path"]
    assert path in COMPOSE["serving"]["healthcheck"]["test"][-1].replace(
        "${MODEL_NAME:-digits}", "digits"
    )


@overlays
def test_the_model_server_is_started_as_by_compose(overlay: str) -> None:
    (serving,) = dict(pods(overlay))["serving"]["spec"]["containers"]
    assert serving["args"] == COMPOSE["serving"]["command"]
    assert serving["command"] == COMPOSE["serving"]["entrypoint"]
    assert serving["image"] == default_image(COMPOSE["serving"]["image"])


@overlays
def test_images_are_ours_or_of_compose_s_versions(overlay: str) -> None:
    images = {c["image"] for _, template in pods(overlay) for c in containers(template)}
    ours = {"drawn-digits-web", "drawn-digits-trainer"}
    found = {image.rpartition("/")[2].partition(":")[0] for image in images}
    assert found == {*ours, "serving"}
    (cluster,) = of_kind(overlay, "Cluster")
    postgres = yaml.safe_load((ROOT / "docker-compose.postgres.yml").read_text())["services"]
    version = default_image(postgres["postgres"]["image"]).partition(":")[2]
    assert cluster["spec"]["imageName"].endswith(f"/postgresql:{version}")
    (cassandra,) = of_kind(overlay, "K8ssandraCluster")
    version = default_image(COMPOSE["cassandra"]["image"]).partition(":")[2]
    assert cassandra["spec"]["cassandra"]["serverVersion"].startswith(version + ".")


@overlays
def test_services_policies_and_budgets_select_pods(overlay: str) -> None:
    ports = {
        template["metadata"]["labels"]["app.kubernetes.io/name"]: {
            port["name"]: port["containerPort"]
            for container in containers(template)
            for port in container.get("ports", [])
        }
        for _, template in pods(overlay)
    }
    for service in of_kind(overlay, "Service"):
        name = service["spec"]["selector"]["app.kubernetes.io/name"]
        (port,) = service["spec"]["ports"]
        assert port["port"] == ports[name][port["targetPort"]]
    assert ports["web"] == {"http": 8000}
    for budget in of_kind(overlay, "PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] in ports
    for policy in of_kind(overlay, "NetworkPolicy"):
        assert names_of(policy) <= set(ports)


def names_of(policy: Manifest) -> set[str]:
    """Return every pod name that a policy's selectors give."""
    text = yaml.safe_dump(policy)
    single = re.findall(r"app\.kubernetes\.io/name: ([\w-]+)", text)
    listed = re.findall(
        r"key: app\.kubernetes\.io/name\n\s+operator: In\n\s+values:\n((?:\s+- [\w-]+\n)+)", text
    )
    return {*single, *re.findall(r"- ([\w-]+)", "".join(listed))}


@overlays
def test_nothing_is_open_by_default(overlay: str) -> None:
    nothing = named(overlay, "NetworkPolicy", "nothing")["spec"]
    assert "ingress" not in nothing
    assert "egress" not in nothing
    assert nothing["policyTypes"] == ["Ingress", "Egress"]
    for _, template in pods(overlay):
        assert (
            nothing["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        )


@overlays
def test_jobs_run_commands_that_exist(overlay: str) -> None:
    for name, template in pods(overlay):
        for container in containers(template):
            words = " ".join([*container.get("command", []), *container.get("args", [])])
            for command in re.findall(r"manage\.py (\w+)", words):
                assert command in get_commands(), name
            for module in re.findall(r"-m (training\.\w+)", words):
                source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
                call = words.partition(module)[2].partition("\n")[0]
                assert all(f'"{flag}"' in source for flag in re.findall(r"--[\w-]+", call)), call
            for file in re.findall(r"deploy/docker/\w+\.py", words):
                assert (ROOT / file).is_file(), name


def test_many_survive_the_loss_of_a_zone() -> None:
    (cassandra,) = of_kind("many", "K8ssandraCluster")
    (center,) = cassandra["spec"]["cassandra"]["datacenters"]
    zones = {rack["nodeAffinityLabels"]["topology.kubernetes.io/zone"] for rack in center["racks"]}
    assert (len(zones), center["size"]) == (3, 3)
    (settings,) = of_kind("many", "ConfigMap")
    assert settings["data"]["CASSANDRA_RF"] == "3"
    assert settings["data"]["CASSANDRA_DC"] == center["metadata"]["name"]
    assert "replicas" not in named("many", "Deployment", "web")["spec"]  # the autoscaler's
    assert named("many", "HorizontalPodAutoscaler", "web")["spec"]["minReplicas"] >= 3
    for name in ("web", "serving"):
        spread: list[dict[str, Any]] = dict(pods("many"))[name]["spec"]["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} == {
            "topology.kubernetes.io/zone", "kubernetes.io/hostname",
        }  # fmt: skip
        assert named("many", "PodDisruptionBudget", name)


def test_two_workers_of_a_training_name_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    job = named("many", "CronJob", "training")["spec"]["jobTemplate"]["spec"]
    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 2, 2)
    service = named("many", "Service", job["template"]["spec"]["subdomain"])
    assert service["spec"]["selector"].items() <= job["template"]["metadata"]["labels"].items()
    (port,) = [port["port"] for port in service["spec"]["ports"]]
    *given, config = job["template"]["spec"]["containers"][0]["env"]
    assert {one["name"] for one in given} == {"JOB", "INDEX"}
    addresses = [f"training-1-{index}.training:{port}" for index in range(2)]
    for index in range(2):
        # As Kubernetes replaces the names of variables that stand before this one.
        text = config["value"].replace("$(JOB)", "training-1").replace("$(INDEX)", str(index))
        monkeypatch.setenv(config["name"], text)
        assert json.loads(text)["cluster"]["worker"] == addresses
        assert worker_index() == index
    for claim in ("training", "datasets", "models"):
        volume = named("many", "PersistentVolumeClaim", claim)
        assert volume["spec"]["accessModes"] == ["ReadWriteMany"]


def test_one_node_has_one_of_each() -> None:
    assert named("one-node", "Deployment", "web")["spec"]["replicas"] == 1
    assert named("one-node", "PersistentVolumeClaim", "models")["spec"]["accessModes"] == [
        "ReadWriteOnce"
    ]
    (cassandra,) = of_kind("one-node", "K8ssandraCluster")
    (center,) = cassandra["spec"]["cassandra"]["datacenters"]
    assert (center["size"], "racks" in center) == (1, False)
