//! Films to play: made by ffmpeg, and kept beside what cargo builds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Bytes that a long film has at least.
pub const LONG: u64 = 2_000_000_000;

/// Bits a second of picture: a film in 1280 × 720 of good quality.
const RATE: u64 = 8_000_000;

/// Seconds that are encoded; the film is these, again and again.
const SCENE: u64 = 10;

/// Pictures a second, and from one that stands alone to the next.
const PICTURES: u64 = 25;
const APART: u64 = 50;

/// A film of [`LONG`] bytes in H.264 and AAC with its index in front, alone in its folder. Made when it is not there: half a minute.
pub fn long() -> PathBuf {
    let own = std::env::current_exe().expect("a running test has a path");
    let folder = own.ancestors().nth(3).expect("tests lie in target/PROFILE/deps").join("films");
    let film = folder.join("long.mp4");
    if film.metadata().is_ok_and(|found| found.len() >= LONG) {
        return film;
    }
    fs::create_dir_all(&folder).expect("a folder for films");
    let making = tempfile::tempdir_in(folder.parent().expect("it has one")).expect("a folder to make it in");
    let (scene, whole) = (making.path().join("scene.mp4"), making.path().join("long.mp4"));
    let rate = RATE.to_string();
    let picture = format!("testsrc2=size=1280x720:rate={PICTURES}");
    ffmpeg(
        &["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", "sine=frequency=440", "-t", &SCENE.to_string()],
        &[
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-g",
            &APART.to_string(),
            "-b:v",
            &rate,
            "-minrate",
            &rate,
            "-maxrate",
            &rate,
            "-bufsize",
            &rate,
            "-c:a",
            "aac",
        ],
        &scene,
    );
    let again = LONG / scene.metadata().expect("a scene").len() + 1;
    let input = ["-stream_loop", &again.to_string(), "-i", scene.to_str().expect("its name is ours")];
    ffmpeg(&input, &["-c", "copy", "-movflags", "+faststart"], &whole);
    fs::rename(&whole, &film).expect("it is on the same disk");
    film
}

fn ffmpeg(input: &[&str], output: &[&str], file: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-loglevel", "error", "-nostdin", "-y"]).args(input).args(output).arg(file).stdin(Stdio::null());
    let status = command.status().unwrap_or_else(|error| panic!("ffmpeg: {error}"));
    assert!(status.success(), "no film: {status}");
}
