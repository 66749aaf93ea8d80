//! The UI in a browser, for machines with no screen: `shoal serve --web`.
//!
//! Owns the HTTP side: who is let in, the routes, uploads to a staging folder, downloads of what was received. Leaves out every
//! decision about transfers: a request is handed to [`shoal_api`], whose answers and events go back as they are.
//!
//! # Who is let in
//! Off unless asked for, and on loopback unless told otherwise. A link with a one-time token lets one browser in and gives it a
//! cookie (`HttpOnly`, `SameSite=Strict`); then the next link is made. `Host`, `Origin` and `Sec-Fetch-Site` are checked before the
//! cookie is looked at, and no header of CORS is ever sent. Any other address than loopback is served over TLS only, with a
//! certificate that the device signs itself and whose fingerprint a person compares.
//!
//! A cookie is sent to every port of its host. Whoever runs a web server on this machine, and brings a person who uses Shoal's page
//! to open it under the same host name, is sent the cookie: on a machine shared with people who are not trusted, do not use this.
//!
//! # Routes
//! | route | does |
//! |---|---|
//! | `GET /?token=T` | uses a link up, sets the cookie |
//! | `GET /…` | the UI, built into this program |
//! | `POST /api/request` | a request of [`shoal_api`] as JSON; 4xx with a failure as JSON |
//! | `GET /api/events` | server-sent events, a snapshot first |
//! | `POST /api/upload?batch=B&path=P[&modified=MS]` | one file of a batch, or an empty folder when `P` ends with `/`; gives a handle |
//! | `GET /api/download/TRANSFER[?entry=N]` | what was received: a file as it is, a folder or several files as a ZIP archive |
//! | `GET /api/media/PEER/SHARE/PATH…[?v=V][&save=1]` | a file that a device shares, or a range of it ([`shoal_api::media`]) |
//! | `GET /api/thumbnail/PEER/SHARE/PATH…?edge=N[&v=V]` | a small picture of it |
//!
//! A request that names a path is refused: content to send or to add is `{"kind":"handles","handles":[…]}`, handles of uploads.
//!
//! # Limits
//! Each is a constant: connections, time and size of a head, size of a request, sessions, event streams, uploads, downloads, shared files
//! that are shown here and below; batches, their files, space and time in [`mod@limits`].

#![warn(missing_docs)]

mod address;
mod ask;
mod assets;
mod download;
mod events;
mod gate;
mod reply;
mod server;
mod session;
mod site;
mod staging;
mod tls;
mod upload;
mod zip;

pub use address::{DEFAULT_PORT, ParseWebAddressError, WebAddress};
pub use assets::Assets;
pub use server::{Options, StartError, WebHost};

/// What is bounded, and by how much.
pub mod limits {
    pub use crate::{
        download::MAX_ARCHIVED,
        server::{HEAD_PATIENCE, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS},
        session::{IDLE, MAX_SESSIONS},
        site::{MAX_DOWNLOADS, MAX_MEDIA, MAX_STREAMS, MAX_THUMBNAILS, MAX_UPLOADS},
        staging::{KEEP_FREE, KEPT_AFTER, MAX_FILES, MAX_UNSENT, UNSENT_FOR},
    };
}

use shoal_api::{Engine, Failure, ReceivedFile, control};
use std::{fmt, future::Future};

/// What stands behind the pages: an engine, or a fake in tests.
pub trait Backend: control::Backend {
    /// What a transfer brought: an entry with all that is below it; without one, everything.
    fn received(&self, transfer: &str, entry: Option<u32>) -> impl Future<Output = Result<Download, Failure>> + Send;
}

/// Received files to be saved by a browser.
pub struct Download {
    /// Its name; not safe to print.
    pub name: String,
    /// It is sent as it is; otherwise as an archive.
    pub is_one_file: bool,
    /// The files. Each step may block.
    pub files: Box<dyn Iterator<Item = Result<ReceivedFile, Failure>> + Send>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Backend for Engine {
    async fn received(&self, transfer: &str, entry: Option<u32>) -> Result<Download, Failure> {
        let received = shoal_api::received(self, transfer, entry).await?;
        let (name, is_one_file) = (received.name.clone(), received.is_one_file);
        Ok(Download { name, is_one_file, files: Box::new(received.map(|file| file.map_err(Failure::from))) })
    }
}
