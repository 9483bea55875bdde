//! sysusers.d(5) and tmpfiles.d(5): what packages declare instead of scripting it.

use std::collections::BTreeMap;

use mikron_package::RootPath;

use crate::accounts::{Accounts, Group, User, check_name};
use crate::error::RootfsError;
use crate::finalize::Work;

/// One line of a declaration, split into fields; quotes are taken off.
pub(crate) type Line = Vec<String>;

/// The lines of all files of a kind (`sysusers.d`, `tmpfiles.d`), in order of file name. A file under /etc hides one of the same
/// name under /usr/lib.
pub(super) fn lines(work: &Work<'_>, kind: &str) -> Result<Vec<Line>, RootfsError> {
    let mut files: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let name = |path: &RootPath| path.file_name().unwrap_or_default().to_vec();
    for package in work.context.packages {
        for (path, text) in package
            .declarations
            .iter()
            .filter(|(path, _)| is_kind(path, kind))
        {
            files.insert(name(path), text.clone());
        }
        // rpm packages carry such lines in their header, too (sysusers.attr of rpm): those of `user()` and `group()` provides.
        let extra = package.metadata.extra.iter();
        for (_, text) in extra.filter(|(name, _)| kind.strip_suffix(".d") == Some(name)) {
            let file = format!("{}.conf", package.name());
            files
                .entry(file.into_bytes())
                .or_insert_with(|| text.clone());
        }
    }
    for dir in ["usr/lib", "etc"] {
        let dir = RootPath::new(format!("{dir}/{kind}").as_bytes())?;
        for node in work
            .tree
            .below(&dir)
            .filter(|node| is_kind(&node.entry.path, kind))
        {
            if let Some(text) = work.read(&node.entry.path)? {
                files.insert(name(&node.entry.path), text);
            }
        }
    }
    Ok(files.values().flat_map(|text| split(text)).collect())
}

/// Whether a path is one of a file of a kind.
pub(crate) fn is_kind(path: &RootPath, kind: &str) -> bool {
    let dir = path.parent();
    let dir = dir.as_ref().and_then(RootPath::file_name);
    dir == Some(kind.as_bytes()) && path.as_bytes().ends_with(b".conf")
}

/// The lines of a text that are no comments.
pub(crate) fn split(text: &[u8]) -> Vec<Line> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(fields)
        .collect()
}

/// A field, or `None` for `-` and for what is not there.
pub(super) fn field(line: &Line, number: usize) -> Option<&str> {
    line.get(number)
        .map(String::as_str)
        .filter(|field| *field != "-" && !field.is_empty())
}

/// The accounts that sysusers.d(5) lines declare.
pub(crate) fn accounts(lines: &[Line]) -> Accounts {
    let mut wish = Accounts::default();
    for line in lines {
        let Some(name) = field(line, 1).filter(|name| check_name(name).is_ok()) else {
            continue;
        };
        let id = field(line, 2).unwrap_or_default();
        match line.first().map_or("", |kind| kind.trim_end_matches('!')) {
            "u" => {
                let (uid, group) = id.split_once(':').unwrap_or((id, ""));
                let gid = group.parse().ok();
                wish.users.push(User {
                    uid: uid.parse().ok(),
                    gid,
                    group: Some(group)
                        .filter(|g| !g.is_empty() && gid.is_none())
                        .map(str::to_owned),
                    gecos: field(line, 3).map(str::to_owned),
                    home: Some(field(line, 4).unwrap_or("/").to_owned()),
                    shell: field(line, 5).map(str::to_owned),
                    ..User::new(name)
                });
            }
            "g" => wish.groups.push(Group {
                name: name.to_owned(),
                gid: id.parse().ok(),
                members: Vec::new(),
            }),
            "m" if check_name(id).is_ok() => wish.groups.push(Group {
                name: id.to_owned(),
                gid: None,
                members: vec![name.to_owned()],
            }),
            _ => {}
        }
    }
    wish
}

/// Splits a line at blanks, respecting quotes.
fn fields(line: &str) -> Line {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quote = None;
    let mut any = false;
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                any = true;
            }
            None if c.is_whitespace() => {
                if any || !field.is_empty() {
                    fields.push(std::mem::take(&mut field));
                    any = false;
                }
            }
            _ => field.push(c),
        }
    }
    if any || !field.is_empty() {
        fields.push(field);
    }
    fields
}

#[cfg(test)]
mod tests {
    #[test]
    fn quoted_fields_keep_their_blanks() {
        let line = super::fields("u redis - \"Redis server\" /var/lib/redis");
        assert_eq!(line, ["u", "redis", "-", "Redis server", "/var/lib/redis"]);
    }
}
