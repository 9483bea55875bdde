//! What a build says when it is done. `mikron build --json` prints exactly this.

use mikron_package::{DiffId, Digest, PackageName, Platform, Version};
use mikron_rootfs::Diagnostic;
use serde::{Deserialize, Serialize};

/// The outcome of a build.
///
/// ```
/// use mikron::BuildReport;
/// # let json = r#"{"name":"nginx","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","platforms":[]}"#;
/// let report: BuildReport = serde_json::from_str(json)?;
/// assert_eq!(report.size(), 0);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildReport {
    /// The name of the image, from the spec.
    pub name: String,
    /// The variant of the spec that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The identity of the whole image: the digest of the image index, or that of the manifest where there is one platform. A build
    /// that writes docker archives and no layout reports what lies in the archive (its `index.json`, its manifests, its uncompressed
    /// layers).
    pub digest: Digest,
    /// One image a platform, in the order of the spec.
    pub platforms: Vec<PlatformReport>,
    /// Files and directories that another build could come to another image for: the spec, what it extends, its lock where there is one, the tables, slices
    /// and keys that the spec names, what it takes with `from`, and repositories on this machine. In order of path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The reports of the spec's variants, where all of them were built and this is the image without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<BuildReport>,
}

impl BuildReport {
    /// Compressed bytes of all platforms.
    pub fn size(&self) -> u64 {
        self.platforms.iter().map(|p| p.size).sum()
    }
}

/// The image of one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformReport {
    /// The platform.
    pub platform: Platform,
    /// The digest of the manifest.
    pub digest: Digest,
    /// The digest of the config, which docker calls the image's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Digest>,
    /// Bytes of all blobs of the platform: manifest, config and layers as they are stored.
    pub size: u64,
    /// Uncompressed bytes of all files.
    #[serde(default)]
    pub unpacked: u64,
    /// The layers, lowest first.
    pub layers: Vec<LayerReport>,
    /// The packages that gave at least one file, in order of name.
    pub packages: Vec<PackageReport>,
    /// Every maintainer script that was not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<ScriptReport>,
    /// What came of putting the packages together that somebody may wonder about: files of one package in the place of another's, files of
    /// the spec in the place of a package's, directories of which packages say different things, patterns that match nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// What the users of the image should know: needs of files that nothing reaches, and an image without a program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
    /// Digest of the uncompressed tar stream.
    pub diff_id: DiffId,
    /// The name that the spec gives it (`layer` of its files).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is one of the image that is built upon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base: bool,
    /// The packages whose files it holds, in order of name.
    pub packages: Vec<PackageName>,
}

/// One package of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageReport {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture in the family's own words.
    pub arch: String,
    /// The capabilities that were taken, in order of name.
    pub capabilities: Vec<String>,
    /// Number of its entries in the image.
    pub files: u64,
    /// Uncompressed bytes of its files in the image.
    pub bytes: u64,
}

/// A maintainer script that was not run (promise 7: nothing is silently dropped).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptReport {
    /// The package.
    pub package: PackageName,
    /// The script: `postinst`; `triggers` for what dpkg's triggers come to (deb-triggers(5)).
    pub script: String,
    /// Whether the spec names the package.
    #[serde(default)]
    pub root: bool,
    /// Effects that a finalizer brought about.
    pub covered: Vec<String>,
    /// Effects that mean nothing inside an image (service managers, upgrades, debconf).
    pub irrelevant: Vec<String>,
    /// Effects that nothing brought about, with the reason where there is one to tell.
    pub uncovered: Vec<String>,
}

impl ScriptReport {
    /// Whether it is a script, and not the declaration of triggers beside it.
    pub fn is_script(&self) -> bool {
        self.script != "triggers"
    }
}
