"""A stand-in for a cluster's API: what `kubectl apply`, `get`, `rollout status` and `rollout undo` ask for.

It keeps objects and plays the Deployment's controller: an image with `broken` in its name never becomes available.
It validates nothing: the manifests are validated against the schemas of Kubernetes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
RESOURCES = {
    "api/v1": {
        "namespaces": "Namespace",
        "serviceaccounts": "ServiceAccount",
        "configmaps": "ConfigMap",
        "secrets": "Secret",
        "services": "Service",
        "pods": "Pod",
    },
    "apis/apps/v1": {"deployments": "Deployment", "replicasets": "ReplicaSet"},
    "apis/networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "apis/autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "apis/policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
}


@dataclass
class Cluster:
    """`objects` by their path in the API, such as `/apis/apps/v1/namespaces/mlops/deployments/page`."""

    objects: dict[str, Json] = field(default_factory=dict)
    version: int = 1
    url: str = ""
    refuses: str = ""  # a kind that nobody may change
    stuck: bool = False  # no pod becomes available, whatever its image

    def get_stuck(self) -> None:
        """As when nodes are lost: what runs is no longer available either."""
        self.stuck = True
        for path, item in self.objects.items():
            if item["kind"] == "Deployment":
                self._reconcile(path, item)

    def put(self, path: str, item: Json) -> Json:
        """Store it as the API server and the controllers would leave it."""
        self.version += 1
        meta = item["metadata"]
        meta.setdefault("uid", f"uid-{self.version}")
        meta["resourceVersion"] = str(self.version)
        if item["kind"] == "Deployment":
            self._reconcile(path, item)
        self.objects[path] = item
        return item

    def listed(self, path: str, query: dict[str, list[str]]) -> list[Json]:
        """The objects below a path, by the field selector `metadata.name` when there is one."""
        name = query.get("fieldSelector", [""])[0].removeprefix("metadata.name=")
        return [
            item
            for key, item in self.objects.items()
            if key.rpartition("/")[0] == path and name in ("", item["metadata"]["name"])
        ]

    def images(self) -> list[str]:
        """What the Deployment `page` runs."""
        containers = self.objects["/apis/apps/v1/namespaces/mlops/deployments/page"]["spec"]["template"]["spec"]
        return [container["image"] for container in containers["containers"]]

    def _reconcile(self, path: str, deployment: Json) -> None:
        """A new template is a new revision, with its ReplicaSet; going back to an old one is new as well."""
        meta, spec = deployment["metadata"], deployment["spec"]
        meta["generation"] = meta.get("generation", 0) + 1
        folder = path.rpartition("/deployments/")[0] + "/replicasets"
        sets = [item for key, item in self.objects.items() if key.startswith(f"{folder}/")]
        latest = max((int(item["metadata"]["annotations"][REVISION]) for item in sets), default=0)
        current = next((item for item in sets if item["spec"]["template"] == spec["template"]), None)
        if current is None:
            current = _replica_set(deployment, number=len(sets) + 1)
            self.objects[f"{folder}/{current['metadata']['name']}"] = current
        revision = current["metadata"]["annotations"].get(REVISION)
        if revision != str(latest) or latest == 0:
            revision = str(latest + 1)
        current["metadata"]["annotations"][REVISION] = revision
        meta.setdefault("annotations", {})[REVISION] = revision
        sound = "broken" not in spec["template"]["spec"]["containers"][0]["image"] and not self.stuck
        count = spec.setdefault("replicas", 1)
        deployment["status"] = {
            "observedGeneration": meta["generation"],
            "replicas": count,
            "updatedReplicas": count,
            "readyReplicas": count if sound else 0,
            "availableReplicas": count if sound else 0,
            # As after progressDeadlineSeconds, at once.
            "conditions": [] if sound else [DEADLINE],
        }


def _replica_set(deployment: Json, *, number: int) -> Json:
    meta = deployment["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{number}",
            "namespace": meta["namespace"],
            "uid": f"set-{number}",
            "labels": deployment["spec"]["template"]["metadata"]["labels"],
            "annotations": {},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": {
            "replicas": 0,
            "selector": deployment["spec"]["selector"],
            "template": copy.deepcopy(deployment["spec"]["template"]),
        },
    }


def merged(old: Any, patch: Any) -> Any:
    """A strategic merge: lists of things with a name are merged by it."""
    if isinstance(old, dict) and isinstance(patch, dict):
        result = dict(old)
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            elif not key.startswith("$"):
                result[key] = merged(old.get(key), value)
        return result
    if isinstance(old, list) and isinstance(patch, list) and all("name" in item for item in patch if item != {}):
        changes = {item["name"]: item for item in patch}
        kept = [merged(item, changes.pop(item["name"], {})) for item in old]
        return [*kept, *changes.values()]
    return copy.deepcopy(patch)


def replaced(old: Json, operations: list[Json]) -> Json:
    """A JSON patch of `replace` and `add` operations on members, as `rollout undo` sends."""
    result = copy.deepcopy(old)
    for operation in operations:
        *parents, last = operation["path"].strip("/").split("/")
        place = result
        for parent in parents:
            place = place[parent]
        place[last] = operation["value"]
    return result


def _discovery(path: str) -> Json | None:
    """What kinds there are, and that the server validates fields itself, so that kubectl need not."""
    groups = [root.split("/")[1:] for root in RESOURCES if root.startswith("apis/")]
    versions = [
        {"name": g, "versions": [{"groupVersion": f"{g}/{v}", "version": v}]}
        | {"preferredVersion": {"groupVersion": f"{g}/{v}", "version": v}}
        for g, v in groups
    ]
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": versions}
    if path == "/openapi/v3":
        return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in RESOURCES}}
    if path.startswith("/openapi/v3/"):
        return _openapi(path.removeprefix("/openapi/v3/"))
    kinds = RESOURCES.get(path.strip("/"))
    if kinds is None:
        return None
    resources = [
        {"name": name, "singularName": kind.lower(), "kind": kind, "namespaced": name != "namespaces"}
        | {"verbs": ["create", "get", "list", "patch", "watch"]}
        for name, kind in kinds.items()
    ]
    version = path.strip("/").partition("/")[2]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _openapi(root: str) -> Json:
    group, _, version = root.partition("/")[2].rpartition("/")
    paths = {
        f"/{root}/{name}/{{name}}": {
            "patch": {
                "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                "responses": {},
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
            }
        }
        for name, kind in RESOURCES[root].items()
    }
    return {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "1"}, "paths": paths}


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = parts.path.rstrip("/"), parse_qs(parts.query)
        found = _discovery(path) or self.cluster.objects.get(path)
        kind = next(
            (kinds[path.rpartition("/")[2]] for kinds in RESOURCES.values() if path.rpartition("/")[2] in kinds), ""
        )
        if found is not None:
            self._answer(200, found)
        elif not kind:
            self._missing()
        else:
            root = next(root for root in RESOURCES if path.startswith(f"/{root}/"))
            meta = {"resourceVersion": str(self.cluster.version)}
            head = {"apiVersion": root.partition("/")[2], "metadata": meta}
            items = self.cluster.listed(path, query)
            if "watch" in query:
                self._stream(items, {**head, "kind": kind})
            else:
                self._answer(200, {**head, "kind": f"{kind}List", "items": items})

    def do_POST(self) -> None:
        item = self._body()
        if self._refused(urlsplit(self.path).path):
            return
        self._answer(201, self.cluster.put(f"{urlsplit(self.path).path}/{item['metadata']['name']}", item))

    def do_PATCH(self) -> None:
        path, patch = urlsplit(self.path).path, self._body()
        old = self.cluster.objects.get(path)
        if self._refused(path.rpartition("/")[0]):
            return
        if self.headers["Content-Type"].startswith("application/apply-patch"):
            self._answer(200 if old else 201, self.cluster.put(path, merged(old, patch)))
        elif old is None:
            self._missing()
        else:
            change = replaced if isinstance(patch, list) else merged
            self._answer(200, self.cluster.put(path, change(old, patch)))

    def _stream(self, items: list[Json], head: Json) -> None:
        """What there is, the mark that this was all, and the end: whoever watches asks again."""
        head["metadata"]["annotations"] = {"k8s.io/initial-events-end": "true"}
        events = [{"type": "ADDED", "object": item} for item in items] + [{"type": "BOOKMARK", "object": head}]
        self._send(200, b"".join(json.dumps(event).encode() + b"\n" for event in events))

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _refused(self, folder: str) -> bool:
        kinds = {name: kind for found in RESOURCES.values() for name, kind in found.items()}
        refused = bool(self.cluster.refuses) and kinds.get(folder.rpartition("/")[2]) == self.cluster.refuses
        if refused:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
            self._answer(403, {**status, "message": f"{self.cluster.refuses} is forbidden"})
        return refused

    def _missing(self) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        self._answer(404, {**status, "message": f"{self.path} not found"})

    def _answer(self, code: int, document: Json) -> None:
        self._send(code, json.dumps(document).encode())

    def _send(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at objects."""


@contextmanager
def running() -> Iterator[Cluster]:
    """An empty cluster that answers at `url`."""
    cluster = Cluster()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": cluster}))
    cluster.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
