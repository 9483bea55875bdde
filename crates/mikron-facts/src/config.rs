//! What texts say of other files: configuration of what it includes, units of services of what they start.
//!
//! Nobody parses the languages of all servers. What they have in common is a word at the beginning of a line, and a path or a
//! pattern behind it; a line that is taken for such a one by mistake brings nothing, unless a package of the closure has that file.

use mikron_package::{Entry, merged_usr as merged};
use mikron_shell::{Kind, Limits, commands};
use serde::{Deserialize, Serialize};

use crate::script::SHELLS;

/// Words that stand before what configuration includes, in small letters and without the sign that some languages put before
/// them (`!include`, `@include`, `.include`, `$INCLUDE`).
#[rustfmt::skip]
const DIRECTIVES: &[&str] = &[
    // nginx, sshd, bind9, unbound, nsd, knot, redis, lighttpd, php-fpm, samba, squid, logrotate, PAM, dovecot, freeradius, exim4,
    // rsyslog, collectd, monit, openldap, proftpd, tinyproxy, prosody, ld.so.conf, nano, fontconfig; apache2; exim4, postgresql;
    // dovecot; unbound
    "include", "includeoptional", "include_if_exists", "include_try", "include-toplevel",
    // mariadb, sudo, krb5, snmpd, munin, ngircd, dbus; postgresql, asterisk; pdns; ntpsec; icinga2; rsyslog
    "includedir", "include_dir", "include-dir", "includefile", "include_recursive", "includeconfig",
    // chrony, privoxy; dnsmasq; chrony; dbus
    "confdir", "conf-dir", "conf-file", "sourcedir", "servicedir",
    // ifupdown, tmux, mutt; nagios
    "source", "source-directory", "cfg_dir", "cfg_file",
];

/// Endings of configuration that lies elsewhere than in `/etc`.
const ENDINGS: [&[u8]; 6] = [b".conf", b".cnf", b".cf", b".cfg", b".ini", b".dist"];

/// Longest line that is read, in bytes.
const MAX_LINE: usize = 4096;

/// How many mentions of one file count.
const MAX_MENTIONS: usize = 512;

/// A file that a text names, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// What for.
    pub how: How,
    /// A path, a pattern of paths, or a command.
    pub name: String,
}

/// What a text names a file for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Configuration includes it. A path that does not begin with `/` is one below the directory of the file, or of one above.
    Includes,
    /// It is the program of a service: `ExecStart=` (systemd.service(5)).
    Starts,
    /// A service runs it before, after, to reload or to stop.
    Runs,
    /// A service hands its path to a program.
    Hands,
}

/// What the first bytes of a file name.
pub(crate) fn mentions(entry: &Entry, head: &[u8]) -> Vec<Mention> {
    let path = merged(entry.path.as_bytes());
    let is_text = !head.starts_with(b"\x7fELF") && !head.starts_with(b"#!");
    let mut found = Vec::new();
    if path.starts_with(b"usr/lib/systemd/system/") && path.ends_with(b".service") {
        unit(&String::from_utf8_lossy(head), &mut found);
    } else if is_text
        && (path.starts_with(b"etc/") || ENDINGS.iter().any(|ending| path.ends_with(ending)))
    {
        includes(head, &mut found);
    }
    found.truncate(MAX_MENTIONS);
    found
}

fn includes(text: &[u8], found: &mut Vec<Mention>) {
    let mut section = "";
    for line in text.split(|byte| *byte == b'\n') {
        let line = &line[..line.len().min(MAX_LINE)];
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        }
        for name in included(line, section).into_iter().flatten() {
            let mention = Mention {
                how: How::Includes,
                name,
            };
            if !found.contains(&mention) {
                found.push(mention);
            }
        }
        if found.len() > MAX_MENTIONS {
            break;
        }
    }
}

/// What a line includes; `None` where it has no directive.
fn included(line: &str, section: &str) -> Option<Vec<String>> {
    // `#include` is a directive of sudo, snmpd and asterisk; with a blank between, it is a comment in all languages.
    let signs = if line.starts_with("#include") {
        &['#'][..]
    } else {
        &['!', '@', '$', '.', '<', '?', '&', '%']
    };
    let line = line.trim_start_matches(signs);
    let of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = line.find(|c: char| !of_word(c)).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let word = word.to_ascii_lowercase();
    // supervisor: a list of files in a section of its own.
    let in_section = word == "files" && section == "[include]";
    if !in_section && !DIRECTIVES.contains(&word.as_str()) {
        return None;
    }
    let rest = match rest.chars().next()? {
        // `<include ignore_missing="yes">conf.d</include>`; without a text the path is an attribute.
        '>' | ' ' if rest.contains('>') && rest.contains("</") => {
            rest.split('>').nth(1)?.split('<').next()?
        }
        '=' | ':' | '(' | '"' | '\'' | '+' => &rest[1..],
        c if c.is_whitespace() => rest,
        _ => return None,
    };
    let quote = rest.find(['"', '\'']).map(|at| &rest[at..=at]);
    let words: Vec<&str> = if let Some(quote) = quote {
        rest.split(quote).skip(1).step_by(2).collect()
    } else {
        let rest = rest.split(" #").next()?;
        rest.split([' ', '\t', ',', ';', '>', '=', ')']).collect()
    };
    Some(words.into_iter().filter_map(named).collect())
}

/// A path or pattern, where a word is one. What stands for the directory of the configuration (`${confdir}/`) is left away.
fn named(word: &str) -> Option<String> {
    let word = word.trim_end_matches(['"', '\'', ';']);
    let word = match word.strip_prefix('$') {
        Some(rest) => rest.split_once('/')?.1,
        None => word,
    };
    let of_path = |c: char| c.is_ascii_alphanumeric() || "/._-+*?[]@:".contains(c);
    let good = !word.is_empty()
        && word.len() < 256
        && word.chars().all(of_path)
        && !word.contains("..")
        && word.contains(|c: char| c.is_ascii_alphanumeric());
    good.then(|| word.to_owned())
}

/// What a unit of a service runs (systemd.service(5)).
fn unit(text: &str, found: &mut Vec<Mention>) {
    for line in text.replace("\\\n", " ").lines() {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let how = match key.trim() {
            "ExecStart" => How::Starts,
            "ExecStartPre" | "ExecStartPost" | "ExecCondition" | "ExecReload" | "ExecStop"
            | "ExecStopPost" => How::Runs,
            _ => continue,
        };
        let value = value.trim();
        let command = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
        let mut words = words(command).into_iter();
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            continue;
        };
        let shell = SHELLS.contains(&program.rsplit('/').next().unwrap_or_default());
        let mut add = |how, name: String| {
            let mention = Mention { how, name };
            if found.len() < MAX_MENTIONS && !found.contains(&mention) {
                found.push(mention);
            }
        };
        add(how, program);
        while let Some(word) = words.next() {
            let letters = word.strip_prefix('-').unwrap_or_default();
            if shell && letters.ends_with('c') && !letters.starts_with('-') {
                let script = words.next().unwrap_or_default().replace("$$", "$");
                for call in commands(&mikron_shell::parse(script.as_bytes(), &Limits::default())) {
                    let name = call.words.first().filter(|word| word.literal);
                    if let Some(name) = name
                        && call.kind == Kind::Command
                    {
                        add(how, name.text.clone());
                    }
                }
            } else if word.starts_with('/') && named(&word).is_some() {
                add(How::Hands, word);
            }
        }
    }
}

/// Splits a command as systemd does: at blanks, with quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut started) = (String::new(), None, false);
    for c in line.chars().take(MAX_LINE) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => (quote, started) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if started || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            (_, c) => word.push(c),
        }
    }
    if started || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use mikron_package::{EntryKind, RootPath};

    fn of(path: &str, text: &str) -> Vec<(How, String)> {
        let path = RootPath::new(path.as_bytes()).expect("a path");
        let entry = Entry::new(path, EntryKind::File { size: 1 }, 0o644);
        let found = mentions(&entry, text.as_bytes()).into_iter();
        found.map(|mention| (mention.how, mention.name)).collect()
    }

    #[test]
    fn every_server_has_its_way_to_include() {
        for (line, names) in [
            (
                "include /etc/nginx/conf.d/*.conf;",
                &["/etc/nginx/conf.d/*.conf"][..],
            ),
            (
                "    include snippets/fastcgi-php.conf; # as ever",
                &["snippets/fastcgi-php.conf"],
            ),
            (
                "IncludeOptional mods-enabled/*.load",
                &["mods-enabled/*.load"],
            ),
            (
                "!include_try /usr/share/dovecot/protocols.d/*.protocol",
                &["/usr/share/dovecot/protocols.d/*.protocol"],
            ),
            ("!include conf.d/*.conf", &["conf.d/*.conf"]),
            ("!includedir /etc/mysql/conf.d/", &["/etc/mysql/conf.d/"]),
            ("@include common-auth", &["common-auth"]),
            ("@includedir /etc/sudoers.d", &["/etc/sudoers.d"]),
            ("#includedir /etc/sudoers.d", &["/etc/sudoers.d"]),
            ("$INCLUDE ${confdir}/mods-enabled/", &["mods-enabled/"]),
            (
                "$IncludeConfig /etc/rsyslog.d/*.conf",
                &["/etc/rsyslog.d/*.conf"],
            ),
            (
                "include(file=\"/etc/rsyslog.d/*.conf\" mode=\"optional\")",
                &["/etc/rsyslog.d/*.conf", "optional"],
            ),
            (
                "include \"/etc/bind/named.conf.options\";",
                &["/etc/bind/named.conf.options"],
            ),
            (
                "include-toplevel: \"/etc/unbound/unbound.conf.d/*.conf\"",
                &["/etc/unbound/unbound.conf.d/*.conf"],
            ),
            (
                "include=/etc/php/8.2/fpm/pool.d/*.conf",
                &["/etc/php/8.2/fpm/pool.d/*.conf"],
            ),
            ("include_dir = 'conf.d'", &["conf.d"]),
            (
                "conf-dir=/etc/dnsmasq.d/,*.conf",
                &["/etc/dnsmasq.d/", "*.conf"],
            ),
            ("confdir /etc/chrony/conf.d", &["/etc/chrony/conf.d"]),
            (
                "<Include \"/etc/collectd/collectd.conf.d\">",
                &["/etc/collectd/collectd.conf.d"],
            ),
            (
                "<include ignore_missing=\"yes\">conf.d</include>",
                &["conf.d"],
            ),
            ("<includedir>system.d</includedir>", &["system.d"]),
            (
                "source /etc/network/interfaces.d/*",
                &["/etc/network/interfaces.d/*"],
            ),
            (
                ".include_if_exists /etc/exim4/exim4.conf.localmacros",
                &["/etc/exim4/exim4.conf.localmacros"],
            ),
        ] {
            let found: Vec<String> = of("/etc/x.conf", line)
                .into_iter()
                .map(|(_, name)| name)
                .collect();
            assert_eq!(found, names, "{line}");
        }
        for line in [
            "# include /etc/x/*.conf",
            "#conf-dir=/etc/dnsmasq.d",
            "includes = /etc/x",
            "user www-data;",
            "include ../up.conf",
            "files = /etc/x",
        ] {
            assert!(of("/etc/x.conf", line).is_empty(), "{line}");
        }
        let list = "[include]\nfiles = /etc/supervisor/conf.d/*.conf\n";
        assert_eq!(
            of("/etc/supervisor/supervisord.conf", list)[0].1,
            "/etc/supervisor/conf.d/*.conf"
        );
        assert!(of("/usr/share/doc/x/README", "include /etc/x").is_empty());
    }

    #[test]
    fn a_unit_says_what_it_starts_and_what_it_runs_beside() {
        let text = "[Service]\nExecStartPre=-/usr/bin/install -d /run/x\nExecStart=/bin/sh -c 'exec \"/usr/lib/x/run\" --all' \\\n  a\n\
                    ExecReload=/bin/kill -HUP $MAINPID\nUser=x\n";
        let found = of("/lib/systemd/system/x.service", text);
        let expected = [
            (How::Runs, "/usr/bin/install"),
            (How::Hands, "/run/x"),
            (How::Starts, "/bin/sh"),
            (How::Starts, "/usr/lib/x/run"),
            (How::Runs, "/bin/kill"),
        ];
        let expected = expected.map(|(how, name)| (how, name.to_owned()));
        assert_eq!(found, expected);
    }
}
