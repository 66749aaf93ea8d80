//! Looking into what others share: one function for each request, and a search of all who can be reached.

use crate::{
    connection::Connection,
    discovery::devices::Devices,
    error::LookError,
    links::Links,
    share::thumbnails::Picture,
    stream::{RecvStream, SendStream, StreamError, read_message},
    transfer::{
        Consent, Transfer,
        incoming::Incoming,
        shared::{Source, Wanted},
        transfers::{Transfers, new_id},
    },
};
use serde::de::DeserializeOwned;
use shoal_proto::{
    PeerId, RelativePath,
    codec::MAX_MESSAGE,
    display,
    message::{CloseCode, Request, TransferId},
    share::{
        Few, Found, Get, Hit, List, MAX_FOUND, Name, Page, Read, Reading, Search, Share, ShareId, Shares, Thumb, Thumbnail, fold,
    },
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How long an answer may take that comes at once.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long a thumbnail may take: a little longer than its owner's patience.
const PICTURE_WAIT: Duration = Duration::from_secs(30);

/// Thumbnails that are asked for at once: fewer than an owner answers.
const MAX_THUMBNAILS: usize = 4;

/// How long an id of a share is good.
const KNOWN_FOR: Duration = Duration::from_secs(30);

/// How long the offer may take once its list was made, and the list to come: a million names over a slow connection.
const OFFER_WAIT: Duration = Duration::from_secs(600);

/// What a name takes beside itself, in bytes.
const NAME_COSTS: usize = 2;

/// Bytes of names in one wish: owners cut the requests of strangers short.
const MAX_NAMES: usize = 64 * 1024;

/// Asks others.
#[derive(Debug)]
pub(crate) struct Asker {
    links: Arc<Links>,
    devices: Arc<Devices>,
    pub(super) transfers: Arc<Transfers>,
    /// Thumbnails that are asked for at once.
    thumbnails: Semaphore,
    known: Mutex<HashMap<PeerId, Known>>,
}

/// Ids of a device's shares.
#[derive(Debug)]
struct Known {
    since: Instant,
    shares: Vec<(String, ShareId)>,
}

/// Something that is wanted, until dropped.
pub(crate) struct Wish<'a> {
    transfers: &'a Transfers,
    transfer: TransferId,
    peer: PeerId,
}

impl<'a> Wish<'a> {
    pub(crate) fn new(transfers: &'a Transfers, transfer: TransferId, wanted: Wanted) -> Self {
        let peer = wanted.peer;
        transfers.want(transfer, wanted);
        Self { transfers, transfer, peer }
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        // Taken already, if it was offered.
        let _ = self.transfers.take_wanted(self.transfer, self.peer);
    }
}

/// A part of what a search found, at one device.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerFound {
    /// Some hits in one of its shares.
    Hits {
        /// Whose.
        peer: PeerId,
        /// The share's name, as it travels.
        share: String,
        /// Never empty.
        hits: Vec<Hit>,
    },
    /// Nothing more comes from it.
    End {
        /// Whose.
        peer: PeerId,
        /// There was more than was asked for.
        more: bool,
        /// It has looked through everything. Otherwise it is still reading its shares, or went away.
        complete: bool,
    },
}

impl PeerFound {
    /// Whose.
    pub const fn peer(&self) -> PeerId {
        match self {
            Self::Hits { peer, .. } | Self::End { peer, .. } => *peer,
        }
    }
}

impl Asker {
    pub(crate) fn new(links: Arc<Links>, devices: Arc<Devices>, transfers: Arc<Transfers>) -> Self {
        Self { links, devices, transfers, thumbnails: Semaphore::new(MAX_THUMBNAILS), known: Mutex::default() }
    }

    /// What a device shares with this one.
    pub(crate) async fn shares(&self, peer: PeerId) -> Result<Vec<Share>, LookError> {
        let Shares(shares) = self.answer(peer, &Request::Shares, "what it shares").await?;
        Ok(shares.into_vec())
    }

    /// A share by its name, as people type it.
    pub(crate) async fn share(&self, peer: PeerId, name: &str) -> Result<Share, LookError> {
        let (shares, folded) = (self.shares(peer).await?, fold(name));
        let exact = shares.iter().find(|share| share.name.as_str() == name);
        let found = exact.or_else(|| shares.iter().find(|share| fold(share.name.as_str()) == folded));
        found.cloned().ok_or_else(|| LookError::NotShared { peer: self.devices.name(peer), what: display::shown(name) })
    }

    /// A page of a folder.
    pub(crate) async fn list(&self, peer: PeerId, list: List) -> Result<Page, LookError> {
        let what = Self::words(list.folder.as_ref());
        self.answer(peer, &Request::List(list), &what).await
    }

    /// Searches these devices at once. What is found comes in any order; each device ends with [`PeerFound::End`]. It ends when the receiver is
    /// dropped.
    pub(crate) fn search(self: &Arc<Self>, peers: Vec<PeerId>, search: &Search) -> mpsc::Receiver<PeerFound> {
        let (found, receiver) = mpsc::channel(16);
        for peer in peers {
            let (this, search, found) = (self.clone(), search.clone(), found.clone());
            let cancel = self.transfers.cancel.clone();
            self.transfers.tasks.spawn(async move {
                let ended = tokio::select! {
                    ended = this.search_one(peer, search, &found) => ended,
                    () = cancel.cancelled() => return,
                    () = found.closed() => return,
                };
                let (more, complete) = ended.unwrap_or_else(|error| {
                    tracing::debug!(%error, "a device was not searched to its end");
                    (false, false)
                });
                // Fails when nobody wants it any more.
                let _ = found.send(PeerFound::End { peer, more, complete }).await;
            });
        }
        receiver
    }

    async fn search_one(&self, peer: PeerId, search: Search, found: &mpsc::Sender<PeerFound>) -> Result<(bool, bool), LookError> {
        let mut left = search.limit.min(MAX_FOUND) as usize;
        let (_, _send, mut recv) = self.open(peer, &Request::Search(search)).await?;
        loop {
            // It may look for long before it finds something.
            match read_message(&mut recv, MAX_MESSAGE).await {
                Ok(Found::Hits { name, hits, .. }) => {
                    let mut hits = hits.into_vec();
                    hits.truncate(left);
                    left -= hits.len();
                    if hits.is_empty() {
                        return Ok((true, true));
                    }
                    let part = PeerFound::Hits { peer, share: name.as_str().to_owned(), hits };
                    if found.send(part).await.is_err() {
                        return Ok((true, true));
                    }
                }
                Ok(Found::End { more, complete }) => return Ok((more, complete)),
                Err(error) => return Err(self.failed(peer, &error, "what is searched")),
            }
        }
    }

    /// Fetches parts of a share, each under its own name; no names: the folder itself. Returns once the transfer is there.
    pub(crate) async fn get(
        &self,
        peer: PeerId,
        share: &Share,
        folder: Option<RelativePath>,
        names: Vec<Name>,
        consent: Consent,
    ) -> Result<Transfer, LookError> {
        let itself = folder.as_ref().map_or(share.name.as_str(), RelativePath::file_name);
        let tops: BTreeSet<String> = if names.is_empty() {
            BTreeSet::from([itself.to_owned()])
        } else {
            names.iter().map(|name| name.as_str().to_owned()).collect()
        };
        let what = display::shown(tops.first().map_or(itself, String::as_str));
        let names = Few::try_from(names).map_err(|error| LookError::TooMany { peer: self.devices.name(peer), limit: error.0 })?;
        if names.iter().map(|name| name.as_str().len() + NAME_COSTS).sum::<usize>() > MAX_NAMES {
            let longest = names.iter().map(|name| name.as_str().len() + NAME_COSTS).max().unwrap_or(1);
            return Err(LookError::TooMany { peer: self.devices.name(peer), limit: MAX_NAMES / longest });
        }
        let (answered, answer) = oneshot::channel();
        let transfer = new_id();
        let source = Source::Share { share: share.id, names: tops };
        let wanted = Wanted { peer, source, consent: Some(consent), answered };
        // Taken back however this ends.
        let _wish = Wish::new(&self.transfers, transfer, wanted);
        self.ask_for(peer, Get { transfer, share: share.id, folder, names }, &what, answer).await?;
        let live = self.transfers.live(transfer);
        match live {
            Some(live) => Ok(self.transfers.picture(&live)),
            // Over already: everything was there.
            None => {
                let all = self.transfers.list(true).await?;
                let ended = all.into_iter().find(|row| row.id == transfer);
                ended.ok_or_else(|| LookError::Lost(self.devices.name(peer)))
            }
        }
    }

    /// Pieces of a file to look at, and the version that they are of.
    pub(super) async fn read(&self, peer: PeerId, read: Read, what: &str) -> Result<(Reading, Incoming), LookError> {
        let (connection, mut send, mut recv) = self.open(peer, &Request::Read(read)).await?;
        // A person wants it.
        connection.make_roomy();
        send.finish();
        let reading = self.read_answer(peer, &mut recv, what).await?;
        Ok((reading, Incoming::new(recv, self.transfers.clone())))
    }

    /// A small picture of an image; `None`: there is none.
    pub(crate) async fn thumbnail(
        &self,
        peer: PeerId,
        share: &str,
        path: RelativePath,
        edge: u16,
    ) -> Result<Option<Picture>, LookError> {
        // Never closed.
        let _place = self.thumbnails.acquire().await.ok();
        let what = display::shown(path.as_str());
        let share = self.share_id(peer, share).await?;
        let thumb = Thumb { share, path, edge };
        match self.picture(peer, thumb, &what).await {
            Ok(Thumbnail::Picture(picture)) => Ok(Picture::check(picture.into_vec())),
            Ok(Thumbnail::None) => Ok(None),
            Err(error) => {
                self.forget_shares(peer);
                Err(error)
            }
        }
    }

    async fn picture(&self, peer: PeerId, thumb: Thumb, what: &str) -> Result<Thumbnail, LookError> {
        let (_, mut send, mut recv) = self.open(peer, &Request::Thumb(thumb)).await?;
        send.finish();
        self.read_within(PICTURE_WAIT, peer, &mut recv, what).await
    }

    /// The id of a share by its name, asked for once in a while: whoever looks at a hundred pictures means the same share.
    pub(super) async fn share_id(&self, peer: PeerId, name: &str) -> Result<ShareId, LookError> {
        let known = self
            .known()
            .get(&peer)
            .filter(|known| known.since.elapsed() < KNOWN_FOR)
            .and_then(|known| known.shares.iter().find(|(known, _)| known == name).map(|(_, id)| *id));
        if let Some(id) = known {
            return Ok(id);
        }
        let share = self.share(peer, name).await?;
        let mut known = self.known();
        known.retain(|_, known| known.since.elapsed() < KNOWN_FOR);
        let of_peer = known.entry(peer).or_insert_with(|| Known { since: Instant::now(), shares: Vec::new() });
        of_peer.shares.push((name.to_owned(), share.id));
        Ok(share.id)
    }

    /// The next one who means a share of it asks.
    pub(super) fn forget_shares(&self, peer: PeerId) {
        self.known().remove(&peer);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PeerId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device's name, for a sentence.
    pub(super) fn name(&self, peer: PeerId) -> String {
        self.devices.name(peer)
    }

    async fn ask_for(
        &self,
        peer: PeerId,
        get: Get,
        what: &str,
        answer: oneshot::Receiver<Result<(), crate::TransferError>>,
    ) -> Result<(), LookError> {
        let (connection, mut send, mut recv) = self.open(peer, &Request::Get(get)).await?;
        send.finish();
        // Not before the offer is here: nothing else uses the connection until then.
        let _hold = connection.hold();
        // As long as the list takes.
        recv.done().await.map_err(|error| self.failed(peer, &error, what))?;
        let lost = || LookError::Lost(self.devices.name(peer));
        let answered = tokio::select! {
            answered = answer => answered.map_err(|_| lost())?,
            _ = connection.closed() => return Err(lost()),
            () = tokio::time::sleep(OFFER_WAIT) => return Err(lost()),
        };
        Ok(answered?)
    }

    async fn answer<T: DeserializeOwned>(&self, peer: PeerId, request: &Request, what: &str) -> Result<T, LookError> {
        let (_, mut send, mut recv) = self.open(peer, request).await?;
        send.finish();
        self.read_answer(peer, &mut recv, what).await
    }

    /// A folder of a share, for a sentence.
    pub(super) fn words(folder: Option<&RelativePath>) -> String {
        folder.map_or_else(|| "this share".to_owned(), |folder| display::shown(folder.as_str()))
    }

    pub(super) async fn open(&self, peer: PeerId, request: &Request) -> Result<(Connection, SendStream, RecvStream), LookError> {
        let opened = self.links.request(peer, request).await;
        opened.map_err(|error| LookError::Reach(error.about(self.devices.name(peer))))
    }

    pub(super) async fn read_answer<T: DeserializeOwned>(
        &self,
        peer: PeerId,
        recv: &mut RecvStream,
        what: &str,
    ) -> Result<T, LookError> {
        self.read_within(ANSWER_WAIT, peer, recv, what).await
    }

    async fn read_within<T: DeserializeOwned>(
        &self,
        wait: Duration,
        peer: PeerId,
        recv: &mut RecvStream,
        what: &str,
    ) -> Result<T, LookError> {
        match tokio::time::timeout(wait, read_message(recv, MAX_MESSAGE)).await {
            Ok(answer) => answer.map_err(|error| self.failed(peer, &error, what)),
            Err(_) => Err(LookError::Lost(self.devices.name(peer))),
        }
    }

    pub(super) fn failed(&self, peer: PeerId, error: &StreamError, what: &str) -> LookError {
        let peer = self.devices.name(peer);
        match error.close_code() {
            Some(CloseCode::NotShared) => LookError::NotShared { peer, what: what.to_owned() },
            Some(CloseCode::TooMany) => LookError::Busy(peer),
            Some(CloseCode::TooLarge) => LookError::TooLarge { peer, what: what.to_owned() },
            Some(CloseCode::Unsupported) => LookError::TooOld(peer),
            _ => LookError::Lost(peer),
        }
    }
}
