import ui.workspace
from core import dataset, filters, indexing
from core.formats import jsonl
from core.settings import Settings
from tests.ui.waiting import until
from ui.workspace import Workspace


def test_the_search_index_is_made_once_rows_rest(run, project, monkeypatch):
    monkeypatch.setattr(ui.workspace, "QUIET", 20)
    monkeypatch.setattr(indexing, "WORTH", 0)

    async def work():
        workspace = Workspace(project, Settings())
        rows = [dataset.read_row(jsonl.new_row("", "返品は？", "はい"))]
        workspace.tasks.start("", project.write("Add", dataset.add, rows))
        await until(lambda: workspace.finder.index.ready)
        assert list(await workspace.find(filters.Filter(text="返"))) == [1]
        workspace.tasks.start("", project.write("Edit", dataset.edit, 1, "question", "交換は？"))
        await until(lambda: workspace.finder.index.dirty)
        assert not await workspace.find(filters.Filter(text="返"))
        await workspace.tasks.close()

    run(work())
