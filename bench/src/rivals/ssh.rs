//! An SSH server of the run's own, with keys and configuration in the run's folder: what rsync, scp and tar go through.

use super::{program, programs, write};
use crate::{
    Result,
    lab::Side,
    run::{READY, Run},
};
use std::{path::Path, process::Command};

const PORT: u16 = 2222;
/// Where sshd wants a folder for its unprivileged half, on Debian.
const SEPARATED: &str = "/run/sshd";

/// How to get what is needed here.
pub(super) fn find() -> Result {
    programs(&["ssh", "sshd", "ssh-keygen"], "apt-get install openssh-client openssh-server")
}

/// Starts the server at the receiver; returns the client's words, `ssh` first, without the host.
pub(super) fn serve(run: &mut Run<'_>, cipher: Option<&str>) -> Result<Vec<String>> {
    let file = |name: &str| run.scratch.join(name).display().to_string();
    let (host_key, user_key, config) = (file("host-key"), file("user-key"), file("sshd_config"));
    std::fs::create_dir_all(SEPARATED).map_err(|e| format!("{SEPARATED}: {e}"))?;
    for key in [&host_key, &user_key] {
        make_key(Path::new(key))?;
    }
    write(
        Path::new(&config),
        &format!(
            "Port {PORT}\nHostKey {host_key}\nAuthorizedKeysFile {user_key}.pub\nStrictModes no\nUsePAM no\nPidFile none\n\
             PermitRootLogin yes\nPasswordAuthentication no\nPrintMotd no\nUseDNS no\nSubsystem sftp internal-sftp\n"
        ),
    )?;
    let mut server = Command::new(program("sshd").ok_or("sshd is gone")?);
    let server = run.server(Side::Receiver, server.args(["-D", "-e", "-f", &config]))?;
    server.wait_for_word("Server listening", READY)?;
    let options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    let mut words = ["ssh", "-F", "none", "-i", &user_key].map(str::to_owned).to_vec();
    words.extend(options.into_iter().flat_map(|option| ["-o".to_owned(), option.to_owned()]));
    words.push(format!("-oPort={PORT}"));
    words.extend(cipher.map(|cipher| format!("-oCiphers={cipher}")));
    Ok(words)
}

/// The user and host that clients name.
pub(super) fn host(run: &Run<'_>) -> String {
    format!("root@{}", run.to())
}

fn make_key(path: &Path) -> Result {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    if made.is_ok_and(|status| status.success()) { Ok(()) } else { Err(format!("ssh-keygen could not make {}", path.display())) }
}
