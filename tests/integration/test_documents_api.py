"""Documents through the API: who may do what, what is sent back, and limits on what comes in."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend.settings import REPOSITORY
from bench.pdf_writer import pdf_of
from tests.fixtures.chat import House

LAW = (REPOSITORY / "data" / "documents" / "공유자전거법.txt").read_bytes()


async def _collection(house: House, name: str = "규정", **fields: object) -> str:
    answer = await house.client.post("/api/v1/collections", json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _upload(house: House, collection: str, *files: tuple[str, bytes], **options: Any) -> httpx.Response:
    parts = [("files", (name, data)) for name, data in files]
    return await house.client.post("/api/v1/documents", data={"collection_id": collection}, files=parts, **options)


def _as_other(house: House) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {house.other_token}"}}


async def test_upload_read_open_and_delete(house: House) -> None:
    collection = await _collection(house)
    answer = await _upload(house, collection, ("규칙.pdf", pdf_of(["온돌은 바닥을 데운다."])), ("나쁜.exe", b"MZ"))
    assert answer.status_code == 202
    good, bad = answer.json()
    assert good["document"]["status"] == "queued"
    assert bad["document"] is None and bad["error"]["code"] == "document_type_unknown"
    await house.services.jobs.work_until_idle()

    address = f"/api/v1/documents/{good['document']['id']}"
    told = (await house.client.get(address)).json()
    assert (told["status"], told["pages"], told["chunk_count"], told["error"]) == ("ready", 1, 1, None)
    listed = (await house.client.get(f"/api/v1/collections/{collection}/documents")).json()
    assert [each["id"] for each in listed] == [told["id"]]

    file = await house.client.get(f"{address}/file")
    assert file.content.startswith(b"%PDF")
    assert file.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%EA%B7%9C")
    assert file.headers["x-content-type-options"] == "nosniff"
    picture = await house.client.get(f"{address}/pages/1.png")
    assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    assert (await house.client.get(f"{address}/pages/2.png")).json()["code"] == "unknown_page"

    assert (await house.client.delete(address)).status_code == 204
    assert (await house.client.get(address)).json()["code"] == "unknown_document"


async def test_a_page_somebody_uploaded_is_never_shown_as_ours(house: House) -> None:
    collection = await _collection(house)
    answer = await _upload(house, collection, ("x.html", b"<script>alert(1)</script><p>text</p>"))
    file = await house.client.get(f"/api/v1/documents/{answer.json()[0]['document']['id']}/file")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment")


async def test_private_is_private_and_shared_is_read_only(house: House) -> None:
    collection = await _collection(house)
    document = (await _upload(house, collection, ("법.txt", LAW))).json()[0]["document"]["id"]
    other = _as_other(house)
    looks = [f"/api/v1/collections/{collection}/documents", f"/api/v1/documents/{document}"]
    looks += [f"/api/v1/documents/{document}/file", f"/api/v1/documents/{document}/pages/1.png"]
    for address in looks:
        assert (await house.client.get(address, **other)).status_code == 404, address
    assert (await house.client.get("/api/v1/collections", **other)).json() == []
    assert (await _upload(house, collection, ("a.txt", b"a"), **other)).status_code == 404

    await house.client.patch(f"/api/v1/collections/{collection}", json={"shared": True})
    seen = (await house.client.get("/api/v1/collections", **other)).json()
    assert [(each["name"], each["owner"], each["mine"]) for each in seen] == [("규정", "mina", False)]
    assert (await house.client.get(f"/api/v1/documents/{document}/file", **other)).content == LAW
    for call in (
        house.client.patch(f"/api/v1/collections/{collection}", json={"name": "x"}, **other),
        house.client.delete(f"/api/v1/collections/{collection}", **other),
        house.client.delete(f"/api/v1/documents/{document}", **other),
        house.client.post(f"/api/v1/documents/{document}/cancel", **other),
        _upload(house, collection, ("a.txt", b"a"), **other),
    ):
        assert (await call).json()["code"] == "not_allowed"


async def test_a_deleted_collection_comes_back(house: House) -> None:
    collection = await _collection(house)
    await _upload(house, collection, ("법.txt", LAW))
    assert (await house.client.delete(f"/api/v1/collections/{collection}")).status_code == 204
    assert (await house.client.get(f"/api/v1/collections/{collection}/documents")).status_code == 404
    restore = f"/api/v1/collections/{collection}/restore"
    assert (await house.client.post(restore, **_as_other(house))).status_code == 404
    assert (await house.client.post(restore)).json()["documents"] == 1


async def test_the_same_file_again_is_told(house: House) -> None:
    collection = await _collection(house)
    first = (await _upload(house, collection, ("법.txt", LAW))).json()[0]
    second = (await _upload(house, collection, ("또.txt", LAW))).json()[0]
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["document"]["id"] == first["document"]["id"]


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("a.txt", b"", 422, "document_empty"),
        ("a.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 415, "old_hwp"),
        ("a.pdf", b"no pdf", 422, "document_damaged"),
        ("a", b"?", 415, "document_type_unknown"),
    ],
)
async def test_a_single_file_that_is_refused_is_a_problem(
    house: House, name: str, data: bytes, status: int, code: str
) -> None:
    answer = await _upload(house, await _collection(house), (name, data))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_too_large_is_refused_before_it_is_sent(house: House) -> None:
    collection = await _collection(house)
    settings = house.services.settings
    answer = await house.client.post(
        "/api/v1/documents", content=b"", headers={"Content-Length": str(500_000_000), "Content-Type": "x/y"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
    over = await _upload(house, collection, ("a.txt", b"a" * (settings.max_document_bytes + 1)))
    assert (over.status_code, over.json()["code"]) == (413, "document_too_large")
    larger_than_other_requests = b"a " * settings.max_request_bytes
    assert (await _upload(house, collection, ("b.txt", larger_than_other_requests))).status_code == 202


async def test_wrong_input_is_named(house: House) -> None:
    collection = await _collection(house)
    empty = await house.client.post("/api/v1/documents", data={"collection_id": collection}, files={"other": b"x"})
    assert empty.json()["code"] == "upload_without_files"
    assert (await _upload(house, str(uuid4()), ("a.txt", b"a"))).json()["code"] == "unknown_collection"
    assert (await _upload(house, "x", ("a.txt", b"a"))).status_code == 422
    assert (await house.client.post("/api/v1/collections", json={"name": " "})).status_code == 422
    for verb in ("cancel", "retry"):
        assert (await house.client.post(f"/api/v1/documents/{uuid4()}/{verb}")).status_code == 404
