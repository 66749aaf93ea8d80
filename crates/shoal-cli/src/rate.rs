//! Rates and sizes as people write them: `10M`, `500K`, `1.5MB/s`, `off`; `10G`, `none`.

use std::str::FromStr;

/// Bytes a second; `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Option<u64>);

/// Bytes in 24 hours that come without a question; `None`: each offer is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance(pub(crate) Option<u64>);

/// Below this nothing would seem to move.
const MIN_RATE: u64 = 1000;

/// Beyond every network and disk, and exact in a float.
const MAX: f64 = 1e15;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "off" | "none" | "unlimited") {
            return Ok(Self(None));
        }
        let rate = bytes(lower.strip_suffix("/s").unwrap_or(&lower));
        let rate = rate.ok_or("a rate is written as 10M, 500K, 1.5MB/s (bytes a second) or off")?;
        if rate < MIN_RATE {
            return Err("a limit is at least 1K (1,000 bytes a second); `off` lifts it".into());
        }
        Ok(Self(Some(rate)))
    }
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "off" | "none") {
            return Ok(Self(None));
        }
        let allowance = bytes(&lower).filter(|bytes| *bytes > 0);
        Ok(Self(Some(allowance.ok_or("a size is written as 10G, 500M, 1.5GB or none")?)))
    }
}

/// A number with its unit, in small letters; `None`: it is none, or more than [`MAX`].
fn bytes(text: &str) -> Option<u64> {
    let number_ends = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_ends);
    let factor = match unit.trim() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1024.0 * 1024.0,
        "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    // It fits: it is not negative, as it has no sign.
    (bytes <= MAX).then(|| bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_as_people_write_them() {
        for (text, bytes) in [
            ("10M", 10_000_000),
            ("500K", 500_000),
            ("500k/s", 500_000),
            ("1.5MB/s", 1_500_000),
            ("1.5 MB/s", 1_500_000),
            ("2GiB", 2 << 30),
            ("1024", 1024),
            ("1Ki", 1024),
        ] {
            assert_eq!(text.parse(), Ok(Rate(Some(bytes))), "{text}");
        }
        for text in ["off", "OFF", "none", "unlimited"] {
            assert_eq!(text.parse(), Ok(Rate(None)), "{text}");
        }
        for text in ["", "fast", "0", "-1M", "1..2M", "10X", "M", "999", "nan", "inf", "1e9", "99999999G"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [("10G", 10_000_000_000), ("1.5 gb", 1_500_000_000), ("2T", 2_000_000_000_000), ("1", 1)] {
            assert_eq!(text.parse(), Ok(Allowance(Some(bytes))), "{text}");
        }
        assert_eq!("none".parse(), Ok(Allowance(None)));
        for text in ["", "much", "0", "-1G", "10G/s", "2000T", "unlimited"] {
            assert!(text.parse::<Allowance>().is_err(), "{text}");
        }
    }
}
