"""Together's routes for files and fine-tuning, as its OpenAPI document of 2026-04-28 has them."""

import re

from core.providers.together import TogetherProvider
from tests.support.fake_service import FakeService, RefusalError, chat, read_file

WHEN = "2026-11-30T04:05:06.123Z"
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"


def upload(fake, _match, form, _query):
    name = re.search(rb'name="file_name"\r\n\r\n(.+?)\r\n', form)[1].decode()
    assert b'name="purpose"\r\n\r\nfine-tune' in form
    id = f"file-{len(fake.files) + 1}"
    fake.files[id] = (name, read_file(form))
    return show_file(fake, id)


def show_file(fake, id):
    name, data = fake.files[id]
    told = {"id": id, "object": "file", "created_at": 1, "filename": name, "bytes": len(data), "purpose": "fine-tune"}
    return {**told, "FileType": "jsonl", "Processed": True}


def find_file(fake, match, _body, _query):
    if match[1] not in fake.files:
        raise RefusalError(404, {"error": {"message": "file not found"}})
    return show_file(fake, match[1])


def create(fake, _match, body, _query):
    id = f"ft-{len(fake.jobs) + 1}"
    fake.jobs[id] = {
        "id": id, "status": "pending", "created_at": WHEN, "updated_at": WHEN, "user_id": "u", "events": [],
        "model_output_name": f"me/{body['model'].rpartition('/')[2]}-{body['suffix']}-1a2b3c4d", **body,
    }  # fmt: skip
    return fake.jobs[id]


def find(fake, match, _body, _query):
    if match[1] not in fake.jobs:
        raise RefusalError(404, {"error": {"message": "Fine-tune job not found"}})
    return fake.jobs[match[1]]


def cancel(fake, match, _body, _query):
    fake.jobs[match[1]]["status"] = "cancel_requested"
    return fake.jobs[match[1]]


def events(fake, match, _body, _query):
    return {"data": fake.jobs[match[1]]["events"]}


def event(message, kind, step=0, level="info"):
    """An event with all the fields that the document requires."""
    return {
        "object": "fine-tune-event", "created_at": WHEN, "level": level, "message": message, "type": kind, "param_count": 0,
        "token_count": 0, "total_steps": 20 if step else 0, "wandb_url": "", "step": step, "checkpoint_path": "",
        "model_path": "", "training_offset": 0, "hash": "",
    }  # fmt: skip


class FakeTogether(FakeService):
    adapter, preset = TogetherProvider, "together"
    routes = (
        ("GET", "/v1/models", lambda _f, _m, _b, _q: [{"id": "Qwen/Qwen3-8B", "object": "model", "created": 1, "type": "chat"}]),
        ("GET", "/v1/fine-tunes/models/supported", lambda _f, _m, _b, _q: {"models": [BASE]}),
        ("POST", "/v1/files/upload", upload),
        ("GET", "/v1/files", lambda fake, _m, _b, _q: {"data": [show_file(fake, id) for id in fake.files]}),
        ("GET", "/v1/files/([^/]+)", find_file),
        ("POST", "/v1/fine-tunes", create),
        ("GET", "/v1/fine-tunes", lambda fake, _m, _b, _q: {"data": list(fake.jobs.values())}),
        ("GET", "/v1/fine-tunes/([^/]+)", find),
        ("GET", "/v1/fine-tunes/([^/]+)/events", events),
        ("GET", "/v1/fine-tunes/([^/]+)/metrics", lambda fake, _m, _b, _q: {"metrics": fake.metrics}),
        ("POST", "/v1/fine-tunes/([^/]+)/cancel", cancel),
        ("POST", "/v1/chat/completions", chat),
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.files, self.jobs, self.metrics = {}, {}, []

    def end(self, id, status="completed"):
        self.jobs[id] |= {"status": status, "token_count": 850}
        self.jobs[id]["events"].append(
            event(f"Job {status}", "job_complete", level="error" if status == "error" else "info")
        )
