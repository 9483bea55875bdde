//! The files that pam-auth-update(8) makes.

use std::collections::BTreeSet;

use mikron_package::RootPath;

use crate::error::RootfsError;
use crate::finalize::Work;
use crate::finalizer::Finalizer;

/// Writes /etc/pam.d/common-{account,auth,password,session,session-noninteractive} where a file in /etc/pam.d includes them, from
/// the templates of libpam-runtime (/usr/share/pam) and the profiles in /usr/share/pam-configs that are on by default.
///
/// The rules are those of pam-auth-update(8): profiles in order of falling priority; the first line of a stack takes the `-Initial`
/// variant; `end` in a control becomes the number of primary lines to jump over. A profile whose module is not in the image is left
/// out.
pub(super) fn finalizer() -> Finalizer {
    Finalizer::new("pam", run)
        .reads(&["scripts"])
        .sources(&[
            "/usr/share/pam/common-{account,auth,password,session,session-noninteractive}",
            "/usr/share/pam-configs/**",
        ])
        .provides(&["/etc/pam.d/common-*"])
}

/// A stack: the file's name behind `common-`, the type in its lines, the name of its blocks in the template, and in the profiles.
const STACKS: &[(&str, &str, &str, &str)] = &[
    ("account", "account", "account", "Account"),
    ("auth", "auth", "auth", "Auth"),
    ("password", "password", "password", "Password"),
    ("session", "session", "session", "Session"),
    (
        "session-noninteractive",
        "session",
        "session_nonint",
        "Session",
    ),
];

fn run(work: &mut Work<'_>) -> Result<(), RootfsError> {
    let dir = RootPath::new(b"etc/pam.d")?;
    let mut included: BTreeSet<&str> = BTreeSet::new();
    for node in work.tree.below(&dir) {
        let text = work.text(&node.entry.path)?;
        for (name, ..) in STACKS {
            let full = format!("common-{name}");
            let names = |line: &str| line.split_whitespace().any(|word| word == full);
            let mut lines = text.lines().filter(|line| !line.starts_with('#'));
            if lines.any(names) {
                included.insert(name);
            }
        }
    }
    for (_, site, call) in work.calls() {
        if call.name() == "pam-auth-update" {
            let reason = Some("nothing in the image includes what it makes");
            let reason = reason.filter(|_| included.is_empty());
            work.report.settle([site], reason);
        }
    }
    if included.is_empty() {
        return Ok(());
    }
    let profiles = profiles(work)?;
    for (name, kind, block, section) in STACKS {
        let at = dir.join(format!("common-{name}").as_bytes())?;
        if !included.contains(name) || work.tree.lookup(&at).is_some() {
            continue;
        }
        let template = RootPath::new(format!("usr/share/pam/common-{name}").as_bytes())?;
        let Some(template) = work.read_source(&template)? else {
            continue;
        };
        let inner = *name == "session-noninteractive";
        let stack = Stack::new(&profiles, section, inner);
        let text = stack.fill(&String::from_utf8_lossy(&template), kind, block);
        work.write(at, text.into_bytes(), 0o644)?;
    }
    Ok(())
}

/// A profile: fields with the lines that belong to them.
struct Profile {
    priority: i64,
    fields: Vec<(String, Vec<String>)>,
}

impl Profile {
    fn parse(text: &str) -> Self {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some((_, lines)) = fields.last_mut() {
                    lines.push(line.trim().to_owned());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                let value = Some(value.trim()).filter(|value| !value.is_empty());
                fields.push((
                    name.to_owned(),
                    value.map(str::to_owned).into_iter().collect(),
                ));
            }
        }
        let mut profile = Self {
            priority: 0,
            fields,
        };
        profile.priority = profile.word("Priority").parse().unwrap_or(0);
        profile
    }

    fn lines(&self, name: &str) -> Option<&[String]> {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map(|(_, lines)| lines.as_slice())
    }

    fn word(&self, name: &str) -> &str {
        self.lines(name)
            .and_then(<[String]>::first)
            .map_or("", String::as_str)
    }

    /// The modules that its lines name.
    fn modules(&self) -> impl Iterator<Item = &str> {
        let lines = self.fields.iter().flat_map(|(_, lines)| lines);
        lines.filter_map(|line| Some(split(line)?.1))
    }
}

/// Control, module and options of a line: `[success=end default=ignore] pam_unix.so nullok`.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let line = line.trim();
    let end = if line.starts_with('[') {
        line.find(']')? + 1
    } else {
        line.find(char::is_whitespace)?
    };
    let (control, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let (module, options) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    module
        .strip_suffix(".so")
        .is_some()
        .then(|| (control, module, options.trim()))
}

/// The profiles that are on by default and whose modules are in the image, in order of falling priority, then of name.
fn profiles(work: &Work<'_>) -> Result<Vec<Profile>, RootfsError> {
    let dir = RootPath::new(b"usr/share/pam-configs")?;
    let names = work
        .tree
        .nodes()
        .filter_map(|node| node.entry.path.file_name());
    let modules: BTreeSet<&[u8]> = names.filter(|name| name.starts_with(b"pam_")).collect();
    let mut profiles = Vec::new();
    for path in work.sources_below(&dir) {
        let text = work.read_source(&path)?.unwrap_or_default();
        let profile = Profile::parse(&String::from_utf8_lossy(&text));
        let known = profile
            .modules()
            .all(|name| modules.contains(name.as_bytes()));
        if profile.word("Default") == "yes" && known {
            profiles.push(profile);
        }
    }
    profiles.sort_by_key(|profile| std::cmp::Reverse(profile.priority));
    Ok(profiles)
}

/// The lines of one stack.
struct Stack<'a> {
    primary: Vec<&'a str>,
    additional: Vec<&'a str>,
}

impl<'a> Stack<'a> {
    /// The lines that the profiles have for a section; those for sessions of people are left out of the others.
    fn new(profiles: &'a [Profile], section: &str, noninteractive: bool) -> Self {
        let mut stack = Self {
            primary: Vec::new(),
            additional: Vec::new(),
        };
        let typed = format!("{section}-Type");
        let initial = format!("{section}-Initial");
        for profile in profiles {
            if noninteractive && profile.word("Session-Interactive-Only") == "yes" {
                continue;
            }
            let list = match profile.word(&typed) {
                "Primary" => &mut stack.primary,
                "Additional" => &mut stack.additional,
                _ => continue,
            };
            let first = profile.lines(&initial).filter(|_| list.is_empty());
            let lines = first.or_else(|| profile.lines(section)).unwrap_or_default();
            list.extend(lines.iter().map(String::as_str));
        }
        stack
    }

    /// The template with the lines in place of its variables.
    fn fill(&self, template: &str, kind: &str, block: &str) -> String {
        let line = |line: &str, jump: usize| {
            let (control, module, options) = split(line)?;
            let control = control.replace("=end", &format!("={jump}"));
            Some(format!("{kind}\t{control}\t{module} {options}\n"))
        };
        let count = self.primary.len();
        let numbered = self.primary.iter().enumerate();
        let mut primary: String = numbered
            .filter_map(|(at, text)| line(text, count - at))
            .collect();
        if primary.is_empty() {
            // pam-auth-update(8): without any, the stack goes on behind the line that denies.
            primary = format!("{kind}\t[default=1]\t\t\tpam_permit.so\n");
        }
        let additional: String = self
            .additional
            .iter()
            .filter_map(|text| line(text, 0))
            .collect();
        template
            .replace(&format!("${block}_primary\n"), &primary)
            .replace(&format!("${block}_additional\n"), &additional)
    }
}
