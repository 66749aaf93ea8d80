//! A rate as people write it: `10M`, `500K`, `1.5MB/s`, `off`.

use std::str::FromStr;

/// Bytes a second; `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Option<u64>);

/// Below this nothing would seem to move.
const MIN: f64 = 1000.0;

/// Beyond every network, and exact in a float.
const MAX: f64 = 1e15;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.trim().to_ascii_lowercase();
        if matches!(lower.as_str(), "off" | "none" | "unlimited") {
            return Ok(Self(None));
        }
        let bare = lower.strip_suffix("/s").unwrap_or(&lower).trim_end();
        let number_ends = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let (number, unit) = bare.split_at(number_ends);
        let factor = match unit.trim() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "ki" | "kib" => 1024.0,
            "mi" | "mib" => 1024.0 * 1024.0,
            "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(hint()),
        };
        let rate = number.parse::<f64>().map_err(|_| hint())? * factor;
        if !(MIN..=MAX).contains(&rate) {
            return Err("a limit is at least 1K (1,000 bytes a second); `off` lifts it".into());
        }
        // Between MIN and MAX, so it fits.
        Ok(Self(Some(rate.round() as u64)))
    }
}

fn hint() -> String {
    "a rate is written as 10M, 500K, 1.5MB/s (bytes a second) or off".into()
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
}
