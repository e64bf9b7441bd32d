"""Models near their end are listed with their files, which come to the disk and harm nothing there."""

import asyncio
import base64
import datetime
import json

import pytest

from core.dataset import examples
from core.dataset.import_reader_process import ImportOptions
from core.dataset.importing import import_file
from core.errors import JukuError, ProviderError
from core.formats import jsonl
from core.progress import Cancelled, Reporter
from core.training import jobs, rescue
from core.training.rescue import TunedModel
from tests.support import serving
from tests.support.fake_server import Fault

TODAY = datetime.date(2026, 11, 20)
RESULTS = b"step,train_loss\n1,0.5\n"


def listed(server, project):
    return serving.run(server, lambda provider: rescue.list_tuned_models(project, provider, TODAY))


def saved(server, one, folder, reporter=None):
    return serving.run(server, lambda provider: rescue.save_files(provider, one, folder, reporter or Reporter()))


def trained(server, names=("rows.jsonl", "val.jsonl", "step_metrics.csv"), rows=b"{}\n"):
    """A job that has ended, with its three files; the model's name."""
    training, validation, results = names
    asked = {"model": "base-model", "training_file": server.keep(rows, training, "fine-tune")["id"]}
    asked["validation_file"] = server.keep(b"{}\n", validation, "fine-tune")["id"]
    job = server.create(asked)["id"]
    result = server.keep(base64.b64encode(RESULTS), results, "fine-tune-results")["id"]
    server.end(job, "succeeded", result_files=[result])
    return server.jobs[job]["fine_tuned_model"]


def test_the_nearest_end_comes_first_and_what_is_over_last(server, project):
    for name, day in (("ft:b:o::far", "2027-05-01"), ("ft:b:o::over", "2026-11-19"), ("ft:b:o::near", "2026-12-01")):
        server.models[name] = 1
        server.shutdown[name] = day
    server.models["ft:b:o::open"] = 1
    assert [one.model[-4:] for one in listed(server, project)] == ["near", ":far", "open", "over"]


def test_a_model_is_known_with_the_files_of_its_job_and_so_is_its_checkpoint(server, project):
    model = trained(server)
    server.checkpoint("ftjob-1", 3)
    server.create({"model": "base-model", "training_file": "file-1"})
    found = {one.model: one for one in listed(server, project)}
    assert set(found) == {model, "ft:base-model:local::ftjob-1:ckpt-step-3"}
    for one in found.values():
        assert (one.job, one.training_file, one.validation_file, one.result_files) == (
            "ftjob-1", "file-1", "file-2", ("file-3",),
        )  # fmt: skip
        assert one.listed


def test_what_the_server_has_no_list_of_is_known_from_the_projects_own_jobs(server, project):
    values = {"provider": "fake", "token": "t", "model": "base-model", "rows": "", "row_count": 0, "settings": "{}"}
    values |= {"status": "succeeded", "fine_tuned_model": "ft:base-model:o::old", "training_file": "file-9"}
    asyncio.run(project.write("", jobs.insert, values))
    server.without |= {"models", "jobs"}
    (one,) = listed(server, project)
    assert (one.model, one.listed, one.training_file) == ("ft:base-model:o::old", False, "file-9")


def test_a_refusal_is_an_error(server, project):
    server.key = "another"
    with pytest.raises(ProviderError):
        listed(server, project)


def test_files_are_saved_with_a_record_of_the_job_and_twice_is_once(server, project, tmp_path):
    trained(server)
    folder = tmp_path / "to"
    folder.mkdir()
    (one,) = listed(server, project)
    for _time in range(2):
        found = saved(server, one, folder)
        assert sorted(path.name for _role, path in found.paths) == [
            "job-ft_base-model_local__ftjob-1.json", "results-step_metrics.csv", "training-rows.jsonl",
            "validation-val.jsonl",
        ]  # fmt: skip
    assert found.of("results")[0].read_bytes() == RESULTS
    assert json.loads(found.of("job")[0].read_text())["training_file"] == "file-1"
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("name", ["../../evil.jsonl", "..\\..\\evil.jsonl", "/etc/passwd", "..", "", "\0", "a\u202eb", "x" * 900,
                                  "塾" * 300 + ".jsonl", "CON", "a:b|c?.jsonl", "rows.jsonl\n", ".hidden", "\udc80"])  # fmt: skip
def test_no_name_leaves_the_folder(name, tmp_path):
    made = f"training-{rescue.safe_name(name)}"
    path = tmp_path / made
    path.write_bytes(b"")
    assert path.parent == tmp_path
    assert [found.name for found in tmp_path.iterdir()] == [made]
    assert made.isprintable()


def test_nothing_is_overwritten(server, project, tmp_path):
    trained(server, ["../rows.jsonl", "rows.jsonl", "rows"])
    (one,) = listed(server, project)
    folder, outside = tmp_path / "to", tmp_path / "outside.txt"
    folder.mkdir()
    (folder / "training-rows.jsonl").write_text("mine")
    (folder / "validation-rows.jsonl").symlink_to(outside)
    found = saved(server, one, folder)
    assert (folder / "training-rows.jsonl").read_text() == "mine"
    assert not outside.exists()
    assert [path.name for _role, path in found.paths[:3]] == [
        "training-rows (2).jsonl", "validation-rows (2).jsonl", "results-rows",
    ]  # fmt: skip


def test_a_file_that_is_gone_is_told_and_the_others_come(server, project, tmp_path):
    trained(server)
    (one,) = listed(server, project)
    del server.names["file-1"], server.files["file-1"]
    found = saved(server, one, tmp_path)
    assert [file.role for file in found.missing] == ["training"]
    assert len(found.of("validation")) == len(found.of("results")) == 1


def test_a_storm_or_a_cancel_leaves_what_was_saved(server, project, tmp_path):
    trained(server)
    (one,) = listed(server, project)
    server.weather = lambda _method, path: Fault(status=403) if "file-2" in path else None
    with pytest.raises(ProviderError):
        saved(server, one, tmp_path)
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["training-rows.jsonl"]
    reporter = Reporter()
    reporter.cancel()
    with pytest.raises(Cancelled):
        saved(server, one, tmp_path, reporter)


def test_a_folder_that_cannot_be_written_is_told_in_words(server, project, tmp_path):
    trained(server)
    (one,) = listed(server, project)
    with pytest.raises(JukuError, match="cannot be written"):
        saved(server, one, tmp_path / "nowhere")


def test_rows_that_the_project_had_before_get_the_tag_too(project, tmp_path):
    texts = [jsonl.new_row("", f"Question {n}?", f"Answer {n}.") for n in range(3)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\ufeff" + "\r\n".join(texts), encoding="utf-8")
    tag = TunedModel("ft:base model:o::1", "base", 0, None, True).tag
    asyncio.run(project.write("", examples.add, [examples.read_row(texts[0], tags="mine")]))
    asyncio.run(import_file(project, path, ImportOptions(tags=tag)))
    for _time in range(2):
        asyncio.run(project.write("tag", rescue.tag_existing_rows, path, tag))
        tags = [row.tags for row in examples.iterate(project.rows)]
        assert tags == ["mine ft:base-model:o::1", "ft:base-model:o::1", "ft:base-model:o::1"]
