//! The edge at which errors become text: what failed, where, why, and what to do.

mod unfound;

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Snippet};
use mikron::Builder;
use mikron::matrix::{Violation, ViolationKind};
use mikron::package::Platform;
use mikron::solve::{Asker, MissingRoot, SolveError};
use mikron::spec::{Document, SpecError, SpecErrorKind};

use crate::text::{Style, printable};

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The libraries say so.
    Mikron(Box<mikron::Error>),
    /// The spec names packages that no source has: an error at each place, and what comes near.
    Missing(Vec<(SpecError, Vec<String>)>),
    /// The cache.
    Cache(mikron::source::cache::CacheError),
    /// Running an image.
    Run(mikron_run::RunError),
    /// A first spec.
    First(mikron::FirstSpecError),
    /// Trying one.
    Try(mikron_try::TryError),
    /// Writing the result.
    Output(io::Error),
    /// The command itself, with what can be done.
    Command { message: String, help: String },
}

impl Failure {
    /// Whether the reader of our output has had enough, which is no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether a signal ended the work.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::Mikron(error) if matches!(**error, mikron::Error::Cancelled))
    }

    /// An error of the libraries, shown at its place in the spec where it has one.
    pub(crate) fn of(error: mikron::Error, builder: &Builder) -> Self {
        if let mikron::Error::Variant { variant, error } = error {
            // What stands at a place needs no name.
            let of_variant = builder.clone().variant(&variant);
            return match of_variant.map(|builder| Self::of(*error, &builder)) {
                Ok(Self::Mikron(error)) if !matches!(*error, mikron::Error::Spec(_)) => {
                    mikron::Error::Variant { variant, error }.into()
                }
                Ok(placed) => placed,
                Err(error) => error.into(),
            };
        }
        let document = builder.text().document();
        if is_of_pair(&error) && !document.text.is_empty() {
            let kind = SpecErrorKind::Invalid(error.to_string());
            let error = document.error_at(&["pair"], kind, help(&error));
            return mikron::Error::from(error).into();
        }
        if let mikron::Error::Solve {
            platform,
            error: SolveError::Missing(missing),
        } = &error
        {
            let all: Option<Vec<_>> = missing
                .iter()
                .map(|one| missing_package(&document, *platform, one))
                .collect();
            if let Some(all) = all {
                return Self::Missing(all);
            }
        }
        error.into()
    }

    /// The failure in words, without a newline at the end.
    pub(crate) fn render(&self, style: Style) -> String {
        match self {
            Self::Mikron(error) => match &**error {
                mikron::Error::Spec(error) => spec(error, &[], style),
                error => plain(&message(error), help(error).as_deref(), style),
            },
            Self::Missing(all) => {
                let one = |(error, notes): &(SpecError, Vec<String>)| spec(error, notes, style);
                all.iter().map(one).collect::<Vec<_>>().join("\n\n")
            }
            Self::Cache(error) => plain(&error.to_string(), None, style),
            Self::First(error) => plain(&error.to_string(), None, style),
            Self::Run(error) => plain(&error.to_string(), None, style),
            Self::Try(error) => plain(&error.to_string(), None, style),
            Self::Output(error) => plain(&format!("cannot write the result: {error}"), None, style),
            Self::Command { message, help } => plain(message, Some(help), style),
        }
    }
}

impl From<mikron::Error> for Failure {
    fn from(error: mikron::Error) -> Self {
        Self::Mikron(Box::new(error))
    }
}

impl From<mikron::source::cache::CacheError> for Failure {
    fn from(error: mikron::source::cache::CacheError) -> Self {
        Self::Cache(error)
    }
}

impl From<mikron_run::RunError> for Failure {
    fn from(error: mikron_run::RunError) -> Self {
        Self::Run(error)
    }
}

impl From<mikron::FirstSpecError> for Failure {
    fn from(error: mikron::FirstSpecError) -> Self {
        Self::First(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// A warning in words.
pub(crate) fn warning(message: &str, style: Style) -> String {
    titled(Level::WARNING, message, None, style)
}

/// The error and those behind it, as far as they say something new.
fn message(error: &mikron::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..8 {
        let Some(inner) = source else { break };
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str("\n  because: ");
            text.push_str(&said);
        }
        source = inner.source();
    }
    text
}

/// What a person can do, where the error does not say it itself.
fn help(error: &mikron::Error) -> Option<String> {
    use mikron::source::SourceErrorKind;
    use mikron::source::download::DownloadError;
    use mikron::{Error, SourceFault};
    match error {
        Error::Stale { .. } => {
            Some("renew the lock with `mikron lock`, or build without --locked".to_owned())
        }
        Error::Source(SourceFault::Download(DownloadError::Offline { .. })) => {
            Some("run once without --offline, so that the cache has it".to_owned())
        }
        Error::Source(SourceFault::Repository(error)) => match &*error.kind {
            SourceErrorKind::Unplaced { archives } => {
                let file = mikron::source::Environment::of_process().config_file();
                Some(placing(archives, file.as_deref()))
            }
            _ => None,
        },
        Error::UnknownPlatform { platform, known } => {
            let mut all: Vec<String> = known.iter().map(ToString::to_string).collect();
            all.push(platform.to_string());
            Some(format!(
                "add it to the spec: `platforms: [{}]`",
                all.join(", ")
            ))
        }
        Error::Pair { pair, .. } => Some(format!(
            "give both the same sources, as in a file that both extend, and renew the lock that is older with `mikron lock --update` ({pair}, or this one)"
        )),
        Error::PairOfBuilds { .. } => {
            Some("name the spec of the image that runs what is built here".to_owned())
        }
        Error::PairWithoutPlatform { pair, .. } => {
            Some(format!("add it to `platforms` of {pair}, or leave it out here"))
        }
        Error::Variant { error, .. } => help(error),
        Error::SeveralVariants(_) => Some(
            "choose one with --variant NAME; a layout (`-o oci:DIR`) holds all of them, each with its tag".to_owned(),
        ),
        Error::UnknownVariant { variant, known } => Some(
            match mikron::spec::nearest(variant, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "add it to the spec: `variants: { NAME: { … } }`".to_owned(),
                None => format!("it has {}", known.join(", ")),
            },
        ),
        // Each of these says by itself what to do.
        Error::NotClosed {
            missing,
            violations,
            ..
        } if missing.is_empty() => newer(violations),
        Error::NotClosed { near, .. } if near.len() == 1 => {
            Some(format!("did you mean `{}`?", near[0]))
        }
        Error::NotClosed { near, .. } if !near.is_empty() => Some(format!(
            "the packages of the spec have {}; name the package that has the program, or one of these",
            near.iter().map(|program| format!("`{program}`")).collect::<Vec<_>>().join(", ")
        )),
        Error::Scripts { .. } => Some(
            "a table of `installation` says what a command means; `strict: false` takes it as it is"
                .to_owned(),
        ),
        Error::NotClosed { unfound, .. } => Some(unfound::help(unfound).unwrap_or_else(|| {
            "name the package that has it among the spec's packages; `mikron explain` shows why each file is there"
                .to_owned()
        })),
        _ => None,
    }
}

/// Whether an error is about the spec that another one is paired with.
fn is_of_pair(error: &mikron::Error) -> bool {
    use mikron::Error;
    matches!(
        error,
        Error::Pair { .. } | Error::PairOfBuilds { .. } | Error::PairWithoutPlatform { .. }
    )
}

/// Where a library is too old for a program: the releases that can be taken by name.
fn newer(violations: &[Violation]) -> Option<String> {
    let is_old = |one: &Violation| matches!(one.kind, ViolationKind::SymbolVersion { .. });
    violations.iter().any(is_old).then(|| {
        let known = mikron::source::preset::Preset::known();
        format!(
            "releases that a source can name are {}, from old to new",
            known.join(", ")
        )
    })
}

/// How to say where archives of a distribution lie: every way, to be copied.
fn placing(archives: &[String], file: Option<&Path>) -> String {
    let each = |line: &dyn Fn(&String) -> String, between: &str| {
        archives.iter().map(line).collect::<Vec<_>>().join(between)
    };
    let options = each(&|name| format!("--mirror {name}=URL"), " ");
    let set = each(
        &|name| format!("    mikron config set mirror.{name} URL"),
        "\n",
    );
    let lines = each(&|name| format!("{name}: [URL]"), ", ");
    let variables = each(
        &|name| format!("{}=URL", mikron::source::preset::mirror_variable(name)),
        " ",
    );
    let file = file.map_or_else(String::new, |file| {
        format!(
            "    (which writes `mirrors: {{ {lines} }}` into {})\n",
            file.display()
        )
    });
    format!(
        "name a mirror of {}, a URL below which its `dists` lies, in one of these ways\n\
         \x20 for this run:\n    {options}\n  for all runs of this user:\n{set}\n{file}\
         \x20 in the environment:\n    {variables}\n  in the spec, beside `deb`:\n    mirrors: {{ {} }}",
        if archives.len() == 1 { "it" } else { "each" },
        each(&|name| format!("{name}: URL"), ", "),
    )
}

fn plain(message: &str, help: Option<&str>, style: Style) -> String {
    titled(Level::ERROR, message, help, style)
}

/// The first line as title; further lines as they are.
fn titled(level: Level<'_>, message: &str, help: Option<&str>, style: Style) -> String {
    let message = printable(message);
    let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let renderer = style.renderer();
    let render = |level: Level<'_>, title: &str| {
        renderer.render(&[Group::with_title(level.primary_title(title.trim_end()))])
    };
    let mut text = render(level, title);
    if !rest.is_empty() {
        text.push('\n');
        text.push_str(rest.trim_end());
    }
    if let Some(help) = help {
        let (first, more) = help.split_once('\n').unwrap_or((help, ""));
        text.push('\n');
        text.push_str(&render(Level::HELP, first));
        if !more.is_empty() {
            text.push('\n');
            text.push_str(&printable(more));
        }
    }
    text
}

/// An error of a spec or a lock, with the line in question.
fn spec(error: &SpecError, notes: &[String], style: Style) -> String {
    let message = printable(&error.message());
    let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let file = printable(&error.file);
    let title = Level::ERROR.primary_title(title);
    let snippet = snippet_of(error);
    let mut group = if error.at.line == 0 {
        title.element(annotate_snippets::Origin::path(&*file))
    } else {
        let (source, span) = &snippet;
        let annotation = AnnotationKind::Primary.span(span.clone());
        let snippet = Snippet::source(source)
            .path(&*file)
            .line_start(error.at.line);
        title.element(snippet.annotation(annotation))
    };
    if !rest.is_empty() {
        group = group.element(Level::NOTE.message(rest));
    }
    let notes: Vec<String> = notes.iter().map(|note| printable(note)).collect();
    for note in &notes {
        group = group.element(Level::NOTE.message(note));
    }
    let help = error.help.as_deref().map(printable);
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help));
    }
    style.renderer().render(&[group])
}

/// A package that no source has, at its place in the spec; `None` where the text does not have the place.
fn missing_package(
    document: &Document<'_>,
    platform: Platform,
    missing: &MissingRoot,
) -> Option<(SpecError, Vec<String>)> {
    let item = match missing.request.asker {
        Asker::Item(item) | Asker::Slices { item, .. } => item,
        Asker::Provider(_) | Asker::Found(_) | Asker::Base(_) | Asker::Name(_) => return None,
    };
    if document.text.is_empty() {
        return None;
    }
    let requirement = &missing.request.requirement;
    let kind = SpecErrorKind::Invalid(format!("no source has `{requirement}` for {platform}"));
    let mut notes = missing.notes();
    if let Asker::Slices { chain, .. } = &missing.request.asker {
        notes.push(format!("a slice of it is needed: {}", chain.join(" → ")));
    }
    let help = missing.remedies().into_iter().next();
    let error = document.error_at(&["packages", &item.to_string()], kind, help);
    Some((error, notes))
}

/// The offending line and the bytes of it in question. Escapes may have made it longer, so that both are made together.
fn snippet_of(error: &SpecError) -> (String, std::ops::Range<usize>) {
    let before: String = error
        .at
        .snippet
        .chars()
        .take(error.at.column.saturating_sub(1))
        .collect();
    let rest = &error.at.snippet[before.len()..];
    let marked: String = rest.chars().take(error.at.length.max(1)).collect();
    let start = printable(&before).len();
    let end = start + printable(&marked).len();
    (printable(&error.at.snippet), start..end)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::of(crate::arguments::Color::Never)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_mirror_is_told_every_way_to_name_one_to_be_copied() {
        let archives = vec!["debian".to_owned(), "debian-security".to_owned()];
        let file = Path::new("/home/me/.config/mikron/config.yaml");
        let help = placing(&archives, Some(file));
        let message = "source debian (trixie): no location is known of the archives …";
        let style = Style::of(crate::arguments::Color::Never);
        insta::assert_snapshot!(plain(message, Some(&help), style));
        let one = placing(&archives[..1], None);
        assert!(
            !one.contains("security") && !one.contains("config.yaml"),
            "{one}"
        );
    }
}
