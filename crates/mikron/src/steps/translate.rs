//! From the words of the spec to those of the crates that act on it.

use std::collections::BTreeMap;

use mikron_oci::{Config, Recipe};
use mikron_package::{Digest, RootPath};
use mikron_rootfs::RunAs;
use mikron_spec::{Compression, Spec};

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
        working_dir: (spec.from.is_none() || !image.workdir.is_root())
            .then(|| image.workdir.to_string()),
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

/// Those of the manifest of an image that is built upon another one (OCI image-spec, annotations): its name where there is one, and the digest of
/// its manifest. What the spec says holds.
pub(crate) fn annotations_above(
    spec: &Spec,
    name: Option<&str>,
    digest: Digest,
) -> BTreeMap<String, String> {
    let named = name.map(|name| ("org.opencontainers.image.base.name", name.to_owned()));
    let digest = ("org.opencontainers.image.base.digest", digest.to_string());
    let of_base = named.into_iter().chain([digest]);
    let mut all: BTreeMap<String, String> = of_base
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    all.extend(annotations(spec));
    all
}

/// Annotations of the manifest and the index.
pub(crate) fn annotations(spec: &Spec) -> BTreeMap<String, String> {
    spec.image.annotations.clone()
}
