//! The applets of a busybox, from the list in the binary itself.
//!
//! Alpine's busybox package makes its links in a script that asks the program (`busybox --install`). No script runs here, and
//! nothing that the image holds is executed; the names stand in the program's data, and from there a finalizer takes them.

use memchr::memmem;

/// The fewest names that make a list: anything with fewer is more likely something else.
const FEWEST: usize = 4;

/// The names of a busybox's applets, in the order of its list, or `None` where the binary has no such list.
///
/// busybox keeps them as one run of texts that end in a NUL byte, sorted by their bytes, without doubles: it looks an applet up
/// by halving. The run is recognised by that and by the name of a shell or `busybox` itself in it; of several such runs the
/// longest is the list.
///
/// ```
/// use mikron_apk::applets;
/// let binary = b"\x7fELF\0\0ls\0[\0[[\0ash\0busybox\0cat\0ls\0sh\0\0rodata";
/// assert_eq!(applets(binary), Some(vec!["[", "[[", "ash", "busybox", "cat", "ls", "sh"]));
/// assert_eq!(applets(b"\x7fELF\0sh\0"), None);
/// ```
pub fn applets(binary: &[u8]) -> Option<Vec<&str>> {
    if !binary.starts_with(b"\x7fELF") {
        return None;
    }
    let mut best: Option<Vec<&str>> = None;
    let mut end = 0;
    // Every list has one of these, and each is looked for with its NUL bytes, which a text that merely holds it lacks.
    for anchor in [&b"\0busybox\0"[..], b"\0ash\0", b"\0sh\0"] {
        for at in memmem::find_iter(binary, anchor) {
            if at < end && best.is_some() {
                continue;
            }
            let (start, stop) = run(binary, at + 1);
            end = end.max(stop);
            let names: Vec<&str> = binary[start..stop]
                .split(|b| *b == 0)
                .filter_map(name)
                .collect();
            if names.len() >= FEWEST && best.as_ref().is_none_or(|b| b.len() < names.len()) {
                best = Some(names);
            }
        }
    }
    best
}

/// Where the sorted run of names begins and ends in which the one at `at` stands.
fn run(binary: &[u8], at: usize) -> (usize, usize) {
    let mut start = at;
    let mut first = name_at(binary, at);
    while let Some(known) = first
        && start >= 2
    {
        // The byte before is the NUL of the name before that.
        let before = &binary[..start - 1];
        let begin = before
            .iter()
            .rposition(|b| *b == 0)
            .map_or(0, |nul| nul + 1);
        match name(&before[begin..]) {
            Some(earlier) if earlier.as_bytes() < known.as_bytes() => {
                start = begin;
                first = Some(earlier);
            }
            _ => break,
        }
    }
    let mut stop = at;
    let mut last: Option<&str> = None;
    while let Some(next) = name_at(binary, stop) {
        if last.is_some_and(|last| last.as_bytes() >= next.as_bytes()) {
            break;
        }
        last = Some(next);
        stop += next.len() + 1;
    }
    (start, stop)
}

/// The name that begins at `at` and ends in a NUL byte.
fn name_at(binary: &[u8], at: usize) -> Option<&str> {
    let rest = binary.get(at..)?;
    let end = memchr::memchr(0, &rest[..rest.len().min(LONGEST + 1)])?;
    name(&rest[..end])
}

/// The longest name that an applet may have, in bytes.
const LONGEST: usize = 64;

/// A text that an applet could be called.
fn name(bytes: &[u8]) -> Option<&str> {
    let allowed =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'[' | b'+');
    if bytes.is_empty() || bytes.len() > LONGEST || !bytes.iter().all(allowed) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
