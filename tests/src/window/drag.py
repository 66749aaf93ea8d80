#!/usr/bin/python3
"""A small window whose contents can be dragged: files, as a file manager offers them. usage: drag.py X Y FILE…"""

import pathlib
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

x, y, files = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
window = Gtk.Window(title="drag", type=Gtk.WindowType.POPUP)
window.set_default_size(100, 80)
box = Gtk.EventBox()
box.add(Gtk.Label(label="drag me"))
window.add(box)
box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
box.drag_source_add_uri_targets()


def give(_widget, _context, selection, _info, _time):
    selection.set_uris([pathlib.Path(file).resolve().as_uri() for file in files])


def end(*_):
    print('"end"', flush=True)
    Gtk.main_quit()


box.connect("drag-data-get", give)
box.connect("drag-end", end)
window.move(x, y)
window.show_all()
print('"ready"', flush=True)
Gtk.main()
