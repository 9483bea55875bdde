//! The user's own settings: one small YAML file, wherever the environment says.

use std::collections::BTreeMap;
use std::io;

use mikron_source::Environment;

use crate::Error;

/// What `config.yaml` may hold.
///
/// ```yaml
/// mirrors:
///   debian: [https://example.org/debian]
///   debian-security: [https://example.org/debian-security]
/// quota: 10000000000   # bytes
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Base URLs by archive, the best first.
    pub(crate) mirrors: BTreeMap<String, Vec<String>>,
    /// The size in bytes that the cache is brought down to.
    pub(crate) quota: Option<u64>,
}

impl Settings {
    /// Reads the settings that the environment points to; without a file there are none.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Error> {
        let Some(path) = environment.config_file() else {
            return Ok(Self::default());
        };
        let bytes = match crate::files::read_capped(&path, 1 << 20) {
            Ok(bytes) => bytes,
            Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error),
        };
        let text = crate::files::text(&path, bytes)?;
        Ok(mikron_spec::read_document(
            &path.display().to_string(),
            &text,
            1 << 20,
        )?)
    }
}
