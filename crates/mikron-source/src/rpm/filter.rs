//! Packages that a source leaves out, by globs over their names.

/// The globs of a source.
pub(super) struct Excludes<'a>(pub(super) &'a [String]);

impl Excludes<'_> {
    /// Whether a package is left out: by its name, its name and architecture, or its full name.
    pub(super) fn hide(&self, name: &str, version: &str, arch: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let with_arch = format!("{name}.{arch}");
        let full = format!("{name}-{version}.{arch}");
        self.0.iter().any(|glob| {
            [name, &with_arch, &full]
                .into_iter()
                .any(|text| matches(glob.as_bytes(), text.as_bytes()))
        })
    }
}

/// `*` stands for anything, `?` for one byte. No input takes longer than the product of both lengths.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(b) if *b == b'?' || *b == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (g, t) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        let is = |glob: &str, text: &str| matches(glob.as_bytes(), text.as_bytes());
        assert!(is("kernel*", "kernel") && is("kernel*", "kernel-core"));
        assert!(is("*-debug*", "a-debuginfo") && !is("*-debug*", "a-devel"));
        assert!(is("lib?", "libc") && !is("lib?", "lib") && !is("lib?", "libcc"));
        assert!(is("a*b*c", "a-b-b-c") && !is("a*b*c", "a-b-b"));
        assert!(is("", "") && !is("", "a") && is("*", ""));
        assert!(
            !is(&"*a".repeat(5000), &"a".repeat(4999)),
            "a hostile glob ends soon"
        );
    }
}
