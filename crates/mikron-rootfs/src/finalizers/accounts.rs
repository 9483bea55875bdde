//! /etc/passwd and /etc/group.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{EntryKind, RootPath, SharedText};

use super::declarations;
use super::units::{self, Unit};
use crate::accounts::{
    Accounts, Database, Group, GroupLine, MAX_ID, PasswdLine, User, check_field, check_name,
    group_path, passwd_path,
};
use crate::error::RootfsError;
use crate::finalize::{Context, Work};
use crate::finalizer::Finalizer;
use crate::part::Owner;
use crate::statics::Statics;
use crate::tree::{Node, Tree};

/// Largest configuration file that is searched for the name of an account, in bytes.
const MAX_SEARCH: u64 = 256 << 10;

/// Writes /etc/passwd and /etc/group.
///
/// They hold root and nobody; the spec's accounts; the accounts that maintainer scripts create by literal calls of adduser
/// or useradd, and that sysusers.d(5) files declare; and those of the families' static accounts that the spec, a file's owner,
/// or a maintainer script refers to. An account that the spec names may also be one that a package of the
/// closure makes of which nothing was chosen. Accounts without a fixed number get the first free ones of the
/// family's range, in order of name.
/// Nobody logs in with a password: there is an /etc/shadow only where PAM asks it, and it has none. Files of the spec at these paths
/// stand.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("accounts", run)
        .reads(&["slices", "scripts"])
        .promises(&["/etc/passwd", "/etc/group"])
        .provides(&["/etc/shadow"])
}

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let context = work.context;
    let passwd = work.read(&passwd_path())?.unwrap_or_default();
    let group = work.read(&group_path())?.unwrap_or_default();
    let database = Database::parse(&passwd, &group);
    let known: BTreeSet<String> = database.users.keys().cloned().collect();
    let mut wishes = Wishes {
        database,
        ..Wishes::new(context.statics)
    };
    wishes.all(&context.accounts.users, &context.accounts.groups)?;
    let calls = work.calls();
    let declares = calls.filter(|(_, _, call)| call.name() == "systemd-sysusers");
    let declares = declares.map(|(_, site, _)| site);
    work.report.settle(declares, None);
    let mut of_scripts = BTreeSet::new();
    for wish in asked(context, true) {
        of_scripts.extend(wish.users.iter().map(|user| user.name.clone()));
        // A static account is there before any script, which then leaves it as it is.
        let (fixed, users): (Vec<User>, Vec<User>) = wish
            .users
            .iter()
            .cloned()
            .partition(|user| context.statics.user(&user.name).is_some());
        for user in fixed {
            wishes.refer(&user.name);
        }
        wishes.all(&users, &wish.groups)?;
    }
    let lines = declarations::lines(work, "sysusers.d")?;
    let mut accounts = declarations::accounts(&lines);
    // systemd-sysusers(8) leaves an account as it is that a script has made.
    for user in &mut accounts.users {
        if of_scripts.contains(&user.name) {
            *user = User {
                groups: std::mem::take(&mut user.groups),
                ..User::new(&user.name)
            };
        }
    }
    wishes.all(&accounts.users, &accounts.groups)?;
    further(work, &mut wishes)?;
    for name in ["root", "nobody", "nogroup"] {
        wishes.refer(name);
    }
    references(work, &mut wishes)?;
    let is_pam = |node: &Node| node.entry.path.file_name() == Some(b"pam_unix.so");
    let asks_pam = work.tree.nodes().any(is_pam);
    let shadow = RootPath::new(b"etc/shadow")?;
    let shadow = Some(shadow).filter(|path| asks_pam && work.tree.lookup(path).is_none());
    if shadow.is_some() {
        wishes.refer_group("shadow");
    }
    let shells = ["/bin/bash", "/bin/sh"];
    let root_shell = shells.into_iter().find(|path| work.has(path));
    let database = wishes.settle(root_shell)?;

    extend(work, &passwd_path(), &passwd, &database.passwd())?;
    extend(work, &group_path(), &group, &database.group())?;
    let of_base = RootPath::new(b"etc/shadow")?;
    if work.is_base(&of_base) {
        // Who was there keeps what is said there; the others have a line.
        let there = work.read(&of_base)?.unwrap_or_default();
        let fresh = |name: &&String| !known.contains(*name);
        let lines = database.users.keys().filter(fresh);
        let lines: Vec<String> = lines.map(|name| format!("{name}:*:::::::")).collect();
        let lines = lines.join("\n");
        extend(work, &of_base, &there, &lines)?;
    }
    if let Some(path) = shadow {
        // pam_unix(8) refuses, even to su(1) of root, an account whose password is elsewhere and whose line is missing there.
        let mut text = String::new();
        for name in database.users.keys() {
            text.extend([
                name.as_str(),
                ":*:::::::
",
            ]);
        }
        work.write(path.clone(), text.into_bytes(), 0o640)?;
        let gid = database.groups.get("shadow").map(|line| line.gid);
        if let (Some(node), Some(gid)) = (work.tree.get_mut(&path), gid) {
            node.entry.gid = gid;
        }
    }
    own_by_name(work.tree, &database);
    Ok(())
}

/// Writes lines, each of which begins with a name. In a file of the image that is built upon, the lines of other names stay, and of lines
/// that are there already nothing is written.
fn extend(
    work: &mut Work<'_>,
    path: &RootPath,
    there: &[u8],
    lines: &str,
) -> Result<(), RootfsError> {
    if !work.is_base(path) {
        return work.write(path.clone(), lines.as_bytes().to_vec(), 0o644);
    }
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let mut fresh: BTreeMap<String, &str> = lines.lines().map(|line| (name(line), line)).collect();
    let there = String::from_utf8_lossy(there);
    let mut text = String::new();
    let changed = |old: &str, new: &str| {
        // The password of a line is its own.
        let fields = |line: &str| -> Vec<String> {
            let fields = line.split(':').enumerate().filter(|(at, _)| *at != 1);
            fields.map(|(_, field)| field.to_owned()).collect()
        };
        fields(old) != fields(new)
    };
    for line in there.lines() {
        let kept = fresh.remove(&name(line)).filter(|new| changed(line, new));
        text.extend([kept.unwrap_or(line), "\n"]);
    }
    for line in lines.lines().filter(|line| fresh.contains_key(&name(line))) {
        text.extend([line, "\n"]);
    }
    let entry = work.tree.lookup(path).map(|node| node.entry.clone());
    if let Some(mut entry) = entry.filter(|_| text != there) {
        let (size, content) = (text.len() as u64, work.contents.add(text.into_bytes()));
        entry.kind = EntryKind::File { size };
        work.place(entry, Some(content))?;
    }
    Ok(())
}

/// The accounts that scripts ask for: of packages that count, or of the others.
fn asked<'a>(context: &'a Context<'_>, counts: bool) -> impl Iterator<Item = &'a Accounts> {
    let runs = context.runs.get().into_iter();
    let accounts = runs.flat_map(|runs| &runs.accounts);
    accounts
        .filter(move |(real, _)| *real == counts)
        .map(|(_, wish)| wish)
}

/// Gives entries of packages and of scripts the numbers of their owners' names, as dpkg(1) does: a name that the image knows
/// outweighs the number in the archive.
fn own_by_name(tree: &mut Tree, database: &Database) {
    let mut changes = Vec::new();
    for node in tree.nodes().filter(|node| node.owner != Owner::Spec) {
        let entry = &node.entry;
        let user = entry
            .user
            .as_deref()
            .and_then(|name| database.users.get(name));
        let group = entry
            .group
            .as_deref()
            .and_then(|name| database.groups.get(name));
        let uid = user.map_or(entry.uid, |line| line.uid);
        let gid = group.map_or(entry.gid, |line| line.gid);
        if (uid, gid) != (entry.uid, entry.gid) {
            changes.push((entry.path.clone(), uid, gid));
        }
    }
    for (path, uid, gid) in changes {
        if let Some(node) = tree.get_mut(&path) {
            node.entry.uid = uid;
            node.entry.gid = gid;
        }
    }
}

/// Asks for accounts that the spec, units, scripts or owners of files name and that nothing knows yet, as the scripts and sysusers.d(5) files of packages that nothing
/// is chosen of would have made them: of postgresql-common, say, for a server that is chosen alone.
fn further(work: &Work<'_>, wishes: &mut Wishes<'_>) -> Result<(), RootfsError> {
    let context = work.context;
    let mut names: BTreeSet<&str> = context
        .run_as
        .iter()
        .flat_map(|text| text.split(':'))
        .collect();
    let units = units::units(context);
    names.extend(units.iter().flat_map(Unit::accounts));
    names.extend(
        context
            .runs
            .get()
            .iter()
            .flat_map(|runs| &runs.mentioned)
            .map(String::as_str),
    );
    for node in work.tree.nodes() {
        let owners = [&node.entry.user, &node.entry.group];
        names.extend(owners.into_iter().flatten().map(SharedText::as_str));
    }
    names.retain(|name| {
        let database = &wishes.database;
        let in_files = database.users.contains_key(*name) || database.groups.contains_key(*name);
        let known = wishes.users.contains_key(*name) || wishes.groups.contains_key(*name);
        !in_files && !known && !context.statics.has(name) && check_name(name).is_ok()
    });
    if names.is_empty() {
        return Ok(());
    }
    let mut made = Wishes::new(context.statics);
    for wish in asked(context, false) {
        made.all(&wish.users, &wish.groups)?;
    }
    let unmade = |name: &&str| !made.users.contains_key(*name) && !made.groups.contains_key(*name);
    if names.iter().any(unmade) {
        for package in context.further {
            for (path, digest) in &package.declarations {
                if declarations::is_kind(path, "sysusers.d") {
                    let text = context.read_content(work.contents, path, *digest)?;
                    let declared = declarations::accounts(&declarations::split(&text));
                    made.all(&declared.users, &declared.groups)?;
                }
            }
        }
    }
    for name in names {
        if let Some(user) = made.users.remove(name) {
            // Its groups are made as well, with the numbers that their own calls fix.
            for group in user.groups.iter().chain(&user.group).chain([&user.name]) {
                if let Some(group) = made.groups.get(group) {
                    wishes.group(group.clone())?;
                }
            }
            wishes.user(user)?;
        } else if let Some(group) = made.groups.remove(name) {
            wishes.group(group)?;
        }
    }
    Ok(())
}

/// Finds the static accounts that something refers to.
fn references(work: &Work<'_>, wishes: &mut Wishes<'_>) -> Result<(), RootfsError> {
    let context = work.context;
    if let Some(run_as) = context.run_as {
        for name in run_as.split(':') {
            wishes.refer(name);
        }
    }
    for unit in units::units(context) {
        unit.accounts().for_each(|name| wishes.refer(name));
    }
    for name in context.runs.get().iter().flat_map(|runs| &runs.mentioned) {
        wishes.refer(name);
    }
    let mut config = Vec::new();
    for node in work.tree.nodes() {
        let entry = &node.entry;
        for name in [&entry.user, &entry.group].into_iter().flatten() {
            wishes.refer(name);
        }
        let of_package = node.owner.package().is_some();
        if of_package && let Some(user) = context.statics.of_uid(entry.uid) {
            wishes.refer_user(user.name);
        }
        if of_package && let Some(group) = context.statics.of_gid(entry.gid) {
            wishes.refer_group(group.name);
        }
        let in_etc = entry.path.as_bytes().starts_with(b"etc/");
        if in_etc
            && entry.is_file()
            && entry.size() <= MAX_SEARCH
            && node.owner != Owner::Layout
            && !node.owner.is_base()
        {
            config.push(&entry.path);
        }
    }
    // Servers name their account in their configuration: `user www-data;`, `mail_privileged_group = mail`. One name is as distinct
    // as no word beside it has to say so.
    for path in config {
        let text = work.read(path)?.unwrap_or_default();
        if text.windows(8).any(|window| window == b"www-data") {
            wishes.refer("www-data");
        }
        for line in String::from_utf8_lossy(&text).lines() {
            let words = line.split(|c: char| c.is_whitespace() || "=:;,\"'".contains(c));
            let mut words = words.filter(|word| !word.is_empty());
            let key = words.next().unwrap_or_default().to_ascii_lowercase();
            if key.starts_with('#') {
                continue;
            }
            // `user.privileged: proxy`, `mail_privileged_group = mail`.
            let mut parts = key.split(|c: char| !c.is_ascii_alphanumeric());
            if key.ends_with("group") || parts.clone().any(|part| part == "group") {
                words.for_each(|name| wishes.refer_group(name));
            } else if key.ends_with("user") || parts.any(|part| part == "user") {
                words.for_each(|name| wishes.refer(name));
            }
        }
    }
    Ok(())
}

/// The accounts that are asked for, before all have numbers.
struct Wishes<'a> {
    statics: &'a Statics,
    database: Database,
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
    refer_users: BTreeSet<&'static str>,
    refer_groups: BTreeSet<&'static str>,
}

impl<'a> Wishes<'a> {
    fn new(statics: &'a Statics) -> Self {
        Self {
            statics,
            database: Database::default(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            refer_users: BTreeSet::new(),
            refer_groups: BTreeSet::new(),
        }
    }

    /// Asks for groups and users.
    fn all(&mut self, users: &[User], groups: &[Group]) -> Result<(), RootfsError> {
        for group in groups {
            self.group(group.clone())?;
        }
        for user in users {
            self.user(user.clone())?;
        }
        Ok(())
    }

    /// Asks for a user. What was asked for before is kept, and completed.
    fn user(&mut self, user: User) -> Result<(), RootfsError> {
        check_name(&user.name)?;
        for (what, text) in [
            ("home", &user.home),
            ("shell", &user.shell),
            ("comment", &user.gecos),
        ] {
            check_field(&user.name, what, text.as_deref().unwrap_or_default())?;
        }
        for (what, id) in [("uid", user.uid), ("gid", user.gid)] {
            if id.is_some_and(|id| id > MAX_ID) {
                return Err(wrong(
                    &user.name,
                    format!("the {what} is beyond 4294967294"),
                ));
            }
        }
        for group in user.groups.iter().chain(&user.group) {
            check_name(group)?;
        }
        let known = self
            .users
            .entry(user.name.clone())
            .or_insert_with(|| User::new(&user.name));
        known.uid = known.uid.or(user.uid);
        if known.gid.is_none() && known.group.is_none() {
            known.gid = user.gid;
            known.group = user.group;
        }
        known.home = known.home.take().or(user.home);
        known.shell = known.shell.take().or(user.shell);
        known.gecos = known.gecos.take().or(user.gecos);
        known.groups.extend(user.groups);
        Ok(())
    }

    /// Asks for a group.
    fn group(&mut self, group: Group) -> Result<(), RootfsError> {
        check_name(&group.name)?;
        if group.gid.is_some_and(|id| id > MAX_ID) {
            return Err(wrong(
                &group.name,
                "the gid is beyond 4294967294".to_owned(),
            ));
        }
        for member in &group.members {
            check_name(member)?;
        }
        let known = self.groups.entry(group.name.clone()).or_default();
        known.name = group.name;
        known.gid = known.gid.or(group.gid);
        known.members.extend(group.members);
        Ok(())
    }

    /// Something names an account: where it is a static one, it belongs into the files.
    fn refer(&mut self, name: &str) {
        self.refer_user(name);
        self.refer_group(name);
    }

    fn refer_user(&mut self, name: &str) {
        if let Some(user) = self.statics.user(name) {
            self.refer_users.insert(user.name);
            if let Some(group) = self.statics.of_gid(user.gid) {
                self.refer_groups.insert(group.name);
            }
        }
    }

    fn refer_group(&mut self, name: &str) {
        if let Some(group) = self.statics.group(name) {
            self.refer_groups.insert(group.name);
        }
    }

    /// Gives everyone a number and writes the lines.
    fn settle(mut self, root_shell: Option<&str>) -> Result<Database, RootfsError> {
        self.complete_groups();
        let mut database = std::mem::take(&mut self.database);
        // Numbers that are taken: by the files, by the spec and scripts, by static accounts.
        let mut users_taken: BTreeMap<u32, String> = BTreeMap::new();
        let mut groups_taken: BTreeMap<u32, String> = BTreeMap::new();
        for line in database.users.values() {
            users_taken.insert(line.uid, line.name.clone());
        }
        for line in database.groups.values() {
            groups_taken.insert(line.gid, line.name.clone());
        }
        for group in self.groups.values_mut() {
            let known = database.groups.get(&group.name).map(|line| line.gid);
            let fixed = self.statics.group(&group.name).map(|fixed| fixed.gid);
            group.gid = known.or(group.gid).or(fixed);
            reserve(&mut groups_taken, group.gid, &group.name, "gid")?;
        }
        for user in self.users.values_mut() {
            let known = database.users.get(&user.name).map(|line| line.uid);
            let fixed = self.statics.user(&user.name).map(|fixed| fixed.uid);
            user.uid = known.or(user.uid).or(fixed);
            reserve(&mut users_taken, user.uid, &user.name, "uid")?;
        }
        let range = &self.statics.family().system_ids.clone();
        let names: BTreeSet<String> = self
            .users
            .keys()
            .chain(self.groups.keys())
            .cloned()
            .collect();
        for name in names {
            let user_open = self.users.get(&name).is_some_and(|user| user.uid.is_none());
            let group_open = self
                .groups
                .get(&name)
                .is_some_and(|group| group.gid.is_none());
            let own = self
                .users
                .get(&name)
                .and_then(|user| user.uid)
                .filter(|_| group_open);
            let shared = self
                .groups
                .get(&name)
                .and_then(|group| group.gid)
                .filter(|_| user_open);
            let free = |id: &u32| {
                (!user_open || !users_taken.contains_key(id))
                    && (!group_open || !groups_taken.contains_key(id))
            };
            if !user_open && !group_open {
                continue;
            }
            let preferred = own.or(shared).filter(free);
            let id = preferred
                .or_else(|| range.clone().find(free))
                .ok_or_else(|| {
                    let (first, last) = (range.start(), range.end());
                    wrong(&name, format!("no number from {first} to {last} is free"))
                })?;
            if let Some(user) = self.users.get_mut(&name).filter(|_| user_open) {
                user.uid = Some(id);
                users_taken.insert(id, name.clone());
            }
            if let Some(group) = self.groups.get_mut(&name).filter(|_| group_open) {
                group.gid = Some(id);
                groups_taken.insert(id, name.clone());
            }
        }
        let root_shell = root_shell.unwrap_or(self.statics.family().nologin);
        self.write(&mut database, root_shell)?;
        Ok(database)
    }

    /// Adds what users and references imply: static accounts, own groups, memberships.
    fn complete_groups(&mut self) {
        for fixed in self.statics.users() {
            let name = fixed.name;
            if self.refer_users.contains(name) || self.users.contains_key(name) {
                let known = self.database.users.contains_key(name);
                if known && !self.users.contains_key(name) {
                    continue;
                }
                let user = self
                    .users
                    .entry(name.to_owned())
                    .or_insert_with(|| User::new(name));
                user.uid = user.uid.or(Some(fixed.uid));
                if user.gid.is_none() && user.group.is_none() {
                    user.gid = Some(fixed.gid);
                }
                user.gecos.get_or_insert_with(|| fixed.comment.to_owned());
                user.home.get_or_insert_with(|| fixed.home.to_owned());
            }
        }
        let referred: Vec<&str> = self.refer_groups.iter().copied().collect();
        for name in referred {
            self.named_group(name);
        }
        let users: Vec<User> = self.users.values().cloned().collect();
        for user in users {
            match (&user.group, user.gid) {
                (Some(group), _) => self.named_group(group),
                (None, Some(gid)) => {
                    if let Some(group) = self.statics.of_gid(gid) {
                        self.named_group(group.name);
                    } else if !self.has_gid(gid) {
                        self.named_group(&user.name);
                        if let Some(group) = self.groups.get_mut(&user.name) {
                            group.gid = group.gid.or(Some(gid));
                        }
                    }
                }
                (None, None) if self.database.users.contains_key(&user.name) => {}
                (None, None) => self.named_group(&user.name),
            }
            for group in &user.groups {
                self.named_group(group);
                if let Some(group) = self.groups.get_mut(group) {
                    group.members.push(user.name.clone());
                }
            }
        }
    }

    fn named_group(&mut self, name: &str) {
        self.groups.entry(name.to_owned()).or_insert_with(|| Group {
            name: name.to_owned(),
            ..Group::default()
        });
    }

    fn has_gid(&self, gid: u32) -> bool {
        self.groups.values().any(|group| group.gid == Some(gid))
            || self.database.groups.values().any(|line| line.gid == gid)
    }

    /// Turns the wishes, which have numbers now, into lines.
    fn write(self, database: &mut Database, root_shell: &str) -> Result<(), RootfsError> {
        let nologin = self.statics.family().nologin;
        for group in self.groups.into_values() {
            let Some(gid) = group.gid else { continue };
            let line = database
                .groups
                .entry(group.name.clone())
                .or_insert(GroupLine {
                    name: group.name,
                    gid,
                    members: Vec::new(),
                });
            line.members.extend(group.members);
            line.members.sort();
            line.members.dedup();
        }
        for user in self.users.into_values() {
            let Some(uid) = user.uid else { continue };
            if database.users.contains_key(&user.name) {
                continue;
            }
            let group = user.group.as_deref().unwrap_or(&user.name);
            let gid = match (user.gid, database.groups.get(group)) {
                (Some(gid), _) => gid,
                (None, Some(line)) => line.gid,
                (None, None) => {
                    return Err(wrong(&user.name, format!("there is no group `{group}`")));
                }
            };
            let shell = if uid == 0 { root_shell } else { nologin };
            database.users.insert(
                user.name.clone(),
                PasswdLine {
                    name: user.name,
                    uid,
                    gid,
                    gecos: user.gecos.unwrap_or_default(),
                    home: user.home.unwrap_or_else(|| "/nonexistent".to_owned()),
                    shell: user.shell.unwrap_or_else(|| shell.to_owned()),
                },
            );
        }
        Ok(())
    }
}

/// Takes a number for a name.
fn reserve(
    taken: &mut BTreeMap<u32, String>,
    id: Option<u32>,
    name: &str,
    what: &str,
) -> Result<(), RootfsError> {
    let Some(id) = id else { return Ok(()) };
    match taken.get(&id) {
        Some(other) if other != name => Err(wrong(
            name,
            format!("the {what} {id} belongs to `{other}` already"),
        )),
        _ => {
            taken.insert(id, name.to_owned());
            Ok(())
        }
    }
}

fn wrong(name: &str, reason: String) -> RootfsError {
    RootfsError::Account {
        name: name.to_owned(),
        reason,
    }
}
