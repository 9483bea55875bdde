//! What images do well without, though programs open it where it is.

use std::sync::OnceLock;

use mikron::package::{Glob, Limits, RootPath};
use serde::Deserialize;

use crate::TryError;

/// The table, as text.
const BUILTIN: &str = include_str!("spared.yaml");

/// Files whose absence is no loss.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Why nothing is lost.
    because: String,
    /// Where they lie.
    #[serde(default)]
    paths: Vec<Glob>,
    /// Of which packages; of any where none is named.
    #[serde(default)]
    packages: Vec<String>,
    /// Of which class.
    class: Option<String>,
}

/// Why an image does well without a file that comes from there (`libc6:data`); `None` where it does not.
///
/// # Errors
/// When the table does not read, which a test sees.
pub(crate) fn why(path: &RootPath, origin: &str) -> Result<Option<&'static str>, TryError> {
    static TABLE: OnceLock<Vec<Row>> = OnceLock::new();
    let table = if let Some(table) = TABLE.get() {
        table
    } else {
        let rows = mikron_yaml::read_table("spared.yaml", BUILTIN, Limits::default().spec)?;
        TABLE.get_or_init(|| rows)
    };
    let (package, class) = origin.split_once(':').unwrap_or((origin, ""));
    let holds = |row: &&Row| {
        (row.packages.is_empty() || row.packages.iter().any(|name| name == package))
            && row.class.as_deref().is_none_or(|name| name == class)
            && (row.paths.is_empty() || row.paths.iter().any(|glob| glob.matches(path)))
    };
    Ok(table.iter().find(holds).map(|row| row.because.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_row_of_the_table_says_what_it_holds_for() {
        let path = RootPath::new(b"etc/ld.so.cache").unwrap();
        assert!(why(&path, "the finalizer `x`").unwrap().is_some());
        let rows: Vec<Row> = mikron_yaml::read_table("", BUILTIN, 1 << 20).unwrap();
        for row in rows {
            assert!(!row.because.is_empty());
            let bounded = !row.paths.is_empty() || row.class.is_some();
            assert!(bounded, "{row:?}");
        }
    }
}
