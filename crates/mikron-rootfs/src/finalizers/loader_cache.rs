//! The cache of the loader.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io::Read as _;

use mikron_package::{EntryKind, RootPath};

use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;
use crate::tree::{Node, Tree};

const CACHE: &[u8] = b"etc/ld.so.cache";
const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// A library of glibc 2, for any word size and processor.
const LIBC6: u32 = 3;

/// A library as the loader asks for it: name and kind, which says processor and word size.
type Key = (String, u32);

/// Writes /etc/ld.so.cache where the image holds ldconfig(8), whose `-p` programs ask which libraries there are, or libraries in
/// directories that files of /etc/ld.so.conf.d name and the loader does not look into by itself.
///
/// The cache is of the one format that glibc has written since 2.32 (`struct cache_file_new` of its sysdeps/generic/dl-cache.h):
/// a header, entries in falling order of name, texts. Where several directories have a library the loader finds that of its own
/// directories, as it does without a cache. Libraries for better processors (`glibc-hwcaps`) are not listed.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("loader-cache", run)
        .reads(&["scripts", "alternatives"])
        .provides(&["/etc/ld.so.cache"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let mut found: BTreeMap<Key, String> = BTreeMap::new();
    for node in work.tree.nodes().filter(|node| is_default_dir(dir(node))) {
        add(work, node, &mut found)?;
    }
    let by_default = found.len();
    for dir in configured(work)? {
        let Ok(dir) = RootPath::new(dir.as_bytes()) else {
            continue;
        };
        let below = work.tree.below(&dir);
        let directly = below.filter(|node| node.entry.path.parent().as_ref() == Some(&dir));
        for node in directly {
            add(work, node, &mut found)?;
        }
    }
    let asks = ["/usr/sbin/ldconfig", "/sbin/ldconfig"]
        .into_iter()
        .any(|path| work.has(path));
    let path = RootPath::new(CACHE)?;
    // The cache of an image below knows the libraries there.
    let is_new = |library: &String| {
        let library = RootPath::new(library.as_bytes());
        library.is_ok_and(|library| !work.is_base(&library))
    };
    let known = work.is_base(&path) && !found.values().any(is_new);
    if (asks || found.len() > by_default) && !known {
        work.write(path, cache(&found), 0o644)?;
    }
    Ok(())
}

/// The directory of a node, without the slash at its start.
fn dir(node: &Node) -> &[u8] {
    let path = node.entry.path.as_bytes();
    let cut = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    &path[..cut]
}

/// Whether the loader looks into a directory by itself: `/lib`, `/usr/lib64`, `/usr/lib/TRIPLET`.
fn is_default_dir(dir: &[u8]) -> bool {
    let below_usr = dir.strip_prefix(b"usr/").unwrap_or(dir);
    match below_usr.strip_prefix(b"lib/") {
        Some(triplet) => {
            !triplet.contains(&b'/') && triplet.windows(7).any(|part| part == b"-linux-")
        }
        None => matches!(below_usr, b"lib" | b"lib64" | b"lib32" | b"libx32"),
    }
}

/// The directories that files of /etc/ld.so.conf.d name, in order, one a line (ldconfig(8)).
fn configured(work: &Work<'_>) -> Result<Vec<String>, RootfsError> {
    let confs = RootPath::new(b"etc/ld.so.conf.d")?;
    let files = work.tree.below(&confs).map(|node| &node.entry.path);
    let mut dirs = Vec::new();
    for file in files.filter(|path| path.as_bytes().ends_with(b".conf")) {
        for line in work.text(file)?.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let words = line.split([' ', '\t', ',', ':']);
            dirs.extend(
                words
                    .filter(|word| word.starts_with('/'))
                    .map(str::to_owned),
            );
        }
    }
    Ok(dirs)
}

/// Adds what lies at a node, where it is a library and the name is not known yet.
fn add(work: &Work<'_>, node: &Node, found: &mut BTreeMap<Key, String>) -> Result<(), RootfsError> {
    let path = &node.entry.path;
    let name = String::from_utf8_lossy(path.file_name().unwrap_or_default()).into_owned();
    let is_library = (name.starts_with("lib") || name.starts_with("ld")) && name.contains(".so");
    if !is_library || matches!(node.entry.kind, EntryKind::Directory) {
        return Ok(());
    }
    // Where a link has the loader's name of a file (libz.so.1 of libz.so.1.2.13), the file's own is not listed.
    if node.content.is_some() && is_linked(work.tree, node, &name) {
        return Ok(());
    }
    let Some(digest) = work.tree.lookup(path).and_then(|end| end.content) else {
        return Ok(());
    };
    let failed = |error: std::io::Error| RootfsError::Content {
        path: path.clone(),
        digest,
        error: error.into(),
    };
    let mut head = Vec::with_capacity(20);
    if let Some(bytes) = work.contents.get(&digest) {
        head.extend(bytes.iter().take(20));
    } else {
        let reader = work.context.contents.open(&digest).map_err(failed)?;
        reader.take(20).read_to_end(&mut head).map_err(failed)?;
    }
    if let Some(kind) = kind(&head) {
        let text = path.to_string();
        found.entry((name, kind)).or_insert(text);
    }
    Ok(())
}

/// Whether a link beside a file has a shorter version in its name and leads to it.
fn is_linked(tree: &Tree, file: &Node, name: &str) -> bool {
    let dir = dir(file);
    let shorter = |(cut, _): (usize, &str)| {
        let link = &name[..cut];
        let path = [dir, b"/", link.as_bytes()].concat();
        let Ok(path) = RootPath::new(&path) else {
            return false;
        };
        let is_link = tree
            .get(&path)
            .is_some_and(|node| matches!(node.entry.kind, EntryKind::Symlink { .. }));
        let leads = || {
            tree.lookup(&path)
                .is_some_and(|end| end.entry.path == file.entry.path)
        };
        link.contains(".so.") && is_link && leads()
    };
    name.match_indices('.').any(shorter)
}

/// What the cache calls the kind of a library, by the start of its ELF header (glibc, sysdeps/generic/ldconfig.h); `None` for what
/// is none.
fn kind(head: &[u8]) -> Option<u32> {
    let [0x7f, b'E', b'L', b'F', class, order, ..] = head else {
        return None;
    };
    let machine: [u8; 2] = head.get(18..20)?.try_into().ok()?;
    let machine = match order {
        1 => u16::from_le_bytes(machine),
        _ => u16::from_be_bytes(machine),
    };
    let own = match (machine, class) {
        (62, 2) => 0x0300,
        (62, _) => 0x0800,
        (183, _) => 0x0a00,
        (40, _) => 0x0900,
        (22, 2) => 0x0400,
        (21, _) => 0x0500,
        (243, 2) => 0x1000,
        _ => 0,
    };
    Some(own | LIBC6)
}

/// The order of names that the loader searches by, in which numbers count as numbers (glibc, `_dl_cache_libcmp`).
fn order(one: &str, two: &str) -> Ordering {
    let (mut one, mut two) = (one.as_bytes(), two.as_bytes());
    let number = |text: &mut &[u8]| {
        let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = text.split_at(length);
        *text = rest;
        let value =
            |value: u64, digit: &u8| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        digits.iter().fold(0, value)
    };
    loop {
        match (one.first().copied(), two.first().copied()) {
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                match number(&mut one).cmp(&number(&mut two)) {
                    Ordering::Equal => {}
                    other => return other,
                }
            }
            (Some(a), _) if a.is_ascii_digit() => return Ordering::Greater,
            (Some(_), Some(b)) if b.is_ascii_digit() => return Ordering::Less,
            (Some(a), Some(b)) if a == b => {
                one = &one[1..];
                two = &two[1..];
            }
            (a, b) => return a.cmp(&b),
        }
    }
}

/// The bytes of a cache.
fn cache(found: &BTreeMap<Key, String>) -> Vec<u8> {
    let mut entries: Vec<(&Key, &String)> = found.iter().collect();
    entries.sort_by(|((a, kind), _), ((b, other), _)| order(b, a).then(other.cmp(kind)));
    let texts = entries.len() * ENTRY + HEADER;
    let size: usize = entries.iter().map(|(_, path)| path.len() + 1).sum();
    let mut bytes = MAGIC.to_vec();
    bytes.extend((entries.len() as u32).to_le_bytes());
    bytes.extend((size as u32).to_le_bytes());
    // Little endian, and no extensions.
    bytes.push(2);
    bytes.resize(HEADER, 0);
    let mut at = texts;
    for ((name, kind), path) in &entries {
        let key = at + path.len() - name.len();
        for number in [*kind, key as u32, at as u32, 0, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        at += path.len() + 1;
    }
    for (_, path) in &entries {
        bytes.extend(path.as_bytes());
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_loaders_order() {
        for (less, more) in [
            ("libc.so.6", "libc.so.10"),
            ("liba.so", "libb.so"),
            ("lib-x.so", "lib2.so"),
            ("libz.so", "libz.so.1"),
        ] {
            assert_eq!(order(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(order(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(order("libz.so.1", "libz.so.01"), Ordering::Equal);
    }
}
