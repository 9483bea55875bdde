//! State: small durable records that several processes read, change and write.

use std::io::{self, Write as _};
use std::path::PathBuf;

use mikron_package::Digest;
use rustix::fs::FlockOperation;

use super::derived::{trailer, unsealed};
use super::{Cache, CacheError, flock, open_lock};

impl Cache {
    fn state_path(&self, name: &str) -> PathBuf {
        self.root
            .join("state")
            .join(Digest::of(name.as_bytes()).hex())
    }

    /// A record by name, if it is there and whole.
    pub fn state(&self, name: &str) -> Option<Vec<u8>> {
        unsealed(
            std::fs::read(self.state_path(name)).ok()?,
            &Digest::of(name.as_bytes()),
        )
    }

    /// Reads, changes and writes a record while nobody else does. `change` is given the record, and returns the new one;
    /// `None` leaves it as it is.
    ///
    /// # Errors
    /// When the record cannot be locked or written.
    pub fn update_state(
        &self,
        name: &str,
        change: impl FnOnce(Option<Vec<u8>>) -> Option<Vec<u8>>,
    ) -> Result<(), CacheError> {
        let path = self.state_path(name);
        let lock_path = path.with_extension("lock");
        let lock = open_lock(&lock_path).map_err(CacheError::at(&lock_path, "open"))?;
        let locked = flock(&lock, FlockOperation::LockExclusive);
        locked.map_err(CacheError::at(&lock_path, "lock"))?;
        let old = match std::fs::read(&path) {
            Ok(bytes) => unsealed(bytes, &Digest::of(name.as_bytes())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(CacheError::at(&path, "read")(error)),
        };
        let Some(new) = change(old) else {
            return Ok(());
        };
        let mut file = self.temporary()?;
        let written = file
            .write_all(&new)
            .and_then(|()| file.write_all(&trailer(&new, &Digest::of(name.as_bytes()))));
        written.map_err(CacheError::at(file.path(), "write"))?;
        self.publish(file, &path, true)
    }
}
