//! Answering "give me a small picture of this".

use super::{AnswerError, Server};
use crate::{
    connection::Connection,
    stream::{SendStream, write_message},
};
use shoal_proto::{
    codec::MAX_MESSAGE,
    media::Media,
    share::{Few, Thumb, Thumbnail},
};

impl Server {
    pub(super) async fn thumb(&self, connection: &Connection, thumb: Thumb, send: &mut SendStream) -> Result<(), AnswerError> {
        let own = self.lease(connection, thumb.share)?;
        let Thumb { path, edge, .. } = thumb;
        let real = own.kept.beneath.real_path(&path);
        let is_image = Media::of(path.file_name()) == Some(Media::Image);
        let file = self.work(move || {
            let seen = own.kept.look_for(&path)?;
            seen.size.ok_or(AnswerError::NotShared)?;
            Ok::<_, AnswerError>(own.kept.beneath.open_file(&path)?)
        });
        let file = file.await?;
        let picture = if is_image { self.thumbnails.of(file, &real, edge).await } else { None };
        let picture = picture.and_then(|picture| Few::try_from(picture).ok());
        Ok(write_message(send, &picture.map_or(Thumbnail::None, Thumbnail::Picture), MAX_MESSAGE).await?)
    }
}
