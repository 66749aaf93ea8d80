//! Pieces: the parts of a file that are checked and asked for on their own.

use serde::{Deserialize, Serialize};

/// A piece's place in its file, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PieceIndex(pub u32);
