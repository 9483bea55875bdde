//! The control member `conffiles` (deb-conffiles(5)).

use mikron_package::{ArchiveError, RootPath};

/// The longest line that dpkg reads, in bytes, with its line break.
const LONGEST: usize = 997;

/// The configuration files that the archive holds, in the order of the list. Lines flagged `remove-on-upgrade` name files
/// that it does not hold, and are left out.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<RootPath>, ArchiveError> {
    let mut paths = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let start = at;
        at += line.len() as u64;
        let wrong = |reason: &str| ArchiveError::malformed(reason).at(start);
        if line.len() > LONGEST || line.last() != Some(&b'\n') {
            return Err(wrong("a line is too long or lacks its line break"));
        }
        let mut name = line.trim_ascii_end();
        if name.is_empty() {
            continue;
        }
        if name[0] != b'/' {
            let end = name
                .iter()
                .position(u8::is_ascii_whitespace)
                .unwrap_or(name.len());
            let (flag, rest) = name.split_at(end);
            name = rest.trim_ascii_start();
            if name.first() != Some(&b'/') {
                return Err(wrong("a name of a configuration file is not absolute"));
            }
            if flag != b"remove-on-upgrade" {
                return Err(wrong("a configuration file has an unknown flag"));
            }
            continue;
        }
        paths.push(RootPath::new(name).map_err(|error| ArchiveError::new(error).at(start))?);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_listed_in_order_and_flagged_ones_left_out() {
        let text = b"/etc/b.conf \n\nremove-on-upgrade /etc/old.conf\n/etc/a.conf\n";
        let paths: Vec<String> = parse(text)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(paths, ["/etc/b.conf", "/etc/a.conf"]);
    }

    #[test]
    fn what_dpkg_refuses_is_refused() {
        for text in [
            &b"/etc/a"[..],
            b"etc/a\n",
            b"other-flag /etc/a\n",
            b"/etc/../a\n",
        ] {
            assert!(parse(text).is_err(), "{}", text.escape_ascii());
        }
    }
}
