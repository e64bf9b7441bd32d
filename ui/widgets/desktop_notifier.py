"""Shows notifications of the desktop: through its portal, else its notification service, else the tray; else not at all."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Any

from PySide6.QtCore import SLOT, QObject, QTimer, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher
from PySide6.QtWidgets import QSystemTrayIcon

from core import freedesktop_notification
from core.language import tr
from ui import style
from ui.async_tasks import Tasks

PORTAL = "org.freedesktop.portal.Desktop"
PORTAL_PATH = "/org/freedesktop/portal/desktop"
PORTAL_INTERFACE = "org.freedesktop.portal.Notification"
# Its annotation says bytes, and it refuses them.
PORTAL_SLOT: Any = SLOT("on_portal_action(QDBusMessage)")
SERVICE_SLOT: Any = SLOT("on_service_action(QDBusMessage)")
MAX_UNKNOWN = 20
MAX_TITLE, MAX_TEXT = 120, 400  # characters; a desktop shows no more


class DesktopNotifier(QObject):
    """Texts are plain: none of the ways reads markup in them. `clicked` has the id that `show` was given."""

    clicked = Signal(str)

    def __init__(self, tasks: Tasks, parent: QObject, address: str = "") -> None:
        """`address` is that of the bus; '' for the session's."""
        super().__init__(parent)
        self._tasks = tasks
        self._address = address or os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
        self._bus = QDBusConnection.connectToBus(address, address) if address else QDBusConnection.sessionBus()
        self._calls: set[QDBusPendingCallWatcher] = set()  # Python would drop them before they are answered
        self._ids: dict[int, str] = {}  # of the notification service
        self._unknown: deque[int] = deque(maxlen=MAX_UNKNOWN)  # clicked, and of another program or not known yet
        self._icon: QSystemTrayIcon | None = None
        self._icon_id = ""
        self._hiding = QTimer(self, singleShot=True, interval=freedesktop_notification.SHOWN_MILLISECONDS)
        self._hiding.timeout.connect(self._hide)
        self._is_listening = False

    def show(self, id: str, title: str, text: str, is_error: bool = False) -> None:
        """Show a notification; one with the same id is replaced where the desktop can do that."""
        title, text = _clip(title, MAX_TITLE), _clip(text, MAX_TEXT)
        if not self._bus.isConnected():
            self._show_in_tray(id, title, text, is_error)
            return
        self._listen()
        values: dict[str, Any] = {
            "title": title,
            "default-action": "show",
            "priority": "high" if is_error else "normal",
        }
        if text:
            values["body"] = text  # plain: the portal has another key for markup
        call = QDBusMessage.createMethodCall(PORTAL, PORTAL_PATH, PORTAL_INTERFACE, "AddNotification")
        call.setArguments([id, values])
        watcher = QDBusPendingCallWatcher(self._bus.asyncCall(call))
        self._calls.add(watcher)

        def answer(done: QDBusPendingCallWatcher) -> None:
            self._calls.discard(watcher)
            if done.isError() and self._tasks.can_start():
                self._tasks.start("", self._show_without_portal(id, title, text, is_error))

        watcher.finished.connect(answer)

    async def _show_without_portal(self, id: str, title: str, text: str, is_error: bool) -> None:
        number = await asyncio.to_thread(
            freedesktop_notification.show, self._address, title, text, tr("Show"), is_error
        )
        if number is None:
            self._show_in_tray(id, title, text, is_error)
        elif number in self._unknown:  # its click came before its number
            self._unknown.remove(number)
            self.clicked.emit(id)
        else:
            self._ids[number] = id

    def _listen(self) -> None:
        if not self._is_listening:
            self._is_listening = True
            self._bus.connect(PORTAL, PORTAL_PATH, PORTAL_INTERFACE, "ActionInvoked", self, PORTAL_SLOT)
            service, path = freedesktop_notification.SERVICE, freedesktop_notification.PATH
            self._bus.connect(service, path, service, "ActionInvoked", self, SERVICE_SLOT)

    @Slot(QDBusMessage)
    def on_portal_action(self, message: QDBusMessage) -> None:
        """The portal says that a notification was clicked."""
        if found := message.arguments():
            self.clicked.emit(str(found[0]))

    @Slot(QDBusMessage)
    def on_service_action(self, message: QDBusMessage) -> None:
        """The notification service says that one was clicked, of whatever program."""
        found = message.arguments()
        if found and (id := self._ids.pop(int(found[0]), "")):
            self.clicked.emit(id)
        elif found:
            self._unknown.append(int(found[0]))

    def _show_in_tray(self, id: str, title: str, text: str, is_error: bool) -> None:
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        if self._icon is None:
            self._icon = QSystemTrayIcon(style.icon("juku"), self)
            self._icon.messageClicked.connect(lambda: self.clicked.emit(self._icon_id))
            self._icon.activated.connect(lambda _reason: self.clicked.emit(self._icon_id))
        self._icon_id = id
        kinds = QSystemTrayIcon.MessageIcon
        self._icon.show()  # without its icon a desktop may show no message
        # Some desktops read markup there, and none says so.
        plain = text.replace("<", "‹").replace(">", "›")
        kind = kinds.Warning if is_error else kinds.Information
        self._icon.showMessage(title, plain, kind, freedesktop_notification.SHOWN_MILLISECONDS)
        self._hiding.start()

    def _hide(self) -> None:
        if self._icon is not None:
            self._icon.hide()


def _clip(text: str, most: int) -> str:
    """`text` in one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
