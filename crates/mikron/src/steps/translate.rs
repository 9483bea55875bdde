//! From the words of the spec to those of the crates that act on it.

use std::collections::BTreeMap;

use mikron_facts::FileFacts;
use mikron_oci::{Config, Recipe};
use mikron_package::{Digest, RootPath};
use mikron_rootfs::{FileSource, RunAs, SpecFile, SpecFileKind};
use mikron_spec::{Compression, FileContent, Principal, Spec};

/// A regular file of the spec, read and hashed.
#[derive(Clone, Debug)]
pub(crate) struct LoadedFile {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) facts: FileFacts,
}

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

/// The files of the spec. `loaded` has one element for each regular file, in the order of the spec.
pub(crate) fn files(spec: &Spec, loaded: &[LoadedFile]) -> Vec<SpecFile> {
    let mut loaded = loaded.iter();
    let name = |principal: &Option<Principal>| principal.as_ref().map(ToString::to_string);
    let kind = |content: &FileContent, loaded: Option<&LoadedFile>| match (content, loaded) {
        (FileContent::Directory, _) => Some(SpecFileKind::Directory),
        (FileContent::Symlink(target), _) => {
            Some(SpecFileKind::Symlink(target.clone().into_bytes()))
        }
        (FileContent::From(_) | FileContent::Text(_), Some(file)) => {
            Some(SpecFileKind::File(FileSource::Content {
                digest: file.digest,
                size: file.size,
            }))
        }
        (FileContent::From(_) | FileContent::Text(_), None) => None,
    };
    spec.files
        .iter()
        .filter_map(|file| {
            let regular = matches!(file.content, FileContent::From(_) | FileContent::Text(_));
            let loaded = if regular { loaded.next() } else { None };
            Some(SpecFile {
                path: file.path.clone(),
                kind: kind(&file.content, loaded)?,
                owner: name(&file.owner),
                group: name(&file.group),
                mode: match loaded {
                    Some(loaded) => Some(loaded.facts.entry.mode),
                    None => file.mode.map(mikron_spec::Mode::bits),
                },
            })
        })
        .collect()
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
