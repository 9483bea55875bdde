//! What the main header says of the package, in the shared shape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mikron_package::{
    ArchiveError, ArchiveErrorKind, ArchiveMetadata, PackageName, PackageRecord, Version,
    VersionOrder as _,
};

use super::files::Files;
use super::{lead, scripts};
use crate::header::relations::{self, Tags};
use crate::header::{Header, tag};
use crate::nevra::source_package;
use crate::version::RpmVersionOrder;

/// The main header's bytes, without its magic, for the package database.
pub(crate) const HEADER: &str = "header";
/// The signature header's bytes, without its magic: the package database holds its digests and signatures too.
pub(crate) const SIGNATURE: &str = "signature";
/// The lines of sysusers.d(5) that the package's `user()` and `group()` provides carry, one a line.
pub(crate) const SYSUSERS: &str = "sysusers";
/// The field that says which digests the archive carries.
pub(crate) const DIGESTS: &str = "Digests";

/// Fields of one text each, as `rpm -qi` calls them.
const TEXTS: [(&str, u32); 13] = [
    ("Group", tag::GROUP),
    ("License", tag::LICENSE),
    ("Source RPM", tag::SOURCE_RPM),
    ("Build Host", tag::BUILD_HOST),
    ("Packager", tag::PACKAGER),
    ("Vendor", tag::VENDOR),
    ("URL", tag::URL),
    ("Bug URL", tag::BUG_URL),
    ("VCS", tag::VCS),
    ("Distribution", tag::DISTRIBUTION),
    ("Platform", tag::PLATFORM),
    ("Modularity Label", tag::MODULARITY_LABEL),
    ("Summary", tag::SUMMARY),
];

const RELATIONS: [(&str, Tags); 8] = [
    ("Requires", relations::REQUIRES),
    ("Provides", relations::PROVIDES),
    ("Conflicts", relations::CONFLICTS),
    ("Obsoletes", relations::OBSOLETES),
    ("Recommends", relations::RECOMMENDS),
    ("Suggests", relations::SUGGESTS),
    ("Supplements", relations::SUPPLEMENTS),
    ("Enhances", relations::ENHANCES),
];

/// The metadata. The headers' bytes go into them as `extra`; the caller adds those.
pub(super) fn read(
    header: Header<'_>,
    bytes: &[u8],
    files: &Files,
) -> Result<ArchiveMetadata, ArchiveError> {
    let mut record = record(header)?;
    relations::fill(header, &mut record)?;
    let mut config_files = Vec::new();
    let mut ghosts = Vec::new();
    for number in 0..files.len() {
        // Every path is looked at, so that a bad one is the header's fault and not the payload's.
        let path = files.path(bytes, number)?;
        if files.is_ghost(number) {
            ghosts.push(files.entry(bytes, number)?);
        } else if files.is_config(number) {
            config_files.push(path);
        }
    }
    let mut extra = Vec::new();
    let lines = sysusers(&record);
    if !lines.is_empty() {
        extra.push((SYSUSERS.to_owned(), lines));
    }
    Ok(ArchiveMetadata {
        fields: fields(header, &record)?,
        scripts: scripts::all(header)?,
        config_files,
        ghosts,
        extra,
        record,
    })
}

fn missing(what: &str) -> ArchiveError {
    ArchiveError::malformed(format!("the header has no {what}"))
}

fn required(header: Header<'_>, tag: u32, what: &str) -> Result<String, ArchiveError> {
    let text = header.text(tag)?.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| missing(what))?;
    String::from_utf8(text.to_vec())
        .map_err(|_| ArchiveError::malformed(format!("the {what} is not UTF-8")))
}

fn record(header: Header<'_>) -> Result<PackageRecord, ArchiveError> {
    let source = header.lossy(tag::SOURCE_RPM)?;
    if header.has(tag::SOURCE_PACKAGE) || source.is_none() {
        return Err(lead::source_package());
    }
    let name = required(header, tag::NAME, "name")?;
    let name = PackageName::new(&name).map_err(ArchiveErrorKind::from);
    let name = name.map_err(ArchiveError::new)?;
    let version = required(header, tag::VERSION, "version")?;
    let release = required(header, tag::RELEASE, "release")?;
    let arch = required(header, tag::ARCH, "architecture")?;
    let unversioned = |text: &str| text.contains([':', '-']);
    if unversioned(&version) || unversioned(&release) {
        return Err(ArchiveError::malformed(
            "the version or the release has a `-` or a `:`",
        ));
    }
    let own = format!("{version}-{release}");
    let text = match header.number(tag::EPOCH)? {
        None | Some(0) => own.clone(),
        Some(epoch) => format!("{epoch}:{own}"),
    };
    RpmVersionOrder
        .validate(&text)
        .map_err(|error| ArchiveError::new(ArchiveErrorKind::Version(error)))?;
    let mut record = PackageRecord::new(name, Version::new(&text), &arch);
    if let Some((source, version)) = source.as_deref().and_then(source_package) {
        record.source = source;
        record.source_version = (version.as_str() != own).then_some(version);
    }
    let group = header.lossy(tag::GROUP)?;
    record.section = group.filter(|group| !group.is_empty() && group != "Unspecified");
    record.installed_size = header.size(tag::LONG_SIZE, tag::SIZE)?.unwrap_or(0);
    Ok(record)
}

fn fields(
    header: Header<'_>,
    record: &PackageRecord,
) -> Result<Vec<(String, String)>, ArchiveError> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    add("Name", record.name.to_string());
    add("Version", record.version.to_string());
    add("Architecture", record.arch.clone());
    add("Size", record.installed_size.to_string());
    if let Some(time) = header.number(tag::BUILD_TIME)? {
        add("Build Time", time.to_string());
    }
    for (name, tag) in TEXTS {
        add(name, header.lossy(tag)?.unwrap_or_default());
    }
    for (name, (names, flags, versions)) in RELATIONS {
        let texts = relations::texts(header, names, flags, versions)?;
        let texts: Vec<String> = texts.into_iter().map(|(text, _)| text).collect();
        add(name, texts.join(", "));
    }
    let payload = header.lossy(tag::PAYLOAD_COMPRESSOR)?;
    add("Payload", payload.unwrap_or_default());
    let description = header.lossy(tag::DESCRIPTION)?;
    add("Description", description.unwrap_or_default());
    Ok(fields)
}

/// The lines of `user(name) = base64` and `group(name) = base64`, in the order of the provides. What is no base64 is a version
/// that somebody gave such a provide by hand, and carries nothing.
fn sysusers(record: &PackageRecord) -> Vec<u8> {
    let mut lines = Vec::new();
    for offered in &record.provides {
        let name = offered.name.as_str();
        let carries = ["user(", "group(", "groupmember("]
            .iter()
            .any(|kind| name.starts_with(kind));
        let Some(constraint) = offered.constraint.as_ref().filter(|_| carries) else {
            continue;
        };
        if let Ok(line) = STANDARD.decode(constraint.version.as_str()) {
            lines.extend_from_slice(line.trim_ascii_end());
            lines.retain(|byte| *byte != 0);
            lines.push(b'\n');
        }
    }
    lines
}
