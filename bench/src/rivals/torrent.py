"""One end of a BitTorrent transfer: makes a torrent and seeds it, or takes one and ends when it has all.

torrent.py seed PATH TORRENT ADDRESS PORT | torrent.py get TARGET TORRENT ADDRESS PORT SEED_ADDRESS SEED_PORT
"""
import os
import sys
import time

import libtorrent as lt

what, place, torrent, address, port = sys.argv[1:6]
session = lt.session({
    "listen_interfaces": f"{address}:{port}",
    "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    # uTP gives way to others, and is many times slower here.
    "enable_outgoing_utp": False, "enable_incoming_utp": False,
    "alert_mask": 0,
})
params = lt.add_torrent_params()
if what == "seed":
    files = lt.file_storage()
    lt.add_files(files, place)
    made = lt.create_torrent(files)
    lt.set_piece_hashes(made, os.path.dirname(place))
    with open(torrent + ".part", "wb") as out:
        out.write(lt.bencode(made.generate()))
    params.ti, params.save_path = lt.torrent_info(torrent + ".part"), os.path.dirname(place)
    params.flags |= lt.torrent_flags.seed_mode
    session.add_torrent(params)
    os.rename(torrent + ".part", torrent)
    while True:
        time.sleep(60)
while not os.path.exists(torrent):
    time.sleep(0.005)
params.ti, params.save_path = lt.torrent_info(torrent), place
handle = session.add_torrent(params)
handle.connect_peer((sys.argv[6], int(sys.argv[7])))
while not handle.status().is_seeding:
    time.sleep(0.01)
# Only with the session's end is everything written.
session.pause()
handle.flush_cache()
session.set_alert_mask(lt.alert.category_t.storage_notification)
deadline = time.time() + 10
while time.time() < deadline:
    session.wait_for_alert(50)
    if any(isinstance(alert, lt.cache_flushed_alert) for alert in session.pop_alerts()):
        break
os._exit(0)
