//! Lists, texts and names that cannot be longer than their limit: a peer's message that says otherwise is refused while it is read,
//! before anything is set aside for it.

use crate::name::{NameError, check_component};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess},
};
use std::{fmt, marker::PhantomData, ops::Deref};

/// A list of at most `MAX` things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T, const MAX: usize>(Vec<T>);

/// There is more than fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {0} at once")]
pub struct TooMany(pub usize);

impl<T, const MAX: usize> Few<T, MAX> {
    /// Adds one.
    ///
    /// # Errors
    /// [`TooMany`]: the list is full, and as it was.
    pub fn push(&mut self, item: T) -> Result<(), TooMany> {
        if self.0.len() >= MAX {
            return Err(TooMany(MAX));
        }
        self.0.push(item);
        Ok(())
    }

    /// The list alone.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Default for Few<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for Few<T, MAX> {
    type Error = TooMany;

    fn try_from(list: Vec<T>) -> Result<Self, TooMany> {
        if list.len() > MAX { Err(TooMany(MAX)) } else { Ok(Self(list)) }
    }
}

impl<T, const MAX: usize> Deref for Few<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Few<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> de::Visitor<'de> for Visitor<T, MAX> {
            type Value = Few<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Few<T, MAX>, A::Error> {
                let mut list = Few::default();
                while let Some(item) = items.next_element()? {
                    list.push(item).map_err(de::Error::custom)?;
                }
                Ok(list)
            }
        }
        deserializer.deserialize_seq(Visitor(PhantomData))
    }
}

/// A text of at most `MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text<const MAX: usize>(Box<str>);

impl<const MAX: usize> Text<MAX> {
    /// The text, if it is short enough.
    ///
    /// # Errors
    /// [`TooMany`] bytes.
    pub fn new(text: &str) -> Result<Self, TooMany> {
        if text.len() > MAX { Err(TooMany(MAX)) } else { Ok(Self(text.into())) }
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Serialize for Text<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_str(deserializer, "a short text", |text| Self::new(text).ok())
    }
}

/// One name in a folder: a component of a [`crate::RelativePath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// The name, if it can be one.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_component(text)?;
        Ok(Self(text.into()))
    }

    /// The name as it travels. What goes to a screen goes through [`crate::display::shown`].
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_str(deserializer, "a name", |text| Self::parse(text).ok())
    }
}

/// Reads a text without a copy and has `parse` judge it.
fn read_str<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Visitor<F>(&'static str, F);
    impl<T, F: Fn(&str) -> Option<T>> de::Visitor<'_> for Visitor<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("another text"), &self))
        }
    }
    deserializer.deserialize_str(Visitor(what, parse))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_too_long_is_refused_while_it_is_read() {
        let three = postcard::to_allocvec(&vec![1_u8, 2, 3]).unwrap();
        assert_eq!(&*postcard::from_bytes::<Few<u8, 3>>(&three).unwrap(), [1, 2, 3]);
        assert!(postcard::from_bytes::<Few<u8, 2>>(&three).is_err());
        let text = postcard::to_allocvec("abc").unwrap();
        assert_eq!(&*postcard::from_bytes::<Text<3>>(&text).unwrap(), "abc");
        assert!(postcard::from_bytes::<Text<2>>(&text).is_err());
        // A length that nothing follows.
        assert!(postcard::from_bytes::<Few<u64, 1000>>(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    }

    #[test]
    fn a_name_leads_nowhere() {
        for bad in ["", ".", "..", "a/b", "a\0", "\u{10ff2f}"] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
            assert!(postcard::from_bytes::<Name>(&postcard::to_allocvec(bad).unwrap()).is_err(), "{bad:?}");
        }
        assert_eq!(postcard::from_bytes::<Name>(&postcard::to_allocvec("a b").unwrap()).unwrap().as_str(), "a b");
    }

    #[test]
    fn a_full_list_stays_as_it_was() {
        let mut list = Few::<u8, 1>::default();
        assert_eq!((list.push(1), list.push(2)), (Ok(()), Err(TooMany(1))));
        assert_eq!(list.into_vec(), [1]);
        assert!(Few::<u8, 1>::try_from(vec![1, 2]).is_err());
    }
}
