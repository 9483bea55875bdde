//! The `remove` patterns of a spec.

use mikron_package::RootPath;

/// An ordered list of patterns over paths. `*` and `?` match within a component, `**` across components; a pattern that
/// begins with `!` takes back what earlier ones matched. The last pattern that matches decides (as in gitignore(5)).
///
/// ```
/// use mikron_package::RootPath;
/// use mikron_rootfs::Globs;
/// let mut globs = Globs::new(&["/usr/share/doc/**", "!/usr/share/doc/*/copyright"])?;
/// assert!(globs.matches(&RootPath::new(b"/usr/share/doc/nginx/changelog.gz")?));
/// assert!(!globs.matches(&RootPath::new(b"/usr/share/doc/nginx/copyright")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Globs {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    components: Vec<Vec<u8>>,
    keep: bool,
    used: bool,
}

/// A malformed pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{}` {reason}", .pattern.escape_debug())]
pub struct PatternError {
    /// The pattern as the spec has it.
    pub pattern: String,
    /// What is wrong, as the end of the sentence "the pattern …".
    pub reason: &'static str,
}

impl Globs {
    /// Reads patterns; each begins with `/`, or with `!/`.
    ///
    /// # Errors
    /// When a pattern is relative, names the root itself, has a `..` component, or `**` beside other characters of the
    /// same component.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, PatternError> {
        let patterns = patterns
            .iter()
            .map(|pattern| Pattern::new(pattern.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Whether the last pattern that matches `path` removes it. Remembers which patterns matched.
    pub fn matches(&mut self, path: &RootPath) -> bool {
        let components: Vec<&[u8]> = path.components().collect();
        let mut removed = false;
        for pattern in &mut self.patterns {
            if path_matches(&pattern.components, &components) {
                pattern.used = true;
                removed = !pattern.keep;
            }
        }
        removed
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns that have matched nothing so far, in their order.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let unused = self.patterns.iter().filter(|pattern| !pattern.used);
        unused.map(|pattern| pattern.text.as_str())
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PatternError> {
        let wrong = |reason| PatternError {
            pattern: text.to_owned(),
            reason,
        };
        let (keep, path) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let path = path
            .strip_prefix('/')
            .ok_or_else(|| wrong("does not begin with `/`"))?;
        let mut components: Vec<Vec<u8>> = path
            .split('/')
            .filter(|c| !c.is_empty() && *c != ".")
            .map(|c| c.as_bytes().to_vec())
            .collect();
        if components.is_empty() {
            return Err(wrong("names the root directory itself"));
        }
        if components.iter().any(|c| c == b"..") {
            return Err(wrong("has a `..` component"));
        }
        if components
            .iter()
            .any(|c| c != b"**" && c.windows(2).any(|w| w == b"**"))
        {
            return Err(wrong("has `**` beside other characters (write `**/*name`)"));
        }
        // `/dir/**` means what lies below the directory, not the directory.
        if components.last().is_some_and(|last| last == b"**") {
            components.push(b"*".to_vec());
        }
        Ok(Self {
            text: text.to_owned(),
            components,
            keep,
            used: false,
        })
    }
}

/// Matches a list of components: linear in the product of the lengths, whatever the pattern.
fn path_matches(pattern: &[Vec<u8>], path: &[&[u8]]) -> bool {
    wildcard(
        pattern.len(),
        path.len(),
        |p| pattern[p] == b"**",
        |p, i| component_matches(&pattern[p], path[i]),
    )
}

fn component_matches(pattern: &[u8], name: &[u8]) -> bool {
    wildcard(
        pattern.len(),
        name.len(),
        |p| pattern[p] == b'*',
        |p, i| pattern[p] == b'?' || pattern[p] == name[i],
    )
}

/// The usual two-pointer match with one point of return, over `n` pattern items and `m` text items.
fn wildcard(
    n: usize,
    m: usize,
    star: impl Fn(usize) -> bool,
    equal: impl Fn(usize, usize) -> bool,
) -> bool {
    let (mut p, mut i) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while i < m {
        if p < n && star(p) {
            back = Some((p, i));
            p += 1;
        } else if p < n && equal(p, i) {
            p += 1;
            i += 1;
        } else if let Some((star_at, taken)) = back {
            p = star_at + 1;
            i = taken + 1;
            back = Some((star_at, taken + 1));
        } else {
            return false;
        }
    }
    while p < n && star(p) {
        p += 1;
    }
    p == n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::new(text.as_bytes()).unwrap()
    }

    fn removes(patterns: &[&str], text: &str) -> bool {
        Globs::new(patterns).unwrap().matches(&path(text))
    }

    #[test]
    fn a_star_stays_within_a_component() {
        assert!(removes(&["/usr/lib/*.so"], "/usr/lib/a.so"));
        assert!(!removes(&["/usr/*.so"], "/usr/lib/a.so"));
        assert!(removes(&["/usr/lib/a?.so"], "/usr/lib/ab.so"));
        assert!(!removes(&["/usr/lib/a?.so"], "/usr/lib/a.so"));
    }

    #[test]
    fn two_stars_cross_components_and_leave_the_directory_itself() {
        assert!(removes(&["/usr/share/doc/**"], "/usr/share/doc/a/b/c"));
        assert!(removes(&["/usr/share/doc/**"], "/usr/share/doc/a"));
        assert!(!removes(&["/usr/share/doc/**"], "/usr/share/doc"));
        assert!(removes(&["/**/*.pyc"], "/a.pyc"));
        assert!(removes(&["/**/*.pyc"], "/usr/lib/python3/x.pyc"));
        assert!(removes(&["/usr/**/doc/*"], "/usr/doc/x"));
    }

    #[test]
    fn a_later_pattern_takes_back_an_earlier_one() {
        let patterns = [
            "/usr/share/**",
            "!/usr/share/zoneinfo/**",
            "/usr/share/zoneinfo/right/**",
        ];
        assert!(removes(&patterns, "/usr/share/doc/x"));
        assert!(!removes(&patterns, "/usr/share/zoneinfo/UTC"));
        assert!(removes(&patterns, "/usr/share/zoneinfo/right/UTC"));
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_known() {
        let mut globs = Globs::new(&["/a", "/b/**"]).unwrap();
        globs.matches(&path("/a"));
        assert_eq!(globs.unused().collect::<Vec<_>>(), ["/b/**"]);
    }

    #[test]
    fn malformed_patterns_are_refused_with_the_reason() {
        for (pattern, reason) in [
            ("usr/*", "does not begin"),
            ("/", "the root"),
            ("/a/../b", "`..`"),
            ("/a**", "beside other"),
        ] {
            let error = Globs::new(&[pattern]).unwrap_err().to_string();
            assert!(error.contains(pattern) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = format!("/{}", "*a".repeat(100));
        let name = format!("/{}", "a".repeat(200));
        let other = format!("/{}b", "a".repeat(200));
        assert!(removes(&[&pattern], &name));
        assert!(!removes(&[&pattern], &other));
    }
}
