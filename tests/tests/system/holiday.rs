//! A folder as people share one.

use shoal_tests::data;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Makes it in a folder: a text, pictures, files, and a folder with 20 more.
pub(crate) fn make(folder: &Path) -> PathBuf {
    let holiday = folder.join("Holiday");
    fs::create_dir(&holiday).unwrap();
    fs::write(holiday.join("packing list.txt"), "tent\nstove\n<b>rope</b>\n").unwrap();
    for name in ["beach.png", "cliff.png"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures/nearby.png"), holiday.join(name)).unwrap();
    }
    data::random_file(&holiday.join("map of the coast.bin"), 300_000, 3);
    data::random_file(&holiday.join("route.bin"), 200_000, 4);
    data::many_files(&holiday.join("Day 1"), 20, 3_000, 2, 5);
    holiday
}
