//! Accounts that maintainer scripts create, read from literal calls of adduser(8) and useradd(8).

use super::options::Arguments;
use crate::accounts::{Accounts, Group, User, check_name};
use crate::calls::scan;
use mikron_shell::Call;

/// The users and groups that a maintainer script makes when its package is configured.
///
/// ```
/// let script = b"#!/bin/sh\nif [ \"$1\" = configure ]; then adduser --system --group web; fi\n";
/// let accounts = mikron_rootfs::scripted_accounts(script);
/// // Without a group of another name a user has one of its own.
/// assert_eq!((accounts.users[0].name.as_str(), accounts.users[0].group.as_deref()), ("web", None));
/// ```
pub fn scripted_accounts(script: &[u8]) -> Accounts {
    let mut accounts = Accounts::default();
    let makes = |call: &Call| {
        matches!(call.name(), "adduser" | "addgroup" | "useradd" | "groupadd")
            && call.runs_with("configure")
    };
    for wish in scan(script)
        .iter()
        .filter(|call| makes(call))
        .filter_map(read)
    {
        accounts.users.extend(wish.users);
        accounts.groups.extend(wish.groups);
    }
    accounts
}

/// Reads a call; `None` when it is none of the commands, or does not say enough.
pub(crate) fn read(call: &Call) -> Option<Accounts> {
    match call.name() {
        "adduser" => adduser(call),
        "addgroup" => addgroup(call),
        "useradd" => useradd(call),
        "groupadd" => groupadd(call),
        "usermod" => usermod(call),
        "gpasswd" => gpasswd(call),
        _ => None,
    }
}

const ADDUSER_VALUES: &[&str] = &[
    "--home",
    "--shell",
    "--uid",
    "--gid",
    "--ingroup",
    "--gecos",
    "--comment",
    "--firstuid",
    "--lastuid",
    "--firstgid",
    "--lastgid",
    "--conf",
    "-h",
    "-s",
    "-u",
    "-G",
    "-g",
];

fn adduser(call: &Call) -> Option<Accounts> {
    let arguments = Arguments::of(call, ADDUSER_VALUES);
    let names = operands(&arguments)?;
    match names.as_slice() {
        [user, group] => Some(membership(user, &[group])),
        [name] if arguments.has(&["--group"]) && !arguments.has(&["--system"]) => {
            Some(group(name, arguments.value(&["--gid"])))
        }
        [name] => {
            let system = arguments.has(&["--system", "-S"]);
            let own_group = arguments.has(&["--group"]) || !system;
            let gid = number(arguments.value(&["--gid"]));
            let ingroup = arguments.value(&["--ingroup", "-G"]);
            let user = User {
                uid: number(arguments.value(&["--uid", "-u"])),
                gid,
                // adduser(8): without --group or --ingroup, a system user is in nogroup.
                group: match ingroup {
                    Some(group) => Some(group.to_owned()),
                    None if own_group || gid.is_some() => None,
                    None => Some("nogroup".to_owned()),
                },
                home: arguments.value(&["--home", "-h"]).map(str::to_owned),
                shell: arguments.value(&["--shell", "-s"]).map(str::to_owned),
                // Busybox takes the field as it is.
                gecos: arguments
                    .value(&["--gecos", "--comment"])
                    .map(chfn)
                    .or_else(|| arguments.value(&["-g"]).map(str::to_owned)),
                ..User::new(name)
            };
            Some(Accounts {
                users: vec![user],
                groups: Vec::new(),
            })
        }
        _ => None,
    }
}

fn addgroup(call: &Call) -> Option<Accounts> {
    let arguments = Arguments::of(call, &["--gid", "--conf", "--firstgid", "--lastgid", "-g"]);
    match operands(&arguments)?.as_slice() {
        [user, group] => Some(membership(user, &[group])),
        [name] => Some(group(name, arguments.value(&["--gid", "-g"]))),
        _ => None,
    }
}

const USERADD_VALUES: &[&str] = &[
    "-b",
    "--base-dir",
    "-c",
    "--comment",
    "-d",
    "--home-dir",
    "--home",
    "-e",
    "--expiredate",
    "-f",
    "--inactive",
    "-g",
    "--gid",
    "-G",
    "--groups",
    "-k",
    "--skel",
    "-K",
    "--key",
    "-p",
    "--password",
    "-R",
    "--root",
    "-P",
    "--prefix",
    "-s",
    "--shell",
    "-u",
    "--uid",
    "-Z",
    "--selinux-user",
];

fn useradd(call: &Call) -> Option<Accounts> {
    let arguments = Arguments::of(call, USERADD_VALUES);
    let names = operands(&arguments)?;
    let [name] = names.as_slice() else {
        return None;
    };
    let primary = arguments.value(&["-g", "--gid"]);
    let gid = number(primary);
    let user = User {
        uid: number(arguments.value(&["-u", "--uid"])),
        gid,
        group: primary.filter(|_| gid.is_none()).map(str::to_owned),
        groups: list(arguments.value(&["-G", "--groups"])),
        home: arguments
            .value(&["-d", "--home-dir", "--home"])
            .map(str::to_owned),
        shell: arguments.value(&["-s", "--shell"]).map(str::to_owned),
        gecos: arguments.value(&["-c", "--comment"]).map(str::to_owned),
        ..User::new(name)
    };
    Some(Accounts {
        users: vec![user],
        groups: Vec::new(),
    })
}

fn groupadd(call: &Call) -> Option<Accounts> {
    let valued = [
        "-g",
        "--gid",
        "-K",
        "--key",
        "-p",
        "--password",
        "-R",
        "--root",
        "-P",
        "--prefix",
    ];
    let arguments = Arguments::of(call, &valued);
    match operands(&arguments)?.as_slice() {
        [name] => Some(group(name, arguments.value(&["-g", "--gid"]))),
        _ => None,
    }
}

fn usermod(call: &Call) -> Option<Accounts> {
    let arguments = Arguments::of(call, USERADD_VALUES);
    let groups = list(arguments.value(&["-G", "--groups"]));
    let other = [
        "-d", "--home", "-s", "--shell", "-g", "--gid", "-u", "--uid", "-l", "--login",
    ];
    match operands(&arguments)?.as_slice() {
        [user] if !groups.is_empty() && !arguments.has(&other) => {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            Some(membership(user, &groups))
        }
        _ => None,
    }
}

fn gpasswd(call: &Call) -> Option<Accounts> {
    let arguments = Arguments::of(call, &["-a", "--add"]);
    let user = arguments.value(&["-a", "--add"])?;
    match operands(&arguments)?.as_slice() {
        [group] => Some(membership(user, &[group])),
        _ => None,
    }
}

/// The names among the operands. A word that is not known is an option that may be empty (`$quiet`), unless nothing else is
/// there.
fn operands<'a>(arguments: &Arguments<'a>) -> Option<Vec<&'a str>> {
    let known = arguments.operands.iter().filter(|word| word.literal);
    let names: Vec<&str> = known.map(|word| word.text.as_str()).collect();
    let good = !names.is_empty() && names.iter().all(|name| check_name(name).is_ok());
    let last_known = arguments.operands.last().is_some_and(|word| word.literal);
    (good && last_known).then_some(names)
}

fn membership(user: &str, groups: &[&str]) -> Accounts {
    let members = |group: &&str| Group {
        name: (*group).to_owned(),
        gid: None,
        members: vec![user.to_owned()],
    };
    Accounts {
        users: Vec::new(),
        groups: groups.iter().map(members).collect(),
    }
}

fn group(name: &str, gid: Option<&str>) -> Accounts {
    let group = Group {
        name: name.to_owned(),
        gid: number(gid),
        members: Vec::new(),
    };
    Accounts {
        users: Vec::new(),
        groups: vec![group],
    }
}

fn number(text: Option<&str>) -> Option<u32> {
    text.and_then(|text| text.parse().ok())
        .filter(|id| *id <= crate::accounts::MAX_ID)
}

fn list(text: Option<&str>) -> Vec<String> {
    let items = text
        .unwrap_or_default()
        .split(',')
        .filter(|item| check_name(item).is_ok());
    items.map(str::to_owned).collect()
}

/// The comment field as adduser(8) has chfn(1) write it: a name, an office and two telephones, and more only where more is said.
fn chfn(comment: &str) -> String {
    let given = comment.split(',').count();
    format!("{comment}{}", ",".repeat(4_usize.saturating_sub(given)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan;

    fn wish(script: &str) -> Option<Accounts> {
        read(&scan(script.as_bytes())[0])
    }

    fn user(script: &str) -> User {
        wish(script).unwrap().users.remove(0)
    }

    #[test]
    fn adduser_with_a_group_of_its_own() {
        let user = user(
            "adduser --quiet --system --group --no-create-home --home /var/lib/x --gecos 'A B,,,' x",
        );
        assert_eq!(user.name, "x");
        assert_eq!((user.group, user.gid), (None, None));
        assert_eq!(
            (user.home.as_deref(), user.gecos.as_deref()),
            (Some("/var/lib/x"), Some("A B,,,"))
        );
    }

    #[test]
    fn a_system_user_without_a_group_is_in_nogroup() {
        assert_eq!(user("adduser --system x").group.as_deref(), Some("nogroup"));
        assert_eq!(
            user("adduser --system --ingroup y $quiet x")
                .group
                .as_deref(),
            Some("y")
        );
    }

    #[test]
    fn useradd_and_groupadd_in_both_spellings() {
        let user = user("useradd -r -M -d/srv/x -s /bin/false -u 999 -G adm,tty --gid=33 x");
        assert_eq!(
            (user.uid, user.gid, user.home.as_deref()),
            (Some(999), Some(33), Some("/srv/x"))
        );
        assert_eq!(user.groups, ["adm", "tty"]);
        assert_eq!(
            wish("groupadd -r --gid 7 y").unwrap().groups[0].gid,
            Some(7)
        );
    }

    #[test]
    fn memberships_in_all_spellings() {
        for script in [
            "adduser x y",
            "addgroup x y",
            "usermod -aG y x",
            "usermod -a -G y x",
            "gpasswd -a x y",
        ] {
            let group = wish(script).unwrap().groups.remove(0);
            assert_eq!(
                (group.name.as_str(), group.members),
                ("y", vec!["x".to_owned()]),
                "{script}"
            );
        }
    }

    #[test]
    fn a_call_that_does_not_say_the_name_is_not_read() {
        for script in [
            "adduser --system $NAME",
            "adduser --system",
            "useradd \"$1\"",
            "usermod -s /bin/sh x",
            "adduser 'a:b'",
        ] {
            assert_eq!(wish(script), None, "{script}");
        }
    }
}
