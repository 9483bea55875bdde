//! Where a repository lies: mirror lists and metalinks (RFC 5854, and the form of it that came before).

use mikron_package::{LimitExceeded, Limits, Origin};
use serde::{Deserialize, Serialize};

use super::xml::{Step, Tag, XmlReader};
use super::{FileChecksum, RepomdError, RepomdErrorKind};

/// The base URLs of a mirror list, in its order: one a line, comments and empty lines left out.
///
/// Other schemes than http, https and file are left out as well; most lists name rsync too.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::parse_mirrorlist;
/// let text = b"# repo = x\nhttps://a.example.org/x\nrsync://b.example.org/x\nhttp://c.example.org/x/\n";
/// let urls = parse_mirrorlist(text, &Limits::default(), &Origin::named("mirrors"))?;
/// assert_eq!(urls, ["https://a.example.org/x", "http://c.example.org/x/"]);
/// # Ok::<(), mikron_rpm::RepomdError>(())
/// ```
///
/// # Errors
/// When a line is not a URL, none is left, or [`Limits::release`] is exceeded.
pub fn parse_mirrorlist(
    text: &[u8],
    limits: &Limits,
    origin: &Origin,
) -> Result<Vec<String>, RepomdError> {
    let fault =
        |kind: RepomdErrorKind, offset: usize| RepomdError::new(kind, origin, offset as u64);
    LimitExceeded::check("release", text.len() as u64, limits.release)
        .map_err(|limit| fault(limit.into(), 0))?;
    let text = str::from_utf8(text)
        .map_err(|error| fault(RepomdErrorKind::NotUtf8, error.valid_up_to()))?;
    let mut urls = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let at = offset;
        offset += line.len();
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !is_url(line) {
            return Err(fault(
                RepomdErrorKind::value(line, "the URL of a mirror"),
                at,
            ));
        }
        if is_fetched(line) {
            urls.push(line.to_owned());
        }
    }
    if urls.is_empty() {
        return Err(fault(RepomdErrorKind::NoMirror, text.len()));
    }
    Ok(urls)
}

fn is_url(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    text.contains("://") && text.chars().all(plain)
}

fn is_fetched(url: &str) -> bool {
    ["https://", "http://", "file://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
    })
}

/// What a metalink says of `repomd.xml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metalink {
    /// The base URLs, most preferred first, and in the order of the file where preferences are equal.
    pub urls: Vec<String>,
    /// The `repomd.xml` that mirrors may have: the newest first, then the ones before.
    pub files: Vec<MetalinkFile>,
}

/// One `repomd.xml` that mirrors may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetalinkFile {
    /// Its checksum, the strongest where there are several.
    pub checksum: FileChecksum,
    /// Its size in bytes, where it is said.
    pub size: Option<u64>,
    /// When it was made, in seconds since 1970, where it is said.
    pub timestamp: Option<i64>,
}

impl Metalink {
    /// The file that these bytes are, where they are one of them.
    pub fn matching(&self, bytes: &[u8]) -> Option<&MetalinkFile> {
        let same_size = |file: &&MetalinkFile| file.size.is_none_or(|s| s == bytes.len() as u64);
        self.files
            .iter()
            .filter(same_size)
            .find(|file| file.checksum.matches(bytes))
    }
}

/// The file that a metalink of a repository is for.
const NAME: &str = "repomd.xml";

/// Reads a metalink of a repository.
///
/// ```
/// use mikron_package::{Limits, Origin};
/// use mikron_rpm::parse_metalink;
/// let text = format!(
///     r#"<metalink><files><file name="repomd.xml"><size>9</size>
///        <verification><hash type="md5">x</hash><hash type="sha256">{}</hash></verification><resources>
///        <url protocol="http" preference="90">http://b.example.org/x/repodata/repomd.xml</url>
///        <url protocol="https" preference="100">https://a.example.org/x/repodata/repomd.xml</url>
///        </resources></file></files></metalink>"#,
///     "0".repeat(64),
/// );
/// let found = parse_metalink(text.as_bytes(), &Limits::default(), &Origin::named("metalink"))?;
/// assert_eq!(found.urls, ["https://a.example.org/x/", "http://b.example.org/x/"]);
/// assert_eq!(found.files[0].size, Some(9));
/// # Ok::<(), mikron_rpm::RepomdError>(())
/// ```
///
/// # Errors
/// When it is malformed, names no `repomd.xml`, no mirror, or no strong checksum, or [`Limits::release`] is exceeded.
pub fn parse_metalink(
    text: &[u8],
    limits: &Limits,
    origin: &Origin,
) -> Result<Metalink, RepomdError> {
    LimitExceeded::check("release", text.len() as u64, limits.release)
        .map_err(|limit| RepomdError::new(limit, origin, 0))?;
    let mut xml = XmlReader::new(text, limits, origin, "metalink");
    let mut draft = Draft::default();
    let mut text = String::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        let outcome = match xml.step()? {
            Step::Open(tag) => {
                text.clear();
                path.push(tag.name().to_owned());
                draft.open(&tag)
            }
            Step::Text(piece) => {
                text.push_str(&piece);
                LimitExceeded::check("field", text.len() as u64, limits.field).map_err(Into::into)
            }
            Step::Close => {
                let element = path.pop().unwrap_or_default();
                let closed = draft.close(&element, text.trim_ascii());
                text.clear();
                closed
            }
            Step::End => {
                return draft.finish().map_err(|kind| xml.fault(kind));
            }
        };
        outcome.map_err(|kind: RepomdErrorKind| {
            let fault = xml.fault(kind);
            match path.last() {
                Some(element) => fault.in_element(element),
                None => fault,
            }
        })?;
    }
}

#[derive(Default)]
struct Draft {
    /// Whether the `<file>` is the one that is wanted.
    inside: bool,
    hash_kind: String,
    preference: u32,
    urls: Vec<(u32, String)>,
    files: Vec<MetalinkFile>,
    file: FileDraft,
    weak: Vec<String>,
}

#[derive(Default)]
struct FileDraft {
    checksum: Option<FileChecksum>,
    size: Option<u64>,
    timestamp: Option<i64>,
}

impl Draft {
    fn open(&mut self, tag: &Tag<'_>) -> Result<(), RepomdErrorKind> {
        match tag.name() {
            "file" => self.inside = tag.attribute("name")?.as_deref() == Some(NAME),
            "alternates" => self.end_file(),
            "hash" => self.hash_kind = tag.attribute("type")?.unwrap_or_default(),
            "url" => {
                self.preference = 0;
                tag.attributes(|key, value| {
                    // RFC 5854 counts priorities from 1, the best; the older form preferences up to 100, the best.
                    match (key, value.parse::<u32>()) {
                        ("preference", Ok(preference)) => self.preference = preference,
                        ("priority", Ok(priority)) => self.preference = u32::MAX - priority,
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, element: &str, text: &str) -> Result<(), RepomdErrorKind> {
        if !self.inside {
            return Ok(());
        }
        match element {
            "file" => {
                self.end_file();
                self.inside = false;
            }
            "alternate" => self.end_file(),
            "size" => {
                let size = text.parse();
                let size = size.map_err(|_| RepomdErrorKind::value(text, "a number of bytes"))?;
                self.file.size = Some(size);
            }
            "timestamp" => {
                let time = text.parse();
                let wrong = |_| RepomdErrorKind::value(text, "a time in seconds since 1970");
                self.file.timestamp = Some(time.map_err(wrong)?);
            }
            "hash" => {
                let kind = self.hash_kind.replace('-', "").to_ascii_lowercase();
                match FileChecksum::parse(&kind, text) {
                    Ok(checksum) => {
                        let longer =
                            |old: &FileChecksum| old.as_bytes().len() < checksum.as_bytes().len();
                        if self.file.checksum.as_ref().is_none_or(longer) {
                            self.file.checksum = Some(checksum);
                        }
                    }
                    Err(
                        RepomdErrorKind::WeakChecksum(kind)
                        | RepomdErrorKind::UnknownChecksum(kind),
                    ) => self.weak.push(kind),
                    Err(other) => return Err(other),
                }
            }
            "url" => {
                if !is_url(text) {
                    return Err(RepomdErrorKind::value(text, "the URL of a mirror"));
                }
                let base = text.strip_suffix("repodata/repomd.xml");
                if let Some(base) = base.filter(|base| is_fetched(base)) {
                    self.urls.push((self.preference, base.to_owned()));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what was said of one file, where it has a checksum.
    fn end_file(&mut self) {
        let file = std::mem::take(&mut self.file);
        if let Some(checksum) = file.checksum {
            self.files.push(MetalinkFile {
                checksum,
                size: file.size,
                timestamp: file.timestamp,
            });
        }
    }

    fn finish(mut self) -> Result<Metalink, RepomdErrorKind> {
        if self.urls.is_empty() {
            return Err(RepomdErrorKind::NoMirror);
        }
        if self.files.is_empty() {
            return Err(if self.weak.is_empty() {
                RepomdErrorKind::Missing("hash")
            } else {
                RepomdErrorKind::WeakChecksum(self.weak.join(", "))
            });
        }
        self.urls
            .sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
        Ok(Metalink {
            urls: self.urls.into_iter().map(|(_, url)| url).collect(),
            files: self.files,
        })
    }
}
