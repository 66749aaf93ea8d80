"""Puts "Send with Shoal" into the menu of Nautilus (Files); needs the package python3-nautilus."""

import locale
import subprocess

from gi.repository import GObject, Nautilus

LABELS = {"de": "Mit Shoal senden"}


class SendWithShoal(GObject.GObject, Nautilus.MenuProvider):
    def get_file_items(self, *arguments):
        # Nautilus 3 hands over the window first.
        files = [file for file in arguments[-1] if file.get_uri_scheme() == "file"]
        if not files:
            return []
        language = (locale.getlocale()[0] or "")[:2]
        item = Nautilus.MenuItem(name="Shoal::send", label=LABELS.get(language, "Send with Shoal"), icon="shoal-app")
        item.connect("activate", self.send, files)
        return [item]

    def send(self, _item, files):
        paths = [file.get_location().get_path() for file in files]
        subprocess.Popen(["shoal-app", "--", *paths], start_new_session=True)
