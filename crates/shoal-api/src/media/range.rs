//! Which bytes somebody wants: the header `Range` (RFC 9110, 14.2).

/// What of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// All of it.
    Whole,
    /// From a byte on, up to another one if that is said. Never empty as it stands.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl Range {
    /// What a header means. One that is not understood, or names several ranges, counts as none, as the RFC allows: players ask for one.
    pub(super) fn parse(header: Option<&str>) -> Self {
        header.and_then(Self::one).unwrap_or(Self::Whole)
    }

    fn one(header: &str) -> Option<Self> {
        let (unit, range) = header.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first, last) {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }
}

/// Digits alone; no file is longer than what a number can say.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_else_is_the_whole_file() {
        let cases = [
            ("bytes=0-", Range::From(0, None)),
            ("bytes=5-9", Range::From(5, Some(9))),
            ("Bytes= 5-5 ", Range::From(5, Some(5))),
            ("bytes=-7", Range::Last(7)),
            ("bytes=-0", Range::Last(0)),
            ("bytes=99999999999999999999999-", Range::From(u64::MAX, None)),
        ];
        for (header, range) in cases {
            assert_eq!(Range::parse(Some(header)), range, "{header}");
        }
        for whole in
            ["", "bytes", "bytes=", "bytes=-", "bytes=9-5", "bytes=1-2,4-5", "bytes=a-b", "bytes=+1-2", "bytes=0x1-", "lines=1-2"]
        {
            assert_eq!(Range::parse(Some(whole)), Range::Whole, "{whole}");
        }
        assert_eq!(Range::parse(None), Range::Whole);
    }
}
