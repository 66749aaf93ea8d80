// Generated from crates/shoal-api by `SHOAL_WRITE_BINDINGS=1 cargo test -p shoal-api bindings`. Do not edit.

/**
 * One question or command. Progress never comes back as a reply: it comes as [`crate::Event`]s.
 *
 * A `peer` is a device's name, the beginning of its id, a link or `HOST:PORT`; a `transfer` is an id or the beginning of one.
 * `wait_s` says how many seconds a peer may take to show up.
 */
export type Request = { "request": "identity" } | { "request": "snapshot" } | { "request": "devices" } | { "request": "find", 
/**
 * The device.
 */
peer: string, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "verify", 
/**
 * The device.
 */
peer: string, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "set_trust", 
/**
 * The device.
 */
peer: string, 
/**
 * Its standing from now on.
 */
trust: Trust, } | { "request": "set_allowance", 
/**
 * The device.
 */
peer: string, 
/**
 * Bytes in any 24 hours; none: each offer is asked about.
 */
bytes: number | null, } | { "request": "forget", 
/**
 * The device.
 */
peer: string, } | { "request": "send", 
/**
 * The devices.
 */
to: Array<string>, 
/**
 * What.
 */
content: Content, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "transfers", 
/**
 * The ended ones too, newest first.
 */
all: boolean, } | { "request": "offers" } | { "request": "accept", 
/**
 * The offer.
 */
transfer: string, 
/**
 * The folder to put it in; none: the inbox.
 */
into?: string, 
/**
 * Only files whose path or name fits one of these globs; empty: all.
 */
only: Array<string>, 
/**
 * Only these entries, with the folders they are in; empty: all.
 */
entries?: Array<EntryRange>, 
/**
 * Replace what has the same name; the old one goes to the trash.
 */
replace: boolean, } | { "request": "decline", 
/**
 * The offer.
 */
transfer: string, } | { "request": "pause", 
/**
 * The transfer.
 */
transfer: string, } | { "request": "resume", 
/**
 * The transfer.
 */
transfer: string, } | { "request": "cancel", 
/**
 * The transfer.
 */
transfer: string, } | { "request": "retry", 
/**
 * The transfer.
 */
transfer: string, } | { "request": "find_transfer", 
/**
 * The transfer.
 */
transfer: string, } | { "request": "entries", 
/**
 * The transfer.
 */
transfer: string, 
/**
 * The index of the folder's entry; none: the top.
 */
folder?: number | null, 
/**
 * Entries to leave out at the beginning.
 */
offset: number, 
/**
 * Entries on the page, 1 to 1000.
 */
limit: number, 
/**
 * Only files in this state.
 */
state?: EntryState | null, 
/**
 * Only files whose name has this in it, whatever the case.
 */
find?: string | null, } | { "request": "forget_transfer", 
/**
 * The transfer.
 */
transfer: string, } | { "request": "clear_history" } | { "request": "add_share", 
/**
 * The folder; absolute.
 */
path: string, 
/**
 * What others see; none: the folder's own name.
 */
name?: string | null, 
/**
 * `everyone`, `known` or `verified`; or devices.
 */
for: Array<string>, 
/**
 * They may add files.
 */
write: boolean, 
/**
 * Hidden and system files are shared, too.
 */
hidden: boolean, 
/**
 * Patterns of what is not shared, as in a `.gitignore`.
 */
ignore: Array<string>, } | { "request": "own_shares" } | { "request": "change_share", 
/**
 * Its name.
 */
share: string, 
/**
 * What changes.
 */
change: ShareChange, } | { "request": "remove_share", 
/**
 * Its name.
 */
share: string, } | { "request": "look", 
/**
 * The device.
 */
peer: string, 
/**
 * `/SHARE/PATH`, `/SHARE`, or empty: its shares.
 */
path: string, 
/**
 * Items to leave out at the beginning.
 */
offset: number, 
/**
 * Items on the page, 1 to 512; fewer come when they are long.
 */
limit: number, 
/**
 * By what it is sorted.
 */
sort: SortBy, 
/**
 * The other way round; folders still come first.
 */
descending: boolean, 
/**
 * Only names with every word of this in them, whatever the case and accents.
 */
find: string, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "search", 
/**
 * Words that a name has to have in it.
 */
text: string, 
/**
 * The name begins with the text.
 */
beginning: boolean, 
/**
 * The devices; none: every one in reach.
 */
on: Array<string>, 
/**
 * Only what is of this kind.
 */
kind?: SearchKind | null, 
/**
 * Only files of at least this many bytes.
 */
min_size?: number | null, 
/**
 * Only files of at most this many bytes.
 */
max_size?: number | null, 
/**
 * Only what was changed then or later, in seconds since 1970.
 */
since?: number | null, 
/**
 * Only what was changed before, in seconds since 1970.
 */
until?: number | null, 
/**
 * Hits of one device, at most 10,000.
 */
limit: number, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "stop_search", 
/**
 * Which.
 */
search: number, } | { "request": "share_risks", 
/**
 * The folder; absolute.
 */
path: string, 
/**
 * `everyone`, `known` or `verified`; or devices.
 */
for: Array<string>, 
/**
 * They may add files.
 */
write: boolean, 
/**
 * Hidden and system files are shared, too.
 */
hidden: boolean, } | { "request": "watch_folder", 
/**
 * The device.
 */
peer: string, 
/**
 * `/SHARE/PATH` or `/SHARE`.
 */
path: string, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "stop_watch", 
/**
 * Which.
 */
watch: number, } | { "request": "read_shared", 
/**
 * The device.
 */
peer: string, 
/**
 * `/SHARE/PATH`.
 */
path: string, 
/**
 * The first byte.
 */
offset: number, 
/**
 * How many, at most 1 MiB; fewer come at the end.
 */
len: number, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "thumbnail", 
/**
 * The device.
 */
peer: string, 
/**
 * `/SHARE/PATH`.
 */
path: string, 
/**
 * Pixels of the longer side, 32 to 512.
 */
edge: number, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "add_to", 
/**
 * The device.
 */
peer: string, 
/**
 * `/SHARE/PATH` or `/SHARE`.
 */
path: string, 
/**
 * What; no text.
 */
content: Content, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "get", 
/**
 * The device.
 */
peer: string, 
/**
 * The folder that holds it: `/SHARE/PATH` or `/SHARE`.
 */
path: string, 
/**
 * What of it, each whole; empty: the folder itself.
 */
names: Array<string>, 
/**
 * The folder to put it in; none: the inbox.
 */
into?: string, 
/**
 * Only files whose path or name fits one of these globs; empty: all.
 */
only: Array<string>, 
/**
 * Replace what has the same name; the old one goes to the trash.
 */
replace: boolean, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "create_link", 
/**
 * What; no text.
 */
content: Content, 
/**
 * It is good only on the network around this device.
 */
lan_only: boolean, 
/**
 * Where else holders may be asked for: `udp://`, `http://` or `https://`.
 */
trackers: Array<string>, 
/**
 * It ends after so many seconds; none: when it is removed.
 */
expires_s?: number, } | { "request": "stop_link", 
/**
 * Which.
 */
making: number, } | { "request": "links" } | { "request": "remove_link", 
/**
 * Its id, or the beginning of it.
 */
id: string, } | { "request": "preview_link", 
/**
 * The link.
 */
link: string, } | { "request": "get_link", 
/**
 * The link.
 */
link: string, 
/**
 * The folder to put it in; none: the inbox.
 */
into?: string, 
/**
 * Only files whose path or name fits one of these globs; empty: all.
 */
only: Array<string>, 
/**
 * Replace what has the same name; the old one goes to the trash.
 */
replace: boolean, } | { "request": "settings" } | { "request": "set_settings", 
/**
 * What changes.
 */
change: SettingsChange, } | { "request": "health" } | { "request": "limits" } | { "request": "set_limits", 
/**
 * From now on, and after a restart.
 */
limits: Limits, } | { "request": "bench", 
/**
 * The device; none: only this one is measured.
 */
peer?: string, 
/**
 * Seconds.
 */
wait_s: number, } | { "request": "subscribe" };

/**
 * What is offered.
 */
export type Content = { "kind": "paths", 
/**
 * Absolute paths.
 */
paths: string[], } | { "kind": "text", 
/**
 * The text.
 */
text: string, };

/**
 * The answer to a [`Request`] that was done.
 */
export type Reply = { "reply": "done" } | { "reply": "identity" } & Identity | { "reply": "snapshot" } & Snapshot | { "reply": "devices", 
/**
 * The rows.
 */
devices: Array<Device>, } | { "reply": "device" } & Device | { "reply": "sas" } & Sas | { "reply": "transfers", 
/**
 * The rows.
 */
transfers: Array<Transfer>, } | { "reply": "offers", 
/**
 * The offers.
 */
offers: Array<Offer>, } | { "reply": "entries", 
/**
 * The page.
 */
entries: Array<Entry>, 
/**
 * Entries on all pages.
 */
total: number, } | { "reply": "own_shares", 
/**
 * The rows.
 */
shares: Array<OwnShare>, } | { "reply": "items", 
/**
 * The page.
 */
items: Array<Item>, 
/**
 * Items on all pages.
 */
total: number, 
/**
 * The state that it shows: pages of one state fit together. Not a number to reckon with.
 */
revision: string, } | { "reply": "risks", 
/**
 * The worst first.
 */
risks: Array<ShareRisk>, } | { "reply": "watching", 
/**
 * Its number.
 */
watch: number, } | { "reply": "bytes", 
/**
 * Of the whole file, in bytes.
 */
size: number, 
/**
 * The version that they are of: two answers with another one do not fit together.
 */
version: string, 
/**
 * The bytes.
 */
data: string, } | { "reply": "thumbnail", 
/**
 * `image/jpeg` or `image/png`; none: there is no picture of this.
 */
content_type?: string, 
/**
 * The file.
 */
data: string, } | { "reply": "searching", 
/**
 * Its number.
 */
search: number, 
/**
 * Ids of the devices that are searched.
 */
peers: Array<string>, } | { "reply": "making_link", 
/**
 * The number of its making.
 */
making: number, } | { "reply": "links", 
/**
 * The links.
 */
links: Array<OwnLink>, } | { "reply": "settings" } & Settings | { "reply": "health", 
/**
 * What was found, the worst first.
 */
notes: Array<HealthNote>, } | { "reply": "limits" } & Limits | { "reply": "bench" } & Bench;

/**
 * A change. The first field of its JSON is `event`.
 */
export type Event = { "event": "ready", 
/**
 * Own id.
 */
id: string, 
/**
 * Own name.
 */
name: string, 
/**
 * `ip:port` at which others reach this device.
 */
addresses: Array<string>, 
/**
 * The link that opens the UI in a browser, once; when it was asked for.
 */
web?: string, 
/**
 * SHA-256 of the certificate that a browser shows behind that link, when it is not on loopback.
 */
web_fingerprint?: string, } | { "event": "device" } & Device | { "event": "device_gone", 
/**
 * Which.
 */
id: string, } | { "event": "offered", 
/**
 * Id of the other end.
 */
peer: string, 
/**
 * Its id, the same on both ends.
 */
transfer: string, 
/**
 * Which way.
 */
direction: Direction, 
/**
 * Ids of the other ends.
 */
peers: Array<string>, 
/**
 * Their names, in the same order; safe to print.
 */
peer_names: Array<string>, 
/**
 * The offer's name; safe to print.
 */
name: string, 
/**
 * Its files are added to a share of the receiver's, unasked: the share's name and the folder in it; safe to print.
 */
added_to?: string, 
/**
 * Where it stands.
 */
state: State, 
/**
 * Files wanted.
 */
files: number, 
/**
 * Files in place.
 */
files_done: number, 
/**
 * Files that failed.
 */
files_failed: number, 
/**
 * Bytes wanted.
 */
bytes: number, 
/**
 * Bytes in place or verified.
 */
bytes_done: number, 
/**
 * Bytes that crossed the network.
 */
bytes_moved: number, 
/**
 * Bytes a second.
 */
rate: number, 
/**
 * Seconds left.
 */
eta_s?: number, 
/**
 * What stands in the way, or what ended it.
 */
error?: string, 
/**
 * The kind of `error`, where a front end can act on it or say it in another language.
 */
code?: Code, 
/**
 * It came in, and nobody has answered it yet.
 */
awaits_answer: boolean, 
/**
 * The text, when it is one; as the peer wrote it, so not safe to print.
 */
text?: string, 
/**
 * Where received files go.
 */
into?: string, 
/**
 * Free bytes there.
 */
free?: number, 
/**
 * The first few files of an offer by their paths; safe to print.
 */
first_names: Array<string>, 
/**
 * When it came to be, in seconds since 1970.
 */
started: number, 
/**
 * When it came into its state, in seconds since 1970.
 */
since: number, } | { "event": "transfer" } & Transfer | { "event": "progress", 
/**
 * Which.
 */
transfer: string, 
/**
 * Bytes in place or verified.
 */
bytes_done: number, 
/**
 * Bytes wanted.
 */
bytes: number, 
/**
 * Files in place.
 */
files_done: number, 
/**
 * Files wanted.
 */
files: number, 
/**
 * Bytes a second.
 */
rate: number, 
/**
 * Seconds left, when that can be said.
 */
eta_s: number | null, } | { "event": "finished", 
/**
 * Which.
 */
transfer: string, 
/**
 * Files in place.
 */
files: number, 
/**
 * Bytes in place.
 */
bytes: number, 
/**
 * Bytes that crossed the network.
 */
bytes_moved: number, 
/**
 * From consent to the end.
 */
seconds: number, 
/**
 * Files that failed all the same.
 */
files_failed: number, } | { "event": "interrupted", 
/**
 * Which.
 */
transfer: string, 
/**
 * Why.
 */
reason: string, } | { "event": "failed", 
/**
 * Which.
 */
transfer: string, 
/**
 * What happened and what to do.
 */
error: string, 
/**
 * What to act on.
 */
code: Code, 
/**
 * How it ended.
 */
state: State, } | { "event": "transfer_gone", 
/**
 * Which.
 */
transfer: string, } | { "event": "verifying", 
/**
 * Id of the other end.
 */
peer: string, 
/**
 * Six digits.
 */
sas_digits: string, 
/**
 * Seven emoji.
 */
sas_emoji: string, } | { "event": "found", 
/**
 * Which search.
 */
search: number, 
/**
 * What; never empty.
 */
found: Array<FoundItem>, } | { "event": "searched_peer", 
/**
 * Which search.
 */
search: number, 
/**
 * The device's id.
 */
peer: string, 
/**
 * There was more than was asked for.
 */
more: boolean, 
/**
 * It has looked through everything. Otherwise it is still reading its folders, or went away.
 */
complete: boolean, } | { "event": "searched", 
/**
 * Which.
 */
search: number, } | { "event": "folder_changed", 
/**
 * Which watch.
 */
watch: number, 
/**
 * The revision.
 */
revision: string, } | { "event": "watch_ended", 
/**
 * Which.
 */
watch: number, 
/**
 * The device is in reach and does not share the folder any more.
 */
gone: boolean, } | { "event": "making_link", 
/**
 * Which making.
 */
making: number, 
/**
 * Bytes looked at.
 */
bytes_done: number, 
/**
 * Bytes in all.
 */
bytes: number, } | { "event": "link_made", 
/**
 * Which making.
 */
making: number, 
/**
 * To name it by; it says nothing of the link.
 */
id: string, 
/**
 * What is handed on, with the addresses of now.
 */
link: string, 
/**
 * BLAKE3 of the list of files, in which each has its own.
 */
root: string, 
/**
 * The first file's or folder's name, safe to print.
 */
name: string, 
/**
 * Files.
 */
files: number, 
/**
 * Their size in bytes.
 */
bytes: number, 
/**
 * Where they are, safe to print.
 */
paths: Array<string>, 
/**
 * It is good only on the network around this device.
 */
lan_only: boolean, 
/**
 * Where else holders may be asked for.
 */
trackers: Array<string>, 
/**
 * When it was made, in seconds since 1970.
 */
created: number, 
/**
 * When it ends, in seconds since 1970; none: when it is removed.
 */
expires?: number, 
/**
 * How often somebody took something.
 */
used: number, 
/**
 * Somebody wanted a file that is gone or changed since; that one is not given any more.
 */
outdated: boolean, } | { "event": "link_failed", 
/**
 * Which making.
 */
making: number, 
/**
 * What happened and what to do.
 */
error: string, } | { "event": "links_changed" } | { "event": "settings" } & Settings | { "event": "lagged" } | { "event": "snapshot" } & Snapshot;

/**
 * A request that was not done.
 */
export type Failure = { 
/**
 * What to act on.
 */
code: Code, 
/**
 * One sentence: what happened and what to do.
 */
message: string, };

/**
 * What a front end acts on. Each is an exit code of the command; everything else is [`Code::Failed`].
 */
export type Code = "failed" | "usage" | "peer_not_found" | "declined" | "interrupted" | "verification_failed" | "no_space";

/**
 * Everything at one moment.
 */
export type Snapshot = { 
/**
 * This device.
 */
identity: Identity, 
/**
 * Devices known and in reach.
 */
devices: Array<Device>, 
/**
 * Transfers that are not over, and the recent ones that are.
 */
transfers: Array<Transfer>, 
/**
 * Limits in force.
 */
limits: Limits, };

/**
 * This device.
 */
export type Identity = { 
/**
 * Its id.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * `ip:port` at which others reach it.
 */
addresses: Array<string>, 
/**
 * What adds this device elsewhere, typed or scanned: a [`PeerLink`].
 */
link: string, 
/**
 * Where accepted files go by default.
 */
inbox: string, };

/**
 * One device.
 */
export type Device = { 
/**
 * Its id.
 */
id: string, 
/**
 * What it calls itself; safe to print.
 */
name: string, 
/**
 * Its standing here.
 */
trust: Trust, 
/**
 * Bytes in 24 hours that are accepted from it without asking; none: each offer is asked about.
 */
accepts?: number, 
/**
 * It is there now.
 */
online: boolean, 
/**
 * Ways to reach it.
 */
paths: Array<DevicePath>, 
/**
 * Round trip of the live connection, in milliseconds.
 */
rtt_ms?: number, 
/**
 * What it runs, if it said so.
 */
platform?: Platform, 
/**
 * The colour that its owner chose, an index of the palette, 0 to 11; null: derived from its id.
 */
colour: number | null, };

/**
 * One way to reach a device.
 */
export type DevicePath = { 
/**
 * How it became known.
 */
via: Via, 
/**
 * `ip:port`.
 */
address: string, };

/**
 * What this device's owner thinks of another.
 */
export type Trust = "stranger" | "known" | "verified" | "blocked";

/**
 * How an address became known.
 */
export type Via = "mdns" | "manual" | "remembered";

/**
 * The family of system that a device runs.
 */
export type Platform = "linux" | "windows" | "macos";

/**
 * What both screens must show.
 */
export type Sas = { 
/**
 * Six digits.
 */
sas_digits: string, 
/**
 * Seven emoji.
 */
sas_emoji: string, };

/**
 * One transfer.
 */
export type Transfer = { 
/**
 * Its id, the same on both ends.
 */
transfer: string, 
/**
 * Which way.
 */
direction: Direction, 
/**
 * Ids of the other ends.
 */
peers: Array<string>, 
/**
 * Their names, in the same order; safe to print.
 */
peer_names: Array<string>, 
/**
 * The offer's name; safe to print.
 */
name: string, 
/**
 * Its files are added to a share of the receiver's, unasked: the share's name and the folder in it; safe to print.
 */
added_to?: string, 
/**
 * Where it stands.
 */
state: State, 
/**
 * Files wanted.
 */
files: number, 
/**
 * Files in place.
 */
files_done: number, 
/**
 * Files that failed.
 */
files_failed: number, 
/**
 * Bytes wanted.
 */
bytes: number, 
/**
 * Bytes in place or verified.
 */
bytes_done: number, 
/**
 * Bytes that crossed the network.
 */
bytes_moved: number, 
/**
 * Bytes a second.
 */
rate: number, 
/**
 * Seconds left.
 */
eta_s?: number, 
/**
 * What stands in the way, or what ended it.
 */
error?: string, 
/**
 * The kind of `error`, where a front end can act on it or say it in another language.
 */
code?: Code, 
/**
 * It came in, and nobody has answered it yet.
 */
awaits_answer: boolean, 
/**
 * The text, when it is one; as the peer wrote it, so not safe to print.
 */
text?: string, 
/**
 * Where received files go.
 */
into?: string, 
/**
 * Free bytes there.
 */
free?: number, 
/**
 * The first few files of an offer by their paths; safe to print.
 */
first_names: Array<string>, 
/**
 * When it came to be, in seconds since 1970.
 */
started: number, 
/**
 * When it came into its state, in seconds since 1970.
 */
since: number, };

/**
 * Which way content flows.
 */
export type Direction = "send" | "receive" | "fetch";

/**
 * Where a transfer stands.
 */
export type State = "waiting" | "active" | "paused" | "interrupted" | "finished" | "failed" | "cancelled" | "declined";

/**
 * An offer that waits for an answer.
 */
export type Offer = { 
/**
 * The transfer that it becomes.
 */
offer: string, 
/**
 * Id of the sender.
 */
from: string, 
/**
 * The sender's name; safe to print.
 */
from_name: string, 
/**
 * What it is called; safe to print.
 */
name: string, 
/**
 * Files offered.
 */
files: number, 
/**
 * Their size.
 */
bytes: number, 
/**
 * The text, when it is one; not safe to print.
 */
text?: string, };

/**
 * A file or folder of a transfer.
 */
export type Entry = { 
/**
 * Its number in the transfer.
 */
index: number, 
/**
 * It and everything below it are the entries from `index` to just before this.
 */
end: number, 
/**
 * Its name; safe to print.
 */
name: string, 
/**
 * The path of the folder that it is in, empty at the top; safe to print.
 */
path: string, 
/**
 * It is a folder.
 */
folder: boolean, 
/**
 * Files in it that are wanted, or all of them if none is; 1 for a file.
 */
files: number, 
/**
 * Their size.
 */
bytes: number, 
/**
 * Bytes in place or verified; sending: given to the receiver.
 */
bytes_done: number, 
/**
 * Where it stands.
 */
state: EntryState, 
/**
 * Why it failed: one sentence.
 */
error?: string, };

/**
 * Entries from `start` to just before `end`.
 */
export type EntryRange = { 
/**
 * The first.
 */
start: number, 
/**
 * The one after the last.
 */
end: number, };

/**
 * Where one file stands; of a folder, what is most urgent in it: `active` (also: some done and some waiting), `failed`, `waiting`,
 * `done`, `left_out`.
 */
export type EntryState = "waiting" | "active" | "done" | "failed" | "left_out";

/**
 * The settings in force.
 */
export type Settings = { 
/**
 * What others see.
 */
name: string, 
/**
 * Where accepted files go by default.
 */
inbox: string, 
/**
 * Who is accepted without a question.
 */
accept: Accept, 
/**
 * Announced on the network, so that others find this device by themselves. Not while `shoal serve --no-mdns` runs. Devices that
 * this one looks at see it all the same, while they are connected.
 */
discoverable: boolean, 
/**
 * The host's network interfaces, those that are up or switched off here.
 */
interfaces: Array<Interface>, 
/**
 * Limits in force.
 */
limits: Limits, 
/**
 * How this device looks on every screen: index of the palette, 0 to 11; null: derived from its key.
 */
colour: number | null, };

/**
 * What changes; what is left out stays.
 */
export type SettingsChange = { 
/**
 * What others see; empty: the host's name.
 */
name?: string, 
/**
 * Where accepted files go by default. Names a path: [`crate::Request::names_a_path`].
 */
inbox?: string, 
/**
 * Who is accepted without a question.
 */
accept?: Accept, 
/**
 * Announced on the network.
 */
discoverable?: boolean, 
/**
 * Names of the interfaces that are not used, all of them; every other one is.
 */
interfaces_off?: Array<string>, 
/**
 * Index of the palette, 0 to 11; null: derived from the key.
 */
colour?: number | null, };

/**
 * Who is accepted without a question.
 */
export type Accept = "ask" | "verified" | "all";

/**
 * A network interface.
 */
export type Interface = { 
/**
 * What the system calls it.
 */
name: string, 
/**
 * Its addresses, without ports; none when it is down.
 */
addresses: Array<string>, 
/**
 * Devices are looked for and talked to on it.
 */
used: boolean, };

/**
 * One thing that may be wrong.
 */
export type HealthNote = { 
/**
 * What.
 */
code: HealthCode, 
/**
 * What it is about: what the system said, a folder, interfaces or an amount.
 */
detail?: string, };

/**
 * What a front end translates.
 */
export type HealthCode = "no_network" | "interfaces_off" | "only_link_local" | "vpn_only" | "mdns_unavailable" | "mdns_off" | "not_discoverable" | "inbox_not_writable" | "little_space" | "socket_buffers_small";

/**
 * Limits in bytes a second; none: no limit.
 */
export type Limits = { 
/**
 * What leaves.
 */
up: number | null, 
/**
 * What arrives.
 */
down: number | null, };

/**
 * Figures and what they mean.
 */
export type Bench = { 
/**
 * The figures.
 */
measures: Array<Measure>, 
/**
 * What is slowest.
 */
limit: Limit, };

/**
 * One figure.
 */
export type Measure = { 
/**
 * Its name: `disk_write`, `disk_read`, `small_files`, `encrypt_and_hash`, `hash_one_core`, `hash_all_cores`, `round_trip`,
 * `to_peer`, `from_peer`, `processor_while_sending`.
 */
measure: string, 
/**
 * How much.
 */
value: number, 
/**
 * Of what: `B/s`, `files/s`, `ms`, `cores`.
 */
unit: string, };

/**
 * What limits a transfer.
 */
export type Limit = { 
/**
 * Always `limit`.
 */
measure: string, 
/**
 * What it leaves.
 */
value: number, 
/**
 * Always `B/s`.
 */
unit: string, 
/**
 * What it is.
 */
limit: Bottleneck, 
/**
 * That, and what would help, for people.
 */
sentence: string, };

/**
 * What a transfer waits for.
 */
export type Bottleneck = "network" | "processor" | "disk" | "hashing";

/**
 * A folder that this device shares.
 */
export type OwnShare = { 
/**
 * What others see.
 */
share: string, 
/**
 * Where it is.
 */
path: string, 
/**
 * `everyone`, `known` or `verified`; or ids of devices.
 */
for: Array<string>, 
/**
 * They may add files.
 */
write: boolean, 
/**
 * Files in it, as far as it was read.
 */
files: number, 
/**
 * Their size in bytes.
 */
bytes: number, 
/**
 * Everything was read.
 */
indexed: boolean, 
/**
 * For nobody, for the time being.
 */
paused: boolean, 
/**
 * Hidden and system files are shared, too.
 */
hidden: boolean, 
/**
 * Patterns of what is not shared, as in a `.gitignore`.
 */
ignore: Array<string>, 
/**
 * The folder is there now: drives come and go.
 */
there: boolean, 
/**
 * Why sharing it may be unwise.
 */
risks: Array<ShareRisk>, };

/**
 * What is to be another with an own share; what is not named stays.
 */
export type ShareChange = { 
/**
 * What others see.
 */
name?: string, 
/**
 * `everyone`, `known` or `verified`; or devices.
 */
for?: Array<string>, 
/**
 * They may add files.
 */
write?: boolean, 
/**
 * For nobody, for the time being.
 */
paused?: boolean, 
/**
 * Hidden and system files are shared, too.
 */
hidden?: boolean, 
/**
 * Patterns of what is not shared.
 */
ignore?: Array<string>, };

/**
 * Why sharing a folder may be unwise.
 */
export type ShareRisk = { 
/**
 * For programs.
 */
code: RiskCode, 
/**
 * For people: one sentence.
 */
message: string, };

/**
 * Why sharing a folder may be unwise, for programs.
 */
export type RiskCode = "drive" | "home" | "keys" | "system" | "strangers_add";

/**
 * What a file holds, as people sort files.
 */
export type MediaKind = "image" | "video" | "audio" | "document";

/**
 * What a search is for.
 */
export type SearchKind = "file" | "folder" | "image" | "video" | "audio" | "document";

/**
 * Something in a shared folder, or a share itself.
 */
export type Item = { 
/**
 * Its name, to ask by; not safe to print.
 */
name: string, 
/**
 * The name, safe to print.
 */
shown: string, 
/**
 * What it is.
 */
kind: ItemSort, 
/**
 * In bytes; of a folder, all that is in it. None: not known yet.
 */
size: number | null, 
/**
 * Files in a folder, with all below it; none: not known yet.
 */
files?: number, 
/**
 * When it was changed, in seconds since 1970; none for a share.
 */
modified: number | null, 
/**
 * A file's BLAKE3 hash, when its owner knows it.
 */
blake3?: string, 
/**
 * Files may be added to this share.
 */
write?: boolean, 
/**
 * What a file holds, by its name.
 */
media?: MediaKind, };

/**
 * What an item is.
 */
export type ItemSort = "share" | "folder" | "file";

/**
 * By what a folder is sorted.
 */
export type SortBy = "name" | "size" | "modified";

/**
 * What a search found, in one piece.
 */
export type FoundItem = { 
/**
 * The device's id.
 */
peer: string, 
/**
 * Its name, safe to print.
 */
peer_name: string, 
/**
 * `/SHARE/PATH`, to ask by; not safe to print.
 */
path: string, 
/**
 * The path, safe to print.
 */
shown: string, 
/**
 * What it is.
 */
kind: ItemSort, 
/**
 * In bytes; none: not known.
 */
size: number | null, 
/**
 * When it was changed, in seconds since 1970.
 */
modified: number, 
/**
 * A file's BLAKE3 hash, when its owner knows it: the same hash is the same content.
 */
blake3?: string, 
/**
 * What a file holds, by its name.
 */
media?: MediaKind, };

/**
 * A link that this device made.
 */
export type OwnLink = { 
/**
 * To name it by; it says nothing of the link.
 */
id: string, 
/**
 * What is handed on, with the addresses of now.
 */
link: string, 
/**
 * BLAKE3 of the list of files, in which each has its own.
 */
root: string, 
/**
 * The first file's or folder's name, safe to print.
 */
name: string, 
/**
 * Files.
 */
files: number, 
/**
 * Their size in bytes.
 */
bytes: number, 
/**
 * Where they are, safe to print.
 */
paths: Array<string>, 
/**
 * It is good only on the network around this device.
 */
lan_only: boolean, 
/**
 * Where else holders may be asked for.
 */
trackers: Array<string>, 
/**
 * When it was made, in seconds since 1970.
 */
created: number, 
/**
 * When it ends, in seconds since 1970; none: when it is removed.
 */
expires?: number, 
/**
 * How often somebody took something.
 */
used: number, 
/**
 * Somebody wanted a file that is gone or changed since; that one is not given any more.
 */
outdated: boolean, };
