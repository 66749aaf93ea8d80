//! One request: parse, one call, map the error.

use crate::{
    Bench, Code, Failure, PeerLink, Reply, Request,
    request::Content,
    rows::{Device, Transfer},
};
use shoal_engine::{Consent, Engine, EntryPage, EntryQuery, Outgoing, OutgoingContent, PeerId, Received, TransferId};
use std::time::Duration;

/// Does what was asked. [`Request::Subscribe`] is the host's business and is refused here.
pub async fn handle(engine: &Engine, request: Request) -> Result<Reply, Failure> {
    match request {
        Request::Identity => Ok(Reply::Identity(engine.into())),
        Request::Snapshot => Ok(Reply::Snapshot(engine.into())),
        Request::Devices => Ok(Reply::Devices { devices: engine.devices().into_iter().map(Into::into).collect() }),
        Request::Find { peer, wait_s } => {
            let id = find(engine, &peer, wait_s).await?;
            device(engine, id).map(Reply::Device)
        }
        Request::Verify { peer, wait_s } => {
            let id = find(engine, &peer, wait_s).await?;
            Ok(Reply::Sas(engine.verify(id).await?.into()))
        }
        Request::SetTrust { peer, trust } => {
            let id = known(engine, &peer).await?;
            engine.set_trust(id, trust.into()).await?;
            Ok(Reply::Done)
        }
        Request::SetAllowance { peer, bytes } => {
            let id = known(engine, &peer).await?;
            engine.set_allowance(id, bytes).await?;
            Ok(Reply::Done)
        }
        Request::Forget { peer } => {
            let id = known(engine, &peer).await?;
            engine.forget(id).await?;
            Ok(Reply::Done)
        }
        Request::Send { to, content, wait_s } => {
            let outgoing = Outgoing { to: receivers(engine, &to, wait_s).await?, content: content.into() };
            Ok(Reply::Transfers { transfers: rows(engine.send(outgoing).await?) })
        }
        Request::Transfers { all } => Ok(Reply::Transfers { transfers: rows(engine.transfers(all).await?) }),
        Request::Offers => {
            let transfers = engine.transfers(false).await?;
            Ok(Reply::Offers { offers: transfers.into_iter().filter(|row| row.awaits_answer).map(Into::into).collect() })
        }
        Request::Accept { transfer, into, only, entries, replace } => {
            let entries = entries.into_iter().map(Into::into).collect();
            let id = engine.find_transfer(&transfer).await?;
            engine.accept(id, Consent { into, only, entries, replace }).await?;
            Ok(Reply::Done)
        }
        Request::Decline { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            engine.decline(id).await?;
            Ok(Reply::Done)
        }
        Request::Pause { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            engine.pause(id).await?;
            Ok(Reply::Done)
        }
        Request::Resume { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            engine.resume(id).await?;
            Ok(Reply::Done)
        }
        Request::Cancel { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            engine.cancel(id).await?;
            Ok(Reply::Done)
        }
        Request::Retry { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            engine.retry(id).await?;
            Ok(Reply::Done)
        }
        Request::FindTransfer { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            Ok(Reply::Transfers { transfers: vec![row(engine, id).await?] })
        }
        Request::Entries { transfer, folder, offset, limit, state, find } => {
            let id = engine.find_transfer(&transfer).await?;
            let query = EntryQuery { folder, offset, limit, state: state.map(Into::into), find };
            let EntryPage { entries, total } = engine.entries(id, query).await?;
            Ok(Reply::Entries { entries: entries.into_iter().map(Into::into).collect(), total })
        }
        Request::ForgetTransfer { transfer } => {
            let id = engine.find_transfer(&transfer).await?;
            engine.forget_transfer(id).await?;
            Ok(Reply::Done)
        }
        Request::ClearHistory => {
            engine.clear_history().await?;
            Ok(Reply::Done)
        }
        Request::AddShare { .. }
        | Request::OwnShares
        | Request::ChangeShare { .. }
        | Request::RemoveShare { .. }
        | Request::Look { .. }
        | Request::Search { .. }
        | Request::StopSearch { .. }
        | Request::ShareRisks { .. }
        | Request::WatchFolder { .. }
        | Request::StopWatch { .. }
        | Request::ReadShared { .. }
        | Request::Thumbnail { .. }
        | Request::AddTo { .. }
        | Request::Get { .. } => crate::looking::handle(engine, request).await,
        Request::CreateLink { .. }
        | Request::StopLink { .. }
        | Request::Links
        | Request::RemoveLink { .. }
        | Request::PreviewLink { .. }
        | Request::GetLink { .. } => crate::tickets::handle(engine, request).await,
        Request::Settings => Ok(Reply::Settings(engine.settings().await.into())),
        Request::SetSettings { change } => {
            engine.set_settings(change.into()).await?;
            Ok(Reply::Done)
        }
        Request::Health => Ok(Reply::Health { notes: engine.health().await.iter().map(Into::into).collect() }),
        Request::Limits => Ok(Reply::Limits(engine.limits().into())),
        Request::SetLimits { limits } => {
            engine.set_limits(limits.into()).await?;
            Ok(Reply::Done)
        }
        Request::Bench { peer, wait_s } => {
            let peer = match peer {
                Some(peer) => Some(device(engine, find(engine, &peer, wait_s).await?)?),
                None => None,
            };
            let id = peer.as_ref().and_then(|peer| peer.id.parse().ok());
            let measured = engine.bench(id).await?;
            Ok(Reply::Bench(Bench::new(&measured, peer.as_ref().map(|peer| peer.name.as_str()))))
        }
        Request::Subscribe => Err(Failure::new(Code::Usage, "events are not to be had here: ask over the control socket")),
    }
}

/// Files that a transfer brought here: an entry with all that is below it; none: all.
pub async fn received(engine: &Engine, transfer: &str, entry: Option<u32>) -> Result<Received, Failure> {
    let id = engine.find_transfer(transfer).await?;
    Ok(engine.received(id, entry).await?)
}

impl From<Content> for OutgoingContent {
    fn from(content: Content) -> Self {
        match content {
            Content::Paths { paths } => Self::Paths(paths),
            Content::Text { text } => Self::Text(text),
        }
    }
}

fn rows(transfers: Vec<shoal_engine::Transfer>) -> Vec<Transfer> {
    transfers.into_iter().map(Into::into).collect()
}

async fn row(engine: &Engine, id: TransferId) -> Result<Transfer, Failure> {
    let found = engine.transfers(true).await?.into_iter().find(|transfer| transfer.id == id);
    found.map(Into::into).ok_or_else(|| shoal_engine::TransferError::NotFound(id.to_string()).into())
}

fn device(engine: &Engine, id: PeerId) -> Result<Device, Failure> {
    let found = engine.devices().into_iter().find(|device| device.id == id);
    found.map(Into::into).ok_or_else(|| shoal_engine::ReachError::NotFound(id.short()).into())
}

/// Each receiver once, in the order given: two names for one device are one transfer.
async fn receivers(engine: &Engine, to: &[String], wait_s: u32) -> Result<Vec<PeerId>, Failure> {
    let mut ids = Vec::with_capacity(to.len());
    for peer in to {
        let id = find(engine, peer, wait_s).await?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// A device that need not be in reach: a whole id stands for itself, so that a device can be blocked before it is ever met.
pub(crate) async fn known(engine: &Engine, peer: &str) -> Result<PeerId, Failure> {
    match peer.parse::<PeerId>() {
        Ok(id) => Ok(id),
        Err(_) => find(engine, peer, 0).await,
    }
}

/// The device that a person means. A link's addresses are dialled in turn; only its id counts.
pub(crate) async fn find(engine: &Engine, peer: &str, wait_s: u32) -> Result<PeerId, Failure> {
    let wait = Duration::from_secs(wait_s.into());
    if !PeerLink::is_one(peer) {
        return Ok(engine.find(peer, wait).await?);
    }
    let link: PeerLink = peer.parse().map_err(|error| Failure::new(Code::Usage, error))?;
    for address in &link.addresses {
        match engine.find(&address.to_string(), wait).await {
            Ok(id) if id == link.id => return Ok(id),
            Ok(_) => tracing::debug!(%address, "another device answers at an address of the link"),
            Err(error) => tracing::debug!(%address, %error, "an address of the link does not answer"),
        }
    }
    Ok(engine.find(&link.id.to_string(), wait).await?)
}
