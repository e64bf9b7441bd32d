"""The guide's page on the engine's protocol has every route and hyperparameter of the OpenAPI document."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = json.loads((ROOT / "docs" / "engine-openapi.json").read_text(encoding="utf-8"))
ROUTE = re.compile(r"`((?:GET|POST|DELETE) /[\w/{}.]+)`")


@pytest.fixture(params=["en", "ja"])
def page(request):
    return (ROOT / "resources" / "guide" / request.param / "protocol.md").read_text(encoding="utf-8")


def test_every_route_is_on_the_page_once(page):
    wanted = [f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]
    assert sorted(ROUTE.findall(page)) == sorted(wanted)


def test_every_hyperparameter_is_on_the_page(page):
    schemas = DOCUMENT["components"]["schemas"]
    names = {name for kind in ("Supervised", "DPO") for name in schemas[f"{kind}Hyperparameters"]["properties"]}
    assert sorted(name for name in names if f"`{name}`" not in page) == []
