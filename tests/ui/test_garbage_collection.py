"""What is garbage dies on the window's thread, whichever thread makes so much that the collector is due."""

import gc
import threading

from tests.support.patience import PATIENCE
from ui.garbage_collection import GarbageCollector

PLENTY = 20_000  # objects, after which Python's own collector has run more than once


class Owned:
    died: list[threading.Thread]

    def __init__(self, died):
        self.died, self.me = died, self

    def __del__(self):
        self.died.append(threading.current_thread())


def work():
    return [[number] for number in range(PLENTY)]


def test_nothing_is_destroyed_on_the_thread_of_a_worker(qtbot, collector):
    died = []
    Owned(died)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert died == []
    kept = work()
    collector.collect_due()
    assert died == [threading.main_thread()]
    assert kept


def test_the_timer_looks_by_itself(qtbot, collector):
    died = []
    Owned(died)
    kept = work()
    qtbot.waitUntil(lambda: bool(died), timeout=int(PATIENCE * 1000))
    assert kept


def test_the_window_has_a_collector():
    from ui import app

    assert app.GarbageCollector is GarbageCollector
    assert not gc.isenabled()
