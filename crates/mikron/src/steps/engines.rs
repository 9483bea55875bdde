//! What packages of npm of one's own ask of Node. npm warns where it has another, and so does a build.

use mikron_facts::VersionFacts;
use mikron_select::{PackageInput, Selection};
use nodejs_semver::{Range, Version};

/// A warning for each package of one's own that asks for another version of Node than the image has. The last of the inputs has the
/// spec's own files.
pub(crate) fn warnings(inputs: &[PackageInput], selection: &Selection) -> Vec<String> {
    let Some((own, packages)) = inputs.split_last() else {
        return Vec::new();
    };
    let node = selection.files.iter().find_map(|chosen| {
        let package = packages.get(chosen.file.package)?;
        let path = chosen.path.as_bytes();
        path.ends_with(b"bin/node").then_some(package)
    });
    let version = node.and_then(|node| upstream(node.facts.metadata.record.version.as_str()));
    let Some(version) = version else {
        return Vec::new();
    };
    let asks = own.facts.files.iter().filter_map(|file| {
        let Some(VersionFacts::Engine(range)) = file.versions.as_deref() else {
            return None;
        };
        // What npm cannot read it passes over.
        let wanted = Range::parse(range).ok()?;
        (!wanted.satisfies(&version)).then(|| {
            format!(
                "{} asks for Node {range} (`engines`), and the image has {version}",
                file.entry.path
            )
        })
    });
    asks.collect()
}

/// The version that the authors of Node gave it: without epoch, and without what a distribution has put behind it.
fn upstream(version: &str) -> Option<Version> {
    let version = version.rsplit(':').next().unwrap_or(version);
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = version.find(|c| !is_number(c)).unwrap_or(version.len());
    Version::parse(&version[..end]).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_version_of_a_package_is_that_of_node_with_more() {
        for (version, expected) in [
            ("18.20.4+dfsg-1~deb12u3", Some("18.20.4")),
            ("1:20.11.0-1.el9", Some("20.11.0")),
            ("20.15.1-r0", Some("20.15.1")),
            ("unknown", None),
        ] {
            let found = upstream(version).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "{version}");
        }
        let node = upstream("18.20.4+dfsg-1").unwrap();
        for (range, fits) in [
            (">=18", true),
            ("^18.0.0 || ^20", true),
            ("20.x", false),
            ("*", true),
        ] {
            assert_eq!(
                Range::parse(range).unwrap().satisfies(&node),
                fits,
                "{range}"
            );
        }
    }
}
