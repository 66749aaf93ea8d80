//! The program from start to end.

use crate::{
    awake::Awake,
    commands::{self, Clipboard},
    engine::Engine,
    handles::Handles,
    media::{self, Media, Road},
    notices,
    options::Options,
    page::{self, Ear},
    stream::Streams,
    table::Table,
    tray,
    window::{self, DataDir},
    words::Language,
};
use shoal_api::{Config, Event, LinkText, Request, Thumbnailer, default_data_dir};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tauri::{AppHandle, Manager, RunEvent};

/// Seconds in which the device of a link must answer.
const LINK_SECONDS: u32 = 10;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Nowhere to keep data.
    #[error("this account has no folder for data: name one with --data-dir")]
    NoDataDir,
    /// The folder cannot be made.
    #[error("{} cannot be used: {reason}", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// No window, tray or web view.
    #[error(transparent)]
    Tauri(#[from] tauri::Error),
}

/// Runs until somebody quits.
pub(crate) fn run() -> Result<(), StartError> {
    let here = std::env::current_dir().unwrap_or_default();
    let options = Options::parse(std::env::args_os().skip(1), &here);
    let data_dir = options.data_dir.clone().or_else(data_dir).ok_or(StartError::NoDataDir)?;
    std::fs::create_dir_all(&data_dir).map_err(|reason| StartError::DataDir { path: data_dir.clone(), reason })?;
    let engine = Arc::new(Engine::new());
    let mut context = tauri::generate_context!();
    let media = Media::prepare(Road(engine.clone()), &mut context.config_mut().app.security.csp);
    let app = tauri::Builder::default()
        // First, so that a second start does nothing else.
        .plugin(tauri_plugin_single_instance::init(|app, words, folder| {
            let words = words.into_iter().skip(1).map(OsString::from);
            window::show(app);
            take(app, Options::parse(words, Path::new(&folder)));
        }))
        .plugin(tauri_plugin_autostart::Builder::new().app_name("Shoal").arg("--hidden").build())
        .plugin(tauri_plugin_dialog::init())
        // Without its script: links in the page stay where they are.
        .plugin(tauri_plugin_opener::Builder::new().open_js_links_on_click(false).build())
        .manage(engine)
        .manage(media)
        .manage(Handles::default())
        .manage(Streams::default())
        .manage(Ear::default())
        .manage(Clipboard::default())
        .manage(Mutex::new(Table::default()))
        .manage(Language::of_account())
        .manage(DataDir(data_dir.clone()))
        .invoke_handler(tauri::generate_handler![
            commands::request,
            commands::subscribe,
            commands::heard,
            commands::unsubscribe,
            commands::attend,
            commands::speak,
            commands::choose_files,
            commands::choose_folder,
            commands::choose_inbox,
            commands::choose_folder_for,
            commands::choose_folder_to_fetch,
            commands::media_places,
            commands::reveal,
            commands::copy,
            commands::read_clipboard,
            commands::autostart,
            commands::set_autostart,
        ])
        .register_asynchronous_uri_scheme_protocol(media::SCHEME, |asked, request, responder| {
            media::answer(asked.app_handle(), asked.webview_label(), request, responder);
        })
        .on_window_event(window::happened)
        .setup(move |app| {
            let app = app.handle();
            window::make(app, options.hidden, &data_dir)?;
            tray::make(app)?;
            app.state::<Media>().serve();
            let thumbnailer = Thumbnailer::this_program(shoal_thumbnail::ARGUMENT);
            let config = Config { thumbnailer, ..Config::new(data_dir) };
            Engine::keep(&app.state::<Arc<Engine>>(), config, hearer(app.clone()));
            end_on_signals(app.clone());
            take(app, options);
            Ok(())
        })
        .build(context)?;
    app.run(happened);
    Ok(())
}

/// `SHOAL_DATA_DIR`, as for the command line, else the platform's.
fn data_dir() -> Option<PathBuf> {
    std::env::var_os("SHOAL_DATA_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from).or_else(default_data_dir)
}

/// What a start hands over: files to send, links to open.
fn take(app: &AppHandle, options: Options) {
    page::came_in(app, options.files);
    for link in options.links {
        open(app, link);
    }
}

/// A link to a device: reaches it, and it shows up among the others. A link to files: what would come is shown as an offer, which waits for
/// a person to choose.
fn open(app: &AppHandle, link: String) {
    let app = app.clone();
    let engine = app.state::<Arc<Engine>>().inner().clone();
    tauri::async_runtime::spawn(async move {
        let request = if LinkText::is_one(&link) {
            Request::PreviewLink { link: LinkText(link) }
        } else {
            Request::Find { peer: link, wait_s: LINK_SECONDS }
        };
        if let Err(failure) = engine.request(request).await {
            notices::trouble(&app, &failure);
        }
    });
}

/// Keeps tray, notifications and wakefulness in step with the engine.
fn hearer(app: AppHandle) -> impl FnMut(Event) + Send {
    let awake = Awake::new();
    move |event| {
        let (row, summary) = {
            let table = app.state::<Mutex<Table>>();
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            (table.hear(&event), table.summary())
        };
        awake.set(summary.moving > 0);
        tray::update(&app, summary);
        notices::hear(&app, &event, row.as_ref());
    }
}

fn happened(app: &AppHandle, event: RunEvent) {
    match event {
        // Before the process ends: what the engine has verified is written down, and others are told that it goes.
        RunEvent::Exit => tauri::async_runtime::block_on(async {
            app.state::<Media>().close().await;
            app.state::<Arc<Engine>>().close().await;
        }),
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            window::show(app);
            take(app, opened(&urls));
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {}
    }
}

/// macOS hands over addresses, not words.
#[cfg(target_os = "macos")]
fn opened(urls: &[tauri::Url]) -> Options {
    Options::parse(urls.iter().map(|url| OsString::from(url.as_str())), Path::new("/"))
}

/// A log-out or `kill` ends Shoal as the tray does.
#[cfg(unix)]
fn end_on_signals(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};

    tauri::async_runtime::spawn(async move {
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else {
            tracing::warn!("signals cannot be heard");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
        app.exit(0);
    });
}

#[cfg(not(unix))]
fn end_on_signals(_: AppHandle) {}
