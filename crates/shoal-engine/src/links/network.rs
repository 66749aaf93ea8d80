//! What becomes of connections when this host's addresses change.
//!
//! Those that this end dialled move with the next packet (RFC 9000 §9): one is sent at once. Those that the peer dialled cannot
//! (§9.6: a server does not migrate): this end dials anew, and where the address that the peer dialled is gone, it closes the old
//! connection as soon as there is a new one, rather than wait until it times out. Streams on it fail here, and whoever had them goes
//! on with the new one; that the peer hears of the end is neither likely nor needed.

use super::Links;
use crate::connection::Connection;
use shoal_proto::message::{CloseCode, Request};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time;

/// Between dials that are to replace a connection.
const REDIAL: Duration = Duration::from_millis(500);

impl Links {
    /// This host's addresses are `own` now. See the module's documentation.
    pub(crate) fn network_changed(self: &Arc<Self>, own: &[SocketAddr]) {
        let connections = self.table().all_ready();
        for connection in connections {
            let until_the_end = self.cancel.clone();
            if connection.dialled() {
                self.tasks.spawn(until_the_end.run_until_cancelled_owned(self.clone().show_address(connection)));
            } else if is_gone(&connection, own) {
                self.tasks.spawn(until_the_end.run_until_cancelled_owned(self.clone().replace(connection)));
            } else {
                drop(self.dial(connection.peer())); // its outcome shows in the table
            }
        }
    }

    /// Sends something on a connection that moves with it: a new hello, which also tells the peer's table where this device is.
    async fn show_address(self: Arc<Self>, connection: Connection) {
        let own = self.greeting.borrow().clone();
        let said = async {
            let (mut send, _answer) = connection.open_request(&Request::Hello(own.hello.clone())).await?;
            own.end(&mut send).await
        };
        if let Err(error) = said.await {
            tracing::debug!(peer = %connection.peer(), %error, "a connection did not move");
        }
    }

    /// Dials until there is another connection in the place of `old`.
    async fn replace(self: Arc<Self>, old: Connection) {
        while old.is_live() {
            let mut dial = self.dial(old.peer());
            let is_there = dial.wait_for(Option::is_some).await.is_ok_and(|outcome| matches!(*outcome, Some(Ok(_))));
            if is_there {
                tracing::debug!(peer = %old.peer(), "a connection to an address that is gone is replaced");
                return old.close(CloseCode::Done);
            }
            time::sleep(REDIAL).await;
        }
    }
}

/// Whether the address that the peer dialled is none of this host's any more. Loopback is never among `own`, and always there.
fn is_gone(connection: &Connection, own: &[SocketAddr]) -> bool {
    connection.local_ip().is_some_and(|ip| !ip.is_loopback() && own.iter().all(|address| address.ip() != ip))
}
