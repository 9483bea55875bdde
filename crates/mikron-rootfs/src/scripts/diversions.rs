//! dpkg-divert(1): where files of other packages go, so that a package can put its own in their place.

use mikron_package::{ArchiveMetadata, RootPath};

use super::ScannedScript;
use crate::finalizers::options::Arguments;

/// A path that a package diverts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The package, whose own file at the path stays where it is.
    pub package: String,
    /// The path.
    pub from: RootPath,
    /// Where the files of other packages go.
    pub to: RootPath,
}

/// What the scripts of these packages have dpkg-divert(1) divert when they are installed anew. Those that leave the file where it
/// is (`--no-rename`), and those of the local administrator, are none.
///
/// ```
/// use mikron_package::{ArchiveMetadata, Family, PackageRecord, RootPath, ScriptKind, Version};
/// let script = b"dpkg-divert --package a --divert /usr/bin/x.distrib --rename /usr/bin/x";
/// let preinst = ScriptKind::of(Family::DEB.scripts, "preinst").map(|kind| kind.script(script.to_vec()));
/// let metadata = ArchiveMetadata {
///     record: PackageRecord::new("a".parse()?, Version::new("1"), "all"),
///     fields: vec![], scripts: preinst.into_iter().collect(),
///     config_files: vec![], ghosts: vec![], extra: vec![],
/// };
/// let diversions = mikron_rootfs::diversions([&metadata]);
/// assert_eq!(diversions[0].to, RootPath::new(b"/usr/bin/x.distrib")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diversions<'a>(packages: impl IntoIterator<Item = &'a ArchiveMetadata>) -> Vec<Diversion> {
    let mut all = Vec::new();
    for metadata in packages {
        for script in ScannedScript::of(metadata) {
            for (_, call) in script
                .installing()
                .filter(|(_, call)| call.name() == "dpkg-divert")
            {
                let valued = ["--package", "--divert", "--admindir", "--instdir", "--root"];
                let arguments = Arguments::of(call, &valued);
                let asks = [
                    "--remove",
                    "--list",
                    "--listpackage",
                    "--truename",
                    "--no-rename",
                    "--local",
                ];
                let Some([from]) = arguments
                    .literal_operands()
                    .as_deref()
                    .map(<[&str; 1]>::try_from)
                    .and_then(Result::ok)
                else {
                    continue;
                };
                if arguments.has(&asks) {
                    continue;
                }
                let to = arguments
                    .value(&["--divert"])
                    .map_or_else(|| format!("{from}.distrib"), str::to_owned);
                let package = arguments.value(&["--package"]).unwrap_or(&script.package);
                if let (Ok(from), Ok(to)) =
                    (RootPath::new(from.as_bytes()), RootPath::new(to.as_bytes()))
                {
                    all.push(Diversion {
                        package: package.to_owned(),
                        from,
                        to,
                    });
                }
            }
        }
    }
    all
}
