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
//! | `GET /api/download/TRANSFER[?entry=N]` | a received file |
//!
//! A request that names a path is refused: content to send is `{"kind":"handles","handles":[…]}`, handles of uploads.
//!
//! # Limits
//! Each is a constant: connections, time and size of a head, size of a request, sessions, event streams, uploads, downloads here and
//! below; batches, their files, space and time in [`mod@limits`].

#![warn(missing_docs)]

mod address;
mod ask;
mod assets;
mod download;
mod events;
mod gate;
mod query;
mod reply;
mod server;
mod session;
mod site;
mod staging;
mod tls;
mod upload;

pub use address::{DEFAULT_PORT, ParseWebAddressError, WebAddress};
pub use assets::Assets;
pub use server::{Options, StartError, WebHost};

/// What is bounded, and by how much.
pub mod limits {
    pub use crate::{
        server::{HEAD_PATIENCE, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS},
        session::{IDLE, MAX_SESSIONS},
        site::{MAX_DOWNLOADS, MAX_STREAMS, MAX_UPLOADS},
        staging::{KEEP_FREE, KEPT_AFTER, MAX_FILES, MAX_UNSENT, UNSENT_FOR},
    };
}

use shoal_api::{Engine, Failure, ReceivedFile, control};
use std::future::Future;

/// What stands behind the pages: an engine, or a fake in tests.
pub trait Backend: control::Backend {
    /// Opens a received file; without an entry the only one of the transfer.
    fn received(&self, transfer: &str, entry: Option<u32>) -> impl Future<Output = Result<ReceivedFile, Failure>> + Send;
}

impl Backend for Engine {
    async fn received(&self, transfer: &str, entry: Option<u32>) -> Result<ReceivedFile, Failure> {
        shoal_api::received(self, transfer, entry).await
    }
}
