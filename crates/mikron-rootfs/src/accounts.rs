//! Users and groups: what the spec asks for, and how a name becomes a number.

use std::collections::BTreeMap;

use mikron_package::RootPath;
use serde::Serialize;

use crate::error::RootfsError;

/// The largest id that can be given: 2³²−1 means "no id" to chown(2).
pub(crate) const MAX_ID: u32 = u32::MAX - 1;

/// The accounts that a spec asks for.
///
/// ```
/// use mikron_rootfs::{Accounts, User};
/// let accounts = Accounts {
///     users: vec![User { uid: Some(101), ..User::new("nginx") }],
///     ..Accounts::default()
/// };
/// assert_eq!(accounts.users[0].name, "nginx");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
}

/// A user. What is not said is chosen: the first free id from 101 in order of name, a group of the same name, home
/// `/nonexistent`, shell `/usr/sbin/nologin`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Numeric id.
    pub uid: Option<u32>,
    /// Id of the primary group.
    pub gid: Option<u32>,
    /// Primary group by name.
    pub group: Option<String>,
    /// Further groups, by name.
    pub groups: Vec<String>,
    /// Home directory.
    pub home: Option<String>,
    /// Login shell.
    pub shell: Option<String>,
    /// The comment field.
    pub gecos: Option<String>,
}

impl User {
    /// A user of whom only the name is said.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Numeric id.
    pub gid: Option<u32>,
    /// Its members, by name.
    pub members: Vec<String>,
}

/// Who the image's process runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RunAs {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl std::fmt::Display for RunAs {
    /// `uid:gid`, as the image config has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// One line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswdLine {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) gecos: String,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// One line of group(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupLine {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

/// The accounts of an image, as its passwd and group files have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) users: BTreeMap<String, PasswdLine>,
    pub(crate) groups: BTreeMap<String, GroupLine>,
}

impl Database {
    /// Reads passwd(5) and group(5); lines that are none are left out.
    pub(crate) fn parse(passwd: &[u8], group: &[u8]) -> Self {
        let mut database = Self::default();
        for line in String::from_utf8_lossy(passwd).lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, uid, gid, gecos, home, shell] = fields.as_slice()
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
            {
                let line = PasswdLine {
                    name: (*name).to_owned(),
                    uid,
                    gid,
                    gecos: (*gecos).to_owned(),
                    home: (*home).to_owned(),
                    shell: (*shell).to_owned(),
                };
                database.users.insert((*name).to_owned(), line);
            }
        }
        for line in String::from_utf8_lossy(group).lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, gid, members] = fields.as_slice()
                && let Ok(gid) = gid.parse()
            {
                let members = members.split(',').filter(|m| !m.is_empty());
                let line = GroupLine {
                    name: (*name).to_owned(),
                    gid,
                    members: members.map(str::to_owned).collect(),
                };
                database.groups.insert((*name).to_owned(), line);
            }
        }
        database
    }

    /// The text of passwd(5), in order of uid, then name.
    pub(crate) fn passwd(&self) -> String {
        let mut lines: Vec<&PasswdLine> = self.users.values().collect();
        lines.sort_by_key(|line| (line.uid, line.name.as_str()));
        let line = |l: &PasswdLine| {
            format!(
                "{}:x:{}:{}:{}:{}:{}\n",
                l.name, l.uid, l.gid, l.gecos, l.home, l.shell
            )
        };
        lines.into_iter().map(line).collect()
    }

    /// The text of group(5), in order of gid, then name.
    pub(crate) fn group(&self) -> String {
        let mut lines: Vec<&GroupLine> = self.groups.values().collect();
        lines.sort_by_key(|line| (line.gid, line.name.as_str()));
        let line = |l: &GroupLine| format!("{}:x:{}:{}\n", l.name, l.gid, l.members.join(","));
        lines.into_iter().map(line).collect()
    }

    /// The uid of a user by name or number.
    pub(crate) fn uid(&self, user: &str, wanted_by: &str) -> Result<u32, RootfsError> {
        if let Some(line) = self.users.get(user) {
            return Ok(line.uid);
        }
        id(user).ok_or_else(|| unknown("user", user, wanted_by))
    }

    /// The gid of a group by name or number.
    pub(crate) fn gid(&self, group: &str, wanted_by: &str) -> Result<u32, RootfsError> {
        if let Some(line) = self.groups.get(group) {
            return Ok(line.gid);
        }
        id(group).ok_or_else(|| unknown("group", group, wanted_by))
    }

    /// The primary group of a user by name or number; a user without an account is in the group of the same number where
    /// it is root, else in its own.
    pub(crate) fn primary_group(&self, user: &str, uid: u32) -> u32 {
        let by_name = self.users.get(user);
        let line = by_name.or_else(|| self.users.values().find(|line| line.uid == uid));
        line.map_or(uid, |line| line.gid)
    }

    /// `user` or `user:group`, by names or numbers, as numbers.
    pub(crate) fn run_as(&self, text: &str) -> Result<RunAs, RootfsError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let uid = self.uid(user, "run-as")?;
        let gid = match group {
            Some(group) => self.gid(group, "run-as")?,
            None => self.primary_group(user, uid),
        };
        Ok(RunAs { uid, gid })
    }
}

fn unknown(what: &'static str, name: &str, wanted_by: &str) -> RootfsError {
    RootfsError::UnknownAccount {
        what,
        name: name.to_owned(),
        wanted_by: wanted_by.to_owned(),
    }
}

/// An id in decimal, below 2³²−1.
fn id(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let id = text.parse().ok().filter(|id| *id <= MAX_ID);
    id.filter(|_| digits)
}

/// Checks a name for passwd(5) or group(5): what shadow's useradd accepts, and upper case and dots as well.
pub(crate) fn check_name(name: &str) -> Result<(), RootfsError> {
    let wrong = |reason: &str| {
        Err(RootfsError::Account {
            name: name
                .chars()
                .take(64)
                .collect::<String>()
                .escape_debug()
                .to_string(),
            reason: reason.to_owned(),
        })
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.$".contains(&b);
    if name.is_empty() || name.len() > 32 {
        wrong("a name has 1 to 32 characters")
    } else if !name.bytes().all(allowed) || name.starts_with('-') {
        wrong("a name holds letters, digits and `_-.$` only, and does not begin with `-`")
    } else if name.bytes().all(|b| b.is_ascii_digit()) {
        wrong("a name of digits only would be taken for a number")
    } else {
        Ok(())
    }
}

/// Checks a field of passwd(5): no colon, no line break.
pub(crate) fn check_field(name: &str, what: &str, field: &str) -> Result<(), RootfsError> {
    if field.contains([':', '\n', '\r', '\0']) {
        return Err(RootfsError::Account {
            name: name.to_owned(),
            reason: format!("the {what} holds a colon or a line break"),
        });
    }
    Ok(())
}

/// The directories that Mikron itself looks at for accounts.
pub(crate) fn passwd_path() -> RootPath {
    RootPath::new(b"etc/passwd").expect("a literal that is a path")
}

/// See [`passwd_path`].
pub(crate) fn group_path() -> RootPath {
    RootPath::new(b"etc/group").expect("a literal that is a path")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database::parse(
            b"root:x:0:0:root:/root:/bin/sh\nweb:x:101:33::/:/x\nbroken line\n",
            b"root:x:0:\nwww-data:x:33:web,other\n",
        )
    }

    #[test]
    fn files_are_read_and_written_back_the_same() {
        assert_eq!(
            database().passwd(),
            "root:x:0:0:root:/root:/bin/sh\nweb:x:101:33::/:/x\n"
        );
        assert_eq!(database().group(), "root:x:0:\nwww-data:x:33:web,other\n");
    }

    #[test]
    fn run_as_takes_names_numbers_and_pairs() {
        let run_as = |text| database().run_as(text).map(|r| r.to_string());
        assert_eq!(run_as("web").unwrap(), "101:33");
        assert_eq!(run_as("101").unwrap(), "101:33");
        assert_eq!(run_as("web:root").unwrap(), "101:0");
        assert_eq!(run_as("65532:5").unwrap(), "65532:5");
        assert_eq!(run_as("65532").unwrap(), "65532:65532");
    }

    #[test]
    fn an_unknown_name_or_a_number_beyond_the_last_is_refused() {
        for (text, part) in [
            ("nobody", "user `nobody`"),
            ("web:x", "group `x`"),
            ("4294967295", "4294967295"),
            ("-1", "-1"),
            ("", "``"),
        ] {
            let error = database().run_as(text).unwrap_err().to_string();
            assert!(error.contains("run-as") && error.contains(part), "{error}");
        }
    }

    #[test]
    fn names_and_fields_that_would_break_the_files_are_refused() {
        for name in ["", "a:b", "a\nb", "-x", "12", "a b", &"x".repeat(33)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("Debian-exim").is_ok() && check_name("_apt").is_ok());
        assert!(
            check_field("web", "home", "/a:b")
                .unwrap_err()
                .to_string()
                .contains("web: the home")
        );
    }
}
