//! Where the files that the spec brings stand in the image, and whose they are.

use mikron_package::{Digest, Entry, EntryKind, RootPath};
use mikron_rootfs::{FileSource, SpecFile, SpecFileKind};
use mikron_spec::{FileContent, FileEntry, Principal, Spec};

use crate::steps::own::OwnFiles;

/// The files of the spec, and those of its trees and archives.
pub(crate) fn files(spec: &Spec, own: &OwnFiles) -> Vec<SpecFile> {
    let entries = own.entries(spec).enumerate();
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
