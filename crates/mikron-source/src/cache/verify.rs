//! Reading the whole cache once, to see whether it is sound.

use std::fs::File;

use mikron_package::Digest;
use serde::Serialize;

use super::blob::hash_file;
use super::derived::whole;
use super::{Cache, CacheError, CorruptBlob};

/// What a look at the whole cache has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// How many entries were read.
    pub checked: usize,
    /// How many bytes they hold.
    pub bytes: u64,
    /// The entries that were not sound, as paths below the cache's directory. They were set aside or removed.
    pub corrupt: Vec<String>,
}

impl Cache {
    /// Reads every blob and every derived value, and sets aside what is not sound.
    ///
    /// # Errors
    /// When a directory or a file cannot be read.
    pub fn verify(&self) -> Result<VerifyReport, CacheError> {
        let mut report = VerifyReport::default();
        for part in ["blobs", "derived"] {
            for path in self.entries(part)? {
                let Ok(mut file) = File::open(&path) else {
                    continue;
                };
                let failed = |error| CacheError::at(&path, "read")(error);
                report.bytes += file.metadata().map_err(failed)?.len();
                report.checked += 1;
                let name = path.file_name().and_then(|name| name.to_str());
                let failed = |error| CacheError::at(&path, "read")(error);
                let sound = match name.and_then(|name| Digest::from_hex(name).ok()) {
                    Some(expected) if part == "blobs" => {
                        let found = hash_file(&mut file).map_err(failed)?;
                        if found != expected {
                            self.set_aside(&CorruptBlob { expected, found });
                        }
                        found == expected
                    }
                    Some(key) => whole(&mut file, &key).map_err(failed)?.is_some(),
                    None => false,
                };
                if !sound {
                    let _ = std::fs::remove_file(&path);
                    let shown = path.strip_prefix(&self.root).unwrap_or(&path);
                    report.corrupt.push(shown.display().to_string());
                }
            }
        }
        Ok(report)
    }
}
