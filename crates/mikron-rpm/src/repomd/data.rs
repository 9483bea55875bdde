//! `repomd.xml`: which files the metadata of a repository consist of.

use std::collections::BTreeMap;

use mikron_package::{LimitExceeded, Limits, Origin, normal_location};
use serde::{Deserialize, Serialize};

use super::xml::{Step, Tag, XmlReader};
use super::{FileChecksum, RepomdError, RepomdErrorKind};

/// What `repomd.xml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repomd {
    /// The revision as its publisher writes it: mostly a time in seconds since 1970.
    pub revision: Option<String>,
    /// The files by type: `primary`, `filelists`, `modules`.
    pub data: BTreeMap<String, RepomdData>,
}

/// One file of the metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepomdData {
    /// Where it lies, relative to the repository's base.
    pub location: String,
    /// The checksum of the file as it lies there.
    pub checksum: FileChecksum,
    /// The checksum of the unpacked text, where it is packed.
    pub open_checksum: Option<FileChecksum>,
    /// Size in bytes of the file as it lies there, where it is said.
    pub size: Option<u64>,
    /// Size in bytes of the unpacked text, where it is said.
    pub open_size: Option<u64>,
    /// When it was made, in seconds since 1970.
    pub timestamp: Option<i64>,
}

impl Repomd {
    /// When the metadata were made, in seconds since 1970: the latest of its files, else the revision where that is a number.
    pub fn timestamp(&self) -> Option<i64> {
        let latest = self.data.values().filter_map(|data| data.timestamp).max();
        latest.or_else(|| self.revision.as_deref()?.trim_ascii().parse().ok())
    }

    /// The file of this type; `Err` where it is only there as zchunk, or not at all.
    ///
    /// # Errors
    /// [`RepomdErrorKind::Zchunk`] and [`RepomdErrorKind::Missing`].
    pub fn file(&self, kind: &'static str) -> Result<&RepomdData, RepomdErrorKind> {
        match self.data.get(kind) {
            Some(data) if Some("zck") != data.location.rsplit('.').next() => Ok(data),
            None if !self.data.contains_key(&format!("{kind}_zck")) => {
                Err(RepomdErrorKind::Missing(kind))
            }
            _ => Err(RepomdErrorKind::Zchunk(kind.to_owned())),
        }
    }
}

/// Reads the verified text of `repomd.xml`.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::parse_repomd;
/// let text = format!(
///     r#"<repomd><revision>7</revision><data type="primary"><checksum type="sha256">{}</checksum>
///        <location href="repodata/primary.xml.gz"/><timestamp>10</timestamp></data></repomd>"#,
///     "0".repeat(64),
/// );
/// let repomd = parse_repomd(text.as_bytes(), &Limits::default(), &Origin::named("repomd.xml"))?;
/// assert_eq!(repomd.timestamp(), Some(10));
/// assert_eq!(repomd.file("primary").unwrap().location, "repodata/primary.xml.gz");
/// # Ok::<(), mikron_rpm::RepomdError>(())
/// ```
///
/// # Errors
/// When it is malformed, a type stands twice, a file that matters lacks its location or a strong checksum, a location leads out
/// of the repository, or a limit ([`Limits::release`]) is exceeded.
pub fn parse_repomd(text: &[u8], limits: &Limits, origin: &Origin) -> Result<Repomd, RepomdError> {
    LimitExceeded::check("release", text.len() as u64, limits.release)
        .map_err(|limit| RepomdError::new(limit, origin, 0))?;
    let mut xml = XmlReader::new(text, limits, origin, "repomd");
    let mut repomd = Repomd::default();
    let mut draft: Option<Draft> = None;
    let mut text = String::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        let outcome = match xml.step()? {
            Step::Open(tag) => {
                text.clear();
                path.push(tag.name().to_owned());
                begin(&tag, &mut draft)
            }
            Step::Text(piece) => {
                text.push_str(&piece);
                LimitExceeded::check("field", text.len() as u64, limits.field).map_err(Into::into)
            }
            Step::Close => {
                let element = path.pop().unwrap_or_default();
                end(
                    &mut repomd,
                    &mut draft,
                    path.len(),
                    &element,
                    text.trim_ascii(),
                )
                .map_err(|kind| xml.fault(kind).in_element(&element))?;
                Ok(())
            }
            Step::End => return Ok(repomd),
        };
        outcome.map_err(|kind: RepomdErrorKind| {
            let element = path.last().map_or("repomd", String::as_str);
            xml.fault(kind).in_element(element)
        })?;
    }
}

/// A `<data>` that is being read.
#[derive(Default)]
struct Draft {
    kind: String,
    location: Option<String>,
    checksum: Option<Result<FileChecksum, RepomdErrorKind>>,
    open_checksum: Option<FileChecksum>,
    size: Option<u64>,
    open_size: Option<u64>,
    timestamp: Option<i64>,
    /// The `type` of the checksum whose text comes next.
    checksum_kind: String,
}

fn begin(tag: &Tag<'_>, draft: &mut Option<Draft>) -> Result<(), RepomdErrorKind> {
    match (tag.depth, tag.name(), draft) {
        (2, "data", draft) => {
            let kind = tag.attribute("type")?;
            *draft = Some(Draft {
                kind: kind.ok_or(RepomdErrorKind::Missing("type"))?,
                ..Default::default()
            });
        }
        (3, "checksum" | "open-checksum", Some(draft)) => {
            let kind = tag.attribute("type")?;
            draft.checksum_kind = kind.ok_or(RepomdErrorKind::Missing("type"))?;
        }
        (3, "location", Some(draft)) => {
            let location = location(tag, None)?;
            if draft.location.replace(location).is_some() {
                return Err(RepomdErrorKind::Duplicate);
            }
        }
        _ => {}
    }
    Ok(())
}

/// `depth` counts the elements around this one.
fn end(
    repomd: &mut Repomd,
    draft: &mut Option<Draft>,
    depth: usize,
    element: &str,
    text: &str,
) -> Result<(), RepomdErrorKind> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| RepomdErrorKind::value(text, "a number of bytes"))
    };
    let once = |taken: bool| {
        if taken {
            Err(RepomdErrorKind::Duplicate)
        } else {
            Ok(())
        }
    };
    match (depth, element) {
        (1, "revision") => once(repomd.revision.replace(text.to_owned()).is_some()),
        (1, "data") => match draft.take() {
            Some(data) => {
                let kind = data.kind.clone();
                let data = data.finish()?;
                once(repomd.data.insert(kind, data).is_some())
            }
            None => Ok(()),
        },
        (2, element) => {
            let Some(draft) = draft else { return Ok(()) };
            match element {
                "checksum" => {
                    let checksum = FileChecksum::parse(&draft.checksum_kind, text);
                    once(draft.checksum.replace(checksum).is_some())
                }
                "open-checksum" => {
                    // The file itself has a strong one, or is refused: a weak one here proves nothing, and harms nothing.
                    let checksum = match FileChecksum::parse(&draft.checksum_kind, text) {
                        Err(RepomdErrorKind::WeakChecksum(_)) => return Ok(()),
                        other => other?,
                    };
                    once(draft.open_checksum.replace(checksum).is_some())
                }
                "size" => once(draft.size.replace(number(text)?).is_some()),
                "open-size" => once(draft.open_size.replace(number(text)?).is_some()),
                "timestamp" => {
                    // Old versions of createrepo write fractions of seconds.
                    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
                    let time = whole.parse().map_err(|_| {
                        RepomdErrorKind::value(text, "a time in seconds since 1970")
                    })?;
                    once(draft.timestamp.replace(time).is_some())
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

impl Draft {
    fn finish(self) -> Result<RepomdData, RepomdErrorKind> {
        Ok(RepomdData {
            location: self.location.ok_or(RepomdErrorKind::Missing("location"))?,
            checksum: self
                .checksum
                .ok_or(RepomdErrorKind::Missing("checksum"))??,
            open_checksum: self.open_checksum,
            size: self.size,
            open_size: self.open_size,
            timestamp: self.timestamp,
        })
    }
}

/// The `href` of a `<location>`, in its normal form. `base` is the repository's own, which `xml:base` may name and nothing else.
pub(super) fn location(tag: &Tag<'_>, base: Option<&str>) -> Result<String, RepomdErrorKind> {
    let (mut href, mut foreign) = (None, None);
    tag.attributes(|key, value| {
        match key {
            "href" => href = Some(value.into_owned()),
            "xml:base" => {
                let own = base
                    .is_some_and(|base| base.trim_end_matches('/') == value.trim_end_matches('/'));
                if !own && !value.is_empty() {
                    foreign = Some(value.chars().take(100).collect());
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if let Some(base) = foreign {
        return Err(RepomdErrorKind::ForeignBase(base));
    }
    let href = href.ok_or(RepomdErrorKind::Missing("href"))?;
    let normal = normal_location(&href).map_err(|reason| RepomdErrorKind::Location {
        location: href.chars().take(100).collect(),
        reason,
    })?;
    Ok(normal.into_owned())
}
