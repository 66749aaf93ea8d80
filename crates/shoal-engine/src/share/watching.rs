//! Hearing of changes of a folder in what another device shares.

use super::ask::Asker;
use crate::{
    error::LookError,
    stream::{StreamError, read_message},
};
use shoal_proto::{
    PeerId,
    codec::MAX_MESSAGE,
    message::{CloseCode, Request},
    share::{Changed, Watch},
};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Between two changes that are passed on, at least: owners are asked to keep to it, too.
const PACE: Duration = Duration::from_millis(200);

/// Changes of a folder, the first at once. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watching {
    changes: mpsc::Receiver<Changed>,
    end: oneshot::Receiver<StreamError>,
}

impl Watching {
    /// The next change; `None`: it is over.
    pub async fn recv(&mut self) -> Option<Changed> {
        self.changes.recv().await
    }

    /// How it ended, once it has: its device is there and does not share the folder any more, rather than that it went away.
    pub fn is_gone(&mut self) -> bool {
        self.end.try_recv().is_ok_and(|error| error.close_code() == Some(CloseCode::NotShared))
    }
}

impl Asker {
    /// Watches a folder until what is returned is dropped, or the folder is no longer shared with this device.
    pub(crate) async fn watch(&self, peer: PeerId, watch: Watch) -> Result<Watching, LookError> {
        let what = Self::words(watch.folder.as_ref());
        let (_, send, mut recv) = self.open(peer, &Request::Watch(watch)).await?;
        let first: Changed = self.read_answer(peer, &mut recv, &what).await?;
        let (tell, changes) = mpsc::channel(1);
        let (ended, end) = oneshot::channel();
        let cancel = self.transfers.cancel.clone();
        self.transfers.tasks.spawn(async move {
            let _stays = send;
            let pass_on = async {
                let (mut changed, mut told) = (first, None);
                loop {
                    // However often its owner says so.
                    if told != Some(changed) {
                        // A listener that lags needs the last one only.
                        tell.send(changed).await.ok()?;
                        told = Some(changed);
                        tokio::time::sleep(PACE).await;
                    }
                    changed = tokio::select! {
                        changed = read_message(&mut recv, MAX_MESSAGE) => match changed {
                            Ok(changed) => changed,
                            Err(error) => return Some(error),
                        },
                        () = tell.closed() => return None,
                    };
                }
            };
            let over = cancel.run_until_cancelled(pass_on).await.flatten();
            recv.refuse(CloseCode::Done);
            if let Some(error) = over {
                // Told before `tell` goes. Nobody may want to know.
                let _ = ended.send(error);
            }
        });
        Ok(Watching { changes, end })
    }
}
