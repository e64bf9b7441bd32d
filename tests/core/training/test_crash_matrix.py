"""Whenever the program is killed, no job is lost and none is made twice. The whole table: tools/crash_matrix.py."""

from tests.support.crash_matrix import Matrix

SHORT = 16  # points that are tried in a test, spread over the whole life


def test_a_kill_at_any_point_neither_loses_nor_doubles_a_job():
    matrix = Matrix()
    try:
        points = matrix.points()
        decisive = [point for point in points if point.name in ("POST /files", "POST /fine_tuning/jobs")]
        others = [point for point in points if point not in decisive]
        chosen = decisive[:8] + others[:: max(1, len(others) // (SHORT - 8))]
        assert len(chosen) >= 12
        found = [matrix.kill_at(point) for point in chosen]
    finally:
        matrix.close()
    assert [(str(one.point), one.wrong) for one in found if one.wrong] == []
    assert sum(one.reached for one in found) >= 12
