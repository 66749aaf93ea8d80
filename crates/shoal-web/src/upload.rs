//! `POST /api/upload`: a file's bytes, from the browser to the staging folder as they come.

use crate::staging::{Handle, Staging, StagingError, Upload};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Request,
    body::{Body as _, Incoming},
};
use shoal_api::{Code, Failure, query};
use shoal_proto::RelativePath;
use std::time::Duration;
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};

/// Parts of a file that wait for the disk.
const QUEUE: usize = 8;

/// How long a browser may send nothing.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// What is still read of a body that is refused, in bytes: a browser that is cut off while it writes does not see the answer.
const MAX_IGNORED: u64 = 1024 * 1024;

/// How long a body that is refused is read.
const IGNORE_PATIENCE: Duration = Duration::from_secs(2);

/// Takes one upload in.
pub(crate) async fn receive(staging: &Staging, request: Request<Incoming>) -> Result<Handle, Failure> {
    let (head, mut body) = request.into_parts();
    let begun = begin(staging.clone(), head.uri.query().unwrap_or_default().to_owned(), body.size_hint().exact()).await;
    let received = match begun {
        Ok((upload, modified)) => write(upload, modified, &mut body).await,
        Err(failure) => Err(failure),
    };
    if received.is_err() {
        // What has not come by then never mattered.
        let _ = timeout(IGNORE_PATIENCE, ignore(&mut body)).await;
    }
    received
}

async fn begin(staging: Staging, query: String, len: Option<u64>) -> Result<(Upload, Option<u64>), Failure> {
    let value = |name| query::value(Some(&query), name);
    let len = len.ok_or_else(|| Failure::new(Code::Usage, "an upload says how long it is before it begins"))?;
    let (Some(batch), Some(path)) = (value("batch"), value("path")) else { return Err(StagingError::Batch.into()) };
    let modified = value("modified").and_then(|modified| modified.parse().ok());
    let folder = path.strip_suffix('/');
    let parsed = RelativePath::parse(folder.unwrap_or(&path)).map_err(StagingError::from)?;
    let is_folder = folder.is_some();
    if is_folder && len > 0 {
        return Err(Failure::new(Code::Usage, "a folder has no bytes of its own"));
    }
    let upload = blocking(move || staging.begin(&batch, &parsed, is_folder, len)).await?;
    Ok((upload, modified))
}

/// The disk is written by a thread of its own, which a few parts are ahead of.
async fn write(mut upload: Upload, modified: Option<u64>, body: &mut Incoming) -> Result<Handle, Failure> {
    let (sender, mut parts) = mpsc::channel::<Bytes>(QUEUE);
    let writer = blocking(move || {
        while let Some(part) = parts.blocking_recv() {
            upload.write(&part)?;
        }
        upload.finish(modified)
    });
    let read = async move {
        // Whatever ends this too early leaves the upload short, which the writer sees.
        while let Ok(Some(Ok(frame))) = timeout(READ_PATIENCE, body.frame()).await {
            if let Ok(part) = frame.into_data()
                && sender.send(part).await.is_err()
            {
                break;
            }
        }
    };
    let (written, ()) = tokio::join!(writer, read);
    written
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StagingError> + Send + 'static) -> Result<T, Failure> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(Failure::new(Code::Failed, error)),
    }
}

async fn ignore(body: &mut Incoming) {
    let mut ignored = 0;
    while ignored < MAX_IGNORED {
        let Some(Ok(frame)) = body.frame().await else { return };
        ignored += frame.data_ref().map_or(0, |part| part.len() as u64);
    }
}
