//! What was measured, as rows, and the one sentence that follows from it.

use serde::{Deserialize, Serialize};
use shoal_engine as engine;
use ts_rs::TS;

/// Figures and what they mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Bench {
    /// The figures.
    pub measures: Vec<Measure>,
    /// What is slowest.
    pub limit: Limit,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Measure {
    /// Its name: `disk_write`, `disk_read`, `small_files`, `encrypt_and_hash`, `hash_one_core`, `hash_all_cores`, `round_trip`,
    /// `to_peer`, `from_peer`, `processor_while_sending`.
    pub measure: String,
    /// How much.
    pub value: f64,
    /// Of what: `B/s`, `files/s`, `ms`, `cores`.
    pub unit: String,
}

/// What limits a transfer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Limit {
    /// Always `limit`.
    pub measure: String,
    /// What it leaves.
    pub value: f64,
    /// Always `B/s`.
    pub unit: String,
    /// What it is.
    pub limit: Bottleneck,
    /// That, and what would help, for people.
    pub sentence: String,
}

/// What a transfer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// The way to the peer.
    Network,
    /// Encryption and the system's network stack.
    Processor,
    /// The drive.
    Disk,
    /// BLAKE3.
    Hashing,
}

impl From<engine::Limit> for Bottleneck {
    fn from(limit: engine::Limit) -> Self {
        match limit {
            engine::Limit::Network => Self::Network,
            engine::Limit::Processor => Self::Processor,
            engine::Limit::Disk => Self::Disk,
            engine::Limit::Hashing => Self::Hashing,
        }
    }
}

impl Bench {
    /// From what the engine measured, with `peer` if one was named.
    pub fn new(measured: &engine::Bench, peer: Option<&str>) -> Self {
        let engine::Bench { disk, processor, network } = measured;
        let mut measures = vec![
            measure("disk_write", disk.write, "B/s"),
            measure("disk_read", disk.read, "B/s"),
            measure("small_files", disk.small_files, "files/s"),
            measure("encrypt_and_hash", processor.seal, "B/s"),
            measure("hash_one_core", processor.hash, "B/s"),
            measure("hash_all_cores", processor.hash_all, "B/s"),
        ];
        if let Some(engine::Network { rtt, to_peer, from_peer, cores }) = network {
            measures.push(measure("round_trip", rtt.as_secs_f64() * 1000.0, "ms"));
            measures.push(measure("to_peer", *to_peer, "B/s"));
            measures.push(measure("from_peer", *from_peer, "B/s"));
            measures.extend(cores.map(|cores| measure("processor_while_sending", cores, "cores")));
        }
        let (limit, value) = measured.limit();
        let limit = Bottleneck::from(limit);
        let sentence = sentence(limit, value, peer);
        let limit = Limit { measure: "limit".into(), value: rounded(value), unit: "B/s".into(), limit, sentence };
        Self { measures, limit }
    }
}

fn measure(name: &str, value: f64, unit: &str) -> Measure {
    Measure { measure: name.into(), value: rounded(value), unit: unit.into() }
}

/// Four digits: the rest is chance.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

fn sentence(limit: Bottleneck, value: f64, peer: Option<&str>) -> String {
    let what = peer.map_or_else(|| "A transfer".to_owned(), |peer| format!("A transfer to {peer}"));
    let rate = format!("{} MB/s", rounded_for_people(value / 1e6));
    match limit {
        Bottleneck::Network => {
            format!(
                "{what} is limited by the network between the two, to {rate}: a cable, or a better place for the Wi-Fi, would help."
            )
        }
        Bottleneck::Processor => {
            format!("{what} is limited by this computer's processor, to {rate}: end other programs, or use a faster computer.")
        }
        Bottleneck::Disk => {
            format!("{what} is limited by the drive of the inbox here, to {rate}: another folder on a faster drive would help.")
        }
        Bottleneck::Hashing => {
            format!(
                "{what} is limited by the checking of every byte on this computer's processor, to {rate}: a faster one would help."
            )
        }
    }
}

fn rounded_for_people(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_line_has_the_fields_of_the_contract_and_the_sentence_names_the_limit() {
        let measured = engine::Bench {
            disk: engine::Disk { write: 1.234_567e9, read: 2e9, small_files: 31_234.0 },
            processor: engine::Processor { seal: 9e8, hash: 3e9, hash_all: 6e9 },
            network: Some(engine::Network {
                rtt: Duration::from_micros(1234),
                to_peer: 11.8e6,
                from_peer: 1e7,
                cores: Some(0.2),
            }),
        };
        let bench = Bench::new(&measured, Some("Mira's laptop"));
        assert_eq!(
            serde_json::to_string(&bench.measures[0]).unwrap(),
            r#"{"measure":"disk_write","value":1235000000.0,"unit":"B/s"}"#
        );
        assert_eq!(bench.measures.len(), 10);
        assert_eq!(bench.limit.limit, Bottleneck::Network);
        assert!(bench.limit.sentence.contains("network") && bench.limit.sentence.contains("12 MB/s"), "{}", bench.limit.sentence);
        assert!(bench.limit.sentence.contains("Mira's laptop"));
        let alone = Bench::new(&engine::Bench { network: None, ..measured }, None);
        assert_eq!((alone.measures.len(), alone.limit.limit), (6, Bottleneck::Processor));
    }

    #[test]
    fn figures_keep_four_digits() {
        for (value, kept) in [(0.0, 0.0), (0.012_345_6, 0.012_35), (9.999_99, 10.0), (123_456.0, 123_500.0), (f64::NAN, 0.0)] {
            assert!((rounded(value) - kept).abs() < 1e-9, "{value} {}", rounded(value));
        }
    }
}
