"""What the tests of exams share."""

import pytest

from tests.support.projects import write
from tools import exam_rows


@pytest.fixture
def answered_exam(project):
    """A project with an exam of five subjects, answered and marked in part."""
    write(project, lambda db: exam_rows.fill(db) and None)
    return project
