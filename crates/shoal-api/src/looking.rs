//! Requests about shares: own ones, and those of others.

use crate::{
    Base64, Code, Failure, Reply, Request, ShareChange,
    handle::{find, known},
    request::Content,
    shares::{Item, OwnShare},
};
use shoal_engine::{
    self as engine, Access, Audience, Consent, Engine, FileVersion, List, Matching, Name, NewShare, Order, PeerId, RelativePath,
    Rights, Search, Share, SharedBytes, Text, Trust, Watch, shown,
};
use std::collections::BTreeSet;

/// Does what was asked.
pub(crate) async fn handle(engine: &Engine, request: Request) -> Result<Reply, Failure> {
    match request {
        Request::AddShare { path, name, audience, write, hidden, ignore } => {
            let audience = audience_of(engine, &audience).await?;
            let new = NewShare { path, name, audience, may_add: write, hidden, ignored: ignore };
            Ok(one(engine.add_share(new).await?))
        }
        Request::OwnShares => Ok(Reply::OwnShares { shares: engine.own_shares().await.into_iter().map(Into::into).collect() }),
        Request::ChangeShare { share, change } => {
            let ShareChange { name, audience, write, paused, hidden, ignore } = change;
            let audience = match audience {
                Some(audience) => Some(audience_of(engine, &audience).await?),
                None => None,
            };
            let change = engine::ShareChange { name, audience, may_add: write, paused, hidden, ignored: ignore };
            Ok(one(engine.change_share(&share, change).await?))
        }
        Request::RemoveShare { share } => {
            engine.remove_share(&share).await?;
            Ok(Reply::Done)
        }
        Request::Look { peer, path, offset, limit, sort, descending, find: filter, wait_s } => {
            let peer = find(engine, &peer, wait_s).await?;
            let Some((share, folder)) = place(engine, peer, &path).await? else {
                return shares(engine, peer).await;
            };
            let order = Order { by: sort.into(), descending };
            let list = List { share: share.id, folder, order, filter: text(&filter)?, offset, limit };
            let page = engine.list_share(peer, list).await?;
            let items = page.items.iter().cloned().map(Into::into).collect();
            Ok(Reply::Items { items, total: page.total, revision: page.revision.to_string() })
        }
        Request::Search { text: words, beginning, on, kind, min_size, max_size, since, until, limit, wait_s } => {
            let peers = searched(engine, &on, wait_s).await?;
            let search = Search {
                text: text(&words)?,
                matching: if beginning { Matching::Beginning } else { Matching::Anywhere },
                share: None,
                kind: kind.map(Into::into),
                min_size,
                max_size,
                since,
                until,
                limit,
            };
            let ids = peers.iter().map(PeerId::to_string).collect();
            Ok(Reply::Searching { search: engine.begin_search(peers, &search), peers: ids })
        }
        Request::StopSearch { search } => {
            engine.stop_search(search);
            Ok(Reply::Done)
        }
        Request::ReadShared { peer, path, offset, len, wait_s } => {
            let peer = find(engine, &peer, wait_s).await?;
            let (share, file) = file(&path)?;
            let SharedBytes { version, bytes } = engine.read_shared(peer, share, file, offset, len).await?;
            let FileVersion { size, modified } = version;
            Ok(Reply::Bytes { size, version: format!("{size}-{modified}"), data: Base64(bytes) })
        }
        Request::Thumbnail { peer, path, edge, wait_s } => {
            let peer = find(engine, &peer, wait_s).await?;
            let (share, file) = file(&path)?;
            let picture = engine.thumbnail(peer, share, file, edge).await?;
            let content_type = picture.as_ref().map(|picture| picture.content_type.to_owned());
            Ok(Reply::Thumbnail { content_type, data: Base64(picture.map(|picture| picture.bytes).unwrap_or_default()) })
        }
        Request::ShareRisks { path, audience, write, hidden } => {
            let access = if write { Access::ReadAndAdd } else { Access::Read };
            let rights = Rights { audience: audience_of(engine, &audience).await?, access, paused: false };
            let risks = engine.share_risks(path, rights, hidden).await?;
            Ok(Reply::Risks { risks: risks.into_iter().map(Into::into).collect() })
        }
        Request::WatchFolder { peer, path, wait_s } => {
            let peer = find(engine, &peer, wait_s).await?;
            let (share, folder) = place_in(engine, peer, &path).await?;
            Ok(Reply::Watching { watch: engine.begin_watch(peer, Watch { share: share.id, folder }).await? })
        }
        Request::StopWatch { watch } => {
            engine.stop_watch(watch);
            Ok(Reply::Done)
        }
        Request::AddTo { peer, path, content, wait_s } => {
            let Content::Paths { paths } = content else {
                return Err(usage("only files can be added to a share: send the text"));
            };
            let peer = find(engine, &peer, wait_s).await?;
            let (share, folder) = place_in(engine, peer, &path).await?;
            let row = engine.add_to(peer, &share, folder, paths).await?;
            Ok(Reply::Transfers { transfers: vec![row.into()] })
        }
        Request::Get { peer, path, names, into, only, replace, wait_s } => {
            let peer = find(engine, &peer, wait_s).await?;
            let (share, folder) = place_in(engine, peer, &path).await?;
            let names: Result<Vec<Name>, Failure> = names.iter().map(|name| Name::parse(name).map_err(no_name(name))).collect();
            let consent = Consent { into, only, entries: Vec::new(), replace };
            let row = engine.fetch(peer, &share, folder, names?, consent).await?;
            Ok(Reply::Transfers { transfers: vec![row.into()] })
        }
        // Done elsewhere.
        _ => Err(usage("this is no request about shares")),
    }
}

fn one(share: engine::OwnShare) -> Reply {
    Reply::OwnShares { shares: vec![OwnShare::from(share)] }
}

async fn shares(engine: &Engine, peer: PeerId) -> Result<Reply, Failure> {
    let items: Vec<Item> = engine.shares_of(peer).await?.into_iter().map(Into::into).collect();
    let total = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Ok(Reply::Items { items, total, revision: String::new() })
}

/// The share that a path is in, and the folder in it; `None`: the path is empty.
async fn place(engine: &Engine, peer: PeerId, path: &str) -> Result<Option<(Share, Option<RelativePath>)>, Failure> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(None);
    }
    let (share, folder) = path.split_once('/').map_or((path, None), |(share, folder)| (share, Some(folder)));
    let folder = folder.map(|folder| RelativePath::parse(folder).map_err(no_name(folder))).transpose()?;
    Ok(Some((engine.share_of(peer, share).await?, folder)))
}

/// The share's name and the path in it of a file.
fn file(path: &str) -> Result<(&str, RelativePath), Failure> {
    let path = path.trim_matches('/');
    let (share, file) = path.split_once('/').ok_or_else(|| usage("name a file: /SHARE/PATH"))?;
    Ok((share, RelativePath::parse(file).map_err(no_name(file))?))
}

/// As [`place`], where a share has to be named.
async fn place_in(engine: &Engine, peer: PeerId, path: &str) -> Result<(Share, Option<RelativePath>), Failure> {
    place(engine, peer, path).await?.ok_or_else(|| usage("name a share: /SHARE or /SHARE/PATH"))
}

/// The devices that are meant; none named: every one in reach.
async fn searched(engine: &Engine, on: &[String], wait_s: u32) -> Result<Vec<PeerId>, Failure> {
    if on.is_empty() {
        let near = engine.devices().into_iter().filter(|device| device.online && device.trust != Trust::Blocked);
        return Ok(near.map(|device| device.id).collect());
    }
    let mut peers = BTreeSet::new();
    for peer in on {
        peers.insert(find(engine, peer, wait_s).await?);
    }
    Ok(peers.into_iter().collect())
}

async fn audience_of(engine: &Engine, words: &[String]) -> Result<Audience, Failure> {
    let named = |word: &str| words.iter().any(|other| other == word);
    match words {
        [one] if one == "everyone" => return Ok(Audience::Everyone),
        [one] if one == "known" => return Ok(Audience::Known),
        [one] if one == "verified" => return Ok(Audience::Verified),
        _ => {}
    }
    if ["everyone", "known", "verified"].into_iter().any(named) {
        return Err(usage(
            "share with everyone, with known or with verified devices, or with devices by name: not with several of these",
        ));
    }
    let mut peers = BTreeSet::new();
    for peer in words {
        peers.insert(known(engine, peer).await?);
    }
    Ok(Audience::Chosen(peers))
}

fn text<const MAX: usize>(text: &str) -> Result<Text<MAX>, Failure> {
    Text::new(text).map_err(|_| usage(format_args!("the text to look for is longer than {MAX} bytes: shorten it")))
}

fn no_name<E: std::fmt::Display>(name: &str) -> impl FnOnce(E) -> Failure {
    let name = shown(name);
    move |error| usage(format_args!("{name} cannot be in a share: it is {error}"))
}

fn usage(sentence: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Usage, sentence)
}
