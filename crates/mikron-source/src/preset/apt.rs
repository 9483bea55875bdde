//! The machine's apt sources (sources.list(5)), as far as they say where a distribution is.

use std::path::Path;

/// A source of binary packages that apt uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AptSource {
    /// Base URLs, without a slash at the end.
    pub urls: Vec<String>,
    /// Suites.
    pub suites: Vec<String>,
    /// Components.
    pub components: Vec<String>,
}

/// Reads a file of apt's: `.sources` in deb822 style, everything else in one-line style. What is malformed, disabled, for
/// source packages only, or fetched by a method that is not ours, is left out: apt is the one to complain.
///
/// ```
/// use mikron_source::preset::parse_apt_sources;
/// let sources = parse_apt_sources(
///     "sources.list".as_ref(),
///     "deb [arch=amd64 signed-by=/x] http://example.org/debian/ bookworm main # comment\n",
/// );
/// assert_eq!(sources[0].urls, ["http://example.org/debian"]);
/// assert_eq!(sources[0].suites, ["bookworm"]);
/// ```
pub fn parse_apt_sources(path: &Path, text: &str) -> Vec<AptSource> {
    let mut sources = if path.extension().is_some_and(|e| e == "sources") {
        deb822(text)
    } else {
        text.lines().filter_map(one_line).collect()
    };
    for source in &mut sources {
        for url in &mut source.urls {
            *url = url.trim_end_matches('/').to_owned();
        }
        let ours = |url: &String| {
            ["http://", "https://", "file:/"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
        };
        source.urls.retain(ours);
    }
    sources.retain(|source| !source.urls.is_empty());
    sources
}

fn one_line(line: &str) -> Option<AptSource> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    // `deb-src` and `debfoo` are something else.
    let mut rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    if rest.starts_with('[') {
        rest = rest.split_once(']')?.1.trim_start();
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    let (url, suite) = (words.next()?, words.next()?);
    Some(AptSource {
        urls: vec![url],
        suites: vec![suite],
        components: words.collect(),
    })
}

fn deb822(text: &str) -> Vec<AptSource> {
    let mut sources = Vec::new();
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(stanza_source(&stanza));
            stanza.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            stanza.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    sources
}

fn stanza_source(stanza: &[(String, String)]) -> Option<AptSource> {
    let value = |name: &str| {
        stanza
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    };
    let words = |name: &str| {
        let value = value(name).unwrap_or_default();
        value
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let disabled = value("enabled")
        .is_some_and(|v| matches!(v, "no" | "false" | "0" | "off" | "without" | "disable"));
    if disabled || !words("types").iter().any(|t| t == "deb") {
        return None;
    }
    Some(AptSource {
        urls: words("uris"),
        suites: words("suites"),
        components: words("components"),
    })
}

/// The base URLs that serve a suite, or another of the same archive. Repositories of other vendors like to have the same suites:
/// those whose path ends in the archive's own name come first, and the signature decides in the end.
pub(super) fn bases_for(
    sources: &[AptSource],
    archive: &str,
    suite: &str,
    is_beside: impl Fn(&str) -> bool,
) -> Vec<String> {
    let has = |source: &AptSource, wanted: &dyn Fn(&str) -> bool| {
        let mut suites = source.suites.iter();
        suites.any(|suite| wanted(suite.trim_end_matches('/')))
            && source
                .components
                .iter()
                .any(|c| c == "main" || c == "updates/main")
    };
    let exact = |served: &str| served == suite;
    let (those, others): (Vec<_>, Vec<_>) = sources.iter().partition(|s| has(s, &exact));
    let others = others.into_iter().filter(|source| has(source, &is_beside));
    let mut urls: Vec<String> = those
        .into_iter()
        .chain(others)
        .flat_map(|s| s.urls.iter().cloned())
        .collect();
    urls.sort_by_key(|url| url.rsplit('/').next() != Some(archive));
    let mut seen = std::collections::BTreeSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_say_where_a_suite_is() {
        let deb822 = "Types: deb deb-src\n# a comment\nURIs: http://a.example.org/debian/\n http://b.example.org/debian\n\
                      Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /x.gpg\n\n\
                      Types: deb-src\nURIs: http://c.example.org\nSuites: bookworm\nComponents: main\n\n\
                      Enabled: no\nTypes: deb\nURIs: http://d.example.org\nSuites: bookworm\nComponents: main\n";
        let mut sources = parse_apt_sources("x.sources".as_ref(), deb822);
        assert_eq!(sources.len(), 1);
        let list = "# deb http://off.example.org bookworm main\ndeb-src http://src.example.org bookworm main\n\
                    deb http://vendor.example.org/apt bookworm main\ndeb cdrom:[x]/ bookworm main\n\
                    deb http://docker.example.org/linux/debian bookworm stable\n\
                    deb [trusted=yes] http://e.example.org/debian-security bookworm-security main contrib\n";
        sources.splice(0..0, parse_apt_sources("x.list".as_ref(), list));
        let own = ["http://a.example.org/debian", "http://b.example.org/debian"];
        let bases = |archive, suite: &str| bases_for(&sources, archive, suite, |_| false);
        assert_eq!(bases("debian", "bookworm-updates"), own);
        assert_eq!(
            bases("debian", "bookworm"),
            [own[0], own[1], "http://vendor.example.org/apt"]
        );
        assert_eq!(
            bases("debian-security", "bookworm-security"),
            ["http://e.example.org/debian-security"]
        );
    }
}
