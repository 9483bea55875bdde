//! Who has a file: the lists of files (`Contents`) of a suite.
//!
//! The Release lists and so proves them as it does the indexes. They are read when somebody looks for a file, and kept in a form
//! that is small.

use mikron_package::{Sought, merged_usr};

use super::{Context, IndexRef, SourceError, Suite};
use crate::repository::Holder;

/// Whether a file of a Release is a list of the files of binary packages.
pub(super) fn is_list_of_files(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let architecture = name.strip_prefix("Contents-");
    architecture.is_some_and(|of| !of.starts_with("udeb-") && !of.starts_with("source"))
}

impl Suite {
    /// The packages that have what is looked for; `None` where the suite publishes no list of files.
    ///
    /// # Errors
    /// When a list can neither be found nor fetched, or is malformed.
    pub(super) fn holders(
        &self,
        context: &Context<'_>,
        sought: &Sought,
    ) -> Result<Option<Vec<Holder>>, SourceError> {
        let of_architecture = |architecture: &str| -> Result<Option<Vec<Holder>>, SourceError> {
            let lists = self.lists(architecture);
            let mut found = Vec::new();
            for list in &lists {
                let table = self.repository.files(context, list)?;
                found.extend(
                    table
                        .named(sought.file_name())
                        .filter(|one| fits(sought, one)),
                );
            }
            found.sort();
            found.dedup();
            Ok((!lists.is_empty()).then_some(found))
        };
        let Some(own) = of_architecture(&self.architecture)? else {
            return self.named_after(context, sought);
        };
        // Three times as large as the other, and no library that a loader looks for is in a package for all architectures.
        if !own.is_empty() || sought.file_name().contains(".so") {
            return Ok(Some(own));
        }
        Ok(of_architecture("all")?.or(Some(own)))
    }

    /// The packages that bear the name of a library, where no list of files says who has it.
    fn named_after(
        &self,
        context: &Context<'_>,
        sought: &Sought,
    ) -> Result<Option<Vec<Holder>>, SourceError> {
        let Sought::Library(soname) = sought else {
            return Ok(None);
        };
        let mut found = Vec::new();
        for name in package_names(soname) {
            for index in &self.indexes {
                let named = self.open(context, index)?.named(name.as_bytes());
                let is_there = named.is_ok_and(|records| !records.is_empty());
                if let (true, Ok(package)) = (is_there, name.parse()) {
                    found.push(Holder {
                        package,
                        path: String::new(),
                    });
                }
            }
        }
        Ok((!found.is_empty()).then_some(found))
    }

    /// The lists for an architecture: one for each component, or, as they once were, one for all.
    fn lists(&self, architecture: &str) -> Vec<IndexRef> {
        let (repository, release) = (&self.repository, &self.release.release);
        let listed = |directory: &str, component: &str| {
            let path = format!("{directory}Contents-{architecture}");
            repository.listed(release, &path, component, architecture)
        };
        let each = repository.components.iter();
        let each: Vec<IndexRef> = each
            .filter_map(|component| listed(&format!("{component}/"), component))
            .collect();
        if each.is_empty() {
            return listed("", "").into_iter().collect();
        }
        each
    }
}

/// What the package of a library is called (Debian Policy, section 8.1): `libpq5` for `libpq.so.5`, `libboost-1.74-1` for
/// `libboost_1.74.so.1`; with `t64` behind it where it was renamed for its times.
fn package_names(soname: &str) -> [String; 2] {
    let (stem, version) = soname.split_once(".so").unwrap_or((soname, ""));
    let version = version.trim_start_matches('.');
    let hyphen = if stem.ends_with(|c: char| c.is_ascii_digit()) && !version.is_empty() {
        "-"
    } else {
        ""
    };
    let name = format!("{stem}{hyphen}{version}")
        .to_lowercase()
        .replace('_', "-");
    [format!("{name}t64"), name]
}

/// Whether a file of the name is the one that is looked for.
fn fits(sought: &Sought, holder: &Holder) -> bool {
    let real = |path: &str| merged_usr(path.trim_start_matches('/').as_bytes()).into_owned();
    match sought {
        Sought::Path(path) => real(path) == real(&holder.path),
        Sought::Library(_) | Sought::Command(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_called_as_policy_has_it() {
        assert_eq!(package_names("libpq.so.5")[1], "libpq5");
        assert_eq!(package_names("libLLVM-14.so.1")[1], "libllvm-14-1");
        assert_eq!(package_names("libssl.so.3")[0], "libssl3t64");
        assert_eq!(package_names("odd")[1], "odd");
    }

    #[test]
    fn lists_of_binary_packages_are_kept_and_no_others() {
        for (path, kept) in [
            ("main/Contents-amd64.gz", true),
            ("Contents-all", true),
            ("main/Contents-udeb-amd64.gz", false),
            ("main/Contents-source.gz", false),
            ("main/binary-amd64/Packages.gz", false),
        ] {
            assert_eq!(is_list_of_files(path), kept, "{path}");
        }
    }
}
