//! The one window: what it may load, and when it is shown and hidden.

use crate::{
    notices,
    page::{self, Ear},
    stream::Streams,
    tray,
};
use std::path::Path;
use tauri::{
    AppHandle, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window, WindowEvent,
    webview::{NewWindowResponse, PageLoadEvent},
};

/// Its label: `capabilities/main.json` names it.
pub(crate) const LABEL: &str = "main";

/// In the data folder, once it was said that closing the window does not end Shoal.
const TOLD: &str = "closing-told";

/// The data folder, where [`TOLD`] and what the web view keeps lie.
#[derive(Debug)]
pub(crate) struct DataDir(pub(crate) std::path::PathBuf);

/// Makes the window; hidden when Shoal starts with the system.
pub(crate) fn make(app: &AppHandle, hidden: bool, data_dir: &Path) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Shoal")
        .inner_size(1000.0, 680.0)
        .min_inner_size(360.0, 420.0)
        .visible(!hidden)
        .data_directory(data_dir.join("window"))
        .on_navigation(is_own)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_page_load(|window, load| {
            // A page that is loaded anew hears nothing of what the one before asked for.
            if load.event() == PageLoadEvent::Started {
                window.state::<Streams>().end_all();
                window.state::<Ear>().leave();
            }
        })
        .build()?;
    Ok(())
}

/// Whether an address is the UI's own. Nothing else is ever loaded, whatever a page asks for.
pub(crate) fn is_own(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        // What the web view of Windows calls the same.
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost") && url.port().is_none(),
        _ => false,
    }
}

/// What happens to the window.
pub(crate) fn happened(window: &Window, event: &WindowEvent) {
    let app = window.app_handle();
    match event {
        WindowEvent::CloseRequested { api, .. } => {
            // Whoever closes the window still wants to be found; the tray ends Shoal.
            api.prevent_close();
            log(window.hide());
            tell_once(app);
        }
        WindowEvent::DragDrop(event) => page::dragged(window, event),
        WindowEvent::ThemeChanged(_) => tray::recolour(app),
        _ => {}
    }
}

/// Brings the window before everything else.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = window(app) {
        log(window.unminimize());
        log(window.show());
        log(window.set_focus());
    }
}

/// Somebody sees what happens in it.
pub(crate) fn is_looked_at(app: &AppHandle) -> bool {
    window(app).is_some_and(|window| window.is_visible().unwrap_or(false) && window.is_focused().unwrap_or(false))
}

/// Light or dark, when that is known.
pub(crate) fn theme(app: &AppHandle) -> Option<Theme> {
    window(app).and_then(|window| window.theme().ok())
}

fn window(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(LABEL)
}

fn tell_once(app: &AppHandle) {
    let told = app.state::<DataDir>().0.join(TOLD);
    if told.exists() {
        return;
    }
    if let Err(error) = std::fs::write(&told, "") {
        tracing::info!(%error, "it will be told again that closing the window does not end Shoal");
    }
    notices::stays(app);
}

fn log(result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "the window did not change");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A link in a text from a peer, or a script that somebody slipped in, must not lead the window elsewhere.
    #[test]
    fn the_window_goes_nowhere_but_to_its_own_pages() {
        assert!(cfg!(windows) || is_own(&"tauri://localhost/index.html".parse().unwrap()));
        let elsewhere = [
            "https://example.org/",
            "http://localhost/",
            "tauri://evil/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
            "blob:tauri://localhost/x",
            "shoal:peer/x",
            "http://tauri.localhost.example.org/",
            "http://tauri.localhost:8080/",
            "about:blank",
        ];
        for url in elsewhere {
            assert!(!is_own(&url.parse().unwrap()), "{url}");
        }
    }
}
