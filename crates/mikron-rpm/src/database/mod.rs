//! The package database of an image: `rpmdb.sqlite`, as rpm itself writes it.
//!
//! It stands at the end of the way: once the tree is merged, it says which package each file came from. rpm answers `-q` and `-V`
//! from it, and scanners read it. The same packages give the same bytes: the time of installation is the image's, and SQLite
//! works in memory, with one page size and no journal.

mod index;
mod row;
mod sqlite;

use mikron_package::{Contents, DatabaseError, DatabaseFile, Installed, PackageDatabase, RootPath};

/// Writes the package database of rpm.
///
/// It lies under `/var/lib/rpm`, where rpm looks unless its distribution configured another place, and where every scanner looks;
/// the newer `/usr/lib/sysimage/rpm` is known to Fedora's and SUSE's rpm alone. It is the only record: scanners that find a text
/// manifest as well (`/var/lib/rpmmanifest`) count every package twice.
///
/// ```
/// use mikron_package::{MemoryContents, PackageDatabase};
/// use mikron_rpm::RpmDatabase;
/// let files = RpmDatabase.write(&[], &MemoryContents::default(), 1_700_000_000)?;
/// assert_eq!(files[0].path.to_string(), "/var/lib/rpm/rpmdb.sqlite");
/// assert_eq!(&files[0].bytes[..15], b"SQLite format 3");
/// # Ok::<(), mikron_package::DatabaseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RpmDatabase;

const DATABASE: &[u8] = b"/var/lib/rpm/rpmdb.sqlite";

impl PackageDatabase for RpmDatabase {
    fn write(
        &self,
        packages: &[Installed<'_>],
        _: &dyn Contents,
        epoch: i64,
    ) -> Result<Vec<DatabaseFile>, DatabaseError> {
        // Headers hold times in 32 bits.
        let time = u32::try_from(epoch.max(0)).unwrap_or(u32::MAX);
        let mut database = sqlite::Database::create()?;
        for package in packages {
            let row = row::Row::of(package, time).map_err(|error| fault(package, &error))?;
            let keys = index::keys(&row).map_err(|error| fault(package, &error))?;
            database.add(&row.bytes, &keys)?;
        }
        Ok(vec![DatabaseFile {
            path: RootPath::new(DATABASE).expect("a literal that obeys the rules of paths"),
            mode: 0o644,
            bytes: database.finish()?,
        }])
    }

    fn places(&self) -> &'static [&'static str] {
        // rpm(8), `_dbpath` and `_db_backend`: SQLite, NDB and Berkeley DB.
        &[
            "var/lib/rpm/rpmdb.sqlite",
            "var/lib/rpm/Packages.db",
            "var/lib/rpm/Packages",
            "usr/lib/sysimage/rpm/rpmdb.sqlite",
            "usr/lib/sysimage/rpm/Packages.db",
        ]
    }
}

fn fault(package: &Installed<'_>, error: &mikron_package::ArchiveError) -> DatabaseError {
    DatabaseError::Package {
        package: package.metadata.record.name.to_string(),
        reason: error.to_string(),
    }
}
