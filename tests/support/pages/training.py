"""The training tab as a person uses it: rows are chosen, a job is started, and the table is read."""

from core.training import jobs
from tests.support.pages.controls import choose
from tests.support.until import until
from ui.async_tasks import cancel_all
from ui.tab_base import ALL_TABLES
from ui.training.job_table import STATUS_COLUMN
from ui.training.tab import TrainingTab


def choose_rows(form, tag):
    choose(form.rows, tag)


class TrainingPage:
    """The tab with what the main window does for it: it hands on what has changed, and gathers what failed."""

    def __init__(self, qtbot, workspace):
        self.workspace, self.tab = workspace, TrainingTab(workspace)
        qtbot.addWidget(self.tab)
        self.failures, self.wanted, self.ended = [], [], []
        workspace.tasks.changed.connect(self.tab.refresh)
        workspace.tasks.failed.connect(self.failures.append)
        workspace.offers_changed.connect(self.tab.show_offers)
        workspace.queue.ended.connect(lambda job: self.ended.append(job.status))
        self.tab.show_model.connect(lambda tab, _provider, model: self.wanted.append((tab, model)))
        self.dialogs, self.agrees = [], True
        self.tab.starter.asked.connect(self._on_asked)

    def _on_asked(self, dialog):
        self.dialogs.append(dialog)
        if self.agrees:
            dialog.start.click()

    async def open(self):
        """Show the tab, and wait until it has counted the rows."""
        self.tab.resize(1100, 760)
        self.tab.show()
        (await self.workspace.provider()).poll_seconds = 0.01
        self.tab.refresh(ALL_TABLES)
        await self.workspace.load_offers()
        await until(lambda: self.tab.form.on_rows.text())

    async def play(self, scene):
        """Await `scene` and end what still follows a job: outside of `run` nothing asynchronous may happen."""
        try:
            await scene
        finally:
            await cancel_all(self.workspace.tasks.running())

    async def start(self):
        """Start a job on the study rows and wait until the server has it."""
        choose_rows(self.tab.form, "study")
        self.tab.form.start.click()
        await until(lambda: self.cell() == "Running")

    def cell(self, column=STATUS_COLUMN, row=0):
        """What the table shows of a job, the newest first."""
        item = self.tab.table.item(row, column)
        return item.text() if item else ""

    def act(self, name):
        """Choose an action of the selected jobs."""
        self.tab.actions_of_jobs.actions[name].trigger()

    def offered(self):
        """The actions that are offered for what is selected."""
        return {name for name, action in self.tab.actions_of_jobs.actions.items() if action.isVisible()}

    def jobs(self):
        """The stored jobs, the newest first."""
        return jobs.load_all(self.workspace.project.rows)
