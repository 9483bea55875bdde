//! What one file provides and requires, by its facts.

use std::borrow::Cow;

use mikron_facts::{Class, DlopenPriority, ElfFacts, FileFacts};
use mikron_package::{Entry, EntryKind, merged_usr as merged};
use mikron_select::{PATH, Token};

use super::content::provided_by_path;
use super::{Required, Strength};

/// Adds what the file provides.
///
/// Every entry provides its own path. Listed are those paths that others name: of programs and of loaders.
pub(crate) fn provided(file: &FileFacts, tokens: &mut Vec<Token>) {
    if file.entry.is_directory() {
        return;
    }
    let path = merged(file.entry.path.as_bytes());
    match file.class {
        Class::Bins => program(file, &path, tokens),
        Class::Libs | Class::Modules => library(file, &path, tokens),
        _ => {}
    }
    tokens.extend(provided_by_path(&path));
}

fn program(file: &FileFacts, path: &[u8], tokens: &mut Vec<Token>) {
    let executable = file.entry.mode & 0o111 != 0 || file.link_target().is_some();
    if !executable {
        return;
    }
    let text = String::from_utf8_lossy(path);
    if let Some((dir, name)) = text.rsplit_once('/')
        && PATH.contains(&dir)
    {
        tokens.push(Token::Command(name.to_owned()));
    }
    tokens.push(Token::Path(format!("/{text}")));
    // Some programs are libraries as well: libc.so.6 can be started, and so can loaders.
    if let Some(elf) = file.elf.as_deref().filter(|elf| elf.soname.is_some()) {
        versions(elf, path, tokens);
    }
}

fn library(file: &FileFacts, path: &[u8], tokens: &mut Vec<Token>) {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    let name = String::from_utf8_lossy(name);
    let is_name = name.contains(".so");
    if let Some(elf) = file.elf.as_deref() {
        versions(elf, path, tokens);
        if name.starts_with("ld-") || name.starts_with("ld.so") || name.starts_with("ld64.so") {
            tokens.push(Token::Path(format!("/{}", String::from_utf8_lossy(path))));
        }
    } else if !is_name || file.link_target().is_none() {
        return;
    }
    // The loader opens files by name; the soname inside only says which name programs were linked with.
    if is_name {
        tokens.push(Token::Soname(name.into_owned()));
    }
}

/// The name that programs are linked with, and the symbol versions behind it.
fn versions(elf: &ElfFacts, path: &[u8], tokens: &mut Vec<Token>) {
    let file_name = || String::from_utf8_lossy(path.rsplit(|b| *b == b'/').next().unwrap_or(path));
    let name = elf.soname.as_deref().map_or_else(file_name, Cow::Borrowed);
    if elf.soname.is_some() {
        tokens.push(Token::Soname(name.clone().into_owned()));
    }
    let defined = elf.version_definitions.iter();
    tokens.extend(defined.map(|v| Token::SymbolVersion(name.clone().into_owned(), v.clone())));
}

/// Adds what the file requires.
pub(crate) fn required(file: &FileFacts, tokens: &mut Vec<Required>) {
    owner(&file.entry, tokens);
    // Links between manual pages and documents are nobody's need.
    if let EntryKind::Symlink { target } = &file.entry.kind
        && file.class.is_run_time()
        && let Ok(target) = file.entry.path.resolve_link(target)
    {
        tokens.push(Required::new(Token::Path(target.to_string())));
    }
    if let (Some(script), Class::Bins | Class::Source | Class::Data | Class::Modules) =
        (&file.script, file.class)
        && file.entry.mode & 0o111 != 0
    {
        let program = script.program();
        // `env` itself is needed, too, where it looks the program up.
        tokens.push(Required::new(Token::Path(script.interpreter.clone())));
        if program.starts_with('/') {
            tokens.push(Required::new(Token::Path(program.to_owned())));
        } else {
            tokens.push(Required::new(Token::Command(program.to_owned())));
        }
    }
    if let Some(elf) = file.elf.as_deref() {
        of_elf(elf, tokens);
    }
}

fn owner(entry: &Entry, tokens: &mut Vec<Required>) {
    let named = |id: u32, name: Option<&str>| {
        name.filter(|name| id != 0 && !name.is_empty() && *name != "root")
            .map(str::to_owned)
    };
    if let Some(user) = named(entry.uid, entry.user.as_deref()) {
        tokens.push(Required::new(Token::User(user)));
    }
    if let Some(group) = named(entry.gid, entry.group.as_deref()) {
        tokens.push(Required::new(Token::Group(group)));
    }
}

fn of_elf(elf: &ElfFacts, tokens: &mut Vec<Required>) {
    if let Some(kernel) = &elf.minimum_kernel {
        tokens.push(Required::new(Token::Kernel(kernel.to_string())));
    }
    if let Some(level) = &elf.x86_level {
        tokens.push(Required::new(Token::Cpu(level.to_string())));
    }
    // Libraries that can be started by themselves name their loader, too; loaded, they do not need it.
    if let Some(loader) = elf.interpreter.as_ref().filter(|_| elf.is_executable()) {
        tokens.push(Required::new(Token::Path(loader.clone())));
    }
    let soname = |name: &String| Token::Soname(name.clone());
    tokens.extend(elf.needed.iter().map(soname).map(Required::new));
    for needs in &elf.version_needs {
        for version in &needs.versions {
            let token = Token::SymbolVersion(needs.library.clone(), version.name.clone());
            // The loader only warns of a weak one that is not defined.
            let strength = if version.weak {
                Strength::Optional
            } else {
                Strength::Required
            };
            tokens.push(Required::with(token, strength));
        }
    }
    for note in &elf.dlopen {
        let Some((first, others)) = note.sonames.split_first() else {
            continue;
        };
        let strength = match note.priority {
            DlopenPriority::Required => Strength::Required,
            DlopenPriority::Recommended => Strength::Recommended,
            DlopenPriority::Suggested => Strength::Optional,
        };
        tokens.push(Required {
            instead: others.iter().map(soname).collect(),
            ..Required::with(soname(first), strength)
        });
    }
}
