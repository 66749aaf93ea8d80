//! Two engines on loopback: what one sets is heard by its own front ends, by the other device, and after a restart.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{Device, Events};
use std::{net::Ipv4Addr, time::Duration};
use tempfile::TempDir;

async fn start(folder: &TempDir) -> Engine {
    let listen = Some(Ipv4Addr::LOCALHOST.into());
    Engine::start(Config { listen, port: Some(0), mdns: false, ..Config::new(folder.path()) }).await.unwrap()
}

async fn heard<T>(events: &mut Events, mut fits: impl FnMut(Event) -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = fits(events.next().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap()
}

async fn settings_heard(events: &mut Events) -> Settings {
    heard(events, |event| if let Event::Settings(settings) = event { Some(settings) } else { None }).await
}

async fn row_heard(events: &mut Events, of: &Engine, fits: impl Fn(&Device) -> bool) {
    heard(events, |event| matches!(event, Event::Device(row) if row.id == of.id() && fits(&row)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_colour_are_heard_by_every_front_end_and_device_and_kept() {
    let (ann_folder, ben_folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (ann, ben) = (start(&ann_folder).await, start(&ben_folder).await);
    let (mut own, mut other_window, mut at_ben) = (ann.events(), ann.events(), ben.events());
    let link = format!("shoal:peer/{}?at={}", ben.id(), ben.addresses()[0]);
    let ben_id = ann.find(&link, Duration::from_secs(5)).await.unwrap();
    assert_eq!(ann.inner.links.get(ben_id).await.unwrap().peer(), ben.id());
    row_heard(&mut at_ben, &ann, |row| row.online && row.colour.is_none()).await;
    ben.set_trust(ann.id(), crate::Trust::Known).await.unwrap();

    let change = SettingsChange { name: Some("Ann".into()), colour: Some(Some(11)), ..SettingsChange::default() };
    ann.set_settings(change).await.unwrap();
    for events in [&mut own, &mut other_window] {
        let settings = settings_heard(events).await;
        assert_eq!((settings.name.as_str(), settings.colour), ("Ann", Colour::new(11)));
        assert_eq!(settings, ann.settings().await);
    }
    row_heard(&mut at_ben, &ann, |row| row.name == "Ann" && row.colour == Colour::new(11)).await;

    let refused = ann.set_settings(SettingsChange { colour: Some(Some(Colour::COUNT)), ..SettingsChange::default() }).await;
    assert!(matches!(refused, Err(SettingsError::Colour { index: Colour::COUNT })));
    ann.set_settings(SettingsChange::default()).await.unwrap();
    assert_eq!(settings_heard(&mut own).await.colour, Colour::new(11), "what is left out stays");

    ann.shutdown().await;
    ben.shutdown().await;
    drop((ann, ben, own, other_window, at_ben));
    let (ann, ben) = (start(&ann_folder).await, start(&ben_folder).await);
    assert_eq!((ann.name(), ann.settings().await.colour), ("Ann".into(), Colour::new(11)));
    let known = ben.devices().into_iter().find(|row| row.id == ann.id()).unwrap();
    assert_eq!((known.online, known.colour), (false, Colour::new(11)), "as it was last");
    ann.set_settings(SettingsChange { colour: Some(None), ..SettingsChange::default() }).await.unwrap();
    assert_eq!(ann.settings().await.colour, None);
    ann.shutdown().await;
    ben.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_settings_that_front_ends_hear_of() {
    let folder = TempDir::new().unwrap();
    let engine = start(&folder).await;
    let mut events = engine.events();
    let limits = Limits { up: Some(1000), down: None };
    engine.set_limits(limits).await.unwrap();
    assert_eq!(settings_heard(&mut events).await.limits, limits);
    engine.shutdown().await;
}
