//! What is known of a family of packages beside its formats: its words, its accounts, the layout of its root.

mod apk;
mod deb;
mod everywhere;
mod rpm;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, RangeInclusive};

use serde::{Serialize, Serializer};

use crate::{Architecture, ScriptKind, Sought, When};

/// A family of packages: those that one package manager installs.
///
/// It is a value, and anybody can make one: what it knows stands in a [`FamilyData`], and two families are the same where they
/// have one name.
///
/// ```
/// use mikron_package::{Architecture, Family, FamilyData};
/// static PACMAN: FamilyData = FamilyData { name: "pacman", architecture: Architecture::rpm, ..FamilyData::PLAIN };
/// let pacman = Family::new(&PACMAN);
/// assert_ne!(pacman, Family::DEB);
/// assert_eq!((pacman.architecture)(Architecture::Amd64), "x86_64");
/// assert!(Family::RPM.user("nobody").is_some());
/// ```
#[derive(Clone, Copy)]
pub struct Family(&'static FamilyData);

/// What a family knows.
#[derive(Debug)]
pub struct FamilyData {
    /// Its name: the key of its sources in a spec, and what messages call it. Lower-case letters and digits.
    pub name: &'static str,
    /// The names of architectures.
    pub architecture: fn(Architecture) -> &'static str,
    /// Whether /bin, /sbin and /lib* of a root are links into /usr (file-hierarchy(7)), whatever the packages bring there.
    pub merged_usr: bool,
    /// The users that every installation has, before any script runs.
    pub users: &'static [StaticUser],
    /// The groups that every installation has.
    pub groups: &'static [StaticGroup],
    /// Its maintainer scripts by their kind, in the order in which they are listed.
    pub scripts: &'static [ScriptKind],
    /// Programs of the packages that every installation has, beside those of all families ([`FamilyData::has_program`]): by the
    /// directory below /usr, names with blanks between them.
    pub programs: &'static [(&'static str, &'static str)],
    /// Directories that every installation has, beside those of all families ([`FamilyData::directories`]): with blanks between them.
    pub own_directories: &'static str,
    /// The numbers of accounts that are made when a package is installed.
    pub system_ids: RangeInclusive<u32>,
    /// The shell of those who do not log in.
    pub nologin: &'static str,
    /// Where certificate authorities lie.
    pub trust: TrustStore,
    /// Whether its packages can be cut into slices, and so no name of a package holds a `_`.
    pub slices: bool,
    /// The names under which packages say that they have a file, where they do: of any of them.
    pub provided_as: fn(&Sought, Architecture) -> Vec<String>,
}

/// Where certificate authorities lie in the images of a family: paths from the root, without the slash at their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustStore {
    /// The directory of those that packages bring: files `*.crt` of one certificate, or `*.p11-kit` of many with what they are trusted for.
    pub packaged: &'static str,
    /// The directory of those that a site adds: files `*.crt` of one certificate.
    pub anchors: &'static str,
    /// The file that holds all of them, one behind the other.
    pub bundle: &'static str,
    /// Links to the bundle, at the places where libraries look by themselves.
    pub links: &'static [&'static str],
    /// The directory of links to single certificates, also by the hashes of their subjects, where the family has one.
    pub directory: Option<&'static str>,
    /// Java's key store.
    pub java: &'static str,
    /// What stands before the name of a file in Java's key store.
    pub alias: &'static str,
}

impl TrustStore {
    /// What update-ca-certificates(8) keeps, without a link to its bundle.
    pub const PLAIN: Self = Self {
        packaged: "usr/share/ca-certificates",
        anchors: "usr/local/share/ca-certificates",
        bundle: "etc/ssl/certs/ca-certificates.crt",
        links: &[],
        directory: Some("etc/ssl/certs"),
        java: "etc/ssl/certs/java/cacerts",
        alias: "debian:",
    };
}

/// A user with a fixed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticUser {
    /// Login name.
    pub name: &'static str,
    /// Numeric id.
    pub uid: u32,
    /// Id of the primary group.
    pub gid: u32,
    /// The comment field.
    pub comment: &'static str,
    /// Home directory.
    pub home: &'static str,
}

/// A group with a fixed number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticGroup {
    /// Its name.
    pub name: &'static str,
    /// Numeric id.
    pub gid: u32,
}

const fn user(
    name: &'static str,
    uid: u32,
    gid: u32,
    comment: &'static str,
    home: &'static str,
) -> StaticUser {
    StaticUser {
        name,
        uid,
        gid,
        comment,
        home,
    }
}

const fn group(name: &'static str, gid: u32) -> StaticGroup {
    StaticGroup { name, gid }
}

const fn script(name: &'static str, when: When, arguments: &'static [&'static str]) -> ScriptKind {
    ScriptKind {
        name,
        when,
        arguments,
    }
}

impl FamilyData {
    /// Where a family that says nothing of its own begins: OCI's names of architectures, no merged /usr, root and nobody.
    pub const PLAIN: Self = Self {
        name: "plain",
        architecture: Architecture::oci,
        merged_usr: false,
        users: &[
            user("root", 0, 0, "root", "/root"),
            user("nobody", 65534, 65534, "nobody", "/"),
        ],
        groups: &[group("root", 0), group("nobody", 65534)],
        scripts: &[],
        programs: &[],
        own_directories: "",
        system_ids: 101..=999,
        nologin: "/sbin/nologin",
        trust: TrustStore::PLAIN,
        slices: false,
        provided_as: |_, _| Vec::new(),
    };

    /// Whether every installation has a program, whatever the packages of an image are: by the directory below /usr, and the name.
    ///
    /// ```
    /// use mikron_package::Family;
    /// assert!(Family::APK.has_program("bin", "sed") && !Family::APK.has_program("bin", "dpkg"));
    /// ```
    pub fn has_program(&self, directory: &str, name: &str) -> bool {
        let all = everywhere::PROGRAMS.iter().chain(self.programs);
        let mut named = all.filter(|(of, _)| *of == directory);
        named.any(|(_, names)| names.split_whitespace().any(|one| one == name))
    }

    /// The directories that every installation has, without the slash at their start.
    pub fn directories(&self) -> impl Iterator<Item = &'static str> {
        let all = everywhere::DIRECTORIES.split_whitespace();
        all.chain(self.own_directories.split_whitespace())
    }

    /// The user of a name.
    pub fn user(&self, name: &str) -> Option<&'static StaticUser> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The group of a name.
    pub fn group(&self, name: &str) -> Option<&'static StaticGroup> {
        self.groups.iter().find(|group| group.name == name)
    }
}

impl Family {
    /// Debian and its relatives.
    pub const DEB: Self = Self(&deb::DATA);
    /// Red Hat, SUSE and their relatives.
    pub const RPM: Self = Self(&rpm::DATA);
    /// Alpine and its relatives.
    pub const APK: Self = Self(&apk::DATA);

    /// The family that knows this.
    pub const fn new(data: &'static FamilyData) -> Self {
        Self(data)
    }

    /// What it knows, for as long as the program runs.
    pub const fn data(self) -> &'static FamilyData {
        self.0
    }

    /// Its name, as in [`FamilyData::name`].
    pub const fn name(self) -> &'static str {
        self.0.name
    }
}

/// The family by whose words an image without packages is laid out: Debian's.
impl Default for Family {
    fn default() -> Self {
        Self::DEB
    }
}

impl Deref for Family {
    type Target = FamilyData;

    fn deref(&self) -> &FamilyData {
        self.0
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Family {}

impl PartialOrd for Family {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Family {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl Hash for Family {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_family_has_a_name_or_a_number_twice() {
        for family in [Family::DEB, Family::RPM, Family::APK] {
            let unique = |mut values: Vec<String>| {
                let all = values.len();
                values.sort();
                values.dedup();
                values.len() == all
            };
            let text = |value: &dyn fmt::Display| value.to_string();
            assert!(unique(family.users.iter().map(|u| text(&u.name)).collect()));
            assert!(unique(family.users.iter().map(|u| text(&u.uid)).collect()));
            assert!(unique(
                family.groups.iter().map(|g| text(&g.name)).collect()
            ));
            assert!(unique(family.groups.iter().map(|g| text(&g.gid)).collect()));
        }
    }

    #[test]
    fn the_primary_group_of_every_static_user_is_a_static_group() {
        for family in [Family::DEB, Family::RPM, Family::APK] {
            for user in family.users {
                let known = family.groups.iter().any(|group| group.gid == user.gid);
                assert!(known, "{family}: {}", user.name);
            }
        }
    }
}
