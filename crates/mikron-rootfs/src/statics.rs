//! What every installation has, of the families in one image.

use mikron_package::{Family, StaticGroup, StaticUser, TrustStore};

/// The convention of distroless images: there in every family.
const NONROOT: StaticUser = StaticUser {
    name: "nonroot",
    uid: 65532,
    gid: 65532,
    comment: "nonroot",
    home: "/home/nonroot",
};

/// See [`NONROOT`].
const NONROOT_GROUP: StaticGroup = StaticGroup {
    name: "nonroot",
    gid: 65532,
};

/// The static accounts of the families of an image. Where two of them have a name or a number, it is the first one's.
#[derive(Clone, Debug)]
pub(crate) struct Statics {
    family: Family,
    families: Vec<Family>,
    users: Vec<StaticUser>,
    groups: Vec<StaticGroup>,
}

impl Statics {
    /// Those of these families; of none those of the default one.
    pub(crate) fn of(families: &[Family]) -> Self {
        let family = families.first().copied().unwrap_or_default();
        let mut statics = Self {
            family,
            families: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
        };
        statics.families = std::iter::once(family)
            .chain(families.iter().skip(1).copied())
            .collect();
        let all = statics.families.clone();
        let users = all.iter().flat_map(|family| family.users.iter().copied());
        for user in users.chain([NONROOT]) {
            let known = |other: &StaticUser| other.name == user.name || other.uid == user.uid;
            if !statics.users.iter().any(known) {
                statics.users.push(user);
            }
        }
        let groups = all.iter().flat_map(|family| family.groups.iter().copied());
        for group in groups.chain([NONROOT_GROUP]) {
            let known = |other: &StaticGroup| other.name == group.name || other.gid == group.gid;
            if !statics.groups.iter().any(known) {
                statics.groups.push(group);
            }
        }
        statics
    }

    /// The family by whose words further accounts are made.
    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// Whether every installation of one of the families has a program: by the directory below /usr, and the name.
    pub(crate) fn has_program(&self, directory: &str, name: &str) -> bool {
        let mut families = self.families.iter();
        families.any(|family| family.has_program(directory, name))
    }

    /// The directories that every installation of one of the families has.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &'static str> {
        self.families.iter().flat_map(|family| family.directories())
    }

    /// Where certificate authorities lie, of each family.
    pub(crate) fn trust(&self) -> Vec<&'static TrustStore> {
        let stores = self.families.iter().map(|family| family.data());
        stores.map(|data| &data.trust).collect()
    }

    pub(crate) fn users(&self) -> &[StaticUser] {
        &self.users
    }

    pub(crate) fn groups(&self) -> &[StaticGroup] {
        &self.groups
    }

    pub(crate) fn user(&self, name: &str) -> Option<StaticUser> {
        self.users.iter().find(|user| user.name == name).copied()
    }

    pub(crate) fn group(&self, name: &str) -> Option<StaticGroup> {
        self.groups.iter().find(|group| group.name == name).copied()
    }

    pub(crate) fn of_uid(&self, uid: u32) -> Option<StaticUser> {
        self.users.iter().find(|user| user.uid == uid).copied()
    }

    pub(crate) fn of_gid(&self, gid: u32) -> Option<StaticGroup> {
        self.groups.iter().find(|group| group.gid == gid).copied()
    }

    /// Whether a name is that of a static user or group.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.user(name).is_some() || self.group(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_number_of_two_families_is_that_of_the_first() {
        let statics = Statics::of(&[Family::APK, Family::DEB]);
        assert_eq!(statics.group("www-data").map(|group| group.gid), Some(82));
        assert_eq!(statics.of_uid(65534).map(|user| user.home), Some("/"));
        // Debian's `list` has a number that no account of Alpine has; its `man` has that of Alpine's `mail` for a group.
        assert_eq!(statics.user("list").map(|user| user.uid), Some(38));
        assert!(statics.group("man").is_none());
        assert!(statics.has("nonroot") && !statics.has("nginx"));
    }
}
