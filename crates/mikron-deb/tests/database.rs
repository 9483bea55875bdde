//! The package database, as scanners read it.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

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
