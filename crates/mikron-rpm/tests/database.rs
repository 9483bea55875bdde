//! rpm reads the package database as one of its own.

#![cfg(feature = "database")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mikron_package::{
    ArchiveMetadata, DatabaseFile, Entry, EntryKind, Installed, InstalledFile, Limits,
    MemoryContents, Origin, PackageDatabase, PackageFormat,
};
use mikron_rpm::{RpmDatabase, RpmFormat};
use mikron_testkit::rpm::{HeaderValue, RpmBuilder, rpmbuild};
use mikron_testkit::tools::tool;

const TIME: i64 = 1_700_000_123;

/// A package that was read, with its contents.
struct Package {
    metadata: ArchiveMetadata,
    files: Vec<(Entry, Vec<u8>)>,
    size: u64,
}

fn read(bytes: &[u8]) -> Package {
    let mut reader = RpmFormat
        .open(Box::new(bytes), &Limits::default(), &Origin::named("x.rpm"))
        .expect("a good package");
    let mut files = Vec::new();
    while let Some(entry) = reader.next_entry().expect("a good package") {
        let mut content = Vec::new();
        reader.body().read_to_end(&mut content).expect("a content");
        files.push((entry, content));
    }
    Package {
        metadata: reader.metadata().clone(),
        files,
        size: bytes.len() as u64,
    }
}

fn write(packages: &[Package], present: &dyn Fn(&Entry) -> bool) -> Vec<DatabaseFile> {
    let installed: Vec<Installed<'_>> = packages
        .iter()
        .map(|package| Installed {
            metadata: &package.metadata,
            files: package
                .files
                .iter()
                .map(|(entry, _)| InstalledFile {
                    entry,
                    content: None,
                    present: present(entry),
                })
                .collect(),
            size: package.size,
        })
        .collect();
    let contents = MemoryContents::default();
    RpmDatabase
        .write(&installed, &contents, TIME)
        .expect("a database")
}

/// A root with the database and the files that are present.
fn root(packages: &[Package], present: &dyn Fn(&Entry) -> bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for file in write(packages, present) {
        let path = dir.path().join(&file.path.to_string()[1..]);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, &file.bytes).expect("a file");
    }
    for package in packages {
        for (entry, content) in &package.files {
            if present(entry) {
                unpack(dir.path(), entry, content);
            }
        }
    }
    dir
}

fn unpack(root: &Path, entry: &Entry, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = root.join(&entry.path.to_string()[1..]);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    match &entry.kind {
        EntryKind::File { .. } => fs::write(&path, content).expect("a file"),
        EntryKind::Directory => fs::create_dir_all(&path).expect("a directory"),
        EntryKind::Symlink { target } => {
            let target = String::from_utf8_lossy(target).into_owned();
            std::os::unix::fs::symlink(target, &path).expect("a link");
            return;
        }
        EntryKind::Hardlink { target } => {
            let target = root.join(&target.to_string()[1..]);
            fs::hard_link(target, &path).expect("a link");
            return;
        }
        other => panic!("{other:?} is not in these packages"),
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode)).expect("a mode");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(entry.mtime.cast_unsigned());
    let file = fs::File::open(&path).expect("a file");
    file.set_modified(time).expect("a time");
}

/// Runs rpm on the database of a root.
fn rpm(root: &Path, arguments: &[&str]) -> Option<Output> {
    let rpm = tool("rpm")?;
    let output = Command::new(rpm)
        .arg("--root")
        .arg(root)
        .args(["--dbpath", "/var/lib/rpm"])
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .expect("rpm starts");
    Some(output)
}

fn answer(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = rpm(root, arguments)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn packages() -> Vec<Package> {
    let nginx = RpmBuilder::new("nginx", "1.22.1", "9.el9", "x86_64")
        .epoch(2)
        .tag(1011, HeaderValue::text("Example\tVendor"))
        .requires("libc.so.6()(64bit)")
        .requires("zlib >= 1.2")
        .provides("webserver")
        .file("/usr/sbin/nginx", 0o755, "nginx")
        .hardlink("/usr/sbin/nginx-old", "/usr/sbin/nginx")
        .symlink("/usr/bin/nginx", "../sbin/nginx")
        .config("/etc/nginx/nginx.conf", "user nginx;\n")
        .dir("/var/lib/nginx", 0o750)
        .ghost("/var/log/nginx.log", 0o640)
        .file("/usr/share/doc/nginx/README", 0o644, "Read me\n");
    let zlib = RpmBuilder::new("zlib", "1.2.11", "40.el9", "x86_64").file(
        "/usr/lib64/libz.so.1",
        0o755,
        vec![7; 5000],
    );
    let meta = RpmBuilder::new("meta", "1", "1", "noarch").requires("nginx");
    let mut all: Vec<Package> = [meta, nginx, zlib]
        .iter()
        .map(|builder| read(&builder.build()))
        .collect();
    all.sort_by(|a, b| a.metadata.record.name.cmp(&b.metadata.record.name));
    all
}

#[test]
fn rpm_lists_packages_and_files() {
    let root = root(&packages(), &|_| true);
    let Some(all) = answer(root.path(), &["-qa", "--qf", "%{NEVRA} %{INSTALLTIME}\n"]) else {
        return;
    };
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "meta-1-1.noarch 1700000123",
            "nginx-2:1.22.1-9.el9.x86_64 1700000123",
            "zlib-1.2.11-40.el9.x86_64 1700000123",
        ]
    );
    let list = answer(root.path(), &["-ql", "nginx"]).expect("rpm is there");
    assert_eq!(list.lines().count(), 7);
    assert!(list.contains("/var/log/nginx.log"));
    let owner = |path: &str| answer(root.path(), &["-qf", "--qf", "%{NAME}", path]);
    assert_eq!(owner("/usr/lib64/libz.so.1").as_deref(), Some("zlib"));
    let wants = answer(
        root.path(),
        &["-q", "--whatrequires", "--qf", "%{NAME}", "nginx"],
    );
    assert_eq!(wants.as_deref(), Some("meta"));
    let provides = answer(
        root.path(),
        &["-q", "--whatprovides", "--qf", "%{NAME}", "webserver"],
    );
    assert_eq!(provides.as_deref(), Some("nginx"));
    let changed = [
        "-q",
        "--qf",
        "[%{FILENAMES} %{FILESTATES:fstate}\n]",
        "zlib",
    ];
    let states = answer(root.path(), &changed).expect("rpm is there");
    assert_eq!(states, "/usr/lib64/libz.so.1 normal\n");
}

#[test]
fn rpm_verifies_a_tree_that_was_taken_whole() {
    let root = root(&packages(), &|_| true);
    let Some(output) = rpm(
        root.path(),
        &["-Va", "--nodeps", "--noscripts", "--nouser", "--nogroup"],
    ) else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert_eq!((&*text, &*errors), ("", ""));
    fs::write(root.path().join("usr/sbin/nginx"), "other").expect("a file");
    let output = rpm(root.path(), &["-V", "--nodeps", "nginx"]).expect("rpm is there");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && text.contains("/usr/sbin/nginx"),
        "{text}"
    );
}

#[test]
fn rpm_does_not_miss_what_the_image_left_out() {
    let present = |entry: &Entry| !entry.path.to_string().starts_with("/usr/share/doc");
    let root = root(&packages(), &present);
    let list = [
        "-q",
        "--qf",
        "[%{FILENAMES} %{FILESTATES:fstate}\n]",
        "nginx",
    ];
    let Some(list) = answer(root.path(), &list) else {
        return;
    };
    assert!(
        list.contains("/usr/share/doc/nginx/README not installed"),
        "{list}"
    );
    assert_eq!(list.matches(" normal").count(), 6);
    let verify = ["-Va", "--nodeps", "--noscripts", "--nouser", "--nogroup"];
    let output = rpm(root.path(), &verify).expect("rpm is there");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.is_empty(), "{text}");
}

#[test]
fn the_same_packages_give_the_same_bytes() {
    let (first, second) = (write(&packages(), &|_| true), write(&packages(), &|_| true));
    assert_eq!(first, second);
    assert_eq!(first.len(), 1, "one record of each package");
    // No journal is needed to read it, and none was left open.
    assert_eq!(first[0].bytes[18..20], [1, 1]);
    assert_eq!(first[0].bytes.len() % 4096, 0);
}

/// Everything that the tables of keys hold, but for the number of the transaction.
fn dump(sqlite3: &Path, database: &Path) -> BTreeSet<String> {
    let query = |sql: &str| {
        let output = Command::new(sqlite3).arg(database).arg(sql).output();
        let output = output.expect("sqlite3 starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut rows = BTreeSet::new();
    let schema = query(
        "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
    );
    rows.extend(
        schema
            .lines()
            .map(|line| line.replace(" IF NOT EXISTS", "")),
    );
    let tables = query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'Packages'",
    );
    for table in tables.lines().filter(|table| *table != "Installtid") {
        let found = query(&format!("SELECT quote(key), hnum, idx FROM '{table}'"));
        rows.extend(found.lines().map(|row| format!("{table} {row}")));
    }
    rows
}

const SPEC: &str = "\
Name: alpha
Epoch: 2
Version: 1.2
Release: 3
Summary: test
License: MIT
Group: Apps
Requires: /bin/sh
Requires: (beta or gamma)
Requires: (delta if epsilon)
Requires: (zeta if eta else theta)
Requires: ((iota or kappa) if (lambda and mu))
Requires: (nu with nu >= 2)
Requires(pre): foo >= 1
Requires(post,preun): bar
Requires(posttrans): late
Recommends: (rec or wreck)
Suggests: sug
Supplements: (sup and (supper if soup))
Enhances: enh
Provides: virt = 3, user(nginx) = dSBuZ2lueCAxMDEK
Conflicts: conf < 1
Conflicts: (one unless two)
Conflicts: (three unless four else five)
Obsoletes: obs < 2
BuildArch: noarch
%description
desc
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var/log
echo hello > %{buildroot}/usr/bin/alpha
ln %{buildroot}/usr/bin/alpha %{buildroot}/usr/bin/beta
ln -s alpha %{buildroot}/usr/bin/gamma
echo conf > %{buildroot}/etc/alpha.conf
touch %{buildroot}/var/log/alpha.log
%post -p /sbin/ldconfig
%preun
echo $1
%triggerin -- foo > 1, bar
echo trig
%triggerpostun -p /usr/bin/perl -- foo, baz
print 1
%filetriggerin -- /usr/lib /usr/share
echo ft
%filetriggerun -- /usr/lib
echo ft
%transfiletriggerin -P 5 -- /usr/libx
echo tft
%files
%caps(cap_net_bind_service=ep) /usr/bin/alpha
/usr/bin/beta
/usr/bin/gamma
%config(noreplace) /etc/alpha.conf
%ghost /var/log/alpha.log
";

#[test]
fn the_tables_equal_those_that_rpm_makes_itself() {
    let (Some(builder), Some(rpm), Some(sqlite3)) =
        (tool("rpmbuild"), tool("rpm"), tool("sqlite3"))
    else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let built = rpmbuild(&builder, dir.path(), SPEC, &[]).expect("rpmbuild builds it");
    let theirs = dir.path().join("theirs");
    let output = Command::new(rpm)
        .args(["-i", "--justdb", "--nodeps", "--noscripts", "--notriggers"])
        .args(["--force-debian", "--nosignature", "--dbpath"])
        .arg(&theirs)
        .args(&built)
        .output()
        .expect("rpm starts");
    assert!(output.status.success(), "{output:?}");
    let packages: Vec<Package> = built
        .iter()
        .map(|path| read(&fs::read(path).expect("a package")))
        .collect();
    let root = root(&packages, &|_| true);
    let ours: PathBuf = root.path().join("var/lib/rpm/rpmdb.sqlite");
    let theirs = dump(&sqlite3, &theirs.join("rpmdb.sqlite"));
    let ours = dump(&sqlite3, &ours);
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let invented: Vec<_> = ours.difference(&theirs).collect();
    assert!(theirs.len() > 80, "{theirs:?}");
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:#?}, invented {invented:#?}"
    );
}
