"""Alibaba Model Studio's routes for fine-tuning, as its documentation of 2026-06-06 has them; files are OpenAI's."""

import re

from core.providers.dashscope import DashScopeProvider
from tests.support.fake_service import FakeService, RefusalError, chat, read_file

BASE = "qwen3-14b"
FILES = "/compatible-mode/v1/files"


def upload(fake, _match, form, _query):
    name = re.search(rb'filename="(.+?)"', form)[1].decode()
    id = f"file-ft-{len(fake.files) + 1}"
    fake.files[id] = (name, read_file(form))
    return show_file(fake, id)


def show_file(fake, id):
    name, data = fake.files[id]
    told = {"id": id, "object": "file", "created_at": 1, "filename": name, "bytes": len(data), "purpose": "fine-tune"}
    return {**told, "status": "processed"}


def wrap(output):
    return {"request_id": "r-1", "output": output}


def create(fake, _match, body, _query):
    id = f"ft-20261130{len(fake.jobs) + 1:04}-1c7f"
    fake.jobs[id] = {
        "job_id": id, "job_name": id, "status": "PENDING", "base_model": body["model"], "create_time": "2026-11-30 04:05:06",
        "finetuned_output": f"{body['model']}-{body['finetuned_output_suffix']}-{id}", **body,
    }  # fmt: skip
    return wrap(fake.jobs[id])


def find(fake, match, _body, _query):
    if match[1] not in fake.jobs:
        raise RefusalError(404, {"code": "NotFound", "message": "The job is not found", "request_id": "r"})
    return wrap(fake.jobs[match[1]])


def listed(fake, _match, _body, query):
    found, page, size = list(fake.jobs.values()), int(query["page_no"]), int(query["page_size"])
    return wrap(
        {"page_no": page, "page_size": size, "total": len(found), "jobs": found[(page - 1) * size : page * size]}
    )


def cancel(fake, match, _body, _query):
    fake.jobs[match[1]]["status"] = "CANCELED"
    return wrap({"status": "success"})


class FakeDashScope(FakeService):
    adapter, preset, base_path = DashScopeProvider, "dashscope", "/compatible-mode/v1"
    routes = (
        ("GET", "/compatible-mode/v1/models", lambda _f, _m, _b, _q: {"object": "list", "data": [{"id": BASE, "object": "model"}]}),
        ("POST", FILES, upload),
        ("GET", FILES, lambda fake, _m, _b, _q: {"object": "list", "has_more": False, "data": [show_file(fake, id) for id in fake.files]}),
        ("GET", f"{FILES}/([^/]+)", lambda fake, match, _b, _q: show_file(fake, match[1])),
        ("POST", "/api/v1/fine-tunes", create),
        ("GET", "/api/v1/fine-tunes", listed),
        ("GET", "/api/v1/fine-tunes/([^/]+)", find),
        ("GET", "/api/v1/fine-tunes/([^/]+)/logs", lambda fake, _m, _b, _q: wrap({"total": len(fake.logs), "logs": fake.logs})),
        ("POST", "/api/v1/fine-tunes/([^/]+)/cancel", cancel),
        ("POST", "/compatible-mode/v1/chat/completions", chat),
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.files, self.jobs, self.logs = {}, {}, []

    def end(self, id, status="SUCCEEDED"):
        told = {"code": "InvalidFile", "message": "bad rows"} if status == "FAILED" else {}
        self.jobs[id] |= {"status": status, "end_time": "2026-11-30 05:05:06", "usage": 850, **told}
