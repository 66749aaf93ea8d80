//! curl over plain HTTP from nginx: what TCP and files take without any safety.

use super::{Rival, program, programs, write};
use crate::{
    Result,
    data::files,
    lab::Side,
    run::{READY, Run},
};
use std::{net::TcpStream, process::Command};

const PORT: u16 = 8080;

#[derive(Debug)]
pub(super) struct Curl;

impl Rival for Curl {
    fn name(&self) -> &'static str {
        "curl"
    }

    fn find(&self) -> Result {
        programs(&["curl", "nginx"], "apt-get install curl nginx-light")
    }

    fn transfer(&self, run: &mut Run<'_>) -> Result {
        let folder = run.data.path.parent().unwrap_or(&run.data.path);
        let config = run.scratch.join("nginx.conf");
        let (scratch, root) = (run.scratch.display(), folder.display());
        write(
            &config,
            &format!(
                "daemon off; master_process off; user root; pid {scratch}/nginx.pid; error_log {scratch}/nginx.log;\n\
                 events {{}}\nhttp {{ access_log off; sendfile on; keepalive_requests 1000000;\n\
                 server {{ listen {PORT}; root {root}; }} }}\n"
            ),
        )?;
        // The list of names is made before the clock: HTTP has none.
        let list = run.scratch.join("list");
        write(&list, &list_of(run)?)?;
        let address = (run.from(), PORT);
        let host = run.lab.host(Side::Sender).clone();
        let mut server = Command::new(program("nginx").ok_or("nginx is gone")?);
        let server = run.server(Side::Sender, server.arg("-c").arg(&config).arg("-e").arg(run.scratch.join("nginx.log")))?;
        server.wait_until("listen", READY, || host.within(|| TcpStream::connect(address).is_ok()))?;
        run.client(Side::Receiver, Command::new("curl").args(["--silent", "--fail", "--create-dirs", "--config"]).arg(&list))
    }
}

/// Every file as curl's configuration has it.
fn list_of(run: &Run<'_>) -> Result<String> {
    let found = files(&run.data.path).map_err(|e| e.to_string())?;
    let own = run.data.name();
    let lines = found.iter().map(|(name, ..)| {
        let below = if name.as_os_str().is_empty() { own.clone() } else { format!("{own}/{}", name.display()) };
        let url = below.replace(' ', "%20");
        format!("url = \"http://{}:{PORT}/{url}\"\noutput = \"{}/{below}\"\n", run.from(), run.target.display())
    });
    Ok(lines.collect())
}
