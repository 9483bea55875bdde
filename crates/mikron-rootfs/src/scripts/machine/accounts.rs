//! Users and groups: what scripts ask for, and what they ask about.

use mikron_package::{Entry, EntryKind, RootPath, StaticUser};
use mikron_shell::Call;
use mikron_shell::run::{Known, Outcome, Step};

use super::attributes::Id;
use super::input::operands;
use super::{Done, Fate, Machine};
use crate::accounts::Accounts;
use crate::accounts::{Database, group_path, passwd_path};
use crate::finalizers::declarations;
use crate::finalizers::options::Arguments;
use crate::finalizers::user_calls;
use crate::statics::Statics;

impl<'c> Machine<'_, 'c> {
    pub(super) fn statics(&self) -> &'c Statics {
        self.view.context.statics
    }

    /// The accounts that are there before any script runs.
    pub(super) fn first_accounts(&mut self) {
        let statics = self.statics();
        for user in statics.users() {
            let group = statics.of_gid(user.gid);
            let group = group.map_or(user.name, |group| group.name);
            self.users.insert(user.name.to_owned(), group.to_owned());
            self.homes
                .insert(user.name.to_owned(), user.home.to_owned());
        }
        let groups = statics.groups().iter();
        self.groups
            .extend(groups.map(|group| group.name.to_owned()));
        let text = |path| {
            let read = self
                .view
                .context
                .read(self.view.tree, self.view.contents, path);
            read.ok().flatten().unwrap_or_default()
        };
        let database = Database::parse(&text(&passwd_path()), &text(&group_path()));
        for (name, line) in &database.users {
            let mut groups = database.groups.values();
            let group = groups.find(|group| group.gid == line.gid);
            let group = group.map_or(name, |group| &group.name);
            self.users.insert(name.clone(), group.clone());
        }
        self.groups.extend(database.groups.into_keys());
        for user in &self.view.context.accounts.users {
            let group = user.group.as_ref().unwrap_or(&user.name);
            self.users.insert(user.name.clone(), group.clone());
            self.groups.insert(group.clone());
        }
        for group in &self.view.context.accounts.groups {
            self.groups.insert(group.name.clone());
        }
    }

    pub(super) fn account_command(
        &mut self,
        name: &str,
        step: &mut Step<'_>,
        call: &Call,
    ) -> Option<Done> {
        match name {
            "adduser" | "addgroup" | "useradd" | "groupadd" | "usermod" | "gpasswd" => {
                self.add(name, step, call)
            }
            "getent" => Some(self.getent(call)),
            "systemd-sysusers" => {
                self.declared();
                Some((Outcome::done(), Some(Fate::Elsewhere)))
            }
            "passwd" | "chage" | "chsh" | "chfn" | "update-passwd" => {
                let reason = "accounts of an image have no passwords";
                Some((Outcome::done(), Some(Fate::Nothing(reason.to_owned()))))
            }
            "deluser" | "delgroup" | "userdel" | "groupdel" => {
                let reason = "removes what an earlier version left behind";
                Some((Outcome::done(), Some(Fate::Nothing(reason.to_owned()))))
            }
            _ => None,
        }
    }

    /// From here on the accounts are there that the package declares by sysusers.d(5), whose finalizer makes them.
    fn declared(&mut self) {
        let context = self.view.context;
        let package = self.dpkg.package.as_str();
        let is_kind = |path: &RootPath| declarations::is_kind(path, "sysusers.d");
        let mut texts = Vec::new();
        for known in context.packages.iter().filter(|p| p.name() == package) {
            let files = known.declarations.iter().filter(|(path, _)| is_kind(path));
            texts.extend(files.map(|(_, text)| text.clone()));
        }
        for known in context.further {
            if known.metadata.record.name.as_str() == package {
                let files = known.declarations.iter().filter(|(path, _)| is_kind(path));
                texts.extend(files.filter_map(|(path, digest)| {
                    context.read_content(self.view.contents, path, *digest).ok()
                }));
            }
        }
        for text in texts {
            let wish = declarations::accounts(&declarations::split(&text));
            for user in wish.users {
                let group = user.group.unwrap_or_else(|| user.name.clone());
                self.groups.insert(group.clone());
                self.homes
                    .extend(user.home.map(|home| (user.name.clone(), home)));
                self.users.entry(user.name).or_insert(group);
            }
            self.groups
                .extend(wish.groups.into_iter().map(|group| group.name));
        }
    }

    fn add(&mut self, name: &str, step: &Step<'_>, call: &Call) -> Option<Done> {
        let wish = user_calls::read(call)?;
        for user in &wish.users {
            let fresh = !self.users.contains_key(&user.name);
            let group = user.group.clone().unwrap_or_else(|| user.name.clone());
            if fresh {
                self.users.insert(user.name.clone(), group.clone());
                self.homes
                    .extend(user.home.clone().map(|home| (user.name.clone(), home)));
            }
            self.groups.insert(group.clone());
            self.groups.extend(user.groups.iter().cloned());
            let arguments = Arguments::of(call, &["--home", "-d", "--home-dir", "-h"]);
            let makes = match name {
                "adduser" => !arguments.has(&["--no-create-home", "-H"]),
                _ => arguments.has(&["-m", "--create-home"]),
            };
            if let (true, true, Some(home)) = (makes, fresh, &user.home) {
                self.make_home(step, home, &user.name, &group);
            }
        }
        self.groups
            .extend(wish.groups.iter().map(|group| group.name.clone()));
        self.ask_for(wish);
        Some((Outcome::done(), Some(Fate::Done)))
    }

    fn ask_for(&mut self, wish: Accounts) {
        let real = self.view.real;
        self.wishes.push((real, wish));
    }

    /// adduser(8) makes a home where none is.
    fn make_home(&mut self, step: &Step<'_>, home: &str, user: &str, group: &str) {
        let Some(at) = Self::path(step, home).and_then(|path| self.view.resolve(&path, true))
        else {
            return;
        };
        if home == "/nonexistent" || !matches!(self.view.find(home, true), Known::Absent) {
            return;
        }
        let mut missing: Vec<_> = at
            .ancestors()
            .take_while(|above| self.view.at(above).is_none())
            .collect();
        missing.reverse();
        for above in missing {
            self.view
                .place(Entry::new(above, EntryKind::Directory, 0o755), None);
        }
        let mut entry = Entry::new(at, EntryKind::Directory, 0o755);
        let (user, group) = (self.user(user), self.group(group));
        super::attributes::give(
            &mut entry,
            user.unwrap_or_default(),
            group.unwrap_or_default(),
        );
        self.view.place(entry, None);
    }

    fn getent(&mut self, call: &Call) -> Done {
        let (_, words) = operands(call, &[]);
        // Who finds an account that another package's script made leaves it to that one.
        if let ["passwd" | "group", name] = words.as_slice() {
            self.counts_on(name);
        }
        let statics = self.statics();
        let line = |user| line_of_user(user, statics.family().nologin);
        let outcome = match words.as_slice() {
            ["passwd", name] => match (self.users.get(*name), name.parse::<u32>()) {
                (Some(_), _) => Outcome::printed(statics.user(name).map(line)),
                (None, Ok(number)) => match statics.of_uid(number) {
                    Some(user) => Outcome::printed(Some(line(user))),
                    None => Outcome::unknown(),
                },
                (None, Err(_)) => Outcome::with(2, ""),
            },
            ["group", name] => match (self.groups.contains(*name), name.parse::<u32>()) {
                (true, _) => {
                    let fixed = statics.group(name);
                    Outcome::printed(
                        fixed.map(|group| format!("{}:x:{}:\n", group.name, group.gid)),
                    )
                }
                (false, Ok(_)) => Outcome::unknown(),
                (false, Err(_)) => Outcome::with(2, ""),
            },
            ["shadow", name] if !self.users.contains_key(*name) => Outcome::with(2, ""),
            _ => Outcome::unknown(),
        };
        (outcome, None)
    }

    /// Notes that a script of a package of the image counts on an account that another script made.
    fn counts_on(&mut self, name: &str) {
        let made = self.users.contains_key(name) || self.groups.contains(name);
        if self.view.real && made && !self.statics().has(name) {
            self.mentioned.insert(name.to_owned());
        }
    }

    /// `id` of root, or whether a user is there.
    pub(super) fn id(&mut self, call: &Call) -> Option<Done> {
        let (arguments, names) = operands(call, &[]);
        if let [name] = names.as_slice() {
            self.counts_on(name);
        }
        let outcome = match names.as_slice() {
            [] | ["root"] if arguments.has(&["-n"]) => Outcome::with(0, "root\n"),
            [] | ["root"] if arguments.has(&["-u", "-g"]) => Outcome::with(0, "0\n"),
            [name] if !self.users.contains_key(*name) => Outcome::failed(),
            [name] if arguments.has(&["-n"]) && arguments.has(&["-g"]) => {
                let group = self.users.get(*name);
                Outcome::printed(group.map(|group| format!("{group}\n")))
            }
            [name] if arguments.has(&["-n"]) && arguments.has(&["-u"]) => {
                Outcome::with(0, &format!("{name}\n"))
            }
            [name] => {
                let text = match self.statics().user(name) {
                    Some(user) if arguments.has(&["-u"]) => Some(format!("{}\n", user.uid)),
                    Some(user) if arguments.has(&["-g"]) => Some(format!("{}\n", user.gid)),
                    _ => None,
                };
                Outcome::printed(text)
            }
            _ => return None,
        };
        Some((outcome, None))
    }

    /// The user of a name or number.
    pub(super) fn user(&mut self, name: &str) -> Option<Id> {
        let fixed = self.statics().user(name).map(|user| user.uid);
        let known = self.users.contains_key(name);
        self.owner(name, fixed, known)
    }

    /// The group of a name or number.
    pub(super) fn group(&mut self, name: &str) -> Option<Id> {
        let fixed = self.statics().group(name).map(|group| group.gid);
        let known = self.groups.contains(name);
        self.owner(name, fixed, known)
    }

    fn owner(&mut self, name: &str, fixed: Option<u32>, known: bool) -> Option<Id> {
        if name == "root" {
            return Some(Id::default());
        }
        if known {
            if fixed.is_some() || self.view.real {
                self.mentioned.insert(name.to_owned());
            }
            return Some(Id {
                number: fixed.unwrap_or(0),
                name: Some(name.into()),
            });
        }
        let number = name.parse().ok()?;
        Some(Id { number, name: None })
    }

    pub(super) fn user_name(&self, entry: &Entry) -> Option<String> {
        let fixed = self.statics().of_uid(entry.uid);
        let name = entry.user.clone();
        name.map(String::from)
            .or_else(|| fixed.map(|user| user.name.to_owned()))
    }

    pub(super) fn group_name(&self, entry: &Entry) -> Option<String> {
        let fixed = self.statics().of_gid(entry.gid);
        let name = entry.group.clone();
        name.map(String::from)
            .or_else(|| fixed.map(|group| group.name.to_owned()))
    }
}

/// The line of passwd(5) of a user whose number is fixed; the numbers of others are given when all are known.
fn line_of_user(user: StaticUser, nologin: &str) -> String {
    let StaticUser {
        name,
        uid,
        gid,
        comment,
        home,
    } = user;
    let shell = if uid == 0 { "/bin/bash" } else { nologin };
    format!("{name}:x:{uid}:{gid}:{comment}:{home}:{shell}\n")
}
