//! A ZIP archive that is written as it goes (PKWARE APPNOTE 6.3.10): files as they are, not compressed, since most of what people
//! send is; sizes beyond 4 GiB; names in UTF-8.

use std::time::{SystemTime, UNIX_EPOCH};

/// A size that stands in a 64-bit field elsewhere.
const ELSEWHERE: u32 = u32::MAX;

/// Sizes and CRC follow the content; the name is UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;

/// The version that knows 64-bit sizes.
const VERSION: u16 = 45;

/// Made on Unix, so that the names' case counts; by [`VERSION`].
const MADE_BY: u16 = 3 << 8 | VERSION;

/// An archive under way. Returns bytes to be written, in order.
#[derive(Debug, Default)]
pub(crate) struct Zip {
    /// Written so far.
    at: u64,
    entries: u64,
    /// The list of contents, which comes last.
    directory: Vec<u8>,
    file: File,
}

/// The file under way.
#[derive(Debug, Default)]
struct File {
    name: String,
    size: u64,
    time: u32,
    /// Where it begins.
    at: u64,
    crc: u32,
}

impl Zip {
    /// Begins a file.
    pub(crate) fn begin(&mut self, name: &str, size: u64, modified: SystemTime) -> Vec<u8> {
        self.file = File { name: name.to_owned(), size, time: dos_time(modified), at: self.at, crc: u32::MAX };
        let File { name, time, .. } = &self.file;
        let mut head = Vec::new();
        put32(&mut head, &[0x0403_4b50]);
        put16(&mut head, &[VERSION, FLAGS, 0]);
        // Neither CRC nor sizes are known here, as the flag says; 64-bit sizes are announced all the same.
        put32(&mut head, &[*time, 0, ELSEWHERE, ELSEWHERE]);
        put16(&mut head, &[length(name), 20]);
        head.extend_from_slice(name.as_bytes());
        put16(&mut head, &[1, 16]);
        put64(&mut head, &[0, 0]);
        self.wrote(head)
    }

    /// Looks at content that is written between [`Self::begin`] and [`Self::end`].
    pub(crate) fn see(&mut self, part: &[u8]) {
        self.at += part.len() as u64;
        for byte in part {
            let index = (self.file.crc ^ u32::from(*byte)) as u8;
            self.file.crc = self.file.crc >> 8 ^ CRC.get(usize::from(index)).copied().unwrap_or_default();
        }
    }

    /// Ends the file.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let File { name, size, time, at, crc } = std::mem::take(&mut self.file);
        let crc = !crc;
        let mut after = Vec::new();
        put32(&mut after, &[0x0807_4b50, crc]);
        put64(&mut after, &[size, size]);

        let list = &mut self.directory;
        put32(list, &[0x0201_4b50]);
        put16(list, &[MADE_BY, VERSION, FLAGS, 0]);
        put32(list, &[time, crc, ELSEWHERE, ELSEWHERE]);
        put16(list, &[length(&name), 28, 0, 0, 0]);
        // A plain file that its owner reads and writes.
        put32(list, &[0o100_644 << 16, ELSEWHERE]);
        list.extend_from_slice(name.as_bytes());
        put16(list, &[1, 24]);
        put64(list, &[size, size, at]);
        self.entries += 1;
        self.wrote(after)
    }

    /// The end of the archive.
    pub(crate) fn finish(self) -> Vec<u8> {
        let (begin, len) = (self.at, self.directory.len() as u64);
        let mut end = self.directory;
        put32(&mut end, &[0x0606_4b50]);
        put64(&mut end, &[44]);
        put16(&mut end, &[MADE_BY, VERSION]);
        put32(&mut end, &[0, 0]);
        put64(&mut end, &[self.entries, self.entries, len, begin]);
        put32(&mut end, &[0x0706_4b50, 0]);
        put64(&mut end, &[begin + len]);
        put32(&mut end, &[1, 0x0605_4b50]);
        put16(&mut end, &[0, 0, u16::MAX, u16::MAX]);
        put32(&mut end, &[ELSEWHERE, ELSEWHERE]);
        put16(&mut end, &[0]);
        end
    }

    fn wrote(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.at += bytes.len() as u64;
        bytes
    }
}

/// Paths are far shorter: [`shoal_proto::name::MAX_PATH`].
fn length(name: &str) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// The form of FAT: two seconds exact, from 1980 to 2107. In UTC, since the zone is nobody's business.
fn dos_time(time: SystemTime) -> u32 {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days from civil, backwards (Howard Hinnant): years begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    if !(1980..=2107).contains(&year) {
        return 1 << 21 | 1 << 16;
    }
    let date = (year - 1980) << 9 | month << 5 | day;
    let clock = ((second / 3600) << 11) | ((second / 60 % 60) << 5) | (second % 60 / 2);
    u32::try_from(date << 16 | clock).unwrap_or(0)
}

/// CRC-32 of each byte (ISO 3309), reversed.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{process::Command, time::Duration};

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = Zip::default();
        let mut bytes = Vec::new();
        for (name, content) in files {
            let modified = UNIX_EPOCH + Duration::from_secs(1_709_210_096);
            bytes.extend(zip.begin(name, content.len() as u64, modified));
            content.chunks(5).for_each(|part| zip.see(part));
            bytes.extend_from_slice(content);
            bytes.extend(zip.end());
        }
        bytes.extend(zip.finish());
        bytes
    }

    #[test]
    fn times_are_those_of_fat() {
        let of = |seconds| dos_time(UNIX_EPOCH + Duration::from_secs(seconds));
        // 2024-02-29 12:34:56
        assert_eq!(of(1_709_210_096), (44 << 9 | 2 << 5 | 29) << 16 | 12 << 11 | 34 << 5 | 28);
        // 1980-01-01, and what is before and after all that can be said.
        assert_eq!(of(315_532_800), 1 << 21 | 1 << 16);
        assert_eq!((of(0), of(1 << 40)), (of(315_532_800), of(315_532_800)));
    }

    /// The check value of the standard.
    #[test]
    fn the_sum_is_crc_32() {
        let bytes = archive(&[("a", b"123456789")]);
        assert!(bytes.windows(4).any(|four| four == 0xcbf4_3926_u32.to_le_bytes()));
    }

    /// What counts is that others read it.
    #[test]
    fn another_program_reads_it() {
        let (folder, large) = (tempfile::tempdir().unwrap(), vec![7; 100_000]);
        let path = folder.path().join("a.zip");
        std::fs::write(&path, archive(&[("b/ä🐟.txt", b"hello"), ("empty", b""), ("b/large", &large)])).unwrap();
        let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                      print([(i.filename, i.file_size, i.date_time[0]) for i in z.infolist()], z.read('b/ä🐟.txt'))";
        let Ok(read) = Command::new("python3").args(["-X", "utf8", "-c", script]).arg(&path).output() else {
            // No such program here; where the tests of the whole are run there is.
            return;
        };
        assert_eq!(
            String::from_utf8(read.stdout).unwrap().trim(),
            "[('b/ä🐟.txt', 5, 2024), ('empty', 0, 2024), ('b/large', 100000, 2024)] b'hello'",
            "{}",
            String::from_utf8_lossy(&read.stderr)
        );
    }
}
