"""REST v2: creating pods, volumes and templates. What the contract does not know is refused as there."""

from typing import Any

from starlette.responses import JSONResponse, Response

from tests.runpod_double import rest
from tests.runpod_double.faults import problem
from tests.runpod_double.state import Account

_CONTAINER = {"args", "disk", "env", "image", "ports", "registry", "name", "mounts", "startSsh", "startJupyter"}
_POD = _CONTAINER | {"cloud", "cpu", "gpu", "dataCenterIds", "globalNetworking", "templateId"}
_TEMPLATE = _CONTAINER | {"category", "public", "serverless", "allowedCudaVersions"}
_SOLD_OUT = "There are no longer any instances available with the requested specifications."


def pod(account: Account, body: dict[str, Any]) -> Response:
    if set(body) - _POD or not body.get("name") or not (body.get("image") or body.get("templateId")):
        return _invalid()
    gpu_id = body.get("gpu", {}).get("id")
    gpu = next((each for each in account.gpu_types if each["id"] == gpu_id), None)
    if gpu is None:
        return problem(400, "Bad Request", "gpu.id is not a known GPU type")
    mounts = body.get("mounts", {})
    if "persistent" in mounts and "network" in mounts:
        return problem(400, "Bad Request", "persistent and network are mutually exclusive")
    known = {volume["id"]: volume["dataCenter"] for volume in account.volumes}
    for mount in mounts.get("network", []):
        if known.get(mount["volumeId"]) not in body.get("dataCenterIds", []):
            return problem(400, "Bad Request", "the network volume is in another data center")
    centers = {center["id"] for center in gpu.get("dataCenters", [])}
    wanted = set(body.get("dataCenterIds", [])) or centers
    if gpu_id in account.sold_out or not centers & wanted:
        return problem(400, "Bad Request", _SOLD_OUT)
    return JSONResponse(rest.told(account, account.order(body)), 201)


def volume(account: Account, body: dict[str, Any]) -> Response:
    if set(body) - {"name", "size", "dataCenter", "type"} or not 10 <= body.get("size", 0) <= 4096:
        return _invalid()
    made = {"id": f"nv{len(account.volumes)}new", "type": "STANDARD", **body}
    account.volumes.append(made)
    return JSONResponse(made, 201)


def template(account: Account, body: dict[str, Any]) -> Response:
    if set(body) - _TEMPLATE or not body.get("name") or not body.get("image") or "network" in body.get("mounts", {}):
        return _invalid()
    made = {"id": f"tpl{len(account.templates)}new", **_TEMPLATE_DEFAULTS, **body}
    account.templates.append(made)
    return JSONResponse(made, 201)


_TEMPLATE_DEFAULTS: dict[str, Any] = {
    "args": "", "disk": 20, "mounts": {}, "ports": [], "env": {}, "registry": None, "serverless": False,
    "public": False, "category": "NVIDIA", "startSsh": True, "startJupyter": True, "allowedCudaVersions": [],
}  # fmt: skip


def _invalid() -> Response:
    return problem(422, "Unprocessable Entity", "Request validation failed.")
