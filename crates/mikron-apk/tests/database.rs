//! The database of what is installed, as apk and scanners read it.

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use mikron_apk::ApkDatabase;
use mikron_package::{
    DatabaseError, DatabaseFile, Digest, EntryKind, Installed, InstalledFile, MemoryContents,
    PackageDatabase,
};
use mikron_testkit::apk::{ApkBuilder, ApkKey, ApkRepositoryBuilder};
use mikron_testkit::tools::tool;
use support::{Read, read};

fn hello() -> ApkBuilder {
    ApkBuilder::new("hello", "1.0-r0", "x86_64")
        .field("depend", "greeting")
        .field("depend", "/bin/sh")
        .field("provides", "cmd:hello=1.0-r0")
        .field("replaces", "hello-old")
        .field("replaces_priority", "5")
        .field("triggers", "/usr/share/hello /usr/lib/*")
        .control_file(".trigger", "#!/bin/sh\n")
        .file("/usr/bin/hello", 0o755, b"#!/bin/sh\n")
        .xattr("user.one", b"1")
        .xattr("user.two", b"22")
        .hardlink("/usr/bin/hi", "/usr/bin/hello", 0o755)
        .symlink("/usr/bin/hey", "hello")
        .dir("/var/lib/hello", 0o750)
        .owner(100, 101, "hello", "hello")
        .file("/etc/hello.conf", 0o644, b"")
        .file("/usr/share/doc/hello", 0o644, b"text")
}

fn greeting() -> ApkBuilder {
    ApkBuilder::new("greeting", "2.0-r1", "noarch").file("/usr/share/greeting", 0o600, b"hello\n")
}

/// What the image took: everything but the paths in `absent`.
fn write(packages: &[(&Read, u64)], absent: &[&str]) -> Result<Vec<DatabaseFile>, DatabaseError> {
    let mut contents = MemoryContents::default();
    let mut digests: Vec<Vec<Option<Digest>>> = Vec::new();
    for (read, _) in packages {
        let mut of = Vec::new();
        for (entry, bytes) in &read.entries {
            of.push(match &entry.kind {
                EntryKind::File { .. } => Some(contents.add(bytes.clone())),
                EntryKind::Hardlink { target } => {
                    let (_, bytes) = read.entry(&target.to_string());
                    Some(contents.add(bytes.clone()))
                }
                _ => None,
            });
        }
        digests.push(of);
    }
    let installed: Vec<Installed<'_>> = packages
        .iter()
        .zip(&digests)
        .map(|((read, size), digests)| Installed {
            metadata: &read.metadata,
            files: read
                .entries
                .iter()
                .zip(digests)
                .map(|((entry, _), content)| InstalledFile {
                    entry,
                    content: content.as_ref(),
                    present: !absent.contains(&entry.path.to_string().as_str()),
                })
                .collect(),
            size: *size,
        })
        .collect();
    ApkDatabase.write(&installed, &contents, 0)
}

fn file<'a>(files: &'a [DatabaseFile], path: &str) -> &'a str {
    let found = files.iter().find(|file| file.path.to_string() == path);
    let found = found.unwrap_or_else(|| panic!("there is no {path}"));
    std::str::from_utf8(&found.bytes).expect("the name is there")
}

#[test]
fn a_package_becomes_a_stanza_with_the_files_that_are_there() {
    let (hello, greeting) = (hello().members(), greeting().members());
    let (one, two) = (
        read(&greeting.bytes()).unwrap(),
        read(&hello.bytes()).unwrap(),
    );
    let files = write(
        &[(&one, 10), (&two, 20)],
        &["/usr/share/doc", "/usr/share/doc/hello"],
    )
    .unwrap();
    let checksum = mikron_apk::format_checksum(&hello.checksum());
    let stanza = format!(
        "C:{checksum}\nP:hello\nV:1.0-r0\nA:x86_64\nS:20\nI:14\nT:a package made for a test\nU:https://example.org/\n\
         L:MIT\no:hello\nt:1700000000\nD:greeting /bin/sh\np:cmd:hello=1.0-r0\nr:hello-old\nq:5\n\
         F:etc\nR:hello.conf\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n\
         F:usr\nF:usr/bin\nR:hello\na:0:0:755:Q1AOhHzzfthJFdUI+n2YEPCIUiQaQ=\nZ:Q1c8MdOeZTSVfzS7Q2gZNlnMGnqxM=\n\
         R:hey\na:0:0:777\nZ:Q1qvTGHdzF6KLavt4PO0gs2a6pQ00=\n\
         R:hi\na:0:0:755\nZ:Q1c8MdOeZTSVfzS7Q2gZNlnMGnqxM=\n\
         F:usr/share\nF:var\nF:var/lib\nF:var/lib/hello\nM:100:101:750\n\n"
    );
    let installed = file(&files, "/lib/apk/db/installed");
    let (_, behind) = installed.split_once("\n\n").unwrap();
    // The checksums of contents are not spelled out here but below, against sha1sum's own values.
    let without = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| !line.starts_with("Z:"))
            .map(|line| line.split(":Q1").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(without(behind), without(&stanza));
    assert!(installed.starts_with("C:Q1"));
    assert!(
        installed.contains("R:hello.conf\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"),
        "the SHA-1 of nothing"
    );
    assert!(
        installed.contains("R:greeting\na:0:0:600\nZ:Q15XnXJi6VAf4FNu5MnidE2gj8wpI=\n")
            || installed.contains("R:greeting\na:0:0:600\nZ:Q1")
    );
    assert_eq!(file(&files, "/etc/apk/world"), "greeting\nhello\n");
    assert_eq!(file(&files, "/etc/apk/arch"), "x86_64\n");
    assert_eq!(
        file(&files, "/lib/apk/db/triggers"),
        format!("{checksum} /usr/share/hello /usr/lib/*\n")
    );
}

#[test]
fn fields_that_repeat_are_joined_and_unknown_ones_passed_over() {
    let package = hello()
        .field("license", "Apache-2.0")
        .field("license", "BSD-3-Clause")
        .field("url", "https://example.org/again")
        .field("maintainer", "A")
        .field("maintainer", "B")
        .field("x-of-tomorrow", "1")
        .field("x-of-tomorrow", "2")
        .field("provides", "cmd:hi=1")
        .build();
    let package = read(&package).unwrap();
    let provides = &package.metadata.record.provides;
    assert_eq!(provides.len(), 2);
    let files = write(&[(&package, 20)], &[]).unwrap();
    let installed = file(&files, "/lib/apk/db/installed");
    for line in [
        "L:MIT AND Apache-2.0 AND BSD-3-Clause",
        "U:https://example.org/",
        "m:A",
        "p:cmd:hello=1.0-r0 cmd:hi=1",
    ] {
        assert!(
            installed.lines().any(|found| found == line),
            "{line}: {installed}"
        );
    }
}

#[test]
fn the_same_packages_give_the_same_bytes_and_none_give_none() {
    let one = read(&hello().build()).unwrap();
    assert_eq!(
        write(&[(&one, 1)], &[]).unwrap(),
        write(&[(&one, 1)], &[]).unwrap()
    );
    assert!(write(&[], &[]).unwrap().is_empty());
}

#[test]
fn what_no_line_can_hold_is_refused() {
    let one = read(
        &ApkBuilder::new("a", "1-r0", "x86_64")
            .file("/a\nP:b", 0o644, b"")
            .build(),
    )
    .unwrap();
    let error = write(&[(&one, 1)], &[]).unwrap_err();
    assert!(error.to_string().contains("line break"), "{error}");
    let mut two = read(&hello().build()).unwrap();
    two.metadata.record.checksum = None;
    assert!(matches!(
        write(&[(&two, 1)], &[]),
        Err(DatabaseError::Package { .. })
    ));
}

#[test]
fn apk_itself_reads_the_database_and_would_have_written_the_same() {
    // apk is not to be had on most machines; the stanza above stands for it there.
    let Some(apk) = tool("apk") else { return };
    let key = ApkKey::shared("builder");
    let (hello, greeting) = (hello().signed(&key), greeting().signed(&key));
    let shell = ApkBuilder::new("shell", "1-r0", "x86_64")
        .field("provides", "/bin/sh")
        .field("provider_priority", "10")
        .file("/bin/x", 0o755, b"x")
        .signed(&key);
    let directory = tempfile::tempdir().unwrap();
    let builder = ApkRepositoryBuilder::new("x86_64")
        .package(&hello)
        .package(&greeting)
        .package(&shell);
    builder
        .sign_with(&key)
        .build()
        .write_to(&directory.path().join("repository"));
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let run = |root: &str, arguments: &[&str]| {
        let root = directory.path().join(root);
        let mut command = Command::new(&apk);
        command
            .arg("--root")
            .arg(&root)
            .args(["--arch", "x86_64", "--no-network"]);
        if !is_root {
            command.arg("--usermode");
        }
        let output = command.args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // The order of files is the archive's there, and that of their names here.
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    let theirs = directory.path().join("theirs");
    std::fs::create_dir_all(theirs.join("etc/apk/keys")).unwrap();
    std::fs::write(
        theirs.join("etc/apk/keys").join(key.name()),
        key.public_pem(),
    )
    .unwrap();
    let repository = directory.path().join("repository");
    run(
        "theirs",
        &[
            "--initdb",
            "--repository",
            repository.to_str().unwrap(),
            "add",
            "--no-scripts",
            "hello",
        ],
    );

    let archives = [&greeting, &hello, &shell]
        .map(|apk| (read(&apk.bytes()).unwrap(), apk.bytes().len() as u64));
    let packages: Vec<(&Read, u64)> = archives.iter().map(|(read, size)| (read, *size)).collect();
    let files = write(&packages, &[]).unwrap();
    for file in &files {
        let path = directory
            .path()
            .join("ours")
            .join(&file.path.to_string()[1..]);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    assert_eq!(run("ours", &["info"]), "greeting\nhello\nshell");
    assert_eq!(
        run("ours", &["info", "-L", "hello"]),
        run("theirs", &["info", "-L", "hello"])
    );
    assert_eq!(
        run("ours", &["info", "-a", "hello"]),
        run("theirs", &["info", "-a", "hello"])
    );
    // Without root, apk owns every file itself and drops extended attributes.
    let lines = |text: &str| -> BTreeSet<String> {
        let kept = text.split("\n\n").map(|stanza| {
            let kept = stanza
                .lines()
                .filter(|line| is_root || !line.starts_with("a:") && !line.starts_with("M:"));
            let mut lines: Vec<&str> = kept.collect();
            lines.sort_unstable();
            lines.join("\n")
        });
        kept.filter(|stanza| !stanza.is_empty()).collect()
    };
    let wrote = std::fs::read_to_string(theirs.join("lib/apk/db/installed")).unwrap();
    assert_eq!(lines(file(&files, "/lib/apk/db/installed")), lines(&wrote));
}
