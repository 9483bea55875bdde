//! `name-epoch:version-release.architecture`: how modules and source packages are named.

use mikron_package::{PackageName, Version};

/// A package by its full name, borrowed.
///
/// ```
/// use mikron_rpm::Nevra;
/// let found = Nevra::parse("perl-libs-4:5.26.3-2.el8.x86_64").unwrap();
/// assert_eq!((found.name, found.evr, found.arch), ("perl-libs", "4:5.26.3-2.el8", "x86_64"));
/// assert_eq!(Nevra::parse("bash-0:5.1-1.noarch").unwrap().evr, "5.1-1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nevra<'a> {
    /// The name.
    pub name: &'a str,
    /// Epoch where it is not 0, version and release.
    pub evr: &'a str,
    /// The architecture.
    pub arch: &'a str,
}

impl<'a> Nevra<'a> {
    /// Takes a full name apart, from its end: neither version nor release hold a dash. `None` when a part is missing.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (rest, arch) = text.rsplit_once('.')?;
        let (rest, release) = rest.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        let evr = &rest[name.len() + 1..];
        let evr = &text[name.len() + 1..name.len() + 1 + evr.len() + 1 + release.len()];
        let evr = evr.strip_prefix("0:").unwrap_or(evr);
        let whole = [name, version, release, arch];
        (!whole.iter().any(|part| part.is_empty())).then_some(Self { name, evr, arch })
    }
}

/// Name and version of the source package that `sourcerpm` names: `nginx-1.22.1-9.el9.src.rpm`. The version has no epoch, as
/// file names have none. `None` where it is none (a source package itself has an empty one).
pub fn source_package(sourcerpm: &str) -> Option<(PackageName, Version)> {
    let nevra = Nevra::parse(sourcerpm.strip_suffix(".rpm")?)?;
    if !matches!(nevra.arch, "src" | "nosrc") {
        return None;
    }
    let name = PackageName::new(nevra.name).ok()?;
    Some((name, Version::new(nevra.evr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_of_sources_are_told_apart_from_the_end() {
        let (name, version) = source_package("gcc-c++-tools-12.2-1.fc40.src.rpm").unwrap();
        assert_eq!(
            (name.as_str(), version.as_str()),
            ("gcc-c++-tools", "12.2-1.fc40")
        );
        for wrong in [
            "",
            "x",
            "a-1.src.rpm",
            "a-1-2.x86_64.rpm",
            "-1-2.src.rpm",
            "a--2.src.rpm",
        ] {
            assert_eq!(source_package(wrong), None, "{wrong}");
        }
    }
}
