"""Shows a notification through org.freedesktop.Notifications, for desktops without a portal.

Qt's binding for Python cannot send the unsigned number that the call begins with; jeepney, which comes with keyring, can.
"""

import contextlib
import html

SERVICE = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
ANSWER_SECONDS = 5.0
SHOWN_MILLISECONDS = 15_000


def show(address: str, title: str, text: str, action: str, is_error: bool = False) -> int | None:
    """Show a notification with a button `action`; blocks until the desktop answers. `address` is that of the bus.

    Returns its number, which `ActionInvoked` names when it is clicked; None where no service shows notifications.
    """
    try:
        from jeepney import DBusAddress, MessageType, new_method_call
        from jeepney.io.blocking import open_dbus_connection
    except ImportError:  # not a dependency where there is no such bus
        return None
    service = DBusAddress(PATH, SERVICE, SERVICE)
    with contextlib.suppress(OSError, ValueError, KeyError, TimeoutError), open_dbus_connection(address) as bus:
        asked = bus.send_and_get_reply(new_method_call(service, "GetCapabilities"), timeout=ANSWER_SECONDS)
        if asked.header.message_type != MessageType.method_return:
            return None
        capabilities = asked.body[0]
        body = html.escape(text, quote=False) if "body-markup" in capabilities else text
        hints = {"urgency": ("y", 2 if is_error else 1), "desktop-entry": ("s", "juku")}
        buttons = ["default", action] if "actions" in capabilities else []
        values = ("Juku", 0, "juku", title, body, buttons, hints, SHOWN_MILLISECONDS)
        shown = bus.send_and_get_reply(
            new_method_call(service, "Notify", "susssasa{sv}i", values), timeout=ANSWER_SECONDS
        )
        return int(shown.body[0]) if shown.header.message_type == MessageType.method_return else None
    return None
