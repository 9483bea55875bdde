//! Why something is in the image, and why something is not.

use mikron_package::{RootPath, merged_usr as merged};
use mikron_select::{
    FileRef, LeftOut, MissingCause, PackageInput, ProgramCause, Reason, SelectedFile, Selection,
    Step, Token, chain,
};
use serde::{Deserialize, Serialize};

/// What is known of a path or package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explanation {
    /// It is in the image, by this chain from a root.
    Chosen(Vec<Step>),
    /// A finalizer reads it, and it is not part of the image.
    BuildInput(Vec<Step>),
    /// The package was left out.
    LeftOut(LeftOut),
    /// The file was left out though files of its package were chosen.
    FileLeftOut {
        /// The package.
        package: String,
        /// The capability that would bring it: `nginx-common:docs`.
        capability: String,
        /// What kept a program out; `None` of other files, and of programs that nobody looked for.
        because: Option<ProgramCause>,
    },
    /// A module that cannot be loaded in the image, because no dependency brings what it needs.
    Module {
        /// The package.
        package: String,
        /// What it needs.
        needs: Token,
        /// Why that is missing.
        cause: MissingCause,
    },
    /// A link that points to what no package has.
    Dangling {
        /// The package.
        package: String,
        /// Where it points.
        target: String,
    },
    /// No input has such a path or package.
    Unknown,
}

/// Explains a path (`/usr/sbin/nginx`) or a package (`nginx`).
pub fn explain(selection: &Selection, packages: &[PackageInput], what: &str) -> Explanation {
    if let Some(steps) = why(selection, packages, what) {
        return Explanation::Chosen(steps);
    }
    why_not(selection, packages, what).unwrap_or(Explanation::Unknown)
}

/// The chain from a root to a chosen path, or to the first chosen file of a package; `None` when it is not in the image.
///
/// The chain is ordered from the root on; the last step is what was asked for.
pub fn why(selection: &Selection, packages: &[PackageInput], what: &str) -> Option<Vec<Step>> {
    if !what.starts_with('/') {
        let package = selection
            .packages
            .iter()
            .find(|p| p.name.as_str() == what)?;
        return (!package.chain.is_empty()).then(|| package.chain.clone());
    }
    let path = RootPath::new(what.as_bytes()).ok()?;
    let wanted = merged(path.as_bytes());
    let chosen = selection
        .files
        .iter()
        .filter(|f| merged(f.path.as_bytes()) == wanted);
    // Of several packages that share a directory, the one that was not chosen as a directory of something is worth telling.
    let best = chosen.min_by_key(|f| matches!(*f.reason, Reason::Directory { .. }))?;
    Some(chain_of(selection, packages, best.file))
}

/// Why a path or package is not in the image; `None` when it is, or when no input has it.
pub fn why_not(
    selection: &Selection,
    packages: &[PackageInput],
    what: &str,
) -> Option<Explanation> {
    let left_out = |package: usize| selection.left_out.iter().find(|l| l.package == package);
    if !what.starts_with('/') {
        let package = packages.iter().position(|p| p.name.as_str() == what)?;
        if let Some(left) = left_out(package) {
            return Some(Explanation::LeftOut(left.clone()));
        }
        let mut inputs = selection.inputs.iter();
        let input = inputs.find(|input| input.file.package == package);
        return input.map(|input| read(packages, input));
    }
    let path = RootPath::new(what.as_bytes()).ok()?;
    let wanted = merged(path.as_bytes());
    if selection
        .files
        .iter()
        .any(|f| merged(f.path.as_bytes()) == wanted)
    {
        return None;
    }
    for (package, input) in packages.iter().enumerate() {
        let is_it = |f: &mikron_facts::FileFacts| merged(f.entry.path.as_bytes()) == wanted;
        let Some(entry) = input.facts.files.iter().position(is_it) else {
            continue;
        };
        let file = FileRef { package, entry };
        if let Some(input) = selection.inputs.iter().find(|i| i.file == file) {
            return Some(read(packages, input));
        }
        if let Some(module) = selection.modules_left_out.iter().find(|m| m.file == file) {
            return Some(Explanation::Module {
                package: input.name.to_string(),
                needs: module.token.clone(),
                cause: module.cause.clone(),
            });
        }
        if selection.dangling.iter().any(|link| link.file == file) {
            let target = input.facts.files[entry].link_target().unwrap_or_default();
            return Some(Explanation::Dangling {
                package: input.name.to_string(),
                target: String::from_utf8_lossy(target).into_owned(),
            });
        }
        if let Some(left) = left_out(package) {
            return Some(Explanation::LeftOut(left.clone()));
        }
        let class = input.facts.files[entry].class;
        let left = selection.programs_left_out.iter().find(|p| p.file == file);
        return Some(Explanation::FileLeftOut {
            package: input.name.to_string(),
            capability: format!("{}:{}", input.name, class.name()),
            because: left.map(|left| left.cause.clone()),
        });
    }
    None
}

/// Of a file that finalizers read.
fn read(packages: &[PackageInput], input: &SelectedFile) -> Explanation {
    Explanation::BuildInput(vec![Step {
        package: packages[input.file.package].name.clone(),
        path: input.path.clone(),
        reason: (*input.reason).clone(),
    }])
}

fn chain_of(selection: &Selection, packages: &[PackageInput], file: FileRef) -> Vec<Step> {
    let find = |file: FileRef| {
        selection
            .files
            .iter()
            .find(|f| f.file == file)
            .map(|f| &*f.reason)
    };
    chain(packages, file, find)
}
