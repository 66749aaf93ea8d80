//! Files and folders to send: the same bytes for the same seed.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::{Duration, SystemTime},
};

/// Bytes that no compressor or deduplication shortens: BLAKE3's output stream, keyed by `seed`.
pub struct Noise(blake3::OutputReader);

impl Noise {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new_derive_key("shoal tests: noise").update(&seed.to_le_bytes()).finalize_xof())
    }

    /// The next bytes.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// The next number below `bound`; even enough for tests.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }
}

impl std::fmt::Debug for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Noise at {}", self.0.position())
    }
}

/// Makes a file of `bytes` random bytes, and the folders on the way.
pub fn random_file(path: &Path, bytes: u64, seed: u64) {
    if let Some(folder) = path.parent() {
        make_dir(folder);
    }
    let mut noise = Noise::new(seed);
    let mut buffer = vec![0; BLOCK];
    let mut file = must(path, File::create(path));
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        noise.fill(&mut buffer[..part]);
        must(path, file.write_all(&buffer[..part]));
        left -= part as u64;
    }
}

/// Makes `folders` folders with `files` files of `bytes` bytes each, spread evenly; `many_files(dir, 10_000, 4096, 100, seed)`.
pub fn many_files(folder: &Path, files: usize, bytes: u64, folders: usize, seed: u64) {
    for i in 0..files {
        let name = format!("folder {:03}/file {i:06}.bin", i % folders.max(1));
        random_file(&folder.join(name), bytes, seed.wrapping_add(i as u64));
    }
}

/// Makes `files` files of `bytes` bytes each that take no room on the disk: nothing but holes.
pub fn sparse_files(folder: &Path, files: usize, bytes: u64) {
    make_dir(folder);
    for i in 0..files {
        let path = folder.join(format!("hole {i:06}.bin"));
        must(&path, File::create(&path).and_then(|f| f.set_len(bytes)));
    }
}

/// Overwrites a share of a file (0 to 1) with other bytes, in stretches of `stretch` bytes at random places that do not meet.
/// Returns how many bytes were changed.
pub fn change_part(path: &Path, share: f64, stretch: u64, seed: u64) -> u64 {
    let size = must(path, fs::metadata(path)).len();
    let slots = (size / stretch.max(1)).max(1);
    let wanted = ((size as f64 * share / stretch as f64).round() as u64).clamp(1, slots);
    let mut noise = Noise::new(seed);
    let mut file = must(path, File::options().write(true).open(path));
    // One stretch in each of `wanted` equal parts of the file.
    let part = slots / wanted;
    let mut buffer = vec![0; usize::try_from(stretch.min(size)).expect("a stretch fits in memory")];
    for i in 0..wanted {
        let at = (i * part + noise.below(part)) * stretch;
        noise.fill(&mut buffer);
        must(path, file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&buffer)));
    }
    wanted * buffer.len() as u64
}

/// Makes a tree of names that break careless programs, with empty files and folders, executables and old times. Returns how
/// many files there are. On Unix; elsewhere the names that the system cannot hold are left out.
pub fn difficult_names(folder: &Path, seed: u64) -> usize {
    make_dir(folder);
    let mut noise = Noise::new(seed);
    let mut files = 0;
    for (i, name) in difficult().iter().enumerate() {
        // Each name twice: as a file, and as a folder with a file in it.
        let place = if i % 2 == 0 { folder.join(name) } else { folder.join("deeper").join("still deeper").join(name) };
        let size = [0, 1, 4096, 300_000][i % 4];
        random_file(&place, size, noise.number());
        set_old_time(&place, i as u64);
        if i % 3 == 0 {
            set_executable(&place);
        }
        let inside = folder.join("as folders").join(name).join(name);
        random_file(&inside, size / 3, noise.number());
        files += 2;
    }
    for name in ["empty", "empty in empty/a/b/c", "-empty", "leer ünd 空"] {
        make_dir(&folder.join(name));
    }
    files
}

/// The names. None contains `/` or a zero byte; all are valid UTF-8.
fn difficult() -> Vec<String> {
    let mut names: Vec<String> = [
        "plain.txt",
        "two words.txt",
        "no extension",
        ".hidden",
        "..two dots",
        "...",
        "UPPER.TXT",
        "upper.txt.other",
        "Übergröße.txt",
        "naïve café.md",
        "Cafe\u{301} decomposed.md",
        "Ελληνικά.txt",
        "Русский текст.txt",
        "עברית.txt",
        "العربية.txt",
        "हिन्दी.txt",
        "ไทย.txt",
        "日本語のファイル名.txt",
        "简体中文.txt",
        "한국어.txt",
        "Tiếng Việt.txt",
        "ქართული.txt",
        "አማርኛ.txt",
        "👩‍👩‍👧‍👦 family.png",
        "🏳️‍🌈.txt",
        "a\u{200b}zero width.txt",
        "#hash.txt",
        "%20percent%2F.txt",
        "50% off.txt",
        "a&b;c=d.txt",
        "(brackets) [square] {curly}.txt",
        "it's.txt",
        "$HOME.txt",
        "`date`.txt",
        "$(id).txt",
        "~tilde",
        "!bang.txt",
        "@at",
        "^caret",
        "+plus",
        "=equals",
        "comma,name.txt",
        "very.many.dots.in.a.name.tar.gz",
        "trailing.tilde~",
        "name (2).txt",
        "name (2) (2).txt",
    ]
    .map(String::from)
    .into();
    if cfg!(unix) {
        let unix_only = [
            "-leading dash",
            "--help",
            "-rf",
            " leading space",
            "trailing space ",
            "trailing dot.",
            "new\nline.txt",
            "\n",
            "tab\there.txt",
            "return\rhere.txt",
            "bell\u{7}.txt",
            "escape\u{1b}[31mred.txt",
            "colon:name.txt",
            "C:drive.txt",
            "back\\slash.txt",
            "quote\"d.txt",
            "star*.txt",
            "question?.txt",
            "pipe|.txt",
            "<angle>.txt",
            "CON",
            "nul.txt",
            "COM1.log",
            "aux",
            "LPT¹",
            "delete\u{7f}.txt",
            "rtl\u{202e}txt.exe",
            "desktop.ini",
            "Thumbs.db",
            ".DS_Store",
            "   ",
            "'",
            "\"",
            "\\",
            "*",
            "?",
            "<",
            ">",
            "|",
            ":",
        ];
        names.extend(unix_only.map(String::from));
        names.push("x".repeat(255));
        names.push(format!("{}.txt", "y".repeat(251)));
        names.push("é".repeat(127));
        names.push(format!("{}a", "語".repeat(84)));
        names.push("🦀".repeat(63));
    }
    names
}

fn set_old_time(path: &Path, number: u64) {
    // From 2001 on, a day and some apart, with a fraction of a second.
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000 + number * 90_061, 123_456_789);
    must(path, File::options().write(true).open(path).and_then(|f| f.set_modified(time)));
}

#[cfg(unix)]
fn set_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    must(path, fs::set_permissions(path, fs::Permissions::from_mode(0o755)));
}

#[cfg(not(unix))]
fn set_executable(_: &Path) {}

fn make_dir(path: &Path) {
    must(path, fs::create_dir_all(path));
}

fn must<T>(path: &Path, result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Bytes written at once.
const BLOCK: usize = 1 << 20;
