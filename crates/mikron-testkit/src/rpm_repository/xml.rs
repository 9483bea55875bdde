//! The XML of rpm's metadata.

use std::fmt::Write as _;

use mikron_package::{Operator, PackageRecord, Relation, Requirement};

use super::{ChecksumKind, Package};

pub(super) fn primary(packages: &[Package], checksum: ChecksumKind, description: &str) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n",
        packages.len()
    );
    for package in packages {
        one(&mut text, package, checksum, description);
    }
    text.push_str("</metadata>\n");
    text
}

fn one(text: &mut String, package: &Package, checksum: ChecksumKind, description: &str) {
    let Package { record, pkgid, .. } = package;
    let _ = write!(
        text,
        "<package type=\"rpm\">\n  <name>{}</name>\n  <arch>{}</arch>\n  <version {}/>\n  \
         <checksum type=\"{}\" pkgid=\"YES\">{pkgid}</checksum>\n  <summary>A test &amp; more</summary>\n  \
         <description>{}</description>\n  <packager></packager>\n  <url></url>\n  \
         <time file=\"1\" build=\"1\"/>\n  <size package=\"{}\" installed=\"{}\" archive=\"1\"/>\n  \
         <location href=\"{}\"/>\n  <format>\n    <rpm:license>MIT</rpm:license>\n    <rpm:group>Unspecified</rpm:group>\n",
        escape(record.name.as_str()),
        record.arch,
        evr(record.version.as_str()),
        checksum.name(),
        escape(description),
        record.size,
        record.installed_size,
        escape(&record.location),
    );
    let version = record.source_version.as_ref().unwrap_or(&record.version);
    let version = version.as_str();
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let _ = writeln!(
        text,
        "    <rpm:sourcerpm>{}-{version}.src.rpm</rpm:sourcerpm>",
        record.source
    );
    lists(text, record);
    for provided in record.provides.iter().filter(|p| is_path(p)) {
        let _ = writeln!(text, "    <file>{}</file>", escape(provided.name.as_str()));
    }
    text.push_str("  </format>\n</package>\n");
}

fn lists(text: &mut String, record: &PackageRecord) {
    let relations = |relations: &[Relation]| {
        let named = relations.iter().filter(|r| !is_path(r));
        named.map(entry).collect::<Vec<_>>()
    };
    let all = |requirements: &[Requirement], more: &str| {
        let entries = requirements.iter().map(|r| required(r, more));
        entries.collect::<Vec<_>>()
    };
    let mut requires = all(&record.pre_depends, " pre=\"1\"");
    requires.extend(all(&record.depends, ""));
    let paths = |relations: &[Relation]| {
        let paths = relations.iter().filter(|r| is_path(r));
        paths.map(entry).collect::<Vec<_>>()
    };
    let mut conflicts = relations(&record.conflicts);
    conflicts.extend(paths(&record.conflicts));
    conflicts.extend(all(&record.rich_conflicts, ""));
    let lists = [
        ("provides", relations(&record.provides)),
        ("requires", requires),
        ("conflicts", conflicts),
        ("obsoletes", relations(&record.obsoletes)),
        ("recommends", all(&record.recommends, "")),
        ("supplements", all(&record.supplements, "")),
        ("suggests", all(&record.suggests, "")),
        ("enhances", all(&record.enhances, "")),
    ];
    for (name, entries) in lists {
        if entries.is_empty() {
            continue;
        }
        let _ = writeln!(text, "    <rpm:{name}>");
        for entry in entries {
            let _ = writeln!(text, "      {entry}");
        }
        let _ = writeln!(text, "    </rpm:{name}>");
    }
}

fn is_path(relation: &Relation) -> bool {
    relation.name.as_str().starts_with('/')
}

fn entry(relation: &Relation) -> String {
    plain(relation, "")
}

fn required(requirement: &Requirement, more: &str) -> String {
    match requirement {
        Requirement::One(relation) => plain(relation, more),
        rich => format!("<rpm:entry name=\"{}\"{more}/>", escape(&rich_text(rich))),
    }
}

fn plain(relation: &Relation, more: &str) -> String {
    let mut text = format!("<rpm:entry name=\"{}\"", escape(relation.name.as_str()));
    if let Some(constraint) = &relation.constraint {
        let flags = match constraint.operator {
            Operator::Less => "LT",
            Operator::LessEqual => "LE",
            Operator::Equal | Operator::Begins => "EQ",
            Operator::GreaterEqual => "GE",
            Operator::Greater => "GT",
        };
        let _ = write!(
            text,
            " flags=\"{flags}\" {}",
            evr(constraint.version.as_str())
        );
    }
    let _ = write!(text, "{more}/>");
    text
}

/// A rich dependency as rpm writes it.
fn rich_text(requirement: &Requirement) -> String {
    let list = |parts: &[Requirement], word: &str| {
        let parts: Vec<String> = parts.iter().map(rich_text).collect();
        format!("({})", parts.join(&format!(" {word} ")))
    };
    let branch =
        |word: &str, then: &Requirement, condition: &Requirement, other: Option<&Requirement>| {
            let mut text = format!("({} {word} {}", rich_text(then), rich_text(condition));
            if let Some(other) = other {
                let _ = write!(text, " else {}", rich_text(other));
            }
            text.push(')');
            text
        };
    match requirement {
        Requirement::One(relation) => match &relation.constraint {
            None => relation.name.as_str().to_owned(),
            Some(constraint) => {
                let operator = match constraint.operator {
                    Operator::Less => "<",
                    Operator::LessEqual => "<=",
                    Operator::Equal | Operator::Begins => "=",
                    Operator::GreaterEqual => ">=",
                    Operator::Greater => ">",
                };
                format!("{} {operator} {}", relation.name, constraint.version)
            }
        },
        Requirement::Any(parts) => list(parts, "or"),
        Requirement::All(parts) => list(parts, "and"),
        Requirement::If {
            then,
            condition,
            otherwise,
        } => branch("if", then, condition, otherwise.as_deref()),
        Requirement::Unless {
            then,
            condition,
            otherwise,
        } => branch("unless", then, condition, otherwise.as_deref()),
        Requirement::With(a, b) => format!("({} with {})", rich_text(a), rich_text(b)),
        Requirement::Without(a, b) => format!("({} without {})", rich_text(a), rich_text(b)),
    }
}

/// `epoch:version-release` as three attributes.
fn evr(version: &str) -> String {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    match rest.rsplit_once('-') {
        Some((version, release)) => {
            format!(
                "epoch=\"{epoch}\" ver=\"{}\" rel=\"{}\"",
                escape(version),
                escape(release)
            )
        }
        None => format!("epoch=\"{epoch}\" ver=\"{}\"", escape(rest)),
    }
}

pub(super) fn filelists(packages: &[Package]) -> String {
    let mut text = head("filelists", packages.len());
    for package in packages {
        identity(&mut text, package);
        let provided = package.record.provides.iter().filter(|p| is_path(p));
        let paths = provided.map(|p| p.name.as_str());
        for path in paths.chain(package.files.iter().map(String::as_str)) {
            let _ = writeln!(text, "  <file>{}</file>", escape(path));
        }
        text.push_str("</package>\n");
    }
    text.push_str("</filelists>\n");
    text
}

pub(super) fn other(packages: &[Package]) -> String {
    let mut text = head("otherdata", packages.len());
    for package in packages {
        identity(&mut text, package);
        text.push_str("</package>\n");
    }
    text.push_str("</otherdata>\n");
    text
}

fn head(root: &str, count: usize) -> String {
    let kind = root.trim_end_matches("data");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://linux.duke.edu/metadata/{kind}\" \
         packages=\"{count}\">\n"
    )
}

fn identity(text: &mut String, package: &Package) {
    let Package { record, pkgid, .. } = package;
    let _ = write!(
        text,
        "<package pkgid=\"{pkgid}\" name=\"{}\" arch=\"{}\">\n  <version {}/>\n",
        record.name,
        record.arch,
        evr(record.version.as_str())
    );
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}
