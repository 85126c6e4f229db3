"""As much of a cluster's API as Helm asks while it renders templates that look something up."""

import json
from contextlib import contextmanager

from tests.core.outgoing.servers import serving

_LISTS = {
    "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "groupVersion": "apps/v1",
        "resources": [{"name": "statefulsets", "namespaced": True, "kind": "StatefulSet", "verbs": ["get"]}],
    },
}
_NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


@contextmanager
def cluster(*objects):
    """Serve StatefulSets; yield the arguments by which `helm template` asks this cluster."""
    paths = {
        f"/apis/apps/v1/namespaces/media/statefulsets/{one['metadata']['name']}": {
            "kind": "StatefulSet", "apiVersion": "apps/v1", **one
        }
        for one in objects
    }  # fmt: skip

    def answer(handler):
        found = (_LISTS | paths).get(handler.path.partition("?")[0])
        body = json.dumps(found or _NOT_FOUND).encode()
        handler.reply(200 if found else 404, body, Content_Type="application/json")

    with serving(answer) as (port, _):
        yield ("--dry-run=server", f"--kube-apiserver=http://127.0.0.1:{port}")
