//! Set-up: what a machine needs beyond Rust, how each system installs it, and the question whether to.
//!
//! One table ([`NEEDS`]) says what is needed and what its package is called; [`plan`] makes of it, as a pure function, the commands
//! for one system; [`install`] looks, says, asks, and runs them.

use crate::{
    Result,
    shell::{find, run},
};
use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// What set-up is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum For {
    /// To build and run what needs no display.
    Building,
    /// Also the window.
    Window,
    /// Also to test everything.
    Testing,
    /// Also to compare with other programs.
    Comparing,
}

/// Something a machine must have.
#[derive(Debug)]
struct Need {
    /// Programs of which one must be there; a library by its `NAME.pc`, a module of Python as `python:NAME`,
    /// a plugin of GStreamer as `gst:NAME`.
    programs: &'static [&'static str],
    /// Why.
    why: &'static str,
    /// The first use that it is needed for.
    from: For,
    /// Where it is needed.
    platforms: Platforms,
    /// Packages that bring it: apt, dnf, pacman.
    packages: [&'static [&'static str]; 3],
    /// The component of rustup that brings it, where Rust came by rustup.
    component: Option<&'static str>,
}

/// Systems that need something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platforms {
    All,
    Unix,
    Linux,
}

#[rustfmt::skip]
const NEEDS: &[Need] = &[
    Need { programs: &["cc", "gcc", "clang", "cl"], why: "SQLite and ring are compiled from C", from: For::Building, platforms: Platforms::All,
           packages: [&["gcc", "libc6-dev"], &["gcc"], &["gcc"]], component: None },
    Need { programs: &["pkg-config", "pkgconf"], why: "finds the libraries of the window", from: For::Window, platforms: Platforms::Linux,
           packages: [&["pkg-config"], &["pkgconf-pkg-config"], &["pkgconf"]], component: None },
    Need { programs: &["webkit2gtk-4.1.pc"], why: "the window shows its page with it", from: For::Window, platforms: Platforms::Linux,
           packages: [&["libwebkit2gtk-4.1-dev"], &["webkit2gtk4.1-devel"], &["webkit2gtk-4.1"]], component: None },
    Need { programs: &["ayatana-appindicator3-0.1.pc"], why: "the icon in the tray", from: For::Window, platforms: Platforms::Linux,
           packages: [&["libayatana-appindicator3-dev"], &["libayatana-appindicator-gtk3-devel"], &["libayatana-appindicator"]], component: None },
    Need { programs: &["npm", "npm.cmd"], why: "the UI is built with Node 20 or later", from: For::Building, platforms: Platforms::All,
           packages: [&["nodejs", "npm"], &["nodejs", "npm"], &["nodejs", "npm"]], component: None },
    Need { programs: &["cargo-fmt"], why: "formatting is checked", from: For::Testing, platforms: Platforms::All,
           packages: [&["rustfmt"], &["rustfmt"], &["rust"]], component: Some("rustfmt") },
    Need { programs: &["cargo-clippy"], why: "lints are checked", from: For::Testing, platforms: Platforms::All,
           packages: [&["rust-clippy"], &["clippy"], &["rust"]], component: Some("clippy") },
    Need { programs: &["c++", "g++", "clang++"], why: "the fuzzer is C++", from: For::Testing, platforms: Platforms::Unix,
           packages: [&["g++"], &["gcc-c++"], &["gcc"]], component: None },
    Need { programs: &["ip"], why: "system tests make hosts of network namespaces", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["iproute2"], &["iproute"], &["iproute2"]], component: None },
    Need { programs: &["tc"], why: "system tests shape the rate of links", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["iproute2"], &["iproute-tc"], &["iproute2"]], component: None },
    Need { programs: &["nft"], why: "system tests drop packets", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["nftables"], &["nftables"], &["nftables"]], component: None },
    Need { programs: &["strace"], why: "system tests make writes fail", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["strace"], &["strace"], &["strace"]], component: None },
    Need { programs: &["mount"], why: "system tests fill small disks", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["mount"], &["util-linux"], &["util-linux"]], component: None },
    Need { programs: &["Xvfb"], why: "window tests have displays of their own", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["xvfb", "fonts-dejavu-core", "fonts-noto-color-emoji"], &["xorg-x11-server-Xvfb"], &["xorg-server-xvfb"]], component: None },
    Need { programs: &["openbox"], why: "window tests have a window manager", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["openbox"], &["openbox"], &["openbox"]], component: None },
    Need { programs: &["dbus-run-session"], why: "window tests have a session bus", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["dbus"], &["dbus-daemon"], &["dbus"]], component: None },
    Need { programs: &["WebKitWebDriver"], why: "window tests read the page", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["webkit2gtk-driver"], &["webkit2gtk4.1"], &["webkit2gtk-4.1"]], component: None },
    Need { programs: &["xdotool"], why: "window tests move the mouse", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["xdotool"], &["xdotool"], &["xdotool"]], component: None },
    Need { programs: &["import"], why: "pictures of windows", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["imagemagick"], &["ImageMagick"], &["imagemagick"]], component: None },
    Need { programs: &["python:gi"], why: "window tests drag files from another program", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["python3-gi", "gir1.2-gtk-3.0"], &["python3-gobject", "gtk3"], &["python-gobject", "gtk3"]], component: None },
    Need { programs: &["chromium", "chromium-browser", "google-chrome"], why: "tests of the UI in a browser", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["chromium"], &["chromium"], &["chromium"]], component: None },
    Need { programs: &["ffmpeg"], why: "tests make the films that they play", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["ffmpeg"], &["ffmpeg-free"], &["ffmpeg"]], component: None },
    Need { programs: &["gst:libav"], why: "the window plays H.264 with it", from: For::Testing, platforms: Platforms::Linux,
           packages: [&["gstreamer1.0-libav"], &["gstreamer1-plugin-libav"], &["gst-libav"]], component: None },
    Need { programs: &["iperf3"], why: "the comparison's limit: TCP from memory to memory", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["iperf3"], &["iperf3"], &["iperf3"]], component: None },
    Need { programs: &["ssh", "scp"], why: "compared with: scp, and rsync and tar through ssh", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["openssh-client"], &["openssh-clients"], &["openssh"]], component: None },
    Need { programs: &["sshd"], why: "compared with: scp, and rsync and tar through ssh", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["openssh-server"], &["openssh-server"], &["openssh"]], component: None },
    Need { programs: &["rsync"], why: "compared with", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["rsync"], &["rsync"], &["rsync"]], component: None },
    Need { programs: &["curl"], why: "compared with", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["curl"], &["curl"], &["curl"]], component: None },
    Need { programs: &["nginx"], why: "curl's server", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["nginx-light"], &["nginx"], &["nginx"]], component: None },
    Need { programs: &["syncthing"], why: "compared with", from: For::Comparing, platforms: Platforms::Linux,
           packages: [&["syncthing"], &["syncthing"], &["syncthing"]], component: None },
];

/// A kind of system, by how it installs things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Debian,
    Fedora,
    Arch,
    OtherLinux,
    MacOs,
    Windows,
    Other,
}

impl System {
    fn here() -> Self {
        match std::env::consts::OS {
            "linux" => Self::of_linux(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()),
            "macos" => Self::MacOs,
            "windows" => Self::Windows,
            _ => Self::Other,
        }
    }

    /// From the text of `/etc/os-release`: its `ID`, else the first of `ID_LIKE` that is known.
    fn of_linux(os_release: &str) -> Self {
        let field = |key: &str| {
            let value = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default();
            value.trim().trim_matches(['"', '\''])
        };
        let mut ids = field("ID").split_whitespace().chain(field("ID_LIKE").split_whitespace());
        let known = ids.find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" | "archlinux" => Some(Self::Arch),
            _ => None,
        });
        known.unwrap_or(Self::OtherLinux)
    }

    fn is_among(self, platforms: Platforms) -> bool {
        match platforms {
            Platforms::All => true,
            Platforms::Unix => self != Self::Windows,
            Platforms::Linux => matches!(self, Self::Debian | Self::Fedora | Self::Arch | Self::OtherLinux),
        }
    }
}

/// What the plan depends on besides the system.
#[derive(Debug, Clone, Copy)]
struct Means {
    /// This is root.
    root: bool,
    /// Rust came by rustup.
    rustup: bool,
}

/// How to get what is missing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// To be run in this order.
    commands: Vec<Vec<String>>,
    /// What a person must do, as this program cannot.
    by_hand: Vec<String>,
}

/// Makes sure that what is needed is there: looks, says what it will install, asks when on a terminal, and installs.
pub(crate) fn install(purpose: For, yes: bool) -> Result {
    let system = System::here();
    let missing = missing(system, purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let plan = plan(system, &missing, Means::here());
    print(&missing, &plan);
    if !plan.commands.is_empty() && (yes || in_ci() || agreed()?) {
        for words in &plan.commands {
            if let [program, args @ ..] = words.as_slice() {
                run(Command::new(program).args(args))?;
            }
        }
    }
    let still = self::missing(system, purpose);
    for need in &still {
        println!("still missing: {} ({})", need.programs.join(" or "), need.why);
    }
    // Only some tests need the rest, and they say so themselves.
    if still.iter().any(|need| need.from <= For::Window) {
        return Err("without it nothing can be built: install it and run this again".to_owned());
    }
    Ok(())
}

/// Prints what is there and what is missing, and changes nothing.
pub(crate) fn report() {
    let system = System::here();
    println!("system: {system:?}");
    for need in NEEDS.iter().filter(|need| system.is_among(need.platforms)) {
        let found = need.programs.iter().find_map(|name| found(name)).unwrap_or_else(|| "MISSING".to_owned());
        println!("{:13} {found}  ({})", need.programs.first().copied().unwrap_or_default(), need.why);
    }
    let missing = missing(system, For::Testing);
    if missing.is_empty() {
        println!("nothing is missing");
    } else {
        print(&missing, &plan(system, &missing, Means::here()));
    }
}

/// Whether an automatic build runs this.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Whether this is root. Never on Windows.
pub(crate) fn is_root() -> bool {
    cfg!(unix) && crate::shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn missing(system: System, purpose: For) -> Vec<&'static Need> {
    let wanted = |need: &&Need| need.from <= purpose && system.is_among(need.platforms);
    // On Windows the compiler is not on the path: the one that linked this program compiles C too.
    let present = |need: &&Need| {
        need.programs.iter().any(|name| found(name).is_some()) || (system == System::Windows && need.from == For::Building)
    };
    NEEDS.iter().filter(wanted).filter(|need| !present(need)).collect()
}

/// Where something of [`Need::programs`] is.
fn found(name: &str) -> Option<String> {
    if let Some(module) = name.strip_prefix("python:") {
        let import =
            crate::shell::output(Command::new("python3").args(["-c", &format!("import {module}; print({module}.__file__)")]));
        return import.ok().map(|path| path.trim().to_owned());
    }
    let path = match name.strip_prefix("gst:") {
        Some(plugin) => beneath_libraries("gstreamer-1.0", &format!("libgst{plugin}.so")),
        None if name.ends_with(".pc") => beneath_libraries("pkgconfig", name),
        None => find(name),
    };
    path.map(|path| path.display().to_string())
}

/// A file of a folder that lies where distributions keep libraries, as `pkgconfig` does.
fn beneath_libraries(folder: &str, name: &str) -> Option<PathBuf> {
    let triple = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let libraries = [triple.as_str(), "/usr/lib64", "/usr/lib", "/usr/share"];
    libraries.iter().map(|place| Path::new(place).join(folder).join(name)).find(|file| file.is_file())
}

impl Means {
    fn here() -> Self {
        Self { root: is_root(), rustup: find("rustup").is_some() }
    }
}

fn plan(system: System, missing: &[&Need], means: Means) -> Plan {
    let mut plan = Plan::default();
    let (components, packaged): (Vec<&Need>, Vec<&Need>) =
        missing.iter().partition(|need| means.rustup && need.component.is_some());
    if !components.is_empty() {
        let names = components.iter().filter_map(|need| need.component);
        plan.commands.push(words(&["rustup", "component", "add"], names));
    }
    if packaged.is_empty() {
        return plan;
    }
    let manager: Option<(usize, &[&[&str]])> = match system {
        System::Debian => Some((
            0,
            &[
                &["apt-get", "update"],
                &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends"],
            ],
        )),
        System::Fedora => Some((1, &[&["dnf", "install", "--assumeyes"]])),
        System::Arch => Some((2, &[&["pacman", "--sync", "--refresh", "--needed", "--noconfirm"]])),
        System::OtherLinux | System::MacOs | System::Windows | System::Other => None,
    };
    let Some((column, commands)) = manager else {
        let programs: Vec<&str> = packaged.iter().filter_map(|need| need.programs.first().copied()).collect();
        match system {
            System::MacOs if programs.iter().any(|p| ["cc", "c++"].contains(p)) => {
                plan.commands.push(words(&["xcode-select", "--install"], []))
            }
            _ => plan.by_hand.push(format!("install {} in the way of this system", programs.join(", "))),
        }
        return plan;
    };
    let mut packages: Vec<&str> =
        packaged.iter().filter_map(|need| need.packages.get(column)).copied().flatten().copied().collect();
    packages.sort_unstable();
    packages.dedup();
    let prefix: &[&str] = if means.root { &[] } else { &["sudo"] };
    if let Some((install, before)) = commands.split_last() {
        plan.commands.extend(before.iter().map(|command| words(prefix, command.iter().copied())));
        let install = prefix.iter().chain(install.iter()).copied();
        plan.commands.push(words(&[], install.chain(packages)));
    }
    plan
}

fn words<'a>(beginning: &[&str], rest: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    beginning.iter().copied().map(str::to_owned).chain(rest.into_iter().map(str::to_owned)).collect()
}

fn print(missing: &[&Need], plan: &Plan) {
    println!("missing:");
    for need in missing {
        println!("  {} ({})", need.programs.first().copied().unwrap_or_default(), need.why);
    }
    for command in &plan.commands {
        println!("to be run: {}", command.join(" "));
    }
    for what in &plan.by_hand {
        println!("by hand: {what}");
    }
}

fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        println!("not on a terminal, so nothing is installed: --yes installs without asking");
        return Ok(false);
    }
    print!("Install this now? [Y/n] ");
    let mut answer = String::new();
    std::io::stdout().flush().and_then(|()| std::io::stdin().read_line(&mut answer)).map_err(|e| format!("no answer: {e}"))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Means = Means { root: true, rustup: true };
    const USER: Means = Means { root: false, rustup: false };

    #[test]
    fn each_distribution_is_known_by_its_os_release() {
        let samples = [
            ("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n", System::Debian),
            ("NAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n", System::Debian),
            ("NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", System::Debian),
            ("NAME=\"Fedora Linux\"\nVERSION_ID=43\nID=fedora\nPLATFORM_ID=\"platform:f43\"\n", System::Fedora),
            ("NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", System::Fedora),
            ("NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n", System::Arch),
            ("NAME='EndeavourOS'\nID='endeavouros'\nID_LIKE='arch'\n", System::Arch),
            ("NAME=\"Alpine Linux\"\nID=alpine\n", System::OtherLinux),
            ("", System::OtherLinux),
        ];
        for (text, expected) in samples {
            assert_eq!(System::of_linux(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_missing_becomes_one_install_on_each_system() {
        let missing: Vec<&Need> = NEEDS.iter().collect();
        let said = |system, means| {
            let plan = plan(system, &missing, means);
            (plan.commands.iter().map(|c| c.join(" ")).collect::<Vec<_>>(), plan.by_hand)
        };
        let (debian, by_hand) = said(System::Debian, ROOT);
        assert_eq!(
            debian,
            [
                "rustup component add rustfmt clippy",
                "apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                 chromium curl dbus ffmpeg fonts-dejavu-core fonts-noto-color-emoji g++ gcc gir1.2-gtk-3.0 gstreamer1.0-libav \
                 imagemagick iperf3 iproute2 libayatana-appindicator3-dev libc6-dev libwebkit2gtk-4.1-dev mount nftables \
                 nginx-light nodejs npm openbox openssh-client openssh-server pkg-config python3-gi rsync strace syncthing \
                 webkit2gtk-driver xdotool xvfb",
            ]
        );
        assert!(by_hand.is_empty());
        let (fedora, _) = said(System::Fedora, USER);
        let packages = "ImageMagick chromium clippy curl dbus-daemon ffmpeg-free gcc gcc-c++ gstreamer1-plugin-libav gtk3 iperf3 iproute iproute-tc \
                        libayatana-appindicator-gtk3-devel nftables nginx nodejs npm openbox openssh-clients openssh-server \
                        pkgconf-pkg-config python3-gobject rsync rustfmt strace syncthing util-linux webkit2gtk4.1 \
                        webkit2gtk4.1-devel xdotool xorg-x11-server-Xvfb";
        assert_eq!(fedora, [format!("sudo dnf install --assumeyes {packages}")]);
        let (arch, _) = said(System::Arch, USER);
        let packages = "chromium curl dbus ffmpeg gcc gst-libav gtk3 imagemagick iperf3 iproute2 libayatana-appindicator nftables nginx nodejs \
                        npm openbox openssh pkgconf python-gobject rsync rust strace syncthing util-linux webkit2gtk-4.1 \
                        xdotool xorg-server-xvfb";
        assert_eq!(arch, [format!("sudo pacman --sync --refresh --needed --noconfirm {packages}")]);
        let (mac, _) = said(System::MacOs, ROOT);
        assert_eq!(mac, ["rustup component add rustfmt clippy", "xcode-select --install"]);
        for system in [System::OtherLinux, System::Windows, System::Other] {
            let (commands, by_hand) = said(system, USER);
            assert!(commands.is_empty() && by_hand.len() == 1, "{system:?}: {commands:?} {by_hand:?}");
        }
    }

    #[test]
    fn nothing_missing_means_nothing_to_run() {
        assert_eq!(plan(System::Debian, &[], ROOT), Plan::default());
    }

    #[test]
    fn only_linux_needs_what_system_tests_need() {
        assert!(missing(System::MacOs, For::Testing).iter().all(|need| need.platforms != Platforms::Linux));
        assert!(missing(System::Windows, For::Building).is_empty());
    }
}
