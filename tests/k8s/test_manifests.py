"""Both overlays: valid against the schemas of Kubernetes, and what they may never hold."""

from __future__ import annotations

import json
import re
from ipaddress import ip_network
from typing import Any

import kubernetes_validate
import pytest
import yaml

from frontend.__main__ import check
from frontend.access import asks_for_login, from_environment
from frontend.settings import SettingsError
from tests.k8s.conftest import ROOT, rendered

OVERLAYS = sorted(path.name for path in (ROOT / "k8s" / "overlays").iterdir() if not path.name.startswith("."))
KINDS = [
    "ConfigMap",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
]


def one(overlay: str, kind: str) -> dict[str, Any]:
    (found,) = (item for item in rendered(overlay) if item["kind"] == kind)
    return found


def pod(overlay: str) -> dict[str, Any]:
    return one(overlay, "Deployment")["spec"]["template"]["spec"]


def test_there_is_an_overlay_for_a_laptop_and_one_for_eks() -> None:
    assert OVERLAYS == ["eks", "local"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_and_complete(overlay: str) -> None:
    for item in rendered(overlay):
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)
    assert sorted(item["kind"] for item in rendered(overlay)) == KINDS
    assert {item["metadata"].get("namespace", "mlops") for item in rendered(overlay)} == {"mlops"}


def test_the_validation_is_strict() -> None:
    wrong = json.loads(json.dumps(one("eks", "Deployment")))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_of_aws_and_no_token_gets_into_the_cluster(overlay: str) -> None:
    """The page has an address and a key of the REST API; the key comes by reference alone."""
    (container,) = pod(overlay)["containers"]
    text = json.dumps(rendered(overlay))
    assert re.findall(r"AWS_|AKIA|ASIA|arn:aws|eks\.amazonaws\.com|serviceAccountToken\b", text) == []
    assert [
        pod(overlay)["automountServiceAccountToken"],
        one(overlay, "ServiceAccount")["automountServiceAccountToken"],
    ] == [
        False,
        False,
    ]
    own = {"eks": ["PAGE_DOMAINS"], "local": []}[overlay]
    assert sorted(one(overlay, "ConfigMap")["data"]) == ["API_URL", *own, "PAGE_LOGIN"]
    key = {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "page-api-key", "key": "API_KEY"}}}
    secrets = {"name": "STREAMLIT_SECRETS_FILES", "value": "/run/page/secrets.toml"}
    assert container["env"] == [secrets, key]
    assert container["envFrom"] == [{"configMapRef": {"name": one(overlay, "ConfigMap")["metadata"]["name"]}}]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_can_do_as_little_as_possible(overlay: str) -> None:
    (container,) = pod(overlay)["containers"]
    assert pod(overlay)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [volume["name"] for volume in pod(overlay)["volumes"] if "emptyDir" not in volume] == ["login"]
    assert set(container["resources"]) == {"requests", "limits"}
    labels = one(overlay, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_pod_is_the_image_of_the_dockerfile(overlay: str) -> None:
    (container,) = pod(overlay)["containers"]
    dockerfile = (ROOT / "frontend" / "Dockerfile").read_text()
    port, user = container["ports"][0]["containerPort"], pod(overlay)["securityContext"]["runAsUser"]
    assert [f"EXPOSE {port}\n" in dockerfile, f"USER {user}:{user}\n" in dockerfile] == [True, True]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/_stcore/health", "port": "http"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_finds_the_pods(overlay: str) -> None:
    labels = one(overlay, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        one(overlay, "Deployment")["spec"]["selector"]["matchLabels"],
        one(overlay, "Service")["spec"]["selector"],
        one(overlay, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(overlay, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in pod(overlay)["topologySpreadConstraints"]),
    ]
    assert [selector for selector in selectors if not selector.items() <= labels] == []
    assert len(selectors) == 6


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_secrets_of_the_login_are_a_file_of_a_secret(overlay: str) -> None:
    (container,) = pod(overlay)["containers"]
    (mount,) = [item for item in container["volumeMounts"] if item["name"] == "login"]
    (volume,) = [item for item in pod(overlay)["volumes"] if item["name"] == "login"]
    assert (mount["mountPath"], mount["readOnly"]) == ("/run/page", True)
    assert (volume["secret"]["secretName"], volume["secret"]["defaultMode"]) == ("page-login", 0o440)
    # Without it a pod on EKS does not start.
    assert volume["secret"].get("optional", False) is (overlay == "local")


def test_the_page_starts_without_a_login_on_a_laptop_only() -> None:
    """By the page's own rules, from what the overlays give it."""
    local, eks = (one(name, "ConfigMap")["data"] for name in ("local", "eks"))
    check(local, address="0.0.0.0")
    with pytest.raises(SettingsError, match="wants a login"):
        check(eks, address="0.0.0.0")
    assert asks_for_login(from_environment(eks), address="0.0.0.0", configured=True)


def test_the_page_of_a_cluster_on_aws_is_not_on_the_internet() -> None:
    annotations = one("eks", "Ingress")["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/scheme"] == "internal"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_ingress_controller_gets_in(overlay: str) -> None:
    (rule,) = one(overlay, "NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]
    if overlay == "eks":
        blocks = [ip_network(source["ipBlock"]["cidr"]) for source in rule["from"]]
        assert blocks
        assert [block for block in blocks if not block.is_private or block.prefixlen < 16] == []
        return
    # Namespace and labels in one entry: both have to fit.
    assert [(sorted(source), list(source["podSelector"])) for source in rule["from"]] == [
        (["namespaceSelector", "podSelector"], ["matchLabels"])
    ] * 3
    spaces = {source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for source in rule["from"]}
    assert spaces == {"ingress-nginx", "kube-system"}


def test_the_base_lets_nobody_in() -> None:
    policy = yaml.safe_load((ROOT / "k8s" / "base" / "networkpolicy.yaml").read_text())
    assert policy["spec"]["ingress"] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_page_cannot_reach_the_credentials_of_its_node(overlay: str) -> None:
    blocks = [
        (to["ipBlock"]["except"], rule["ports"])
        for rule in one(overlay, "NetworkPolicy")["spec"]["egress"]
        for to in rule.get("to", ())
        if "ipBlock" in to
    ]
    assert blocks == [(["169.254.0.0/16"], [{"port": 443, "protocol": "TCP"}])]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_are_asked_for_wherever_a_cluster_answers_them(overlay: str) -> None:
    """In kube-system, or on the node: NodeLocal DNSCache, EKS Auto Mode."""
    anywhere = [rule["ports"] for rule in one(overlay, "NetworkPolicy")["spec"]["egress"] if "to" not in rule]
    assert anywhere == [[{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]]


def test_a_pod_on_eks_is_ready_when_the_load_balancer_knows_it() -> None:
    labels = {name: one(name, "Namespace")["metadata"]["labels"] for name in OVERLAYS}
    gate = "elbv2.k8s.aws/pod-readiness-gate-inject"
    assert (labels["eks"].get(gate), labels["local"].get(gate)) == ("enabled", None)


def test_no_page_says_to_apply_an_overlay_without_an_image() -> None:
    """The local overlay has the tag that ./dev image makes; that of EKS gets its image from .ci/rollout."""
    images = {name: pod(name)["containers"][0]["image"] for name in OVERLAYS}
    assert images == {"eks": "mlops-page", "local": "mlops-page:local"}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    told = [page.name for page in pages if re.search(r"kubectl apply .*overlays/eks", page.read_text())]
    assert told == []


def test_a_visitor_keeps_the_pod_and_the_web_socket() -> None:
    annotations = {name: one(name, "Ingress")["metadata"]["annotations"] for name in OVERLAYS}
    nginx, alb = "nginx.ingress.kubernetes.io", "alb.ingress.kubernetes.io"
    assert annotations["local"][f"{nginx}/affinity"] == "cookie"
    assert annotations["local"][f"{nginx}/proxy-read-timeout"] == "3600"
    assert annotations["eks"][f"{alb}/load-balancer-attributes"] == "idle_timeout.timeout_seconds=3600"
    assert "stickiness.enabled=true,stickiness.type=lb_cookie," in annotations["eks"][f"{alb}/target-group-attributes"]
    for name, kind, controller in (("local", "LoadBalancer", "nginx"), ("eks", "ClusterIP", "alb")):
        assert one(name, "Service")["spec"].get("type", "ClusterIP") == kind
        assert one(name, "Service")["spec"]["sessionAffinity"] == "ClientIP"
        assert one(name, "Ingress")["spec"]["ingressClassName"] == controller
        assert [tls["secretName"] for tls in one(name, "Ingress")["spec"]["tls"]] == ["page-tls"]


def test_the_autoscaler_alone_says_how_many() -> None:
    assert [one(name, "Deployment")["spec"].get("replicas") for name in OVERLAYS] == [None, None]
    bounds = [one(name, "HorizontalPodAutoscaler")["spec"] for name in OVERLAYS]
    assert [(spec["minReplicas"], spec["maxReplicas"]) for spec in bounds] == [(2, 6), (1, 2)]
