//! Syncthing: two devices that are connected and share an empty folder. The clock starts when the files are put into it and the
//! sender is told to look.

use super::{Rival, program, programs, write};
use crate::{
    Result,
    data::files,
    lab::Side,
    run::{READY, Run},
};
use std::{path::Path, process::Command, time::Duration};

const PORT: u16 = 22000;
const WEB: u16 = 8384;
const KEY: &str = "bench";

#[derive(Debug)]
pub(super) struct Syncthing;

impl Rival for Syncthing {
    fn name(&self) -> &'static str {
        "syncthing"
    }

    fn find(&self) -> Result {
        programs(&["syncthing", "curl"], "apt-get install syncthing curl")
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let syncthing = program("syncthing").ok_or("syncthing is gone")?;
        let homes = [run.scratch.join("sender"), run.scratch.join("receiver")];
        let ids = [made(&syncthing, &homes[0])?, made(&syncthing, &homes[1])?];
        let shared = run.scratch.join("shared");
        std::fs::create_dir_all(&shared).map_err(|e| format!("{}: {e}", shared.display()))?;
        let addresses = [run.from(), run.to()];
        for (home, folder) in [(&homes[0], &shared), (&homes[1], &run.target)] {
            std::fs::create_dir_all(folder.join(".stfolder")).map_err(|e| format!("{}: {e}", folder.display()))?;
            let devices: String = ids
                .iter()
                .zip(addresses)
                .map(|(id, at)| format!("<device id=\"{id}\" name=\"x\"><address>tcp://{at}:{PORT}</address></device>"))
                .collect();
            write(&home.join("config.xml"), &config(folder, &ids, &devices))?;
        }
        for (side, home) in [(Side::Receiver, &homes[1]), (Side::Sender, &homes[0])] {
            let mut serve = Command::new(&syncthing);
            serve.args(["serve", "--no-browser", "--no-restart", "--no-upgrade", "--home"]).arg(home).env("STNOUPGRADE", "1");
            // The sender dials when it starts, so the receiver's line is there when the sender's is.
            let word = if side == Side::Sender { "Established secure connection" } else { "GUI and API listening" };
            run.server(side, &serve)?.wait_for_word(word, READY)?;
        }
        let wanted = files(&run.data.path).map_err(|e| e.to_string())?.len();
        let look = format!(
            "cp -al '{}' '{}/' && curl --silent --fail -X POST -H 'X-API-Key: {KEY}' \
                            'http://127.0.0.1:{WEB}/rest/db/scan?folder=x'",
            run.data.path.display(),
            shared.display()
        );
        run.client(Side::Sender, Command::new("sh").args(["-c", &look]))?;
        run.wait_until(Duration::from_millis(50), |run| arrived(&run.target.join(run.data.name())) == wanted)
    }
}

/// Whole files; what is not whole has another name.
fn arrived(folder: &Path) -> usize {
    let temporary = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".syncthing."));
    files(folder).map(|found| found.iter().filter(|(_, path, _)| !temporary(path)).count()).unwrap_or(0)
}

/// Makes a device's key; returns its id.
fn made(syncthing: &Path, home: &Path) -> Result<String> {
    let output =
        Command::new(syncthing).args(["generate", "--home"]).arg(home).output().map_err(|e| format!("syncthing: {e}"))?;
    let said =
        Command::new(syncthing).args(["--device-id", "--home"]).arg(home).output().map_err(|e| format!("syncthing: {e}"))?;
    let id = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    if output.status.success() && !id.is_empty() { Ok(id) } else { Err("syncthing made no device".to_owned()) }
}

fn config(folder: &Path, ids: &[String; 2], devices: &str) -> String {
    let members: String = ids.iter().map(|id| format!("<device id=\"{id}\"/>")).collect();
    format!(
        "<configuration version=\"36\"><folder id=\"x\" path=\"{}\" type=\"sendreceive\" rescanIntervalS=\"3600\" \
         fsWatcherEnabled=\"false\">{members}</folder>{devices}\
         <gui enabled=\"true\"><address>127.0.0.1:{WEB}</address><apikey>{KEY}</apikey></gui>\
         <options><listenAddress>tcp://0.0.0.0:{PORT}</listenAddress><globalAnnounceEnabled>false</globalAnnounceEnabled>\
         <localAnnounceEnabled>false</localAnnounceEnabled><relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled>\
         <urAccepted>-1</urAccepted><crashReportingEnabled>false</crashReportingEnabled><startBrowser>false</startBrowser>\
         <reconnectionIntervalS>1</reconnectionIntervalS></options></configuration>\n",
        folder.display()
    )
}
