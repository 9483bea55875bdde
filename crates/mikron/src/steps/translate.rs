//! From the words of the spec to those of the crates that act on it.

use std::collections::BTreeMap;

use mikron_oci::{Config, Recipe};
use mikron_package::{Digest, Entry, EntryKind, RootPath};
use mikron_rootfs::{FileSource, RunAs, SpecFile, SpecFileKind};
use mikron_spec::{Compression, FileContent, FileEntry, Principal, Spec};

use crate::steps::own::OwnFiles;

/// The accounts of the spec.
pub(crate) fn accounts(spec: &Spec) -> mikron_rootfs::Accounts {
    let users = spec.accounts.users.iter().map(|user| mikron_rootfs::User {
        uid: Some(user.uid.get()),
        gid: Some(user.primary_group().get()),
        home: Some(user.home.to_string()),
        shell: Some(user.shell.to_string()),
        gecos: Some(user.comment.clone()),
        ..mikron_rootfs::User::new(&user.name)
    });
    let groups = spec
        .accounts
        .groups
        .iter()
        .map(|group| mikron_rootfs::Group {
            name: group.name.clone(),
            gid: Some(group.gid.get()),
            members: group.members.clone(),
        });
    mikron_rootfs::Accounts {
        users: users.collect(),
        groups: groups.collect(),
    }
}

/// The files of the spec, and those of its trees and archives.
pub(crate) fn files(spec: &Spec, own: &OwnFiles) -> Vec<SpecFile> {
    let entries = spec.files.iter().enumerate();
    let placed = entries.flat_map(|(number, file)| {
        let itself = match &file.content {
            FileContent::Directory => Some(SpecFileKind::Directory),
            FileContent::Symlink(target) => {
                Some(SpecFileKind::Symlink(target.clone().into_bytes()))
            }
            FileContent::From(_) | FileContent::Archive(_) | FileContent::Text(_) => None,
        };
        let itself = itself.map(|kind| SpecFile {
            mode: file.mode.map(mikron_spec::Mode::bits),
            ..spec_file(file, file.path.clone(), kind)
        });
        let within = own
            .of(number)
            .filter_map(|(entry, content)| of_tree(file, entry, content));
        itself.into_iter().chain(within)
    });
    placed.collect()
}

fn spec_file(file: &FileEntry, path: RootPath, kind: SpecFileKind) -> SpecFile {
    let name = |principal: &Option<Principal>| principal.as_ref().map(ToString::to_string);
    SpecFile {
        path,
        kind,
        owner: name(&file.owner),
        group: name(&file.group),
        mode: None,
        layer: file.layer.as_deref().map(Into::into),
    }
}

/// What is placed of an entry that was read: a file, or one of a tree or archive.
fn of_tree(file: &FileEntry, entry: &Entry, content: Option<Digest>) -> Option<SpecFile> {
    let kind = match &entry.kind {
        EntryKind::File { size } => SpecFileKind::File(FileSource::Content {
            digest: content?,
            size: *size,
        }),
        EntryKind::Directory => SpecFileKind::TreeDirectory,
        EntryKind::Symlink { target } => SpecFileKind::Symlink(target.clone()),
        _ => return None,
    };
    let mut placed = SpecFile {
        mode: Some(entry.mode),
        ..spec_file(file, entry.path.clone(), kind)
    };
    if file.keep.owner {
        placed.owner = Some(entry.uid.to_string());
        placed.group = Some(entry.gid.to_string());
    }
    Some(placed)
}

/// The capabilities of files.
pub(crate) fn file_capabilities(spec: &Spec) -> BTreeMap<RootPath, String> {
    let all = spec.file_capabilities.iter();
    let path = |(path, text): (&String, &String)| {
        let path = RootPath::new(path.as_bytes()).ok()?;
        Some((path, text.clone()))
    };
    all.filter_map(path).collect()
}

/// What a container engine is told.
pub(crate) fn config(spec: &Spec, run_as: Option<RunAs>) -> Config {
    let image = &spec.image;
    Config {
        user: run_as.map(|ids| ids.to_string()),
        entrypoint: image.entrypoint.clone(),
        cmd: image.cmd.clone(),
        env: image.env.clone(),
        working_dir: Some(image.workdir.to_string()),
        ports: image.ports.iter().map(ToString::to_string).collect(),
        volumes: image.volumes.iter().map(ToString::to_string).collect(),
        labels: image.labels.clone(),
        stop_signal: image.stop_signal.as_ref().map(ToString::to_string),
        author: None,
    }
}

/// How layers are compressed.
pub(crate) fn recipe(spec: &Spec) -> Recipe {
    match spec.layers.compression {
        Compression::Zstd(level) => Recipe::Zstd {
            level: i32::from(level),
        },
        Compression::Gzip(level) => Recipe::Gzip {
            level: i32::from(level),
        },
        Compression::None => Recipe::None,
    }
}

/// Annotations of the manifest and the index.
pub(crate) fn annotations(spec: &Spec) -> BTreeMap<String, String> {
    spec.image.annotations.clone()
}
