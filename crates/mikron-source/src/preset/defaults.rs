//! What is known of distributions without asking anyone: their suites and their keys. Hosts are no part of the source: who
//! builds the program for others sets them in the compiler's environment.

use crate::trust::Keyring;

/// The keys of Debian 11 to 13, as `debian-archive-keyring` has them; see `keyrings/README.md`.
const DEBIAN_KEYS: [&[u8]; 9] = [
    include_bytes!("../../keyrings/debian-bookworm-automatic.asc"),
    include_bytes!("../../keyrings/debian-bookworm-security-automatic.asc"),
    include_bytes!("../../keyrings/debian-bookworm-stable.asc"),
    include_bytes!("../../keyrings/debian-trixie-automatic.asc"),
    include_bytes!("../../keyrings/debian-trixie-security-automatic.asc"),
    include_bytes!("../../keyrings/debian-trixie-stable.asc"),
    include_bytes!("../../keyrings/debian-bullseye-automatic.asc"),
    include_bytes!("../../keyrings/debian-bullseye-security-automatic.asc"),
    include_bytes!("../../keyrings/debian-bullseye-stable.asc"),
];

/// The keyring of the Debian presets.
///
/// ```
/// let keyring = mikron_source::preset::debian_keyring();
/// assert_eq!(keyring.fingerprints()?.len(), 9);
/// # Ok::<(), mikron_source::trust::TrustError>(())
/// ```
pub fn debian_keyring() -> Keyring {
    Keyring::embedded(&DEBIAN_KEYS)
}

/// An archive of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Archive {
    /// The main archive, with stable updates.
    Debian,
    /// The security archive.
    Security,
}

impl Archive {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Debian, Self::Security];

    /// Whether a suite, as apt's sources name it, is one of any release of this archive: the same place has the others then.
    pub(super) fn has(self, suite: &str) -> bool {
        const MOVING: [&str; 4] = ["stable", "testing", "oldstable", "oldoldstable"];
        let of_releases = DEBIAN.iter().flat_map(|release| release.suites);
        let named = of_releases
            .clone()
            .any(|(archive, known)| *archive == self && *known == suite);
        let ending = match self {
            Self::Debian => ["", "-updates"].as_slice(),
            Self::Security => ["-security"].as_slice(),
        };
        named
            || ending.iter().any(|ending| {
                suite
                    .strip_suffix(ending)
                    .is_some_and(|name| MOVING.contains(&name))
            })
    }

    /// Its name: in mirrors' settings, and in the snapshot service.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Security => "debian-security",
        }
    }

    /// Where everybody finds it, as whoever built this program has set it: `MIKRON_DEFAULT_DEBIAN` and
    /// `MIKRON_DEFAULT_DEBIAN_SECURITY`, base URLs in the environment of the compiler.
    pub(super) fn public(self) -> Option<&'static str> {
        match self {
            Self::Debian => option_env!("MIKRON_DEFAULT_DEBIAN"),
            Self::Security => option_env!("MIKRON_DEFAULT_DEBIAN_SECURITY"),
        }
    }

    /// Where it stands as it was at a moment, in seconds since 1970, where whoever built this program has set the base URL of
    /// a snapshot service: `MIKRON_DEFAULT_SNAPSHOT`.
    pub(super) fn snapshot(self, at: i64) -> Option<String> {
        option_env!("MIKRON_DEFAULT_SNAPSHOT").map(|base| self.snapshot_at(base, at))
    }

    fn snapshot_at(self, base: &str, at: i64) -> String {
        let (year, month, day) = mikron_package::time::civil(at.div_euclid(86_400));
        let rest = at.rem_euclid(86_400);
        format!(
            "{}/{}/{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z",
            base.trim_end_matches('/'),
            self.name(),
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        )
    }
}

/// A release of Debian.
#[derive(Debug)]
pub(super) struct Release {
    /// Its codename, and other names of presets.
    pub(super) names: &'static [&'static str],
    /// Its suites, and in which archive they are.
    pub(super) suites: &'static [(Archive, &'static str)],
}

/// The releases of Debian. Names that move from one release to the next (`stable`) are not among them: a spec that says
/// today what it will not mean tomorrow is no use to anybody.
pub(super) const DEBIAN: [Release; 5] = [
    Release {
        names: &["bullseye"],
        suites: &[
            (Archive::Debian, "bullseye"),
            (Archive::Debian, "bullseye-updates"),
            (Archive::Security, "bullseye-security"),
        ],
    },
    Release {
        names: &["bookworm"],
        suites: &[
            (Archive::Debian, "bookworm"),
            (Archive::Debian, "bookworm-updates"),
            (Archive::Security, "bookworm-security"),
        ],
    },
    Release {
        names: &["trixie"],
        suites: &[
            (Archive::Debian, "trixie"),
            (Archive::Debian, "trixie-updates"),
            (Archive::Security, "trixie-security"),
        ],
    },
    Release {
        names: &["forky"],
        suites: &[
            (Archive::Debian, "forky"),
            (Archive::Debian, "forky-updates"),
            (Archive::Security, "forky-security"),
        ],
    },
    Release {
        names: &["sid", "unstable"],
        suites: &[(Archive::Debian, "sid")],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_named_by_archive_and_moment() {
        let url = Archive::Debian.snapshot_at("https://example.org/archive/", 1_783_764_997);
        assert_eq!(url, "https://example.org/archive/debian/20260711T101637Z");
    }
}
