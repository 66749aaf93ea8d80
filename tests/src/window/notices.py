#!/usr/bin/python3
"""Shows no notifications, but tells of each as a line of JSON, and presses their buttons.

usage: notices.py              is the session's notification server until it is ended
       notices.py ID ACTION    has that server report that a button was pressed
"""

import json
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
DESCRIPTION = f"""<node><interface name="{NAME}">
<method name="Notify">
  <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="s" direction="in"/><arg type="as" direction="in"/><arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/>
  <arg type="u" direction="out"/></method>
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation">
  <arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<method name="Press"><arg type="u" direction="in"/><arg type="s" direction="in"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
<signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>"""
DISMISSED = 2
shown = 0


def say(what):
    print(json.dumps(what), flush=True)


def called(connection, _sender, _path, _interface, method, arguments, invocation):
    global shown
    if method == "Notify":
        shown += 1
        _app, _replaces, _icon, summary, body, actions, _hints, _expires = arguments.unpack()
        say({"id": shown, "summary": summary, "body": body, "actions": actions})
        invocation.return_value(GLib.Variant("(u)", (shown,)))
    elif method == "GetCapabilities":
        invocation.return_value(GLib.Variant("(as)", (["body", "actions"],)))
    elif method == "GetServerInformation":
        invocation.return_value(GLib.Variant("(ssss)", ("test", "test", "1", "1.2")))
    elif method == "Press":
        number, action = arguments.unpack()
        connection.emit_signal(None, PATH, NAME, "ActionInvoked", GLib.Variant("(us)", (number, action)))
        connection.emit_signal(None, PATH, NAME, "NotificationClosed", GLib.Variant("(uu)", (number, DISMISSED)))
        invocation.return_value(None)
    else:
        invocation.return_value(None)


def serve():
    interface = Gio.DBusNodeInfo.new_for_xml(DESCRIPTION).interfaces[0]
    Gio.bus_own_name(
        Gio.BusType.SESSION,
        NAME,
        Gio.BusNameOwnerFlags.NONE,
        lambda connection, _name: connection.register_object(PATH, interface, called, None, None),
        lambda _connection, _name: say("ready"),
        None,
    )
    GLib.MainLoop().run()


def press(number, action):
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    words = GLib.Variant("(us)", (number, action))
    bus.call_sync(NAME, PATH, NAME, "Press", words, None, Gio.DBusCallFlags.NONE, -1)


if len(sys.argv) == 3:
    press(int(sys.argv[1]), sys.argv[2])
else:
    serve()
