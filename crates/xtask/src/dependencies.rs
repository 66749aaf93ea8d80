//! Checks what the project depends on: licences, sources, versions twice.
//!
//! The rules are in `deny.toml`, which `cargo deny` reads too. `cargo deny` takes longer to build than Shoal does, so this small
//! reader of the same file is what always runs; it knows no more of TOML than that file uses.

use crate::{
    Result,
    shell::{cargo, output, root},
};
use std::collections::{BTreeMap, BTreeSet};

/// The only place that packages may come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks all packages in `Cargo.lock`, for every system. The error lists what is wrong.
pub(crate) fn check() -> Result {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).map_err(|e| format!("{name}: {e}"));
    let rules = Rules::parse(&read("deny.toml")?);
    let tree = ["tree", "--workspace", "--locked", "--target", "all", "--edges", "normal,build,dev", "--prefix", "none"];
    let listed = output(cargo(&tree).args(["--format", "{p}|{l}"]))?;
    let packages: BTreeSet<Package> = listed.lines().filter_map(Package::parse).collect();
    let mut wrong = rules.violations(&packages);
    wrong.extend(foreign_sources(&read("Cargo.lock")?));
    if !wrong.is_empty() {
        return Err(format!("dependencies break the rules of deny.toml:\n  {}", wrong.join("\n  ")));
    }
    println!("{} packages: licences, sources and versions are as deny.toml allows", packages.len());
    Ok(())
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

impl Package {
    /// From `name v1.2.3 (proc-macro)|MIT OR Apache-2.0`, as `cargo tree` prints it.
    fn parse(line: &str) -> Option<Self> {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let (name, rest) = package.split_once(" v")?;
        let version = rest.split(' ').next()?;
        Some(Self { name: name.to_owned(), version: version.to_owned(), licence: licence.trim().to_owned() })
    }

    /// What must be the same for cargo to use one version for two users: `1`, `0.4`, `0.0.3`.
    fn line_of_versions(&self) -> String {
        let mut parts = self.version.split('.');
        let mut line = parts.next().unwrap_or_default().to_owned();
        while line.split('.').all(|part| part == "0") {
            let Some(part) = parts.next() else { break };
            line = format!("{line}.{part}");
        }
        line
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Rules {
    /// Licences that every package may have.
    licences: BTreeSet<String>,
    /// Licences that one package may have.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    /// Packages that may be there in several versions.
    several_versions: BTreeSet<String>,
}

impl Rules {
    fn parse(text: &str) -> Self {
        let (mut rules, mut array) = (Self::default(), String::new());
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.starts_with('#')) {
            if let Some((key, _)) = line.split_once(" = [").filter(|_| !line.starts_with('{')) {
                key.clone_into(&mut array);
            }
            let quoted: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            match (array.as_str(), quoted.as_slice()) {
                ("allow", licences) => rules.licences.extend(licences.iter().map(|&l| l.to_owned())),
                ("exceptions", [package, licences @ ..]) => {
                    rules.exceptions.entry((*package).to_owned()).or_default().extend(licences.iter().map(|&l| l.to_owned()));
                }
                ("skip", [package, ..]) => _ = rules.several_versions.insert((*package).to_owned()),
                _ => {}
            }
            if line.ends_with(']') {
                array.clear();
            }
        }
        rules
    }

    fn violations(&self, packages: &BTreeSet<Package>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for package in packages {
            let own = self.exceptions.get(&package.name);
            let allowed = |licence: &str| self.licences.contains(licence) || own.is_some_and(|own| own.contains(licence));
            if !satisfied(&package.licence, &allowed) {
                wrong.push(format!("{} {}: licence {:?} is not allowed", package.name, package.version, package.licence));
            }
            versions.entry(&package.name).or_default().insert(package.line_of_versions());
        }
        let several = versions.into_iter().filter(|(name, lines)| lines.len() > 1 && !self.several_versions.contains(*name));
        wrong.extend(several.map(|(name, lines)| format!("{name} is there in versions {lines:?}")));
        wrong
    }
}

/// Whether an SPDX expression can be met with the licences allowed. Old `MIT/Apache-2.0` means OR.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = any_of(&mut words, allowed);
    met && words.is_empty()
}

fn any_of(words: &mut Vec<&str>, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all_of(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        // Both sides are read, whatever the first says.
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut Vec<&str>, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Vec<&str>, allowed: &dyn Fn(&str) -> bool) -> bool {
    match words.pop() {
        None => false,
        Some("(") => {
            let met = any_of(words, allowed);
            words.pop() == Some(")") && met
        }
        Some(licence) if words.last() == Some(&"WITH") => {
            words.pop();
            words.pop().is_some_and(|exception| allowed(&format!("{licence} WITH {exception}")))
        }
        Some(licence) => allowed(licence),
    }
}

/// Lines of `Cargo.lock` that name another source than the registry.
fn foreign_sources(lock: &str) -> Vec<String> {
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    let foreign: BTreeSet<&str> = sources.map(|source| source.trim_matches('"')).filter(|&source| source != REGISTRY).collect();
    foreign.into_iter().map(|source| format!("packages come from {source}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions_are_met_as_spdx_says() {
        let allowed = |licence: &str| ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].contains(&licence);
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(GPL-3.0 OR MIT) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "GPL-3.0 AND X OR MIT",
        ] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND GPL-3.0", "Apache-2.0", "MIT MIT", "(MIT", "GPL-3.0 OR"]
        {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn each_breach_of_the_rules_is_named() {
        let rules = Rules::parse(
            "[licenses]\nallow = [\n  \"MIT\", # plain\n]\nexceptions = [\n  { crate = \"one\", allow = [\"MPL-2.0\"] },\n]\n\
             [bans]\nskip = [\n  { crate = \"twice\", reason = \"x\" },\n  { crate = \"windows\", reason = \"y\" },\n]\n",
        );
        let tree = "a v1.0.0|MIT\na v1.2.0|MIT\none v1.0.0|MPL-2.0\ntwice v1.0.0|MIT\ntwice v2.0.0|MIT\nwindows v0.1.0|MIT\n\
                    windows v0.2.0|MIT (*)\nb v0.1.0 (proc-macro)|MIT\nb v0.2.0|MIT\nc v1.0.0|MPL-2.0\nd v1.0.0|\n";
        let packages: BTreeSet<Package> = tree.lines().filter_map(Package::parse).collect();
        assert_eq!(packages.len(), 11);
        let wrong = rules.violations(&packages);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        for (line, name) in wrong.iter().zip(["c 1.0.0", "d 1.0.0", "b is there"]) {
            assert!(line.starts_with(name), "{line}");
        }
    }

    #[test]
    fn packages_from_elsewhere_are_named() {
        let lock = format!("[[package]]\nsource = \"{REGISTRY}\"\n[[package]]\nsource = \"git+https://example.org/x\"\n");
        assert_eq!(foreign_sources(&lock), ["packages come from git+https://example.org/x"]);
    }
}
