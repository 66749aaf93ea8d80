//! Names and relative paths as they travel.

/// A path of one or more components, none of which is empty, `.`, `..` or holds `/` or NUL; joined by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(Box<str>);
