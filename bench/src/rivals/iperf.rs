//! iperf3 over TCP: what the link gives to one flow from memory to memory.

use super::{Rival, programs};
use crate::{
    Result,
    data::DataSet,
    lab::Side,
    run::{READY, Run},
};
use serde::Deserialize;
use std::process::Command;

/// How to get it.
pub(crate) const HOW: &str = "apt-get install iperf3";

#[derive(Debug)]
pub(super) struct Iperf;

impl Rival for Iperf {
    fn name(&self) -> &'static str {
        "iperf3"
    }

    fn find(&self) -> Result {
        programs(&["iperf3"], HOW)
    }

    fn suits(&self, data: &DataSet) -> bool {
        data.is_file()
    }

    fn delivers(&self) -> bool {
        false
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        serve(run)?;
        let bytes = run.data.shape.bytes().to_string();
        run.client(Side::Sender, Command::new("iperf3").args(["--client", &run.to().to_string(), "--bytes", &bytes]))
    }
}

/// Starts a server at the receiver.
pub(crate) fn serve(run: &mut Run<'_>) -> Result {
    let server = run.server(Side::Receiver, Command::new("iperf3").args(["--server", "--forceflush"]))?;
    server.wait_for_word("Server listening", READY)
}

/// Mbit/s that arrived, of the text that `iperf3 --json` writes at its end.
pub(crate) fn received_mbit(json: &str) -> Option<f64> {
    let report: Report = serde_json::from_str(json).ok()?;
    Some(report.end.sum_received.bits_per_second / 1e6)
}

#[derive(Deserialize)]
struct Report {
    end: EndOfReport,
}

#[derive(Deserialize)]
struct EndOfReport {
    sum_received: Sum,
}

#[derive(Deserialize)]
struct Sum {
    bits_per_second: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_that_arrived_is_read_and_not_the_one_that_was_sent() {
        let json = r#"{"start":{"version":"iperf 3.12"},"intervals":[],"end":{"streams":[],
            "sum_sent":{"start":0,"end":5.0,"bytes":62500000,"bits_per_second":1e8,"retransmits":3,"sender":true},
            "sum_received":{"start":0,"end":5.04,"bytes":59000000,"bits_per_second":93650793.65,"sender":true}}}"#;
        assert!(received_mbit(json).is_some_and(|mbit| (mbit - 93.65).abs() < 0.01));
        assert_eq!(received_mbit(r#"{"start":{},"intervals":[],"end":{},"error":"unable to connect to server"}"#), None);
        assert_eq!(received_mbit("iperf3: error"), None);
    }
}
