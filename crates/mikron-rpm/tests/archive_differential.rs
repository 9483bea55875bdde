//! Packages that rpmbuild makes: entries, digests, scripts and relations are those that rpm and cpio see.

mod archive_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use archive_support::{origin, read};
use mikron_package::{
    ArchiveMetadata, Digest, Entry, EntryKind, HashingReader, Limits, PackageFormat,
};
use mikron_rpm::RpmFormat;
use mikron_testkit::archive::Compression;
use mikron_testkit::listing::Listed;
use mikron_testkit::rpm::{RpmBuilder, rpmbuild};
use mikron_testkit::tools::tool;

const SPEC: &str = r#"
Name: alpha
Epoch: 2
Version: 1.2~rc1
Release: 3
Summary: test
License: MIT
Group: Apps
URL: http://example.org/
Vendor: Example
Requires: /bin/sh
Requires: (beta or gamma >= 2)
Requires(pre): foo >= 1
Requires: libc.so.6(GLIBC_2.34)(64bit)
Recommends: rec
Suggests: sug
Supplements: (sup and supper)
Enhances: enh
Provides: virt = 3, user(nginx) = dSBuZ2lueCAxMDEK
Conflicts: conf < 1
Obsoletes: obs < 2
AutoReqProv: no
%description
A package
of two lines.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/var/log %{buildroot}/usr/share/many
echo hello > %{buildroot}/usr/bin/alpha
ln %{buildroot}/usr/bin/alpha %{buildroot}/usr/bin/beta
ln %{buildroot}/usr/bin/alpha %{buildroot}/etc/zeta
ln -s ../share/alpha %{buildroot}/usr/bin/gamma
echo conf > %{buildroot}/etc/alpha.conf
touch %{buildroot}/var/log/alpha.log %{buildroot}/usr/share/empty
mkfifo %{buildroot}/usr/bin/fifo
printf '%%070000d' 7 > %{buildroot}/usr/share/big
for n in $(seq 50); do echo $n > "%{buildroot}/usr/share/many/file $n"; done
ln %{buildroot}/usr/share/empty %{buildroot}/usr/share/nothing
%pretrans -p <lua>
print("x")
%pre
getent passwd nginx || useradd nginx
%post -p /sbin/ldconfig
%preun
echo $1
%postun
exit 0
%posttrans
systemctl start alpha
%verifyscript
echo v
%triggerin -- foo > 1, bar
echo trig
%triggerun -- qux
echo un
%triggerpostun -p /usr/bin/perl -- baz
print 1
%filetriggerin -- /usr/lib /usr/share
echo ft
%transfiletriggerin -P 5 -- /usr/libx
echo tft
%files
%attr(4755,root,root) %caps(cap_net_bind_service,cap_net_raw=ep) /usr/bin/alpha
/usr/bin/beta
/etc/zeta
/usr/bin/gamma
/usr/bin/fifo
%attr(0640,nginx,nobody) %config(noreplace) /etc/alpha.conf
%ghost %attr(0600,nginx,root) /var/log/alpha.log
%dir %attr(1777,root,root) /var/log
%dev(c 1 3) %attr(0666,root,root) /dev/testnull
%dev(b 7 200) %attr(0660,root,disk) /dev/testloop
%doc /usr/share/empty
/usr/share/nothing
/usr/share/big
/usr/share/many
"#;

/// What `rpm -qp` answers to a format.
fn query(rpm: &Path, package: &Path, format: &str) -> String {
    let output = Command::new(rpm)
        .args(["-qp", "--nosignature", "--qf", format])
        .arg(package)
        .env("LC_ALL", "C")
        .output()
        .expect("rpm starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One line a file as rpm sees it, by path.
fn files_of_rpm(rpm: &Path, package: &Path) -> BTreeMap<String, String> {
    let format = "[%{FILENAMES}|%{FILEMODES:octal}|%{FILEUSERNAME}|%{FILEGROUPNAME}|%{FILEMTIMES}|%{FILELINKTOS}|%{FILESIZES}|\
                  %{FILEDIGESTS}|%{FILERDEVS}|%{FILEINODES}|%{FILEFLAGS:fflags}|%{FILECAPS}\n]";
    let text = query(rpm, package, format);
    let lines = text.lines();
    lines
        .map(|line| {
            (
                line.split('|').next().expect("a path").to_owned(),
                line.to_owned(),
            )
        })
        .collect()
}

/// One line a file as we see it. Flags and inodes are taken from rpm's line, which are no part of an entry.
fn line(entry: &Entry, size: u64, digest: Option<Digest>, theirs: &str) -> String {
    let theirs: Vec<&str> = theirs.split('|').collect();
    let (kind, link, device) = match &entry.kind {
        EntryKind::File { .. } | EntryKind::Hardlink { .. } => (0o100_000, "".into(), 0),
        EntryKind::Directory => (0o040_000, "".into(), 0),
        EntryKind::Symlink { target } => (0o120_000, String::from_utf8_lossy(target), 0),
        EntryKind::CharDevice { major, minor } => (0o020_000, "".into(), major << 8 | minor),
        EntryKind::BlockDevice { major, minor } => (0o060_000, "".into(), major << 8 | minor),
        EntryKind::Fifo => (0o010_000, "".into(), 0),
    };
    // Only what is a file has a size that means something.
    let size = match entry.kind {
        EntryKind::File { .. } | EntryKind::Hardlink { .. } => size.to_string(),
        _ => theirs[6].to_owned(),
    };
    let capabilities = entry.xattrs.contains_key(&b"security.capability"[..]);
    assert_eq!(
        capabilities,
        !theirs[11].is_empty() && theirs[11] != "(none)",
        "{}",
        entry.path
    );
    [
        entry.path.to_string(),
        format!("{:o}", kind | entry.mode),
        entry.user.as_deref().unwrap_or_default().to_owned(),
        entry.group.as_deref().unwrap_or_default().to_owned(),
        entry.mtime.to_string(),
        link.into_owned(),
        size,
        digest.map(|digest| digest.hex()).unwrap_or_default(),
        device.to_string(),
        theirs[9].to_owned(),
        theirs[10].to_owned(),
        theirs[11].to_owned(),
    ]
    .join("|")
}

/// Every file as we see it, by path: entries and ghosts.
fn files_of_ours(package: &Path, theirs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let file = fs::File::open(package).expect("a package");
    let mut reader = RpmFormat
        .open(Box::new(file), &Limits::default(), &origin())
        .expect("a good package");
    let mut lines = BTreeMap::new();
    let mut contents: BTreeMap<String, (u64, Digest)> = BTreeMap::new();
    while let Some(entry) = reader.next_entry().expect("a good package") {
        let path = entry.path.to_string();
        let (size, digest) = match &entry.kind {
            EntryKind::File { size } => {
                let mut body = HashingReader::new(reader.body());
                std::io::copy(&mut body, &mut std::io::sink()).expect("a content");
                let digest = body.finish().0;
                contents.insert(path.clone(), (*size, digest));
                (*size, Some(digest))
            }
            EntryKind::Hardlink { target } => {
                let (size, digest) = contents[&target.to_string()];
                (size, Some(digest))
            }
            _ => (0, None),
        };
        let known = theirs.get(&path).expect("rpm has it too");
        lines.insert(path, line(&entry, size, digest, known));
    }
    for ghost in &reader.metadata().ghosts {
        let path = ghost.path.to_string();
        let known = theirs.get(&path).expect("rpm has it too");
        let size = ghost.size();
        lines.insert(path, line(ghost, size, None, known));
    }
    lines
}

/// Names and sizes as cpio lists what rpm2cpio unpacks, in order of name.
fn listed_by_cpio(package: &Path) -> Option<Vec<String>> {
    let (rpm2cpio, cpio) = (tool("rpm2cpio")?, tool("cpio")?);
    let mut unpack = Command::new(rpm2cpio)
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .expect("rpm2cpio starts");
    let output = Command::new(cpio)
        .args(["--quiet", "-t"])
        .stdin(unpack.stdout.take().expect("a pipe"))
        .output()
        .expect("cpio starts");
    assert!(unpack.wait().expect("it ends").success() && output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut names: Vec<String> = text.lines().map(|line| line[1..].to_owned()).collect();
    names.sort();
    Some(names)
}

/// Scripts and relations as rpm writes them.
fn compare_metadata(rpm: &Path, package: &Path, metadata: &ArchiveMetadata) {
    let record = &metadata.record;
    assert_eq!(query(rpm, package, "%{NAME}"), record.name.as_str());
    assert_eq!(query(rpm, package, "%{EVR}"), record.version.as_str());
    assert_eq!(query(rpm, package, "%{ARCH}"), record.arch);
    assert_eq!(
        query(rpm, package, "%{SIZE}"),
        record.installed_size.to_string()
    );
    let field = |name: &str| {
        let found = metadata.fields.iter().find(|(known, _)| known == name);
        found.map_or(String::new(), |(_, value)| value.clone())
    };
    for name in [
        "Requires",
        "Provides",
        "Conflicts",
        "Obsoletes",
        "Recommends",
        "Suggests",
        "Supplements",
        "Enhances",
    ] {
        let tag = name[..name.len() - 1].to_uppercase();
        let format = format!("[%{{{tag}NEVRS}}, ]");
        let theirs = query(rpm, package, &format);
        let theirs = theirs.strip_suffix(", ").unwrap_or_default();
        assert_eq!(field(name), theirs.replace("(none)", ""), "{name}");
    }
    let not_of_rpm = field("Requires")
        .split(", ")
        .filter(|text| !text.is_empty() && !text.starts_with("rpmlib("))
        .count();
    assert_eq!(record.requirements().count(), not_of_rpm);
    for (name, text, program) in [
        ("%pretrans", "PRETRANS", "PRETRANSPROG"),
        ("%pre", "PREIN", "PREINPROG"),
        ("%post", "POSTIN", "POSTINPROG"),
        ("%preun", "PREUN", "PREUNPROG"),
        ("%postun", "POSTUN", "POSTUNPROG"),
        ("%posttrans", "POSTTRANS", "POSTTRANSPROG"),
        ("%verifyscript", "VERIFYSCRIPT", "VERIFYSCRIPTPROG"),
    ] {
        let text = query(rpm, package, &format!("%|{text}?{{%{{{text}}}}}|"));
        let program = query(rpm, package, &format!("%|{program}?{{%{{{program}}}}}|"));
        let script = metadata.scripts.iter().find(|script| script.name == name);
        let ours = script.map(|script| String::from_utf8_lossy(&script.text).into_owned());
        let theirs = (!program.is_empty()).then(|| format!("#!{program}\n{text}"));
        assert_eq!(ours, theirs, "{name}");
    }
    let triggers = query(rpm, package, "[%{TRIGGERTYPE} %{TRIGGERCONDS}\n]");
    for trigger in triggers.lines() {
        let (kind, conditions) = trigger.split_once(' ').expect("two words");
        let mut wanted: Vec<&str> = conditions.split(", ").map(str::trim).collect();
        wanted.sort_unstable();
        let found = metadata.scripts.iter().any(|script| {
            let prefix = format!("%trigger{kind} -- ");
            let Some(conditions) = script.name.strip_prefix(&prefix) else {
                return false;
            };
            let mut found: Vec<&str> = conditions.split(", ").collect();
            found.sort_unstable();
            found == wanted
        });
        assert!(found, "{trigger} is not among {:?}", metadata.scripts);
    }
}

fn compare(rpm: &Path, package: &Path) -> Vec<Listed> {
    let theirs = files_of_rpm(rpm, package);
    let ours = files_of_ours(package, &theirs);
    for (path, line) in &theirs {
        assert_eq!(ours.get(path), Some(line), "{}", package.display());
    }
    assert_eq!(ours.len(), theirs.len());
    let bytes = fs::read(package).expect("a package");
    let (metadata, entries) = read(&bytes).expect("a good package");
    if let Some(names) = listed_by_cpio(package) {
        let mut paths: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
        paths.sort();
        assert_eq!(paths, names);
    }
    compare_metadata(rpm, package, &metadata);
    entries
}

#[test]
fn packages_of_every_payload_are_what_rpm_sees() {
    let (Some(build), Some(rpm)) = (tool("rpmbuild"), tool("rpm")) else {
        return;
    };
    let mut first: Option<Vec<Listed>> = None;
    for payload in [
        "w9.gzdio",
        "w9.bzdio",
        "w2.xzdio",
        "w3.zstdio",
        "w2.lzdio",
        "w.ufdio",
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let macros = [("_binary_payload", payload)];
        let packages = rpmbuild(&build, dir.path(), SPEC, &macros).expect("rpmbuild builds it");
        assert_eq!(packages.len(), 1);
        let entries = compare(&rpm, &packages[0]);
        let contents = |entries: &[Listed]| -> Vec<(String, Option<Digest>)> {
            let pair = |entry: &Listed| (entry.path.to_string(), entry.digest);
            entries.iter().map(pair).collect()
        };
        match &first {
            Some(first) => assert_eq!(contents(first), contents(&entries), "{payload}"),
            None => first = Some(entries),
        }
    }
}

#[test]
fn packages_that_the_builder_makes_are_what_rpm_sees() {
    let Some(rpm) = tool("rpm") else { return };
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (number, compression) in Compression::ALL.into_iter().enumerate() {
        let package = RpmBuilder::new("packages", "1.0", "1", "x86_64")
            .requires("libc.so.6()(64bit)")
            .requires("(a if b else c)")
            .provides("virtual = 2:1-1")
            .conflicts("old <= 1")
            .file("/usr/bin/x", 0o4755, vec![b'x'; 20_000])
            .capabilities("cap_net_raw=ep")
            .hardlink("/usr/bin/y", "/usr/bin/x")
            .symlink("/usr/bin/z", "x")
            .config("/etc/x.conf", "x\n")
            .owner("nginx", "nginx")
            .ghost("/var/log/x", 0o640)
            .dir("/var/empty", 0o700)
            .device("/dev/x", 0o600, 5, 1)
            .fifo("/run/x", 0o600)
            .script("%pre", "/bin/sh", "exit 0")
            .script("%post", "/sbin/ldconfig", "")
            .compression(compression)
            .build();
        let path = dir.path().join(format!("{number}.rpm"));
        fs::write(&path, package).expect("a file");
        let checked = Command::new(&rpm)
            .args(["-K", "--nosignature"])
            .arg(&path)
            .output();
        let checked = checked.expect("rpm starts");
        assert!(checked.status.success(), "{checked:?}");
        compare(&rpm, &path);
    }
}

#[test]
fn reserved_bytes_behind_the_magic_of_a_header_are_refused_as_by_rpm() {
    // The digests are made over the magic as it must be, and so do not see them.
    let good = archive_support::package().build();
    let magic = b"\x8e\xad\xe8\x01";
    let headers: Vec<usize> = (0..good.len())
        .filter(|at| good[*at..].starts_with(magic))
        .collect();
    assert_eq!(headers.len(), 2);
    let dir = tempfile::tempdir().expect("a temporary directory");
    for at in headers.iter().flat_map(|begin| begin + 4..begin + 8) {
        let mut bad = good.clone();
        bad[at] = 1;
        let error = archive_support::refused(&bad);
        assert!(error.to_string().contains("reserved bytes"), "{error}");
        let Some(rpm) = tool("rpm") else { return };
        let path = dir.path().join("bad.rpm");
        fs::write(&path, bad).expect("a file");
        let output = Command::new(rpm)
            .args(["-qp", "--nosignature", "--nodigest"])
            .arg(&path)
            .output();
        assert!(!output.expect("rpm starts").status.success(), "byte {at}");
    }
}
