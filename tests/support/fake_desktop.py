"""A desktop on a bus of its own: a portal or a notification service that says what it was asked, and clicks.

python -m tests.support.fake_desktop ADDRESS NAME…
"""

import json
import sys

from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

PORTAL = DBusAddress("/org/freedesktop/portal/desktop", interface="org.freedesktop.portal.Notification")
SERVICE = DBusAddress("/org/freedesktop/Notifications", interface="org.freedesktop.Notifications")


def answer(bus, call):
    """Answer one call, say what it was, and click on what it shows."""
    member, body = call.header.fields[HeaderFields.member], call.body
    signature = call.header.fields.get(HeaderFields.signature, "")
    if member == "AddNotification":
        bus.send(new_method_return(call))
        bus.send(new_signal(PORTAL, "ActionInvoked", "ssav", (body[0], "show", [])))
    elif member == "GetCapabilities":
        bus.send(new_method_return(call, "as", (["body", "body-markup", "actions"],)))
    elif member == "Notify":
        bus.send(new_method_return(call, "u", (7,)))
        bus.send(new_signal(SERVICE, "ActionInvoked", "us", (7, "default")))
    else:
        bus.send(new_error(call, "org.freedesktop.DBus.Error.UnknownMethod"))
    print(json.dumps([member, signature, body]), flush=True)


def main():
    bus = open_dbus_connection(sys.argv[1])
    for name in sys.argv[2:]:
        Proxy(message_bus, bus).RequestName(name)
    print("ready", flush=True)
    while True:
        call = bus.receive()
        if call.header.message_type == MessageType.method_call:
            answer(bus, call)


if __name__ == "__main__":
    main()
