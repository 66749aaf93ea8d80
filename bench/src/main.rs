//! `cargo xtask bench`: Shoal beside its rivals on the same work, in the same run, between two hosts on one machine.
//!
//! A *scene* is a link and a data set; each *rival* does it once a round, in an order that turns. What counts are ratios within a
//! run. A round's time runs from the start of the sending program to its end, which is when the receiver has all; contents are
//! compared after it. Needs root: hosts are network namespaces (`shoal_tests::lab`).

#[cfg(target_os = "linux")]
mod bare;
#[cfg(target_os = "linux")]
mod contest;
#[cfg(target_os = "linux")]
mod cost;
#[cfg(target_os = "linux")]
mod data;
#[cfg(target_os = "linux")]
mod end;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rivals;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod scenes;
#[cfg(target_os = "linux")]
mod stats;

/// What fails here is told to a person in one sentence and ends the run; nobody acts on a kind of error.
#[cfg(target_os = "linux")]
type Result<T = ()> = std::result::Result<T, String>;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match options::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("the comparison needs Linux's network namespaces");
    std::process::ExitCode::FAILURE
}
