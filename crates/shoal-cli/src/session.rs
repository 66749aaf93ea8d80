//! One run of the command: where its engine is, where its output goes, and when it must stop.

use crate::{
    args::{Cli, Command, Global},
    commands::{self, bench, devices, limit, link, look, offers, receive, send, serve, share, transfers, trust},
    exit::Stop,
    output::Output,
    words,
};
use shoal_api::{Code, Config, Host, Reply, Request, Subscription, Thumbnailer, default_data_dir};
use std::{future::Future, io};
use tokio::sync::{OnceCell, watch};

/// Seconds in which a device must show up before it counts as not found.
pub(crate) const FIND_SECONDS: u32 = 10;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Session {
    /// How an engine runs that this command starts.
    pub(crate) config: Config,
    /// Where answers go.
    pub(crate) out: Output,
    host: OnceCell<Host>,
    stop: watch::Receiver<bool>,
}

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> Result<(), Stop> {
    if let Command::Completions { shell } = cli.command {
        return commands::completions(shell);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Stop::because(Code::Failed, format_args!("Shoal cannot start its threads: {}", words::system(&error)))
    })?;
    let result = runtime.block_on(async {
        let session = Session::new(&cli.global)?;
        let result = session.command(cli.command).await;
        session.close().await;
        result
    });
    // A thread may still wait for the keyboard; it must not hold the process.
    runtime.shutdown_background();
    result
}

impl Session {
    fn new(global: &Global) -> Result<Self, Stop> {
        let data_dir = match &global.data_dir {
            Some(folder) => std::path::absolute(folder).map_err(|error| {
                Stop::because(
                    Code::Usage,
                    format_args!("{} is no folder to keep data in: {}", folder.display(), words::system(&error)),
                )
            })?,
            None => default_data_dir().ok_or_else(|| {
                Stop::because(Code::Usage, "this account has no folder for data: name one with --data-dir or SHOAL_DATA_DIR")
            })?,
        };
        let mut config = Config::new(data_dir);
        config.listen = global.engine.listen;
        config.port = global.engine.port;
        config.mdns = !global.engine.no_mdns;
        config.lan_only = global.engine.lan_only;
        config.thumbnailer = Thumbnailer::this_program(shoal_thumbnail::ARGUMENT);
        Ok(Self { config, out: Output { json: global.json }, host: OnceCell::new(), stop: watch_signals() })
    }

    async fn command(&self, command: Command) -> Result<(), Stop> {
        match command {
            // These listen for signals themselves: they have something to say or to keep when they are stopped.
            Command::Serve(args) => Box::pin(serve::run(self, args)).await,
            Command::Send(args) => Box::pin(send::run(self, args)).await,
            Command::Receive(args) => Box::pin(receive::run(self, args)).await,
            Command::Accept(args) => Box::pin(offers::accept(self, args)).await,
            Command::Get(args) => Box::pin(look::get(self, args)).await,
            Command::Link(args) => Box::pin(link::run(self, args)).await,
            Command::Resume(args) => Box::pin(transfers::resume(self, args)).await,
            Command::Retry(args) => Box::pin(transfers::retry(self, args)).await,
            // These are over soon, or have nothing to keep.
            Command::Id(args) => self.unless_stopped(devices::id(self, args)).await,
            Command::Peers(args) => self.unless_stopped(devices::peers(self, args)).await,
            Command::Verify(args) => self.unless_stopped(trust::verify(self, args)).await,
            Command::Trust(args) => self.unless_stopped(trust::trust(self, args)).await,
            Command::Forget(args) => self.unless_stopped(trust::forget(self, args)).await,
            Command::Offers(args) => self.unless_stopped(offers::offers(self, args)).await,
            Command::Decline(args) => self.unless_stopped(offers::decline(self, args)).await,
            Command::Transfers(args) => self.unless_stopped(transfers::transfers(self, args)).await,
            Command::Pause(args) => self.unless_stopped(transfers::pause(self, args)).await,
            Command::Cancel(args) => self.unless_stopped(transfers::cancel(self, args)).await,
            Command::Bench(args) => self.unless_stopped(bench::run(self, args)).await,
            Command::Share(args) => self.unless_stopped(share::run(self, args)).await,
            Command::Ls(args) => self.unless_stopped(look::ls(self, args)).await,
            Command::Search(args) => self.unless_stopped(look::search(self, args)).await,
            Command::Limit(args) => self.unless_stopped(limit::run(self, args)).await,
            Command::Completions { shell } => commands::completions(shell),
        }
    }

    /// The running engine, or one of our own.
    pub(crate) async fn host(&self) -> Result<&Host, Stop> {
        self.host_with(self.config.clone()).await
    }

    /// The running engine, or one of our own with this configuration.
    pub(crate) async fn host_with(&self, config: Config) -> Result<&Host, Stop> {
        Ok(self.host.get_or_try_init(|| Host::open(config)).await?)
    }

    /// An engine of our own; an error when one runs.
    pub(crate) async fn own_host(&self, config: Config) -> Result<&Host, Stop> {
        Ok(self.host.get_or_try_init(|| Host::start(config)).await?)
    }

    /// Has a request done.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Stop> {
        Ok(self.host().await?.request(request).await?)
    }

    /// Events from now on.
    pub(crate) async fn subscribe(&self) -> Result<Subscription, Stop> {
        Ok(self.host().await?.subscribe().await?)
    }

    /// Returns once somebody asks the command to stop.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending().await
        }
    }

    /// Does something unless it is stopped before.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
        let work = Box::pin(work);
        tokio::select! {
            result = work => result,
            () = self.stopped() => Err(Stop::Signal),
        }
    }

    async fn close(self) {
        if let Some(host) = self.host.into_inner() {
            host.close().await;
        }
    }
}

/// Takes a reply apart that can be of one kind only.
macro_rules! reply {
    ($reply:expr, $kind:pat => $value:expr) => {
        match $reply {
            $kind => Ok($value),
            other => Err($crate::session::unexpected(&other)),
        }
    };
}
pub(crate) use reply;

/// The running engine answers something else than was asked: it is of another version.
pub(crate) fn unexpected(reply: &Reply) -> Stop {
    tracing::debug!(?reply, "unexpected");
    Stop::because(Code::Failed, "the running Shoal is of another version than this command: restart it")
}

/// Becomes true at the first Ctrl-C or SIGTERM; the second ends the process on the spot.
fn watch_signals() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            if let Err(error) = next_signal().await {
                tracing::warn!(%error, "signals cannot be heard");
                return;
            }
            if sender.send_replace(true) {
                std::process::exit(130);
            }
        }
    });
    receiver
}

#[cfg(unix)]
async fn next_signal() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn next_signal() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
