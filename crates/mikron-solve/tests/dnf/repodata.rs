//! Writes repomd.xml, primary.xml and filelists.xml of packages that are records only.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mikron_package::{Digest, Operator, PackageRecord, Relation, Requirement};

/// Writes the repository of some packages.
pub(crate) fn write<'p>(dir: &Path, packages: impl Iterator<Item = &'p PackageRecord>) {
    let dir = dir.join("repodata");
    fs::create_dir_all(&dir).unwrap();
    let (mut primary, mut filelists, mut count) = (String::new(), String::new(), 0);
    for record in packages {
        add(record, &mut primary, &mut filelists);
        count += 1;
    }
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let common = "http://linux.duke.edu/metadata";
    let rpm = format!("xmlns:rpm=\"{common}/rpm\"");
    let primary = format!(
        "{head}<metadata xmlns=\"{common}/common\" {rpm} packages=\"{count}\">\n{primary}</metadata>\n"
    );
    let filelists = format!(
        "{head}<filelists xmlns=\"{common}/filelists\" packages=\"{count}\">\n{filelists}</filelists>\n"
    );
    let mut repomd = format!("{head}<repomd xmlns=\"{common}/repo\"><revision>1</revision>\n");
    for (name, text) in [("primary", primary), ("filelists", filelists)] {
        let digest = Digest::of(text.as_bytes());
        let _ = writeln!(
            repomd,
            "<data type=\"{name}\"><checksum type=\"sha256\">{0}</checksum><open-checksum type=\"sha256\">{0}\
             </open-checksum><location href=\"repodata/{name}.xml\"/><timestamp>1</timestamp><size>{1}</size>\
             <open-size>{1}</open-size></data>",
            digest.hex(),
            text.len(),
        );
        fs::write(dir.join(format!("{name}.xml")), text).unwrap();
    }
    fs::write(dir.join("repomd.xml"), repomd + "</repomd>\n").unwrap();
}

fn add(record: &PackageRecord, primary: &mut String, filelists: &mut String) {
    let id = Digest::of(format!("{record:?}").as_bytes()).hex();
    let (name, arch) = (&record.name, &record.arch);
    let version = version(record.version.as_str());
    let _ = write!(
        primary,
        "<package type=\"rpm\"><name>{name}</name><arch>{arch}</arch><version {version}/>\
         <checksum type=\"sha256\" pkgid=\"YES\">{id}</checksum><summary/><description/><packager/><url/>\
         <time file=\"1\" build=\"1\"/><size package=\"1\" installed=\"1\" archive=\"1\"/>\
         <location href=\"{id}.rpm\"/><format><rpm:license/><rpm:vendor/><rpm:group/><rpm:buildhost/>\
         <rpm:sourcerpm/><rpm:header-range start=\"1\" end=\"2\"/>"
    );
    let is_file = |relation: &&Relation| relation.name.as_str().starts_with('/');
    let plain: Vec<String> = record
        .provides
        .iter()
        .filter(|r| !is_file(r))
        .map(entry)
        .collect();
    let conflicts = record.conflicts.iter().map(entry);
    let conflicts = conflicts.chain(record.rich_conflicts.iter().map(rich));
    for (tag, entries) in [
        ("provides", plain),
        ("requires", record.requirements().map(rich).collect()),
        ("conflicts", conflicts.collect()),
        ("obsoletes", record.obsoletes.iter().map(entry).collect()),
        ("recommends", record.recommends.iter().map(rich).collect()),
        ("supplements", record.supplements.iter().map(rich).collect()),
        ("suggests", record.suggests.iter().map(rich).collect()),
        ("enhances", record.enhances.iter().map(rich).collect()),
    ] {
        if !entries.is_empty() {
            let _ = write!(primary, "<rpm:{tag}>{}</rpm:{tag}>", entries.concat());
        }
    }
    let _ = write!(
        filelists,
        "<package pkgid=\"{id}\" name=\"{name}\" arch=\"{arch}\"><version {version}/>"
    );
    for file in record.provides.iter().filter(is_file) {
        let file = format!("<file>{}</file>", file.name);
        if file.contains("bin/") || file.contains(">/etc/") {
            primary.push_str(&file);
        }
        filelists.push_str(&file);
    }
    primary.push_str("</format></package>\n");
    filelists.push_str("</package>\n");
}

fn version(text: &str) -> String {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    match rest.split_once('-') {
        Some((version, release)) => {
            format!("epoch=\"{epoch}\" ver=\"{version}\" rel=\"{release}\"")
        }
        None => format!("epoch=\"{epoch}\" ver=\"{rest}\""),
    }
}

fn entry(relation: &Relation) -> String {
    let name = &relation.name;
    match &relation.constraint {
        None => format!("<rpm:entry name=\"{name}\"/>"),
        Some(constraint) => {
            let flags = match constraint.operator {
                Operator::Less => "LT",
                Operator::LessEqual => "LE",
                Operator::Equal => "EQ",
                Operator::GreaterEqual => "GE",
                Operator::Greater => "GT",
                Operator::Begins => panic!("not in rpm"),
            };
            let version = version(constraint.version.as_str());
            format!("<rpm:entry name=\"{name}\" flags=\"{flags}\" {version}/>")
        }
    }
}

fn rich(requirement: &Requirement) -> String {
    match requirement {
        Requirement::One(relation) => entry(relation),
        other => {
            let text = text(other).replace('<', "&lt;").replace('>', "&gt;");
            format!("<rpm:entry name=\"{text}\"/>")
        }
    }
}

/// A requirement as rpm writes it, and a relation as dnf takes it.
pub(crate) fn text(requirement: &Requirement) -> String {
    let list = |items: &[Requirement], word: &str| {
        let items: Vec<String> = items.iter().map(text).collect();
        format!("({})", items.join(&format!(" {word} ")))
    };
    let cond = |then, word, condition, otherwise: &Option<Box<Requirement>>| {
        let otherwise = otherwise.as_ref();
        let otherwise = otherwise.map_or(String::new(), |o| format!(" else {}", text(o)));
        format!("({} {word} {}{otherwise})", text(then), text(condition))
    };
    match requirement {
        Requirement::One(relation) => match &relation.constraint {
            None => relation.name.to_string(),
            Some(constraint) => {
                let operator = match constraint.operator {
                    Operator::Less => "<".to_owned(),
                    Operator::Greater => ">".to_owned(),
                    other => other.to_string(),
                };
                format!("{} {operator} {}", relation.name, constraint.version)
            }
        },
        Requirement::Any(items) => list(items, "or"),
        Requirement::All(items) => list(items, "and"),
        Requirement::With(a, b) => format!("({} with {})", text(a), text(b)),
        Requirement::Without(a, b) => format!("({} without {})", text(a), text(b)),
        Requirement::If {
            then,
            condition,
            otherwise,
        } => cond(then, "if", condition, otherwise),
        Requirement::Unless {
            then,
            condition,
            otherwise,
        } => cond(then, "unless", condition, otherwise),
    }
}
