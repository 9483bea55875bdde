//! Globs over paths inside the root: the one language for specs, rules, definitions and the merge.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::RootPath;

/// A glob over paths inside the root: `?` is one byte of a name, `*` any run of bytes of a name, `[a-c]` and `[!a-c]` a set,
/// `**` as a whole component any number of components, and `{a,b/c}` one of several texts. A leading `/` is optional.
///
/// ```
/// use mikron_package::{Glob, RootPath};
/// let glob = Glob::new("/usr/share/doc/**")?;
/// assert!(glob.matches(&RootPath::new(b"/usr/share/doc/nginx/copyright").unwrap()));
/// assert!(!glob.matches(&RootPath::new(b"/usr/share/docs").unwrap()));
/// let glob = Glob::new("/usr/{lib,lib64,lib/*}/sasl2/*.so")?;
/// assert!(glob.matches(&RootPath::new(b"/usr/lib64/sasl2/libplain.so").unwrap()));
/// # Ok::<(), mikron_package::GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob {
    text: String,
    /// One for each way to choose among texts in braces.
    patterns: Vec<Pattern>,
}

/// A glob without braces.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    components: Vec<Box<[u8]>>,
    /// What every match begins with: most paths are told apart by it alone.
    literal: Box<[u8]>,
}

/// The most ways to choose among texts in braces.
const MAX_PATTERNS: usize = 64;

impl Glob {
    /// Reads a glob.
    ///
    /// # Errors
    /// When it is empty, climbs with `..`, has `**` beside other characters, a set or braces without an end, or
    /// braces in braces.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        let wrong = |reason| GlobError {
            glob: text.chars().take(200).collect(),
            reason,
        };
        let texts = unfolded(text).map_err(wrong)?;
        let patterns = texts.iter().map(|text| Pattern::new(text).map_err(wrong));
        Ok(Self {
            text: text.to_owned(),
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole path matches.
    pub fn matches(&self, path: &RootPath) -> bool {
        self.matches_bytes(path.as_bytes())
    }

    /// Whether the whole path, without a leading slash, matches.
    pub fn matches_bytes(&self, path: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path))
    }
}

/// The texts that braces stand for: `{a,b}` for `a` and for `b`. Without a comma they stand for themselves.
fn unfolded(text: &str) -> Result<Vec<String>, &'static str> {
    let mut texts = vec![String::new()];
    let mut rest = text;
    while let Some((before, inner, behind)) = braces(rest) {
        if inner.contains('{') {
            return Err("has braces in braces");
        }
        let ways = inner.split(',');
        let ways: Vec<String> = ways.map(|way| format!("{before}{way}")).collect();
        if texts.len() * ways.len() > MAX_PATTERNS {
            return Err("stands for too many others");
        }
        let longer = |text: &String| ways.iter().map(|way| format!("{text}{way}")).collect();
        texts = texts.iter().flat_map::<Vec<String>, _>(longer).collect();
        rest = behind;
    }
    if opens(rest) {
        return Err("has a `{` without its `}` (write `[{]` for the sign itself)");
    }
    for text in &mut texts {
        text.push_str(rest);
    }
    Ok(texts)
}

/// Whether a brace is opened and not closed, outside of sets.
fn opens(text: &str) -> bool {
    let Some((before, behind)) = text.rsplit_once('{') else {
        return false;
    };
    let in_set = before
        .rfind('[')
        .is_some_and(|set| !before[set..].contains(']'));
    !in_set && !behind.contains('}')
}

/// What stands before, in and behind the first braces with a comma.
fn braces(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('{')?;
        let close = open + text[open..].find('}')?;
        if text[open..close].contains(',') {
            return Some((&text[..open], &text[open + 1..close], &text[close + 1..]));
        }
        from = close + 1;
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, &'static str> {
        let mut components: Vec<Box<[u8]>> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => continue,
                ".." => return Err("has a `..` component"),
                "**" if components.last().is_some_and(|last| &**last == b"**") => continue,
                "**" => {}
                _ if part.contains("**") => return Err("has `**` beside other characters"),
                _ if part.len() > 1024 => return Err("has a component of over 1024 bytes"),
                _ => {}
            }
            if !sets_end(part.as_bytes()) {
                return Err("has a `[` without its `]`");
            }
            components.push(part.as_bytes().into());
        }
        if components.is_empty() {
            return Err("names nothing");
        }
        Ok(Self {
            literal: literal(&components),
            components,
        })
    }

    fn matches(&self, path: &[u8]) -> bool {
        if !path.starts_with(&self.literal) {
            return false;
        }
        let names: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
        // Greedy with one place to come back to, as for `*` in a name: linear in practice, quadratic at worst.
        let (mut g, mut n) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while n < names.len() {
            match self.components.get(g) {
                Some(part) if &**part == b"**" => {
                    back = Some((g, n));
                    g += 1;
                }
                Some(part) if name_matches(part, names[n]) => {
                    g += 1;
                    n += 1;
                }
                _ => match back {
                    Some((star, from)) => {
                        back = Some((star, from + 1));
                        (g, n) = (star + 1, from + 1);
                    }
                    None => return false,
                },
            }
        }
        // `dir/**` is what lies below `dir`, not `dir` itself.
        let ends_open = g + 1 == self.components.len() && &*self.components[g] == b"**";
        g == self.components.len() || (ends_open && g == 0)
    }
}

impl TryFrom<String> for Glob {
    type Error = GlobError;
    fn try_from(text: String) -> Result<Self, GlobError> {
        Self::new(&text)
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.text
    }
}

/// A glob that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the glob `{}` {reason}", .glob.escape_debug())]
pub struct GlobError {
    /// The glob, or its first two hundred characters.
    pub glob: String,
    /// What is wrong, as the end of the sentence "the glob …".
    pub reason: &'static str,
}

/// An ordered list of globs, such as the `remove` of a spec: one that begins with `!` takes back what earlier ones matched, and the
/// last that matches decides (as in gitignore(5)).
///
/// ```
/// use mikron_package::{Globs, RootPath};
/// let globs = Globs::new(&["/usr/share/doc/**", "!/usr/share/doc/*/copyright"])?;
/// assert!(globs.matches(&RootPath::new(b"/usr/share/doc/nginx/changelog.gz")?));
/// assert!(!globs.matches(&RootPath::new(b"/usr/share/doc/nginx/copyright")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Globs(Vec<Listed>);

#[derive(Clone, Debug)]
struct Listed {
    text: String,
    glob: Glob,
    keeps: bool,
    /// Whether it has matched something, whichever copy of the list was asked.
    used: Arc<AtomicBool>,
}

impl Globs {
    /// Reads a list of globs; each begins with `/`, or with `!/`.
    ///
    /// # Errors
    /// When one does not, names the root itself, or is no glob.
    pub fn new<S: AsRef<str>>(globs: &[S]) -> Result<Self, GlobError> {
        let read = |text: &S| {
            let text = text.as_ref();
            let (keeps, path) = match text.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, text),
            };
            let wrong = |reason| GlobError {
                glob: text.chars().take(200).collect(),
                reason,
            };
            if !path.starts_with('/') {
                return Err(wrong("does not begin with `/`"));
            }
            let glob = Glob::new(path).map_err(|error| wrong(error.reason))?;
            Ok(Listed {
                text: text.to_owned(),
                glob,
                keeps,
                used: Arc::default(),
            })
        };
        globs.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the last glob that matches a path is none that takes it back. Remembers which globs matched.
    pub fn matches(&self, path: &RootPath) -> bool {
        self.matches_any(&[path])
    }

    /// The same for something that has several paths: a glob matches where it matches one of them.
    pub fn matches_any(&self, paths: &[&RootPath]) -> bool {
        let mut matched = false;
        for listed in &self.0 {
            if paths.iter().any(|path| listed.glob.matches(path)) {
                listed.used.store(true, Ordering::Relaxed);
                matched = !listed.keeps;
            }
        }
        matched
    }

    /// Whether there are no globs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The globs as they were written, in their order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|listed| listed.text.as_str())
    }

    /// The globs that have matched nothing so far, in any copy of the list, in their order.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let unused = self
            .0
            .iter()
            .filter(|listed| !listed.used.load(Ordering::Relaxed));
        unused.map(|listed| listed.text.as_str())
    }
}

/// The bytes before the first character that may stand for others.
fn literal(components: &[Box<[u8]>]) -> Box<[u8]> {
    let mut literal = Vec::new();
    for (number, part) in components.iter().enumerate() {
        if &**part == b"**" {
            break;
        }
        if number > 0 {
            literal.push(b'/');
        }
        let meta = part.iter().position(|b| b"*?[\\".contains(b));
        literal.extend_from_slice(&part[..meta.unwrap_or(part.len())]);
        if meta.is_some() {
            break;
        }
    }
    // `dir/**` is what lies below, and a component that ends here has no slash behind it.
    literal.into()
}

fn sets_end(mut part: &[u8]) -> bool {
    while let Some(open) = part.iter().position(|b| *b == b'[') {
        match set_length(&part[open..]) {
            Some(length) => part = &part[open + length..],
            None => return false,
        }
    }
    true
}

/// The length of the set at the front of `glob`, both brackets included.
fn set_length(glob: &[u8]) -> Option<usize> {
    let first = if glob.get(1) == Some(&b'!') { 2 } else { 1 };
    // A `]` in the first place stands for itself.
    let rest = glob.get(first + 1..)?;
    rest.iter()
        .position(|b| *b == b']')
        .map(|at| first + 1 + at + 1)
}

fn set_has(set: &[u8], byte: u8) -> bool {
    let inner = &set[1..set.len() - 1];
    let (negated, inner) = match inner.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, inner),
    };
    let mut found = false;
    let mut i = 0;
    while i < inner.len() {
        if inner.get(i + 1) == Some(&b'-') && i + 2 < inner.len() {
            found |= (inner[i]..=inner[i + 2]).contains(&byte);
            i += 3;
        } else {
            found |= inner[i] == byte;
            i += 1;
        }
    }
    found != negated
}

fn name_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match glob.get(g) {
            Some(b'*') => {
                back = Some((g, n));
                g += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => {
                set_length(&glob[g..]).filter(|length| set_has(&glob[g..g + length], name[n]))
            }
            Some(byte) => (*byte == name[n]).then_some(1),
            None => None,
        };
        match (step, back) {
            (Some(length), _) => {
                g += length;
                n += 1;
            }
            (None, Some((star, from))) => {
                back = Some((star, from + 1));
                (g, n) = (star + 1, from + 1);
            }
            (None, None) => return false,
        }
    }
    glob[g..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, path: &str) -> bool {
        Glob::new(glob)
            .expect(glob)
            .matches(&RootPath::new(path.as_bytes()).expect(path))
    }

    #[test]
    fn a_star_stays_inside_a_name_and_two_cross_components() {
        assert!(matches(
            "/usr/lib/*/libz.so.*",
            "usr/lib/x86_64-linux-gnu/libz.so.1"
        ));
        assert!(!matches("/usr/lib/*", "usr/lib/a/b"));
        assert!(matches("/usr/**/b", "usr/b"));
        assert!(matches("/usr/**/b", "usr/x/y/b"));
        assert!(!matches("/usr/**/b", "usr/x/y/bc"));
        assert!(matches("**", "anything/at/all"));
        assert!(matches("/a/**/c/**/e", "a/b/c/c/d/e"));
    }

    #[test]
    fn what_lies_below_does_not_include_the_directory_itself() {
        assert!(matches("/a/**", "a/b"));
        assert!(!matches("/a/**", "a"));
    }

    #[test]
    fn sets_match_one_byte() {
        assert!(matches("/lib[a-c].so", "liba.so"));
        assert!(!matches("/lib[!a-c].so", "liba.so"));
        assert!(matches("/[]]", "]"));
        assert!(matches("/a?c", "abc"));
        assert!(!matches("/a?c", "ac"));
    }

    #[test]
    fn braces_stand_for_one_of_several_texts() {
        let lib = "/usr/{lib,lib64,lib/*}/x/{a,b}.so";
        for path in ["usr/lib/x/a.so", "usr/lib64/x/b.so", "usr/lib/t/x/a.so"] {
            assert!(matches(lib, path), "{path}");
        }
        for path in ["usr/lib32/x/a.so", "usr/lib/s/t/x/a.so", "usr/lib/x/c.so"] {
            assert!(!matches(lib, path), "{path}");
        }
        assert!(matches("/{a}/{b,c}", "{a}/c"));
        let many = "{a,b}".repeat(7);
        for glob in ["{a,{b,c}}", many.as_str()] {
            assert!(Glob::new(glob).is_err(), "{glob}");
        }
    }

    #[test]
    fn a_hostile_glob_ends_soon() {
        let glob = format!("/{}b", "a*".repeat(100));
        assert!(!matches(&glob, &"a".repeat(250)));
    }

    #[test]
    fn malformed_globs_are_refused() {
        for glob in [
            "",
            "/",
            "a/../b",
            "a**",
            "[a",
            "/usr/{lib,lib64",
            "{a,b}/{c",
        ] {
            assert!(Glob::new(glob).is_err(), "{glob}");
        }
        assert!(matches("/a[{]b", "a{b") && matches("/a}b", "a}b"));
    }

    fn list(globs: &[&str]) -> Globs {
        Globs::new(globs).expect("globs")
    }

    fn path(text: &str) -> RootPath {
        RootPath::new(text.as_bytes()).expect(text)
    }

    #[test]
    fn a_later_glob_takes_back_an_earlier_one() {
        let globs = list(&[
            "/usr/share/**",
            "!/usr/share/zoneinfo/**",
            "/usr/share/zoneinfo/right/**",
        ]);
        assert!(globs.matches(&path("/usr/share/doc/x")));
        assert!(!globs.matches(&path("/usr/share/zoneinfo/UTC")));
        assert!(globs.matches(&path("/usr/share/zoneinfo/right/UTC")));
        // Also by another name of the same thing.
        let globs = list(&["/usr/lib/**", "!/lib/keep"]);
        assert!(!globs.matches_any(&[&path("/usr/lib/keep"), &path("/lib/keep")]));
    }

    #[test]
    fn a_glob_that_matches_nothing_is_known() {
        let globs = list(&["/a", "/b/**"]);
        globs.matches(&path("/a"));
        assert_eq!(globs.unused().collect::<Vec<_>>(), ["/b/**"]);
    }

    #[test]
    fn a_list_is_of_paths_from_the_root() {
        for (glob, reason) in [
            ("a", "does not begin"),
            ("", "does not begin"),
            ("!a", "does not begin"),
            ("/", "names nothing"),
            ("!/", "names nothing"),
            ("/a/../b", "has a `..` component"),
            ("/a**", "beside other"),
        ] {
            let error = Globs::new(&[glob]).expect_err(glob).to_string();
            assert!(error.contains(glob) && error.contains(reason), "{error}");
        }
    }
}
