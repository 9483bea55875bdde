//! Tokens that several packages provide, and which of them wins.

use std::collections::BTreeMap;

use mikron_facts::{Class, FileFacts};
use mikron_package::merged_usr as merged;
use mikron_select::{FileRef, PATH, PackageInput, Token};

use super::resolve::Resolver;
use super::{Claimant, Clash};
use crate::tokens::provided;

/// By which order the first of several providers wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Loader,
    Path,
    Place,
}

impl Order {
    const fn words(self) -> &'static str {
        match self {
            Self::Loader => {
                "the loader looks in /usr/lib/TRIPLET, then in /usr/lib64, then in /usr/lib"
            }
            Self::Path => {
                "PATH names /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin in this order"
            }
            Self::Place => {
                "one path: files of the spec, then those of packages that the spec names, then others"
            }
        }
    }
}

/// Finds the tokens that capabilities of more than one package provide.
pub(super) fn find(
    resolver: &Resolver<'_>,
    packages: &[PackageInput],
    row_of: &[Vec<Option<usize>>],
    chosen: impl Fn(FileRef) -> bool,
) -> Vec<Clash> {
    let mut by_token: BTreeMap<(Token, Order), Vec<FileRef>> = BTreeMap::new();
    let mut tokens = Vec::new();
    for (package, input) in packages.iter().enumerate() {
        for (entry, facts) in input.facts.files.iter().enumerate() {
            if facts.entry.is_directory() {
                continue;
            }
            let file = FileRef { package, entry };
            if matches!(facts.class, Class::Bins | Class::Libs) {
                provided(facts, &mut tokens);
                for token in tokens.drain(..) {
                    let order = match &token {
                        Token::Soname(name) if is_named(facts, name) => Order::Loader,
                        Token::Command(_) => Order::Path,
                        _ => continue,
                    };
                    by_token.entry((token, order)).or_default().push(file);
                }
            }
            if let Some(first) = resolver.holder(&facts.entry.path)
                && first.package != package
            {
                let token = Token::Path(facts.entry.path.to_string());
                let of_path = by_token.entry((token, Order::Place)).or_default();
                of_path.extend([first, file]);
            }
        }
    }
    let mut clashes = Vec::new();
    for ((token, order), mut files) in by_token {
        let first = files.first().map(|file| file.package);
        if files.iter().all(|file| Some(file.package) == first) {
            continue;
        }
        let path = |file: &FileRef| &packages[file.package].facts.files[file.entry].entry.path;
        let is_held = |file: &FileRef| resolver.holder(path(file)) == Some(*file);
        files.sort_by_key(|file| {
            let place = place(&merged(path(file).as_bytes()), order);
            (place, !is_held(file), path(file), *file)
        });
        files.dedup();
        let claimant = |file: &FileRef| {
            Some(Claimant {
                row: row_of[file.package][file.entry]?,
                path: path(file).clone(),
                chosen: chosen(*file),
            })
        };
        clashes.push(Clash {
            token,
            providers: files.iter().filter_map(claimant).collect(),
            rule: order.words().to_owned(),
        });
    }
    clashes
}

/// Whether the loader would find the file by this name, and not only know it by the name inside.
fn is_named(facts: &FileFacts, name: &str) -> bool {
    facts.entry.path.file_name() == Some(name.as_bytes())
}

/// Where the directory of a path stands in the order.
fn place(path: &[u8], order: Order) -> usize {
    let cut = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
    let dir = String::from_utf8_lossy(&path[..cut]);
    match order {
        Order::Path => PATH.iter().position(|d| *d == dir).unwrap_or(PATH.len()),
        Order::Loader if dir.contains("-linux-") => 0,
        Order::Loader if dir == "usr/lib64" => 1,
        Order::Loader if dir == "usr/lib" => 2,
        Order::Loader => 3,
        Order::Place => 0,
    }
}
