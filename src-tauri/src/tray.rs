//! The icon in the tray: says whether something moves, and does what needs no window.

use crate::{
    engine::Engine,
    page,
    table::{Summary, Table},
    window, words,
};
use shoal_api::{Request, State};
use std::sync::{Arc, Mutex, PoisonError};
use tauri::{
    AppHandle, Manager, Theme,
    image::Image,
    menu::{Menu, MenuEvent, MenuItem, PredefinedMenuItem},
    tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent},
};
use tauri_plugin_dialog::DialogExt;

const ID: &str = "shoal";

/// The parts that change.
pub(crate) struct Tray {
    status: MenuItem<tauri::Wry>,
    named: Vec<(MenuItem<tauri::Wry>, words::Word)>,
    shown: Mutex<Summary>,
}

/// Makes the icon.
pub(crate) fn make(app: &AppHandle) -> tauri::Result<()> {
    let words = words::of(app);
    let item = |id: &str, name: words::Word| MenuItem::with_id(app, id, name(words), true, None::<&str>);
    let status = MenuItem::with_id(app, "status", words.nothing_moves, false, None::<&str>)?;
    let names: [(&str, words::Word); 5] = [
        ("open", |words| words.open),
        ("send", |words| words.send_files),
        ("pause", |words| words.pause_all),
        ("resume", |words| words.resume_all),
        ("quit", |words| words.quit),
    ];
    let mut named = Vec::new();
    for (id, name) in names {
        named.push((item(id, name)?, name));
    }
    let menu = Menu::with_items(app, &[&status, &PredefinedMenuItem::separator(app)?])?;
    for (item, _) in &named {
        menu.append(item)?;
    }
    TrayIconBuilder::with_id(ID)
        .icon(icon(app)?)
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip("Shoal")
        .menu(&menu)
        .show_menu_on_left_click(false)
        .on_menu_event(pressed)
        .on_tray_icon_event(|tray, event| {
            let left =
                matches!(event, TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. });
            if left {
                window::show(tray.app_handle());
            }
        })
        .build(app)?;
    app.manage(Tray { status, named, shown: Mutex::default() });
    Ok(())
}

/// Shows what moves.
pub(crate) fn update(app: &AppHandle, summary: Summary) {
    let Some(tray) = app.try_state::<Tray>() else { return };
    let changed = {
        let mut shown = tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *shown, summary).moving != summary.moving
    };
    if changed {
        tell(app, &tray, summary);
    }
}

/// Says everything again in the language in use.
pub(crate) fn translate(app: &AppHandle) {
    let Some(tray) = app.try_state::<Tray>() else { return };
    let words = words::of(app);
    for (item, name) in &tray.named {
        log(item.set_text(name(words)));
    }
    let shown = *tray.shown.lock().unwrap_or_else(PoisonError::into_inner);
    tell(app, &tray, shown);
}

/// Follows a panel that became dark or light.
pub(crate) fn recolour(app: &AppHandle) {
    if let (Some(tray), Ok(icon)) = (app.tray_by_id(ID), icon(app)) {
        log(tray.set_icon(Some(icon)));
    }
}

fn tell(app: &AppHandle, tray: &Tray, summary: Summary) {
    let words = words::of(app);
    let status = match summary.moving {
        0 => words.nothing_moves.to_owned(),
        1 => words.one_moves.to_owned(),
        many => words.many_move.replace("{}", &many.to_string()),
    };
    log(tray.status.set_text(&status));
    if let Some(icon) = app.tray_by_id(ID) {
        log(icon.set_tooltip(Some(format!("Shoal: {status}"))));
    }
}

/// Panels on Linux are dark where nothing else is known; macOS colours the shape itself.
fn icon(app: &AppHandle) -> tauri::Result<Image<'static>> {
    let dark_panel = match window::theme(app) {
        Some(Theme::Light) => cfg!(target_os = "linux"),
        _ => true,
    };
    let bytes: &[u8] = if dark_panel && !cfg!(target_os = "macos") {
        include_bytes!("../../icons/generated/tray-light.png")
    } else {
        include_bytes!("../../icons/generated/tray-dark.png")
    };
    Image::from_bytes(bytes)
}

fn pressed(app: &AppHandle, event: MenuEvent) {
    match event.id().as_ref() {
        "open" => window::show(app),
        "send" => {
            let handle = app.clone();
            app.dialog().file().pick_files(move |files| {
                let paths: Vec<_> = files.unwrap_or_default().into_iter().filter_map(|path| path.into_path().ok()).collect();
                if !paths.is_empty() {
                    window::show(&handle);
                    page::came_in(&handle, paths);
                }
            });
        }
        "pause" => for_all(app, State::Active, |transfer| Request::Pause { transfer }),
        "resume" => for_all(app, State::Paused, |transfer| Request::Resume { transfer }),
        "quit" => app.exit(0),
        _ => {}
    }
}

fn for_all(app: &AppHandle, state: State, request: fn(String) -> Request) {
    let transfers = app.state::<Mutex<Table>>().lock().unwrap_or_else(PoisonError::into_inner).in_state(state);
    let engine = app.state::<Arc<Engine>>().inner().clone();
    tauri::async_runtime::spawn(async move {
        for transfer in transfers {
            if let Err(failure) = engine.request(request(transfer)).await {
                tracing::info!(%failure, "a transfer did not change");
            }
        }
    });
}

fn log(result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "the tray did not change");
    }
}
