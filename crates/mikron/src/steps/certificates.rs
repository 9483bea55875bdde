//! The certificate authorities of the spec: files of PEM taken apart, as files of the image.

use std::collections::BTreeSet;

use mikron_package::RootPath;
use mikron_rootfs::Certificate;
use mikron_spec::{FileContent, FileEntry};

use crate::Error;
use crate::files::Beside;
use crate::order::Order;
use crate::steps::universes::families;

/// Largest file of certificates, in bytes: Mozilla's whole store takes a fifth of it.
const MAX_FILE: u64 = 1 << 20;

/// What a directory of certificates is read for.
const ENDINGS: [&str; 3] = [".pem", ".crt", ".cer"];

/// Each certificate of the spec once, as a file where the image's family expects those of a site.
///
/// # Errors
/// When a file cannot be read, or holds something else than certificates; when `files` has something at a path of theirs.
pub(crate) fn certificates(order: &Order, beside: &Beside) -> Result<Vec<FileEntry>, Error> {
    let trust = families(&order.spec)
        .first()
        .copied()
        .unwrap_or_default()
        .trust;
    let bundle = RootPath::new(trust.bundle.as_bytes());
    let files = &order.spec.files;
    let is_there = |path: &RootPath| files.iter().any(|file| file.path == *path);
    let (mut seen, mut names) = (BTreeSet::new(), BTreeSet::new());
    let mut entries = Vec::new();
    for (number, named) in order.spec.certificates.iter().enumerate() {
        let at = ["certificates", &number.to_string()];
        let fault = |message: String, help: &str| order.fault(&at, named, message, help);
        if let Some(bundle) = bundle.as_ref().ok().filter(|bundle| is_there(bundle)) {
            let message = format!("`files` has {bundle}, which would not hold these certificates");
            return Err(fault(message, "keep one of them"));
        }
        for file in files_of(beside, named, &fault)? {
            let (path, bytes) = beside.read(&file, MAX_FILE).map_err(|error| match error {
                Error::Io { path, error, .. } => {
                    fault(format!("cannot read {}: {error}", path.display()), "")
                }
                other => other,
            })?;
            let shown = path.display();
            if bytes.len() as u64 > MAX_FILE {
                return Err(fault(format!("{shown} has more than 1 MiB"), ""));
            }
            let all = Certificate::all_of(&bytes).map_err(|error| {
                let place = error
                    .line()
                    .map_or(String::new(), |line| format!(":{line}"));
                fault(format!("{shown}{place}: {error}"), error.remedy())
            })?;
            let stem = stem(&file);
            let is_alone = all.len() == 1;
            for certificate in all {
                let text = certificate.to_pem();
                if !seen.insert(certificate) {
                    continue;
                }
                let alone = is_alone.then(|| stem.clone());
                let numbered = (1..).map(|number| format!("{stem}-{number}"));
                let mut free = alone.into_iter().chain(numbered);
                let name = free.find(|name| names.insert(name.clone()));
                let name = name.unwrap_or_default();
                let path = RootPath::new(format!("{}/{name}.crt", trust.anchors).as_bytes());
                let path = path.map_err(|error| fault(error.to_string(), ""))?;
                if is_there(&path) {
                    let message = format!("`files` has {path}, too");
                    return Err(fault(message, "keep one of them"));
                }
                entries.push(FileEntry::new(path, FileContent::Text(text)));
            }
        }
    }
    Ok(entries)
}

/// The file of that name, or those of the directory in order of name.
fn files_of(
    beside: &Beside,
    named: &str,
    fault: &dyn Fn(String, &str) -> Error,
) -> Result<Vec<String>, Error> {
    let path = beside.resolve(named)?;
    if !path.is_dir() {
        return Ok(vec![named.to_owned()]);
    }
    let files = beside.list(named, &ENDINGS)?;
    if files.is_empty() {
        let message = format!("{} holds no `*.pem`, `*.crt` or `*.cer`", path.display());
        return Err(fault(message, "name the files"));
    }
    Ok(files)
}

/// The name of a file without what says that it is a certificate, of characters that no tool takes for others.
fn stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' => c,
        _ => '_',
    };
    let stem: String = stem.unwrap_or(name).chars().map(plain).take(100).collect();
    // A name of dots alone would be none.
    if stem.trim_matches('.').is_empty() {
        return "certificate".to_owned();
    }
    stem
}
