//! Says in words why there is no solution: what was asked, the way to the contradiction, what comes near, what to do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mikron_package::PackageName;

use crate::conflict::Problem;
use crate::{Conflict, EdgeKind, Known, Missing, MissingRoot, Node, RelationKind, RequestNode};

/// The most lines that the way to the contradiction takes.
const LINES: usize = 40;

/// The most packages that are named one by one.
const NAMED: usize = 5;

impl Conflict {
    /// The conflict in words, in several lines without a newline at the end.
    ///
    /// ```
    /// use mikron_solve::Conflict;
    /// let nothing_known = Conflict::default();
    /// assert!(nothing_known.render().starts_with("the packages that the spec asks for"));
    /// ```
    pub fn render(&self) -> String {
        let mut writer = Writer {
            conflict: self,
            seen: BTreeSet::new(),
            text: String::new(),
            lines: 0,
        };
        let roots: Vec<usize> = self.roots().collect();
        writer.text.push_str(match roots.len() {
            1 => "what the spec asks for cannot be installed",
            _ => "the packages that the spec asks for cannot be installed together",
        });
        for root in roots {
            if let Node::Request(request) = &self.nodes[root] {
                writer.line(1, &asks(request));
                writer.children(root, 2);
            }
        }
        if writer.lines > LINES {
            let more = writer.lines - LINES;
            let _ = write!(writer.text, "\n  … and {more} more lines of the same kind");
        }
        let mut text = writer.text;
        for remedy in self.remedies() {
            let _ = write!(text, "\n  help: {remedy}");
        }
        text
    }

    /// What could be done, as imperative sentences; at most five.
    pub fn remedies(&self) -> Vec<String> {
        let mut remedies: Vec<String> = self.missing().flat_map(missing_remedies).collect();
        let unasked = self
            .edges
            .iter()
            .filter(|edge| edge.kind == EdgeKind::Unasked);
        remedies.extend(unasked.filter_map(|edge| match &self.nodes[edge.from] {
            Node::Package { name, .. } => {
                Some(format!("let the spec ask for `{name}` by its name"))
            }
            _ => None,
        }));
        let roots: Vec<String> = self
            .nodes
            .iter()
            .filter_map(|node| match node {
                Node::Request(request) => Some(format!("`{}`", request.requirement)),
                _ => None,
            })
            .collect();
        if let [first @ .., last] = roots.as_slice()
            && !first.is_empty()
        {
            let first = first.join(", ");
            remedies.push(format!(
                "leave out one of {first} and {last}, or let the spec ask for another version of it"
            ));
        } else if remedies.is_empty() {
            remedies.push(
                "ask for another version, or add a source that has packages which fit".to_owned(),
            );
        }
        let mut seen = BTreeSet::new();
        remedies.retain(|remedy| seen.insert(remedy.clone()));
        remedies.truncate(5);
        remedies
    }
}

impl MissingRoot {
    /// What comes near, in words.
    pub fn notes(&self) -> Vec<String> {
        notes(&self.missing)
    }

    /// What could be done, as imperative sentences.
    pub fn remedies(&self) -> Vec<String> {
        let mut remedies = missing_remedies(&self.missing);
        let mut seen = BTreeSet::new();
        remedies.retain(|remedy| seen.insert(remedy.clone()));
        remedies
    }
}

fn asks(request: &RequestNode) -> String {
    match &request.source {
        Some(source) => {
            format!(
                "{} asks for `{}` from source `{source}`",
                request.asker, request.requirement
            )
        }
        None => format!("{} asks for `{}`", request.asker, request.requirement),
    }
}

struct Writer<'a> {
    conflict: &'a Conflict,
    seen: BTreeSet<usize>,
    text: String,
    lines: usize,
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.lines += 1;
        if self.lines <= LINES {
            let _ = write!(self.text, "\n{}{text}", "  ".repeat(depth.min(20)));
        }
    }

    /// Writes what hangs on a node. Packages of one name that say the same are said once.
    fn children(&mut self, node: usize, depth: usize) {
        let mut targets: Vec<usize> = Vec::new();
        for edge in self.conflict.from(node) {
            if matches!(edge.kind, EdgeKind::Requires { .. }) && !targets.contains(&edge.to) {
                targets.push(edge.to);
            }
        }
        let mut rest = targets.as_slice();
        while let [first, ..] = rest {
            let same = |other: &&usize| self.says_the_same(*first, **other);
            let count = rest.iter().take_while(same).count().max(1);
            let (group, others) = rest.split_at(count);
            self.group(group, depth);
            rest = others;
        }
    }

    fn says_the_same(&self, a: usize, b: usize) -> bool {
        let name = |node: usize| match &self.conflict.nodes[node] {
            Node::Package { name, .. } => Some(name),
            _ => None,
        };
        let says = |node: usize| -> Vec<_> {
            self.conflict
                .from(node)
                .map(|edge| (edge.to, &edge.kind))
                .collect()
        };
        a == b || (name(a).is_some() && name(a) == name(b) && says(a) == says(b))
    }

    fn group(&mut self, group: &[usize], depth: usize) {
        let Some(&first) = group.first() else { return };
        match &self.conflict.nodes[first] {
            Node::Request(_) => {}
            Node::Missing(missing) => self.missing(missing, depth),
            Node::Package { name, .. } => {
                let subject = self.subject(name, group);
                if !self.seen.insert(first) || depth > 60 {
                    if self.conflict.from(first).next().is_some() {
                        self.line(depth, &format!("{subject}: see above"));
                    }
                    return;
                }
                self.package(&subject, first, depth);
            }
        }
    }

    fn subject(&self, name: &PackageName, group: &[usize]) -> String {
        let versions: Vec<String> = group
            .iter()
            .filter_map(|&node| match &self.conflict.nodes[node] {
                Node::Package { version, .. } => Some(version.to_string()),
                _ => None,
            })
            .collect();
        let more = versions.len().saturating_sub(NAMED);
        let named = versions[..versions.len() - more].join(", ");
        if more > 0 {
            format!("{name} {named} and {more} more")
        } else {
            format!("{name} {named}")
        }
    }

    fn package(&mut self, subject: &str, node: usize, depth: usize) {
        let conflict = self.conflict;
        let mut said = BTreeSet::new();
        let mut leaf = true;
        for edge in conflict.from(node) {
            leaf = false;
            let target = match &conflict.nodes[edge.to] {
                Node::Package { name, version, .. } => format!("{name} {version}"),
                _ => String::new(),
            };
            match &edge.kind {
                EdgeKind::Requires { field, requirement } => {
                    let verb = field.map_or("asks for", RelationKind::verb);
                    let line = format!("{subject} {verb} `{requirement}`");
                    if said.insert(line.clone()) {
                        self.line(depth, &line);
                    }
                }
                EdgeKind::Forbids { field, relation } => {
                    let line = match field {
                        RelationKind::Provides => format!(
                            "{subject} and {target} share the name `{relation}`, which one only can have"
                        ),
                        _ => format!("{subject} {} `{relation}`, which is {target}", field.verb()),
                    };
                    if said.insert(line.clone()) {
                        self.line(depth, &line);
                    }
                }
                EdgeKind::Excludes { field, requirement } => {
                    let line = format!(
                        "{subject} {} `{requirement}`, which holds with {target}",
                        field.verb()
                    );
                    if said.insert(line.clone()) {
                        self.line(depth, &line);
                    }
                }
                EdgeKind::Unasked => {
                    let line = format!(
                        "{subject} comes in only where something asks for it by its own name"
                    );
                    if said.insert(line.clone()) {
                        self.line(depth, &line);
                    }
                }
                EdgeKind::OneVersion => {
                    let line = format!("{subject} cannot be there beside {target}");
                    if said.insert(line.clone()) {
                        self.line(depth, &line);
                    }
                }
            }
        }
        if leaf {
            self.line(depth, &format!("{subject} would do"));
        } else {
            self.children(node, depth + 1);
        }
    }

    fn missing(&mut self, missing: &Missing, depth: usize) {
        self.line(
            depth,
            &format!("no source offers `{}`", missing.requirement),
        );
        for note in notes(missing) {
            self.line(depth + 1, &note);
        }
    }
}

/// What comes near, in words.
fn notes(missing: &Missing) -> Vec<String> {
    let mut notes: Vec<String> = missing.known.iter().take(NAMED).map(note).collect();
    let more = missing.known.len().saturating_sub(NAMED);
    if more > 0 {
        notes.push(format!("… and {more} more of the name"));
    }
    if !missing.similar.is_empty() {
        notes.push(format!("similar names: {}", names(&missing.similar)));
    }
    notes
}

fn names(names: &[PackageName]) -> String {
    names
        .iter()
        .map(PackageName::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

fn note(known: &Known) -> String {
    let Known {
        name,
        version,
        arch,
        source,
        problem,
    } = known;
    let what = format!("{name} {version} (source {source})");
    match problem {
        Problem::Version => format!("there is {what}"),
        Problem::UnversionedProvides => {
            format!("{what} provides the name without a version, which satisfies no version")
        }
        Problem::Architecture => format!("{what} is for {arch}, and cannot serve from there"),
        Problem::Source => format!("{what} comes from another source than the spec allows"),
        Problem::Priority { priority } => {
            format!("{what} has the pin priority {priority}, which forbids it")
        }
        Problem::Odd { reason } => {
            format!("{what} was left out of the index, as its record cannot be used: {reason}")
        }
        Problem::Installed { to } => {
            format!("{what} is not the version {to}, which the base image has")
        }
        Problem::Locked { to } => format!("{what} is not the locked version {to}"),
    }
}

fn missing_remedies(missing: &Missing) -> Vec<String> {
    let mut remedies = Vec::new();
    for known in &missing.known {
        let Known {
            name,
            version,
            source,
            problem,
            ..
        } = known;
        remedies.push(match problem {
            Problem::Version | Problem::UnversionedProvides | Problem::Architecture => {
                format!("add a source that offers `{}`", missing.requirement)
            }
            Problem::Source => format!("let {name} come from source `{source}`"),
            Problem::Priority { .. } => {
                format!("raise the pin priority of source `{source}`, which has {name} {version}")
            }
            Problem::Odd { .. } => format!(
                "ask whoever publishes source `{source}` to mend the record of {name} {version}, or take {name} from another \
                 source"
            ),
            Problem::Installed { .. } => format!(
                "build the base image anew with {name} {version}, or take another version of what asks for it"
            ),
            Problem::Locked { .. } => {
                format!("renew the lock, which holds another version of {name}")
            }
        });
    }
    if missing.known.is_empty() {
        remedies.push(match missing.similar.as_slice() {
            [] => format!("add a source that offers `{}`", missing.requirement),
            [best, ..] => format!(
                "if `{best}` is meant, write that; else add a source that offers `{}`",
                missing.requirement
            ),
        });
    }
    remedies
}

/// Says which packages of a spec are in no source.
pub(crate) fn missing_roots(missing: &[MissingRoot]) -> String {
    let mut text = String::new();
    for root in missing {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = write!(text, "{}, but no source offers it", asks(&root.request));
        for note in root.notes() {
            let _ = write!(text, "\n  {note}");
        }
        for remedy in root.remedies() {
            let _ = write!(text, "\n  help: {remedy}");
        }
    }
    text
}
