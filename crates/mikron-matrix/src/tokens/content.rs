//! Modules of interpreted languages and descriptions for pkg-config, by where their files lie.

use mikron_select::{ModuleKind, Token};

/// The token that the existence of a file at this path provides; paths are those of the merged tree.
///
/// Only what a program can ask for by name counts: the top of a package's tree of modules for Python and Node.js, every
/// module for Perl, which has one file for each.
pub(super) fn provided_by_path(path: &[u8]) -> Option<Token> {
    let text = std::str::from_utf8(path).ok()?;
    let rest = text.strip_prefix("usr/")?;
    let (_, name) = rest.rsplit_once('/')?;
    let module = |kind, name: &str| Some(Token::Module(kind, name.to_owned()));
    if let Some(stem) = name.strip_suffix(".pc")
        && rest.contains("/pkgconfig/")
    {
        return Some(Token::PkgConfig(stem.to_owned()));
    }
    if let Some(stem) = name.strip_suffix(".jar") {
        return module(ModuleKind::Jar, stem);
    }
    if let Some(stem) = name.strip_suffix(".gemspec")
        && rest.contains("/specifications/")
    {
        let (gem, version) = stem.rsplit_once('-')?;
        let is_version = version.starts_with(|c: char| c.is_ascii_digit());
        return module(ModuleKind::Gem, if is_version { gem } else { stem });
    }
    if let Some(below) = behind(rest, &["/dist-packages/", "/site-packages/"]) {
        return python(below);
    }
    if let Some(stem) = rest.strip_suffix(".pm") {
        return module(ModuleKind::Perl, &perl(stem)?);
    }
    if name == "package.json" {
        let below = behind(
            rest,
            &[
                "share/nodejs/",
                "lib/nodejs/",
                "lib/node_modules/",
                "/nodejs/",
            ],
        )?;
        let top = below.strip_suffix("/package.json")?;
        let depth = top.matches('/').count();
        let scoped = top.starts_with('@');
        return (depth == usize::from(scoped))
            .then(|| Token::Module(ModuleKind::Node, top.to_owned()));
    }
    None
}

/// What follows the first of these parts that the path has.
fn behind<'a>(path: &'a str, parts: &[&str]) -> Option<&'a str> {
    parts
        .iter()
        .find_map(|part| path.split_once(part).map(|(_, below)| below))
}

/// The module or distribution that a path below `dist-packages` stands for.
fn python(below: &str) -> Option<Token> {
    let (top, inside) = match below.split_once('/') {
        Some((top, inside)) => (top, Some(inside)),
        None => (below, None),
    };
    for suffix in [".dist-info", ".egg-info"] {
        if let Some(stem) = top.strip_suffix(suffix) {
            // NAME-VERSION, and for eggs -pyX.Y behind it; a name has its own hyphens replaced by underscores.
            let named = matches!(inside, None | Some("METADATA" | "PKG-INFO"));
            let name = stem.split('-').next().filter(|name| !name.is_empty())?;
            return named.then(|| Token::Module(ModuleKind::PythonDist, name.to_owned()));
        }
    }
    let name = match inside {
        Some("__init__.py") => top,
        Some(_) => return None,
        None => match top.strip_suffix(".py") {
            Some(stem) => stem,
            // NAME.cpython-311-x86_64-linux-gnu.so
            None => top.strip_suffix(".so")?.split('.').next()?,
        },
    };
    let identifier = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (identifier && !name.is_empty()).then(|| Token::Module(ModuleKind::Python, name.to_owned()))
}

/// The name of the Perl module at a path without its suffix: what follows the directories of `@INC`.
fn perl(path: &str) -> Option<String> {
    let mut parts = path
        .split('/')
        .skip_while(|part| !part.starts_with("perl"))
        .peekable();
    parts.next()?;
    // The version, and the directories of modules that belong to a program or to the core.
    while parts.peek().is_some_and(|part| {
        part.starts_with(|c: char| c.is_ascii_digit())
            || matches!(
                *part,
                "perl-base" | "vendor_perl" | "site_perl" | "core_perl"
            )
    }) {
        parts.next();
    }
    let parts: Vec<&str> = parts.collect();
    Some(parts.join("::")).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(path: &str) -> Option<String> {
        provided_by_path(path.as_bytes()).map(|token| token.to_string())
    }

    #[test]
    fn a_path_says_which_module_it_is() {
        for (path, expected) in [
            (
                "usr/lib/python3/dist-packages/requests/__init__.py",
                "python(requests)",
            ),
            ("usr/lib/python3/dist-packages/six.py", "python(six)"),
            (
                "usr/lib/python3/dist-packages/_cffi_backend.cpython-311-x86_64-linux-gnu.so",
                "python(_cffi_backend)",
            ),
            (
                "usr/lib/python3/dist-packages/requests-2.28.1.dist-info/METADATA",
                "python-dist(requests)",
            ),
            (
                "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO",
                "python-dist(PyYAML)",
            ),
            (
                "usr/lib/python3/dist-packages/gyp-0.1.egg-info",
                "python-dist(gyp)",
            ),
            ("usr/share/perl5/LWP/UserAgent.pm", "perl(LWP::UserAgent)"),
            ("usr/share/perl/5.36.0/File/Find.pm", "perl(File::Find)"),
            (
                "usr/lib/x86_64-linux-gnu/perl-base/Socket.pm",
                "perl(Socket)",
            ),
            ("usr/lib/x86_64-linux-gnu/perl5/5.36/DBI.pm", "perl(DBI)"),
            ("usr/share/perl5/vendor_perl/URI.pm", "perl(URI)"),
            (
                "usr/share/rubygems-integration/all/specifications/rake-13.0.6.gemspec",
                "gem(rake)",
            ),
            (
                "usr/share/rubygems-integration/all/specifications/net-telnet.gemspec",
                "gem(net-telnet)",
            ),
            (
                "usr/share/java/commons-io-2.11.0.jar",
                "jar(commons-io-2.11.0)",
            ),
            ("usr/share/nodejs/express/package.json", "node(express)"),
            (
                "usr/share/nodejs/@types/node/package.json",
                "node(@types/node)",
            ),
            (
                "usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc",
                "pkgconfig(zlib)",
            ),
        ] {
            assert_eq!(token(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_no_program_asks_for_by_name_is_no_module() {
        for path in [
            "usr/lib/python3/dist-packages/requests/models.py",
            "usr/lib/python3/dist-packages/requests-2.28.1.dist-info/RECORD",
            "usr/lib/python3/dist-packages/not-a-name.py",
            "usr/share/nodejs/express/lib/package.json",
            "usr/share/nodejs/express/node_modules/a/package.json",
            "usr/share/doc/x/zlib.pc",
            "etc/perl/.pm",
            "usr/bin/perl",
        ] {
            assert_eq!(token(path), None, "{path}");
        }
    }
}
