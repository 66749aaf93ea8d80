//! Names that hostile or unlucky peers send, and a judge of what is legal. Test data, public so that a hostile peer written for
//! the system's tests sends the same; no part of the protocol.

use super::Rules;
use crate::name::unescape;
use std::collections::BTreeSet;

/// At least 300 distinct texts to be sent as a path: some that every reader must refuse, the others a trap on some system.
pub fn names() -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut add = |list: &[&str]| names.extend(list.iter().map(|name| (*name).to_owned()));
    add(&TRAVERSAL);
    add(&ABSOLUTE);
    add(&STREAMS_AND_REFUSED);
    add(&ENDS);
    add(&CLASHES);
    add(&SCREENS);
    add(&OUR_OWN_SCHEME);
    add(&SHELLS_AND_PROGRAMS);
    names.extend(devices());
    names.extend(controls());
    names.extend(overlong());
    names.into_iter().collect()
}

/// Whether `name` may stand on that system's disk, judged without the code that makes names.
pub fn is_legal(rules: Rules, name: &str) -> bool {
    let bytes = unescape(name);
    if matches!(bytes.as_ref(), b"" | b"." | b"..") || bytes.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return false;
    }
    match rules {
        Rules::Linux => bytes.len() <= 255,
        Rules::MacOs => {
            let noncharacter = |c: char| matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xffff >= 0xfffe;
            name.len() <= 255 && std::str::from_utf8(&bytes) == Ok(name) && !name.contains(':') && !name.contains(noncharacter)
        }
        Rules::Windows => {
            let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_lowercase();
            let numbered = stem.get(..3).is_some_and(|port| matches!(port, "com" | "lpt"))
                && matches!(stem.get(3..), Some("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"));
            let device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | "clock$") || numbered;
            name.encode_utf16().count() <= 255
                && std::str::from_utf8(&bytes) == Ok(name)
                && !name.contains(|c: char| c < ' ' || "<>:\"/\\|?*".contains(c))
                && !name.ends_with(['.', ' '])
                && !device
        }
    }
}

const TRAVERSAL: [&str; 44] = [
    "",
    ".",
    "..",
    "...",
    "....",
    "../",
    "../a",
    "../../../../etc/passwd",
    "a/..",
    "a/../b",
    "a/../../b",
    "a/./b",
    "./a",
    "a/.",
    "a//b",
    "a/",
    "a/b/../../../c",
    "..\\a",
    "a\\..\\..\\b",
    "..\\..\\windows\\system32\\drivers\\etc\\hosts",
    "..\\/a",
    "a/..\\..\\b",
    ".. /a",
    "../ a",
    ". ./a",
    ".../a",
    "..;/a",
    "..%2fa",
    "%2e%2e/a",
    "%2e%2e%2fa",
    "..%5ca",
    "..%c0%afa",
    "..\u{ff0f}a",
    "\u{ff0e}\u{ff0e}/a",
    "\u{2024}\u{2024}/a",
    "\u{2025}/a",
    "..\u{2215}a",
    "..\u{29f8}a",
    "..\u{200b}/a",
    ".\u{200d}./a",
    "\u{10ff2e}\u{10ff2e}/a",
    "..\u{10ff2f}a",
    "..\u{10ff5c}a",
    "a\u{10ff00}b",
];

const ABSOLUTE: [&str; 36] = [
    "/",
    "//",
    "/a",
    "//a",
    "/etc/passwd",
    "//server/share/a",
    "~",
    "~/a",
    "~root/a",
    "$HOME/a",
    "%USERPROFILE%\\a",
    "%SystemRoot%",
    "C:",
    "C:a",
    "C:\\",
    "C:\\a",
    "C:/a",
    "c:/windows/win.ini",
    "z:..\\a",
    "\\",
    "\\a",
    "\\\\server\\share\\a",
    "\\\\?\\C:\\a",
    "\\\\.\\PhysicalDrive0",
    "\\\\.\\pipe\\a",
    "\\\\?\\UNC\\server\\share\\a",
    "\\??\\C:\\a",
    "\\Device\\HarddiskVolume1\\a",
    "//?/C:/a",
    "//./COM1",
    "file:///etc/passwd",
    "file:a",
    "smb://server/a",
    "http://example.org/a",
    "C:\\\\a",
    "a/C:/b",
];

const STREAMS_AND_REFUSED: [&str; 45] = [
    "a:b",
    "a.txt:hidden",
    "a.txt::$DATA",
    "a:$DATA",
    ":a",
    "a:",
    ":",
    "::",
    ":$I30:$INDEX_ALLOCATION",
    "a:$I30:$INDEX_ALLOCATION",
    "a.txt:Zone.Identifier",
    "a.txt:Zone.Identifier:$DATA",
    "$MFT",
    "$Extend",
    "$LogFile",
    "$Recycle.Bin",
    "System Volume Information",
    "<",
    ">",
    "a<b>c",
    "\"",
    "\"quoted\"",
    "a|b",
    "|",
    "a?b",
    "?",
    "a*b",
    "*",
    "*.*",
    "a\\b",
    "\\b\\",
    "<>:\"\\|?*",
    "a<b/c>d",
    "..namedfork",
    "a/..namedfork/rsrc",
    "a/..namedfork/data",
    ".HFS+ Private Directory Data\r",
    "._a",
    ".DS_Store",
    ".Trashes",
    "desktop.ini",
    "Thumbs.db",
    "autorun.inf",
    "Icon\r",
    "a\0b",
];

const ENDS: [&str; 32] = [
    "a.",
    "a..",
    "a...",
    "a ",
    "a  ",
    "a. ",
    "a .",
    "a . .",
    ". .",
    " .",
    "  ",
    " ",
    ". ",
    ".. ",
    " ..",
    "... ",
    " a",
    "  a  ",
    "a./b",
    "a /b",
    "a. /b .",
    "a.txt.",
    "a.txt ",
    ".a.",
    "a\u{a0}",
    "a\u{3000}",
    "a\u{2003}",
    "a\t",
    "\ta",
    "a\u{200b}",
    "\u{feff}a",
    "a\u{ff0e}",
];

const CLASHES: [&str; 40] = [
    "File.txt",
    "file.txt",
    "FILE.TXT",
    "fIlE.tXt",
    "Caf\u{e9}",
    "Cafe\u{301}",
    "CAF\u{c9}",
    "CAFE\u{301}",
    "\u{c5}",
    "A\u{30a}",
    "\u{212b}",
    "\u{e5}",
    "stra\u{df}e",
    "strasse",
    "STRASSE",
    "STRA\u{1e9e}E",
    "\u{130}",
    "i\u{307}",
    "\u{131}",
    "\u{17f}",
    "\u{212a}",
    "K",
    "\u{3c2}",
    "\u{3c3}",
    "\u{3a3}",
    "\u{fb01}le",
    "\u{1c4}",
    "\u{1c5}",
    "\u{1c6}",
    "\u{ac01}",
    "\u{1100}\u{1161}\u{11a8}",
    "\u{1e69}",
    "s\u{307}\u{323}",
    "s\u{323}\u{307}",
    "\u{344}",
    "\u{958}",
    "\u{2f800}",
    "a (2).txt",
    "FOLDER~1",
    "PROGRA~1",
];

const SCREENS: [&str; 52] = [
    "\u{202e}gpj.exe",
    "a\u{202e}txt.exe",
    "photo\u{202e}gnp.scr",
    "\u{202a}a",
    "\u{202b}a",
    "\u{202c}",
    "\u{202d}a",
    "\u{2066}a\u{2069}",
    "\u{2067}a",
    "\u{2068}a",
    "\u{200e}",
    "\u{200f}a",
    "\u{61c}a",
    "a\nb",
    "\n",
    "a\r\nb",
    "a\rb",
    "a\u{2028}b",
    "a\u{2029}b",
    "a\u{85}b",
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;http://example.org\u{1b}\\click\u{1b}]8;;\u{1b}\\",
    "\u{9b}2J",
    "\u{8}\u{8}\u{8}hidden",
    "\u{7f}",
    "\u{200b}",
    "\u{200c}\u{200d}",
    "\u{2060}a",
    "\u{ad}",
    "\u{180e}",
    "\u{115f}",
    "\u{3164}",
    "\u{ffa0}",
    "\u{2800}",
    "\u{e0001}a",
    "\u{e0061}\u{e007f}",
    "\u{fe0f}",
    "a\u{e0100}",
    "Z\u{351}\u{36b}\u{343}\u{36a}\u{302}\u{36b}\u{33d}\u{34f}\u{334}\u{319}\u{324}\u{31e}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{10ffff}",
    "\u{10fffe}",
    "\u{fffd}",
    "\u{e000}",
    "\u{f8ff}",
    "😀",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦.png",
    "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
];

const OUR_OWN_SCHEME: [&str; 38] = [
    "‛",
    "‛‛",
    "a‛",
    "‛a",
    "‛~",
    "‛‛~",
    "‛‛‛~",
    "a‛~aaaaaaaaaaaaaaaaaaaaaaaa.txt",
    "‛.",
    "CON‛",
    "CON‛.txt",
    "‛x2F;",
    "‛x2E;‛x2E;",
    "‛x00;",
    "‛xE9;",
    "‛xe9;",
    "‛x",
    "‛x;",
    "‛xFFFE;",
    "‛x110000;",
    "‛xffffffffffffffff;",
    "꞉",
    "‛꞉",
    "a꞉b",
    "﹤﹥",
    "＂",
    "⧹",
    "∣",
    "﹖",
    "∗",
    "␊",
    "␠",
    "a␠",
    "a．",
    "．．",
    "\u{10ffe9}",
    "\u{10fff4}\u{10ff8f}\u{10ffbf}\u{10ffbf}",
    "\u{10ffc3}\u{10ffa9}",
];

const SHELLS_AND_PROGRAMS: [&str; 40] = [
    "-",
    "--",
    "-rf",
    "--help",
    "-o/a",
    "--checkpoint-action=exec=sh a.sh",
    "$(reboot)",
    "`reboot`",
    "${IFS}",
    "a;reboot",
    "a&&reboot",
    "a|reboot",
    "a\nreboot",
    "'",
    "'; DROP TABLE transfers; --",
    "\" onload=\"alert(1)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}}",
    "%s%s%n",
    "%00",
    "a%00.txt",
    "&amp;",
    "#a",
    "!a",
    "[a]",
    "{a,b}",
    "a=b",
    "@a",
    "+a",
    ",",
    "a\\",
    "\\n",
    "\\0",
    "null",
    "undefined",
    "__proto__",
    "constructor",
    ".git/hooks/post-checkout",
    ".ssh/authorized_keys",
];

/// The device names of Windows in the forms in which it still takes them for devices, and some that are none.
fn devices() -> impl Iterator<Item = String> {
    let plain = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"].map(str::to_owned);
    let numbered =
        ["COM", "LPT"].into_iter().flat_map(|port| "0123456789¹²³".chars().map(move |number| format!("{port}{number}")));
    let other = ["COM", "LPT", "COM10", "COM⁴", "CONSOLE", "NULL", "XCON", " CON", ".CON", "CON_"].map(str::to_owned);
    plain.into_iter().chain(numbered).chain(other).flat_map(|name| {
        let lower = name.to_lowercase();
        [
            format!("{name}.txt"),
            format!("{name} .tar.gz"),
            format!("{name}."),
            format!("{name} "),
            format!("{name}:"),
            format!("a/{lower}/b"),
            lower,
            name,
        ]
    })
}

/// Every control character, alone in the middle of a name.
fn controls() -> impl Iterator<Item = String> {
    ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').map(|control| format!("a{control}b"))
}

/// Around every limit, in one to four bytes a character.
fn overlong() -> impl Iterator<Item = String> {
    let around = [254, 255, 256, 1023, 1024, 1025];
    let one_character = ["x", "é", "写", "😀", "\u{10ffff}", "\u{10ffe9}", "‛", ":", "e\u{301}"];
    let long = one_character.into_iter().flat_map(move |unit| around.map(|bytes| unit.repeat(bytes / unit.len())));
    let wide = ["写", "😀"].into_iter().flat_map(|unit| [127, 128, 255, 256].map(|count| format!("{}.txt", unit.repeat(count))));
    let deep = [128, 129, 5000].into_iter().map(|depth| vec!["a"; depth].join("/"));
    let paths = [31, 32, 33].into_iter().map(|count| vec!["x".repeat(1023); count].join("/"));
    let extensions = [format!("a.{}", "x".repeat(300)), format!("{}.tar.gz", "x".repeat(300)), format!("{}.", "x".repeat(255))];
    long.chain(wide).chain(deep).chain(paths).chain(extensions)
}
