"""Fireworks' routes for accounts, datasets and supervised fine-tuning jobs, as its documentation and package have them."""

from core.providers.fireworks import FireworksProvider
from tests.support.fake_service import FakeService, RefusalError, chat, read_file

WHEN = "2026-11-30T04:05:06Z"
BASE = "accounts/fireworks/models/qwen3-8b"
PATH = "/v1/accounts/me"


def missing(what):
    return RefusalError(404, {"error": {"code": 5, "message": f"{what} not found", "status": "NOT_FOUND"}})


def add_dataset(fake, _match, body, _query):
    if body["datasetId"] in fake.datasets:
        raise RefusalError(409, {"error": {"code": 6, "message": "already exists", "status": "ALREADY_EXISTS"}})
    name = f"accounts/me/datasets/{body['datasetId']}"
    fake.datasets[body["datasetId"]] = {**body["dataset"], "name": name, "state": "UPLOADING", "createTime": WHEN}
    return fake.datasets[body["datasetId"]]


def upload(fake, match, form, _query):
    fake.bytes[match[1]] = read_file(form)
    fake.datasets[match[1]]["state"] = "READY"
    return {}


def find_dataset(fake, match, _body, _query):
    if match[1] not in fake.datasets:
        raise missing("dataset")
    return fake.datasets[match[1]]


def create(fake, _match, body, query):
    id = query["supervisedFineTuningJobId"]
    if id in fake.jobs:
        raise RefusalError(409, {"error": {"code": 6, "message": "already exists", "status": "ALREADY_EXISTS"}})
    name = f"accounts/me/supervisedFineTuningJobs/{id}"
    output = {"outputModel": f"accounts/me/models/{id}"}
    fake.jobs[id] = {"name": name, "state": "JOB_STATE_CREATING", "createTime": WHEN, **output, **body}
    return fake.jobs[id]


def find(fake, match, _body, _query):
    if match[1] not in fake.jobs:
        raise missing("job")
    return fake.jobs[match[1]]


def cancel(fake, match, _body, _query):
    fake.jobs[match[1]]["state"] = "JOB_STATE_CANCELLED"
    return {}


def pages(name, items):
    """A list in pages of one item each."""

    def answer(fake, _match, _body, query):
        found, at = list(items(fake)), int(query.get("pageToken", 0))
        more = {"nextPageToken": str(at + 1)} if at + 1 < len(found) else {}
        return {name: found[at : at + 1], **more}

    return answer


class FakeFireworks(FakeService):
    adapter, preset, base_path = FireworksProvider, "fireworks", "/inference/v1"
    routes = (
        ("GET", "/inference/v1/models", lambda _f, _m, _b, _q: {"object": "list", "data": [{"id": BASE, "object": "model"}]}),
        ("GET", "/v1/accounts", lambda fake, _m, _b, _q: {"accounts": fake.accounts}),
        ("GET", "/v1/accounts/fireworks/models", pages("models", lambda fake: fake.bases)),
        ("GET", f"{PATH}/datasets", pages("datasets", lambda fake: fake.datasets.values())),
        ("POST", f"{PATH}/datasets", add_dataset),
        ("POST", f"{PATH}/datasets/([^/:]+):upload", upload),
        ("GET", f"{PATH}/datasets/([^/:]+)", find_dataset),
        ("DELETE", f"{PATH}/datasets/([^/:]+)", lambda fake, match, _b, _q: fake.datasets.pop(match[1]) and {}),
        ("GET", f"{PATH}/supervisedFineTuningJobs", pages("supervisedFineTuningJobs", lambda fake: fake.jobs.values())),
        ("POST", f"{PATH}/supervisedFineTuningJobs", create),
        ("GET", f"{PATH}/supervisedFineTuningJobs/([^/:]+)", find),
        ("POST", f"{PATH}/supervisedFineTuningJobs/([^/:]+):cancel", cancel),
        ("POST", "/inference/v1/chat/completions", chat),
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.accounts = [{"name": "accounts/me", "email": "me@example.com"}]
        self.bases = [
            {"name": f"{BASE}-base", "tunable": True},
            {"name": "accounts/fireworks/models/x", "tunable": False},
        ]
        self.datasets, self.bytes, self.jobs = {}, {}, {}

    def end(self, id, status="JOB_STATE_COMPLETED"):
        told = {"code": "INVALID_ARGUMENT", "message": "bad rows"} if status == "JOB_STATE_FAILED" else {"code": "OK"}
        self.jobs[id] |= {"state": status, "completedTime": WHEN, "status": told}
