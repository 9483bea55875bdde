//! The package database, as scanners read it.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::collections::BTreeMap;

use mikron_deb::{DebDatabase, parse_control};
use mikron_package::{
    ArchiveMetadata, DatabaseFile, Entry, EntryKind, Installed, InstalledFile, Limits,
    MemoryContents, PackageDatabase, RootPath,
};

const CONTROL: &[u8] = b"Package: nginx\nVersion: 1.22.1-9\nArchitecture: amd64\nMaintainer: A <a@example.org>\n\
Source: nginx-src (1.22)\nDepends: libc6 (>= 2.34),\n libssl3\nDescription: a server\n It serves.\n .\n And more.\n";

fn metadata(md5sums: Option<&[u8]>) -> ArchiveMetadata {
    let (record, fields) = parse_control(CONTROL, &Limits::default()).unwrap();
    ArchiveMetadata {
        record,
        fields,
        scripts: Vec::new(),
        config_files: Vec::new(),
        ghosts: Vec::new(),
        extra: md5sums
            .map(|text| ("md5sums".to_owned(), text.to_vec()))
            .into_iter()
            .collect(),
    }
}

fn file(path: &str, size: u64) -> Entry {
    let path = RootPath::new(path.as_bytes()).unwrap();
    Entry::new(path, EntryKind::File { size }, 0o644)
}

fn write(
    metadata: &ArchiveMetadata,
    present: [bool; 2],
    contents: &mut MemoryContents,
) -> Vec<DatabaseFile> {
    let digest = contents.add(b"hello\n".to_vec());
    let entries = [
        file("/usr/sbin/nginx", 6),
        file("/usr/share/doc/nginx/copyright", 6),
    ];
    let files = entries
        .iter()
        .zip(&present)
        .map(|(entry, present)| InstalledFile {
            entry,
            content: Some(&digest),
            present: *present,
        });
    let package = Installed {
        metadata,
        files: files.collect(),
        size: 1,
    };
    DebDatabase.write(&[package], contents, 0).unwrap()
}

fn text(file: &DatabaseFile) -> &str {
    std::str::from_utf8(&file.bytes).unwrap()
}

#[test]
fn the_stanza_is_that_of_the_archive_with_the_state_behind_the_name() {
    let files = write(
        &metadata(None),
        [true, false],
        &mut MemoryContents::default(),
    );
    assert_eq!(files[0].path.to_string(), "/var/lib/dpkg/status.d/nginx");
    let expected = std::str::from_utf8(CONTROL).unwrap().replace(
        "Package: nginx\n",
        "Package: nginx\nStatus: install ok installed\n",
    );
    let (found, _) = parse_control(&files[0].bytes, &Limits::default()).unwrap();
    assert_eq!(found.depends.len(), 2);
    assert_eq!(text(&files[0]), expected);
}

#[test]
fn checksums_are_those_of_the_files_that_are_there() {
    let sums = b"00000000000000000000000000000001  usr/sbin/nginx\n00000000000000000000000000000002  usr/share/doc/nginx/copyright\n";
    let files = write(
        &metadata(Some(sums)),
        [true, false],
        &mut MemoryContents::default(),
    );
    assert_eq!(
        files[1].path.to_string(),
        "/var/lib/dpkg/status.d/nginx.md5sums"
    );
    assert_eq!(
        text(&files[1]),
        "00000000000000000000000000000001  usr/sbin/nginx\n"
    );
}

#[test]
fn a_package_without_checksums_gets_those_of_its_contents() {
    let files = write(
        &metadata(None),
        [true, true],
        &mut MemoryContents::default(),
    );
    // md5sum of "hello\n".
    let sum = "b1946ac92492d2347c6235b4d2611184";
    let expected = format!("{sum}  usr/sbin/nginx\n{sum}  usr/share/doc/nginx/copyright\n");
    assert_eq!(text(&files[1]), expected);
}

#[test]
fn configuration_files_have_their_checksums_in_both_places() {
    let sums = b"00000000000000000000000000000001  usr/sbin/nginx\n";
    let mut metadata = metadata(Some(sums));
    for path in ["/usr/share/doc/nginx/copyright", "/etc/left/out"] {
        let path = RootPath::new(path.as_bytes()).unwrap();
        metadata.config_files.push(path);
    }
    let files = write(&metadata, [true, true], &mut MemoryContents::default());
    let sum = "b1946ac92492d2347c6235b4d2611184";
    let field = format!("Conffiles:\n /usr/share/doc/nginx/copyright {sum}\n");
    assert!(text(&files[0]).ends_with(&field), "{}", text(&files[0]));
    let line = format!("{sum}  usr/share/doc/nginx/copyright\n");
    assert!(text(&files[1]).ends_with(&line), "{}", text(&files[1]));
    let (_, fields) = parse_control(&files[0].bytes, &Limits::default()).unwrap();
    assert!(fields.iter().any(|(name, _)| name == "Conffiles"));
}

#[test]
fn an_image_that_holds_dpkg_answers_what_is_asked_of_it() {
    let mut contents = MemoryContents::default();
    let digest = contents.add(b"hello\n".to_vec());
    let dpkg = b"Package: dpkg\nVersion: 1.21\nArchitecture: amd64\nDescription: manages\n";
    let library = b"Package: liba\nVersion: 2-1\nArchitecture: amd64\nMulti-Arch: same\nDescription: a library\n";
    let of = |control: &[u8]| {
        let (record, fields) = parse_control(control, &Limits::default()).unwrap();
        ArchiveMetadata {
            record,
            fields,
            ..metadata(None)
        }
    };
    let (dpkg, library) = (of(dpkg), of(library));
    let entries = [
        file("/usr/bin/dpkg-query", 6),
        file("/usr/lib/liba.so.1", 6),
    ];
    let installed = |metadata, entry| Installed {
        metadata,
        files: vec![InstalledFile {
            entry,
            content: Some(&digest),
            present: true,
        }],
        size: 1,
    };
    let packages = [
        installed(&dpkg, &entries[0]),
        installed(&library, &entries[1]),
    ];
    let files = DebDatabase.write(&packages, &contents, 0).unwrap();
    let admin = tempfile::TempDir::new().unwrap();
    for file in &files {
        let path = file.path.to_string();
        let path = admin
            .path()
            .join(path.strip_prefix("/var/lib/dpkg/").unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    let ask = |arguments: &[&str]| {
        let mut query = std::process::Command::new("dpkg-query");
        let query = query.arg("--admindir").arg(admin.path()).args(arguments);
        String::from_utf8(query.output().unwrap().stdout).unwrap()
    };
    assert!(ask(&["-s", "dpkg"]).contains("Status: install ok installed"));
    assert_eq!(
        ask(&["-W", "-f", "${Package} ${Version}\n"]),
        "dpkg 1.21\nliba 2-1\n"
    );
    assert_eq!(ask(&["-L", "liba"]), "/usr/lib/liba.so.1\n");
    assert!(ask(&["-S", "/usr/bin/dpkg-query"]).starts_with("dpkg: "));
    assert!(
        !files
            .iter()
            .any(|file| file.path.to_string().contains("status.d"))
    );
}

#[test]
fn installed_packages_are_read_out_of_the_database() {
    let files = BTreeMap::from(
        [
            (
                "/var/lib/dpkg/status",
                "Package: a\nStatus: install ok installed\nVersion: 1\n\n\
                 Package: gone\nStatus: deinstall ok config-files\nVersion: 2\n\n\
                 Package: half\nStatus: install ok half-installed\nVersion: 2\n",
            ),
            ("/var/lib/dpkg/status.d/b", "Package: b\nVersion: 3\n"),
            ("/var/lib/dpkg/status.d/b.md5sums", "not a stanza"),
        ]
        .map(|(path, text)| {
            (
                RootPath::new(path.as_bytes()).unwrap(),
                text.as_bytes().to_vec(),
            )
        }),
    );
    let packages = DebDatabase.read(&files).unwrap().unwrap();
    let names: Vec<_> = packages.iter().map(|(n, v)| format!("{n} {v}")).collect();
    assert_eq!(names, ["a 1", "b 3"]);
    assert_eq!(DebDatabase.read(&BTreeMap::new()).unwrap(), None);
    let status = RootPath::new(b"/var/lib/dpkg/status").unwrap();
    let error = DebDatabase.read(&BTreeMap::from([(status, b"no field".to_vec())]));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("/var/lib/dpkg/status")
    );
}
