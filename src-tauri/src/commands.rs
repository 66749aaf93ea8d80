//! What the page can ask of the shell: each command parses, makes one call and maps the error.

use crate::{
    ask,
    engine::Engine,
    handles::{Handle, Handles},
    media::{Media, Places},
    page::{Drag, Ear},
    stream::{Batch, Streams},
    words,
};
use serde_json::Value;
use shoal_api::{Code, Failure, Reply, Request, SettingsChange, Transfer};
use std::{
    fmt,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tauri::{AppHandle, State, WebviewWindow, ipc::Channel};
use tauri_plugin_autostart::ManagerExt;
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tauri_plugin_opener::OpenerExt;
use tokio::sync::oneshot;

/// The system's clipboard, opened when it is first used: on X11 what was copied lives as long as this.
#[derive(Default)]
pub(crate) struct Clipboard(Mutex<Option<arboard::Clipboard>>);

/// What was on the clipboard.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Pasted {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    handles: Vec<Handle>,
}

/// Has a request done by the engine.
#[tauri::command]
pub(crate) async fn request(
    engine: State<'_, Arc<Engine>>,
    handles: State<'_, Handles>,
    request: Value,
) -> Result<Reply, Failure> {
    let request = ask::translate(request, &handles)?;
    engine.request(request).await
}

/// Events in batches, each to be answered with [`heard`]; returns the stream's number.
#[tauri::command]
pub(crate) async fn subscribe(
    engine: State<'_, Arc<Engine>>,
    streams: State<'_, Streams>,
    channel: Channel<Batch>,
) -> Result<u32, Failure> {
    streams.start(engine.inner().clone(), channel)
}

/// The page has dealt with a batch.
#[tauri::command]
pub(crate) async fn heard(streams: State<'_, Streams>, stream: u32) -> Result<(), Failure> {
    streams.heard(stream);
    Ok(())
}

/// Ends a stream.
#[tauri::command]
pub(crate) async fn unsubscribe(streams: State<'_, Streams>, stream: u32) -> Result<(), Failure> {
    streams.end(stream);
    Ok(())
}

/// Where drops go from now on.
#[tauri::command]
pub(crate) async fn attend(ear: State<'_, Ear>, channel: Channel<Drag>) -> Result<(), Failure> {
    ear.attend(channel);
    Ok(())
}

/// The language that the page speaks from now on: tray and notifications speak it too.
#[tauri::command]
pub(crate) async fn speak(app: AppHandle, language: String) -> Result<(), Failure> {
    words::speak(&app, &language);
    Ok(())
}

/// Files from a dialog; none when the person thought better of it.
#[tauri::command]
pub(crate) async fn choose_files(window: WebviewWindow, handles: State<'_, Handles>) -> Result<Vec<Handle>, Failure> {
    let (sender, chosen) = oneshot::channel();
    dialog(&window).pick_files(move |files| _ = sender.send(files));
    handles.to_send(paths(chosen.await.ok().flatten().unwrap_or_default()))
}

/// Folders from a dialog.
#[tauri::command]
pub(crate) async fn choose_folder(window: WebviewWindow, handles: State<'_, Handles>) -> Result<Vec<Handle>, Failure> {
    let (sender, chosen) = oneshot::channel();
    dialog(&window).pick_folders(move |folders| _ = sender.send(folders));
    handles.to_send(paths(chosen.await.ok().flatten().unwrap_or_default()))
}

/// Asks for a new inbox and sets it.
#[tauri::command]
pub(crate) async fn choose_inbox(window: WebviewWindow, engine: State<'_, Arc<Engine>>) -> Result<(), Failure> {
    let Some(folder) = folder(&window).await else { return Ok(()) };
    let change = SettingsChange { inbox: Some(folder), ..SettingsChange::default() };
    engine.request(Request::SetSettings { change }).await.map(|_| ())
}

/// Asks for a folder that one offer is to go into; empty when the person thought better of it.
#[tauri::command]
pub(crate) async fn choose_folder_for(
    window: WebviewWindow,
    handles: State<'_, Handles>,
    transfer: String,
) -> Result<String, Failure> {
    Ok(folder(&window).await.map(|folder| handles.to_receive(folder, transfer)).unwrap_or_default())
}

/// Asks for a folder that something is to be fetched into; empty when the person thought better of it.
#[tauri::command]
pub(crate) async fn choose_folder_to_fetch(window: WebviewWindow, handles: State<'_, Handles>) -> Result<String, Failure> {
    Ok(folder(&window).await.map(|folder| handles.to_fetch(folder)).unwrap_or_default())
}

/// Where the page finds files that devices share.
#[tauri::command]
pub(crate) async fn media_places(media: State<'_, Media>) -> Result<Places, Failure> {
    Ok(media.places())
}

/// Shows what was received in the file manager.
#[tauri::command]
pub(crate) async fn reveal(app: AppHandle, engine: State<'_, Arc<Engine>>, transfer: String) -> Result<(), Failure> {
    let Reply::Transfers { transfers } = engine.request(Request::FindTransfer { transfer }).await? else {
        return Err(Failure::new(Code::Failed, "the running Shoal is of another version than this window: restart it"));
    };
    let place = transfers.first().and_then(place).ok_or_else(|| Failure::new(Code::Failed, "there is nothing to show of it"))?;
    let shown = tauri::async_runtime::spawn_blocking(move || match place {
        Place::Item(path) => app.opener().reveal_item_in_dir(path),
        Place::Folder(path) => app.opener().open_path(path.to_string_lossy(), None::<&str>),
    });
    shown.await.map_err(failed)?.map_err(failed)
}

/// Puts a text on the clipboard.
#[tauri::command]
pub(crate) fn copy(clipboard: State<'_, Clipboard>, text: String) -> Result<(), Failure> {
    clipboard.with(|clipboard| clipboard.set_text(text)).map_err(failed)
}

/// What is on the clipboard: files before text, since file managers put both there.
#[tauri::command]
pub(crate) fn read_clipboard(clipboard: State<'_, Clipboard>, handles: State<'_, Handles>) -> Result<Pasted, Failure> {
    let files = clipboard.with(|clipboard| clipboard.get().file_list()).unwrap_or_default();
    let handles = handles.to_send(files)?;
    let text = if handles.is_empty() { clipboard.with(arboard::Clipboard::get_text).ok() } else { None };
    Ok(Pasted { text, handles })
}

/// Whether Shoal starts with the system.
#[tauri::command]
pub(crate) async fn autostart(app: AppHandle) -> Result<bool, Failure> {
    app.autolaunch().is_enabled().map_err(failed)
}

/// Has Shoal start with the system, in the tray, or not.
#[tauri::command]
pub(crate) async fn set_autostart(app: AppHandle, on: bool) -> Result<(), Failure> {
    let autostart = app.autolaunch();
    if on { autostart.enable() } else { autostart.disable() }.map_err(failed)
}

impl Clipboard {
    fn with<T>(&self, work: impl FnOnce(&mut arboard::Clipboard) -> Result<T, arboard::Error>) -> Result<T, arboard::Error> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let clipboard = match held.take() {
            Some(clipboard) => held.insert(clipboard),
            None => held.insert(arboard::Clipboard::new()?),
        };
        work(clipboard)
    }
}

impl fmt::Debug for Clipboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clipboard")
    }
}

/// What a file manager is to show.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Item(PathBuf),
    Folder(PathBuf),
}

/// The received file or folder itself where it is under the name shown, else the folder that it went into.
fn place(row: &Transfer) -> Option<Place> {
    let folder = row.into.clone()?;
    let mut parts = Path::new(&row.name).components();
    if let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) {
        let item = folder.join(name);
        if item.symlink_metadata().is_ok() {
            return Some(Place::Item(item));
        }
    }
    Some(Place::Folder(folder))
}

fn dialog(window: &WebviewWindow) -> FileDialogBuilder<tauri::Wry> {
    window.dialog().file().set_parent(window)
}

async fn folder(window: &WebviewWindow) -> Option<PathBuf> {
    let (sender, chosen) = oneshot::channel();
    dialog(window).pick_folder(move |folder| _ = sender.send(folder));
    paths(chosen.await.ok().flatten()).into_iter().next()
}

fn paths(chosen: impl IntoIterator<Item = FilePath>) -> Vec<PathBuf> {
    chosen.into_iter().filter_map(|path| path.into_path().ok()).collect()
}

fn failed(error: impl fmt::Display) -> Failure {
    Failure::new(Code::Failed, error)
}
