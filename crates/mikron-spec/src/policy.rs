//! What a caller who does not trust a spec's author allows it to name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Component, Path, PathBuf};

use crate::error::{Document, SpecError, SpecErrorKind};
use crate::source::Place;
use crate::spec::Spec;
use crate::text::shown;

/// What a spec may refer to outside itself. The default is a spec of one's own: everything.
///
/// ```
/// use mikron_package::Limits;
/// use mikron_spec::{Document, Policy, Spec};
/// let text = "mikron: 1\nname: a\nsources:\n  s: { deb: 'file:///srv/deb', suite: ./, allow: [unsigned] }\n";
/// let spec = Spec::parse("a.yaml", text, &Limits::default())?;
/// let policy = Policy { serving: true, root: None };
/// let error = policy.check(&spec, &Document::new("a.yaml", text)).unwrap_err();
/// assert_eq!(error.at.line, 4);
/// # Ok::<(), mikron_spec::SpecError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The build runs on behalf of somebody else: no local files as sources, and no addresses that mean something only
    /// inside the network of the machine that builds.
    pub serving: bool,
    /// The directory that everything named by path has to lie in.
    pub root: Option<PathBuf>,
}

impl Policy {
    /// Checks a spec whose paths are relative to `root` itself, by the text alone. What the text cannot show (links in the
    /// file system, names that resolve to private addresses) is checked where files are opened ([`Policy::resolve`]) and
    /// connections made.
    ///
    /// # Errors
    /// When the spec names what this policy forbids.
    pub fn check(&self, spec: &Spec, document: &Document<'_>) -> Result<(), SpecError> {
        if self.serving {
            for (name, source) in &spec.sources {
                for (path, url) in source.urls() {
                    let mut at = vec!["sources", name.as_str()];
                    at.extend(path);
                    if let Some(reason) = forbidden_url(url) {
                        let kind = SpecErrorKind::Forbidden(reason);
                        let help = "name a public server".to_owned();
                        return Err(document.error_at(&at, kind, Some(help)));
                    }
                }
            }
        }
        if self.is_strict() {
            check_paths(spec, document)?;
        }
        Ok(())
    }

    /// Whether a spec may name a path, by its text: where local files or a root count, no path leads out of the spec's directory.
    pub fn allows(&self, named: &str) -> bool {
        !self.is_strict() || stays_inside(named)
    }

    fn is_strict(&self) -> bool {
        self.serving || self.root.is_some()
    }

    /// The path on the host that a spec in the directory `base` means by `named`. Where a root is set, links are followed
    /// and the outcome has to lie in it.
    ///
    /// # Errors
    /// When the path leads out of the root, or cannot be followed.
    pub fn resolve(&self, base: &Path, named: &str) -> Result<PathBuf, OutsideRoot> {
        let joined = base.join(named);
        let Some(root) = &self.root else {
            return Ok(joined);
        };
        let fail = |reason: String| OutsideRoot {
            path: joined.clone(),
            root: root.clone(),
            reason,
        };
        let real = joined.canonicalize().map_err(|e| fail(e.to_string()))?;
        let real_root = root.canonicalize().map_err(|e| fail(e.to_string()))?;
        if real.starts_with(&real_root) {
            Ok(real)
        } else {
            Err(fail("it leads out of that directory".to_owned()))
        }
    }
}

/// Refuses paths that lead out of the directory of a spec, by their text.
fn check_paths(spec: &Spec, document: &Document<'_>) -> Result<(), SpecError> {
    let outside = |at: &[&str], path: &str| {
        let message = format!("`{}` lies outside the spec's directory", shown(path));
        let help = "name a file beside or below the spec".to_owned();
        Err(document.error_at(at, SpecErrorKind::Forbidden(message), Some(help)))
    };
    for (name, source) in &spec.sources {
        for (key, files) in [("keys", &source.keys), ("ca", &source.ca)] {
            for (i, file) in files.iter().enumerate() {
                if !stays_inside(file) {
                    return outside(&["sources", name, key, &i.to_string()], file);
                }
            }
        }
        if let Place::Url(url) = &source.place
            && let Some(path) = url.strip_prefix("file:")
            && !stays_inside(path)
        {
            return outside(&["sources", name, source.family_key()], url);
        }
    }
    for (i, file) in spec.certificates.iter().enumerate() {
        if !stays_inside(file) {
            return outside(&["certificates", &i.to_string()], file);
        }
    }
    if let Some(base) = &spec.from
        && !stays_inside(&base.path)
    {
        return outside(&["from"], &base.path);
    }
    for (i, file) in spec.files.iter().enumerate() {
        if let Some(from) = file.content.source()
            && !stays_inside(from)
        {
            return outside(&["files", &i.to_string(), "from"], from);
        }
    }
    Ok(())
}

/// A path that a spec names and that its root does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a file in {}: {reason}", .path.display(), .root.display())]
pub struct OutsideRoot {
    /// The path as named, behind the spec's directory.
    pub path: PathBuf,
    /// The directory that it has to lie in.
    pub root: PathBuf,
    /// Why it does not.
    pub reason: String,
}

/// Whether a path is relative and never climbs above where it starts.
fn stays_inside(path: &str) -> bool {
    let mut depth = 0_usize;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    !path.contains('\0')
}

/// Why a URL must not be fetched on somebody else's behalf.
fn forbidden_url(url: &str) -> Option<String> {
    let Some(rest) = url.split_once("://").map(|(_, rest)| rest) else {
        return Some("local files cannot be a source here".to_owned());
    };
    if url.starts_with("file:") {
        return Some("local files cannot be a source here".to_owned());
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or("");
    if authority.contains('@') {
        return Some("a URL with credentials cannot be a source here".to_owned());
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let private = || Some(format!("`{}` is not a public address", shown(&host)));
    if let Ok(address) = host.parse::<IpAddr>() {
        return if is_public(address) { None } else { private() };
    }
    // `2130706433`, `0x7f.1` and the like are addresses to inet_aton(3), and nothing to a name server.
    let last = host.rsplit('.').next().unwrap_or("");
    let numeric = last.starts_with(|c: char| c.is_ascii_digit());
    let local = [
        "localhost",
        "local",
        "internal",
        "localdomain",
        "home",
        "lan",
    ]
    .contains(&last);
    if host.is_empty() || numeric || local || !host.contains('.') {
        return private();
    }
    None
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The IANA special-purpose registry, as far as it is reachable at all.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 198 && b & 0xfe == 18)
        || (a == 192 && b == 0 && c == 0))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Addresses that carry an IPv4 address are judged by it: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
    let s = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    if s[..5] == [0; 5] && (s[5] == 0xffff || s[5] == 0) {
        return is_public_v4(embedded(s[6], s[7]));
    }
    if s[0] == 0x64 && s[1] == 0xff9b {
        return is_public_v4(embedded(s[6], s[7]));
    }
    if s[0] == 0x2002 {
        return is_public_v4(embedded(s[1], s[2]));
    }
    // Global unicast is 2000::/3; 2001:db8::/32 is for documents.
    s[0] & 0xe000 == 0x2000 && !(s[0] == 0x2001 && s[1] == 0xdb8)
}
