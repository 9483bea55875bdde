//! What an image in an OCI layout holds, whoever wrote it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use mikron_matrix::{HeldFile, HeldPackage, Holdings, Inventory};
use mikron_oci::{
    Child, ImageTree, LayerEntry, Layout,
    docker::Archive,
    mutate::{self, OnPlatform},
};
use mikron_package::{Limits, PackageDatabase, Platform, RootPath};

use super::{without_links, xattrs};
use crate::Error;
use crate::families::formats;
use crate::steps::base::layout_target;

/// What an image in an OCI layout holds, whoever wrote it: the files of all layers, one over the other (OCI image-spec, layer,
/// "Applying Changesets"). `tag` is a tag, or the digest of an entry; where it is `latest` and the layout has one entry alone,
/// that is it, whatever its name. The inventory knows packages where the image has a database that their format reads.
///
/// # Errors
/// When the layout cannot be read, has no such tag, or a blob is not what its digest says.
pub fn layout_inventory(path: &Path, tag: &str) -> Result<Inventory, Error> {
    let limits = Limits::default();
    let layout = Arc::new(Layout::open(path)?);
    let target = layout_target(&layout, path, tag)?;
    let root = Child::open(layout, &target, &limits)?;
    Ok(of_images(mutate::images(&root)?, &limits)?.0)
}

/// What the images of an archive for `docker load` hold, whoever wrote it (docker, skopeo, this library), as [`layout_inventory`] has it.
///
/// # Errors
/// When the archive cannot be read, or has several images for one platform.
pub fn archive_inventory(path: &Path) -> Result<Inventory, Error> {
    let limits = Limits::default();
    let archive = Arc::new(Archive::open(path, &limits)?);
    let root = Child::Index(Arc::new(archive.root(&limits)));
    let (inventory, twice) = of_images(mutate::images(&root)?, &limits)?;
    let Some(platform) = twice else {
        return Ok(inventory);
    };
    let reason = format!("it has several images for {platform}; take one out with skopeo");
    let error = io::Error::new(io::ErrorKind::InvalidData, reason);
    Err(Error::io("read", path)(error))
}

/// What images hold, by platform, and a platform that has more than one.
fn of_images(
    images: Vec<OnPlatform>,
    limits: &Limits,
) -> Result<(Inventory, Option<Platform>), Error> {
    let mut inventory = Inventory::default();
    let mut twice = None;
    for (platform, image) in images {
        let tree = ImageTree::read(&*image, &is_database, limits)?;
        let before = inventory.platforms.insert(platform, holdings(tree)?);
        twice = twice.or(before.map(|_| platform));
    }
    Ok((inventory, twice))
}

/// What the tree of an image holds.
fn holdings(tree: ImageTree) -> Result<Holdings, Error> {
    let mut packages: Option<BTreeMap<_, _>> = None;
    for database in databases() {
        let Some(read) = database.read(&tree.kept)? else {
            continue;
        };
        let held = |(name, version)| {
            let held = HeldPackage {
                version,
                archive: None,
                capabilities: None,
            };
            (name, held)
        };
        packages
            .get_or_insert_default()
            .extend(read.into_iter().map(held));
    }
    let held = |LayerEntry { entry, content }: LayerEntry| {
        let file = HeldFile {
            kind: entry.kind.clone(),
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            content,
            xattrs: xattrs(&entry.xattrs),
            origin: None,
            reason: None,
        };
        (entry.path, file)
    };
    Ok(Holdings {
        packages,
        files: Some(without_links(tree.files.into_values().map(held).collect())),
    })
}

fn databases() -> impl Iterator<Item = &'static dyn PackageDatabase> {
    formats().into_iter().filter_map(|format| format.database())
}

/// Whether a file is part of the package database of a family.
fn is_database(path: &RootPath) -> bool {
    databases().any(|database| database.is_part(path))
}
