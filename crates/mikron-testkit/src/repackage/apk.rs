//! Into a signed Alpine repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use super::Debian;
use super::debian::interpreter;
use crate::apk::{ApkBuilder, ApkKey, ApkRepository, ApkRepositoryBuilder};
use crate::readelf;

/// Makes a signed repository of the packages, with the `so:`, `cmd:` and path tokens that abuild would write.
///
/// # Errors
/// When a file cannot be read.
pub fn apk_repository(packages: &[Debian], arch: &str, key: &ApkKey) -> io::Result<ApkRepository> {
    let mut all = Vec::new();
    for package in packages {
        all.push((package, tokens(package)?));
    }
    let offered: BTreeSet<&String> = all
        .iter()
        .flat_map(|(_, tokens)| tokens.provides.keys())
        .collect();
    // Every path that somebody asks for is provided by the package that has it.
    let paths: BTreeSet<&String> = all
        .iter()
        .flat_map(|(_, tokens)| tokens.requires.iter().filter(|name| name.starts_with('/')))
        .collect();
    let mut repository = ApkRepositoryBuilder::new(arch);
    for (package, tokens) in &all {
        let mut builder = ApkBuilder::new(&package.name, &version(package), package.machine())
            .set_field("pkgdesc", Some("repackaged"));
        for name in package.depends_among(packages) {
            builder = builder.field("depend", name);
        }
        for name in tokens
            .requires
            .iter()
            .filter(|name| !tokens.provides.contains_key(*name))
        {
            let path =
                name.starts_with('/') && all.iter().any(|(_, other)| other.paths.contains(name));
            if offered.contains(name) || (path && !tokens.paths.contains(name)) {
                builder = builder.field("depend", name);
            }
        }
        for (name, version) in &tokens.provides {
            builder = builder.field("provides", &format!("{name}={version}"));
        }
        for name in tokens.paths.iter().filter(|path| paths.contains(path)) {
            builder = builder.field("provides", name);
        }
        for name in &package.provides {
            builder = builder.field("provides", name);
        }
        for (name, script) in [
            (".pre-install", &package.preinst),
            (".post-install", &package.postinst),
        ] {
            if let Some(text) = script {
                let first = if name == ".pre-install" {
                    "install"
                } else {
                    "configure"
                };
                let text = text.replacen('\n', &format!("\nset -- {first}\n"), 1);
                builder = builder.control_file(name, text);
            }
        }
        repository = repository.package(&files(builder, package)?.signed(key));
    }
    Ok(repository.sign_with(key).build())
}

/// Adds all files. Hard links refer to the first path.
fn files(mut builder: ApkBuilder, package: &Debian) -> io::Result<ApkBuilder> {
    let mut links: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for item in package.items()? {
        let path = item.path.trim_start_matches('/');
        let at = package.tree.join(path);
        builder = if item.metadata.is_symlink() {
            let target = fs::read_link(&at)?;
            builder.symlink(path, &target.to_string_lossy())
        } else if item.metadata.is_dir() {
            builder.dir(path, item.mode())
        } else {
            let inode = (item.metadata.dev(), item.metadata.ino());
            if let Some(first) = links.get(&inode) {
                builder.hardlink(path, first, item.mode())
            } else {
                links.insert(inode, path.to_owned());
                builder.file(path, item.mode(), fs::read(&at)?)
            }
        };
        let (uid, gid) = (item.metadata.uid(), item.metadata.gid());
        if (uid, gid) != (0, 0) {
            let name = |id: u32, file: &str| name_of(id, file);
            builder = builder.owner(
                u64::from(uid),
                u64::from(gid),
                &name(uid, "/etc/passwd"),
                &name(gid, "/etc/group"),
            );
        }
    }
    Ok(builder)
}

/// What a package has and needs in apk's words.
struct Tokens {
    /// Tokens with their versions.
    provides: BTreeMap<String, String>,
    requires: BTreeSet<String>,
    /// The paths of its files.
    paths: BTreeSet<String>,
}

fn tokens(package: &Debian) -> io::Result<Tokens> {
    let mut tokens = Tokens {
        provides: BTreeMap::new(),
        requires: BTreeSet::new(),
        paths: BTreeSet::new(),
    };
    let mut binaries = Vec::new();
    for item in package.items()? {
        if item.metadata.is_dir() {
            continue;
        }
        let at = package.tree.join(item.path.trim_start_matches('/'));
        let name = item.path.rsplit('/').next().unwrap_or_default();
        let in_bin = ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"]
            .iter()
            .any(|dir| item.path.strip_prefix(dir) == Some(name));
        if in_bin {
            tokens
                .provides
                .insert(format!("cmd:{name}"), version(package));
        }
        tokens.paths.insert(item.path.clone());
        if item.metadata.is_symlink() {
            continue;
        }
        if let Some(interpreter) = interpreter(&at) {
            tokens.requires.insert(interpreter);
            continue;
        }
        if is_elf(&at) {
            binaries.push((item.path.clone(), at));
        }
    }
    let files: Vec<&std::path::Path> = binaries.iter().map(|(_, at)| at.as_path()).collect();
    let facts = readelf::read("readelf".as_ref(), &files).map_err(io::Error::other)?;
    for ((path, _), facts) in binaries.iter().zip(facts) {
        tokens
            .requires
            .extend(facts.needed.iter().map(|name| format!("so:{name}")));
        if let Some(soname) = facts.soname.filter(|_| is_library_path(path)) {
            tokens
                .provides
                .insert(format!("so:{soname}"), "0".to_owned());
        }
    }
    Ok(tokens)
}

fn is_elf(path: &std::path::Path) -> bool {
    use std::io::Read as _;
    let mut start = [0; 4];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
        && start == *b"\x7fELF"
}

/// Whether the loader looks there: plugins of one name in other directories are nobody's library.
fn is_library_path(path: &str) -> bool {
    let path = path.strip_prefix("/usr").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    matches!(parts.as_slice(), ["lib" | "lib64", _])
        || matches!(parts.as_slice(), ["lib", triplet, _] if triplet.contains("-linux-"))
}

/// The nearest version that apk's grammar has.
fn version(package: &Debian) -> String {
    let (_, upstream, revision) = package.version_parts();
    let numbers = |text: &str| -> Vec<String> {
        let digits = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty());
        digits
            .map(|part| part.trim_start_matches('0').to_owned())
            .map(|part| {
                if part.is_empty() {
                    "0".to_owned()
                } else {
                    part
                }
            })
            .collect()
    };
    let mut upstream = numbers(upstream);
    upstream.truncate(5);
    let revision = numbers(revision)
        .into_iter()
        .next()
        .unwrap_or_else(|| "0".to_owned());
    format!(
        "{}-r{revision}",
        if upstream.is_empty() {
            "0".to_owned()
        } else {
            upstream.join(".")
        }
    )
}

fn name_of(id: u32, file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let account = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        (fields.nth(1)?.parse() == Ok(id)).then_some(name)
    };
    text.lines()
        .find_map(account)
        .unwrap_or_else(|| "root".to_owned())
}
