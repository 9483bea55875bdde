//! Package databases: what an image says of the packages in it, in the words of their family.
//!
//! Scanners and the family's own tools read them: dpkg's `status.d`, `rpmdb.sqlite`, apk's `installed`. A format crate writes
//! its own; the facade hands it what the image took of each package, after the tree was merged.

use std::collections::BTreeMap;
use std::io;

use crate::{ArchiveMetadata, Contents, Digest, Entry, PackageName, RootPath, Version};

/// Writes the package database of a family.
///
/// ```
/// use mikron_package::{Contents, DatabaseError, DatabaseFile, Installed, PackageDatabase, RootPath};
///
/// /// One line a package.
/// struct List;
/// impl PackageDatabase for List {
///     fn write(
///         &self,
///         packages: &[Installed<'_>],
///         _: &dyn Contents,
///         _: i64,
///     ) -> Result<Vec<DatabaseFile>, DatabaseError> {
///         let line = |package: &Installed<'_>| format!("{}\n", package.metadata.record.name);
///         let text: String = packages.iter().map(line).collect();
///         let path = RootPath::new(b"/var/lib/list").expect("a literal that obeys the rules of paths");
///         Ok(vec![DatabaseFile { path, mode: 0o644, bytes: text.into_bytes() }])
///     }
/// }
/// ```
pub trait PackageDatabase: Send + Sync {
    /// The files of the database. The same input gives the same bytes. Directories above them are the caller's matter.
    ///
    /// `packages` stand in order of name; `contents` has every file that is in the image; `epoch`, in seconds since 1970, stands
    /// for the time of installation.
    ///
    /// # Errors
    /// When a package's metadata lack what the database needs, or a content cannot be read.
    fn write(
        &self,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        epoch: i64,
    ) -> Result<Vec<DatabaseFile>, DatabaseError>;

    /// The same, handed out one by one: those of a large image together take more memory than most of what it is made from.
    ///
    /// # Errors
    /// As [`PackageDatabase::write`]; what `take` gives.
    fn write_each(
        &self,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        epoch: i64,
        take: &mut dyn FnMut(DatabaseFile) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let files = self.write(packages, contents, epoch)?;
        files.into_iter().try_for_each(take)
    }

    /// The same above an image that has a database of this family: `below` has its files ([`PackageDatabase::is_part`]), which are
    /// extended.
    ///
    /// # Errors
    /// As [`PackageDatabase::write_each`]; when the form of what is below cannot be extended, which is the default.
    fn write_above(
        &self,
        below: &BTreeMap<RootPath, Vec<u8>>,
        packages: &[Installed<'_>],
        contents: &dyn Contents,
        epoch: i64,
        take: &mut dyn FnMut(DatabaseFile) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let _ = below;
        if packages.is_empty() {
            return Ok(());
        }
        let _ = (contents, epoch, take);
        let reason = "that of the image below is not extended in this family";
        Err(DatabaseError::Database(reason.to_owned()))
    }

    /// Where databases of this family lie, as paths from the root without a slash before them: an image that has something at one of them
    /// has packages of it.
    fn places(&self) -> &'static [&'static str] {
        &[]
    }

    /// The packages that an image's database says are installed, with what it says of each; `None` where this family's is not read.
    /// `files` has those that [`PackageDatabase::is_part`] and [`PackageDatabase::is_list`] say.
    ///
    /// # Errors
    /// When a file is not of the database's form.
    fn packages(
        &self,
        files: &BTreeMap<RootPath, Vec<u8>>,
    ) -> Result<Option<Vec<InstalledPackage>>, DatabaseError> {
        let _ = files;
        Ok(None)
    }

    /// Whether a file of an image lists the files of packages for [`PackageDatabase::packages`].
    fn is_list(&self, path: &RootPath) -> bool {
        let _ = path;
        false
    }

    /// Whether a file of an image belongs to the database, so that [`PackageDatabase::read`] wants its bytes.
    fn is_part(&self, path: &RootPath) -> bool {
        let _ = path;
        false
    }

    /// The packages that an image's database says are installed; `None` where none of its files is there, or this family's is not
    /// read.
    ///
    /// # Errors
    /// When a file is not of the database's form.
    fn read(
        &self,
        files: &BTreeMap<RootPath, Vec<u8>>,
    ) -> Result<Option<BTreeMap<PackageName, Version>>, DatabaseError> {
        let _ = files;
        Ok(None)
    }
}

/// A package as the database of an image has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPackage {
    /// What the database says of it.
    pub metadata: ArchiveMetadata,
    /// The paths that the database says are its, as they stand there.
    pub files: Vec<RootPath>,
    /// Whether these are all paths of the package, and not only files or what an image has of it.
    pub lists_all: bool,
}

/// One package, and what the image took of it.
#[derive(Clone, Debug)]
pub struct Installed<'a> {
    /// What the archive says of itself.
    pub metadata: &'a ArchiveMetadata,
    /// All entries of the archive, in its order.
    pub files: Vec<InstalledFile<'a>>,
    /// Size of the archive in bytes.
    pub size: u64,
}

/// One entry of a package, and whether the image has it.
#[derive(Clone, Copy, Debug)]
pub struct InstalledFile<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The digest of its content, for regular files.
    pub content: Option<&'a Digest>,
    /// Whether the image has it from this package.
    pub present: bool,
}

/// One file of a package database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Its path in the image.
    pub path: RootPath,
    /// Its permission bits.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why a package database cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The metadata of a package lack something.
    #[error("the package database cannot hold {package}: {reason}")]
    Package {
        /// The package.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// A content cannot be read.
    #[error("{package}: {path} cannot be read for the package database: {error}")]
    Content {
        /// The package.
        package: String,
        /// The file.
        path: RootPath,
        /// Why not.
        error: io::Error,
    },
    /// A file of a database is malformed.
    #[error("the package database {path} cannot be read: {reason}")]
    Malformed {
        /// The file.
        path: RootPath,
        /// What is wrong with it.
        reason: String,
    },
    /// The database's own format or library failed.
    #[error("the package database cannot be written: {0}")]
    Database(String),
}
