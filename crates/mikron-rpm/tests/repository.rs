//! Repositories that the reference tools made, read and compared with what the tools say of them.

#![allow(clippy::unwrap_used)] // the helpers of tests may fail as tests do

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

use mikron_package::{Limits, Operator, Origin, PackageRecord, Relation, Requirement};
use mikron_rpm::{PrimaryReader, Repomd, Unpacked, parse_repomd, read_filelists};
use mikron_testkit::tools::tool;

/// The packages: what matters is which relations they carry.
const SPECS: [(&str, &str); 4] = [
    (
        "alpha",
        "Version: 1.2~rc1\nRelease: 3\nEpoch: 2\nRequires: /bin/sh, beta >= 1.0, (gamma or delta >= 2)\n\
         Requires(post): beta-libs%{?x} = 1:7-8\nProvides: virtual = 3, alpha(x-y) < 9, libalpha.so.1()(64bit)\n\
         Conflicts: old-alpha < 1\nConflicts: (a unless b)\nObsoletes: alfa <= 1.0\n\
         Recommends: (tool if shell)\nSupplements: shell\nSuggests: nothing\n",
    ),
    (
        "beta",
        "Version: 1.5\nRelease: 1.el9\nProvides: beta-libs = 1:7-8\nRequires: user(beta)\n",
    ),
    (
        "gamma-c++",
        "Version: 0^20240101git\nRelease: 1\nRequires: (alpha with virtual < 4), (x if (y and z) else w >= 1:2-3)\n\
         Requires: perl(Foo::Bar), python3dist(a[b]) >= 1\n",
    ),
    ("delta", "Version: 3\nRelease: 1\n"),
];

struct Built {
    dir: tempfile::TempDir,
}

impl Built {
    fn repository(&self) -> PathBuf {
        self.dir.path().join("repository")
    }
}

/// Builds the packages and indexes them with these options.
fn built(options: &[&str]) -> Option<Built> {
    let (rpmbuild, createrepo) = (tool("rpmbuild")?, tool("createrepo_c")?);
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("repository/sub")).unwrap();
    for (name, fields) in SPECS {
        let spec = root.join(format!("{name}.spec"));
        let text = format!(
            "Name: {name}\n{fields}Summary: a & b <c>\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%description\nIt \
             \"is\".\n%install\nmkdir -p %buildroot/usr/bin '%buildroot/usr/share/{name}/a b'\n\
             echo {name} > %buildroot/usr/bin/{name}\necho x > '%buildroot/usr/share/{name}/a b/c&d'\n\
             %files\n/usr/bin/{name}\n/usr/share/{name}\n%post\n:\n"
        );
        fs::write(&spec, text).unwrap();
        let output = Command::new(&rpmbuild)
            .arg("-bb")
            .arg("--define")
            .arg(format!("_topdir {}/top", root.display()))
            .arg("--define")
            .arg(format!("_rpmdir {}/repository/sub", root.display()))
            .arg(&spec)
            .env("HOME", root)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }
    let output = Command::new(createrepo)
        .args(options)
        .arg(root.join("repository"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(Built { dir })
}

fn repomd(repository: &Path) -> Repomd {
    let text = fs::read(repository.join("repodata/repomd.xml")).unwrap();
    parse_repomd(&text, &Limits::default(), &Origin::named("repomd.xml")).unwrap()
}

fn unpacked(repository: &Path, kind: &'static str) -> Unpacked<BufReader<File>> {
    let repomd = repomd(repository);
    let data = repomd.file(kind).unwrap();
    let path = repository.join(&data.location);
    let bytes = fs::read(&path).unwrap();
    assert!(data.checksum.matches(&bytes));
    assert_eq!(data.size, Some(bytes.len() as u64));
    let file = BufReader::new(File::open(path).unwrap());
    Unpacked::new(file, data, &Limits::default()).unwrap()
}

fn packages(repository: &Path) -> Vec<PackageRecord> {
    let limits = Limits::default();
    let text = unpacked(repository, "primary");
    let mut reader = PrimaryReader::new(text, &limits, &Origin::named("primary.xml"));
    let mut records = Vec::new();
    while let Some(record) = reader.next_package().unwrap() {
        records.push(record);
    }
    records
}

/// A relation as `rpm -q --requires` writes it.
fn shown(relation: &Relation) -> String {
    match &relation.constraint {
        None => relation.name.to_string(),
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
    }
}

fn shown_all(requirements: &[Requirement]) -> BTreeSet<String> {
    let plain = |requirement: &Requirement| match requirement {
        Requirement::One(relation) => Some(shown(relation)),
        _ => None,
    };
    requirements.iter().filter_map(plain).collect()
}

#[test]
fn a_repository_of_createrepo_says_of_its_packages_what_rpm_says() {
    let Some(built) = built(&[]) else { return };
    let Some(rpm) = tool("rpm") else { return };
    let records = packages(&built.repository());
    assert_eq!(records.len(), SPECS.len());
    for record in &records {
        let archive = built.repository().join(&record.location);
        let bytes = fs::read(&archive).unwrap();
        assert_eq!(record.size, bytes.len() as u64);
        assert_eq!(record.digest, Some(mikron_package::Digest::of(&bytes)));
        let query = |args: &[&str]| -> BTreeSet<String> {
            let output = Command::new(&rpm)
                .arg("-qp")
                .args(args)
                .arg(&archive)
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.lines()
                .map(str::trim)
                .filter(|l| !l.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let identity = query(&["--qf", "%{NAME} %{EVR} %{ARCH} %{SIZE} %{SOURCERPM}\n"]);
        let source = format!(
            "{}-{}.src.rpm",
            record.source,
            record.source_version.as_ref().map_or_else(
                || record
                    .version
                    .as_str()
                    .rsplit(':')
                    .next()
                    .unwrap()
                    .to_owned(),
                ToString::to_string
            )
        );
        let ours = format!(
            "{} {} {} {} {source}",
            record.name, record.version, record.arch, record.installed_size
        );
        assert_eq!(identity, BTreeSet::from([ours]));
        let is_rich = |text: &String| text.starts_with('(');
        let plain = |found: BTreeSet<String>| -> BTreeSet<String> {
            let wanted = |l: &String| !is_rich(l) && !l.starts_with("rpmlib(");
            found.into_iter().filter(wanted).collect()
        };
        let rich = |found: &BTreeSet<String>| found.iter().filter(|l| is_rich(l)).count();
        let count_rich = |requirements: &[Requirement]| {
            let one = |r: &&Requirement| matches!(r, Requirement::One(_));
            requirements.len() - requirements.iter().filter(one).count()
        };

        let mut ours = shown_all(&record.pre_depends);
        ours.extend(shown_all(&record.depends));
        let requires = query(&["--requires"]);
        assert_eq!(count_rich(&record.depends), rich(&requires), "{requires:?}");
        assert_eq!(ours, plain(requires), "{}", record.name);

        let (paths, provides): (Vec<_>, Vec<_>) = record
            .provides
            .iter()
            .partition(|p| p.name.as_str().starts_with('/'));
        let provides: BTreeSet<String> = provides.into_iter().map(shown).collect();
        assert_eq!(provides, query(&["--provides"]));
        let paths: Vec<&str> = paths.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(paths, [format!("/usr/bin/{}", record.name)]);

        let conflicts = query(&["--conflicts"]);
        assert_eq!(record.rich_conflicts.len(), rich(&conflicts));
        let ours: BTreeSet<String> = record.conflicts.iter().map(shown).collect();
        assert_eq!(ours, plain(conflicts));
        let ours: BTreeSet<String> = record.obsoletes.iter().map(shown).collect();
        assert_eq!(ours, query(&["--obsoletes"]));
        let recommends = query(&["--recommends"]);
        assert_eq!(count_rich(&record.recommends), rich(&recommends));
        assert_eq!(shown_all(&record.recommends), plain(recommends));
        assert_eq!(
            shown_all(&record.supplements),
            plain(query(&["--supplements"]))
        );
    }
    let alpha = records.iter().find(|r| r.name.as_str() == "alpha").unwrap();
    assert_eq!(alpha.version.as_str(), "2:1.2~rc1-3");
    let pre = shown_all(&alpha.pre_depends);
    assert!(
        pre.contains("beta-libs = 1:7-8") && pre.contains("/bin/sh"),
        "{pre:?}"
    );
    assert_eq!(alpha.recommends[0].to_string(), "(tool if shell)");
}

#[test]
fn every_compression_and_checksum_of_createrepo_reads_to_the_same() {
    let mut first: Option<Vec<PackageRecord>> = None;
    let help = tool("createrepo_c").map(|t| Command::new(t).arg("--help").output().unwrap());
    let Some(help) = help else { return };
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let options: [&[&str]; 5] = [
        &["--general-compress-type=gz"],
        &["--general-compress-type=xz"],
        &["--general-compress-type=bz2"],
        &["--general-compress-type=zstd"],
        &["--checksum=sha512"],
    ];
    for options in options {
        if options[0].ends_with("zstd") && !help.contains("zstd") {
            continue;
        }
        let Some(built) = built(options) else { return };
        let mut records = packages(&built.repository());
        records.sort_by(|a, b| a.name.cmp(&b.name));
        for record in &mut records {
            // The packages are built again each time, and say when.
            assert!(record.digest.is_some() != record.checksum.is_some());
            (record.digest, record.checksum, record.size) = (None, None, 0);
        }
        match &first {
            None => first = Some(records),
            Some(first) => assert_eq!(*first, records, "{options:?}"),
        }
    }
}

#[test]
fn filelists_name_every_path_of_every_package() {
    let Some(built) = built(&[]) else { return };
    let Some(rpm) = tool("rpm") else { return };
    let repository = built.repository();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let text = unpacked(&repository, "filelists");
    let origin = Origin::named("filelists.xml");
    read_filelists(text, &Limits::default(), &origin, |package, path| {
        let digest = package.pkgid.sha256().unwrap().hex();
        found.entry(digest).or_default().insert(path.to_owned());
    })
    .unwrap();
    for record in packages(&repository) {
        let archive = repository.join(&record.location);
        let output = Command::new(&rpm)
            .args(["-qpl"])
            .arg(archive)
            .output()
            .unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
        assert_eq!(found[&record.digest.unwrap().hex()], listed);
        assert!(listed.iter().any(|path| path.ends_with("a b/c&d")));
    }
}

#[test]
fn dnf_lists_the_packages_that_are_read() {
    let Some(dnf) = tool("dnf") else { return };
    let Some(built) = built(&[]) else { return };
    let root = built.dir.path();
    let output = Command::new(dnf)
        .arg("--quiet")
        .arg(format!("--installroot={}", root.join("install").display()))
        .arg(format!("--setopt=cachedir={}", root.join("cache").display()))
        .args(["--setopt=reposdir=/dev/null", "--releasever=1"])
        .arg(format!("--repofrompath=test,file://{}", root.join("repository").display()))
        .args(["--repo=test", "repoquery", "--qf"])
        .arg("%{name} %{epoch}:%{version}-%{release} %{arch} %{relativepath} %{downloadsize} %{installsize} %{source_name}")
        .env("HOME", root)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let listed: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let ours = packages(&root.join("repository")).into_iter().map(|r| {
        let version = r.version.as_str();
        let epoch = if version.contains(':') { "" } else { "0:" };
        format!(
            "{} {epoch}{version} {} {} {} {} {}",
            r.name, r.arch, r.location, r.size, r.installed_size, r.source
        )
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(ours.collect::<BTreeSet<_>>(), listed, "{errors}");
}
